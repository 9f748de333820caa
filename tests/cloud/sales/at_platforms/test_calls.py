"""Calls without an answer, workers that die between call and commit, platforms that are away or change their keys."""

from __future__ import annotations

import pytest

from tests.cloud.sales.at_platforms.shop import MACHINE, MERCHANT, PRICE, Shop, open_worker
from vendomat.cloud.catalog import catalogue_for
from vendomat.simulator.gateways import CallFault

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

NOT_DONE = [CallFault.ERROR_BEFORE, CallFault.RESET_BEFORE, CallFault.RATE_LIMITED, CallFault.ACCEPTED]
DONE = [CallFault.RESET_AFTER, CallFault.ERROR_AFTER, CallFault.FORGED_ANSWER]


async def test_f06_pf11_a_start_whose_answer_is_lost_is_repeated_under_its_number(shop: Shop) -> None:
    """F06: repeated unchanged; there is never a second number while the first may be payable."""
    shop.fail(CallFault.RESET_AFTER, "create")
    (one,) = (await shop.order())["offers"]
    again = await shop.offer_beside(shop.channel)
    assert one["payment_id"] == again and not one["code_url"]
    code_url = await shop.one("SELECT code_url FROM payment")
    assert bool(code_url) == (shop.channel != "alipay"), "Alipay gives a number's code once, to whoever hears it"
    shop.pay(again)
    await shop.look()
    assert (await shop.state(), await shop.one("SELECT count(*) FROM payment")) == ("paid", 1)


async def test_pf11_a_start_that_was_not_made_is_made_again_under_its_number(shop: Shop) -> None:
    shop.fail(CallFault.ERROR_BEFORE, "create")
    (one,) = (await shop.order())["offers"]
    await shop.look()
    assert (await shop.payment(one["payment_id"]), await shop.state()) == ("created", "awaiting_payment")
    shop.house.server.call_faults.clear()
    number = await shop.offer_beside(shop.channel)
    assert number == one["payment_id"] and await shop.one("SELECT count(*) FROM payment") == 1


async def test_pf12_asking_without_an_answer_ends_nothing(shop: Shop) -> None:
    number = await shop.offer()
    for fault in (*NOT_DONE, *DONE):
        shop.fail(fault, "query")
        shop.fail(fault, "charge_query")
        await shop.look()
        shop.house.server.call_faults.clear()
        assert (await shop.payment(number), await shop.state()) == ("created", "awaiting_payment"), fault
    shop.pay(number)
    await shop.look()
    assert (await shop.state(), await shop.commands()) == ("paid", 1)


async def test_pf12_a_number_the_platform_does_not_know_yet_is_not_ended(shop: Shop) -> None:
    """Its code was never made, or nobody has scanned it: it may still be paid, until it cannot be."""
    shop.fail(CallFault.RESET_BEFORE, "create")
    (one,) = (await shop.order())["offers"]
    for _ in range(3):
        await shop.look()
    assert await shop.payment(one["payment_id"]) == "created"
    await shop.pass_time(120)
    await shop.end_order()
    assert await shop.payment(one["payment_id"]) == "closed"


async def test_pf24_whoever_comes_next_finds_the_payment_and_the_refund_of_a_dead_worker(shop: Shop) -> None:
    """The first dies before its code is kept, the second before the answer to the refund; the third ends it, once."""
    shop.fail(CallFault.RESET_AFTER, "create")
    (one,) = (await shop.order())["offers"]
    shop.pay(one["payment_id"])
    async with open_worker(shop) as second:
        await shop.pass_time(3)
        await second.sweeps.look_up_payments()
        assert (await shop.state(), await shop.commands()) == ("paid", 1)
        await shop.refuse()
        shop.fail(CallFault.RESET_AFTER, "refund")
        await second.sweeps.ask_refunds()
        assert await shop.one("SELECT state FROM refund") == "unknown"
    async with open_worker(shop) as third:
        await shop.until("SELECT state FROM refund", "succeeded", third.sweeps.ask_refunds, pause_s=5)
    assert (await shop.state(), await shop.commands()) == ("settled", 1)
    assert shop.given_back(one["payment_id"]) == [("SUCCESS", PRICE)]


async def test_pf24_an_order_that_nobody_paid_is_closed_by_whoever_comes_next(shop: Shop) -> None:
    number = await shop.offer()
    async with open_worker(shop) as second:
        await shop.pass_time(121)
        await second.sweeps.expire_orders()
        query = "SELECT state FROM sale_order"
        await shop.until(query, "expired", second.sweeps.look_up_payments, pause_s=15)
    assert (await shop.payment(number), await shop.refunds()) == ("closed", [])


async def offered(shop: Shop) -> set[str]:
    """The channels that the machine shows."""
    async with shop.house.database.hot.acquire() as connection:
        return set((await catalogue_for(connection, MERCHANT, MACHINE)).channels)


async def test_f12_pf25_an_overloaded_platform_leaves_the_screens_and_the_others_sell_on(shop: Shop) -> None:
    """F12: what was shown before is asked for under its number all the while, and buys when the platform is back."""
    number = await shop.offer()
    assert shop.channel in await offered(shop)
    shop.fail(CallFault.UNAVAILABLE, count=-1)
    for _ in range(8):
        await shop.look(3.1)
    assert await offered(shop) == {"wechat", "alipay", "stripe"} - {shop.channel}
    (other,) = (await shop.order(channel=shop.other_channel))["offers"]
    shop.pay(other["payment_id"], channel=shop.other_channel)
    await shop.look()
    assert await shop.payment(other["payment_id"]) == "paid"
    await shop.deliver()
    shop.house.server.call_faults.clear()
    shop.pay(number)
    await shop.look()
    await shop.pass_time(15)
    await shop.stage.reach.probe()
    assert await shop.payment(number) == "paid" and shop.channel in await offered(shop)
    assert await shop.one("SELECT count(*) FROM payment") == 2, "no number was given twice"
