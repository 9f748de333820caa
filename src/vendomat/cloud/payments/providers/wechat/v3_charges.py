"""Charges of WeChat Pay v3 (`codepay`) as values: what we send, and what the answers mean. Pure.

The published pages list no complete table of its errors; only those that say by themselves "nothing was taken" are
taken for that, and every other refusal is settled by a query.
"""

from __future__ import annotations

from typing import Any

import msgspec

from vendomat.cloud.payments.providers.contract import (
    Charged,
    ChargeRefusal,
    ChargeRequest,
    ChargeState,
    Reversed,
    ReverseState,
    Trade,
    TradeState,
)
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.limits import cut_to_bytes
from vendomat.cloud.payments.providers.wechat.wire import (
    CHARGE_STATES,
    Account,
    decode,
    error_code,
    error_text,
    is_definite,
    trade_of,
)

CHARGE_REFUSALS = {
    "AUTHCODEEXPIRE": ChargeRefusal.CODE_EXPIRED,
    "AUTH_CODE_ERROR": ChargeRefusal.CODE_EXPIRED,
    "AUTH_CODE_INVALID": ChargeRefusal.CODE_EXPIRED,
    "NOTENOUGH": ChargeRefusal.NOT_ENOUGH,
    "NOTSUPORTCARD": ChargeRefusal.CARD_REFUSED,
    "ACCOUNTERROR": ChargeRefusal.CARD_REFUSED,
    **dict.fromkeys(
        ("PARAM_ERROR", "APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS", "SIGN_ERROR", "NO_AUTH"), ChargeRefusal.REFUSED
    ),
}
"""Codes that say by themselves: no money was taken."""

EXPIRED = "REVERSE_EXPIRE"


class _Reversed(msgspec.Struct):
    out_trade_no: str


def charge_order(request: ChargeRequest, payer_client_ip: str, store_id: str) -> dict[str, Any]:
    """Keyword arguments of the library's `pay`. The platform asks for a store: without one, the machine is it."""
    store = {"id": store_id} if store_id else {"out_id": request.machine_id[:32] or "vendomat"}
    scene: dict[str, Any] = {"store_info": store, "device_ip": payer_client_ip or "127.0.0.1"}
    if request.machine_id:
        scene["device_id"] = request.machine_id[:32]
    order: dict[str, Any] = {
        "description": cut_to_bytes(request.description.strip(), 127),
        "out_trade_no": request.number,
        "amount": {"total": request.amount.minor_units, "currency": request.amount.currency},
        "payer": {"auth_code": request.code},
        "scene_info": scene,
    }
    if attach := cut_to_bytes(request.attach, 128):
        order["attach"] = attach
    return order


def read_charge(status: int, body: bytes | str, number: str, account: Account) -> Charged:
    """The answer to a charge; a verified one when it is a 2xx. A doubtful 4xx comes back as UNKNOWN."""
    if status == 200:
        return _charged(body, number, account)
    code = error_code(status, body)
    if status == 202 and code == "USERPAYING":
        return Charged(ChargeState.WAITING, error=error_text(status, body))
    if is_definite(status) and code in CHARGE_REFUSALS:
        return Charged(ChargeState.REFUSED, None, CHARGE_REFUSALS[code], error_text(status, body))
    return Charged(ChargeState.UNKNOWN, error=error_text(status, body))


def _charged(body: bytes | str, number: str, account: Account) -> Charged:
    try:
        trade = trade_of(body, account, CHARGE_STATES)
    except NotKnownError as doubt:
        return Charged(ChargeState.UNKNOWN, error=doubt.reason)
    if trade.number != number:
        return Charged(ChargeState.UNKNOWN, error="the answer is about another number")
    if trade.state is TradeState.PAID:
        return Charged(ChargeState.PAID, trade)
    is_waiting = trade.raw.get("trade_state") == "USERPAYING"
    return Charged(ChargeState.WAITING if is_waiting else ChargeState.UNKNOWN, error=f"trade is {trade.state}")


def read_reverse(status: int, body: bytes | str, number: str) -> Reversed | None:
    """The answer to a reverse; None when only a query can tell what became of the charge."""
    if status == 200:
        try:
            is_ours = decode(body, _Reversed).out_trade_no == number
        except NotKnownError as doubt:
            return Reversed(ReverseState.UNKNOWN, doubt.reason)
        return Reversed(ReverseState.REVERSED) if is_ours else Reversed(ReverseState.UNKNOWN, "of another number")
    return None if is_definite(status) else Reversed(ReverseState.UNKNOWN, error_text(status, body))


def reversed_as(trade: Trade, error: str) -> Reversed:
    """What became of a charge whose reverse was refused with `error`. Only "too old" leaves it paid for good."""
    states = {TradeState.CLOSED: ReverseState.REVERSED, TradeState.NOT_FOUND: ReverseState.NOT_FOUND}
    if error.startswith(EXPIRED):
        states[TradeState.PAID] = ReverseState.PAID
    return Reversed(states.get(trade.state, ReverseState.UNKNOWN), error)
