"""Goods first, money after: the small contract for platforms that vouch for a buyer (open-door coolers).

A service order is agreed to by the buyer, used, completed with what was taken, and collected by the platform, which
goes on trying for as long as it takes. The door opens only for an order that is OPEN by a verified answer or notice,
never on the word of a page. As everywhere there are three answers, and UNKNOWN is resolved by looking
up the same number.

The money of a collected order is a payment of its own at the platform; it is given back by `transaction_id`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from vendomat.kernel import Money


class ServiceState(StrEnum):
    CREATED = "created"  # the buyer has not agreed: no door
    OPEN = "open"  # agreed and vouched for: the door may open, and it must be completed or cancelled
    COLLECTING = "collecting"  # completed; the platform has not got the money yet: a receivable
    SETTLED = "settled"  # paid, paid otherwise, or nothing was owed
    REVOKED = "revoked"  # cancelled by us: nothing is owed
    EXPIRED = "expired"  # never agreed to
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"


class ServiceRefusal(StrEnum):
    """Why an order was not made or not changed, as far as somebody can do something about it."""

    RISK = "risk"  # the platform does not vouch for this buyer: offer another means
    UNPAID = "unpaid"  # the buyer owes for an earlier order
    MINOR = "minor"  # the buyer's phone is in minor mode
    WRONG_STATE = "wrong_state"  # too late, or too early, for what was asked
    REFUSED = "refused"


class ServiceOutcome(StrEnum):
    TAKEN = "taken"  # done now or before; `order` is set
    REFUSED = "refused"  # definitely not done; `reason` says why
    UNKNOWN = "unknown"  # may have been done: look it up, and ask the same again


class ServiceNoticeKind(StrEnum):
    AGREED = "agreed"
    PAID = "paid"
    PERMITTED = "permitted"  # the buyer lets us open orders for them without being asked each time
    WITHDRAWN = "withdrawn"  # and lets us no more


class PermissionState(StrEnum):
    """Whether a buyer lets us make orders without being asked each time."""

    OPEN = "open"
    NONE = "none"  # never given, or withdrawn
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PermissionAsked:
    """`token` goes to the wallet, which asks the buyer; what they say comes as a notice."""

    outcome: ServiceOutcome
    token: str = field(default="", repr=False)
    error: str = ""


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """One order to be made. `number` as in `StartRequest`; `ceiling` is the most it is expected to cost.

    With `payer` the platform is asked to vouch at once (the buyer permitted it before), without the buyer is asked.
    """

    number: str
    introduction: str
    ceiling: Money
    notify_url: str
    device_id: str
    payer: str = ""
    attach: str = ""


@dataclass(frozen=True, slots=True)
class ServiceItem:
    description: str
    amount: Money
    count: int = 1


@dataclass(frozen=True, slots=True)
class ServiceBill:
    """What was taken. The total is the sum of the items, each the price of all its pieces, less the discounts."""

    items: tuple[ServiceItem, ...]
    discounts: tuple[ServiceItem, ...] = ()

    @property
    def total_minor(self) -> int:
        taken = sum(item.amount.minor_units for item in self.items)
        return taken - sum(item.amount.minor_units for item in self.discounts)


@dataclass(frozen=True, slots=True)
class ServiceOrder:
    """The platform's view. `owed` is set from its completion on; when SETTLED by money, so are the last three."""

    state: ServiceState
    number: str
    platform_number: str = ""
    agreement: str = ""  # what a page hands to the wallet to have the buyer asked
    payer: str = ""
    owed: Money | None = None
    paid: Money | None = None
    paid_at: datetime | None = None
    transaction_id: str = ""
    error: str = ""
    raw: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    outcome: ServiceOutcome
    order: ServiceOrder | None = None
    reason: ServiceRefusal | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class ServiceNotice:
    """A verified notice: of an order, or of a buyer's permission (then `payer` alone is set)."""

    kind: ServiceNoticeKind
    notice_id: str
    order: ServiceOrder | None = None
    payer: str = ""


class ServiceOrders(Protocol):
    """One account's service at one platform."""

    async def create(self, request: ServiceRequest) -> ServiceAnswer: ...

    async def look_up(self, number: str) -> ServiceOrder: ...

    async def complete(self, number: str, bill: ServiceBill, ended_at: datetime) -> ServiceAnswer:
        """Say what was taken. A bill of nothing ends the order without money."""
        ...

    async def cancel(self, number: str, reason: str) -> ServiceAnswer:
        """Before completion only: nothing was taken."""
        ...

    async def modify(self, number: str, bill: ServiceBill, reason: str) -> ServiceAnswer:
        """A lower bill, while it is being collected."""
        ...

    async def settle_otherwise(self, number: str, paid_at: datetime) -> ServiceAnswer:
        """The buyer paid by other means: the platform stops collecting."""
        ...

    async def ask_permission(self, number: str, notify_url: str) -> PermissionAsked:
        """Begin to ask a buyer for their permission, under a number of ours."""
        ...

    async def look_up_permission(self, payer: str) -> PermissionState: ...

    async def end_permission(self, payer: str, reason: str) -> ServiceOutcome:
        """TAKEN: nobody's order is made without a question any more, whether there was a permission or not."""
        ...

    async def read_notice(self, headers: Mapping[str, str], body: bytes) -> ServiceNotice:
        """As a provider's `read_notice`. Raises `NoticeRefusedError`."""
        ...


@runtime_checkable
class SellsOnTrust(Protocol):
    """What a provider of such a platform also has; None for an account without the service."""

    service_orders: ServiceOrders | None
