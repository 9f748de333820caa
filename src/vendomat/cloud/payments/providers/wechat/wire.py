"""WeChat Pay v3 as values: what we send, and what its answers mean. Pure; no signature is checked here.

A word we do not know (a new state, an unlisted error code) is never guessed at: it means UNKNOWN.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from vendomat.cloud.payments.providers.contract import (
    Refunded,
    RefundRequest,
    RefundState,
    Started,
    StartRequest,
    StartState,
    Trade,
    TradeState,
)
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.limits import BEIJING, CURRENCY, cut_to_bytes
from vendomat.kernel import Money, VendomatError

TRADE_STATES = {
    "NOTPAY": TradeState.NOT_PAID,
    "SUCCESS": TradeState.PAID,
    "REFUND": TradeState.PAID,  # also after a partial refund: money was taken
    "CLOSED": TradeState.CLOSED,
}
"""States of a Native order. Those of payment codes (REVOKED, USERPAYING, PAYERROR) do not belong here."""

REFUND_STATES = {
    "PROCESSING": RefundState.PROCESSING,
    "SUCCESS": RefundState.SUCCEEDED,
    "CLOSED": RefundState.CLOSED,
    "ABNORMAL": RefundState.ABNORMAL,
}

START_REFUSALS = frozenset({"PARAM_ERROR", "APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS", "SIGN_ERROR", "NO_AUTH"})
"""Codes that say by themselves: nothing was created. Every other 4xx needs a look-up before it is a no."""

REFUND_REFUSALS = frozenset(
    {
        "PARAM_ERROR",
        "INVALID_REQUEST",
        "SIGN_ERROR",
        "NO_AUTH",
        "MCH_NOT_EXISTS",
        "NOT_ENOUGH",
        "USER_ACCOUNT_ABNORMAL",
        "RESOURCE_NOT_EXISTS",
    }
)
"""Codes that mean "not accepted", once a look-up has confirmed that no refund of the number exists."""


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
    refund_id: str
    status: str
    amount: _RefundAmount


class _RefundNotice(msgspec.Struct):
    """As the answer, but with the state under another name, and with the account."""

    mchid: str
    out_refund_no: str
    out_trade_no: str
    refund_id: str
    refund_status: str
    amount: _RefundAmount


class _CodeAnswer(msgspec.Struct):
    code_url: str


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


def native_order(request: StartRequest, payer_client_ip: str = "") -> dict[str, Any]:
    """Keyword arguments of the library's `pay`. The same request gives the same order, byte for byte.

    The platform takes no device without an address, so without one the machine is only in `attach`.
    """
    order: dict[str, Any] = {
        "description": cut_to_bytes(request.description.strip(), 127),
        "out_trade_no": request.number,
        "amount": {"total": request.amount.minor_units, "currency": request.amount.currency},
        "time_expire": request.expires_at.astimezone(BEIJING).replace(microsecond=0).isoformat(),
        "notify_url": request.notify_url,
    }
    if attach := cut_to_bytes(request.attach or request.machine_id, 128):
        order["attach"] = attach
    if payer_client_ip and request.machine_id:
        order["scene_info"] = {"payer_client_ip": payer_client_ip, "device_id": request.machine_id[:32]}
    return order


def refund_order(request: RefundRequest) -> dict[str, Any]:
    """Keyword arguments of the library's `refund`; always by our number, always with a notify address."""
    return {
        "out_trade_no": request.payment_number,
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


def is_definite(status: int) -> bool:
    """Whether the platform answered the question itself: a 4xx that is not "slow down". Asking on makes sense."""
    return 400 <= status < 500 and status != 429


def read_start(status: int, body: bytes | str) -> Started:
    """The answer to a Native order. A doubtful 4xx comes back as UNKNOWN; see `is_definite`."""
    if status == 200:
        try:
            code_url = decode(body, _CodeAnswer).code_url
        except NotKnownError as doubt:
            return Started(StartState.UNKNOWN, error=doubt.reason)
        return Started(StartState.STARTED, code_url) if code_url else Started(StartState.UNKNOWN, error="no code_url")
    is_refusal = is_definite(status) and error_code(status, body) in START_REFUSALS
    return Started(StartState.REFUSED if is_refusal else StartState.UNKNOWN, error=error_text(status, body))


def read_trade(status: int, body: bytes | str, number: str, *, mchid: str, appid: str) -> Trade:
    """The answer to a query by our number."""
    if status == 200:
        try:
            trade = trade_of(body, mchid=mchid, appid=appid)
        except NotKnownError as doubt:
            return Trade(TradeState.UNKNOWN, number, error=doubt.reason)
        if trade.number != number:
            return Trade(TradeState.UNKNOWN, number, error="the answer is about another number")
        return trade
    is_absent = status == 404 and error_code(status, body) == "ORDER_NOT_EXIST"
    return Trade(TradeState.NOT_FOUND if is_absent else TradeState.UNKNOWN, number, error=error_text(status, body))


def trade_of(body: bytes | str, *, mchid: str, appid: str) -> Trade:
    """A verified query answer or notice resource. Raises `NotKnownError` when it is not about this account."""
    answer = decode(body, _TradeAnswer)
    if (answer.mchid, answer.appid) != (mchid, appid):
        raise NotKnownError("the trade belongs to another account")
    state = TRADE_STATES.get(answer.trade_state)
    if state is None:
        raise NotKnownError(f"trade_state {answer.trade_state!r} is not one of a Native order")
    if answer.amount is not None and answer.amount.currency != CURRENCY:
        raise NotKnownError(f"the trade is in {answer.amount.currency!r}")
    if state is TradeState.PAID and not (answer.amount and answer.transaction_id and answer.success_time):
        raise NotKnownError("paid, but without amount, transaction or time")
    return Trade(
        state,
        answer.out_trade_no,
        transaction_id=answer.transaction_id,
        amount=_money(answer.amount.total) if answer.amount else None,
        account=mchid,
        paid_at=_moment(answer.success_time) if answer.success_time else None,
        payer=answer.payer.openid,
        raw=decode(body, dict),
    )


def read_refund(status: int, body: bytes | str, request: RefundRequest) -> Refunded:
    """The answer to a refund or to its query. REFUSED is provisional until a look-up answers NOT_ACCEPTED."""
    number = request.refund_number
    if status == 200:
        try:
            return _refunded(body, request)
        except NotKnownError as doubt:
            return Refunded(RefundState.UNKNOWN, number, error=doubt.reason)
    is_refusal = is_definite(status) and error_code(status, body) in REFUND_REFUSALS
    return Refunded(RefundState.REFUSED if is_refusal else RefundState.UNKNOWN, number, error=error_text(status, body))


def read_refund_query(status: int, body: bytes | str, request: RefundRequest) -> Refunded:
    """As `read_refund`, where only "no such refund" is a definite no."""
    refunded = read_refund(status, body, request)
    if refunded.state is not RefundState.REFUSED:
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
    )


def _refunded(body: bytes | str, request: RefundRequest) -> Refunded:
    answer = decode(body, _RefundAnswer)
    if (answer.out_refund_no, answer.out_trade_no) != (request.refund_number, request.payment_number):
        raise NotKnownError("the answer is about another refund")
    if answer.status not in REFUND_STATES or answer.amount.currency != CURRENCY:
        raise NotKnownError(f"refund status {answer.status!r} in {answer.amount.currency!r} is not known")
    amount, raw = _money(answer.amount.refund), decode(body, dict)
    if amount != request.amount:
        error = f"the platform has this refund number with {amount}, not {request.amount}"
        return Refunded(RefundState.UNKNOWN, request.refund_number, answer.refund_id, amount, error, raw)
    return Refunded(REFUND_STATES[answer.status], request.refund_number, answer.refund_id, amount, raw=raw)


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
