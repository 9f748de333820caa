"""Slots looked at: spans of states, and gaps in which nobody looked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.cloud.sales.conftest import MACHINE, MERCHANT, PRODUCT, World
from vendomat.cloud.statistics import By, Products, SlotWatch, Wanted
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


async def test_a_rate_counts_only_hours_that_were_looked_at(world: World) -> None:
    """Two days in stock with 12 sold, then one day empty: what it cost follows from the rate and the list price."""
    clock = ManualClock(START)
    await world.superuser.execute("DELETE FROM stock_slot WHERE slot = 'A2'")
    await _at(world, clock, 0)
    await world.superuser.execute(
        "INSERT INTO sale_hour SELECT $1, h, $2, 'A1', $3, 'wechat', 'CNY', 6, 0, 0, 0, 2100, 0 "
        "FROM unnest($4::timestamp[]) h",
        MERCHANT,
        MACHINE,
        PRODUCT,
        [datetime.fromisoformat(day) for day in ("2026-05-31T12:00", "2026-06-01T18:00", "2026-06-03T12:00")],
    )
    await world.superuser.execute(
        "INSERT INTO sale_sum SELECT merchant_id, 'day', 'product', date_trunc('day', hour), product_id, currency, "
        "units_sold, 0, 0, 0, gross_minor, 0 FROM sale_hour"
    )
    for minute in range(10, 4_400, 10):
        await clock.advance((START + timedelta(minutes=minute) - clock.now()).total_seconds())
        await world.superuser.execute("UPDATE machine_live SET seen_at = $1", clock.now())
        if minute == 60 + 2 * 1440:
            await world.superuser.execute("UPDATE stock_slot SET on_hand = 0")
        await SlotWatch(world.database, clock).run()
    view = await Products(world.database, clock).ranking(
        MERCHANT, Wanted(By.PRODUCT, date(2026, 5, 1), date(2026, 6, 30))
    )
    assert (view.begins, view.ends) == (
        datetime.fromisoformat("2026-06-01T17:00"),
        datetime.fromisoformat("2026-06-04T17:00"),
    )
    (product,) = view.products
    assert (product.units, product.in_stock_days, product.advice) == (12, 2.0, "too_soon")
    assert product.low < product.rate < product.high and product.availability == pytest.approx(2 / 3, abs=1e-3)
    (empty,) = product.lost
    assert (empty.state, empty.days) == ("empty", 1.0)
    assert empty.minor == round(product.rate * 350) and empty.low_minor < empty.minor < empty.high_minor
    nothing = await Products(world.database, clock).ranking(
        MERCHANT, Wanted(By.PRODUCT, date(2026, 5, 1), date(2026, 5, 30))
    )
    assert (nothing.products, nothing.begins, nothing.availability) == ([], None, None)
