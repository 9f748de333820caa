"""Samples of machines: one of each every ten minutes, gaps stay gaps, and old days go."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from tests.cloud.shop_stage import Shop, key_of
from vendomat.cloud.machines import HeartbeatItem, LiveSamples, apply_heartbeats
from vendomat.cloud.machines import samples as sampling

pytestmark = pytest.mark.slow
HEARTBEAT_S = 5.0
_seqs = itertools.count(1)


async def beat(shop: Shop, machine: int = 0, *, celsius: float | None = 6.0, times: int = 1) -> None:
    machine_id = shop.seeded.machines[machine].machine_id
    for _ in range(times):
        item = HeartbeatItem(
            shop.merchant_id,
            machine_id,
            1,
            "n" * 16,
            shop.clock.now(),
            is_ready=True,
            temperature_c=celsius,
            seq=next(_seqs),
            public_key=key_of(machine_id).public,
        )
        async with shop.database.hot.acquire() as connection:
            await apply_heartbeats(connection, [item])


async def at(shop: Shop, hour: int, minute: int) -> LiveSamples:
    """The sampler, with the clock moved to that moment of a day to come."""
    now = shop.clock.now()
    goal = datetime(now.year + 1, 3, 1, hour, minute, tzinfo=UTC)
    await shop.clock.advance((goal - now).total_seconds())
    await shop.as_hot_owner("UPDATE machine_sample SET at = '2020-01-01'")  # one database for all of these tests
    return LiveSamples(shop.database, shop.clock, heartbeat_s=HEARTBEAT_S)


async def days(shop: Shop, machine: int = 0) -> list[tuple[list[int | None], list[int | None]]]:
    rows = await shop.database.hot.fetch(
        "SELECT decidegrees, heard_percent FROM machine_day WHERE machine_id = $1 ORDER BY day",
        shop.seeded.machines[machine].machine_id,
    )
    return [(row[0], row[1]) for row in rows]


async def test_a_sample_says_how_warm_it_is_and_how_much_was_heard(shop: Shop) -> None:
    await shop.enrol_all()
    samples = await at(shop, 0, 0)
    await beat(shop)
    await beat(shop, 1)
    await samples.run()
    assert await days(shop) == []  # nobody knows yet since when they were heard
    await shop.clock.advance(600)
    await beat(shop, celsius=6.04, times=118)  # as a machine beats that waits five seconds after each answer
    await beat(shop, 1, celsius=None, times=59)
    await samples.run()
    assert await days(shop) == [([60], [100])]
    assert await days(shop, 1) == [([None], [51])]
    await shop.clock.advance(600)
    await samples.run()
    assert await days(shop) == [([60, None], [100, 0])]


async def test_a_day_ends_and_what_nobody_looked_at_is_a_gap(shop: Shop) -> None:
    await shop.enrol_all()
    samples = await at(shop, 23, 40)
    for minutes in (0, 10, 10, 10, 60, 10):
        await shop.clock.advance(60 * minutes)
        await beat(shop, times=120)
        await samples.run()
    (first, first_heard), (second, second_heard) = await days(shop)
    assert first[-2:] == [60, 60] and len(first) == 144 and set(first[:-2]) == {None}
    assert first_heard[-2:] == [100, 100]
    # 00:10 is the end of the first step; then nobody looked for an hour.
    assert second == [60, None, None, None, None, None, None, 60]
    assert second_heard == [100, None, None, None, None, None, None, 100]


async def test_every_machine_is_sampled_however_many_pages(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "PAGE", 1)
    await shop.enrol_all()
    samples = await at(shop, 12, 0)
    for _ in range(2):
        await shop.clock.advance(600)
        await beat(shop, 0, times=120)
        await beat(shop, 1, times=120)
        await samples.run()
    assert [len(await days(shop, machine)) for machine in (0, 1)] == [1, 1]


async def test_two_workers_take_one_sample_and_old_days_are_dropped(shop: Shop) -> None:
    await shop.enrol_all()
    samples = await at(shop, 12, 0)
    for _ in range(2):
        await shop.clock.advance(600)
        await beat(shop, times=120)
        await samples.run()
        await samples.run()
    assert [heard[-1] for _, heard in await days(shop)] == [100]
    await shop.clock.advance(timedelta(days=32).total_seconds())
    await samples.run()
    assert await days(shop) == []


async def test_a_word_that_no_thermometer_says_is_none(shop: Shop) -> None:
    await shop.enrol_all()
    samples = await at(shop, 12, 0)
    for celsius in (6.0, 1e308):
        await shop.clock.advance(600)
        await beat(shop, celsius=celsius)
        await samples.run()
    assert (await days(shop))[0][0][-1] is None
