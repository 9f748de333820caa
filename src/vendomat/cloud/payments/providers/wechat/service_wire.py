"""WeChat Pay Score's service orders as values: what we send, and what is said of an order. Pure.

What an order is, is read from `state`, `state_description` and `collection.state` together. A word or a mixture we do
not know is UNKNOWN. For goods taken from a cooler every item has the one name the platform's rules prescribe.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.limits import BEIJING, CURRENCY, cut_to_bytes
from vendomat.cloud.payments.providers.service_orders import (
    PermissionState,
    ServiceBill,
    ServiceItem,
    ServiceNotice,
    ServiceNoticeKind,
    ServiceOrder,
    ServiceRefusal,
    ServiceRequest,
    ServiceState,
)
from vendomat.cloud.payments.providers.wechat.wire import Account, decode, error_code, error_text
from vendomat.kernel import Money, VendomatError

ITEM_NAME = "商品信息"
ITEMS_MAX, DISCOUNTS_MAX = 100, 30
CONFIRMED, COMPLETED = "USER_CONFIRM", "MCH_COMPLETE"
REASONS = {
    271_300_099: ServiceRefusal.RISK,
    271_299_627: ServiceRefusal.UNPAID,
    268_560_785: ServiceRefusal.MINOR,
    271_316_592: ServiceRefusal.WRONG_STATE,
}
"""What the number that ends `Request-ID` tells of a refusal."""

NOTICE_KINDS = {
    "PAYSCORE.USER_CONFIRM": ServiceNoticeKind.AGREED,
    "PAYSCORE.USER_PAID": ServiceNoticeKind.PAID,
    "PAYSCORE.USER_OPEN_SERVICE": ServiceNoticeKind.PERMITTED,
    "PAYSCORE.USER_CLOSE_SERVICE": ServiceNoticeKind.WITHDRAWN,
}


class _Detail(msgspec.Struct):
    transaction_id: str = ""
    paid_time: str = ""


class _Collection(msgspec.Struct):
    state: str = ""
    paid_amount: int = 0
    details: list[_Detail] = []


class _Order(msgspec.Struct):
    appid: str
    mchid: str
    service_id: str
    out_order_no: str
    state: str
    state_description: str = ""
    order_id: str = ""
    package: str = ""
    openid: str = ""
    total_amount: int | None = None
    collection: _Collection = msgspec.field(default_factory=_Collection)


class _Token(msgspec.Struct):
    apply_permissions_token: str


class _PermissionState(msgspec.Struct):
    appid: str
    mchid: str
    service_id: str
    openid: str
    authorization_state: str


class _Permission(msgspec.Struct):
    appid: str
    mchid: str
    service_id: str
    openid: str


def unfit_request(request: ServiceRequest) -> str:
    """Why `request` must not even be sent, or an empty text."""
    if request.ceiling.currency != CURRENCY or request.ceiling.minor_units < 1:
        return f"{request.ceiling} is no ceiling here: a positive amount of {CURRENCY} is needed"
    if not 1 <= len(request.introduction) <= 20:
        return "an introduction of at most 20 characters is needed"
    return "" if request.device_id else "a machine without staff has to be named"


def unfit_bill(bill: ServiceBill) -> str:
    """Why `bill` must not even be sent, or an empty text."""
    rows = (*bill.items, *bill.discounts)
    if any(row.amount.currency != CURRENCY or row.amount.minor_units < 0 or row.count < 1 for row in rows):
        return f"a bill has amounts of {CURRENCY}, none below zero, and counts from one"
    if len(bill.items) > ITEMS_MAX or len(bill.discounts) > DISCOUNTS_MAX:
        return f"a bill has at most {ITEMS_MAX} items and {DISCOUNTS_MAX} discounts"
    return "" if bill.total_minor >= 0 else "the discounts are more than the goods"


def request_body(request: ServiceRequest) -> dict[str, Any]:
    """The same request gives the same body, byte for byte."""
    body: dict[str, Any] = {
        "out_order_no": request.number,
        "service_introduction": request.introduction,
        "time_range": {"start_time": "OnAccept"},
        "risk_fund": {"name": "ESTIMATE_ORDER_COST", "amount": request.ceiling.minor_units},
        "notify_url": request.notify_url,
        "need_user_confirm": not request.payer,
        "device": {"start_device_id": request.device_id[:32]},
    }
    if request.payer:
        body["openid"] = request.payer
    if attach := cut_to_bytes(request.attach, 256):
        body["attach"] = attach
    return body


def bill_body(bill: ServiceBill) -> dict[str, Any]:
    """A bill of nothing still has one row: the platform wants the list."""
    items = bill.items or (ServiceItem("-", Money(0, CURRENCY)),)
    body: dict[str, Any] = {
        "post_payments": [
            {
                "name": ITEM_NAME,
                "amount": item.amount.minor_units,
                "description": cut_to_bytes(item.description, 30),
                "count": item.count,
            }
            for item in items
        ],
        "total_amount": bill.total_minor,
    }
    if bill.discounts:
        body["post_discounts"] = [
            {
                "name": cut_to_bytes(item.description, 20),
                "description": cut_to_bytes(item.description, 30),
                "amount": item.amount.minor_units,
                "count": item.count,
            }
            for item in bill.discounts
        ]
    return body


def moment_text(moment: datetime) -> str:
    return moment.astimezone(BEIJING).strftime("%Y%m%d%H%M%S")


def read_order(status: int, body: bytes | str, number: str, account: Account, service_id: str) -> ServiceOrder:  # noqa: PLR0917
    """The verified answer to a query."""
    if status == 200:
        try:
            order = order_of(body, account, service_id)
        except NotKnownError as doubt:
            return ServiceOrder(ServiceState.UNKNOWN, number, error=doubt.reason)
        if order.number != number:
            return ServiceOrder(ServiceState.UNKNOWN, number, error="the answer is about another number")
        return order
    is_absent = status == 404 and error_code(status, body) == "ORDER_NOT_EXIST"
    state = ServiceState.NOT_FOUND if is_absent else ServiceState.UNKNOWN
    return ServiceOrder(state, number, error=error_text(status, body))


def order_of(body: bytes | str, account: Account, service_id: str) -> ServiceOrder:
    """A verified order. Raises `NotKnownError` when it is another account's, or not understood."""
    said = decode(body, _Order)
    _check_owner(said, account, service_id)
    collection = said.collection
    state = _state_of(said)
    detail = next((one for one in collection.details if one.transaction_id), _Detail())
    is_paid = state is ServiceState.SETTLED and bool(detail.transaction_id)
    return ServiceOrder(
        state,
        said.out_order_no,
        platform_number=said.order_id,
        agreement=said.package,
        payer=said.openid,
        owed=_money(said.total_amount) if said.total_amount is not None else None,
        paid=_money(collection.paid_amount) if is_paid else None,
        paid_at=_moment(detail.paid_time) if is_paid else None,
        transaction_id=detail.transaction_id,
        raw=decode(body, dict),
    )


def _state_of(said: _Order) -> ServiceState:
    word, description, collected = said.state, said.state_description, said.collection.state
    simple = {"CREATED": ServiceState.CREATED, "REVOKED": ServiceState.REVOKED, "EXPIRED": ServiceState.EXPIRED}
    if word in simple:
        return simple[word]
    if word == "DOING" and description == CONFIRMED:
        return ServiceState.OPEN
    if word == "DOING" and description == COMPLETED and collected == "USER_PAYING":
        return ServiceState.COLLECTING
    if word == "DONE" and (collected == "USER_PAID" or said.total_amount == 0):
        return ServiceState.SETTLED
    raise NotKnownError(f"state {word!r} with {description!r} and {collected!r} is not known")


def notice_of(notice_id: str, event_type: str, body: str, account: Account, *, service_id: str) -> ServiceNotice:
    """A verified and opened notice. Raises `NotKnownError`."""
    kind = NOTICE_KINDS.get(event_type)
    if kind is None:
        raise NotKnownError(f"event {event_type[:64]!r} is not one of a service")
    if kind in (ServiceNoticeKind.PERMITTED, ServiceNoticeKind.WITHDRAWN):
        said = decode(body, _Permission)
        _check_owner(said, account, service_id)
        return ServiceNotice(kind, notice_id, payer=said.openid)
    order = order_of(body, account, service_id)
    wanted = {ServiceNoticeKind.AGREED: ServiceState.OPEN, ServiceNoticeKind.PAID: ServiceState.SETTLED}
    if order.state is not wanted[kind]:
        raise NotKnownError(f"a notice of {kind} about an order that is {order.state}")
    return ServiceNotice(kind, notice_id, order=order, payer=order.payer)


def token_of(body: str) -> str:
    """Raises `NotKnownError` when there is none."""
    token: str = decode(body, _Token).apply_permissions_token
    if not token:
        raise NotKnownError("no token")
    return token


def permission_of(body: str, account: Account, service_id: str, *, payer: str) -> PermissionState:
    """The verified answer to a permission's query. Raises `NotKnownError`."""
    said = decode(body, _PermissionState)
    _check_owner(said, account, service_id)
    states = {"AVAILABLE": PermissionState.OPEN, "UNAVAILABLE": PermissionState.NONE}
    if said.openid != payer or said.authorization_state not in states:
        raise NotKnownError(f"state {said.authorization_state!r} of {said.openid!r} is not what was asked for")
    return states[said.authorization_state]


def _check_owner(said: _Order | _Permission | _PermissionState, account: Account, service_id: str) -> None:
    if (said.mchid, said.appid, said.service_id) != (account.mchid, account.appid, service_id):
        raise NotKnownError("the order belongs to another account or service")


def _money(fen: int) -> Money:
    try:
        return Money(fen, CURRENCY)
    except VendomatError as error:
        raise NotKnownError(error.message) from error


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=BEIJING).astimezone(UTC)
    except ValueError as error:
        raise NotKnownError(f"{text!r} is not a time") from error
