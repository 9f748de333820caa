"""Slots looked at: spans of states, and gaps in which nobody looked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.cloud.sales.conftest import MACHINE, MERCHANT, World
from vendomat.cloud.statistics import SlotWatch
from vendomat.kernel import ManualClock

pytestmark = pytest.mark.slow
START = datetime(2026, 6, 1, 8, tzinfo=UTC)


async def _spans(world: World, slot: str = "A1") -> list[tuple[str, int, int | None]]:
    """(state, minutes since the start, until)"""
    rows = await world.superuser.fetch("SELECT * FROM slot_span WHERE slot = $1 ORDER BY since", slot)
    minutes = lambda at: None if at is None else round((at - START).total_seconds() / 60)  # noqa: E731
    return [(row["state"], minutes(row["since"]), minutes(row["until"])) for row in rows]


async def _at(world: World, clock: ManualClock, minute: int, change: str = "SELECT 1") -> None:
    """Change something, let the machine be heard of at that minute, and look."""
    await clock.advance((START + timedelta(minutes=minute) - clock.now()).total_seconds())
    await world.superuser.execute("UPDATE machine_live SET seen_at = $1", clock.now())
    await world.superuser.execute(change)
    await SlotWatch(world.database, clock).run()


async def test_a_slot_is_followed_through_its_states(world: World) -> None:
    clock = ManualClock(START)
    await _at(world, clock, 0)
    await _at(world, clock, 1)
    await _at(world, clock, 2, "UPDATE stock_slot SET on_hand = 0 WHERE slot = 'A1'")
    await _at(world, clock, 5, "UPDATE stock_slot SET on_hand = 9 WHERE slot = 'A1'")
    await _at(world, clock, 6, "UPDATE stock_slot SET closed_reason = 'jam' WHERE slot = 'A1'")
    await _at(world, clock, 8, "UPDATE stock_slot SET closed_reason = ''")
    await _at(world, clock, 9, "UPDATE machine_live SET seen_at = seen_at - interval '2 minutes'")
    await _at(world, clock, 10)
    assert await _spans(world) == [
        ("selling", 0, 2),
        ("empty", 2, 5),
        ("selling", 5, 6),
        ("closed", 6, 8),
        ("selling", 8, 9),
        ("away", 9, 10),
        ("selling", 10, None),
    ]
    assert await _spans(world, "A2") == [("selling", 0, 9), ("away", 9, 10), ("selling", 10, None)]


async def test_what_nobody_looked_at_is_not_known(world: World) -> None:
    clock = ManualClock(START)
    await _at(world, clock, 0)
    await _at(world, clock, 10)
    await _at(world, clock, 60)
    assert await _spans(world) == [("selling", 0, 10), ("selling", 60, None)]


async def test_another_product_begins_another_span_and_a_retired_machine_ends_its_last(world: World) -> None:
    clock, other = ManualClock(START), "prd_" + "1" * 26
    await world.superuser.execute(
        f"INSERT INTO product VALUES ('{MERCHANT}', '{other}', 'other', '茶', 'Tea', '', '', '', 300, '')"
    )
    await _at(world, clock, 0)
    await _at(world, clock, 3, f"UPDATE planogram_slot SET product_id = '{other}' WHERE slot = 'A1'")
    await _at(world, clock, 7, f"UPDATE machine SET state = 'retired' WHERE machine_id = '{MACHINE}'")
    await _at(world, clock, 8)
    assert await _spans(world) == [("selling", 0, 3), ("selling", 3, 7)]
    assert await world.superuser.fetchval("SELECT count(*) FROM slot_span WHERE until IS NULL") == 0


async def test_a_second_look_at_the_same_moment_changes_nothing(world: World) -> None:
    clock = ManualClock(START)
    await _at(world, clock, 0)
    before = await world.superuser.fetch("SELECT * FROM slot_span")
    await SlotWatch(world.database, clock).run()
    assert await world.superuser.fetch("SELECT * FROM slot_span") == before
