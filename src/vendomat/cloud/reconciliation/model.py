"""What a comparison of our books with a platform's bill can find, and what follows from it. Pure.

The bill is the judge of a day: `classify` says what one payment or refund is, seen from both sides. Refuses to trust a
bill's word that a refund is under way or failed (it is never updated there): the platform is asked again. Nothing is
ever explained away: a difference ends by proof (it agrees now, the platform confirmed it) or by a person with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum

from vendomat.cloud.payments import BillRowKind, BillRowStatus
from vendomat.kernel import Moves

BILL_ZONE = timezone(timedelta(hours=8))
"""Days are the platforms' days: China has had no summer time since 1991."""
MADE_AT = time(10, 15)
"""Bills are complete from 10:00 of the next day."""
FEE_TOLERANCE_MINOR = 1
BY_ITSELF = "reconciliation"
"""Who ended an item when no person did."""


class ReconClass(StrEnum):
    OK = "ok"
    LONG = "long"  # in the bill, unknown or unpaid here
    SHORT = "short"  # paid here, in no bill
    AMOUNT = "amount"  # the sums differ
    STATUS = "status"  # one side says refunded, the other does not
    REFUND_LONG = "refund_long"  # paid back by the platform, not asked for by us
    REFUND_SHORT = "refund_short"  # paid back as we know, in no bill
    FEE = "fee"  # not the fee of the contract
    DUP = "dup"  # a second paid payment of one order
    TIMING = "timing"  # the other side has it on another day
    VEND = "vend"  # paid, and neither goods nor money went back
    FUND = "fund"  # the account's movements do not add up to its balance or to the trade bill


class Fix(StrEnum):
    """What should be done about an item; what is safe is done at once."""

    NOTHING = "nothing"
    WAIT = "wait"  # for the next day's bill, or for a refund under way
    LOOK_UP_PAYMENT = "look_up_payment"
    LOOK_UP_REFUND = "look_up_refund"
    SUSPENSE = "suspense"  # booked in suspense; a person finds out whose money it is
    REPORT = "report"  # shown, and nothing else follows
    REVIEW = "review"  # a person decides


LOOK_UPS = (Fix.LOOK_UP_PAYMENT, Fix.LOOK_UP_REFUND)


class ItemState(StrEnum):
    OPEN = "open"
    EXPLAINED = "explained"  # both books were right
    FIXED = "fixed"  # one was wrong, and was put right


class ItemMove(StrEnum):
    EXPLAIN = "explain"
    FIX = "fix"


ITEM_MOVES: Moves[ItemState, ItemMove] = Moves(
    "reconciliation item",
    ItemState,
    {
        (ItemState.OPEN, ItemMove.EXPLAIN): ItemState.EXPLAINED,
        (ItemState.OPEN, ItemMove.FIX): ItemState.FIXED,
    },
    start=ItemState.OPEN,
    final=(ItemState.EXPLAINED, ItemState.FIXED),
)


class DayState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class DayMove(StrEnum):
    CLOSE = "close"


DAY_MOVES: Moves[DayState, DayMove] = Moves(
    "reconciliation day",
    DayState,
    {(DayState.OPEN, DayMove.CLOSE): DayState.CLOSED},
    start=DayState.OPEN,
    final=(DayState.CLOSED,),
)


@dataclass(frozen=True, slots=True)
class AccountDay:
    """One account of a merchant at a platform, on one of the platform's days."""

    merchant_id: str
    channel: str
    account: str
    day: date

    @property
    def key(self) -> tuple[str, str, str, date]:
        return (self.merchant_id, self.channel, self.account, self.day)

    @property
    def name(self) -> str:
        """What a day's one booking is called."""
        return f"{self.channel}:{self.account}:{self.day.isoformat()}"

    @property
    def begins_at(self) -> datetime:
        return datetime.combine(self.day, time(), BILL_ZONE)

    @property
    def ends_at(self) -> datetime:
        return self.begins_at + timedelta(days=1)

    @property
    def due_at(self) -> datetime:
        """When its bill is first asked for."""
        return datetime.combine(self.day + timedelta(days=1), MADE_AT, BILL_ZONE)


def bill_day(at: datetime) -> date:
    return at.astimezone(BILL_ZONE).date()


def last_due_day(now: datetime) -> date:
    """The newest day whose bill may be asked for at `now`."""
    local = now.astimezone(BILL_ZONE)
    return local.date() - timedelta(days=1 if local.time() >= MADE_AT else 2)


@dataclass(frozen=True, slots=True)
class Billed:
    """One row of the bill. `is_repeat`: the same number stands in an earlier row of it."""

    status: BillRowStatus
    amount_minor: int
    currency: str
    fee_minor: int = 0
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Booked:
    """The payment or refund as we know it. `is_done`: money moved (paid; succeeded); `is_dead`: it will not (a refund
    given up). `fits`: what came in is what was asked for. `day` is the platform's day of the moment it was done.
    """

    is_done: bool
    amount_minor: int
    currency: str
    day: date | None
    is_dead: bool = False
    fits: bool = True
    is_of_account: bool = True


@dataclass(frozen=True, slots=True)
class Pair:
    """One payment or refund from both sides. `is_listed_elsewhere`: another day's bill has it; `is_next_known`: the
    bill of the day after is here."""

    kind: BillRowKind
    day: date
    billed: Billed | None
    booked: Booked | None
    is_listed_elsewhere: bool = False
    is_next_known: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    cls: ReconClass
    fix: Fix = Fix.REVIEW
    state: ItemState = ItemState.OPEN
    why: str = ""


AGREES = Verdict(ReconClass.OK, Fix.NOTHING, ItemState.EXPLAINED)


def classify(pair: Pair, rate_ppm: int | None) -> Verdict:
    """What `pair` is. `rate_ppm` is the contract's fee in millionths, None when no contract is known."""
    if pair.billed is None:
        return _only_ours(pair)
    if pair.booked is None or pair.billed.is_repeat:
        return _only_billed(pair.kind, pair.billed)
    if not pair.booked.is_of_account:
        cls = ReconClass.LONG if pair.kind is BillRowKind.PAYMENT else ReconClass.REFUND_LONG
        return Verdict(cls, Fix.REVIEW, why="our number, but of another account")
    if pair.kind is BillRowKind.PAYMENT:
        return _payment(pair, pair.billed, pair.booked, rate_ppm)
    return _refund(pair, pair.billed, pair.booked)


def _only_ours(pair: Pair) -> Verdict:
    if pair.is_listed_elsewhere:
        return _timing("another day's bill has it")
    if not pair.is_next_known:
        return Verdict(ReconClass.TIMING, Fix.WAIT, why="not in this bill; the next day's is not here yet")
    if pair.kind is BillRowKind.PAYMENT:
        return Verdict(ReconClass.SHORT, Fix.LOOK_UP_PAYMENT, why="paid here, in no bill")
    return Verdict(ReconClass.REFUND_SHORT, Fix.LOOK_UP_REFUND, why="refunded here, in no bill")


def _only_billed(kind: BillRowKind, billed: Billed) -> Verdict:
    cls = ReconClass.LONG if kind is BillRowKind.PAYMENT else ReconClass.REFUND_LONG
    if billed.is_repeat:
        return Verdict(cls, Fix.REVIEW, why="the bill lists this number twice")
    if billed.status is BillRowStatus.FAILED:
        return AGREES  # no money moved on either side
    if billed.status is BillRowStatus.PROCESSING or billed.amount_minor == 0:
        return Verdict(cls, Fix.REVIEW, why="not ours, and no money has moved so far")
    return Verdict(cls, Fix.SUSPENSE, why="not ours")


def _payment(pair: Pair, billed: Billed, booked: Booked, rate_ppm: int | None) -> Verdict:
    if billed.status is not BillRowStatus.SUCCEEDED:
        if not booked.is_done:
            return AGREES
        return Verdict(ReconClass.SHORT, Fix.LOOK_UP_PAYMENT, why="paid here; the bill says it is not")
    if not booked.is_done:
        return Verdict(ReconClass.LONG, Fix.LOOK_UP_PAYMENT, why="paid in the bill, not paid here")
    if not booked.fits or (billed.amount_minor, billed.currency) != (booked.amount_minor, booked.currency):
        return Verdict(ReconClass.AMOUNT, Fix.REVIEW, why="the sums differ")
    if booked.day is not None and abs((booked.day - pair.day).days) > 1:
        return Verdict(ReconClass.TIMING, Fix.REVIEW, why="the days are further apart than midnight explains")
    if booked.day != pair.day:
        return _timing("paid around midnight")
    if rate_ppm is not None and abs(billed.fee_minor - contract_fee(billed.amount_minor, rate_ppm)) > (
        FEE_TOLERANCE_MINOR
    ):
        return Verdict(ReconClass.FEE, Fix.REPORT, ItemState.EXPLAINED, "booked as billed; not the contract's fee")
    return AGREES


def _refund(pair: Pair, billed: Billed, booked: Booked) -> Verdict:
    if (billed.amount_minor, billed.currency) != (booked.amount_minor, booked.currency):
        return Verdict(ReconClass.AMOUNT, Fix.REVIEW, why="the sums differ")
    is_billed_done = billed.status is BillRowStatus.SUCCEEDED
    if is_billed_done and booked.is_done:
        return AGREES if booked.day == pair.day else _timing("the refund ended on another day than it was listed")
    if billed.status is BillRowStatus.PROCESSING and not booked.is_done and not booked.is_dead:
        return _timing("both sides have it under way")
    if billed.status is BillRowStatus.FAILED and booked.is_dead:
        return AGREES
    return Verdict(ReconClass.STATUS, Fix.LOOK_UP_REFUND, why="one side says refunded, the other does not")


def _timing(why: str) -> Verdict:
    return Verdict(ReconClass.TIMING, Fix.NOTHING, ItemState.EXPLAINED, why)


def contract_fee(amount_minor: int, rate_ppm: int) -> int:
    """The fee of one payment, half up to a whole minor unit. That it is rounded by the order is our assumption."""
    return (amount_minor * rate_ppm + 500_000) // 1_000_000


def is_taken_back(payment: Pair, refund: Pair) -> bool:
    """Whether the bill lists a payment and its reversal as a whole, and we never counted it as paid: a charge by a
    buyer's code that was reversed. Nothing is left of it on either side."""
    if payment.billed is None or refund.billed is None or refund.booked is not None:
        return False
    is_ours_and_unpaid = payment.booked is not None and not payment.booked.is_done
    succeeded = (payment.billed.status, refund.billed.status) == (BillRowStatus.SUCCEEDED, BillRowStatus.SUCCEEDED)
    same = (payment.billed.amount_minor, payment.billed.currency) == (
        refund.billed.amount_minor,
        refund.billed.currency,
    )
    return is_ours_and_unpaid and succeeded and same and not payment.billed.is_repeat and not refund.billed.is_repeat


@dataclass(frozen=True, slots=True)
class Sold:
    """A paid payment and what became of its money. `returned_minor`: paid back, or accepted by the platform to be."""

    captured_minor: int
    is_winning: bool
    has_sibling: bool  # another payment of its order is paid, too
    delivered_minor: int
    returned_minor: int

    @property
    def kept_minor(self) -> int:
        return self.captured_minor - self.delivered_minor - self.returned_minor


def judge_sold(sold: Sold) -> Verdict:
    """Whether the money of a payment became goods or went back."""
    if not sold.is_winning and sold.has_sibling:
        if sold.kept_minor <= 0:
            return Verdict(ReconClass.DUP, Fix.NOTHING, ItemState.EXPLAINED, "the second payment went back in full")
        return Verdict(ReconClass.DUP, Fix.WAIT, why="the second payment has not gone back yet")
    if sold.kept_minor > 0:
        return Verdict(ReconClass.VEND, Fix.WAIT, why="paid, and neither goods nor money went back")
    return AGREES


class Said(StrEnum):
    """What the platform answered, asked again about one number: money moved, it did not, or nothing definite."""

    YES = "yes"
    NO = "no"
    NOT_KNOWN = "not_known"


def after_look_up(verdict: Verdict, said: Said, again: Verdict | None) -> Verdict:
    """What an item is once the platform was asked. `again` is the pair classified anew, after its answer was applied;
    None for one that no bill row belongs to. An answer that is not definite leaves all as it was."""
    if said is Said.NOT_KNOWN:
        return verdict
    if again is not None and again.state is not ItemState.OPEN:
        return Verdict(verdict.cls, Fix.NOTHING, ItemState.FIXED, "the platform confirmed it, and our books follow")
    if verdict.cls is ReconClass.REFUND_SHORT and said is Said.YES:
        return Verdict(verdict.cls, Fix.NOTHING, ItemState.EXPLAINED, "the platform confirms the refund")
    if verdict.cls is ReconClass.SHORT:
        why = "the platform says paid; no bill lists it" if said is Said.YES else "goods given without money"
        return Verdict(verdict.cls, Fix.REVIEW, why=why)
    if again is not None and again.fix not in LOOK_UPS:
        return again
    why = "the platform says it happened" if said is Said.YES else "the platform says it did not happen"
    return Verdict(verdict.cls, Fix.REVIEW, why=why)


def after_refund_look_up(verdict: Verdict, said: Said, billed: BillRowStatus, *, is_done: bool) -> Verdict:
    """As `after_look_up`, for a refund whose row in the bill is old by its nature: both sides as they are now count."""
    if said is Said.YES and is_done:
        return Verdict(
            verdict.cls, Fix.NOTHING, ItemState.EXPLAINED, "both sides have refunded; the bill's word is old"
        )
    if said is Said.NO and not is_done and billed is not BillRowStatus.SUCCEEDED:
        return Verdict(verdict.cls, Fix.NOTHING, ItemState.EXPLAINED, "neither side has refunded")
    if said is Said.NOT_KNOWN:
        return verdict
    return Verdict(verdict.cls, Fix.REVIEW, why="the platform, its bill and we do not say the same")


@dataclass(frozen=True, slots=True)
class FundSums:
    """A fund bill read through. `broken_row` is the first whose balance does not follow from the one before, or 0."""

    opening_minor: int
    closing_minor: int
    moved_minor: int  # without what was paid out to the bank, or shared with site owners
    broken_row: int = 0


def judge_funds(funds: FundSums, *, before_minor: int | None, net_minor: int) -> list[tuple[str, int, int, str]]:
    """What does not add up: (subject, the bill's sum, ours, why). `before_minor` is the closing balance of the day
    before, if known; `net_minor` what the trade bill brought in after refunds and fees."""
    found = []
    if funds.broken_row:
        why = f"the balance of row {funds.broken_row} does not follow from the row before"
        found.append(("fund:chain", funds.closing_minor, funds.closing_minor, why))
    if before_minor is not None and funds.opening_minor != before_minor:
        found.append(("fund:opening", funds.opening_minor, before_minor, "not the balance the day before ended with"))
    if funds.moved_minor != net_minor:
        found.append(("fund:sum", funds.moved_minor, net_minor, "not what the trade bill adds up to"))
    return found


def judge_shared(listed: Sequence[tuple[str, str, int]], known: Mapping[str, int]) -> list[tuple[str, int, int, str]]:
    """As `judge_funds`, for what the bill lists as shared: `listed` is (movement, the platform's number, signed sum),
    `known` what our shares moved by these numbers. A share that is listed once with our sum is explained."""
    found, seen = [], set[str]()
    for flow_id, number, amount_minor in listed:
        ours = known.get(number, 0)
        if number in seen:
            found.append((f"fund:share:{flow_id}", amount_minor, 0, "the bill lists this share twice"))
        elif ours != amount_minor:
            why = "the sums of this share differ" if ours else "the platform shared it, and no share of ours says so"
            found.append((f"fund:share:{flow_id}", amount_minor, ours, why))
        seen.add(number)
    return found
