"""A statement paid through the platform, from the switch to the last fen; whatever dies or is refused on the way."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from tests.cloud.sales.conftest import MERCHANT
from tests.cloud.sharing.sharing_stage import CEILING, FEE, OWNER, PRICE, DiedError, SharingStage
from vendomat.cloud.commission import Payout
from vendomat.cloud.ledger import Entry, post, postings
from vendomat.cloud.payments import ReceiverKind
from vendomat.cloud.sales import VendSaid
from vendomat.cloud.sharing import SharingSweeps
from vendomat.kernel import ErrorCode, TimeOrderedIds, VendomatError
from vendomat.simulator.gateways import CallFault, FaultRule

pytestmark = pytest.mark.slow

JANUARY, FEBRUARY = date(2026, 1, 15), date(2026, 2, 2)


async def stated(firm: SharingStage, count: int = 6) -> int:
    """A month of `count` sales at the site, agreed before, and stated; what is owed."""
    await firm.agreed()
    await firm.until_day(JANUARY)
    await firm.sell(count)
    await firm.until_day(FEBRUARY)
    return await firm.issue()


async def test_a_statement_is_paid_out_of_its_own_payments(firm: SharingStage) -> None:
    total = await stated(firm, 6)
    assert total == 6 * PRICE // 10 == 210
    before = firm.available_fen()
    await firm.sweep()
    assert (await firm.owed(), await firm.way()) == (0, 210), "what is on its way cannot be paid by hand as well"
    with pytest.raises(VendomatError, match="more than is owed"):
        await firm.statements.pay(OWNER, firm.site_id, Payout(1, FEBRUARY, "bank"))
    await firm.settle()
    assert await firm.stages() == {("give", "succeeded"): 2, ("free", "succeeded"): 4}
    assert (await firm.owed(), await firm.way(), firm.given_fen()) == (0, 0, total)
    assert await firm.fund() == 6 * PRICE - total
    assert firm.available_fen() == before + 6 * (PRICE - FEE) - total, "the rest is free"
    amounts = await firm.world.superuser.fetch("SELECT amount_minor FROM profit_share WHERE duty = 'give' ORDER BY 1")
    assert [row[0] for row in amounts] == [CEILING, CEILING]
    assert await firm.alarms() == []
    await firm.assert_audited()


async def test_only_codes_to_scan_at_the_site_are_frozen_and_only_once_the_owner_is_known(firm: SharingStage) -> None:
    (first,) = await firm.sell()
    await firm.agree()
    (second,) = await firm.sell()
    await firm.sweep()
    (third,) = await firm.sell()
    await firm.parts.sharing.stop(OWNER, firm.site_id)
    (fourth,) = await firm.sell()
    marks = [
        await firm.one("SELECT shared_for FROM payment WHERE payment_id = $1", n)
        for n in (first, second, third, fourth)
    ]
    assert marks == ["", "", firm.site_id, ""]
    frozen = {one.out_trade_no for one in firm.server.wechat.sharing._frozen.values()}
    assert frozen == {third}


async def test_money_that_goes_back_is_not_shared(firm: SharingStage) -> None:
    await firm.agreed()
    await firm.until_day(JANUARY)
    await firm.sell(1, said=VendSaid.NOT_DELIVERED)
    await firm.world.superuser.execute("UPDATE stock_slot SET closed_reason = ''")
    await firm.sell(2)
    await firm.until_day(FEBRUARY)
    total = await firm.issue()
    await firm.settle()
    assert (total, firm.given_fen()) == (70, 70)
    assert await firm.stages() == {("give", "succeeded"): 1, ("free", "succeeded"): 2}
    await firm.assert_audited()


async def test_what_finds_no_payment_stays_owed_and_is_said(firm: SharingStage) -> None:
    """A month may be older than the platform's thirty days, or the owner's part larger than its ceiling."""
    await firm.agreed()
    await firm.until_day(date(2026, 1, 3))
    await firm.sell(4)
    await firm.until_day(JANUARY)
    await firm.sell(1)
    await firm.until_day(FEBRUARY)
    assert await firm.issue() == 175
    await firm.settle()
    assert (firm.given_fen(), await firm.owed(), await firm.way()) == (CEILING, 175 - CEILING, 0)
    (detail,) = await firm.alarms()
    assert "70 of 175" in detail
    await firm.statements.pay(OWNER, firm.site_id, Payout(70, FEBRUARY, "bank"))
    await firm.parts.sharing.plan_again(OWNER, firm.site_id, 1)
    await firm.settle(2)
    assert (firm.given_fen(), await firm.owed()) == (CEILING, 0), "what was paid by hand is not given again"
    await firm.assert_audited()


async def test_a_share_that_does_not_arrive_is_owed_again(firm: SharingStage) -> None:
    total = await stated(firm)
    firm.server.wechat.sharing.close_next_shares("ACCOUNT_ABNORMAL", 1)
    await firm.settle()
    assert (await firm.owed(), firm.given_fen()) == (CEILING, total - CEILING)
    assert len(await firm.alarms()) == 1
    await firm.sell(2)
    await firm.pass_time(seconds=1_000)
    await firm.parts.sharing.plan_again(OWNER, firm.site_id, 1)
    await firm.settle()
    assert (await firm.owed(), firm.given_fen()) == (0, total), "tried again with a payment that was left"
    await firm.assert_audited()


async def test_a_receiver_that_the_platform_refuses_is_said_once_and_nothing_is_frozen(firm: SharingStage) -> None:
    real = firm.sharing.real
    firm.sharing.real = Stern(real)
    await firm.agree()
    for _ in range(3):
        await firm.sweep()
        await firm.pass_time(seconds=100)
    assert await firm.one("SELECT state || ' ' || error FROM site_receiver") == "asked PARAM_ERROR: name"
    assert len(await firm.alarms()) == 1 and await firm.one("SELECT sum(count) FROM alarm") == 1
    await firm.sell()
    assert await firm.one("SELECT count(*) FROM payment WHERE shared_for <> ''") == 0
    firm.sharing.real = real
    await firm.pass_time(seconds=100)
    await firm.sweep()
    assert await firm.one("SELECT state || error FROM site_receiver") == "added"


class Stern:
    """A platform that takes no receiver."""

    def __init__(self, real: object) -> None:
        self.real = real

    async def add_receiver(self, receiver: object) -> str:
        return "PARAM_ERROR: name"


async def test_a_person_may_receive_and_gives_nothing_back(firm: SharingStage) -> None:
    await firm.agree(kind=ReceiverKind.PERSON, receiver="oLandlord00000000000000000000")
    await firm.sweep()
    await firm.until_day(JANUARY)
    await firm.sell(2)
    await firm.until_day(FEBRUARY)
    await firm.issue()
    await firm.settle()
    assert (firm.given_fen(), await firm.owed()) == (70, 0)
    await owes(firm, 30)
    with pytest.raises(VendomatError, match="only what merchants were given"):
        await firm.parts.sharing.take_back(OWNER, firm.site_id, 30)


async def owes(firm: SharingStage, minor: int) -> None:
    """A later statement found that the owner was given so much too much."""
    async with firm.world.database.hot.acquire() as connection, connection.transaction():
        posting = postings.site_rent_stated(firm.site_id, 99, f"{minor:064}", -minor)
        await post(connection, [Entry(MERCHANT, "", "CNY", firm.clock.now(), posting)])


async def test_killed_at_every_call_it_is_given_once(firm: SharingStage) -> None:
    verbs = ("add_receiver", "share", "set_free", "look_up")
    firm.sharing.deaths = [(verb, has_heard) for verb in verbs for has_heard in (False, True)]
    await firm.agree()
    for _ in range(3):
        await firm.sweep()
        await firm.pass_time(seconds=60)
    assert await firm.one("SELECT state FROM site_receiver") == "added"
    await firm.until_day(JANUARY)
    await firm.sell(4)
    await firm.until_day(FEBRUARY)
    total = await firm.issue()
    await firm.sweep()
    assert firm.sharing.deaths == [("look_up", False), ("look_up", True)]
    assert (await firm.stages(), await firm.way()) == ({("free", "requested"): 2, ("give", "requested"): 2}, total)
    await firm.settle()
    assert firm.sharing.deaths == []
    assert (firm.given_fen(), await firm.owed(), await firm.way()) == (total, 0, 0)
    assert await firm.stages() == {("give", "succeeded"): 2, ("free", "succeeded"): 2}
    assert len(firm.server.wechat.sharing.sharings) == 4
    await firm.assert_audited()


async def test_without_an_answer_the_same_number_is_looked_up(firm: SharingStage) -> None:
    total = await stated(firm, 2)
    firm.server.call_faults.add(FaultRule(fault=CallFault.FORGED_ANSWER, platform="wechat", verb="share"))
    await firm.sweep()
    assert (await firm.way(), (await firm.stages())["give", "unknown"]) == (total, 1)
    await firm.settle(3)
    assert (firm.given_fen(), await firm.way()) == (total, 0)
    assert len(firm.server.wechat.sharing.sharings) == 2
    await firm.assert_audited()


async def test_two_workers_plan_and_give_once(firm: SharingStage) -> None:
    await stated(firm, 4)
    clock, database = firm.clock, firm.world.database
    other = SharingSweeps(database, firm.parts.sharing, clock=clock, ids=TimeOrderedIds(clock))
    for _ in range(4):
        await asyncio.gather(firm.sweep(), other.sweep())
        await firm.pass_time(seconds=700)
    assert await firm.one("SELECT count(*) FROM share_plan") == 1
    assert (firm.given_fen(), await firm.way(), await firm.owed()) == (140, 0, 0)


async def test_a_refused_share_waits_for_a_person(firm: SharingStage) -> None:
    total = await stated(firm, 2)
    firm.server.wechat.sharing._receivers.clear()  # the owner took it back at the platform
    await firm.sweep()
    assert await firm.stages() == {("give", "refused"): 1, ("free", "succeeded"): 1}
    assert (await firm.way(), len(await firm.alarms())) == (total, 1)
    share_id = await firm.one("SELECT share_id FROM profit_share WHERE duty = 'give'")
    with pytest.raises(VendomatError, match="a minute after"):
        await firm.parts.sharing.give_up(OWNER, share_id)
    await firm.pass_time(seconds=61)
    firm.sharing.deaths = [("look_up", False)]
    with pytest.raises(DiedError):
        await firm.parts.sharing.give_up(OWNER, share_id)
    await firm.parts.sharing.give_up(OWNER, share_id)
    await firm.settle(3)
    assert (await firm.way(), await firm.owed(), firm.given_fen()) == (0, total, 0)
    await firm.assert_audited()


async def test_a_refused_share_goes_when_the_reason_is_gone_and_ends_when_its_time_is(firm: SharingStage) -> None:
    await stated(firm, 6)
    receivers = dict(firm.server.wechat.sharing._receivers)
    firm.server.wechat.sharing._receivers.clear()
    await firm.settle(2)
    firm.server.wechat.sharing._receivers.update(receivers)
    await firm.settle(3)
    assert (firm.given_fen(), await firm.way()) == (210, 0)
    firm.server.wechat.sharing._receivers.clear()
    await firm.until_day(date(2026, 2, 16))
    await firm.sell(2)
    await firm.until_day(date(2026, 3, 2))
    await firm.issue()
    await firm.settle(2)
    assert (await firm.way(), await firm.owed()) == (70, 0)
    await firm.until_day(date(2026, 3, 20))
    await firm.settle(3)
    assert (await firm.way(), await firm.owed(), firm.given_fen()) == (0, 70, 210)
    await firm.assert_audited()


async def test_what_was_given_too_much_is_taken_back_once(firm: SharingStage) -> None:
    await stated(firm, 6)
    await firm.settle()
    before = firm.partner_fen()
    await owes(firm, 150)
    with pytest.raises(VendomatError, match="more than the owner was given too much"):
        await firm.parts.sharing.take_back(OWNER, firm.site_id, 151)
    firm.sharing.deaths = [("take_back", True), ("take_back", False)]
    await firm.parts.sharing.take_back(OWNER, firm.site_id, 150)
    with pytest.raises(VendomatError, match="more than the owner was given too much"):
        await firm.parts.sharing.take_back(OWNER, firm.site_id, 1)
    await firm.settle()
    assert firm.sharing.deaths == []
    assert (firm.partner_fen(), await firm.owed()) == (before - 150, 0)
    assert (await firm.stages())["take_back", "succeeded"] == 2
    assert await firm.fund() == 6 * PRICE - 210 + 150
    await owes(firm, 40)
    firm.server.wechat.sharing.fail_next_returns(1)
    await firm.parts.sharing.take_back(OWNER, firm.site_id, 40)
    await firm.settle()
    assert (await firm.owed(), (await firm.stages())["take_back", "closed"]) == (-40, 1)
    assert len(await firm.alarms()) == 1
    await firm.parts.sharing.take_back(OWNER, firm.site_id, 40)
    await firm.settle()
    assert await firm.owed() == 0, "what failed was tried under a new number"


async def test_an_account_that_shares_nothing_cannot_be_agreed_and_leaves_the_owner_to_be_paid_by_hand(
    firm: SharingStage,
) -> None:
    total = await stated(firm, 2)
    provider = await firm.parts.sharing._book.get(MERCHANT, "wechat")
    provider.profit_sharing = None  # type: ignore[attr-defined]
    with pytest.raises(VendomatError) as refused:
        await firm.agree()
    assert refused.value.code is ErrorCode.METHOD_UNAVAILABLE
    await firm.settle(2)
    assert (await firm.owed(), await firm.stages(), len(await firm.alarms())) == (total, {}, 1)
    assert await firm.one("SELECT missing_minor FROM share_plan") == total
    assert not (await firm.parts.sharing.look(MERCHANT, firm.site_id)).may_share


async def test_stopping_sets_free_what_waits(firm: SharingStage) -> None:
    await firm.agreed()
    await firm.until_day(JANUARY)
    await firm.sell(3)
    await firm.pass_time(seconds=1_000)
    assert await firm.parts.sharing.stop(OWNER, firm.site_id) == 3
    before = firm.available_fen()
    await firm.settle(3)
    assert firm.available_fen() == before + 3 * (PRICE - FEE)
    await firm.until_day(FEBRUARY)
    await firm.issue()
    await firm.settle(2)
    assert (await firm.owed(), firm.given_fen()) == (105, 0), "by hand, as before"
    assert await firm.parts.sharing.stop(OWNER, firm.site_id) == 0
    await firm.assert_audited()


async def test_what_the_bill_lists_as_shared_is_explained_by_our_shares(firm: SharingStage) -> None:
    await stated(firm, 6)
    await firm.settle()
    await firm.until_day(date(2026, 2, 3))
    await firm.world.superuser.execute("UPDATE profit_share SET detail_number = '' WHERE amount_minor = $1", CEILING)
    await firm.parts.reconciliation.run()
    items = await firm.world.superuser.fetch("SELECT subject, fix, bill_minor FROM recon_item WHERE state = 'open'")
    assert [(row["fix"], row["bill_minor"]) for row in items] == [("wait", -CEILING)] * 2
    assert all(row["subject"].startswith("fund:share:") for row in items)
    numbers = {one.number: line.detail_id for one in firm.server.wechat.sharing.sharings.values() for line in one.lines}
    for share_id, detail in numbers.items():
        await firm.world.superuser.execute(
            "UPDATE profit_share SET detail_number = $2 WHERE share_id = $1", share_id, detail
        )
    await firm.until_day(date(2026, 2, 4))
    await firm.parts.reconciliation.run()
    assert await firm.one("SELECT state FROM recon_day WHERE day = '2026-02-02'") == "closed"
    assert await firm.one("SELECT count(*) FROM recon_item WHERE state = 'open'") == 0
    await firm.assert_audited()
