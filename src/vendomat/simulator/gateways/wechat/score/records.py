"""What the books of WeChat Pay Score hold: service orders, the moves they may make, and buyers' permissions. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from vendomat.kernel import Moves
from vendomat.simulator.gateways.wechat.records import key_of


class ServiceState(StrEnum):
    """CONFIRMED and COMPLETED are both DOING on the wire."""

    CREATED = "CREATED"
    CONFIRMED = "CONFIRMED"
    COMPLETED = "COMPLETED"
    DONE = "DONE"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


class ServiceEvent(StrEnum):
    AGREE = "agree"
    COMPLETE = "complete"
    COMPLETE_FREE = "complete_free"
    SETTLE = "settle"
    CANCEL = "cancel"
    EXPIRE = "expire"


SERVICE_MOVES = Moves(
    "WeChat service order",
    ServiceState,
    {
        (ServiceState.CREATED, ServiceEvent.AGREE): ServiceState.CONFIRMED,
        (ServiceState.CREATED, ServiceEvent.CANCEL): ServiceState.REVOKED,
        (ServiceState.CREATED, ServiceEvent.EXPIRE): ServiceState.EXPIRED,
        (ServiceState.CONFIRMED, ServiceEvent.CANCEL): ServiceState.REVOKED,
        (ServiceState.CONFIRMED, ServiceEvent.COMPLETE): ServiceState.COMPLETED,
        (ServiceState.CONFIRMED, ServiceEvent.COMPLETE_FREE): ServiceState.DONE,
        (ServiceState.COMPLETED, ServiceEvent.SETTLE): ServiceState.DONE,
    },
    start=ServiceState.CREATED,
    final=(ServiceState.DONE, ServiceState.REVOKED, ServiceState.EXPIRED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTerms:
    """Every parameter of the call that makes an order; repeating a number means repeating all of them."""

    mchid: str
    appid: str
    service_id: str
    number: str
    introduction: str
    risk_name: str
    risk_fen: int
    notify_url: str
    device_id: str
    openid: str = ""
    attach: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBill:
    """`payments` and `discounts` as they came, in JSON."""

    payments: str
    discounts: str
    total_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    KIND: ClassVar[str] = "wechat_service"

    terms: ServiceTerms
    order_id: str
    created_at: datetime
    state: ServiceState = ServiceState.CREATED
    payer: str = ""
    agreed_at: datetime | None = None
    bill: ServiceBill | None = None
    ended_at: str = ""
    collects_at: datetime | None = None
    tries: int = 0
    transaction_id: str = ""
    paid_at: datetime | None = None
    is_paid_otherwise: bool = False

    @property
    def key(self) -> str:
        return key_of(self.terms.mchid, self.terms.number)

    @property
    def total_fen(self) -> int:
        return self.bill.total_fen if self.bill else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """`payer` lets a merchant open orders for them without being asked."""

    KIND: ClassVar[str] = "wechat_permission"

    mchid: str
    openid: str
    payer: str
    is_open: bool = True

    @property
    def key(self) -> str:
        return f"{self.mchid}/{self.openid}"
