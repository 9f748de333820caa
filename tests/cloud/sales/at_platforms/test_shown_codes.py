"""Codes that a buyer shows, charged on the real wire: bought, or found out, or ended; never vended once that began."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud.sales.at_platforms.shop import PRICE, Shop
from vendomat.kernel import derive_id
from vendomat.simulator.gateways import CallFault, Habits, NoticeFault

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CHARGE = "SELECT state FROM payment WHERE way = 'code_scan'"


async def shown(shop: Shop, habits: Habits | None = None) -> str:
    """A buyer holds their phone before the scanner; the charge's number, once its call has ended."""
    order = await shop.order()
    shop.platform.set_habits("ann", habits or Habits())
    code = shop.platform.show_code("ann").code
    asked = {"order_id": order["order_id"], "scan_id": derive_id("scn", order["order_id"]), "code": code}
    kind, _ = await shop.stage.say("scan", asked)
    assert kind == "scan.reply"
    await shop.stage.settle_down()
    return str(await shop.one("SELECT payment_id FROM payment WHERE way = 'code_scan'"))


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
async def test_a_shown_code_buys_a_can(shop: Shop) -> None:
    number = await shown(shop)
    assert (await shop.state(), await shop.commands()) == ("paid", 1)
    assert await shop.one("SELECT captured_minor FROM payment WHERE payment_id = $1", number) == PRICE


async def test_pf22_no_password_no_can_and_no_money(shop: Shop) -> None:
    before = balance_of(shop)
    await shown(shop, Habits(asks_password=True))
    for _ in range(6):
        await shop.look(4)
    assert await shop.one(CHARGE) == "created", "asked for half a minute, not given up before"
    await shop.until(CHARGE, "closed", shop.look, pause_s=1)
    assert (await shop.commands(), balance_of(shop)) == (0, before)
    assert shop.platform.waiting("ann") == []
    assert await shop.state() == "awaiting_payment", "the code on the screen is still good"


async def test_pf22_a_password_in_time_buys(shop: Shop) -> None:
    shop.spoil_notices(NoticeFault.LOSE)
    number = await shown(shop, Habits(asks_password=True))
    await shop.look(10)
    shop.platform.confirm(number, "ann")
    await shop.look(5)
    assert (await shop.state(), await shop.commands()) == ("paid", 1)


async def test_pf22_a_charge_whose_answer_is_lost_is_found_paid_and_charged_once(shop: Shop) -> None:
    before = balance_of(shop)
    shop.fail(CallFault.RESET_AFTER, "charge")
    shop.spoil_notices(NoticeFault.LOSE)
    await shown(shop)
    assert (await shop.one(CHARGE), await shop.commands()) == ("created", 0), "not before it is known"
    await shop.look(5)
    assert (await shop.state(), await shop.commands(), balance_of(shop)) == ("paid", 1, before + PRICE)


async def test_pf22_paid_and_never_heard_of_it_is_given_back_by_the_reverse_and_vends_nothing(shop: Shop) -> None:
    """No notice comes, and neither a question in its time nor the first two reverses are answered."""
    before, reverse = balance_of(shop), "reverse" if shop.channel == "wechat" else "cancel"
    shop.fail(CallFault.RESET_AFTER, "charge")
    shop.spoil_notices(NoticeFault.LOSE)
    shop.fail(CallFault.UNAVAILABLE, "query", count=-1)
    shop.fail(CallFault.UNAVAILABLE, "charge_query", count=-1)
    await shown(shop)
    assert balance_of(shop) == before + PRICE, "the platform has the money"
    shop.fail(CallFault.UNAVAILABLE, reverse)
    shop.fail(CallFault.RESET_AFTER, reverse)
    for _ in range(8):
        await shop.look(5)
    assert await shop.one(CHARGE) in ("unknown", "closed")
    shop.house.server.call_faults.clear()
    await shop.until(CHARGE, "closed", shop.look, pause_s=10)
    assert (balance_of(shop), await shop.commands(), await shop.refunds()) == (before, 0, [])
    assert await shop.balance("asset:clearing:%") == 0


def balance_of(shop: Shop) -> int:
    rows: list[dict[str, Any]] = shop.platform.books()["accounts"]
    return int(next(row["balance_fen"] for row in rows if row["account"] == shop.account))
