"""Every event in every representative state of a purchase: where the order goes, and what must hold in any case.

Longer because its rules share one set of states and events, and are read against each other.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.cloud.sales.purchase_rules import balances, check_books, check_purchase, check_step
from tests.cloud.sales.purchases import (
    ALONE,
    AT,
    CHARGE,
    EVENTS,
    FIRST,
    MERCHANT,
    OPERATOR,
    SECOND,
    SECOND_PERSON,
    STATES,
    TOTAL,
    Played,
    charge_added,
    paid,
    payment,
    play,
    resolved,
    sent_on,
    state,
    vend,
)
from vendomat.cloud.orders import BuyerLinks, CommandState, Finding, FindingMove, OrderState, UnitOutcome
from vendomat.cloud.payments import RefundStage, Verdict, refund_number
from vendomat.cloud.sales.desk_model import GoodwillGiven, HeldFor, MoneyJudged, RefundHeld
from vendomat.cloud.sales.goodwill_steps import next_ordinal
from vendomat.cloud.sales.model import (
    MoveStock,
    Note,
    PaymentAdded,
    PaymentUncertain,
    RaiseAlarm,
    RestoreCode,
    SecurityAlert,
    SettleUses,
    Tell,
    VendSaid,
)
from vendomat.cloud.sales.status import status_of
from vendomat.cloud.sales.steps import step
from vendomat.kernel import derive_id
from vendomat.protocol import RefundStatus

LINKS = BuyerLinks(b"k" * 32, "https://vend.example")
MISFITS = ("first paid too late", "first paid with too little", "first paid to a stranger", "first paid in dollars")
MOVES: dict[str, dict[str, tuple[str, ...]]] = {
    "awaiting": {"paid": ("first paid",), "expired": ("first closed",)},
    "two codes": {"paid": ("first paid", "second paid")},
    "expiring": {"paid": ("first paid",), "expired": (*MISFITS, "first closed")},
    "cancelling": {"cancelled": ("first paid", *MISFITS, "first closed")},
    "uncertain": {"paid": ("first paid",), "expired": (*MISFITS, "first closed")},
    "expiring with two codes": {"paid": ("first paid", "second paid"), "expired": ("second closed",)},
    "frozen": {"expired": ("expiry asked",), "cancelled": ("cancel asked",)},
    "paid": {"dispensing": ("unit 1 started",)},
    "paid beside a code": {"dispensing": ("unit 1 started",)},
    "paid twice": {"dispensing": ("unit 1 started",)},
    "fencing": {"dispensing": ("unit 1 started",)},
    "on the second unit": {
        "dispensing": ("unit 2 started",),
        "settled": ("unit 2 delivered", "unit 2 delivered twice"),
    },
    "on the second unit after a failure": {"dispensing": ("unit 2 started",)},
    **{
        name: {"settled": ("refund succeeded",)}
        for name in ("ambiguous", "ambiguous and seen out", "ambiguous and seen in", "ambiguous for ever")
    },
    "refund requested": {"settled": ("refund succeeded",)},
    "refund processing": {"settled": ("refund succeeded",)},
    "refund unknown": {"settled": ("refund succeeded",)},
    "refund given up": {"settled": ("refund succeeded", "paid by hand")},
    **{
        name: {"settled": ("refund succeeded", "paid by hand")}
        for name in ("refund stranded", "to be sent on", "refund sent on and stranded again")
    },
    **{
        name: {"settled": ("refund succeeded",)}
        for name in ("refund sent on", "refund sent on by two", "refund sent on and taken")
    },
    "refund that came back": {"settled": ("paid by hand",)},
    "refund refused for ever": {"settled": ("refund succeeded", "paid by hand")},
    "paid by hand, waiting for a second person": {"settled": ("refund succeeded", "next released")},
    "paid by hand, declined": {"settled": ("refund succeeded", "next paid by hand")},
    "refund tried again": {"settled": ("refund succeeded", "next refund succeeded")},
    "refund given up twice": {"settled": ("refund succeeded", "next refund succeeded", "next paid by hand")},
    "refund held": {"settled": ("refund succeeded",)},
    "refund released": {"settled": ("refund succeeded",)},
    "refund asked": {"dispensing": ("unit 1 started",), "settled": ()},
    **{name: {"paid": ("first paid", "charge paid")} for name in ("charging", "waiting for the password")},
    **{name: {"paid": ("first paid",)} for name in ("reversing", "reversing, not answered")},
    **{
        name: {"paid": ("first paid",), "expired": ("first closed",)}
        for name in ("charge refused", "reversed", "paid while it was reversed")
    },
    "cancelling with a charge": {"cancelled": ("charge refused", "charge paid", "charge closed")},
    "expiring with a charge": {"paid": ("first paid",), "expired": ("charge refused", "charge paid", "charge closed")},
    **{
        name: {"dispensing": ("unit 1 started",)}
        for name in ("paid by a charge", "paid beside a charge", "paid twice, by a charge")
    },
    "offered to hold": {"paid": ("first paid", "hold held", "hold captured in full", "hold captured, told later")},
    "held for too little": {"paid": ("first paid",)},
    **{name: {"dispensing": ("unit 1 started",)} for name in ("held", "held beside a payment", "taken at once")},
    **{
        name: {"dispensing": ("unit 2 started",)}
        for name in (
            "on the second unit of a hold",
            "on the second unit of a hold after a failure",
            "hold captured by others on the way",
        )
    },
    "hold gone on the way": {
        "dispensing": ("unit 2 started",),
        "settled": ("unit 2 delivered", "unit 2 delivered twice", "unit 2 not_delivered", "deadline 2"),
    },
    "capturing all": {
        "settled": (
            "hold captured",
            "hold captured in full",
            "hold captured but a fen",
            "hold captured, told later",
            "hold closed",
        )
    },
    **{name: {"settled": ("hold captured", "hold closed")} for name in ("capturing a part", "capturing, not answered")},
    **{name: {"settled": ("hold closed",)} for name in ("releasing", "releasing after a doubt")},
    "captured too much": {"settled": ("refund of the hold succeeded",)},
}
"""Where an order moves. Every pair of state and event that is not here leaves the order's state alone."""

PAIRS = [(name, event) for name in STATES for event in EVENTS]


def expected(name: str, event: str, now: str) -> str:
    return next((after for after, events in MOVES.get(name, {}).items() if event in events), now)


@pytest.mark.parametrize("name", STATES)
def test_every_event_moves_the_order_as_the_table_says_and_breaks_no_rule(name: str) -> None:
    before = state(name)
    for event in EVENTS:
        after = play([EVENTS[event]], before.purchase)
        assert after.purchase.state == expected(name, event, before.purchase.state), event
        check_step(before.purchase, after.purchase)
        check_purchase(after.purchase)
        check_books(Played(after.purchase, before.effects + after.effects))


@pytest.mark.parametrize("name", STATES)
def test_an_event_that_comes_twice_changes_nothing_the_second_time(name: str) -> None:
    for event in EVENTS.values():
        once, _ = step(state(name).purchase, event)
        twice, effects = step(once, event)
        assert twice is once, event
        assert not any(type(e).__name__ in ("Post", "MoveStock", "Tell", "RestoreCode") for e in effects), event


def test_the_table_names_only_what_there_is() -> None:
    assert set(MOVES) <= set(STATES)
    assert {event for moves in MOVES.values() for events in moves.values() for event in events} <= set(EVENTS)


@pytest.mark.parametrize("name", ["paid", "fencing", "dispensing", "unknown"])
def test_goods_that_come_late_are_the_merchants_loss_and_change_no_buyers_money(name: str) -> None:
    ended = play([EVENTS["deadline 1"]], state(name).purchase).purchase
    assert ended.units[0].outcome is UnitOutcome.UNKNOWN and ended.units[0].is_final
    late = play([EVENTS["unit 1 delivered"]], ended)
    unit, *others = late.purchase.units
    assert unit == replace(ended.units[0], finding=Finding.CAME_OUT) and tuple(others) == ended.units[1:]
    assert (late.purchase.payments, late.purchase.refunds) == (ended.payments, ended.refunds)
    assert [e.kind for e in late.effects if isinstance(e, RaiseAlarm)] == ["delivered_after_refund"]
    assert [e.kind for e in late.effects if isinstance(e, Note)] == ["vend.delivered"]
    assert [e for e in late.effects if isinstance(e, MoveStock)] == [MoveStock("A1", 1, 1, 0)]
    assert balances(late.effects) == {
        "expense:sensor_fault": 350,
        f"income:sales:{MERCHANT}": -350,
        "memo:ambiguous": -350,
        "memo:ambiguous_contra": 350,
    }


def test_f45_goods_the_sensor_missed_are_booked_once_however_often_they_are_told() -> None:
    """F45: refund and goods: the merchant's loss is booked on its own account, once."""
    refunded = state("settled with a refund").purchase
    told = play([EVENTS["unit 2 delivered"], EVENTS["unit 2 delivered twice"]], refunded)
    assert balances(told.effects) == {"expense:sensor_fault": 200, f"income:sales:{MERCHANT}": -200}
    assert [e.delivered for e in told.effects if isinstance(e, MoveStock)] == [1]
    assert told.purchase.refunds == refunded.refunds and told.purchase.state is refunded.state


def test_a_refund_paid_after_it_was_given_up_counts() -> None:
    given_up = state("refund given up").purchase
    after = play([EVENTS["refund succeeded"]], given_up)
    assert after.purchase.state is OrderState.SETTLED
    assert balances(after.effects) == {"liab:refund_payable": 200, "asset:clearing:wechat:1900000001": -200}


def test_a_refund_given_up_is_tried_again_under_the_next_number_by_a_person() -> None:
    again = state("refund tried again").purchase
    first, second = again.refunds
    assert (first.ordinal, first.stage, first.approved_by) == (1, RefundStage.FAILED, "")
    assert (second.ordinal, second.stage, second.approved_by) == (2, RefundStage.REQUESTED, OPERATOR)
    assert (second.refund_id, second.amount_minor) == (refund_number(FIRST, 2), first.amount_minor)
    done = play([EVENTS["next refund succeeded"]], again)
    assert done.purchase.state is OrderState.SETTLED
    assert status_of(done.purchase, AT, LINKS).refund == RefundStatus(
        state="refunded", amount_minor=200, channel="wechat"
    )


@pytest.mark.parametrize("name", ["refund requested", "refund processing", "refund unknown", "settled with a refund"])
def test_a_refund_that_may_still_pay_is_not_given_a_second_number(name: str) -> None:
    before = state(name).purchase
    assert play([EVENTS["refund retried"]], before).purchase is before


def test_an_earlier_number_that_pays_after_all_ends_the_later_one_unless_that_was_taken() -> None:
    paid = state("refund paid after all").purchase
    ended = play([EVENTS["next refund not_accepted"]], paid).purchase
    assert [r.stage for r in ended.refunds] == [RefundStage.SUCCEEDED, RefundStage.FAILED]
    assert status_of(ended, AT, LINKS).refund == RefundStatus(state="refunded", amount_minor=200, channel="wechat")
    twice = play([EVENTS["next refund succeeded"]], paid)
    assert balances(twice.effects)["expense:goodwill"] == 200
    assert [e.kind for e in twice.effects if isinstance(e, RaiseAlarm)] == ["refund_paid_twice"]


def test_a_held_refund_waits_for_a_person_and_the_buyer_is_told_so() -> None:
    held = state("refund held")
    assert [e.kind for e in held.effects if isinstance(e, RaiseAlarm)] == ["vend_failed", "refund_held"]
    told = status_of(held.purchase, AT, LINKS).refund
    assert told is not None and told.state == "checking"
    released = play([EVENTS["refund released"]], held.purchase).purchase
    assert (released.refunds[0].stage, released.refunds[0].approved_by) == (RefundStage.REQUESTED, OPERATOR)
    assert play([EVENTS["refund held"]], released).purchase is released, "what a person let go is not held again"


def test_a_refund_asked_while_a_motor_turns_waits_for_its_outcome() -> None:
    asked = state("refund asked while a motor turns").purchase
    first, second = asked.units
    assert not first.is_final and (second.outcome, second.is_final) == (UnitOutcome.NOT_DELIVERED, True)
    assert not asked.refunds
    for said, amount in (("unit 1 delivered", 200), ("unit 1 not_delivered", TOTAL), ("deadline 1", TOTAL)):
        ended = play([EVENTS[said]], asked).purchase
        assert [r.amount_minor for r in ended.refunds] == [amount], said
        assert ended.units[1].command is None


def test_a_refund_asked_before_the_motor_fences_the_command_first() -> None:
    asked = state("refund asked").purchase
    assert asked.units[0].command is not None and asked.units[0].command.state is CommandState.FENCING
    assert not asked.refunds
    fenced = play([EVENTS["unit 1 refused"]], asked).purchase
    assert [r.amount_minor for r in fenced.refunds] == [TOTAL]
    started = play([EVENTS["unit 1 delivered"]], asked).purchase
    assert [r.amount_minor for r in started.refunds] == [200], "it had been faster than the fence"


def test_an_outcome_that_overtakes_its_intent_is_the_last_word() -> None:
    overtaken = play([EVENTS["unit 1 delivered"], EVENTS["unit 1 started"]], state("paid").purchase)
    assert overtaken.purchase.units[0].outcome is UnitOutcome.DELIVERED
    assert overtaken.purchase.units[1].command is not None


def test_a_fact_of_another_machine_is_an_alert_and_nothing_else() -> None:
    for name in STATES:
        before = state(name).purchase
        after, effects = step(before, EVENTS["unit 1 delivered by a stranger"])
        assert after is before
        assert [type(e) for e in effects] == [SecurityAlert]


@pytest.mark.parametrize("event", ["first paid with too little", "first paid to a stranger"])
def test_unexplained_money_is_held_and_nothing_goes_back_by_itself(event: str) -> None:
    for name in ("awaiting", "expiring", "cancelling", "expired"):
        after = play([EVENTS[event]], state(name).purchase)
        assert after.purchase.payments[0].is_frozen and not after.purchase.refunds
        assert [e.kind for e in after.effects if isinstance(e, RaiseAlarm)] == ["payment_mismatch"]


def test_a_refund_notice_may_overtake_the_answer_to_the_refund() -> None:
    done = play([EVENTS["refund succeeded"]], state("refund requested").purchase).purchase
    for late in ("refund accepted", "refund unknown", "refund refused", "refund given_up", "refund not_accepted"):
        after, effects = step(done, EVENTS[late])
        assert after is done and not effects


def test_every_undelivered_unit_is_in_the_one_refund() -> None:
    failed = play([EVENTS["unit 1 not_delivered"], EVENTS["command 2 never sent"]], state("paid").purchase).purchase
    (refund,) = failed.refunds
    assert (refund.ordinal, refund.amount_minor) == (1, TOTAL)
    assert not any(isinstance(e, RestoreCode) for e in play([EVENTS["refund succeeded"]], failed).effects)


def test_a_second_code_of_unclear_fate_does_not_take_the_goods_of_a_paid_order() -> None:
    """The model check found it: paid within the grace, then the other code's close stays unanswered beyond it."""
    won = play([EVENTS["second added"], EVENTS["expiry asked"], EVENTS["first paid"]])
    unclear = PaymentUncertain(SECOND, "time-out", timedelta(seconds=30), AT + timedelta(seconds=200))
    after = play([unclear], won.purchase)
    check_books(Played(after.purchase, won.effects + after.effects))
    assert after.purchase.state is OrderState.PAID
    assert not any(unit.is_final for unit in after.purchase.units)


def test_a_command_that_another_worker_sent_meanwhile_is_fenced_and_not_called_unsent() -> None:
    """The model check found it: a worker reads a row without a nonce, is paused, and another sends the command."""
    purchase = state("paid").purchase
    first = purchase.units[0]
    assert first.command is not None
    sent = replace(first, command=replace(first.command, nonce="quoted since", epoch=1, nonce_at=AT))
    after = play([EVENTS["command 1 never sent"]], replace(purchase, units=(sent, *purchase.units[1:])))
    assert not after.purchase.units[0].is_final
    assert after.purchase.units[0].command is not None
    assert after.purchase.units[0].command.state is CommandState.FENCING


# --- fields that no state of the table can tell apart -----------------------------------------------------------------


def test_a_machine_is_heard_whenever_it_speaks_of_a_unit() -> None:
    later = AT + timedelta(seconds=5)
    for said in (VendSaid.STARTED, VendSaid.UNKNOWN):
        after = play([replace(vend(1, said), at=later, reason="door opened")], state("paid").purchase)
        unit = after.purchase.units[0]
        assert unit.command is not None and unit.command.heard_at == later
        assert unit.reason == ("door opened" if said is VendSaid.UNKNOWN else "")


def test_what_the_board_measured_is_evidence() -> None:
    measured = replace(vend(1, VendSaid.DELIVERED), motor_ms=1200, drop_ms=900, turns=2)
    figures = {"motor_ms": 1200, "drop_ms": 900, "turns": 2}
    for event, told in ((measured, figures), (vend(1, VendSaid.DELIVERED), {})):
        note = next(e for e in play([event], state("paid").purchase).effects if isinstance(e, Note))
        assert {name: value for name, value in note.data.items() if name in figures} == told


def test_the_platforms_own_moment_of_payment_is_kept_else_ours() -> None:
    told, heard = AT + timedelta(seconds=3), AT + timedelta(seconds=9)
    for paid_at, kept in ((told, told), (None, heard)):
        after = play([replace(paid(at=heard), paid_at=paid_at)])
        assert after.purchase.payments[0].paid_at == kept


def test_who_paid_is_kept_as_the_platform_says() -> None:
    assert play([replace(paid(), payer="openid")]).purchase.payments[0].payer == "openid"


@pytest.mark.parametrize(
    ("name", "late", "are_goods_free"),
    [
        ("expiring", timedelta(0), False),
        ("expiring", timedelta(microseconds=1), True),
        ("uncertain", timedelta(microseconds=1), True),
        ("awaiting", timedelta(days=1), False),
    ],
)
def test_an_answer_that_stays_away_frees_the_goods_only_of_an_order_that_ran_out(
    name: str, late: timedelta, are_goods_free: bool
) -> None:
    at = state(name).purchase.expires_at + timedelta(seconds=30) + late
    event = PaymentUncertain(FIRST, "time-out", timedelta(seconds=30), at)
    after = play([event], state(name).purchase)
    assert [e for e in after.effects if isinstance(e, MoveStock)] == (
        [MoveStock(f"A{n}", n, 0, 1) for n in (1, 2)] if are_goods_free else []
    )
    assert all(unit.is_final is are_goods_free for unit in after.purchase.units)


def test_a_number_is_of_one_payment_even_when_that_is_closed() -> None:
    closed = play([EVENTS["first closed"]], state("two codes").purchase).purchase
    assert closed.state is OrderState.AWAITING_PAYMENT and not closed.payments[0].is_open
    assert play([PaymentAdded(payment(FIRST, "wechat"), AT)], closed).purchase is closed
    again = play([PaymentAdded(payment("pay_" + "9" * 26, "wechat"), AT)], closed).purchase
    assert [p.is_open for p in again.payments] == [False, True, True]


def test_a_finding_about_a_unit_that_is_not_there_changes_nothing() -> None:
    before = state("ambiguous").purchase
    assert play([resolved(9, FindingMove.SEE_OUT)], before) == Played(before, ())


def test_a_single_fen_that_goes_back_beyond_what_was_owed_is_a_loss() -> None:
    again = state("refund tried again").purchase
    first, second = again.refunds
    before = replace(again, refunds=(first, replace(second, amount_minor=1)))
    after = play([EVENTS["refund succeeded"], EVENTS["next refund succeeded"]], before)
    assert [e.kind for e in after.effects if isinstance(e, RaiseAlarm)] == ["refund_paid_twice"]
    assert balances(after.effects)["expense:goodwill"] == 1


def test_one_person_sends_on_up_to_the_limit_and_not_a_cent_more() -> None:
    stranded = state("refund stranded").purchase
    (refund,) = stranded.refunds
    for over in (0, 1):
        (after,) = play([sent_on(alone=refund.amount_minor - over)], stranded).purchase.refunds
        assert (after.stage is refund.stage) is (after.send_asked_by == OPERATOR) is bool(over)


def test_goodwill_is_booked_only_when_it_has_gone_back_and_is_the_merchants_loss() -> None:
    asked = state("goodwill on its way").purchase
    (gift,) = asked.refunds
    assert (gift.stage, gift.asked_by, gift.amount_minor) == (RefundStage.REQUESTED, OPERATOR, ALONE)
    assert not balances(play([EVENTS["goodwill small at 1"]], state("settled").purchase).effects)
    back = play([EVENTS["refund succeeded"]], asked)
    fund = "asset:clearing:wechat:1900000001"
    assert balances(back.effects) == {"expense:goodwill": ALONE, "liab:refund_payable": 0, fund: -ALONE}
    assert not [e for e in back.effects if isinstance(e, RaiseAlarm)], "it was meant"


def test_a_large_goodwill_waits_for_a_second_person() -> None:
    held = state("goodwill waits for a second person").purchase
    assert held.refunds[0].stage is RefundStage.HELD
    assert play([EVENTS["goodwill released by its giver"]], held).purchase is held
    gone = play([EVENTS["goodwill released"]], held).purchase
    assert (gone.refunds[0].stage, gone.refunds[0].approved_by) == (RefundStage.REQUESTED, SECOND_PERSON)
    no = play([EVENTS["goodwill declined"]], held).purchase
    assert (no.refunds[0].stage, no.refunds[0].error) == (RefundStage.FAILED, "declined")
    assert no.refunds[0].is_replaced_in(no.refunds), "nothing waits for it"


@pytest.mark.parametrize(
    ("name", "told", "offer"),
    [
        ("offered to hold", None, "starting"),
        ("held", ("held", TOTAL), "paid"),
        ("held for too little", None, "closed"),
        ("capturing a part", ("held", TOTAL), "paid"),
        ("captured a part", ("taken", 350), "paid"),
        ("released", ("released", TOTAL), "closed"),
        ("lapsed", ("released", TOTAL), "closed"),
        ("captured too much", ("taken", TOTAL), "paid"),
    ],
)
def test_a_buyer_is_told_what_is_reserved_and_what_was_taken(
    name: str, told: tuple[str, int] | None, offer: str
) -> None:
    status = status_of(state(name).purchase, AT, LINKS)
    assert (status.hold and (status.hold.state, status.hold.amount_minor)) == told
    assert [one.state for one in status.offers if one.channel == "stripe"] == [offer]
    assert (status.refund is not None) == (name == "captured too much")


@pytest.mark.parametrize("name", [name for name in STATES if not name.startswith(("settled", "goodwill"))])
def test_nothing_is_given_before_a_sale_is_over_and_its_own_refund_done(name: str) -> None:
    before = state(name).purchase
    gift = GoodwillGiven(OPERATOR, "kind", 1, next_ordinal(before), ALONE, AT)
    after = play([gift], before).purchase
    is_over = before.state is OrderState.SETTLED and not any(r.is_open for r in before.refunds)
    is_taken = before.winning is not None and before.winning.captured_minor > 0  # of a hold given up there is nothing
    assert (after is not before) == (is_over and is_taken)


def test_never_more_is_given_than_was_paid_and_never_twice_at_one_place() -> None:
    sold = state("settled").purchase
    assert play([EVENTS["goodwill too large at 1"], EVENTS["goodwill small at 2"]], sold).purchase is sold
    given = state("goodwill given").purchase
    assert play([EVENTS["goodwill small at 1"]], given).purchase is given


class TestCharges:
    def test_no_vend_once_a_reverse_may_have_been_sent(self) -> None:
        for name in ("charge refused", "reversing", "reversing, not answered", "reversed", "expiring with a charge"):
            after = play([EVENTS["charge paid"]], state(name).purchase).purchase
            charge = after.payment(CHARGE)
            assert charge is not None and not charge.is_winning, name
            assert all(unit.command is None for unit in after.units), name
            assert [(r.payment_id, r.amount_minor) for r in after.refunds] == [(CHARGE, TOTAL)], name

    def test_one_charge_at_a_time(self) -> None:
        other = replace(charge_added().payment, payment_id=derive_id("pay", "other"), channel="wechat")
        for name in ("charging", "waiting for the password", "reversing"):
            assert step(state(name).purchase, PaymentAdded(other, AT))[0].payment(other.payment_id) is None
        for name in ("charge refused", "reversed"):
            assert step(state(name).purchase, PaymentAdded(other, AT))[0].payment(other.payment_id) is not None

    def test_a_charge_stands_in_no_codes_way(self) -> None:
        assert play([EVENTS["second added"]], state("charging").purchase).purchase.payment(SECOND) is not None

    def test_what_the_buyer_is_told(self) -> None:
        told = {
            name: [
                (o.state, o.reason) for o in status_of(state(name).purchase, AT, LINKS).offers if o.way == "code_scan"
            ]
            for name in STATES
        }
        assert told["charging"] == [("charging", "")]
        assert told["waiting for the password"] == [("password", "")]
        assert told["charge refused"] == [("closed", "not_enough")]
        assert told["reversing"] == [("reversing", "")]
        assert told["reversed"] == [("closed", "reversed")]
        assert told["paid by a charge"] == [("paid", "")]
        assert told["awaiting"] == []


def test_a_refund_held_for_its_payer_says_how_many_days_count() -> None:
    held = RefundHeld(refund_number(FIRST, 1), 3, AT, HeldFor.PAYER, 30)
    after = play([held], state("refund requested").purchase)
    detail = f"{held.refund_id}: 3 refunds to this payer within 30 days before it"
    assert [e.detail for e in after.effects if isinstance(e, RaiseAlarm)] == [detail]
    assert [e.data["payer_days"] for e in after.effects if isinstance(e, Note | Tell)] == [30, 30]


@pytest.mark.parametrize(
    ("captured", "currency", "verdict"),
    [
        (0, "CNY", Verdict.NONE),
        (1, "CNY", Verdict.KEPT),
        (ALONE, "CNY", Verdict.KEPT),
        (ALONE, "", Verdict.KEPT),
        (ALONE, "USD", Verdict.KEEP_ASKED),
        (ALONE + 1, "CNY", Verdict.KEEP_ASKED),
    ],
)
def test_how_much_money_that_fits_no_order_one_person_may_keep(captured: int, currency: str, verdict: Verdict) -> None:
    frozen = state("frozen").purchase
    before = replace(frozen.payments[0], captured_minor=captured, currency=currency)
    judged = MoneyJudged(FIRST, True, OPERATOR, "looked at", ALONE, AT)
    after = play([judged], replace(frozen, payments=(before, *frozen.payments[1:])))
    assert after.purchase.payments[0].verdict is verdict


def test_nothing_is_not_given_away() -> None:
    before = state("settled").purchase
    assert play([GoodwillGiven(OPERATOR, "a slip", 0, 1, ALONE, AT)], before).purchase is before


@pytest.mark.parametrize(
    ("name", "event", "is_paid"),
    [
        ("awaiting", "first paid", [True]),
        ("expiring", "first closed", [False]),
        ("cancelling", "first closed", [False]),
        ("awaiting", "expiry asked", []),
        ("paid", "unit 1 started", []),
    ],
)
def test_what_promotions_gave_is_settled_once_with_the_order(name: str, event: str, is_paid: list[bool]) -> None:
    plain = state(name).purchase
    for discount_minor, told in ((50, is_paid), (1, is_paid), (0, [])):
        after = play([EVENTS[event]], replace(plain, discount_minor=discount_minor))
        assert [e.is_paid for e in after.effects if isinstance(e, SettleUses)] == told
