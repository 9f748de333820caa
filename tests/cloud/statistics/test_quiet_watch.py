"""Silent machines over real rows: weeks are learned from the sums, an alarm comes, costs, and passes by itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.cloud.sales.conftest import MACHINE, MERCHANT, PRODUCT, World
from vendomat.cloud.reports import AttentionReport
from vendomat.cloud.reports.attention import CauseView
from vendomat.cloud.statistics import QuietWatch, SaleSums
from vendomat.kernel import ManualClock, TimeOrderedIds

pytestmark = pytest.mark.slow
START = datetime(2026, 6, 1, tzinfo=UTC)
WEEKS = 4
ZONE = timedelta(hours=8)
"""The merchant's clock is ahead."""


async def _stands(world: World) -> ManualClock:
    """The machine is new to the watch, and its slots sell from the start on."""
    clock = ManualClock(START)
    await QuietWatch(world.database, clock, TimeOrderedIds(clock)).run()
    await world.superuser.execute(
        "INSERT INTO slot_span SELECT $1, $2, s, $3, NULL, $4, 'selling' FROM unnest(ARRAY['A1', 'A2']) s",
        MERCHANT,
        MACHINE,
        START,
        PRODUCT,
    )
    return clock


async def _known(world: World) -> ManualClock:
    """As if it had been judged for four weeks in which two were sold an hour."""
    clock = await _stands(world)
    await world.superuser.execute(
        "UPDATE usual_week SET judged_until = $1, sold = array_fill(6, ARRAY[168]), open = array_fill(3, ARRAY[168])",
        START + timedelta(weeks=WEEKS),
    )
    return clock


async def _sold(world: World, first: int, after: int, *, every: int = 1) -> None:
    """One by each slot in each of these hours since the start."""
    await world.superuser.execute(
        "INSERT INTO sale_hour SELECT $1, h, $2, s, $3, 'wechat', 'CNY', 1, 0, 0, 0, 350, 0 "
        "FROM generate_series($4::timestamp, $5::timestamp, make_interval(hours => $6)) h, "
        "unnest(ARRAY['A1', 'A2']) s",
        MERCHANT,
        MACHINE,
        PRODUCT,
        (START + ZONE + timedelta(hours=first)).replace(tzinfo=None),
        (START + ZONE + timedelta(hours=after - 1)).replace(tzinfo=None),
        every,
    )


async def _judged(world: World, clock: ManualClock, hours: int, *, is_counted: bool = True) -> None:
    """As if so many hours had passed since the start, and the last words of all were in."""
    if is_counted:
        await SaleSums(world.database).run()
    await clock.advance((START + timedelta(hours=hours, minutes=46) - clock.now()).total_seconds())
    await world.superuser.execute(
        "INSERT INTO slot_watch VALUES (true, $1) ON CONFLICT (is_one) DO UPDATE SET at = $1", clock.now()
    )
    await QuietWatch(world.database, clock, TimeOrderedIds(clock)).run()


async def _causes(world: World, clock: ManualClock) -> list[CauseView]:
    await world.superuser.execute("UPDATE machine_live SET seen_at = $1", clock.now())
    report = AttentionReport(world.database, clock, heartbeat_s=5.0)
    return (await report.look(MERCHANT, "CNY", limit=9)).data


async def test_a_machine_falls_silent_costs_money_and_sells_again(world: World) -> None:
    clock = await _stands(world)
    await _sold(world, 0, WEEKS * 168)
    await _judged(world, clock, WEEKS * 168)
    learned = await world.superuser.fetchrow("SELECT * FROM usual_week")
    assert learned["judged_until"] == START + timedelta(weeks=WEEKS)
    assert learned["sold"] == pytest.approx([2 * n for n in learned["open"]])
    assert not learned["is_quiet"] and learned["since_sold"] == learned["since_expected"] == 0
    assert await _causes(world, clock) == []

    await _judged(world, clock, WEEKS * 168 + 24)
    (quiet,) = await _causes(world, clock)
    assert (quiet.kind, quiet.machine_id, quiet.fix) == ("machine.quiet", MACHINE, "open_machine")
    assert (
        quiet.share_ppm == 1_000_000 and quiet.loss_minor_per_hour == 350
    )  # one article an hour: nothing else is known
    sold, usual = quiet.detail.removesuffix(" usual").split(" sold, ")
    assert sold == "0" and 8 <= int(usual) <= 48

    await _sold(world, WEEKS * 168 + 24, WEEKS * 168 + 36)
    await _judged(world, clock, WEEKS * 168 + 36)
    assert await _causes(world, clock) == []
    (alarm,) = await world.superuser.fetch("SELECT state, count FROM alarm")
    assert (alarm["state"], alarm["count"]) == ("passed", 1)


async def test_what_could_not_sell_is_no_silence(world: World) -> None:
    """The machine is away for a day, and half of its slots are empty the next: it sells half and nobody is told."""
    clock = await _known(world)
    gone, back = (START + timedelta(weeks=WEEKS, days=n) for n in (0, 1))
    await world.superuser.execute("UPDATE slot_span SET until = $1", gone)
    await world.superuser.execute(
        "INSERT INTO slot_span SELECT $1, $2, s, $3::timestamptz, $4::timestamptz, $5, 'away' "
        "FROM unnest(ARRAY['A1', 'A2']) s UNION ALL "
        "SELECT $1, $2, s, $4, NULL, $5, x FROM unnest(ARRAY['A1', 'A2'], ARRAY['selling', 'empty']) t (s, x)",
        MERCHANT,
        MACHINE,
        gone,
        back,
        PRODUCT,
    )
    await world.superuser.execute(
        "INSERT INTO sale_hour SELECT $1, h, $2, 'A1', $3, 'wechat', 'CNY', 1, 0, 0, 0, 350, 0 "
        "FROM generate_series($4::timestamp, $4::timestamp + interval '47 hours', interval '1 hour') h",
        MERCHANT,
        MACHINE,
        PRODUCT,
        (back + ZONE).replace(tzinfo=None),
    )
    await _judged(world, clock, WEEKS * 168 + 72)
    assert await world.superuser.fetchval("SELECT judged_until FROM usual_week") == back + timedelta(days=2)
    assert await world.superuser.fetch("SELECT FROM alarm") == []


async def test_a_closed_site_is_no_silence(world: World) -> None:
    """Open from Monday noon until midnight, by the merchant's clock: the days after are closed, and are not judged."""
    clock = await _known(world)
    week = [[720, 1440], None, None, None, None, None, None]
    await world.superuser.execute(
        "INSERT INTO site (merchant_id, site_id, name, owner, created_at, opening) VALUES ($1, 's', 'n', 'o', $2, $3)",
        MERCHANT,
        START,
        json.dumps(week),
    )
    await world.superuser.execute("INSERT INTO site_machine VALUES ($1, $2, $3, 's')", MERCHANT, MACHINE, START.date())
    await _judged(world, clock, WEEKS * 168 + 72)
    kept = await world.superuser.fetchrow("SELECT judged_until, is_quiet, since_expected FROM usual_week")
    assert kept["judged_until"] == START + timedelta(weeks=WEEKS, days=3)
    assert (kept["is_quiet"], kept["since_expected"]) == (True, 12 * 2)


async def test_nobody_is_judged_while_sums_or_looks_are_behind(world: World) -> None:
    clock = await _known(world)
    await world.superuser.execute(
        "INSERT INTO outbox (merchant_id, kind, subject, data, at) VALUES ($1, 'vend.delivered', 'o', '{}', $2)",
        MERCHANT,
        clock.now(),
    )
    await _judged(world, clock, WEEKS * 168 + 24, is_counted=False)
    assert await world.superuser.fetchval("SELECT judged_until FROM usual_week") == START + timedelta(weeks=WEEKS)
    await world.superuser.execute("TRUNCATE outbox")
    await clock.advance(3600)
    await QuietWatch(world.database, clock, TimeOrderedIds(clock)).run()
    assert await world.superuser.fetchval("SELECT judged_until FROM usual_week") == START + timedelta(weeks=WEEKS)
    await _judged(world, clock, WEEKS * 168 + 26)
    assert await world.superuser.fetchval("SELECT count(*) FROM alarm") == 1


async def test_a_retired_machine_is_forgotten(world: World) -> None:
    clock = ManualClock(START)
    watch = QuietWatch(world.database, clock, TimeOrderedIds(clock))
    await watch.run()
    assert await world.superuser.fetchval("SELECT count(*) FROM usual_week") == 1
    await world.superuser.execute("UPDATE machine SET state = 'retired'")
    await watch.run()
    assert await world.superuser.fetchval("SELECT count(*) FROM usual_week") == 0
