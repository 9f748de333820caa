"""Any story of a purchase, drawn at random and in any order: the books hold after each step, and it can always end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.cloud.sales.purchase_rules import check_books, check_purchase, check_step
from tests.cloud.sales.purchases import AT, EVENTS, OPERATOR, SECOND, SECOND_PERSON, Played, new_purchase
from vendomat.cloud.ledger import postings
from vendomat.cloud.orders import ORDER_MOVES, Closing
from vendomat.cloud.payments import CODE_CHANNEL, Payment, PaymentState, RefundStage
from vendomat.cloud.sales.desk_model import RefundReleased, RefundRetried, SendOnWanted
from vendomat.cloud.sales.model import (
    CloseAsked,
    DeadlinePassed,
    Event,
    PaymentClosed,
    PaymentPaid,
    RefundSaid,
    RefundSeen,
    RestoreCode,
)
from vendomat.cloud.sales.steps import step


class Story(RuleBasedStateMachine):
    """One purchase; each rule is one event, whatever its moment."""

    @initialize(is_two_codes=st.booleans(), is_held=st.booleans())
    def begin(self, is_two_codes: bool, is_held: bool) -> None:
        self.seconds = 0
        self.played = Played(new_purchase(), ())
        if is_two_codes:
            self.tell(EVENTS["second added"])
        if is_held:
            self.tell(EVENTS["hold added"])
            self.tell(EVENTS["hold held"])

    def tell(self, event: Event) -> None:
        before = self.played.purchase
        after, effects = step(before, event)
        check_step(before, after)
        self.played = Played(after, self.played.effects + effects)

    @rule(name=st.sampled_from(sorted(EVENTS)), pause_s=st.integers(0, 40))
    def happen(self, name: str, pause_s: int) -> None:
        self.seconds += pause_s
        self.tell(replace(EVENTS[name], at=AT + timedelta(seconds=self.seconds)))

    @rule(name=st.sampled_from(["first paid", "unit 1 started", "unit 1 unknown", "unit 1 delivered", "deadline 1"]))
    def happen_as_usual(self, name: str) -> None:
        self.tell(EVENTS[name])

    @invariant()
    def the_books_hold(self) -> None:
        check_purchase(self.played.purchase)
        check_books(self.played)

    @rule()
    def end(self) -> None:
        """Once faults stop, every order settles: the platform closes what is open, deadlines pass, refunds arrive."""
        kept = self.played
        at = AT + timedelta(seconds=self.seconds)
        self.tell(CloseAsked(Closing.EXPIRING, at))
        for payment in self.played.purchase.payments:
            self.tell(PaymentClosed(payment.payment_id, at))
        while waiting := [u.command for u in self.played.purchase.units if u.command and not u.is_final]:
            self.tell(DeadlinePassed(waiting[0].cmd_id, at))
        self._help_refunds(at)
        for refund in self.played.purchase.refunds:
            if refund.stage is RefundStage.HELD:
                for person in (OPERATOR, SECOND_PERSON):
                    self.tell(RefundReleased(refund.refund_id, person, "seen", at))
            if refund.stage is not RefundStage.FAILED:
                self.tell(RefundSeen(refund.refund_id, RefundSaid.SUCCEEDED, "", at))
        ended = self.played.purchase
        check_purchase(ended)
        check_books(self.played)
        assert ended.state in ORDER_MOVES.final
        assert not any(refund.is_open for refund in ended.refunds)
        self.played = kept

    def _help_refunds(self, at: datetime) -> None:
        """What people do for refunds that are stuck: another account, or once more."""
        for refund in self.played.purchase.refunds:
            if refund.is_stranded:
                for person in (OPERATOR, SECOND_PERSON):
                    self.tell(SendOnWanted(refund.refund_id, "merchant", person, "another account", 0, at))
            elif refund.stage is RefundStage.FAILED and not refund.is_replaced_in(self.played.purchase.refunds):
                self.tell(RefundRetried(refund.refund_id, OPERATOR, "again", at))


Story.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestAnyStory: Any = Story.TestCase


def code_order() -> Played:
    """One unit, paid by a gift code."""
    whole = new_purchase("code")
    units = whole.units[:1]
    payment = Payment(SECOND, CODE_CHANNEL, "gift", units[0].price_minor, PaymentState.CREATED)
    bought = replace(whole, units=units, payments=(payment,), total_minor=units[0].price_minor, code_id="cod_x")
    event = PaymentPaid(SECOND, "gift", units[0].price_minor, "CNY", "", AT, "code", timedelta(seconds=30), AT)
    return Played(*step(bought, event))


def test_a_code_whose_goods_did_not_come_is_good_again_and_owes_nothing() -> None:
    for name in ("unit 1 not_delivered", "unit 1 refused", "command 1 never sent", "deadline 1"):
        bought = code_order()
        ended, effects = step(bought.purchase, EVENTS[name])
        assert [e.code_id for e in effects if isinstance(e, RestoreCode)] == ["cod_x"], name
        assert ended.state in ORDER_MOVES.final
        assert [r.stage for r in ended.refunds] == [RefundStage.SUCCEEDED]
        again, more = step(ended, EVENTS[name])
        assert again is ended and not any(isinstance(e, RestoreCode) for e in more)


def test_a_code_whose_goods_came_stays_used() -> None:
    ended, effects = step(code_order().purchase, EVENTS["unit 1 delivered"])
    assert ended.state == "settled" and not ended.refunds
    assert not any(isinstance(e, RestoreCode) for e in effects)


def test_what_a_code_was_issued_against_carries_its_sale() -> None:
    assert postings.funding("code", "prepaid") == postings.VOUCHER
    assert postings.funding("code", "gift") == postings.funding("code", "prize") == postings.GIFT
