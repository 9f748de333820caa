"""Alarms that stand as long as their cause, and refused notices that fill no table."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.cloud.sales.conftest import MACHINE, MERCHANT, World
from tests.cloud.sales.selling_stage import Stage, fact, open_stage
from tests.cloud.sales.test_use_cases import create, new_order, paid
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.kernel import derive_id
from vendomat.protocol import FactKind

pytestmark = pytest.mark.slow

ORDER, PAYMENT = derive_id("ord", 1), derive_id("pay", 1)


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    async with open_stage(world, is_following=False) as opened:
        yield opened


async def state_of(stage: Stage, kind: str) -> str | None:
    """The newest alarm of `kind`, as `state xcount`."""
    row = await stage.world.superuser.fetchrow(
        "SELECT state, count FROM alarm WHERE kind = $1 ORDER BY raised_at DESC LIMIT 1", kind
    )
    return None if row is None else f"{row['state']} x{row['count']}"


async def test_a_payment_that_stays_unknown_is_said_once_until_it_is_known(stage: Stage) -> None:
    await create(stage.world, new_order(1))
    stage.platform.is_away = True
    for seconds, wanted in ((121, None), (700, None), (100, "raised x1"), (600, "raised x1")):
        await stage.clock.advance(seconds)
        await stage.sweeps.expire_orders()
        await stage.sweeps.look_up_payments()
        await stage.standing.look()
        assert await state_of(stage, "payment_unknown") == wanted, seconds
    stage.platform.is_away = False
    await stage.clock.advance(60)
    await stage.sweeps.look_up_payments()
    await stage.standing.look()
    assert await state_of(stage, "payment_unknown") == "passed x1"
    assert await stage.one("SELECT count(*) FROM outbox WHERE kind = 'alarm.cleared'") == 1


async def refused(stage: Stage) -> None:
    await create(stage.world, new_order(1))
    await stage.writer.apply(paid(1))
    stage.platform.take_money(PAYMENT, 350)
    body = {"cmd_id": command_number(ORDER, 1), "order_id": ORDER, "unit": 1, "slot": "A1", "reason": "busy"}
    await stage.say("facts", {"facts": [fact(FactKind.REFUSED, body)]})


async def test_a_refund_open_for_long_is_said_until_it_is_paid(stage: Stage) -> None:
    await refused(stage)
    stage.platform.is_away = True
    await stage.sweeps.ask_refunds()
    await stage.clock.advance(3601)
    await stage.standing.look()
    assert await state_of(stage, "refund_open") == "raised x1"
    stage.platform.is_away = False
    for _ in range(2):
        await stage.clock.advance(600)
        await stage.sweeps.ask_refunds()
    await stage.standing.look()
    assert await state_of(stage, "refund_open") == "passed x1"


async def test_a_stuck_refund_is_said_until_its_next_number_succeeds(stage: Stage) -> None:
    await refused(stage)
    (number,) = [row[0] for row in await stage.world.superuser.fetch("SELECT refund_id FROM refund")]
    stage.platform.given_up.add(number)
    for _ in range(2):
        await stage.sweeps.ask_refunds()
        await stage.clock.advance(60)
    await stage.standing.look()
    assert await state_of(stage, "refund_stuck") == "raised x1"
    await stage.world.superuser.execute("UPDATE refund SET state = 'succeeded'")
    await stage.standing.look()
    assert await state_of(stage, "refund_stuck") == "passed x1"


async def beat(stage: Stage) -> None:
    await stage.breathe(f"nonce-{stage.clock.elapsed():020.3f}")


async def test_a_machine_that_falls_silent_is_said_and_one_that_comes_and_goes_makes_one_alarm(stage: Stage) -> None:
    await beat(stage)
    await stage.standing.look()
    await stage.clock.advance(14)
    await stage.standing.look()
    assert await state_of(stage, "machine.offline") is None
    await stage.clock.advance(2)
    for _ in range(4):  # comes back and goes again within the minute
        await stage.standing.look()
        assert await state_of(stage, "machine.offline") == "raised x1"
        await beat(stage)
        await stage.standing.look()
        await stage.clock.advance(10)
    await stage.clock.advance(30)
    await beat(stage)
    await stage.standing.look()
    assert await state_of(stage, "machine.offline") == "passed x1"


async def warm(stage: Stage, celsius: float | None, *, seconds: float) -> str | None:
    """Beat for so long at that temperature, and look: the alarm's state."""
    for _ in range(round(seconds / 5)):
        await stage.clock.advance(5)
        nonce = f"nonce-{stage.clock.elapsed():020.3f}"
        kind, _ = await stage.say("heartbeat", {"nonce": nonce, "is_ready": True, "temperature_c": celsius})
        assert kind == "heartbeat.reply"
    await stage.standing.look()
    return await state_of(stage, "machine.temperature")


async def test_out_of_the_wanted_temperature_for_long_is_said_until_it_is_back(stage: Stage) -> None:
    assert await warm(stage, 20.0, seconds=2000) is None  # nobody wants any temperature here
    await stage.world.superuser.execute(
        "UPDATE machine SET temperature_low_c = 2, temperature_high_c = 8, temperature_after_s = 600"
    )
    assert await warm(stage, 8.1, seconds=500) is None
    assert await warm(stage, 8.0, seconds=5) is None  # the door was open for a while
    assert await warm(stage, 9.44, seconds=600) is None
    assert await warm(stage, 9.44, seconds=10) == "raised x1"
    assert await stage.one("SELECT detail FROM alarm") == "9.4 °C (2 … 8 °C)"
    assert await warm(stage, 9.0, seconds=600) == "raised x1"
    assert await warm(stage, 5.0, seconds=10) == "passed x1"
    assert await warm(stage, 1.9, seconds=610) == "raised x2"
    assert await warm(stage, 5.0, seconds=60) == "passed x2"


async def test_a_sensor_that_says_nothing_is_out_of_the_wanted_temperature(stage: Stage) -> None:
    await stage.world.superuser.execute("UPDATE machine SET temperature_low_c = 2, temperature_high_c = 8")
    assert await warm(stage, None, seconds=890) is None
    assert await warm(stage, None, seconds=20) == "raised x1"
    assert await stage.one("SELECT detail FROM alarm") == "? °C (2 … 8 °C)"


async def test_silence_of_our_own_wire_is_no_machines_fault(stage: Stage) -> None:
    await beat(stage)
    await stage.standing.look()
    stage.line.is_connected = False
    await stage.clock.advance(600)
    await stage.standing.look()
    stage.line.is_connected = True
    await stage.standing.look()
    assert await state_of(stage, "machine.offline") is None
    await stage.clock.advance(16)
    await stage.standing.look()
    assert await state_of(stage, "machine.offline") == "raised x1"


async def test_many_machines_away_at_once_are_one_alarm(stage: Stage) -> None:
    await stage.world.superuser.execute(
        "INSERT INTO machine (merchant_id, machine_id, number, name_zh, name_en, state, epoch, created_at) "
        "SELECT merchant_id, 'mch_' || lpad(n::text, 26, '9'), 'N' || n, 'n', 'n', 'enrolled', 1, now() "
        "FROM machine, generate_series(1, 30) n"
    )
    await stage.standing.look()
    await stage.clock.advance(20)
    await stage.standing.look()
    assert await stage.one("SELECT count(*) FROM alarm") == 1
    assert await state_of(stage, "machines.offline") == "raised x1"


async def test_a_fact_told_in_two_ways_is_an_alarm_that_only_counts(stage: Stage) -> None:
    await create(stage.world, new_order(1))
    await stage.writer.apply(paid(1))
    body = {"cmd_id": command_number(ORDER, 1), "order_id": ORDER, "unit": 1, "slot": "A1"}
    await stage.say("facts", {"facts": [fact(FactKind.INTENT, body)]})
    for _ in range(3):
        _, answer = await stage.say("facts", {"facts": [fact(FactKind.OUTCOME, body | {"result": "delivered"})]})
        assert answer["acks"] == []
    assert await state_of(stage, "machine.fact_conflict") == "raised x3"
    assert await stage.one("SELECT machine_id FROM alarm") == MACHINE


async def test_a_flood_of_forged_notices_is_counted_in_one_row_a_minute(stage: Stage) -> None:
    for minute in range(2):
        for _ in range(500):
            answer = await stage.till.take_notice(MERCHANT, "wechat", {"x-signature": "bad"}, b"{}")
            assert answer is not None and answer.status == 401
            if _ % 100 == 0:
                await stage.watch.flush()
        await stage.clock.advance(61)
        await stage.watch.flush()
        rows = await stage.world.superuser.fetch("SELECT merchant_id, source, detail FROM security_event ORDER BY at")
        assert len(rows) <= 2 * (minute + 1)
    counted = await stage.one("SELECT sum((detail::jsonb ->> 'count')::int) FROM security_event")
    assert counted == 1000
    assert {(row["merchant_id"], row["source"]) for row in rows} == {(MERCHANT, "wechat")}
    assert await stage.one("SELECT count(*) FROM alarm") == 0
