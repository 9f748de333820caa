"""The purchase: one order with its units, payments and refunds, and the one step that moves them together. Pure.

`step(purchase, event) -> (purchase, effects)` is in steps.py. Events are facts that arrived or moments that passed;
effects are what has to be written in the same transaction (ledger, stock, evidence, events). A fact that comes twice or
too late changes nothing: it becomes evidence. Refuses to read a clock or make a number: times come in with events,
numbers follow from what they name.

Longer because every event and every effect that the one step knows stands in this one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from vendomat.cloud.ledger import Posting
from vendomat.cloud.orders import ORDER_MOVES, Closing, FindingMove, OrderMove, OrderState, Unit, UnitOutcome
from vendomat.cloud.payments import Payment, Refund
from vendomat.cloud.sales.desk_model import (
    GoodwillGiven,
    MoneyJudged,
    PaidByHand,
    RefundAsked,
    RefundDeclined,
    RefundHeld,
    RefundReleased,
    RefundRetried,
    SendOnWanted,
    StoredMoneyReturned,
    VerdictAgreed,
    VerdictDeclined,
)
from vendomat.pricing import Fare, fare_of


@dataclass(frozen=True, slots=True)
class Purchase:
    """Everything that one order row lock protects."""

    merchant_id: str
    order_id: str
    machine_id: str
    request_id: str
    origin: str
    state: OrderState
    version: int
    currency: str
    total_minor: int
    created_at: datetime
    expires_at: datetime
    units: tuple[Unit, ...]
    payments: tuple[Payment, ...]
    refunds: tuple[Refund, ...] = ()
    closing: Closing = Closing.NO
    code_id: str = ""
    member_id: str = ""  # whose wallet a top-up fills
    ended_at: datetime | None = None
    discount_minor: int = 0  # what promotions took off its units
    price_mark: str = ""  # the fingerprint of how its price came about
    fares: tuple[Fare, ...] = ()  # its prices by how it is paid, the one for any way first; none: it has but one

    @property
    def is_open(self) -> bool:
        return self.state not in ORDER_MOVES.final

    def payment(self, payment_id: str) -> Payment | None:
        return next((p for p in self.payments if p.payment_id == payment_id), None)

    def amount_on(self, channel: str, tier: str = "") -> int:
        """What is to be paid on `channel`, by a member of `tier`."""
        return fare_of(self.fares, channel, tier).quote.total_minor if self.fares else self.total_minor

    @property
    def winning(self) -> Payment | None:
        return next((p for p in self.payments if p.is_winning), None)


# --- events ----------------------------------------------------------------------------------------------------------


class Source(StrEnum):
    """Who said it."""

    TERMINAL = "terminal"
    CLOUD = "cloud"
    PLATFORM = "platform"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class PaymentPaid:
    """The platform took money: `account`, `amount_minor` and `currency` are its words, verified by signature; `payer`
    is our mark of who paid.

    When more than `grace` has passed since the code's end, the buyer has left: the money goes back.
    """

    payment_id: str
    account: str
    amount_minor: int
    currency: str
    transaction_id: str
    paid_at: datetime | None
    via: str
    grace: timedelta
    at: datetime
    payer: str = ""


@dataclass(frozen=True, slots=True)
class PaymentHeld:
    """The platform holds money of the buyer for us, and has taken nothing. As `PaymentPaid` otherwise."""

    payment_id: str
    account: str
    amount_minor: int
    currency: str
    transaction_id: str
    via: str
    grace: timedelta
    at: datetime


@dataclass(frozen=True, slots=True)
class PaymentClosed:
    """The platform confirmed that this number can no longer be paid; of a hold, that nothing of it can be taken."""

    payment_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PaymentUncertain:
    """The platform gave no definite answer about a payment that is to be closed. `grace` as in `PaymentPaid`."""

    payment_id: str
    error: str
    grace: timedelta
    at: datetime


@dataclass(frozen=True, slots=True)
class CloseAsked:
    """The order's time is over, or the buyer gave up."""

    closing: Closing
    at: datetime


@dataclass(frozen=True, slots=True)
class PaymentAdded:
    """The buyer chose another channel; a payment for it was numbered."""

    payment: Payment
    at: datetime


@dataclass(frozen=True, slots=True)
class ChargeAnswered:
    """The platform's definite word about a charge that is not a payment. `is_refused`: no money was taken, and `said`
    is why; otherwise the buyer is asked for a password."""

    payment_id: str
    is_refused: bool
    said: str
    error: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReverseWanted:
    """A charge was not paid in its time. From now on a payment of it goes back, whenever it is heard of."""

    payment_id: str
    error: str
    at: datetime


class VendSaid(StrEnum):
    STARTED = "started"
    DELIVERED = "delivered"
    NOT_DELIVERED = "not_delivered"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class VendFactSeen:
    """What the terminal says of one command. `result` and `reason` are its words, the rest what it measured."""

    cmd_id: str
    machine_id: str
    said: VendSaid
    result: str
    reason: str
    origin: str  # epoch/seq, for the evidence
    at: datetime
    motor_ms: int | None = None
    drop_ms: int | None = None
    turns: int | None = None


@dataclass(frozen=True, slots=True)
class CommandSilent:
    """No answer to this command for the time a fence is asked after. `was_sent` False: whoever says so saw a row that
    quoted no nonce. It provably never left if the row under the order's lock quotes none either."""

    cmd_id: str
    was_sent: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The declared deadline of a command: what is not known by now is declared ambiguous."""

    cmd_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AmbiguityResolved:
    """A person looked at the evidence of an ambiguous unit and says what became of the goods, and why."""

    unit: int
    move: FindingMove
    operator_id: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CashEnd:
    """How one piece of a cash sale ended: delivered, not delivered or unknown. `result` is the machine's word."""

    said: VendSaid
    result: str


@dataclass(frozen=True, slots=True)
class CashSold:
    """A machine sold the whole order for cash, by itself. `ends` are its units', in their order."""

    payment_id: str
    ends: tuple[CashEnd, ...]
    origin: str  # epoch/seq, for the evidence
    at: datetime


class RefundSaid(StrEnum):
    ACCEPTED = "accepted"
    SUCCEEDED = "succeeded"
    NOT_ACCEPTED = "not_accepted"
    REFUSED = "refused"
    GIVEN_UP = "given_up"
    TO_OUR_BANK = "to_our_bank"  # it reached the merchant's bank account, and the buyer is owed it still
    TO_OUR_BALANCE = "to_our_balance"  # as before; it stands at the platform again
    NEVER = "never"  # not taken, and it never will be: a person has to pay it another way
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RefundSeen:
    refund_id: str
    said: RefundSaid
    error: str
    at: datetime


Event = (
    PaymentPaid
    | PaymentHeld
    | PaymentClosed
    | PaymentUncertain
    | CloseAsked
    | PaymentAdded
    | ChargeAnswered
    | ReverseWanted
    | VendFactSeen
    | CommandSilent
    | DeadlinePassed
    | AmbiguityResolved
    | CashSold
    | RefundSeen
    | RefundAsked
    | RefundHeld
    | RefundReleased
    | RefundRetried
    | GoodwillGiven
    | RefundDeclined
    | MoneyJudged
    | VerdictAgreed
    | VerdictDeclined
    | PaidByHand
    | SendOnWanted
    | StoredMoneyReturned
)

# --- effects ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Post:
    """`currency` is empty for the order's own."""

    posting: Posting
    currency: str = ""


class VendEnd(StrEnum):
    KNOWN = "known"
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True)
class MoveStock:
    """Change one slot: `delivered` units left it, `released` reservations ended; `close_reason` takes it off sale.

    `vend` is how a vend that may have run ended, for the slot's record: was it known?
    """

    slot: str
    unit: int
    delivered: int
    released: int
    close_reason: str = ""
    vend: VendEnd | None = None


@dataclass(frozen=True, slots=True)
class RaiseAlarm:
    kind: str
    severity: str
    slot: str
    detail: str


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the order's evidence."""

    source: Source
    kind: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Tell:
    """An event for whoever listens above (console, webhooks)."""

    kind: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RestoreCode:
    code_id: str


@dataclass(frozen=True, slots=True)
class SettleUses:
    """What promotions gave this order, as it was paid, is confirmed, or their budgets have it again."""

    is_paid: bool


@dataclass(frozen=True, slots=True)
class GiveCouponBack:
    """Nothing was paid, or nothing came out: a coupon of this order is good again."""


@dataclass(frozen=True, slots=True)
class SecurityAlert:
    kind: str
    data: Mapping[str, object]


Effect = Post | MoveStock | RaiseAlarm | Note | Tell | RestoreCode | SettleUses | GiveCouponBack | SecurityAlert


_SETTLING = (OrderMove.PAY, OrderMove.EXPIRE, OrderMove.CANCEL)


@dataclass(frozen=True, slots=True)
class Step:
    """A purchase in the middle of a step, with the effects so far. Immutable: each move gives a new one."""

    purchase: Purchase
    at: datetime
    effects: tuple[Effect, ...] = ()

    def plus(self, *effects: Effect) -> Step:
        return replace(self, effects=self.effects + effects)

    def set_payment(self, payment: Payment) -> Step:
        payments = tuple(payment if p.payment_id == payment.payment_id else p for p in self.purchase.payments)
        return replace(self, purchase=replace(self.purchase, payments=payments))

    def set_unit(self, unit: Unit) -> Step:
        units = tuple(unit if u.unit == unit.unit else u for u in self.purchase.units)
        return replace(self, purchase=replace(self.purchase, units=units))

    def set_refund(self, refund: Refund) -> Step:
        refunds = self.purchase.refunds
        if all(r.refund_id != refund.refund_id for r in refunds):
            return replace(self, purchase=replace(self.purchase, refunds=(*refunds, refund)))
        moved = tuple(refund if r.refund_id == refund.refund_id else r for r in refunds)
        return replace(self, purchase=replace(self.purchase, refunds=moved))

    def move_order(self, move: OrderMove) -> Step:
        """Move the order by its table; an ending move is told and dated."""
        state = ORDER_MOVES.next(self.purchase.state, move)
        is_end = state in ORDER_MOVES.final
        purchase = replace(self.purchase, state=state, ended_at=self.at if is_end else None)
        moved = replace(self, purchase=purchase)
        is_promoted = purchase.discount_minor > 0 or purchase.fares != ()
        if is_promoted and move in _SETTLING:
            moved = moved.plus(SettleUses(is_paid=move is OrderMove.PAY))
        if is_promoted and is_end and not any(u.outcome is UnitOutcome.DELIVERED for u in purchase.units):
            moved = moved.plus(GiveCouponBack())
        return moved.plus(
            Note(Source.CLOUD, f"order.{state}", {}),
            Tell(f"order.{state}", {"machine_id": purchase.machine_id, "total_minor": purchase.total_minor}),
        )
