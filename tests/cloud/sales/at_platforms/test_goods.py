"""Money that is there while the machine is not, or gives only a part of the goods."""

from __future__ import annotations

import pytest

from tests.cloud.sales.at_platforms.shop import OTHER_PRICE, PRICE, Shop
from vendomat.protocol import FactKind

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

OUTCOME = "SELECT (outcome, reason)::text FROM vend_unit WHERE unit = $1"


async def be_silent(shop: Shop) -> None:
    """Nobody answers for the machine until every deadline has passed."""
    for pause_s in (3, *[19] * 7):
        await shop.pass_time(pause_s)
        await shop.stage.dispatcher.sweep()
        await shop.stage.settle_down()


async def test_pf09_the_machine_is_gone_when_the_money_comes(shop: Shop) -> None:
    """Asked, fenced, and not heard of again: the money goes back at the deadline, though the goods may have come."""
    number = await shop.bought()
    assert await shop.refunds() == []
    await be_silent(shop)
    kinds = [kind for kind, _ in shop.stage.line.asked]
    assert kinds[0] == "dispense" and "fence" in kinds
    await shop.settle_refunds()
    assert (await shop.state(), shop.given_back(number)) == ("settled", [("SUCCESS", PRICE)])
    await shop.deliver()  # back after hours: what it says now moves no money
    await shop.ask()
    assert shop.given_back(number) == [("SUCCESS", PRICE)] and await shop.commands() == 1


async def test_pf09_a_machine_that_was_fenced_owes_all_of_it_and_nothing_is_ambiguous(shop: Shop) -> None:
    number = await shop.bought()
    await shop.report(FactKind.FENCED)
    assert await shop.one(OUTCOME, 1) == "(not_delivered,fenced)"
    await shop.settle_refunds()
    assert shop.given_back(number) == [("SUCCESS", PRICE)] and await shop.balance("memo:ambiguous") == 0


async def test_pf10_a_machine_that_restarts_in_mid_vend_is_not_asked_again(shop: Shop) -> None:
    number = await shop.bought()
    await shop.report(FactKind.INTENT)
    await be_silent(shop)
    assert await shop.one("SELECT outcome FROM vend_unit") == "unknown" and await shop.commands() == 1
    assert await shop.balance("memo:ambiguous") == PRICE
    assert await shop.refunds() == [("requested", PRICE)]
    await shop.settle_refunds()
    assert (await shop.state(), shop.given_back(number)) == ("settled", [("SUCCESS", PRICE)])
    assert await shop.balance("income:%") == 0


async def test_f14_pf21_one_refund_of_exactly_what_did_not_come_out(shop: Shop) -> None:
    """F14: three of five do not come out, for three reasons: asked back in one sum, after the last."""
    number = await shop.bought({"A1": 3, "A2": 2})
    await shop.deliver()
    await shop.refuse()
    await shop.report(FactKind.OUTCOME, result="delivered")
    assert await shop.refunds() == [], "not before every end is known"
    await shop.report(FactKind.OUTCOME, result="not_detected")
    assert await shop.refunds() == []
    await shop.report(FactKind.OUTCOME, result="unknown")
    await be_silent(shop)
    await shop.settle_refunds()
    owed = PRICE + 2 * OTHER_PRICE
    assert await shop.refunds() == [("succeeded", owed)] and await shop.commands() == 5
    assert shop.given_back(number) == [("SUCCESS", owed)]
    assert await shop.balance("income:%") == -2 * PRICE
    assert await shop.balance("asset:clearing:%") == 2 * PRICE
