"""Charging a shown code: once, found out by asking, reversed when it is not paid in time, never vended after that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.cloud.sales.conftest import MERCHANT, World
from tests.cloud.sales.selling_stage import DiedError, Stage, open_stage
from vendomat.cloud.payments import ChargeState, Trade, TradeState
from vendomat.kernel import derive_id

pytestmark = pytest.mark.slow

CODE = "134567890123456789"
OTHER_CODE = "104567890123456789"
STATES = "SELECT string_agg(way || ' ' || state, ', ' ORDER BY created_at, way DESC) FROM payment"


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    async with open_stage(world, is_following=False) as stage:
        yield stage


async def order(stage: Stage, channel: str = "wechat") -> str:
    lines = [{"slot": "A1", "quantity": 1, "price_minor": 350}]
    asked = {"request_id": derive_id("req", 1), "lines": lines, "channel": channel, "nonce": "n" * 20}
    kind, answer = await stage.say("order", asked)
    assert kind == "order.reply", answer
    return str(answer["order_id"])


async def scan(stage: Stage, order_id: str, code: str = CODE, nth: int = 1) -> tuple[str, Any]:
    """What the machine is answered at once; the charge itself has ended when this returns."""
    answer = await stage.say("scan", {"order_id": order_id, "scan_id": derive_id("scn", nth), "code": code})
    await stage.settle_down()
    return answer


async def charge_of(stage: Stage, order_id: str) -> dict[str, Any]:
    """The newest charge as the machine is shown it."""
    kind, status = await stage.say("order_status", {"order_id": order_id})
    assert kind == "order_status.reply"
    return [offer for offer in status["offers"] if offer["way"] == "code_scan"][-1]


async def pass_time(stage: Stage, seconds: float) -> None:
    """Second by second, with a round of looking each."""
    for _ in range(int(seconds)):
        await stage.clock.advance(1)
        await stage.sweeps.look_up_payments()


def verbs(stage: Stage) -> list[str]:
    return [verb for verb, _ in stage.platform.calls if verb in ("charge", "reverse", "refund")]


async def is_vending(stage: Stage) -> bool:
    return bool(await stage.one("SELECT count(*) FROM command"))


class TestTheGoodWay:
    async def test_paid_at_once_it_vends(self, stage: Stage):
        order_id = await order(stage)
        kind, told = await scan(stage, order_id)
        assert kind == "scan.reply"
        assert [(offer["way"], offer["state"]) for offer in told["offers"]][-1] == ("code_scan", "charging")
        assert await stage.one("SELECT state FROM sale_order") == "paid"
        assert await stage.one("SELECT captured_minor FROM payment WHERE way = 'code_scan' AND is_winning") == 350
        assert await is_vending(stage)
        await pass_time(stage, 1)
        assert await stage.one(STATES) == "qr closed, code_scan paid"

    async def test_a_password_is_waited_for(self, stage: Stage):
        order_id = await order(stage)
        stage.platform.charges_as[CODE] = ChargeState.WAITING
        await scan(stage, order_id)
        assert (await charge_of(stage, order_id))["state"] == "password"
        await pass_time(stage, 12)
        assert not await is_vending(stage)
        stage.platform.take_money((await charge_of(stage, order_id))["payment_id"])
        await pass_time(stage, 5)
        assert await stage.one("SELECT state FROM sale_order") == "paid"
        assert await is_vending(stage)

    async def test_it_is_asked_every_five_seconds(self, stage: Stage):
        order_id = await order(stage)
        stage.platform.charges_as[CODE] = ChargeState.WAITING
        await scan(stage, order_id)
        number = (await charge_of(stage, order_id))["payment_id"]
        asked: list[float] = []
        for second in range(1, 28):
            before = stage.platform.calls.count(("look_up", number))
            await pass_time(stage, 1)
            asked += [second] * (stage.platform.calls.count(("look_up", number)) - before)
        assert asked == [5, 10, 15, 20, 25]

    async def test_a_refusal_says_why_and_the_order_stays_open(self, stage: Stage):
        order_id = await order(stage)
        stage.platform.charges_as[CODE] = ChargeState.REFUSED
        await scan(stage, order_id)
        charge = await charge_of(stage, order_id)
        assert (charge["state"], charge["reason"]) == ("closed", "not_enough")
        assert await stage.one("SELECT state || closing FROM sale_order") == "awaiting_payment"
        await scan(stage, order_id, OTHER_CODE, nth=2)
        assert await stage.one("SELECT state FROM sale_order") == "paid"
        assert stage.platform.codes == [CODE, OTHER_CODE]


class TestOnce:
    @pytest.mark.parametrize("first", [ChargeState.WAITING, ChargeState.PAID])
    async def test_the_same_scan_again_is_told_what_stands(self, stage: Stage, first: ChargeState):
        order_id = await order(stage)
        stage.platform.charges_as[CODE] = first
        for _ in range(3):
            assert (await scan(stage, order_id))[0] == "scan.reply"
        assert stage.platform.codes == [CODE]

    async def test_the_same_scan_after_its_refusal_is_not_charged_again(self, stage: Stage):
        order_id = await order(stage)
        stage.platform.charges_as[CODE] = ChargeState.REFUSED
        await scan(stage, order_id)
        stage.platform.charges_as[CODE] = ChargeState.PAID
        await scan(stage, order_id)
        assert stage.platform.codes == [CODE]

    async def test_no_second_code_while_one_may_be_paid(self, stage: Stage):
        order_id = await order(stage)
        stage.platform.charges_as[CODE] = ChargeState.UNKNOWN
        await scan(stage, order_id)
        await scan(stage, order_id, OTHER_CODE, nth=2)
        assert stage.platform.codes == [CODE]

    async def test_two_at_the_same_moment(self, stage: Stage):
        order_id = await order(stage)
        both = [{"order_id": order_id, "scan_id": derive_id("scn", n), "code": CODE} for n in (1, 1, 2)]
        await asyncio.gather(*(stage.say("scan", one) for one in both))
        await stage.settle_down()
        assert stage.platform.codes == [CODE]

    async def test_the_code_is_kept_nowhere(self, stage: Stage, caplog: pytest.LogCaptureFixture):
        order_id = await order(stage)
        stage.platform.charges_as[CODE] = ChargeState.WAITING
        await scan(stage, order_id)
        await pass_time(stage, 31)
        tables = await stage.world.superuser.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        found = [
            table[0]
            for table in tables
            if await stage.one(f'SELECT count(*) FROM "{table[0]}" t WHERE t::text LIKE $1', f"%{CODE}%")
        ]
        assert found == []
        assert CODE not in caplog.text


class TestRefusedUnasked:
    async def test_no_payment_code(self, stage: Stage):
        order_id = await order(stage)
        for code in ("9" * 18, "1" * 16, "not digits", ""):
            kind, problem = await scan(stage, order_id, code)
            assert (kind, problem["code"]) == ("problem", "malformed"), code
        stage.platform.takes_codes = False
        kind, problem = await scan(stage, order_id)
        assert (kind, problem["code"]) == ("problem", "method_unavailable")
        assert verbs(stage) == []
        assert await stage.one(STATES) == "qr created"

    async def test_an_order_given_up_and_nobodys_order(self, stage: Stage):
        kind, problem = await scan(stage, derive_id("ord", "nobody's"))
        assert (kind, problem["code"]) == ("problem", "not_found")
        order_id = await order(stage)
        await stage.say("cancel", {"order_id": order_id})
        kind, problem = await scan(stage, order_id)
        assert (kind, problem["code"]) == ("problem", "order_not_open")
        assert verbs(stage) == []


class TestPF22:
    """Not known in its time: reversed until answered. No vend until it is paid, none once a reverse was sent."""

    @pytest.mark.parametrize("first", [ChargeState.WAITING, ChargeState.UNKNOWN])
    async def test_pf22_given_up_after_thirty_seconds(self, stage: Stage, first: ChargeState):
        order_id = await order(stage)
        stage.platform.charges_as[CODE] = first
        await scan(stage, order_id)
        number = (await charge_of(stage, order_id))["payment_id"]
        stage.platform.trades[number] = Trade(TradeState.NOT_PAID, number)
        await pass_time(stage, 29)
        assert verbs(stage) == ["charge"]
        await pass_time(stage, 4)
        assert verbs(stage) == ["charge", "reverse"]
        charge = await charge_of(stage, order_id)
        assert (charge["state"], charge["reason"]) == ("closed", "reversed")
        assert not await is_vending(stage)
        assert await stage.one("SELECT state FROM sale_order") == "awaiting_payment"  # the code on the screen is good

    async def test_pf22_an_unanswered_reverse_is_repeated(self, stage: Stage):
        order_id = await order(stage)
        stage.platform.charges_as[CODE] = ChargeState.WAITING
        await scan(stage, order_id)
        await pass_time(stage, 29)
        stage.platform.is_away = True
        await pass_time(stage, 20)
        assert verbs(stage).count("reverse") > 2
        assert await stage.one("SELECT state FROM payment WHERE way = 'code_scan'") == "unknown"
        stage.platform.is_away = False
        await pass_time(stage, 31)
        assert await stage.one("SELECT state FROM payment WHERE way = 'code_scan'") == "closed"
        assert not await is_vending(stage)

    async def test_pf22_paid_while_the_reverse_is_sent_goes_back(self, stage: Stage):
        order_id = await order(stage)
        stage.platform.charges_as[CODE] = ChargeState.WAITING
        await scan(stage, order_id)
        number = (await charge_of(stage, order_id))["payment_id"]

        async def pay_now(verb: str) -> None:
            if verb == "reverse" and stage.platform.trades[number].state is not TradeState.PAID:
                trade = stage.platform.take_money(number)
                await stage.till.apply_paid(MERCHANT, trade, via="notice")

        stage.platform.pause = pay_now
        await pass_time(stage, 33)
        assert not await is_vending(stage)
        assert await stage.one("SELECT count(*) FROM refund WHERE payment_id = $1 AND amount_minor = 350", number) == 1
        assert await stage.one("SELECT is_winning FROM payment WHERE payment_id = $1", number) is False

    async def test_pf22_the_mark_is_durable_before_the_reverse_is_sent(self, stage: Stage):
        order_id = await order(stage)
        stage.platform.charges_as[CODE] = ChargeState.WAITING
        await scan(stage, order_id)
        seen: list[bool] = []

        async def look(verb: str) -> None:
            if verb == "reverse":
                seen.append(await stage.one("SELECT close_wanted FROM payment WHERE way = 'code_scan'"))

        stage.platform.pause = look
        await pass_time(stage, 33)
        assert seen == [True]

    async def test_pf22_no_reverse_sooner_than_fifteen_seconds(self, stage: Stage):
        order_id = await order(stage)
        stage.platform.charges_as[CODE] = ChargeState.WAITING
        await scan(stage, order_id)
        await stage.say("cancel", {"order_id": order_id})
        await pass_time(stage, 14)
        assert verbs(stage) == ["charge"]
        await pass_time(stage, 2)
        assert verbs(stage) == ["charge", "reverse"]
        assert await stage.one("SELECT state FROM sale_order") == "cancelled"

    async def test_pf22_the_other_code_was_paid_first(self, stage: Stage):
        """The one on the screen wins; the charge is reversed, and a payment of it meanwhile goes back."""
        order_id = await order(stage)
        stage.platform.charges_as[CODE] = ChargeState.WAITING
        await scan(stage, order_id)
        qr = str(await stage.one("SELECT payment_id FROM payment WHERE way = 'qr'"))
        await stage.till.apply_paid(MERCHANT, stage.platform.take_money(qr), via="notice")
        assert await is_vending(stage)
        charge = str((await charge_of(stage, order_id))["payment_id"])
        await stage.till.apply_paid(MERCHANT, stage.platform.take_money(charge), via="notice")
        assert await stage.one("SELECT count(*) FROM command") == 1
        assert await stage.one("SELECT payment_id FROM refund") == charge


class TestPF24:
    """The worker is killed between the call and the commit: whoever starts next asks, and charges nothing."""

    async def test_pf24_killed_after_the_platform_took_the_money(self, stage: Stage, world: World):
        order_id = await order(stage)
        stage.platform.dies_after = {"charge"}
        await scan(stage, order_id)
        stage.platform.dies_after = set()
        assert not await is_vending(stage)
        async with open_stage(world, is_following=False, clock=stage.clock) as next_worker:
            _share(stage, next_worker)
            await pass_time(next_worker, 6)
        assert await stage.one("SELECT state FROM sale_order") == "paid"
        assert await is_vending(stage)
        assert stage.platform.codes == [CODE]
        assert verbs(stage) == ["charge"]

    async def test_pf24_killed_before_the_platform_was_asked(self, stage: Stage, world: World):
        order_id = await order(stage)

        async def die(verb: str) -> None:
            if verb == "charge":
                raise DiedError(verb)

        stage.platform.pause = die
        await scan(stage, order_id)
        stage.platform.pause = None
        async with open_stage(world, is_following=False, clock=stage.clock) as next_worker:
            _share(stage, next_worker)
            await pass_time(next_worker, 60)
            assert await stage.one("SELECT state FROM payment WHERE way = 'code_scan'") == "unknown"
            await next_worker.clock.advance(300)  # beyond its end, and the time an answer may take
            await pass_time(next_worker, 2)
        assert await stage.one("SELECT state FROM payment WHERE way = 'code_scan'") == "closed"
        assert stage.platform.codes == []
        assert set(verbs(stage)) == {"charge", "reverse"} and verbs(stage).count("charge") == 1

    async def test_pf24_the_machine_that_asks_again_charges_nothing(self, stage: Stage, world: World):
        order_id = await order(stage)
        stage.platform.dies_after = {"charge"}
        await scan(stage, order_id)
        stage.platform.dies_after = set()
        async with open_stage(world, is_following=False, clock=stage.clock) as next_worker:
            _share(stage, next_worker)
            next_worker.seq = stage.seq
            assert (await scan(next_worker, order_id))[0] == "scan.reply"
        assert stage.platform.codes == [CODE]


def _share(first: Stage, second: Stage) -> None:
    """Both workers meet the same platform."""
    for name in ("trades", "amounts", "refunds", "calls", "codes", "charges_as"):
        setattr(second.platform, name, getattr(first.platform, name))
