"""Notices that come twice, late, in the wrong order, never, falsely, or about nobody's money."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cloud.sales.at_platforms.shop import MERCHANT, PRICE, Shop
from vendomat.cloud.payments import StartRequest, TradeState
from vendomat.kernel import Money
from vendomat.simulator.gateways import CallFault, NoticeFault

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

WELL = (200, 204)


async def test_pf01_three_copies_of_a_notice_buy_once(shop: Shop) -> None:
    number = await shop.offer()
    shop.spoil_notices(NoticeFault.DUPLICATE)
    shop.pay(number, is_told=True)
    await shop.heard(lambda: len(shop.house.door.knocks) == 2)
    await shop.house.control.resend_notice(shop.channel, shop.notice_of(number).notice_id)
    assert all(knock.status in WELL for knock in shop.house.door.knocks) and len(shop.house.door.knocks) == 3
    assert (await shop.state(), await shop.commands()) == ("paid", 1)
    assert await shop.balance("liab:undelivered") == -PRICE
    assert await shop.one("SELECT count(*) FROM evidence WHERE kind = 'payment.paid'") == 1


async def test_pf02_a_notice_hours_late_tells_nothing_new(shop: Shop) -> None:
    number = await shop.offer()
    shop.spoil_notices(NoticeFault.DELAY, delay_s=3 * 3600)
    shop.pay(number, is_told=True)
    await shop.look()
    assert await shop.state() == "paid", "found by asking, hours before"
    await shop.deliver()
    await shop.pass_time(3 * 3600)
    await shop.heard(lambda: shop.house.door.knocks)
    assert shop.house.door.knocks[0].status in WELL
    assert (await shop.state(), await shop.commands(), await shop.refunds()) == ("settled", 1, [])


async def test_pf02_a_notice_hours_late_after_we_gave_up_gives_all_of_it_back(shop: Shop) -> None:
    """The platform answered nothing meanwhile: the goods are others' again, and the late word is believed."""
    number = await shop.offer()
    shop.fail(CallFault.UNAVAILABLE, count=-1)
    shop.spoil_notices(NoticeFault.DELAY, delay_s=3 * 3600)
    shop.pay(number, is_told=True)
    await shop.pass_time(160)
    await shop.stage.sweeps.expire_orders()
    await shop.look()
    assert (await shop.state(), await shop.payment(number)) == ("awaiting_payment", "unknown")
    await shop.pass_time(3 * 3600)
    await shop.heard(lambda: shop.house.door.knocks)
    assert (await shop.state(), await shop.commands()) == ("expired", 0)
    shop.house.server.call_faults.clear()
    await shop.settle_refunds()
    assert shop.given_back(number) == [("SUCCESS", PRICE)]


async def test_pf03_the_notice_of_a_payment_after_its_refund_changes_nothing(shop: Shop) -> None:
    number = await shop.offer()
    shop.spoil_notices(NoticeFault.DELAY, delay_s=600)
    shop.pay(number, is_told=True)
    await shop.look()
    await shop.refuse()
    await shop.settle_refunds()
    for _ in range(2):
        await shop.pass_time(300)
    await shop.heard(lambda: shop.notice_of(number).state == "accepted")
    assert await shop.stage.till.confirm_payment(MERCHANT, number) is TradeState.PAID, "though all of it went back"
    assert (await shop.state(), await shop.payment(number)) == ("settled", "paid")
    assert await shop.refunds() == [("succeeded", PRICE)] and await shop.commands() == 1


async def test_f01_pf04_no_notice_at_all_is_made_up_for_by_looking(shop: Shop) -> None:
    """F01: without any notice the look-up finds the payment, and the vend is ordered."""
    number = await shop.offer()
    await shop.look(2.9)
    assert await shop.one("SELECT tries FROM payment") == 0, "nobody pays so soon"
    await shop.look(0.1)
    assert await shop.payment(number) == "created"
    shop.pay(number)
    await shop.look(2.9)
    assert await shop.state() == "awaiting_payment"
    await shop.look(0.1)
    assert (await shop.state(), await shop.commands()) == ("paid", 1)
    assert await shop.one("SELECT transaction_id <> '' AND captured_minor = 350 FROM payment")
    assert shop.house.door.knocks == []


async def test_f04_pf05_what_is_not_the_platforms_word_changes_nothing(shop: Shop) -> None:
    """F04: forged, a probe, too old, by the wrong key: refused and noted; the true one still counts."""
    number = await shop.offer()
    assert await shop.house.control.forge_notice(shop.channel, number)
    shop.pay(number)  # its notice is lost, and the look-up is not due yet
    notice_id = shop.notice_of(number).notice_id
    for guise in ("forged", "signtest", "stale", "wrong_key"):
        await shop.house.control.resend_notice(shop.channel, notice_id, guise)
    assert not [knock for knock in shop.house.door.knocks if knock.status in WELL]
    assert len(shop.house.door.knocks) == 5
    assert (await shop.state(), await shop.payment(number)) == ("awaiting_payment", "created")
    assert await shop.balance("%") == await shop.one("SELECT count(*) FROM ledger_line") == 0
    await shop.stage.watch.flush()
    assert await shop.one("SELECT count(*) FROM security_event WHERE kind = 'notice_refused'") >= 1
    await shop.house.control.resend_notice(shop.channel, notice_id)
    assert (await shop.state(), await shop.commands()) == ("paid", 1)


async def test_f13_pf08_money_for_a_number_we_never_gave_stands_somewhere(shop: Shop) -> None:
    """F13: the database came from a backup: the platform took money for an order that is gone."""
    number = f"pay_{await shop.one('SELECT count(*) FROM payment'):06d}{shop.channel:x<20}"
    shop.unheard.add(number)
    provider = await shop.stage.book.get(MERCHANT, shop.channel)
    ends_at = shop.house.clock.now() + timedelta(seconds=120)
    url = shop.stage.till.notify_url(MERCHANT, shop.channel)
    await provider.start(StartRequest(number, Money(PRICE, "CNY"), "Cola", ends_at, url, "mch_gone"))
    shop.pay(number, is_told=True)
    await shop.heard(lambda: shop.notice_of(number).state == "accepted")
    assert await shop.one("SELECT count(*) FROM ledger_line") == 0
    said = await shop.one("SELECT detail FROM security_event WHERE kind = 'payment_of_unknown_number'")
    assert number in said and "350" in said
