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
from vendomat.cloud.sales.desk_model import (
    GoodwillGiven,
    PaidByHand,
    RefundAsked,
    RefundDeclined,
    RefundReleased,
    StoredMoneyReturned,
)
from vendomat.cloud.sales.goodwill_steps import may_give_minor
from vendomat.cloud.sales.model import (
    ChargeAnswered,
    CloseAsked,
    Event,
    MoveStock,
    PaymentAdded,
    PaymentClosed,
    Purchase,
    RefundSaid,
    RefundSeen,
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


class TestPayingOut:
    OUT = StoredMoneyReturned(FIRST, TOTAL - 50, "wpo_1", OPERATOR, "moves away", AT)
    REFUND = refund_number(FIRST, 1)

    def credited(self) -> Purchase:
        return played(paid(), purchase=top_up()).purchase

    def test_what_leaves_the_wallet_is_owed_to_its_payer_and_goes_back_once(self):
        out, booked = step(self.credited(), self.OUT)
        assert balances(booked) == {WALLET: TOTAL - 50, "liab:refund_payable": 50 - TOTAL}
        assert [(r.amount_minor, r.approved_by) for r in out.refunds] == [(TOTAL - 50, OPERATOR)]
        again, effects = step(out, self.OUT)
        assert again is out and effects == ()
        back, paid_back = step(out, RefundSeen(self.REFUND, RefundSaid.SUCCEEDED, "", AT))
        assert back.state is OrderState.SETTLED
        books = balances((*booked, *paid_back))
        assert (books["liab:refund_payable"], books["expense:goodwill"]) == (0, 0)

    def test_one_that_the_platform_gives_up_stays_owed_and_may_be_paid_by_hand(self):
        out, _ = step(self.credited(), self.OUT)
        lost, _ = step(out, RefundSeen(self.REFUND, RefundSaid.NEVER, "account closed", AT))
        slip = PaidByHand(self.REFUND, "cash", "slip", OPERATOR, "account closed", TOTAL, AT)
        done, effects = step(lost, slip)
        assert done.refunds[-1].stage is RefundStage.SUCCEEDED
        assert balances(effects) == {"liab:refund_payable": TOTAL - 50, "asset:bank": 50 - TOTAL}

    @pytest.mark.parametrize("minor", [0, -1, TOTAL + 1])
    def test_never_nothing_or_more_than_was_paid(self, minor: int):
        credited = self.credited()
        assert step(credited, replace(self.OUT, amount_minor=minor)) == (credited, ())

    def test_nothing_of_a_sale_or_of_a_top_up_that_was_not_credited(self):
        for purchase in (played(*SOLD).purchase, top_up(), played(paid(amount=1), purchase=top_up()).purchase):
            for number in (FIRST, NUMBER, "pay_unknown"):
                assert step(purchase, replace(self.OUT, payment_id=number, amount_minor=1)) == (purchase, ())
