"""WeChat Pay Score behind the contract of service orders: one service of one merchant.

Any answer but a verified success is settled by a look-up: whether the order now is what was asked for decides, not the
code. The bill that a completion asked for must be the bill that stands, or nothing is said to be done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from vendomat.cloud.payments.providers.contract import NoticeRefusedError
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.limits import NOTICE_BYTES_MAX, check_number, cut_to_bytes, unfit_notify_url
from vendomat.cloud.payments.providers.service_orders import (
    PermissionAsked,
    PermissionState,
    ServiceAnswer,
    ServiceBill,
    ServiceNotice,
    ServiceOrder,
    ServiceOutcome,
    ServiceRefusal,
    ServiceRequest,
    ServiceState,
)
from vendomat.cloud.payments.providers.wechat import service_wire, wire
from vendomat.cloud.payments.providers.wechat.asking import Asking
from vendomat.cloud.payments.providers.wechat.client import WeChatClient
from vendomat.cloud.payments.providers.wechat.settings import WeChatSettings

ORDERS = "/v3/payscore/serviceorder"
PERMISSIONS = "/v3/payscore/permissions"
IsDone = Callable[[ServiceOrder], bool]

_MADE = (ServiceState.CREATED, ServiceState.OPEN, ServiceState.COLLECTING, ServiceState.SETTLED)
_ENDED = (ServiceState.COLLECTING, ServiceState.SETTLED)


class WeChatServiceOrders:
    """Orders under `settings.service_id`."""

    def __init__(self, settings: WeChatSettings, client: WeChatClient, asking: Asking) -> None:
        self._service_id = settings.service_id
        self._account = wire.Account(settings.mchid, settings.appid)
        self._owner = {"appid": settings.appid, "service_id": settings.service_id}
        self._client = client
        self._asking = asking

    async def create(self, request: ServiceRequest) -> ServiceAnswer:
        """The same request again is the same order."""
        check_number(request.number)
        if reason := service_wire.unfit_request(request) or unfit_notify_url(request.notify_url):
            return _refused(reason)
        body = service_wire.request_body(request)
        return await self._change("", request.number, body, _is_made(request))

    async def look_up(self, number: str) -> ServiceOrder:
        check_number(number)
        target = f"{ORDERS}?service_id={self._service_id}&out_order_no={number}&appid={self._account.appid}"
        try:
            status, body, _ = await self._asking(lambda: self._client.ask("GET", target))
        except NotKnownError as doubt:
            return ServiceOrder(ServiceState.UNKNOWN, number, error=doubt.reason)
        return service_wire.read_order(status, body, number, self._account, self._service_id)

    async def complete(self, number: str, bill: ServiceBill, ended_at: datetime) -> ServiceAnswer:
        check_number(number)
        if reason := service_wire.unfit_bill(bill):
            return _refused(reason)
        body = service_wire.bill_body(bill) | {"time_range": {"end_time": service_wire.moment_text(ended_at)}}
        return await self._change("complete", number, body, _has_bill(bill))

    async def cancel(self, number: str, reason: str) -> ServiceAnswer:
        check_number(number)
        body = {"reason": cut_to_bytes(reason, 30)}
        return await self._change("cancel", number, body, lambda order: order.state is ServiceState.REVOKED)

    async def modify(self, number: str, bill: ServiceBill, reason: str) -> ServiceAnswer:
        check_number(number)
        if unfit := service_wire.unfit_bill(bill):
            return _refused(unfit)
        body = service_wire.bill_body(bill) | {"reason": cut_to_bytes(reason, 50)}
        return await self._change("modify", number, body, _has_bill(bill))

    async def settle_otherwise(self, number: str, paid_at: datetime) -> ServiceAnswer:
        check_number(number)
        body = {"type": "Order_Paid", "detail": {"paid_time": service_wire.moment_text(paid_at)}}
        return await self._change("sync", number, body, lambda order: order.state is ServiceState.SETTLED)

    async def ask_permission(self, number: str, notify_url: str) -> PermissionAsked:
        check_number(number)
        if reason := unfit_notify_url(notify_url):
            return PermissionAsked(ServiceOutcome.REFUSED, error=reason)
        said = {**self._owner, "authorization_code": number, "notify_url": notify_url}
        try:
            status, text, _ = await self._asking(lambda: self._client.ask("POST", PERMISSIONS, said))
            if status == 200:
                return PermissionAsked(ServiceOutcome.TAKEN, service_wire.token_of(text))
        except NotKnownError as doubt:
            return PermissionAsked(ServiceOutcome.UNKNOWN, error=doubt.reason)
        outcome = ServiceOutcome.REFUSED if wire.is_definite(status) else ServiceOutcome.UNKNOWN
        return PermissionAsked(outcome, error=wire.error_text(status, text))

    async def look_up_permission(self, payer: str) -> PermissionState:
        target = f"{_permission(payer)}?appid={self._account.appid}&service_id={self._service_id}"
        try:
            status, text, _ = await self._asking(lambda: self._client.ask("GET", target))
            if status == 200:
                return service_wire.permission_of(text, self._account, self._service_id, payer=payer)
        except NotKnownError:
            return PermissionState.UNKNOWN
        is_absent = status == 404 and wire.error_code(status, text) == "RESOURCE_NOT_EXISTS"
        return PermissionState.NONE if is_absent else PermissionState.UNKNOWN

    async def end_permission(self, payer: str, reason: str) -> ServiceOutcome:
        """Believed only when a look-up finds none: the platform ends what is there, and knows best what that is."""
        said = {**self._owner, "reason": cut_to_bytes(reason, 30)}
        target = f"{_permission(payer)}/terminate"
        try:
            status, _, _ = await self._asking(lambda: self._client.ask("POST", target, said))
        except NotKnownError:
            return ServiceOutcome.UNKNOWN
        state = await self.look_up_permission(payer)
        if state is PermissionState.NONE:
            return ServiceOutcome.TAKEN
        is_refused = state is PermissionState.OPEN and wire.is_definite(status)
        return ServiceOutcome.REFUSED if is_refused else ServiceOutcome.UNKNOWN

    async def read_notice(self, headers: Mapping[str, str], body: bytes) -> ServiceNotice:
        if len(body) > NOTICE_BYTES_MAX:
            raise NoticeRefusedError(f"larger than {NOTICE_BYTES_MAX} bytes")
        lowered = {name.lower(): value for name, value in headers.items()}
        try:
            envelope = wire.decode(body, wire.NoticeEnvelope)
            resource = await self._asking(lambda: self._client.decrypt_callback(lowered, body.decode()))
            return self._notice(envelope, resource)
        except NotKnownError as doubt:
            raise NoticeRefusedError(doubt.reason, is_probe=doubt.is_probe) from doubt

    def _notice(self, envelope: wire.NoticeEnvelope, resource: str | None) -> ServiceNotice:
        if resource is None:
            raise NotKnownError("the resource does not open with our key")
        return service_wire.notice_of(
            envelope.id, envelope.event_type, resource, self._account, service_id=self._service_id
        )

    async def _change(self, verb: str, number: str, body: Mapping[str, Any], is_done: IsDone) -> ServiceAnswer:
        """Ask for a change and say what came of it; `is_done` tells it from the order as it stands."""
        target = f"{ORDERS}/{number}/{verb}" if verb else ORDERS
        said = {**self._owner, **body}
        try:
            status, text, internal = await self._asking(lambda: self._client.ask("POST", target, said))
        except NotKnownError as doubt:
            return ServiceAnswer(ServiceOutcome.UNKNOWN, error=doubt.reason)
        error = "" if status == 200 else wire.error_text(status, text)
        order = self._answered(status, text, number)
        if order is None or not is_done(order):
            order = await self.look_up(number)
        if is_done(order):
            return ServiceAnswer(ServiceOutcome.TAKEN, order)
        if order.state is ServiceState.UNKNOWN or not wire.is_definite(status):
            return ServiceAnswer(ServiceOutcome.UNKNOWN, error=error or order.error or f"the order is {order.state}")
        reason = service_wire.REASONS.get(internal, ServiceRefusal.REFUSED)
        if reason is ServiceRefusal.REFUSED and order.state is not ServiceState.NOT_FOUND:
            reason = ServiceRefusal.WRONG_STATE
        return ServiceAnswer(ServiceOutcome.REFUSED, order, reason, error)

    def _answered(self, status: int, text: str, number: str) -> ServiceOrder | None:
        """The order as the answer to a change shows it, when it shows a whole one."""
        if status != 200:
            return None
        order = service_wire.read_order(status, text, number, self._account, self._service_id)
        return None if order.state is ServiceState.UNKNOWN else order


def _permission(payer: str) -> str:
    return f"{PERMISSIONS}/openid/{quote(payer, safe='')}"


def _is_made(request: ServiceRequest) -> IsDone:
    """The order stands, and is the one asked for: under the same number there might be another."""

    def is_made(order: ServiceOrder) -> bool:
        fund = order.raw.get("risk_fund")
        ceiling = fund.get("amount") if isinstance(fund, dict) else request.ceiling.minor_units
        return order.state in _MADE and ceiling == request.ceiling.minor_units

    return is_made


def _has_bill(bill: ServiceBill) -> IsDone:
    return lambda order: order.state in _ENDED and order.owed is not None and order.owed.minor_units == bill.total_minor


def _refused(error: str) -> ServiceAnswer:
    return ServiceAnswer(ServiceOutcome.REFUSED, None, ServiceRefusal.REFUSED, error)
