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
async def holding(house: House, tmp_path: Path) -> AsyncIterator[Shop]:
    """The merchant wants Stripe's money after the goods."""
    usual = house.accounts["stripe"]
    house.accounts["stripe"] = replace(usual, settings={**usual.settings, "is_taken_after_goods": True})
    try:
        async with open_shop(house, "stripe", tmp_path) as opened:
            yield opened
            await opened.check()
    finally:
        house.accounts["stripe"] = usual


def balance(holding: Shop) -> int:
    return int(holding.platform.books_now.accounts[holding.account].balance_fen)


async def held(holding: Shop, quantities: dict[str, int] | None = None) -> str:
    """An order whose money is held, and nothing of it taken; the payment's number."""
    before = balance(holding)
    number = await holding.bought(quantities)
    assert (await holding.payment(number), balance(holding)) == ("held", before)
    assert await holding.one("SELECT count(*) FROM ledger_line") == 0
    return number


async def settled(holding: Shop) -> None:
    await holding.until("SELECT state FROM sale_order", "settled", holding.stage.sweeps.look_up_payments, pause_s=5.0)


async def test_goods_first_then_exactly_their_price(holding: Shop) -> None:
    before, number = balance(holding), await held(holding)
    await holding.deliver()
    assert (await holding.state(), await holding.payment(number)) == ("paid", "held")
    assert await holding.balance("asset:receivable:stripe:%") == PRICE
    await settled(holding)
    assert (await holding.payment(number), balance(holding) - before) == ("paid", PRICE)
    assert await holding.balance("asset:clearing:stripe:%") == PRICE
    assert await holding.refunds() == []


async def test_a_failed_vend_takes_nothing_and_gives_nothing_back(holding: Shop) -> None:
    before, number = balance(holding), await held(holding)
    await holding.refuse()
    await settled(holding)
    assert (await holding.payment(number), balance(holding), await holding.refunds()) == ("closed", before, [])
    assert await holding.one("SELECT count(*) FROM ledger_line") == 0


async def test_of_two_pieces_the_one_that_came_is_taken_and_can_be_refunded(holding: Shop) -> None:
    before, number = balance(holding), await held(holding, BOTH)
    await holding.deliver()
    await holding.refuse()
    await settled(holding)
    assert (balance(holding) - before, await holding.refunds()) == (PRICE, [])
    assert await holding.one("SELECT captured_minor FROM payment WHERE payment_id = $1", number) == PRICE
    assert PRICE < PRICE + OTHER_PRICE


async def test_pf01_copies_of_each_notice_tell_one_story(holding: Shop) -> None:
    number = await holding.offer()
    holding.spoil_notices(NoticeFault.DUPLICATE)
    holding.pay(number, is_told=True)
    await holding.heard(lambda: len(holding.house.door.knocks) == 3)  # the page twice, and the money that is held
    assert (await holding.state(), await holding.payment(number), await holding.commands()) == ("paid", "held", 1)
    await holding.deliver()
    await settled(holding)
    await holding.heard(lambda: len(holding.house.door.knocks) == 4)
    for notice in holding.platform.notices():
        if notice.number == number:
            await holding.house.control.resend_notice("stripe", notice.notice_id)
    assert {knock.status for knock in holding.house.door.knocks} == {200}
    kinds = "SELECT count(*) FROM evidence WHERE kind IN ('payment.held', 'payment.captured')"
    assert (await holding.one(kinds), await holding.balance("asset:clearing:stripe:%")) == (2, PRICE)


async def test_pf14_held_beside_a_payment_is_given_up(holding: Shop) -> None:
    number = await holding.offer()
    other = await holding.offer_beside("wechat")
    holding.pay(other, channel="wechat")
    holding.pay(number)
    before = balance(holding)
    wins = f"UPDATE payment SET next_try_at = NULL WHERE payment_id = '{number}'"
    await holding.house.superuser.execute(wins)
    await holding.look()
    assert await holding.payment(other) == "paid"
    await holding.until(
        f"SELECT state FROM payment WHERE payment_id = '{number}'",
        "closed",
        holding.stage.sweeps.look_up_payments,
        pause_s=5.0,
    )
    await holding.deliver()
    assert (await holding.state(), balance(holding), await holding.refunds()) == ("settled", before, [])


async def test_pf06_held_after_the_order_had_expired_is_given_up(holding: Shop) -> None:
    before, number = balance(holding), await holding.offer()
    holding.fail(CallFault.UNAVAILABLE, "close", count=-1)
    await holding.pass_time(125)
    await holding.stage.sweeps.expire_orders()
    await holding.look()
    assert await holding.state() == "awaiting_payment", "not over before the platform says so"
    holding.pay(number)
    await holding.look(pause_s=60.0)
    holding.house.server.call_faults.clear()
    await holding.end_order()
    assert (await holding.payment(number), await holding.commands(), balance(holding)) == ("closed", 0, before)


@pytest.mark.parametrize("fault", [CallFault.UNAVAILABLE, CallFault.ERROR_AFTER])
async def test_pf16_a_capture_without_an_answer_takes_once(holding: Shop, fault: CallFault) -> None:
    before, number = balance(holding), await held(holding)
    holding.fail(fault, "capture", number="")
    await holding.deliver()
    await settled(holding)
    assert (await holding.payment(number), balance(holding) - before) == ("paid", PRICE)


async def test_pf24_a_worker_that_died_after_the_call_is_made_up_for(holding: Shop) -> None:
    before, number = balance(holding), await held(holding)
    await holding.deliver()
    provider = await holding.stage.book.get(MERCHANT, "stripe")
    assert isinstance(provider, HoldsMoney)
    await provider.capture(number, Money(PRICE, "CNY"))
    assert await holding.payment(number) == "held", "the worker that called is gone"
    async with open_worker(holding) as other:
        await holding.pass_time(60)
        await other.sweeps.look_up_payments()
    assert (await holding.state(), await holding.payment(number), balance(holding) - before) == (
        "settled",
        "paid",
        PRICE,
    )


async def test_a_hold_that_lapsed_is_a_declared_loss_and_an_alarm(holding: Shop) -> None:
    before, number = balance(holding), await held(holding)
    holding.fail(CallFault.UNAVAILABLE, "capture", count=-1)
    await holding.deliver()
    await holding.look(pause_s=60.0)
    await holding.stage.standing.look()
    assert await holding.payment(number) == "held"
    await holding.pass_time(7 * 86_400)
    await holding.stage.standing.look()
    alarms = "SELECT string_agg(kind, ' ' ORDER BY kind) FROM alarm WHERE kind LIKE 'hold%'"
    assert await holding.one(alarms) == "hold_open"
    await settled(holding)
    assert (await holding.payment(number), balance(holding)) == ("closed", before)
    assert await holding.one(alarms) == "hold_open hold_uncollected"
    assert await holding.balance("expense:uncollected") == PRICE
    assert await holding.balance("asset:receivable:%") == 0


async def test_captured_by_hand_at_the_platform_is_refunded_what_never_came(holding: Shop) -> None:
    number = await held(holding, BOTH)
    provider = await holding.stage.book.get(MERCHANT, "stripe")
    assert isinstance(provider, HoldsMoney)
    holding.house.door.till = None
    await provider.capture(number, Money(PRICE + OTHER_PRICE, "CNY"))
    await holding.deliver()
    await holding.refuse()
    await holding.until("SELECT count(*) FROM refund", 1, holding.stage.sweeps.look_up_payments, pause_s=5.0)
    await holding.settle_refunds()
    assert (await holding.state(), holding.given_back(number)) == ("settled", [("SUCCESS", OTHER_PRICE)])
