"""Money that is held first and taken after the goods, on the real wire: what was delivered is taken, or nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cloud.sales.at_platforms.shop import MERCHANT, OTHER_PRICE, PRICE, House, Shop, open_shop, open_worker
from vendomat.cloud.payments import HoldsMoney
from vendomat.kernel import Money
from vendomat.simulator.gateways import CallFault, NoticeFault

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
BOTH = {"A1": 1, "A2": 1}


@pytest_asyncio.fixture(loop_scope="module")
async def shop(house: House, tmp_path: Path) -> AsyncIterator[Shop]:
    """The merchant wants Stripe's money after the goods."""
    usual = house.accounts["stripe"]
    house.accounts["stripe"] = replace(usual, settings={**usual.settings, "is_taken_after_goods": True})
    try:
        async with open_shop(house, "stripe", tmp_path) as opened:
            yield opened
            await opened.check()
    finally:
        house.accounts["stripe"] = usual


def balance(shop: Shop) -> int:
    return int(shop.platform.books_now.accounts[shop.account].balance_fen)


async def held(shop: Shop, quantities: dict[str, int] | None = None) -> str:
    """An order whose money is held, and nothing of it taken; the payment's number."""
    before = balance(shop)
    number = await shop.bought(quantities)
    assert (await shop.payment(number), balance(shop)) == ("held", before)
    assert await shop.one("SELECT count(*) FROM ledger_line") == 0
    return number


async def settled(shop: Shop) -> None:
    await shop.until("SELECT state FROM sale_order", "settled", shop.stage.sweeps.look_up_payments, pause_s=5.0)


async def test_goods_first_then_exactly_their_price(shop: Shop) -> None:
    before, number = balance(shop), await held(shop)
    await shop.deliver()
    assert (await shop.state(), await shop.payment(number)) == ("paid", "held")
    assert await shop.balance("asset:receivable:stripe:%") == PRICE
    await settled(shop)
    assert (await shop.payment(number), balance(shop) - before) == ("paid", PRICE)
    assert await shop.balance("asset:clearing:stripe:%") == PRICE
    assert await shop.refunds() == []


async def test_a_failed_vend_takes_nothing_and_gives_nothing_back(shop: Shop) -> None:
    before, number = balance(shop), await held(shop)
    await shop.refuse()
    await settled(shop)
    assert (await shop.payment(number), balance(shop), await shop.refunds()) == ("closed", before, [])
    assert await shop.one("SELECT count(*) FROM ledger_line") == 0


async def test_of_two_pieces_the_one_that_came_is_taken_and_can_be_refunded(shop: Shop) -> None:
    before, number = balance(shop), await held(shop, BOTH)
    await shop.deliver()
    await shop.refuse()
    await settled(shop)
    assert (balance(shop) - before, await shop.refunds()) == (PRICE, [])
    assert await shop.one("SELECT captured_minor FROM payment WHERE payment_id = $1", number) == PRICE
    assert PRICE < PRICE + OTHER_PRICE


async def test_pf01_copies_of_each_notice_tell_one_story(shop: Shop) -> None:
    number = await shop.offer()
    shop.spoil_notices(NoticeFault.DUPLICATE)
    shop.pay(number, is_told=True)
    await shop.heard(lambda: len(shop.house.door.knocks) == 3)  # the page twice, and the money that is held
    assert (await shop.state(), await shop.payment(number), await shop.commands()) == ("paid", "held", 1)
    await shop.deliver()
    await settled(shop)
    await shop.heard(lambda: len(shop.house.door.knocks) == 4)
    for notice in shop.platform.notices():
        if notice.number == number:
            await shop.house.control.resend_notice("stripe", notice.notice_id)
    assert {knock.status for knock in shop.house.door.knocks} == {200}
    kinds = "SELECT count(*) FROM evidence WHERE kind IN ('payment.held', 'payment.captured')"
    assert (await shop.one(kinds), await shop.balance("asset:clearing:stripe:%")) == (2, PRICE)


async def test_pf14_held_beside_a_payment_is_given_up(shop: Shop) -> None:
    number = await shop.offer()
    other = await shop.offer_beside("wechat")
    shop.pay(other, channel="wechat")
    shop.pay(number)
    before = balance(shop)
    wins = f"UPDATE payment SET next_try_at = NULL WHERE payment_id = '{number}'"
    await shop.house.superuser.execute(wins)
    await shop.look()
    assert await shop.payment(other) == "paid"
    await shop.until(
        f"SELECT state FROM payment WHERE payment_id = '{number}'",
        "closed",
        shop.stage.sweeps.look_up_payments,
        pause_s=5.0,
    )
    await shop.deliver()
    assert (await shop.state(), balance(shop), await shop.refunds()) == ("settled", before, [])


async def test_pf06_held_after_the_order_had_expired_is_given_up(shop: Shop) -> None:
    before, number = balance(shop), await shop.offer()
    shop.fail(CallFault.UNAVAILABLE, "close", count=-1)
    await shop.pass_time(125)
    await shop.stage.sweeps.expire_orders()
    await shop.look()
    assert await shop.state() == "awaiting_payment", "not over before the platform says so"
    shop.pay(number)
    await shop.look(pause_s=60.0)
    shop.house.server.call_faults.clear()
    await shop.end_order()
    assert (await shop.payment(number), await shop.commands(), balance(shop)) == ("closed", 0, before)


@pytest.mark.parametrize("fault", [CallFault.UNAVAILABLE, CallFault.ERROR_AFTER])
async def test_pf16_a_capture_without_an_answer_takes_once(shop: Shop, fault: CallFault) -> None:
    before, number = balance(shop), await held(shop)
    shop.fail(fault, "capture", number="")
    await shop.deliver()
    await settled(shop)
    assert (await shop.payment(number), balance(shop) - before) == ("paid", PRICE)


async def test_pf24_a_worker_that_died_after_the_call_is_made_up_for(shop: Shop) -> None:
    before, number = balance(shop), await held(shop)
    await shop.deliver()
    provider = await shop.stage.book.get(MERCHANT, "stripe")
    assert isinstance(provider, HoldsMoney)
    await provider.capture(number, Money(PRICE, "CNY"))
    assert await shop.payment(number) == "held", "the worker that called is gone"
    async with open_worker(shop) as other:
        await shop.pass_time(60)
        await other.sweeps.look_up_payments()
    assert (await shop.state(), await shop.payment(number), balance(shop) - before) == ("settled", "paid", PRICE)


async def test_a_hold_that_lapsed_is_a_declared_loss_and_an_alarm(shop: Shop) -> None:
    before, number = balance(shop), await held(shop)
    shop.fail(CallFault.UNAVAILABLE, "capture", count=-1)
    await shop.deliver()
    await shop.look(pause_s=60.0)
    await shop.stage.standing.look()
    assert await shop.payment(number) == "held"
    await shop.pass_time(7 * 86_400)
    await shop.stage.standing.look()
    alarms = "SELECT string_agg(kind, ' ' ORDER BY kind) FROM alarm WHERE kind LIKE 'hold%'"
    assert await shop.one(alarms) == "hold_open"
    await settled(shop)
    assert (await shop.payment(number), balance(shop)) == ("closed", before)
    assert await shop.one(alarms) == "hold_open hold_uncollected"
    assert await shop.balance("expense:uncollected") == PRICE
    assert await shop.balance("asset:receivable:%") == 0


async def test_captured_by_hand_at_the_platform_is_refunded_what_never_came(shop: Shop) -> None:
    number = await held(shop, BOTH)
    provider = await shop.stage.book.get(MERCHANT, "stripe")
    assert isinstance(provider, HoldsMoney)
    shop.house.door.till = None
    await provider.capture(number, Money(PRICE + OTHER_PRICE, "CNY"))
    await shop.deliver()
    await shop.refuse()
    await shop.until("SELECT count(*) FROM refund", 1, shop.stage.sweeps.look_up_payments, pause_s=5.0)
    await shop.settle_refunds()
    assert (await shop.state(), shop.given_back(number)) == ("settled", [("SUCCESS", OTHER_PRICE)])
