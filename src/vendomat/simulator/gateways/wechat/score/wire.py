"""Service orders of WeChat Pay Score as JSON: bodies of merchants, read strictly, and what is said of an order."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from vendomat.simulator.gateways.wechat import wire
from vendomat.simulator.gateways.wechat.records import openid_of
from vendomat.simulator.gateways.wechat.refusals import Refusals, WechatRefusedError
from vendomat.simulator.gateways.wechat.requests import decoded
from vendomat.simulator.gateways.wechat.score.records import (
    Permission,
    Service,
    ServiceBill,
    ServiceState,
    ServiceTerms,
)

_Number = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_\-|*]{1,32}\Z")]
_Fen = Annotated[int, Meta(ge=0, le=1_000_000_000)]
_RISKS = ("ESTIMATE_ORDER_COST", "DEPOSIT", "ADVANCE", "CASH_DEPOSIT")
_DONE = {ServiceState.CREATED: "CREATED", ServiceState.REVOKED: "REVOKED", ServiceState.EXPIRED: "EXPIRED"}
GOODS = "商品信息"


class _Risk(msgspec.Struct, frozen=True):
    name: str
    amount: Annotated[int, Meta(ge=1)]
    description: str = ""


class _Start(msgspec.Struct, frozen=True):
    start_time: str


class _End(msgspec.Struct, frozen=True):
    end_time: Annotated[str, Meta(pattern=r"^[0-9]{14}\Z")]


class _Device(msgspec.Struct, frozen=True):
    start_device_id: Annotated[str, Meta(min_length=1, max_length=64)]


class _Owner(msgspec.Struct, frozen=True, kw_only=True):
    appid: str
    service_id: str


class _Create(_Owner, frozen=True, kw_only=True):
    out_order_no: _Number
    service_introduction: Annotated[str, Meta(min_length=1, max_length=20)]
    time_range: _Start
    risk_fund: _Risk
    notify_url: Annotated[str, Meta(pattern=r"^https?://[^?\s]+\Z", max_length=255)]
    device: _Device
    need_user_confirm: bool = True
    openid: str = ""
    attach: Annotated[str, Meta(max_length=256)] = ""


class _Row(msgspec.Struct, frozen=True):
    name: Annotated[str, Meta(max_length=20)]
    amount: _Fen
    description: Annotated[str, Meta(max_length=30)] = ""
    count: Annotated[int, Meta(ge=1)] = 1


class _Bill(_Owner, frozen=True, kw_only=True):
    post_payments: Annotated[list[_Row], Meta(min_length=1, max_length=100)]
    total_amount: _Fen
    post_discounts: Annotated[list[_Row], Meta(max_length=30)] = []


class _Complete(_Bill, frozen=True, kw_only=True):
    time_range: _End


class _Modify(_Bill, frozen=True, kw_only=True):
    reason: Annotated[str, Meta(min_length=1, max_length=50)]


class _Cancel(_Owner, frozen=True, kw_only=True):
    reason: Annotated[str, Meta(min_length=1, max_length=30)]


class _Paid(msgspec.Struct, frozen=True):
    paid_time: Annotated[str, Meta(pattern=r"^[0-9]{14}\Z")]


class _Sync(_Owner, frozen=True, kw_only=True):
    type: Annotated[str, Meta(pattern=r"^Order_Paid\Z")]
    detail: _Paid


class _Ask(_Owner, frozen=True, kw_only=True):
    authorization_code: _Number
    notify_url: Annotated[str, Meta(pattern=r"^https?://[^?\s]+\Z", max_length=255)]


_ask = msgspec.json.Decoder(_Ask)
_create, _complete = msgspec.json.Decoder(_Create), msgspec.json.Decoder(_Complete)
_modify, _cancel, _sync = msgspec.json.Decoder(_Modify), msgspec.json.Decoder(_Cancel), msgspec.json.Decoder(_Sync)


def read_create(body: bytes, mchid: str) -> ServiceTerms:
    asked = decoded(_create, body)
    if asked.risk_fund.name not in _RISKS or asked.time_range.start_time != "OnAccept":
        raise WechatRefusedError(Refusals.WRONG_PARAMETER, field="/risk_fund/name", issue="not one of the list")
    if asked.need_user_confirm == bool(asked.openid):
        raise WechatRefusedError(Refusals.WRONG_PARAMETER, field="/openid", issue="only without a confirmation")
    return ServiceTerms(
        mchid=mchid,
        appid=asked.appid,
        service_id=asked.service_id,
        number=asked.out_order_no,
        introduction=asked.service_introduction,
        risk_name=asked.risk_fund.name,
        risk_fen=asked.risk_fund.amount,
        notify_url=asked.notify_url,
        device_id=asked.device.start_device_id,
        openid=asked.openid,
        attach=asked.attach,
    )


def read_complete(body: bytes, now: datetime, agreed_at: datetime | None) -> tuple[_Owner, ServiceBill, str]:
    asked = decoded(_complete, body)
    ended_at = read_moment(asked.time_range.end_time)
    if ended_at > now or (agreed_at is not None and ended_at < agreed_at.replace(microsecond=0)):
        raise WechatRefusedError(Refusals.WRONG_PARAMETER, field="/time_range/end_time", issue="not within the service")
    return asked, _bill_of(asked), asked.time_range.end_time


def read_modify(body: bytes) -> tuple[_Owner, ServiceBill]:
    asked = decoded(_modify, body)
    return asked, _bill_of(asked)


def read_cancel(body: bytes) -> _Owner:
    return decoded(_cancel, body)


def read_permission(body: bytes) -> _Ask:
    return decoded(_ask, body)


def permission_answer(permission: Permission, appid: str, service_id: str) -> dict[str, Any]:
    return {
        "appid": appid,
        "mchid": permission.mchid,
        "service_id": service_id,
        "openid": permission.openid,
        "authorization_state": "AVAILABLE" if permission.is_open else "UNAVAILABLE",
    }


def read_sync(body: bytes) -> tuple[_Owner, datetime]:
    asked = decoded(_sync, body)
    return asked, read_moment(asked.detail.paid_time)


def read_moment(text: str) -> datetime:
    """`yyyyMMddHHmmss`, China Standard Time."""
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=wire.CHINA)
    except ValueError as error:
        raise WechatRefusedError(Refusals.WRONG_PARAMETER, field="/time_range", issue=str(error)) from error


def _bill_of(asked: _Bill) -> ServiceBill:
    if any(row.name != GOODS for row in asked.post_payments):
        raise WechatRefusedError(Refusals.WRONG_PARAMETER, field="/post_payments/name", issue=f"must be {GOODS}")
    sums = [sum(row.amount for row in rows) for rows in (asked.post_payments, asked.post_discounts)]
    if asked.total_amount != sums[0] - sums[1]:
        raise WechatRefusedError(Refusals.SERVICE_TOTAL)
    return ServiceBill(
        payments=msgspec.json.encode(asked.post_payments).decode(),
        discounts=msgspec.json.encode(asked.post_discounts).decode(),
        total_fen=asked.total_amount,
    )


def order_answer(service: Service) -> dict[str, Any]:
    """An order as every call and its notices show it."""
    terms = service.terms
    answer: dict[str, Any] = {
        "appid": terms.appid,
        "mchid": terms.mchid,
        "service_id": terms.service_id,
        "out_order_no": terms.number,
        "order_id": service.order_id,
        "service_introduction": terms.introduction,
        "state": _DONE.get(service.state, "DONE" if service.state is ServiceState.DONE else "DOING"),
        "risk_fund": {"name": terms.risk_name, "amount": terms.risk_fen},
        "time_range": {"start_time": "OnAccept"},
        "attach": terms.attach,
        "notify_url": terms.notify_url,
        "need_collection": service.total_fen > 0,
    }
    if service.state is ServiceState.CREATED:
        answer["package"] = f"{service.order_id}@{terms.service_id}"
    if service.payer:
        answer["openid"] = openid_of(terms.appid, service.payer)
    if service.state is ServiceState.CONFIRMED:
        answer["state_description"] = "USER_CONFIRM"
    if service.bill is not None:
        answer |= _billed(service, service.bill)
    return answer


def _billed(service: Service, bill: ServiceBill) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "post_payments": msgspec.Raw(bill.payments.encode()),
        "post_discounts": msgspec.Raw(bill.discounts.encode()),
        "total_amount": bill.total_fen,
        "time_range": {"start_time": "OnAccept", "end_time": service.ended_at},
    }
    if service.state is ServiceState.COMPLETED:
        answer["state_description"] = "MCH_COMPLETE"
    if bill.total_fen == 0:
        return answer
    is_paid = service.state is ServiceState.DONE
    collection: dict[str, Any] = {
        "state": "USER_PAID" if is_paid else "USER_PAYING",
        "total_amount": bill.total_fen,
        "paying_amount": 0 if is_paid else bill.total_fen,
        "paid_amount": bill.total_fen if is_paid else 0,
    }
    if is_paid and service.paid_at is not None:
        detail = {
            "seq": 1,
            "amount": bill.total_fen,
            "paid_type": "MCH" if service.is_paid_otherwise else "NEWTON",
            "paid_time": service.paid_at.astimezone(wire.CHINA).strftime("%Y%m%d%H%M%S"),
        }
        if service.transaction_id:
            detail["transaction_id"] = service.transaction_id
        collection["details"] = [detail]
    return answer | {"collection": collection}


def permission_notice(permission: Permission, appid: str, service_id: str, now: datetime) -> dict[str, Any]:
    return {
        "mchid": permission.mchid,
        "appid": appid,
        "service_id": service_id,
        "openid": permission.openid,
        "user_service_status": "USER_OPEN_SERVICE" if permission.is_open else "USER_CLOSE_SERVICE",
        "openorclose_time": now.astimezone(wire.CHINA).strftime("%Y%m%d%H%M%S"),
    }
