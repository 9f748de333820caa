"""Refunds that take their time, get no answer, have no money behind them, or never come through."""

from __future__ import annotations

import pytest

from tests.cloud.sales.at_platforms.shop import FIRST, PRICE, SECOND, Shop
from vendomat.cloud.payments import BankCard
from vendomat.cloud.sales import HandPayment, Onward
from vendomat.kernel import VendomatError
from vendomat.simulator.gateways import CallFault

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

DAY_S = 86_400
YEAR_S = 366 * DAY_S
STATE = "SELECT state FROM refund ORDER BY ordinal DESC LIMIT 1"


async def the_order(shop: Shop) -> str:
    return str(await shop.one("SELECT order_id FROM sale_order"))


async def paid_number(shop: Shop) -> str:
    return str(await shop.one("SELECT payment_id FROM payment WHERE is_winning"))


async def pay_by_hand(shop: Shop, refund_id: str) -> None:
    """Two persons pay what the platform did not."""
    slip = HandPayment(PRICE, "bank_transfer", "slip 7", "the platform does not pay it")
    told = await shop.stage.refunds.pay_by_hand(FIRST, await the_order(shop), refund_id, slip)
    by_hand = told.refunds[-1]
    with pytest.raises(VendomatError, match="another person"):
        await shop.stage.refunds.release(FIRST, await the_order(shop), by_hand.refund_id, "seen")
    await shop.stage.refunds.release(SECOND, await the_order(shop), by_hand.refund_id, "seen")


async def test_pf15_accepted_is_not_through_and_the_buyer_is_told_so(shop: Shop) -> None:
    await shop.owed()
    await shop.ask(0)
    assert await shop.one(STATE) == "processing"
    _, told = await shop.stage.say("order_status", {"order_id": await the_order(shop)})
    assert told["refund"]["state"] == "refunding", told
    assert await shop.balance("liab:refund_payable") == -PRICE and await shop.state() == "paid"
    await shop.settle_refunds()
    assert await shop.state() == "settled"
    assert shop.given_back(await paid_number(shop)) == [("SUCCESS", PRICE)]


async def test_f10_pf16_whatever_answer_is_lost_the_money_goes_back_once(shop: Shop) -> None:
    """F10: refused for the moment, broken off before and after, too many calls: one number, one refund."""
    refund_id = await shop.owed()
    for fault in (CallFault.ERROR_BEFORE, CallFault.RATE_LIMITED, CallFault.ACCEPTED, CallFault.RESET_AFTER):
        shop.fail(fault, "refund")
        await shop.ask(1)
        assert await shop.one(STATE) in ("requested", "unknown", "processing"), fault
        await shop.pass_time(600)
    await shop.settle_refunds()
    assert shop.given_back(await paid_number(shop)) == [("SUCCESS", PRICE)]
    assert await shop.one("SELECT (refund_id, ordinal)::text FROM refund") == f"({refund_id},1)"


async def test_f11_pf17_an_empty_account_alarms_and_the_same_number_succeeds_after_a_top_up(shop: Shop) -> None:
    """F11: a refused refund stays owed under its number, with an alarm, until the account is filled."""
    refund_id = await shop.owed()
    shop.platform.set_balance(shop.account, 0)
    for _ in range(3):
        await shop.ask(10)
    assert await shop.one(STATE) == "requested"
    assert await shop.one("SELECT (kind, count)::text FROM alarm") == "(refund_stuck,1)"
    assert await shop.state() == "paid", "the buyer is owed still"
    assert await shop.balance("liab:refund_payable") == -PRICE
    shop.platform.set_balance(shop.account, 10_000)
    await shop.until(STATE, "succeeded", shop.stage.sweeps.ask_refunds, pause_s=20)
    assert await shop.state() == "settled"
    await shop.stage.standing.look()
    assert await shop.one("SELECT state FROM alarm WHERE kind = 'refund_stuck'") == "passed"
    assert await shop.one("SELECT refund_id FROM refund") == refund_id
    assert shop.given_back(await paid_number(shop)) == [("SUCCESS", PRICE)]


async def given_up(shop: Shop) -> str:
    """A refund that was accepted and that the platform then gave up; its number."""
    refund_id = await shop.owed()
    if shop.channel == "wechat":  # accepted without money behind it: closed after a week
        shop.platform.set_balance(shop.account, 0)
        shop.platform.take_next_refunds_on_credit(1)
        await shop.ask(7 * DAY_S)
        shop.platform.set_balance(shop.account, 10_000)
    else:
        shop.platform.settle_next_refunds_as("failed", 1)
    await shop.until(STATE, "failed", shop.stage.sweeps.ask_refunds, pause_s=5)
    return refund_id


async def test_pf18_a_refund_that_was_given_up_waits_for_a_person_and_takes_the_next_number(shop: Shop) -> None:
    refund_id = await given_up(shop)
    for _ in range(3):
        await shop.ask(DAY_S)
    assert await shop.refunds() == [("failed", PRICE)], "no second number by itself"
    assert await shop.balance("liab:refund_payable") == -PRICE
    assert await shop.one("SELECT severity FROM alarm WHERE kind = 'refund_stuck'") == "critical"
    for _ in range(2):
        await shop.stage.refunds.try_again(FIRST, await the_order(shop), refund_id, "filled up")
    await shop.until(STATE, "succeeded", shop.stage.sweeps.ask_refunds, pause_s=5)
    assert await shop.refunds() == [("failed", PRICE), ("succeeded", PRICE)]
    states = [state for state, _ in shop.given_back(await paid_number(shop))]
    assert sorted(state == "SUCCESS" for state in states) == [False, True]
    assert await shop.state() == "settled"


@pytest.mark.parametrize("channel", ["alipay"])
async def test_a_failed_refund_of_alipays_is_asked_for_again_under_its_own_number(shop: Shop) -> None:
    """Where no refund is ever given up: one that failed is as if it had never been asked for."""
    refund_id = await shop.owed()
    shop.platform.settle_next_refunds_as("FAILED", 1)
    await shop.settle_refunds()
    assert await shop.one("SELECT (refund_id, ordinal)::text FROM refund") == f"({refund_id},1)"
    assert shop.given_back(await paid_number(shop)) == [("SUCCESS", PRICE)]


async def test_pf19_a_refund_the_buyers_card_cannot_take_stays_owed_until_it_is_paid_by_hand(shop: Shop) -> None:
    refund_id = await shop.owed()
    shop.platform.settle_next_refunds_as("ABNORMAL", 1)
    await shop.until(STATE, "failed", shop.stage.sweeps.ask_refunds, pause_s=5)
    assert "abnormal" in await shop.one("SELECT error FROM refund")
    assert await shop.one("SELECT severity FROM alarm WHERE kind = 'refund_stuck'") == "critical"
    assert (await shop.balance("liab:refund_payable"), await shop.state()) == (-PRICE, "paid")
    await pay_by_hand(shop, refund_id)
    assert (await shop.balance("liab:refund_payable"), await shop.balance("asset:bank")) == (0, -PRICE)
    assert (await shop.state(), [s for s, _ in shop.given_back(await paid_number(shop))]) == ("settled", ["ABNORMAL"])


@pytest.mark.parametrize("channel", ["wechat"])
@pytest.mark.parametrize("fault", [None, CallFault.RESET_AFTER, CallFault.ERROR_BEFORE])
async def test_pf19_two_persons_send_it_on_to_another_card_under_its_one_number(
    shop: Shop, fault: CallFault | None
) -> None:
    """Whatever becomes of the call: done without an answer it is found, and not done it is stranded again."""
    refund_id = await shop.owed()
    shop.platform.settle_next_refunds_as("ABNORMAL", 1)
    await shop.until(STATE, "failed", shop.stage.sweeps.ask_refunds, pause_s=5)
    card = Onward(BankCard("ICBC_DEBIT", "6222020200112233445", "Ann"), "the buyer named it")
    order = await the_order(shop)
    for _ in range(2):
        await shop.stage.refunds.send_on(FIRST, order, refund_id, card)
    assert await shop.one(STATE) == "failed", "a second person is due"
    if fault is not None:
        shop.fail(fault, "abnormal_refund")
    await shop.stage.refunds.send_on(SECOND, order, refund_id, card)
    if fault is CallFault.ERROR_BEFORE:
        await shop.until(STATE, "failed", shop.stage.sweeps.ask_refunds, pause_s=30)
        for person in (SECOND, FIRST):
            await shop.stage.refunds.send_on(person, order, refund_id, card)
    await shop.until(STATE, "succeeded", shop.stage.sweeps.ask_refunds, pause_s=30)
    assert (await shop.state(), await shop.balance("liab:refund_payable")) == ("settled", 0)
    assert shop.given_back(await paid_number(shop)) == [("SUCCESS", PRICE)]


@pytest.mark.parametrize("channel", ["wechat"])
async def test_pf19_sent_to_the_merchant_it_is_the_buyers_still(shop: Shop) -> None:
    refund_id = await shop.owed()
    shop.platform.settle_next_refunds_as("ABNORMAL", 1)
    await shop.until(STATE, "failed", shop.stage.sweeps.ask_refunds, pause_s=5)
    for person in (FIRST, SECOND):
        await shop.stage.refunds.send_on(person, await the_order(shop), refund_id, Onward(None, "no other card"))
    await shop.until("SELECT came_back FROM refund", "bank", shop.stage.sweeps.ask_refunds, pause_s=30)
    assert (await shop.balance("liab:refund_payable"), await shop.state()) == (-PRICE, "paid")
    await pay_by_hand(shop, refund_id)
    assert (await shop.balance("liab:refund_payable"), await shop.balance("asset:bank")) == (0, 0)
    assert await shop.state() == "settled"


async def test_pf20_what_the_platform_never_pays_is_asked_for_no_more_and_paid_by_hand(shop: Shop) -> None:
    """The account stayed empty for more than a year: the payment has become too old to be given back."""
    refund_id = await shop.owed()
    shop.platform.set_balance(shop.account, 0)
    await shop.ask(YEAR_S)
    shop.platform.set_balance(shop.account, 10_000)
    await shop.until(STATE, "failed", shop.stage.sweeps.ask_refunds, pause_s=600)
    assert await shop.one("SELECT next_try_at FROM refund") is None
    assert await shop.balance("liab:refund_payable") == -PRICE
    await pay_by_hand(shop, refund_id)
    assert (await shop.state(), shop.given_back(await paid_number(shop))) == ("settled", [])
