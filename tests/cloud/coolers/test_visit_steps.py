"""The steps of a visit: every state and event, and the stories that money depends on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cloud.coolers.visits import AT, CMD, EVENTS, TWO_TEAS, booked, door, recount, seen, step, visit
from vendomat.cloud.coolers.model import (
    OWED,
    VISIT_MOVES,
    AgreeTimeUp,
    Alarm,
    DoorDeadline,
    DoorSaid,
    DoorSilent,
    MoveStock,
    Note,
    NotVouched,
    Post,
    Seen,
    Step,
    Visit,
    VisitState,
    WriteOffAsked,
)
from vendomat.cloud.orders import CommandState
from vendomat.cloud.payments import ServiceRefusal, ServiceState
from vendomat.kernel import ErrorCode, VendomatError

S = VisitState
RECEIVABLE, CLEARING, INCOME = "asset:receivable:wechat:19", "asset:clearing:wechat:19", "income:sales:mer_1"
LOSS, BAD_DEBT = "expense:cooler_loss", "expense:bad_debt"


def told(start: Visit, *names: str) -> Step:
    """The visit after these events, with every effect."""
    now = Step(start)
    for name in names:
        after = step(now.visit, EVENTS[name])
        now = Step(after.visit, (*now.effects, *after.effects))
    return now


def alarms(done: Step) -> list[str]:
    return [effect.kind for effect in done.effects if isinstance(effect, Alarm)]


def moved(done: Step) -> dict[str, int]:
    sums: dict[str, int] = {}
    for effect in done.effects:
        if isinstance(effect, MoveStock):
            sums[effect.slot] = sums.get(effect.slot, 0) + effect.pieces
    return {slot: pieces for slot, pieces in sums.items() if pieces}


class TestEveryEvent:
    @pytest.mark.parametrize("name", EVENTS)
    @pytest.mark.parametrize("state", list(VisitState))
    def test_moves_by_the_table_or_not_at_all(self, state: VisitState, name: str):
        before = visit(state)
        try:
            done = step(before, EVENTS[name])
        except VendomatError as refusal:
            assert refusal.code in (ErrorCode.CONFLICT, ErrorCode.NOT_FOUND)
            return
        after = done.visit
        assert (after.version == before.version) == (after == before)
        if after.state is not state:
            reached, edge = {state}, True
            while edge:  # one event may take two moves
                more = {to for (at, _), to in VISIT_MOVES.table.items() if at in reached} - reached
                reached |= more
                edge = bool(more)
            assert after.state in reached
        assert (after.command is None) or after.command.cmd_id == CMD

    @pytest.mark.parametrize("name", EVENTS)
    @pytest.mark.parametrize("state", [s for s in VisitState if s not in (S.ASKED, S.OFFERED)])
    def test_no_door_is_commanded_but_by_the_platforms_word_for_a_waiting_buyer(self, state: VisitState, name: str):
        before = visit(state)
        try:
            after = step(before, EVENTS[name]).visit
        except VendomatError:
            return
        assert after.state is not S.OPENING or state is S.OPENING
        assert (before.command is None) == (after.command is None)

    @pytest.mark.parametrize("name", EVENTS)
    @pytest.mark.parametrize("state", [S.ASKED, S.OFFERED])
    def test_only_an_open_order_opens(self, state: VisitState, name: str):
        after = step(visit(state), EVENTS[name]) if not name.startswith(("door", "recount", "written")) else None
        opens = after is not None and after.visit.state is S.OPENING
        assert opens == (name == "order open")
        if after is not None and opens:
            assert Note("platform", "visit.vouched", {"via": "test"}) in after.effects


class TestBeforeTheDoor:
    def test_a_risk_refusal_opens_nothing_and_owes_nothing(self):
        done = step(visit(), NotVouched(ServiceRefusal.RISK, "no", AT))
        assert (done.visit.state, done.visit.reason, booked(done)) == (S.REFUSED, "risk", {})

    def test_nobody_agreed_in_time(self):
        done = step(visit(S.OFFERED), AgreeTimeUp(AT))
        assert done.visit.state is S.CANCELLING
        assert step(done.visit, seen(ServiceState.REVOKED)).visit.state is S.ENDED

    def test_who_agreed_after_the_end_is_let_go(self):
        done = step(visit(S.ENDED, command=None), seen(ServiceState.OPEN))
        assert (done.visit.state, done.visit.command, done.visit.reason) == (S.CANCELLING, None, "agreed_late")

    def test_a_payer_is_forgotten_once_the_platform_knows(self):
        assert step(visit(payer="openid"), seen(ServiceState.OPEN)).visit.payer == ""
        assert step(visit(payer="openid"), seen(ServiceState.CREATED)).visit.payer == ""


class TestTheDoor:
    def test_never_sent_is_cancelled_without_a_question(self):
        command = visit(S.OPENING).command
        assert command is not None
        unsent = visit(S.OPENING, command=replace(command, nonce_at=None))
        done = step(unsent, DoorSilent(CMD, AT))
        assert (done.visit.state, done.visit.command and done.visit.command.state) == (S.CANCELLING, CommandState.DONE)

    def test_sent_and_silent_is_fenced_and_waits(self):
        done = step(visit(S.OPENING), DoorSilent(CMD, AT))
        assert (done.visit.state, done.visit.command and done.visit.command.state) == (S.OPENING, CommandState.FENCING)

    @pytest.mark.parametrize("name", ["door not known", "deadline"])
    def test_what_is_not_known_is_not_charged_and_is_counted(self, name: str):
        done = told(visit(S.OPENING), name)
        assert (done.visit.state, booked(done), alarms(done)) == (S.CANCELLING, {}, ["cooler.door_unknown"])

    def test_left_open_charges_what_was_recognised(self):
        done = told(visit(S.OPENING), "door left open, two")
        assert (done.visit.state, done.visit.owed_minor, alarms(done)) == (S.COMPLETING, 700, ["cooler.left_open"])

    def test_the_outcome_after_the_deadline_is_given(self):
        done = told(visit(S.OPENING), "deadline", "door shut, two")
        assert done.visit.state is S.CANCELLING
        assert booked(done) == {LOSS: 700, INCOME: -700}
        assert moved(done) == {"A1": 2}

    def test_above_the_ceiling_is_given_as_a_discount(self):
        done = step(visit(S.OPENING), door(DoorSaid.TAKEN, (Seen("A1", 6, "weight"),), "door_shut"))
        assert (done.visit.owed_minor, done.visit.bill().total_minor) == (2_000, 2_000)
        assert done.visit.bill().discounts[0].amount.minor_units == 100

    def test_what_was_put_elsewhere_is_not_charged(self):
        done = step(visit(S.OPENING), door(DoorSaid.TAKEN, (Seen("A1", 1, "w"), Seen("A2", -1, "w")), "door_shut"))
        assert (done.visit.state, done.visit.reason, alarms(done)) == (
            S.CANCELLING,
            "nothing_taken",
            ["cooler.count_needed"],
        )


class TestMoney:
    def test_completed_is_owed_and_collected_is_here(self):
        completed = told(visit(S.OPENING), "door shut, two", "order collecting 700")
        assert booked(completed) == {RECEIVABLE: 700, INCOME: -700}
        paid = told(visit(S.OPENING), "door shut, two", "order collecting 700", "order paid 700")
        assert (booked(paid), paid.visit.state) == ({CLEARING: 700, INCOME: -700}, S.PAID)

    def test_collected_before_we_heard_of_the_completion(self):
        paid = told(visit(S.OPENING), "door shut, two", "order paid 700")
        assert (booked(paid), paid.visit.state) == ({CLEARING: 700, INCOME: -700}, S.PAID)

    def test_the_same_word_twice_books_once(self):
        paid = told(visit(S.COLLECTING), "order paid 700", "order paid 700", "order collecting 700")
        assert booked(paid) == {CLEARING: 700, RECEIVABLE: -700}

    def test_another_sum_is_never_booked(self):
        done = step(visit(S.COLLECTING), seen(ServiceState.SETTLED, 700, 600))
        assert (done.visit.state, booked(done), alarms(done)) == (S.COLLECTING, {}, ["cooler.sum_differs"])

    def test_another_bill_than_ours_completes_nothing(self):
        done = told(visit(S.COMPLETING), "order collecting 350")
        assert (done.visit.state, booked(done), alarms(done)) == (S.COMPLETING, {}, ["cooler.sum_differs"])

    def test_the_old_bill_is_not_the_lower_one(self):
        done = told(visit(S.LOWERING), "order collecting 700")
        assert (done.visit.state, booked(done), alarms(done)) == (S.LOWERING, {}, [])

    def test_recognised_less_while_it_is_collected_falls(self):
        lowered = told(visit(S.COLLECTING), "recounted less", "order collecting 350", "order paid 350")
        assert (lowered.visit.state, lowered.visit.paid_minor) == (S.PAID, 350)
        assert booked(lowered) == {RECEIVABLE: -700, INCOME: 350, CLEARING: 350}
        assert moved(lowered) == {"A1": -1}

    def test_recognised_as_nothing_ends_without_money(self):
        lowered = told(visit(S.COLLECTING), "recounted nothing", "order settled for nothing")
        assert (lowered.visit.state, booked(lowered)) == (S.ENDED, {RECEIVABLE: -700, INCOME: 700})

    def test_collected_before_it_could_fall_is_given_back_by_a_person(self):
        done = told(visit(S.LOWERING), "order paid 700")
        assert (done.visit.state, booked(done), alarms(done)) == (
            S.PAID,
            {CLEARING: 700, RECEIVABLE: -700},
            ["cooler.refund_due"],
        )

    @pytest.mark.parametrize("state", [S.COLLECTING, S.PAID, S.WRITTEN_OFF])
    def test_recognised_more_is_a_declared_loss_and_never_asked_for(self, state: VisitState):
        done = told(visit(state), "recounted more")
        assert done.visit.owed_minor == 700
        assert (booked(done), moved(done)) == ({LOSS: 550, INCOME: -550}, {"A1": 1, "A2": 1})
        again = told(done.visit, "recounted more")
        assert (booked(again), moved(again)) == ({}, {})

    @pytest.mark.parametrize("state", [S.OPENING, S.COMPLETING, S.LOWERING])
    def test_a_recount_waits_while_the_bill_is_under_way(self, state: VisitState):
        with pytest.raises(VendomatError) as refused:
            step(visit(state), recount(A1=1))
        assert refused.value.code is ErrorCode.CONFLICT

    def test_written_off_by_a_person_and_paid_after_all(self):
        off = step(visit(S.COLLECTING), WriteOffAsked("opr_1", "gone", AT))
        assert (off.visit.state, booked(off)) == (S.WRITTEN_OFF, {BAD_DEBT: 700, RECEIVABLE: -700})
        assert booked(told(off.visit, "order paid 700")) == {CLEARING: 700, BAD_DEBT: -700}

    def test_an_order_that_is_gone_at_completion_is_a_declared_loss(self):
        done = told(visit(S.COMPLETING), "order revoked")
        assert (done.visit.state, booked(done), alarms(done)) == (
            S.ENDED,
            {LOSS: 700, INCOME: -700},
            ["cooler.given", "cooler.not_collectable"],
        )


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(sorted(EVENTS)), max_size=12))
def test_in_any_story_the_books_say_what_the_visit_says(names: list[str]):
    now, sums, keys, stock = visit(), dict[str, int](), list[str](), dict[str, int]()
    for name in names:
        try:
            done = step(now, EVENTS[name])
        except VendomatError:
            continue
        now = done.visit
        keys += [effect.posting.key for effect in done.effects if isinstance(effect, Post)]
        for account, minor in booked(done).items():
            sums[account] = sums.get(account, 0) + minor
        for slot, pieces in moved(done).items():
            stock[slot] = stock.get(slot, 0) + pieces
    given_minor = sum(good.given * good.price_minor for good in now.goods)
    assert len(keys) == len(set(keys))
    assert sums.get(RECEIVABLE, 0) == (now.owed_minor if now.state in OWED else 0)
    assert sums.get(CLEARING, 0) == now.paid_minor
    assert sums.get(BAD_DEBT, 0) == (now.owed_minor if now.state is S.WRITTEN_OFF else 0)
    assert sums.get(LOSS, 0) == given_minor
    assert {good.slot: good.taken + good.given for good in now.goods if good.taken + good.given} == {
        slot: pieces for slot, pieces in stock.items() if pieces
    }
    if now.state in (S.COMPLETING, S.COLLECTING):
        assert now.owed_minor == min(now.goods_minor, now.ceiling_minor)


def test_two_teas_cost_what_they_cost_at_the_start():
    done = step(visit(S.OPENING), door(DoorSaid.TAKEN, TWO_TEAS, "door_shut"))
    assert [(item.description, item.count, item.amount.minor_units) for item in done.visit.bill().items] == [
        ("tea", 2, 700)
    ]
    assert step(visit(S.OPENING), DoorDeadline("cmd_other", AT)).visit.state is S.OPENING
