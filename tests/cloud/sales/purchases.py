"""Purchases and events for tests of the pure step: made by playing events, never by setting a state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from vendomat.cloud.orders import Closing, FindingMove, OrderState, Unit
from vendomat.cloud.payments import WAITING_FOR_BUYER, Payment, PaymentState, PaymentWay, refund_number
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
    VerdictAgreed,
    VerdictDeclined,
)
from vendomat.cloud.sales.model import (
    AmbiguityResolved,
    ChargeAnswered,
    CloseAsked,
    CommandSilent,
    DeadlinePassed,
    Effect,
    Event,
    PaymentAdded,
    PaymentClosed,
    PaymentHeld,
    PaymentPaid,
    PaymentUncertain,
    Purchase,
    RefundSaid,
    RefundSeen,
    ReverseWanted,
    VendFactSeen,
    VendSaid,
)
from vendomat.cloud.sales.steps import step
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.kernel import derive_id

AT = datetime(2026, 6, 1, tzinfo=UTC)
MERCHANT = "mer_" + "0" * 26
MACHINE = "mch_" + "0" * 26
ORDER = derive_id("ord", "table")
ACCOUNTS = {"wechat": "1900000001", "alipay": "2021000000000001", "stripe": "acct_1"}
FIRST, SECOND, CHARGE = derive_id("pay", "first"), derive_id("pay", "second"), derive_id("pay", "charge")
HOLD = derive_id("pay", "hold")
CHANNEL_OF = {FIRST: "wechat", HOLD: "stripe"}
PRICES = (350, 200)
TOTAL = sum(PRICES)
OPERATOR = "opr_" + "0" * 26
SECOND_PERSON = "opr_" + "1" * 26
ALONE = 200
"""What one person may give alone."""


def payment(payment_id: str, channel: str) -> Payment:
    return Payment(payment_id, channel, ACCOUNTS[channel], TOTAL, PaymentState.CREATED)


def new_purchase(origin: str = "touch") -> Purchase:
    """Two units in two slots, one payment."""
    units = tuple(Unit(n, f"A{n}", "prd_" + "0" * 26, price) for n, price in enumerate(PRICES, start=1))
    return Purchase(
        merchant_id=MERCHANT,
        order_id=ORDER,
        machine_id=MACHINE,
        request_id=derive_id("req", "table"),
        origin=origin,
        state=OrderState.AWAITING_PAYMENT,
        version=1,
        currency="CNY",
        total_minor=TOTAL,
        created_at=AT,
        expires_at=AT + timedelta(seconds=120),
        units=units,
        payments=(payment(FIRST, "wechat"),),
    )


def paid(payment_id: str = FIRST, *, amount: int = TOTAL, at: datetime = AT, account: str = "") -> PaymentPaid:
    channel = CHANNEL_OF.get(payment_id, "alipay")
    return PaymentPaid(
        payment_id=payment_id,
        account=account or ACCOUNTS[channel],
        amount_minor=amount,
        currency="CNY",
        transaction_id=f"42{payment_id[-8:]}",
        paid_at=at,
        via="notice",
        grace=timedelta(seconds=30),
        at=at,
    )


def added(payment_id: str = SECOND, at: datetime = AT) -> PaymentAdded:
    return PaymentAdded(payment(payment_id, "alipay"), at)


def charge_added() -> PaymentAdded:
    """A code that the buyer showed was numbered, and is charged now."""
    return PaymentAdded(replace(payment(CHARGE, "alipay"), way=PaymentWay.CODE_SCAN, began_at=AT), AT)


def hold_added() -> PaymentAdded:
    """A code whose money is held first was numbered."""
    return PaymentAdded(replace(payment(HOLD, "stripe"), is_hold=True), AT)


def held(*, amount: int = TOTAL, at: datetime = AT, currency: str = "CNY") -> PaymentHeld:
    return PaymentHeld(HOLD, ACCOUNTS["stripe"], amount, currency, "pi_1", "notice", timedelta(seconds=30), at)


def vend(unit: int, said: VendSaid, result: str = "", *, machine_id: str = MACHINE, at: datetime = AT) -> VendFactSeen:
    words = {VendSaid.STARTED: "", VendSaid.DELIVERED: "delivered", VendSaid.NOT_DELIVERED: "jam"}
    spoken = result or words.get(said, "unknown")
    return VendFactSeen(command_number(ORDER, unit), machine_id, said, spoken, "", f"1/{unit}", at)


def resolved(unit: int, move: FindingMove, at: datetime = AT) -> AmbiguityResolved:
    return AmbiguityResolved(unit, move, "opr_" + "0" * 26, "counted the slot", at)


def refund(said: RefundSaid, payment_id: str = FIRST, ordinal: int = 1) -> RefundSeen:
    return RefundSeen(refund_number(payment_id, ordinal), said, "" if said is RefundSaid.SUCCEEDED else "why", AT)


def by_hand(ordinal: int = 1, *, payment_id: str = FIRST, alone: int = ALONE) -> PaidByHand:
    return PaidByHand(refund_number(payment_id, ordinal), "cash", "slip 7", OPERATOR, "account closed", alone, AT)


def sent_on(to: str = "merchant", by: str = OPERATOR, *, alone: int = ALONE) -> SendOnWanted:
    return SendOnWanted(refund_number(FIRST, 1), to, by, "the buyer named a card", alone, AT)


def retried(payment_id: str = FIRST, ordinal: int = 1) -> RefundRetried:
    return RefundRetried(refund_number(payment_id, ordinal), OPERATOR, "the account is open again", AT)


EVENTS: dict[str, Event] = {
    "first paid": paid(),
    "first paid too late": paid(at=AT + timedelta(seconds=151)),
    "first paid with too little": paid(amount=TOTAL - 1),
    "first paid to a stranger": paid(account="1900000009"),
    "first paid in dollars": replace(paid(), currency="USD"),
    "second paid": paid(SECOND),
    "first closed": PaymentClosed(FIRST, AT),
    "second closed": PaymentClosed(SECOND, AT),
    "first uncertain": PaymentUncertain(FIRST, "time-out", timedelta(seconds=30), AT),
    "expiry asked": CloseAsked(Closing.EXPIRING, AT),
    "cancel asked": CloseAsked(Closing.CANCELLING, AT),
    "second added": added(),
    "charge added": charge_added(),
    "charge waiting": ChargeAnswered(CHARGE, False, WAITING_FOR_BUYER, "USERPAYING", AT),
    "charge refused": ChargeAnswered(CHARGE, True, "not_enough", "NOTENOUGH", AT),
    "reverse wanted": ReverseWanted(CHARGE, "not paid in time", AT),
    "charge paid": paid(CHARGE),
    "charge closed": PaymentClosed(CHARGE, AT),
    "charge uncertain": PaymentUncertain(CHARGE, "time-out", timedelta(seconds=30), AT),
    "hold added": hold_added(),
    "hold held": held(),
    "hold held too late": held(at=AT + timedelta(seconds=151)),
    "hold held for too little": held(amount=TOTAL - 1),
    "hold held in dollars": held(currency="USD"),
    "hold captured": paid(HOLD, amount=PRICES[0]),
    "hold captured in full": paid(HOLD),
    "hold captured but a fen": paid(HOLD, amount=TOTAL - 1),
    "hold captured, told later": replace(paid(HOLD), at=AT + timedelta(seconds=60)),
    "hold captured in dollars": replace(paid(HOLD), currency="USD"),
    "hold closed": PaymentClosed(HOLD, AT),
    "hold uncertain": PaymentUncertain(HOLD, "time-out", timedelta(seconds=30), AT),
    **{f"refund of the hold {said}": refund(said, HOLD) for said in (RefundSaid.SUCCEEDED, RefundSaid.GIVEN_UP)},
    **{f"unit {n} {said}": vend(n, said) for n in (1, 2) for said in VendSaid},
    "unit 2 delivered twice": replace(vend(2, VendSaid.DELIVERED, "delivered_double"), origin="1/9"),
    "unit 1 refused": replace(vend(1, VendSaid.NOT_DELIVERED), result="", reason="expired"),
    "unit 1 delivered by a stranger": vend(1, VendSaid.DELIVERED, machine_id="mch_" + "1" * 26),
    **{f"command {n} silent": CommandSilent(command_number(ORDER, n), was_sent=True, at=AT) for n in (1, 2)},
    **{f"command {n} never sent": CommandSilent(command_number(ORDER, n), was_sent=False, at=AT) for n in (1, 2)},
    **{f"deadline {n}": DeadlinePassed(command_number(ORDER, n), AT) for n in (1, 2)},
    **{f"unit {n} resolved {move}": resolved(n, move) for n in (1, 2) for move in FindingMove},
    **{f"refund {said}": refund(said) for said in RefundSaid},
    **{f"second refund {said}": refund(said, SECOND) for said in RefundSaid},
    **{f"next refund {said}": refund(said, ordinal=2) for said in RefundSaid},
    "refund retried": retried(),
    "second refund retried": retried(SECOND),
    "next refund retried": retried(ordinal=2),
    "refund held": RefundHeld(refund_number(FIRST, 1), 30, AT),
    "refund released": RefundReleased(refund_number(FIRST, 1), OPERATOR, "seen on site", AT),
    **{
        f"goodwill {word} at {place}": GoodwillGiven(OPERATOR, "the buyer was kind", amount, place, ALONE, AT)
        for word, amount in (("small", ALONE), ("large", ALONE + 1), ("too large", TOTAL + 1))
        for place in (1, 2)
    },
    "goodwill released by its giver": RefundReleased(refund_number(FIRST, 1), OPERATOR, "why not", AT),
    "goodwill released": RefundReleased(refund_number(FIRST, 1), SECOND_PERSON, "seen", AT),
    "goodwill declined": RefundDeclined(refund_number(FIRST, 1), OPERATOR, "not for this", AT),
    "next goodwill declined": RefundDeclined(refund_number(FIRST, 2), SECOND_PERSON, "not for this", AT),
    "refund asked": RefundAsked(OPERATOR, "the buyer called", AT),
    **{
        f"frozen money {word} by {who}": MoneyJudged(FIRST, word == "kept", OPERATOR, "looked at", alone, AT)
        for word in ("given back", "kept")
        for who, alone in (("one person", TOTAL), ("the first of two", ALONE))
    },
    **{
        f"verdict of {person} to {word}": VerdictAgreed(FIRST, word == "keep", by, "seen too", AT)
        for person, by in (("the first", OPERATOR), ("the second", SECOND_PERSON))
        for word in ("give", "keep")
    },
    "verdict declined": VerdictDeclined(FIRST, SECOND_PERSON, "not so", AT),
    "paid by hand": by_hand(),
    "paid by hand, large": by_hand(alone=1),
    "next paid by hand": by_hand(2),
    "second paid by hand": by_hand(payment_id=SECOND),
    "refund stranded": replace(refund(RefundSaid.GIVEN_UP), error="abnormal"),
    "sent on": sent_on(alone=TOTAL),
    "sent on to a card by the first of two": sent_on("card:3445", alone=1),
    "sent on to a card by the second": sent_on("card:3445", SECOND_PERSON, alone=1),
    "sent on to another card by the second": sent_on("card:0000", SECOND_PERSON, alone=1),
    "next released": RefundReleased(refund_number(FIRST, 2), SECOND_PERSON, "seen", AT),
    "next released by its giver": RefundReleased(refund_number(FIRST, 2), OPERATOR, "why not", AT),
}

_PAID = ("first paid",)
_JAMMED = (*_PAID, "unit 1 delivered", "unit 2 not_delivered")
_SOLD = (*_PAID, "unit 1 delivered", "unit 2 delivered")
_GIVEN_UP = (*_JAMMED, "refund never")
_STRANDED = (*_JAMMED, "refund stranded")
_MISFIT = ("expiry asked", "first paid with too little")
_HELD = ("hold added", "hold held")
_HELD_JAMMED = (*_HELD, "unit 1 delivered", "unit 2 not_delivered")
_HELD_SOLD = (*_HELD, "unit 1 delivered", "unit 2 delivered")
_AMBIGUOUS = (*_PAID, "unit 1 started", "deadline 1", "unit 2 delivered")
STATES: dict[str, tuple[str, ...]] = {
    "awaiting": (),
    "two codes": ("second added",),
    "expiring": ("expiry asked",),
    "cancelling": ("cancel asked",),
    "uncertain": ("expiry asked", "first uncertain"),
    "expiring with two codes": ("second added", "expiry asked", "first closed"),
    "expired": ("expiry asked", "first closed"),
    "cancelled": ("cancel asked", "first closed"),
    "frozen": ("first paid with too little",),
    "frozen and expired": ("first paid with too little", "expiry asked"),
    "late": ("expiry asked", "first closed", "first paid too late"),
    "late and refunded": ("expiry asked", "first closed", "first paid", "refund succeeded"),
    "paid": _PAID,
    "paid beside a code": ("second added", *_PAID),
    "paid twice": ("second added", *_PAID, "second paid"),
    "fencing": (*_PAID, "command 1 silent"),
    "dispensing": (*_PAID, "unit 1 started"),
    "unknown": (*_PAID, "unit 1 started", "unit 1 unknown"),
    "on the second unit": (*_PAID, "unit 1 delivered"),
    "on the second unit after a failure": (*_PAID, "unit 1 not_delivered"),
    "both unknown": (*_PAID, "unit 1 unknown", "unit 2 unknown"),
    "refund requested": _JAMMED,
    "refund processing": (*_JAMMED, "refund accepted"),
    "refund unknown": (*_JAMMED, "refund unknown"),
    "refund given up": (*_JAMMED, "refund given_up"),
    "ambiguous": _AMBIGUOUS,
    "ambiguous and seen out": (*_AMBIGUOUS, "unit 1 resolved see_out"),
    "ambiguous and seen in": (*_AMBIGUOUS, "unit 1 resolved see_in"),
    "ambiguous for ever": (*_AMBIGUOUS, "unit 1 resolved give_up"),
    "ambiguous and settled": (*_AMBIGUOUS, "refund succeeded"),
    "refund tried again": (*_JAMMED, "refund given_up", "refund retried"),
    "refund given up twice": (*_JAMMED, "refund given_up", "refund retried", "next refund given_up"),
    "refund paid twice": (*_JAMMED, "refund given_up", "refund retried", "refund succeeded", "next refund succeeded"),
    "refund paid after all": (*_JAMMED, "refund given_up", "refund retried", "refund succeeded"),
    "refund held": (*_JAMMED, "refund held"),
    "refund released": (*_JAMMED, "refund held", "refund released"),
    "refund asked": (*_PAID, "refund asked"),
    "refund asked while a motor turns": (*_PAID, "unit 1 started", "refund asked"),
    "late with a refund given up": ("expiry asked", "first closed", "first paid", "refund given_up"),
    "charging": ("charge added",),
    "waiting for the password": ("charge added", "charge waiting"),
    "charge refused": ("charge added", "charge refused"),
    "reversing": ("charge added", "charge waiting", "reverse wanted"),
    "reversing, not answered": ("charge added", "reverse wanted", "charge uncertain"),
    "reversed": ("charge added", "reverse wanted", "charge closed"),
    "paid while it was reversed": ("charge added", "reverse wanted", "charge paid"),
    "cancelling with a charge": ("charge added", "cancel asked", "first closed"),
    "expiring with a charge": ("charge added", "expiry asked", "first closed"),
    "paid by a charge": ("charge added", "charge paid"),
    "paid beside a charge": ("charge added", *_PAID),
    "paid twice, by a charge": ("charge added", *_PAID, "charge paid"),
    "offered to hold": ("hold added",),
    "held": _HELD,
    "held, and cancelled before": ("hold added", "cancel asked", "hold held"),
    "held too late": ("hold added", "expiry asked", "first closed", "hold closed", "hold held too late"),
    "held for too little": ("hold added", "hold held for too little"),
    "held beside a payment": ("hold added", *_PAID, "hold held"),
    "dispensing on a hold": (*_HELD, "unit 1 started"),
    "on the second unit of a hold after a failure": (*_HELD, "unit 1 not_delivered"),
    "on the second unit of a hold": (*_HELD, "unit 1 delivered"),
    "hold gone on the way": (*_HELD, "unit 1 delivered", "hold closed"),
    "hold captured by others on the way": (*_HELD, "unit 1 not_delivered", "hold captured in full"),
    "capturing all": _HELD_SOLD,
    "capturing a part": _HELD_JAMMED,
    "capturing, not answered": (*_HELD_JAMMED, "hold uncertain"),
    "releasing": (*_HELD, "unit 1 not_delivered", "unit 2 not_delivered"),
    "releasing after a doubt": (*_HELD, "unit 1 not_delivered", "deadline 2"),
    "captured": (*_HELD_SOLD, "hold captured in full"),
    "captured a part": (*_HELD_JAMMED, "hold captured"),
    "captured too little": (*_HELD_SOLD, "hold captured"),
    "captured too much": (*_HELD_JAMMED, "hold captured in full"),
    "captured too much and paid back": (*_HELD_JAMMED, "hold captured in full", "refund of the hold succeeded"),
    "released": (*_HELD, "unit 1 not_delivered", "unit 2 not_delivered", "hold closed"),
    "lapsed": (*_HELD_JAMMED, "hold closed"),
    "lapsed, and taken after all": (*_HELD_JAMMED, "hold closed", "hold captured"),
    "goods of a hold that came late": (*_HELD, "unit 1 delivered", "deadline 2", "hold captured", "unit 2 delivered"),
    "taken at once": ("hold added", "hold captured in full"),
    "settled": (*_PAID, "unit 1 delivered", "unit 2 delivered"),
    "settled with a refund": (*_JAMMED, "refund succeeded"),
    "settled with goods that came late": (*_JAMMED, "refund succeeded", "unit 2 delivered"),
    "settled beside a code": ("second added", *_PAID, "unit 1 delivered", "unit 2 delivered"),
    "goodwill on its way": (*_SOLD, "goodwill small at 1"),
    "goodwill refused for now": (*_SOLD, "goodwill small at 1", "refund refused"),
    "goodwill given": (*_SOLD, "goodwill small at 1", "refund succeeded"),
    "goodwill given up": (*_SOLD, "goodwill small at 1", "refund given_up"),
    "goodwill waits for a second person": (*_SOLD, "goodwill large at 1"),
    "goodwill let go": (*_SOLD, "goodwill large at 1", "goodwill released"),
    "goodwill refused by a person": (*_SOLD, "goodwill large at 1", "goodwill declined"),
    "goodwill after a refund": (*_JAMMED, "refund succeeded", "goodwill small at 2", "next refund succeeded"),
    "refund stranded": _STRANDED,
    "to be sent on": (*_STRANDED, "sent on to a card by the first of two"),
    "refund sent on": (*_STRANDED, "sent on"),
    "refund sent on by two": (*_STRANDED, "sent on to a card by the first of two", "sent on to a card by the second"),
    "refund sent on and stranded again": (*_STRANDED, "sent on", "refund stranded"),
    "refund sent on and taken": (*_STRANDED, "sent on", "refund accepted"),
    "refund sent on and done": (*_STRANDED, "sent on", "refund succeeded"),
    "refund that came back": (*_STRANDED, "sent on", "refund to_our_bank"),
    "refund that came back, paid by hand": (*_STRANDED, "sent on", "refund to_our_bank", "paid by hand"),
    "refund refused for ever": _GIVEN_UP,
    "paid by hand": (*_GIVEN_UP, "paid by hand"),
    "paid by hand, waiting for a second person": (*_GIVEN_UP, "paid by hand, large"),
    "paid by hand, agreed": (*_GIVEN_UP, "paid by hand, large", "next released"),
    "paid by hand, declined": (*_GIVEN_UP, "paid by hand, large", "next goodwill declined"),
    "paid by hand and by the platform": (*_GIVEN_UP, "paid by hand", "refund succeeded"),
    "paid by the platform before the second person": (*_GIVEN_UP, "paid by hand, large", "refund succeeded"),
    "late and paid by hand": ("expiry asked", "first closed", "first paid", "refund never", "paid by hand"),
    "frozen, to be given back": (*_MISFIT, "frozen money given back by the first of two"),
    "frozen, to be kept": (*_MISFIT, "frozen money kept by the first of two"),
    "frozen and kept": (*_MISFIT, "frozen money kept by one person"),
    "frozen and given back": (*_MISFIT, "frozen money given back by one person", "refund succeeded"),
    "frozen in dollars": ("expiry asked", "first paid in dollars"),
    "frozen in dollars, asked for by one": (
        "expiry asked",
        "first paid in dollars",
        "frozen money given back by one person",
    ),
    "dollars given back by a second number after all": (
        *("expiry asked", "first paid in dollars", "frozen money given back by one person"),
        *("verdict of the second to give", "refund given_up", "refund retried", "refund succeeded"),
    ),
    "frozen in dollars, to be given back": (
        "expiry asked",
        "first paid in dollars",
        "frozen money given back by one person",
        "verdict of the second to give",
    ),
    "goodwill twice": (*_SOLD, "goodwill small at 1", "refund succeeded", "goodwill small at 2"),
}


@dataclass(frozen=True)
class Played:
    purchase: Purchase
    effects: tuple[Effect, ...]


def play(events: Iterable[Event], purchase: Purchase | None = None) -> Played:
    """The purchase after `events`, with everything they caused."""
    now, effects = purchase or new_purchase(), ()
    for event in events:
        now, more = step(now, event)
        effects += more
    return Played(now, effects)


def state(name: str) -> Played:
    return play(EVENTS[event] for event in STATES[name])
