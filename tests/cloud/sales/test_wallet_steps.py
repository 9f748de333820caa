"""What the pure step does with stored money: a wallet that pays and is paid back at once, and a top-up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.cloud.sales.purchase_rules import balances, check_books, check_purchase, check_step, postings
from tests.cloud.sales.purchases import (
    ALONE,
    AT,
    FIRST,
    OPERATOR,
    PRICES,
    SECOND_PERSON,
    TOTAL,
    Played,
    added,
    new_purchase,
    paid,
    play,
    vend,
)
from vendomat.cloud.orders import Closing, OrderState, Unit, UnitOutcome
from vendomat.cloud.payments import WALLET_CHANNEL, Payment, PaymentState, PaymentWay, RefundStage, refund_number
from vendomat.cloud.sales.desk_model import GoodwillGiven, RefundAsked, RefundDeclined, RefundReleased
from vendomat.cloud.sales.goodwill_steps import may_give_minor
from vendomat.cloud.sales.model import (
    ChargeAnswered,
    CloseAsked,
    Event,
    MoveStock,
    PaymentAdded,
    PaymentClosed,
    Purchase,
    VendSaid,
)
from vendomat.cloud.sales.steps import step
from vendomat.kernel import derive_id

MEMBER = "mbr_" + "0" * 26
WALLET = f"liab:wallet:{MEMBER}"
NUMBER = derive_id("pay", "wallet")
SHOWN = Payment(NUMBER, WALLET_CHANNEL, MEMBER, TOTAL, PaymentState.CREATED, way=PaymentWay.CODE_SCAN, began_at=AT)
FROM_WALLET: tuple[Event, ...] = (
    PaymentAdded(SHOWN, AT),
    replace(paid(NUMBER, account=MEMBER), transaction_id="", via="wallet"),
)
SOLD = (*FROM_WALLET, vend(1, VendSaid.DELIVERED), vend(2, VendSaid.DELIVERED))
JAMMED = (*FROM_WALLET, vend(1, VendSaid.DELIVERED), vend(2, VendSaid.NOT_DELIVERED))


def played(*events: Event, purchase: Purchase | None = None) -> Played:
    """The story, with every rule held after each step."""
    now = purchase or new_purchase()
    for event in events:
        after, _ = step(now, event)
        check_step(now, after)
        check_purchase(after)
        now = after
    return play(events, purchase)


class TestPaying:
    def test_it_is_paid_by_the_wallet_and_vends(self):
        story = played(*FROM_WALLET)
        check_books(story)
        assert story.purchase.state is OrderState.PAID
        assert balances(story.effects)[WALLET] == TOTAL
        assert story.purchase.units[0].command is not None
        first = story.purchase.payment(FIRST)
        assert first is not None and first.close_wanted

    def test_what_a_wallet_refuses_leaves_the_order_open(self):
        refused = ChargeAnswered(NUMBER, True, "wallet_short", "wallet_short", AT)
        story = played(FROM_WALLET[0], refused)
        assert story.purchase.state is OrderState.AWAITING_PAYMENT
        assert postings(story.effects) == []
        assert play((paid(),), story.purchase).purchase.state is OrderState.PAID

    def test_the_code_on_the_screen_paid_too_goes_back_to_its_platform(self):
        story = played(*FROM_WALLET, paid())
        (refund,) = story.purchase.refunds
        assert (refund.payment_id, refund.amount_minor, refund.stage) == (FIRST, TOTAL, RefundStage.REQUESTED)

    @pytest.mark.parametrize("before", [(paid(),), (CloseAsked(Closing.CANCELLING, AT),)])
    def test_too_late_it_is_back_in_the_same_step(self, before: tuple[Event, ...]):
        now = replace(new_purchase(), payments=(*new_purchase().payments, SHOWN))
        story = played(*before, FROM_WALLET[1], purchase=now)
        assert balances(story.effects)[WALLET] == 0
        done = [r.stage for r in story.purchase.refunds if r.payment_id == NUMBER]
        assert done == [RefundStage.SUCCEEDED]


class TestPayingBack:
    def test_what_did_not_come_out_is_back_at_once(self):
        story = played(*JAMMED)
        check_books(story)
        assert story.purchase.state is OrderState.SETTLED
        assert [r.stage for r in story.purchase.refunds] == [RefundStage.SUCCEEDED]
        assert balances(story.effects)[WALLET] == TOTAL - PRICES[1]

    def test_called_off_by_a_person_all_of_it_is_back(self):
        story = played(*FROM_WALLET, RefundAsked(OPERATOR, "the buyer called", AT))
        waiting = [u for u in story.purchase.units if not u.is_final]
        events = [vend(u.unit, VendSaid.NOT_DELIVERED) for u in waiting]
        story = played(*FROM_WALLET, RefundAsked(OPERATOR, "the buyer called", AT), *events)
        check_books(story)
        assert balances(story.effects)[WALLET] == 0

    def test_small_goodwill_is_back_at_once_and_a_loss(self):
        story = played(*SOLD, GoodwillGiven(OPERATOR, "kind", ALONE, 1, ALONE, AT))
        check_books(story)
        assert [r.stage for r in story.purchase.refunds] == [RefundStage.SUCCEEDED]
        assert balances(story.effects)[WALLET] == TOTAL - ALONE
        assert balances(story.effects)["expense:goodwill"] == ALONE

    def test_large_goodwill_waits_for_a_second_person(self):
        given = GoodwillGiven(OPERATOR, "kind", ALONE + 1, 1, ALONE, AT)
        number = refund_number(NUMBER, 1)
        story = played(*SOLD, given, RefundReleased(number, OPERATOR, "mine", AT))
        assert [r.stage for r in story.purchase.refunds] == [RefundStage.HELD]
        assert balances(story.effects)[WALLET] == TOTAL
        story = played(*SOLD, given, RefundReleased(number, SECOND_PERSON, "seen", AT))
        check_books(story)
        assert [r.stage for r in story.purchase.refunds] == [RefundStage.SUCCEEDED]
        assert balances(story.effects)[WALLET] == TOTAL - ALONE - 1
        story = played(*SOLD, given, RefundDeclined(number, SECOND_PERSON, "no", AT))
        assert [r.stage for r in story.purchase.refunds] == [RefundStage.FAILED]
        assert balances(story.effects)[WALLET] == TOTAL


def top_up() -> Purchase:
    units = (Unit(1, "wallet", "wallet", TOTAL),)
    return replace(new_purchase("top_up"), machine_id="", member_id=MEMBER, units=units)


class TestToppingUp:
    def test_paid_it_is_credited_and_settled_in_one_step(self):
        story = played(paid(), purchase=top_up())
        assert story.purchase.state is OrderState.SETTLED
        assert [(u.outcome, u.command) for u in story.purchase.units] == [(UnitOutcome.DELIVERED, None)]
        books = balances(story.effects)
        assert (books[WALLET], books["asset:clearing:wechat:1900000001"]) == (-TOTAL, TOTAL)
        assert books["liab:undelivered"] == 0
        assert not any(isinstance(e, MoveStock) for e in story.effects)

    def test_paid_twice_the_second_goes_back(self):
        story = played(added(), paid(), paid(derive_id("pay", "second")), purchase=top_up())
        assert balances(story.effects)[WALLET] == -TOTAL
        assert [r.amount_minor for r in story.purchase.refunds] == [TOTAL]

    @pytest.mark.parametrize("wrong", [paid(amount=TOTAL - 1), paid(account="1900000009")])
    def test_money_that_does_not_fit_is_not_credited(self, wrong: Event):
        story = played(wrong, purchase=top_up())
        assert balances(story.effects)[WALLET] == 0
        assert story.purchase.payments[0].is_frozen

    def test_paid_after_its_end_it_goes_back_and_is_not_credited(self):
        ended = (CloseAsked(Closing.EXPIRING, AT), PaymentClosed(FIRST, AT))
        story = played(*ended, paid(at=AT + timedelta(hours=1)), purchase=top_up())
        assert story.purchase.state is OrderState.EXPIRED
        assert balances(story.effects)[WALLET] == 0
        assert [r.amount_minor for r in story.purchase.refunds] == [TOTAL]
        assert not any(isinstance(e, MoveStock) for e in story.effects)

    def test_goodwill_of_it_would_give_the_money_twice(self):
        settled = played(paid(), purchase=top_up()).purchase
        assert may_give_minor(settled) == 0
        after, effects = step(settled, GoodwillGiven(OPERATOR, "kind", 1, 1, ALONE, AT))
        assert after is settled and effects == ()
