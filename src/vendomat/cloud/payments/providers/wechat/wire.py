"""WeChat Pay v3 as values: what we send, and what its answers mean. Pure; no signature is checked here.

A word we do not know (a new state, an unlisted error code) is never guessed at: it means UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from vendomat.cloud.payments.providers.contract import (
    CameBack,
    Refunded,
    RefundRequest,
    RefundState,
    Trade,
    TradeState,
)
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.limits import CURRENCY, cut_to_bytes
from vendomat.kernel import Money, VendomatError

TRADE_STATES = {
    "NOTPAY": TradeState.NOT_PAID,
    "SUCCESS": TradeState.PAID,
    "REFUND": TradeState.PAID,  # also after a partial refund: money was taken
    "CLOSED": TradeState.CLOSED,
}
"""States of an offered order. Those of charges do not belong here."""

CHARGE_STATES = TRADE_STATES | {
    "USERPAYING": TradeState.NOT_PAID,
    "PAYERROR": TradeState.NOT_PAID,  # failed; a reverse makes that final
    "REVOKED": TradeState.CLOSED,  # reversed: what had been taken is given back
}

REFUND_STATES = {
    "PROCESSING": RefundState.PROCESSING,
    "SUCCESS": RefundState.SUCCEEDED,
    "CLOSED": RefundState.CLOSED,
    "ABNORMAL": RefundState.ABNORMAL,
}

_CAME_BACK = {"商户结算银行账户": CameBack.BANK, "商户基本账户": CameBack.BALANCE}
"""What the platform calls a refund's receiver when that is the merchant."""

REFUND_REFUSALS = frozenset(
    {
        "PARAM_ERROR",
        "INVALID_REQUEST",
        "SIGN_ERROR",
        "NO_AUTH",
        "MCH_NOT_EXISTS",
        "NOT_ENOUGH",
        "RESOURCE_NOT_EXISTS",
    }
)
"""Codes that mean "not accepted", once a look-up has confirmed that no refund of the number exists."""

REFUND_NEVERS = frozenset({"USER_ACCOUNT_ABNORMAL", "TRADE_OVERDUE"})
REFUNDABLE = timedelta(days=365)
"""As `REFUND_REFUSALS`, and asking again is of no use: the buyer's account cannot take it, or a year has passed."""


class _Amount(msgspec.Struct):
    total: int
    currency: str = CURRENCY


class _Payer(msgspec.Struct):
    openid: str = ""


class _TradeAnswer(msgspec.Struct):
    appid: str
    mchid: str
    out_trade_no: str
    trade_state: str
    trade_state_desc: str = ""
    transaction_id: str = ""
    success_time: str = ""
    amount: _Amount | None = None
    payer: _Payer = msgspec.field(default_factory=_Payer)


class _RefundAmount(msgspec.Struct):
    refund: int
    total: int
    currency: str = CURRENCY


class _RefundAnswer(msgspec.Struct):
    out_refund_no: str
    out_trade_no: str
    transaction_id: str
    refund_id: str
    status: str
    amount: _RefundAmount
    user_received_account: str = ""


class _RefundNotice(msgspec.Struct):
    """As the answer, but with the state under another name, and with the account."""

    mchid: str
    out_refund_no: str
    out_trade_no: str
    refund_id: str
    refund_status: str
    amount: _RefundAmount
    user_received_account: str = ""


class _ErrorAnswer(msgspec.Struct):
    code: str
    message: str = ""


class _Resource(msgspec.Struct):
    algorithm: str
    ciphertext: str
    nonce: str
    associated_data: str = ""


class NoticeEnvelope(msgspec.Struct):
    """The outer, signed but unencrypted part of a notice."""

    id: str
    event_type: str
    resource_type: str
    resource: _Resource


Shape = Any


def decode(body: bytes | str, shape: type[Shape]) -> Shape:
    """Strict JSON into `shape`; anything else is `NotKnownError`."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotKnownError(f"malformed: {error}") from error


def refund_order(request: RefundRequest) -> dict[str, Any]:
    """Keyword arguments of the library's `refund`; by our number if there is one, always with a notify address."""
    by_number = {"out_trade_no": request.payment_number}
    return {
        **({"transaction_id": request.transaction_id} if request.is_by_transaction else by_number),
        "out_refund_no": request.refund_number,
        "amount": {
            "refund": request.amount.minor_units,
            "total": request.payment_amount.minor_units,
            "currency": request.amount.currency,
        },
        "reason": cut_to_bytes(request.reason, 80),
        "notify_url": request.notify_url,
    }


def error_code(status: int, body: bytes | str) -> str:
    """The `code` of an error answer, or `HTTP_<status>` when it carries none."""
    try:
        return str(decode(body, _ErrorAnswer).code) or f"HTTP_{status}"
    except NotKnownError:
        return f"HTTP_{status}"


def error_text(status: int, body: bytes | str) -> str:
    """Code and message for people, at most 200 characters."""
    try:
        answer = decode(body, _ErrorAnswer)
    except NotKnownError:
        return f"HTTP_{status}"
    return f"{answer.code or f'HTTP_{status}'}: {answer.message}"[:200]


KEY_REFUSALS = frozenset({"SIGN_ERROR", "MCH_NOT_EXISTS", "NO_AUTH", "APPID_MCHID_NOT_MATCH"})
"""Error codes of a request whose merchant, key or rights the platform does not take."""


def is_definite(status: int) -> bool:
    """Whether the platform answered the question itself: a 4xx that is not "slow down". Asking on makes sense."""
    return 400 <= status < 500 and status != 429


@dataclass(frozen=True, slots=True)
class Account:
    """Whose trades are believed."""

    mchid: str
    appid: str


def read_trade(
    status: int, body: bytes | str, number: str, account: Account, *, states: Mapping[str, TradeState] = TRADE_STATES
) -> Trade:
    """The answer to a query by our number."""
    if status == 200:
        try:
            trade = trade_of(body, account, states)
        except NotKnownError as doubt:
            return Trade(TradeState.UNKNOWN, number, error=doubt.reason)
        if trade.number != number:
            return Trade(TradeState.UNKNOWN, number, error="the answer is about another number")
        return trade
    code, error = error_code(status, body), error_text(status, body)
    if status == 404 and code == "ORDER_NOT_EXIST":
        return Trade(TradeState.NOT_FOUND, number, error=error)
    is_about_keys = status == 401 or code in KEY_REFUSALS
    return Trade(TradeState.UNKNOWN, number, error=error, is_about_keys=is_about_keys)


def trade_of(body: bytes | str, account: Account, states: Mapping[str, TradeState] = TRADE_STATES) -> Trade:
    """A verified query answer or notice resource. Raises `NotKnownError` when it is not about this account."""
    answer = decode(body, _TradeAnswer)
    if (answer.mchid, answer.appid) != (account.mchid, account.appid):
        raise NotKnownError("the trade belongs to another account")
    state = states.get(answer.trade_state)
    if state is None:
        raise NotKnownError(f"trade_state {answer.trade_state!r} is not one of this kind of order")
    if answer.amount is not None and answer.amount.currency != CURRENCY:
        raise NotKnownError(f"the trade is in {answer.amount.currency!r}")
    if state is TradeState.PAID and not (answer.amount and answer.transaction_id and answer.success_time):
        raise NotKnownError("paid, but without amount, transaction or time")
    return Trade(
        state,
        answer.out_trade_no,
        transaction_id=answer.transaction_id,
        amount=_money(answer.amount.total) if answer.amount else None,
        account=account.mchid,
        paid_at=_moment(answer.success_time) if answer.success_time else None,
        payer=answer.payer.openid,
        error=f"PAYERROR: {answer.trade_state_desc}"[:200] if answer.trade_state == "PAYERROR" else "",
        raw=decode(body, dict),
    )


def read_refund(status: int, body: bytes | str, request: RefundRequest) -> Refunded:
    """The answer to a refund or to its query. REFUSED and NEVER are provisional until a look-up says NOT_ACCEPTED."""
    number = request.refund_number
    if status == 200:
        try:
            return _refunded(body, request)
        except NotKnownError as doubt:
            return Refunded(RefundState.UNKNOWN, number, error=doubt.reason)
    code = error_code(status, body) if is_definite(status) else ""
    state = RefundState.REFUSED if code in REFUND_REFUSALS else RefundState.UNKNOWN
    return Refunded(RefundState.NEVER if code in REFUND_NEVERS else state, number, error=error_text(status, body))


def read_refund_query(status: int, body: bytes | str, request: RefundRequest) -> Refunded:
    """As `read_refund`, where only "no such refund" is a definite no."""
    refunded = read_refund(status, body, request)
    if refunded.state not in (RefundState.REFUSED, RefundState.NEVER):
        return refunded
    is_absent = status == 404 and error_code(status, body) == "RESOURCE_NOT_EXISTS"
    state = RefundState.NOT_ACCEPTED if is_absent else RefundState.UNKNOWN
    return Refunded(state, request.refund_number, error=refunded.error)


def refund_of_notice(body: bytes | str, *, mchid: str) -> Refunded:
    """A verified refund notice. The payment's number is `raw["out_trade_no"]`."""
    notice = decode(body, _RefundNotice)
    if notice.mchid != mchid:
        raise NotKnownError("the refund belongs to another account")
    if notice.refund_status not in REFUND_STATES or notice.amount.currency != CURRENCY:
        raise NotKnownError(f"refund_status {notice.refund_status!r} in {notice.amount.currency!r} is not known")
    return Refunded(
        REFUND_STATES[notice.refund_status],
        notice.out_refund_no,
        notice.refund_id,
        _money(notice.amount.refund),
        raw=decode(body, dict),
        came_back=came_back(notice.refund_status, notice.user_received_account),
    )


def _refunded(body: bytes | str, request: RefundRequest) -> Refunded:
    answer = decode(body, _RefundAnswer)
    payment = (answer.transaction_id, request.transaction_id)
    if not request.is_by_transaction:
        payment = (answer.out_trade_no, request.payment_number)
    if answer.out_refund_no != request.refund_number or payment[0] != payment[1]:
        raise NotKnownError("the answer is about another refund")
    if answer.status not in REFUND_STATES or answer.amount.currency != CURRENCY:
        raise NotKnownError(f"refund status {answer.status!r} in {answer.amount.currency!r} is not known")
    amount, raw = _money(answer.amount.refund), decode(body, dict)
    if amount != request.amount:
        error = f"the platform has this refund number with {amount}, not {request.amount}"
        return Refunded(RefundState.UNKNOWN, request.refund_number, answer.refund_id, amount, error, raw)
    back = came_back(answer.status, answer.user_received_account)
    return Refunded(
        REFUND_STATES[answer.status], request.refund_number, answer.refund_id, amount, raw=raw, came_back=back
    )


def came_back(status: str, received_by: str) -> CameBack:
    """Whether a refund that succeeded ended with the merchant: it was abnormal, and somebody sent it there."""
    return _CAME_BACK.get(received_by, CameBack.NO) if status == "SUCCESS" else CameBack.NO


def _money(fen: int) -> Money:
    try:
        return Money(fen, CURRENCY)
    except VendomatError as error:
        raise NotKnownError(error.message) from error


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise NotKnownError(f"{text!r} is not a time") from error
    if moment.tzinfo is None:
        raise NotKnownError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)
