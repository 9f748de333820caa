"""Money that comes too late, twice, in another amount, or while its code is being closed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cloud.sales.at_platforms.shop import FIRST, MERCHANT, PRICE, SECOND, Shop
from vendomat.cloud.payments import StartRequest
from vendomat.cloud.sales import Judgement
from vendomat.kernel import Money
from vendomat.simulator.gateways import BuyerRefusedError, CallFault

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def test_an_order_nobody_pays_expires_once_its_code_is_dead(shop: Shop) -> None:
    number = await shop.offer()
    await shop.pass_time(120)
    assert await shop.stage.sweeps.expire_orders() == 1
    assert await shop.state() == "awaiting_payment", "not before it is confirmed"
    await shop.end_order()
    assert await shop.payment(number) == "closed"
    assert await shop.one("SELECT reserved FROM stock_slot WHERE slot = 'A1'") == 0
    with pytest.raises(BuyerRefusedError):
        shop.pay(number)


async def test_f05_pf06_money_that_comes_too_late_goes_back_in_full(shop: Shop) -> None:
    """F05: paid after the end never vends and goes back in full, by itself."""
    number = await shop.offer()
    await shop.pass_time(100)
    shop.pay(number)
    await shop.pass_time(60)  # past the grace: the buyer has left
    await shop.end_order()
    assert await shop.commands() == 0
    await shop.settle_refunds()
    assert shop.given_back(number) == [("SUCCESS", PRICE)]
    assert await shop.balance("liab:%") == await shop.balance("asset:clearing:%") == 0


async def test_pf06_money_for_an_order_the_buyer_gave_up_goes_back_though_they_stand_there(shop: Shop) -> None:
    number = await shop.offer()
    shop.pay(number)
    kind, _ = await shop.stage.say("cancel", {"order_id": await shop.one("SELECT order_id FROM sale_order")})
    assert kind == "cancel.reply"
    await shop.end_order("cancelled")
    assert (await shop.commands(), await shop.payment(number)) == (0, "paid")
    await shop.settle_refunds()
    assert shop.given_back(number) == [("SUCCESS", PRICE)]


async def misfit(shop: Shop, minor: int) -> str:
    """The platform knows our number with another amount, and the buyer pays that; the number."""
    shop.fail(CallFault.UNAVAILABLE, count=-1)
    (offer,) = (await shop.order())["offers"]
    shop.house.server.call_faults.clear()
    number, ends_at = str(offer["payment_id"]), shop.house.clock.now() + timedelta(seconds=120)
    url = shop.stage.till.notify_url(MERCHANT, shop.channel)
    provider = await shop.stage.book.get(MERCHANT, shop.channel)
    started = await provider.start(StartRequest(number, Money(minor, "CNY"), "Cola", ends_at, url, "mch_1"))
    assert started.code_url, started
    shop.pay(number)
    await shop.look()
    return number


@pytest.mark.parametrize("minor", [PRICE - 1, PRICE + 1])
async def test_pf07_another_amount_is_frozen_until_people_give_it_back(shop: Shop, minor: int) -> None:
    number = await misfit(shop, minor)
    assert (await shop.commands(), await shop.refunds(), shop.given_back(number)) == (0, [], [])
    assert await shop.one("SELECT is_frozen AND captured_minor <> amount_minor FROM payment")
    assert await shop.balance("suspense:long:%") == -minor
    assert await shop.one("SELECT severity FROM alarm WHERE kind = 'payment_mismatch'") == "critical"
    for _ in range(3):
        await shop.ask(600)
    assert shop.given_back(number) == [], "never by itself"
    order_id, give = await shop.one("SELECT order_id FROM sale_order"), Judgement(is_kept=False, reason="not ours")
    await shop.stage.refunds.judge(FIRST, order_id, number, give)
    await shop.ask(60)
    assert shop.given_back(number) == [], "one person alone does not"
    await shop.stage.refunds.agree(SECOND, order_id, number, give)
    await shop.settle_refunds()
    assert shop.given_back(number) == [("SUCCESS", minor)]
    assert await shop.balance("suspense:%") == await shop.balance("asset:clearing:%") == 0


async def test_f07_pf13_a_close_that_meets_a_payment_lets_it_vend_in_time(shop: Shop) -> None:
    number = await shop.offer()
    await shop.pass_time(119)
    shop.pay(number)
    await shop.pass_time(2)
    await shop.stage.sweeps.expire_orders()
    await shop.stage.sweeps.look_up_payments()
    assert (await shop.state(), await shop.commands()) == ("paid", 1)
    await shop.deliver()
    assert (await shop.state(), shop.given_back(number)) == ("settled", [])


async def test_pf13_a_close_that_meets_a_payment_after_the_grace_gives_it_back(shop: Shop) -> None:
    """The close is asked in time and has no answer; the payment is found when the buyer has left."""
    number = await shop.offer()
    await shop.pass_time(119)
    shop.pay(number)
    await shop.pass_time(2)
    shop.fail(CallFault.UNAVAILABLE, count=-1)
    await shop.stage.sweeps.expire_orders()
    await shop.look(0)
    assert await shop.payment(number) == "unknown"
    shop.house.server.call_faults.clear()
    await shop.pass_time(60)
    await shop.end_order()
    await shop.settle_refunds()
    assert (await shop.commands(), shop.given_back(number)) == (0, [("SUCCESS", PRICE)])


async def test_f08_pf14_of_two_codes_that_are_paid_the_second_goes_back(shop: Shop) -> None:
    """F08: here the one that is told first buys, whichever was offered first."""
    first = await shop.offer()
    second = await shop.offer_beside(shop.other_channel)
    shop.pay(first)
    shop.pay(second, channel=shop.other_channel, is_told=True)
    await shop.heard(lambda: shop.house.door.knocks)
    assert await shop.one("SELECT payment_id FROM payment WHERE is_winning") == second
    await shop.look()
    await shop.deliver()
    await shop.settle_refunds()
    assert shop.given_back(first) == [("SUCCESS", PRICE)]
    assert shop.given_back(second, shop.other_channel) == []
    assert (await shop.state(), await shop.commands()) == ("settled", 1)
    assert await shop.one("SELECT reason FROM refund") == "second payment of the order"


async def test_pf14_the_code_beside_the_one_that_was_paid_is_closed_while_the_goods_come(shop: Shop) -> None:
    first = await shop.offer()
    second = await shop.offer_beside(shop.other_channel)
    shop.pay(second, channel=shop.other_channel)
    await shop.look()
    assert await shop.commands() == 1
    await shop.until("SELECT count(*) FROM payment WHERE state = 'closed'", 1, shop.look, pause_s=15.0)
    with pytest.raises(BuyerRefusedError):
        shop.pay(first)
