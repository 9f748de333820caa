"""A cooler sells: the real terminal, the cloud's real parts, the emulated platform over HTTP."""

from __future__ import annotations

import msgspec
import pytest

from tests.cloud.coolers.cooler_stage import CoolerStage
from tests.cloud.sales.conftest import MACHINE
from vendomat.audit import AuditSources, Terms, run_audit
from vendomat.cloud.coolers import DoorFacts, Visit, VisitState
from vendomat.cloud.coolers.steps import command_of
from vendomat.cloud.machines import Sender
from vendomat.cloud.orders import CommandState
from vendomat.kernel import ErrorCode, TimeOrderedIds, VendomatError
from vendomat.protocol import Fact, FactKind, Recount
from vendomat.terminal.drivers import CoolerFault

S = VisitState


async def is_sound(shop: CoolerStage) -> None:
    """Nothing is left open, and the audit finds no breach."""
    books = shop.folder / "books.json"
    books.write_bytes(msgspec.json.encode(shop.server.wechat.books()))
    sources = AuditSources(
        database_url=shop.world.superuser_url,
        cabinets={MACHINE: shop.folder / "cooler.jsonl"},
        books={"wechat": str(books)},
    )
    report = await run_audit(sources, Terms(is_at_rest=True, now=shop.clock.now()))
    assert [f.name for f in report.breaches] == []


class TestTheGoodWay:
    async def test_agreed_opened_taken_collected(self, shop: CoolerStage):
        visit = await shop.begin()
        assert (visit.state, bool(visit.agreement)) == (S.OFFERED, True)
        await shop.breathe(10.0)
        assert shop.cooler.releases == []
        shop.agree(visit)
        await shop.until(shop.cooler.pull)
        await shop.breathe()
        shop.cooler.take("A1", 2)
        shop.cooler.take("A2")
        assert shop.cooler.shut()
        paid = await shop.comes_to(visit, S.PAID)
        assert (paid.owed_minor, paid.paid_minor, bool(paid.transaction_id)) == (900, 900, True)
        assert [(g.slot, g.taken, g.evidence) for g in paid.goods] == [("A1", 2, "weight"), ("A2", 1, "weight")]
        assert (await shop.balance(shop.receivable), await shop.balance(shop.clearing)) == (0, 900)
        assert await shop.balance(f"income:sales:{visit.merchant_id}") == -900
        assert (await shop.on_hand("A1"), await shop.on_hand("A2")) == (38, 2)
        assert (len(shop.cooler.releases), await shop.alarms()) == (1, [])
        await is_sound(shop)

        second = await shop.shop()  # the door is free again, and nothing is taken
        assert (await shop.comes_to(second, S.ENDED)).reason == "nothing_taken"
        assert shop.platform_state(second) == "REVOKED"
        await is_sound(shop)


class TestWhatGoesWrong:
    async def test_pf23_a_buyer_who_cannot_pay_is_owed_and_asked_again_until_paid(self, shop: CoolerStage):
        visit = await shop.opened()
        shop.make_poor(visit)
        await shop.breathe()
        shop.cooler.take("A1")
        shop.cooler.shut()
        await shop.comes_to(visit, S.COLLECTING)
        for _ in range(3):
            await shop.breathe(20.0)
        assert (await shop.row(visit)).state is S.COLLECTING
        assert (await shop.balance(shop.receivable), await shop.balance(shop.clearing)) == (350, 0)
        await is_sound(shop)
        shop.make_poor(visit, 10_000)
        await shop.comes_to(visit, S.PAID, step_s=20.0)
        assert (await shop.balance(shop.receivable), await shop.balance(shop.clearing)) == (0, 350)
        await is_sound(shop)

    async def test_pf23_refused_by_risk_opens_nothing(self, shop: CoolerStage):
        openid = shop.server.wechat.permit(shop.account.mchid, "risky", shop.settings.public_url)
        shop.server.wechat.distrust("risky", "risk")
        refused = await shop.begin(payer=openid)
        assert (refused.state, refused.reason) == (S.REFUSED, "risk")
        shop.server.wechat.distrust("risky", "")
        vouched = await shop.begin(payer=openid)
        await shop.until(shop.cooler.pull)
        assert (await shop.row(vouched)).payer == ""
        assert len(shop.cooler.releases) == 1

    async def test_pf23_a_lock_that_holds_costs_nothing(self, shop: CoolerStage):
        shop.cooler.faults.add(CoolerFault.LOCK_STUCK)
        visit = await shop.begin()
        shop.agree(visit)
        assert (await shop.comes_to(visit, S.ENDED)).reason == "door_not_opened"
        assert (shop.cooler.releases, shop.platform_state(visit)) == ([], "REVOKED")
        await is_sound(shop)

    async def test_pf23_a_door_left_open_charges_what_was_recognised(self, shop: CoolerStage):
        visit = await shop.opened()
        await shop.breathe()
        shop.cooler.take("A2")
        shop.cooler.faults.add(CoolerFault.DOOR_STUCK)
        assert not shop.cooler.shut()
        paid = await shop.comes_to(visit, S.PAID, step_s=5.0)
        assert (paid.door, paid.paid_minor, await shop.alarms()) == ("door_left_open", 200, ["cooler.left_open"])
        with pytest.raises(VendomatError) as refused:
            await shop.begin()
        assert refused.value.code is ErrorCode.MACHINE_NOT_READY
        await is_sound(shop)

    async def test_goods_with_an_age_limit_keep_the_door_shut(self, shop: CoolerStage):
        await shop.world.superuser.execute(
            "UPDATE product SET age_min = 18 WHERE product_id IN "
            "(SELECT product_id FROM planogram_slot WHERE slot = 'A2')"
        )
        with pytest.raises(VendomatError) as refused:
            await shop.begin()
        assert refused.value.code is ErrorCode.MACHINE_NOT_READY and "age limit" in refused.value.message
        assert await shop.world.superuser.fetchval("SELECT count(*) FROM cooler_visit") == 0

    async def test_pf23_recognised_late_falls_while_owed_and_never_rises(self, shop: CoolerStage):
        visit = await shop.opened()
        shop.make_poor(visit)
        await shop.breathe()
        shop.cooler.take("A1", 2)
        shop.cooler.shut()
        await shop.comes_to(visit, S.COLLECTING)
        shop.cooler.recount({"A1": 1, "A2": 1})

        async def has_fallen() -> bool:
            row = await shop.row(visit)
            return (row.state, row.owed_minor) == (S.COLLECTING, 350)

        await shop.until(has_fallen)
        assert [(g.slot, g.taken, g.given) for g in (await shop.row(visit)).goods] == [("A1", 1, 0), ("A2", 0, 1)]
        assert await shop.balance("expense:cooler_loss") == 200
        await is_sound(shop)
        shop.make_poor(visit, 10_000)
        assert (await shop.comes_to(visit, S.PAID, step_s=20.0)).paid_minor == 350
        await is_sound(shop)

    async def test_pf23_a_machine_that_was_away_promises_not_to_open(self, shop: CoolerStage):
        visit = await shop.begin()
        shop.net.is_up = False
        shop.agree(visit)
        for _ in range(8):
            await shop.breathe(5.0)
        row = await shop.row(visit)
        assert (row.state, row.command and row.command.state) == (S.OPENING, CommandState.FENCING)
        shop.net.is_up = True
        await shop.comes_to(visit, S.ENDED)
        assert (shop.cooler.releases, shop.platform_state(visit)) == ([], "REVOKED")
        await is_sound(shop)


class TestKills:
    """Each time a process dies, and another takes over what its rows and files say."""

    @pytest.mark.parametrize("moment", ["agreed", "commanded", "opened", "shut", "completing", "owed"])
    async def test_pf23_the_cloud_dies(self, shop: CoolerStage, moment: str):
        visit = await shop.begin()
        await self._at(shop, moment, "agreed")
        shop.agree(visit)
        await shop.comes_to(visit, S.OPENING)
        await self._at(shop, moment, "commanded")
        await shop.until(shop.cooler.pull)
        await self._at(shop, moment, "opened")
        await shop.breathe()
        shop.cooler.take("A1")
        shop.cooler.shut()
        await self._at(shop, moment, "shut")
        await shop.until(lambda: self._is_beyond(shop, visit))
        await self._at(shop, moment, "completing")
        await shop.until(lambda: self._is_beyond(shop, visit, S.COMPLETING))
        await self._at(shop, moment, "owed")
        assert (await shop.comes_to(visit, S.PAID)).paid_minor == 350
        assert (len(shop.cooler.releases), await shop.on_hand("A1")) == (1, 39)
        await is_sound(shop)

    async def _at(self, shop: CoolerStage, moment: str, here: str) -> None:
        if moment == here:
            await shop.kill_cloud()
            await shop.breathe(1.0)
            await shop.start_cloud()

    async def _is_beyond(self, shop: CoolerStage, visit: Visit, *more: VisitState) -> bool:
        return (await shop.row(visit)).state not in (S.OPENING, *more)

    async def test_the_terminal_dies_before_the_command(self, shop: CoolerStage):
        visit = await shop.begin()
        await shop.kill_terminal()
        shop.agree(visit)
        await shop.comes_to(visit, S.OPENING)
        await shop.world.superuser.execute("DELETE FROM machine_live")  # no nonce of the dead run is quoted any more
        await shop.start_terminal()
        await shop.until(shop.cooler.pull)
        await shop.breathe()
        shop.cooler.take("A1")
        shop.cooler.shut()
        await shop.comes_to(visit, S.PAID)
        await is_sound(shop)

    async def test_pf23_the_terminal_dies_with_the_door_open(self, shop: CoolerStage):
        visit = await shop.opened()
        await shop.breathe()
        shop.cooler.take("A1")
        await shop.kill_terminal()
        await shop.breathe(1.0)
        await shop.start_terminal()
        ended = await shop.comes_to(visit, S.ENDED)
        assert (ended.reason, ended.owed_minor) == ("door_unknown", 0)
        assert (shop.platform_state(visit), await shop.alarms()) == ("REVOKED", ["cooler.door_unknown"])
        assert shop.cooler.is_door_open
        assert len(shop.cooler.releases) == 1
        await is_sound(shop)

    async def test_the_terminal_dies_with_its_outcome_unsent(self, shop: CoolerStage):
        visit = await shop.opened()
        await shop.breathe()
        shop.net.is_up = False
        shop.cooler.take("A1")
        shop.cooler.shut()
        await shop.breathe(5.0)
        await shop.kill_terminal()
        shop.net.is_up = True
        await shop.start_terminal()
        assert (await shop.comes_to(visit, S.PAID)).paid_minor == 350
        assert len(shop.cooler.releases) == 1
        await is_sound(shop)

    async def test_an_answer_that_is_lost_opens_the_door_once(self, shop: CoolerStage):
        visit = await shop.begin()
        shop.agree(visit)
        await shop.comes_to(visit, S.OPENING)
        for _ in range(4):
            await shop.breathe(3.0)
        assert len(shop.cooler.releases) == 1
        assert (await shop.comes_to(visit, S.ENDED)).reason == "door_not_opened"  # nobody pulled
        await is_sound(shop)


class TestAnotherStory:
    async def test_a_door_fact_under_a_known_number_is_an_alarm_and_no_fact(self, shop: CoolerStage):
        """Its memory was changed, or two machines run with one key: nothing moves, nothing is acknowledged."""
        visit = await shop.shop("A1")
        paid = await shop.comes_to(visit, S.PAID)
        assert shop.parts is not None
        epoch, seq = await shop.one("SELECT (epoch, seq) FROM machine_fact WHERE kind = 'outcome'")
        key = await shop.one("SELECT public_key FROM machine WHERE machine_id = $1", MACHINE)
        recount = Recount(cmd_id=command_of(visit.visit_id), order_id=visit.visit_id, goods=[])
        other = Fact(
            epoch=epoch,
            seq=seq,
            kind=FactKind.RECOUNT,
            at=shop.clock.now(),
            body=msgspec.Raw(msgspec.json.encode(recount)),
        )
        doors = DoorFacts(
            shop.world.database,
            shop.parts.visits,
            settings=shop.settings,
            clock=shop.clock,
            ids=TimeOrderedIds(shop.clock),
        )
        assert not await doors.take(other, Sender(visit.merchant_id, MACHINE, key, shop.net.epoch, 1_000_000))
        assert (await shop.row(visit), await shop.alarms()) == (paid, ["machine.fact_conflict"])
