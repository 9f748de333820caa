"""What an order's own records say about a claim, before a person looks. Pure.

Refuses to disbelieve: records only ever answer "your money goes back already" at once. When they say that goods came
out, a person reads the claim all the same. Not claimable are pickup codes, which have no money to give back, orders
that nobody paid, and those whose motors may still turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vendomat.cloud.claims.model import CLAIM_WITHIN, What
from vendomat.cloud.orders import OrderState, UnitOutcome
from vendomat.cloud.payments import CODE_CHANNEL, Refund, RefundStage

_ENDED = (OrderState.SETTLED, OrderState.EXPIRED, OrderState.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRecord:
    unit: int
    price_minor: int
    outcome: UnitOutcome
    is_final: bool
    name_zh: str = ""
    name_en: str = ""

    @property
    def is_missing(self) -> bool:
        """Counted as not delivered: it did not come out, or nobody could say."""
        return self.is_final and self.outcome is not UnitOutcome.DELIVERED


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRecord:
    """A payment that took money, or a hold that won the order: money reserved, of which what was delivered is taken."""

    payment_id: str
    channel: str
    amount_minor: int
    captured_minor: int
    currency: str
    is_winning: bool
    paid_at: datetime | None
    payer: str = ""
    is_hold: bool = False
    is_held: bool = False  # still reserved

    @property
    def not_taken_minor(self) -> int:
        """Reserved once, and never to be taken."""
        return self.amount_minor - self.captured_minor if self.is_hold and not self.is_held else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRecord:
    refund: Refund
    ended_at: datetime | None

    @property
    def is_live(self) -> bool:
        """Money that went back, or is about to."""
        return self.refund.stage is not RefundStage.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """One order as its claim is judged by, with what its buyer may be shown of the machine."""

    merchant_id: str
    order_id: str
    machine_id: str
    state: OrderState
    currency: str
    total_minor: int
    created_at: datetime
    ended_at: datetime | None
    units: tuple[UnitRecord, ...]
    payments: tuple[PaymentRecord, ...]
    refunds: tuple[RefundRecord, ...]
    machine_number: str = ""
    machine_zh: str = ""
    machine_en: str = ""
    merchant: str = ""
    service_phone: str = ""

    @property
    def winning(self) -> PaymentRecord | None:
        return next((p for p in self.payments if p.is_winning), None)

    @property
    def taking(self) -> tuple[PaymentRecord, ...]:
        """The payments that took money."""
        return tuple(p for p in self.payments if p.captured_minor > 0)

    @property
    def paid_minor(self) -> int:
        """In the order's own currency."""
        return sum(p.captured_minor for p in self.payments if p.currency == self.currency)

    @property
    def claim_until(self) -> datetime | None:
        return None if self.ended_at is None else self.ended_at + CLAIM_WITHIN

    def back_minor(self, payment_id: str) -> int:
        """What of a payment went back or is about to."""
        return sum(r.refund.amount_minor for r in self.refunds if r.is_live and r.refund.payment_id == payment_id)


class Bar(StrEnum):
    """Why nothing can be claimed."""

    NOT_PAID = "not_paid"
    CODE = "code"
    UNDER_WAY = "under_way"
    TOO_LATE = "too_late"


def bar_of(order: OrderRecord, now: datetime) -> Bar | None:
    """None when a claim may be made."""
    if any(p.is_held for p in order.payments):
        return Bar.UNDER_WAY
    if not order.taking:
        return Bar.NOT_PAID
    if all(p.channel == CODE_CHANNEL for p in order.taking):
        return Bar.CODE
    if order.state not in _ENDED and not all(u.is_final for u in order.units):
        return Bar.UNDER_WAY
    if order.claim_until is not None and now > order.claim_until:
        return Bar.TOO_LATE
    return None


def goes_back_already(order: OrderRecord, what: What, units: tuple[int, ...]) -> bool:
    """Whether the money that this claim asks for went back, is on its way, or was never taken."""
    if what is What.PAID_TWICE:
        others = [p for p in order.taking if not p.is_winning]
        return bool(others) and all(order.back_minor(p.payment_id) >= p.captured_minor for p in others)
    if all(order.back_minor(p.payment_id) >= p.captured_minor for p in order.taking):
        return True
    winning = order.winning
    if winning is None:
        return False
    missing = {u.unit: u.price_minor for u in order.units if u.is_missing}
    asked = set(units) or (set(missing) if what is What.NOT_ALL_CAME else {u.unit for u in order.units})
    owed = [r.refund for r in order.refunds if r.is_live and not r.refund.is_goodwill]
    back_minor = sum(r.amount_minor for r in owed if r.payment_id == winning.payment_id)
    spared_minor = back_minor + winning.not_taken_minor
    return bool(asked) and asked <= set(missing) and spared_minor >= sum(missing.values())


class Says(StrEnum):
    """What the records say, in one word for whoever decides."""

    CAME_OUT = "came_out"  # the machine saw every unit drop
    PARTLY = "partly"
    NOTHING = "nothing"
    NOT_KNOWN = "not_known"  # of at least one unit nobody could say
    PAID_TWICE = "paid_twice"  # a second payment took money


def what_records_say(*, units: int, delivered: int, not_known: int, payments: int) -> Says:
    """Counts of an order's units and of its payments that took money."""
    if payments > 1:
        return Says.PAID_TWICE
    if not_known:
        return Says.NOT_KNOWN
    if delivered == units:
        return Says.CAME_OUT
    return Says.PARTLY if delivered else Says.NOTHING
