"""Alipay's v2 gateway as values: what we send, and what its answers and notices mean. Pure; no signature is checked.

Amounts are yuan with two decimals on this wire and become `Money` here. A word we do not know (a new trade state, an
unlisted code) is never guessed at: it means UNKNOWN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from vendomat.cloud.payments.providers.contract import (
    ChargeCredential,
    Charged,
    ChargeRefusal,
    ChargeRequest,
    ChargeState,
    Refunded,
    RefundRequest,
    RefundState,
    Reversed,
    ReverseState,
    Started,
    StartRequest,
    StartState,
    Trade,
    TradeState,
)
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.limits import BEIJING, CURRENCY, cut_to_bytes
from vendomat.kernel import Money, VendomatError

Fields = Mapping[str, Any]

SUCCESS = "10000"
WAITING = "10003"
REQUEST_REFUSALS = frozenset({"40001", "40002", "40003", "40006", "20001"})
"""Gateway codes: the request itself was turned away before any business. They come unsigned."""

GATEWAY_DOUBTS = frozenset({"20000", "40005"})
"""Gateway codes that also come unsigned: service unavailable, called too often."""

START_REFUSALS = frozenset(
    {
        "INVALID_PARAMETER",
        "ACCESS_FORBIDDEN",
        "TOTAL_FEE_EXCEED",
        "MERCHANT_STATUS_NOT_NORMAL",
        "NOW_TIME_AFTER_EXPIRE_TIME_ERROR",
        "TRADE_HAS_CLOSE",
    }
)
"""Not among them: "a code was issued already", "paid already", "other parameters". Such a number may be payable."""

CHARGE_REFUSALS = {
    "SMILE_PAY_MERCHANT_NOT_MATCH": ChargeRefusal.REFUSED,
    "PAYMENT_AUTH_CODE_INVALID": ChargeRefusal.CODE_EXPIRED,
    "BUYER_BALANCE_NOT_ENOUGH": ChargeRefusal.NOT_ENOUGH,
    "BUYER_BANKCARD_BALANCE_NOT_ENOUGH": ChargeRefusal.NOT_ENOUGH,
    **dict.fromkeys(START_REFUSALS, ChargeRefusal.REFUSED),
}
"""Codes that mean "not charged", once a look-up has confirmed that no open trade of the number exists."""

REVERSE_REFUSALS = frozenset({"TRADE_CANCEL_TIME_OUT", "CANCEL_NOT_ALLOWED"})

REFUND_REFUSALS = frozenset(
    {
        "INVALID_PARAMETER",
        "ACCESS_FORBIDDEN",
        "TRADE_NOT_EXIST",
        "TRADE_STATUS_ERROR",
        "TRADE_HAS_CLOSE",
        "SELLER_BALANCE_NOT_ENOUGH",
        "DISCORDANT_REPEAT_REQUEST",
        "REASON_TRADE_REFUND_FEE_ERR",
        "REASON_TRADE_BEEN_FREEZEN",
        "REFUND_AMT_NOT_EQUAL_TOTAL",
    }
)
"""Codes that mean "not accepted", once a look-up has confirmed that no refund of the number exists."""

REFUND_NEVERS = frozenset({"TRADE_HAS_FINISHED", "TRADE_OVERDUE"})
"""As `REFUND_REFUSALS`, and asking again is of no use: the trade takes no refund any more."""

_PAID = frozenset({"TRADE_SUCCESS", "TRADE_FINISHED"})
_NOT_IN_SUBJECT = str.maketrans(dict.fromkeys("/=&", " "))
NOTICE_FIELDS_MAX = 100


def precreate_order(request: StartRequest, now: datetime) -> dict[str, Any]:
    """Keyword arguments of the library's `precreate`.

    Alipay counts the life of a code in whole minutes, at least one, so a code outlives `expires_at` by up to a minute.
    """
    minutes = max(1, math.ceil((request.expires_at - now).total_seconds() / 60))
    order: dict[str, Any] = {
        "subject": _subject(request.description),
        "out_trade_no": request.number,
        "total_amount": request.amount.to_decimal_text(),
        "notify_url": request.notify_url,
        "product_code": "QR_CODE_OFFLINE",
        "qr_code_timeout_express": f"{minutes}m",
        "timeout_express": f"{minutes}m",
    }
    if request.machine_id:
        order["terminal_id"] = request.machine_id[:32]
    return order


def charge_order(request: ChargeRequest) -> dict[str, Any]:
    """The parameters of `alipay.trade.pay`. `time_expire` is absolute: a charge that comes later is refused."""
    order: dict[str, Any] = {
        "out_trade_no": request.number,
        "scene": "security_code" if request.credential is ChargeCredential.FACE else "bar_code",
        "auth_code": request.code,
        "subject": _subject(request.description),
        "notify_url": request.notify_url,
        "total_amount": request.amount.to_decimal_text(),
        "product_code": "FACE_TO_FACE_PAYMENT",
        "time_expire": timestamp_of(request.expires_at),
    }
    if request.machine_id:
        order["terminal_id"] = request.machine_id[:32]
    return order


def refund_order(request: RefundRequest) -> dict[str, Any]:
    """Keyword arguments of the library's `refund`; nothing but what the call documents."""
    return {
        "out_trade_no": request.payment_number,
        "refund_amount": request.amount.to_decimal_text(),
        "out_request_no": request.refund_number,
        "refund_reason": cut_to_bytes(request.reason, 256),
    }


def reason_of(fields: Fields) -> str:
    """The business code without its prefix, upper case: prefixes and their spelling vary."""
    return _text(fields, "sub_code").rsplit(".", 1)[-1].upper()


def error_text(fields: Fields) -> str:
    """Code and message for people, at most 200 characters."""
    code = _text(fields, "sub_code") or _text(fields, "code") or "no code"
    return f"{code}: {_text(fields, 'sub_msg') or _text(fields, 'msg')}"[:200]


def is_success(fields: Fields) -> bool:
    """The *request* succeeded. What became of the money is in other fields."""
    return _text(fields, "code") == SUCCESS


def is_refusal(fields: Fields, reasons: frozenset[str]) -> bool:
    code = _text(fields, "code")
    return code in REQUEST_REFUSALS or (code == "40004" and reason_of(fields) in reasons)


def is_no_trade(fields: Fields) -> bool:
    return _text(fields, "code") == "40004" and reason_of(fields) == "TRADE_NOT_EXIST"


def read_start(fields: Fields, number: str) -> Started:
    if is_success(fields):
        code_url = _text(fields, "qr_code")
        if _text(fields, "out_trade_no") != number or not code_url:
            return Started(StartState.UNKNOWN, error="the answer has no code for this number")
        return Started(StartState.STARTED, code_url)
    state = StartState.REFUSED if is_refusal(fields, START_REFUSALS) else StartState.UNKNOWN
    return Started(state, error=error_text(fields))


def read_charge(fields: Fields) -> Charged:
    """The answer to a charge. UNKNOWN also for "success", which may be rolled back: the look-up says it definitely."""
    code, error = _text(fields, "code"), error_text(fields)
    if code == WAITING:
        return Charged(ChargeState.WAITING, error=error)
    if is_refusal(fields, frozenset(CHARGE_REFUSALS)):
        return Charged(ChargeState.REFUSED, None, CHARGE_REFUSALS.get(reason_of(fields), ChargeRefusal.REFUSED), error)
    return Charged(ChargeState.UNKNOWN, error=error)


def charged_as(trade: Trade, said: Charged) -> Charged:
    """What became of a charge that was answered with `said`, now that it was looked up."""
    if trade.state is TradeState.PAID:
        return Charged(ChargeState.PAID, trade)
    if said.state is ChargeState.REFUSED and trade.state in (TradeState.NOT_FOUND, TradeState.CLOSED):
        return said
    return Charged(ChargeState.UNKNOWN, error=trade.error or said.error)


def read_reverse(fields: Fields, number: str) -> Reversed | None:
    """The answer to a reverse; None when only a look-up can tell what became of the charge."""
    if is_no_trade(fields):
        return Reversed(ReverseState.NOT_FOUND, error_text(fields))
    if not is_success(fields):
        return None
    if _text(fields, "out_trade_no") != number:
        return Reversed(ReverseState.UNKNOWN, "the answer is about another number")
    if _text(fields, "retry_flag") != "N":
        return Reversed(ReverseState.UNKNOWN, "the platform wants to be asked again")
    action = _text(fields, "action")
    if action in ("close", "refund"):
        return Reversed(ReverseState.REVERSED, has_given_back=action == "refund")
    return None


def ended_if_given_back(trade: Trade) -> Trade:
    """A charge as its caller has to take it: a paid trade that the platform closed has no money in it."""
    if trade.state is TradeState.PAID and _text(trade.raw, "trade_status") == "TRADE_CLOSED":
        return replace(trade, state=TradeState.CLOSED)
    return trade


def reversed_as(trade: Trade, fields: Fields) -> Reversed:
    """What became of a charge after a reverse, answered with `fields`, that did nothing or did not say what.

    "Done", and yet the trade stands paid: the money may be on its way back, so ask again. Only a refusal leaves it so.
    """
    error = error_text(fields)
    if trade.state is TradeState.CLOSED:
        return Reversed(ReverseState.REVERSED)
    if ended_if_given_back(trade).state is TradeState.CLOSED:
        return Reversed(ReverseState.REVERSED, has_given_back=True)
    if trade.state is TradeState.PAID and is_refusal(fields, REVERSE_REFUSALS):
        return Reversed(ReverseState.PAID, error)
    state = ReverseState.NOT_FOUND if trade.state is TradeState.NOT_FOUND else ReverseState.UNKNOWN
    return Reversed(state, error)


def read_trade(fields: Fields, number: str, *, app_id: str) -> Trade:
    """The answer to a query. NOT_FOUND before the first scan, though the code is payable."""
    if is_success(fields):
        try:
            return trade_of(fields, number, account=app_id, paid_at_field="send_pay_date", payer_field="buyer_user_id")
        except NotKnownError as doubt:
            return Trade(TradeState.UNKNOWN, number, error=doubt.reason)
    if is_no_trade(fields):
        return Trade(TradeState.NOT_FOUND, number, error=error_text(fields))
    is_about_keys = _text(fields, "code") in REQUEST_REFUSALS
    return Trade(TradeState.UNKNOWN, number, error=error_text(fields), is_about_keys=is_about_keys)


def trade_of_notice(fields: Fields, *, app_id: str) -> Trade:
    """A verified notice. One about a refund tells again that the payment was made."""
    number = _text(fields, "out_trade_no")
    return trade_of(fields, number, account=app_id, paid_at_field="gmt_payment", payer_field="buyer_id")


def trade_of(fields: Fields, number: str, *, account: str, paid_at_field: str, payer_field: str) -> Trade:
    """Raises `NotKnownError` when the fields do not tell of `number` completely."""
    if not number or _text(fields, "out_trade_no") != number:
        raise NotKnownError("the answer is about another number")
    status, paid_at, transaction_id = (_text(fields, name) for name in ("trade_status", paid_at_field, "trade_no"))
    state = _state_of(status, was_paid=bool(paid_at))
    amount = _money(_text(fields, "total_amount")) if _text(fields, "total_amount") else None
    if state is TradeState.PAID and not (amount and transaction_id):
        raise NotKnownError("paid, but without amount or transaction")
    return Trade(
        state,
        number,
        transaction_id=transaction_id,
        amount=amount,
        account=account,
        paid_at=moment_of(paid_at) if paid_at else None,
        payer=_text(fields, payer_field) or _text(fields, "buyer_open_id"),
        raw=dict(fields),
    )


def read_refund(fields: Fields, request: RefundRequest) -> Refunded:
    """The answer to a refund. REFUSED and NEVER are provisional until a look-up answers NOT_ACCEPTED.

    `fund_change` other than Y means that this call moved no money: it may have been moved before, so PROCESSING.
    """
    if is_success(fields):
        if _text(fields, "out_trade_no") != request.payment_number:
            return Refunded(RefundState.UNKNOWN, request.refund_number, error="the answer is about another payment")
        # `refund_fee` sums up all refunds of the trade, so it is not the amount of this one.
        state = RefundState.SUCCEEDED if _text(fields, "fund_change") == "Y" else RefundState.PROCESSING
        return Refunded(state, request.refund_number, _text(fields, "trade_no"), request.amount, raw=dict(fields))
    state = RefundState.REFUSED if is_refusal(fields, REFUND_REFUSALS) else RefundState.UNKNOWN
    if str(fields.get("code", "")) == "40004" and reason_of(fields) in REFUND_NEVERS:
        state = RefundState.NEVER
    return Refunded(state, request.refund_number, error=error_text(fields))


def read_refund_query(fields: Fields, request: RefundRequest) -> Refunded:
    """Only `refund_status` REFUND_SUCCESS with our amount is a refund; without a status there is none."""
    number = request.refund_number
    if not is_success(fields):
        state = RefundState.NOT_ACCEPTED if is_no_trade(fields) else RefundState.UNKNOWN
        return Refunded(state, number, error=error_text(fields))
    status = _text(fields, "refund_status")
    if not status:
        return Refunded(RefundState.NOT_ACCEPTED, number, error="the platform has no such refund")
    if status != "REFUND_SUCCESS" or _text(fields, "out_request_no") != number:
        return Refunded(RefundState.UNKNOWN, number, error=f"refund_status {status!r} is not known")
    try:
        amount = _money(_text(fields, "refund_amount"))
    except NotKnownError as doubt:
        return Refunded(RefundState.UNKNOWN, number, error=doubt.reason)
    refund_id, raw = _text(fields, "trade_no"), dict(fields)
    if amount != request.amount:
        error = f"the platform has this refund number with {amount}, not {request.amount}"
        return Refunded(RefundState.UNKNOWN, number, refund_id, amount, error, raw)
    return Refunded(RefundState.SUCCEEDED, number, refund_id, amount, raw=raw)


def given_back(trade: Trade, request: RefundRequest) -> Refunded | None:
    """The full refund `request` as already made by another number: a paid trade is closed by a full refund only."""
    is_over = trade.state is TradeState.PAID and _text(trade.raw, "trade_status") == "TRADE_CLOSED"
    if not is_over or trade.amount != request.amount:
        return None
    error = "given back in whole under another number"
    return Refunded(RefundState.SUCCEEDED, request.refund_number, trade.transaction_id, trade.amount, error, trade.raw)


def notice_text(fields: Fields, *, has_certificates: bool) -> bytes:
    """What Alipay signs of a notice: neither `sign` nor `sign_type`, nor the number of a certificate."""
    unsigned = ("sign", "sign_type", "alipay_cert_sn") if has_certificates else ("sign", "sign_type")
    return "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name not in unsigned).encode()


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a notice: strict form encoding in UTF-8, each name once."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=NOTICE_FIELDS_MAX,
        )
    except ValueError as error:  # also what is no ASCII or no UTF-8
        raise NotKnownError(f"malformed form: {error}") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise NotKnownError("malformed form: a name occurs twice")
    return fields


def moment_of(text: str) -> datetime:
    """`yyyy-MM-dd HH:mm:ss` in Beijing, as UTC."""
    try:
        return datetime.strptime(text[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).astimezone(UTC)
    except ValueError as error:
        raise NotKnownError(f"{text!r} is not a time") from error


def timestamp_of(moment: datetime) -> str:
    """`moment` as the gateway wants it: Beijing time, whatever zone this machine keeps."""
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def _state_of(status: str, *, was_paid: bool) -> TradeState:
    if status in _PAID:
        return TradeState.PAID
    if status == "WAIT_BUYER_PAY":
        return TradeState.NOT_PAID
    if status == "TRADE_CLOSED":  # also the end of a paid trade after a full refund
        return TradeState.PAID if was_paid else TradeState.CLOSED
    raise NotKnownError(f"trade_status {status!r} is not known")


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _subject(description: str) -> str:
    return cut_to_bytes(" ".join(description.translate(_NOT_IN_SUBJECT).split()), 256)


def _money(yuan: str) -> Money:
    try:
        return Money.from_decimal_text(yuan, CURRENCY)
    except VendomatError as error:
        raise NotKnownError(error.message) from error
