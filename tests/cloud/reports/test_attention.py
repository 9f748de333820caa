"""Needs attention over real rows: what is wrong now, valued by the machine's own weeks, gone when it is mended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.cloud.shop_stage import Shop, open_shop
from vendomat.cloud.alarms import AlarmEvent, AlarmRow, Alarms, Severity, raise_alarms
from vendomat.cloud.reports import AttentionReport
from vendomat.cloud.reports.attention import CauseView

pytestmark = pytest.mark.slow


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    async with open_shop(database_url) as opened:
        await opened.enrol_all()
        for machine in opened.seeded.machines:
            await beat(opened, machine.machine_id)
        yield opened


async def beat(shop: Shop, machine_id: str, *reasons: str) -> None:
    await shop.as_hot_owner(
        "INSERT INTO machine_live (merchant_id, machine_id, epoch, nonce, nonce_at, seen_at, is_ready, reasons) "
        "VALUES ($1, $2, 1, 'n', $3, $3, $4, $5) ON CONFLICT (merchant_id, machine_id) "
        "DO UPDATE SET seen_at = excluded.seen_at, is_ready = excluded.is_ready, reasons = excluded.reasons",
        shop.merchant_id,
        machine_id,
        shop.clock.now(),
        not reasons,
        list(reasons),
    )


async def beat_all(shop: Shop) -> None:
    for machine in shop.seeded.machines:
        await beat(shop, machine.machine_id)


async def past(shop: Shop, machine_id: str, amount_minor: int, *, days: int = 28) -> None:
    """So much in each hour of the last `days` days."""
    await shop.as_hot_owner(
        "INSERT INTO vend_hour (merchant_id, machine_id, hour, started, ambiguous, ambiguous_minor, delivered, "
        "delivered_minor) SELECT $1, $2, at, 1, 0, 0, 1, $3 FROM generate_series("
        "date_trunc('hour', $4::timestamptz) - make_interval(days => $5), $4::timestamptz, interval '1 hour') AS at",
        shop.merchant_id,
        machine_id,
        amount_minor,
        shop.clock.now(),
        days,
    )


async def jam(shop: Shop, slot: str = "A1", kind: str = "vend_failed") -> str:
    await shop.as_hot_owner(
        "UPDATE stock_slot SET closed_reason = 'jam' WHERE machine_id = $1 AND slot = $2", shop.machine_id, slot
    )
    row = AlarmRow(shop.merchant_id, shop.machine_id, kind, Severity.CRITICAL, shop.clock.now(), slot=slot)
    async with shop.database.hot.acquire() as connection, connection.transaction():
        (alarm_id,) = await raise_alarms(connection, [row], ids=shop.ids)
    return alarm_id


async def look(shop: Shop) -> list[CauseView]:
    report = AttentionReport(shop.database, shop.clock, heartbeat_s=5.0)
    return (await report.look(shop.merchant_id, "CNY", limit=20)).data


async def test_a_healthy_shop_needs_nobody(shop: Shop) -> None:
    assert await look(shop) == []


async def test_a_jam_costs_its_slots_share_and_clearing_it_takes_it_off(shop: Shop) -> None:
    await past(shop, shop.machine_id, 1_200)
    alarm_id = await jam(shop)
    (row,) = await look(shop)
    assert (row.kind, row.slot, row.fix, row.alarm_ids, row.machine_number) == (
        "vend_failed",
        "A1",
        "reopen_slot",
        [alarm_id],
        "SH-001",
    )
    # Twelve slots without sales of their own share alike.
    assert (row.basis, row.share_ppm, row.loss_minor_per_hour) == ("own", 83_333, 100)
    await Alarms(shop.database, shop.clock).move(shop.merchant_id, alarm_id, AlarmEvent.CLEAR, operator_id="opr_1")
    assert await look(shop) == []


async def test_a_slots_share_follows_what_its_product_sold(shop: Shop) -> None:
    await past(shop, shop.machine_id, 1_000)
    await shop.as_hot_owner(
        "INSERT INTO sales_day (merchant_id, day, machine_id, product_id, currency, kind, units, amount_minor) "
        "SELECT p.merchant_id, $2::date, p.machine_id, p.product_id, 'CNY', 'sold', 1, "
        "max(CASE p.slot WHEN 'A1' THEN 3000 WHEN 'A2' THEN 1000 ELSE 0 END) "
        "FROM planogram_slot p WHERE p.machine_id = $1 GROUP BY p.merchant_id, p.machine_id, p.product_id",
        shop.machine_id,
        shop.clock.now().date(),
    )
    await jam(shop, "A2")
    await jam(shop, "A1")
    assert [(row.slot, row.loss_minor_per_hour) for row in await look(shop)] == [("A1", 750), ("A2", 250)]


async def test_a_young_machine_goes_at_the_pace_of_the_others_and_a_young_merchant_by_price(shop: Shop) -> None:
    await shop.clock.advance(60)
    by_price = {row.machine_id: row for row in await look(shop)}
    assert {row.basis for row in by_price.values()} == {"price"} and len(by_price) == 2
    mean = await shop.database.hot.fetchval(
        "SELECT CAST(avg(price_minor) AS bigint) FROM product WHERE merchant_id = $1", shop.merchant_id
    )
    assert by_price[shop.machine_id].loss_minor_per_hour == mean
    await past(shop, shop.machine_id, 900, days=3)
    await past(shop, "", 5_000)
    assert {(row.basis, row.loss_minor_per_hour) for row in await look(shop)} == {("merchant", 2_500)}


async def test_a_machine_that_is_silent_or_not_ready_is_one_row_until_it_speaks_again(shop: Shop) -> None:
    one, two = (machine.machine_id for machine in shop.seeded.machines)
    await shop.clock.advance(60)
    await beat(shop, two, "door_open")
    await jam(shop)
    rows = {row.machine_id: row for row in await look(shop)}
    assert (rows[one].kind, rows[one].folded, rows[one].fix) == ("machine.offline", 1, "open_machine")
    assert (rows[two].kind, rows[two].detail) == ("machine.not_ready", "door_open")
    await beat_all(shop)
    assert [row.kind for row in await look(shop)] == ["vend_failed"]


async def test_an_alarm_of_silence_is_no_news_of_a_machine_that_is_heard(shop: Shop) -> None:
    row = AlarmRow(shop.merchant_id, shop.machine_id, "machine.offline", Severity.WARNING, shop.clock.now())
    async with shop.database.hot.acquire() as connection, connection.transaction():
        await raise_alarms(connection, [row], ids=shop.ids)
    assert await look(shop) == []


async def test_empty_shelves_are_one_row_of_a_machine(shop: Shop) -> None:
    await past(shop, shop.machine_id, 1_200)
    await shop.as_hot_owner(
        "UPDATE stock_slot SET on_hand = 0 WHERE machine_id = $1 AND slot IN ('A1', 'A2', 'A3')", shop.machine_id
    )
    (row,) = await look(shop)
    assert (row.kind, row.count, row.since, row.loss_minor_per_hour) == ("sold_out", 3, None, 300)


async def test_hours_of_the_night_do_not_count_by_day(shop: Shop) -> None:
    await past(shop, shop.machine_id, 1_000)
    await shop.as_hot_owner(
        "DELETE FROM vend_hour WHERE machine_id = $1 AND mod(CAST(extract(epoch FROM hour - date_trunc('hour', "
        "$2::timestamptz)) AS bigint), 86400) IN (0, 3600, -3600, 82800, -82800)",
        shop.machine_id,
        shop.clock.now(),
    )
    await jam(shop)
    (row,) = await look(shop)
    assert (row.basis, row.loss_minor_per_hour) == ("own", 0)


async def test_takings_are_added_up_anew_after_five_minutes(shop: Shop) -> None:
    await past(shop, shop.machine_id, 1_200)
    await jam(shop)
    report = AttentionReport(shop.database, shop.clock, heartbeat_s=1_000.0)

    async def basis() -> str:
        return (await report.look(shop.merchant_id, "CNY", limit=20)).data[0].basis

    assert await basis() == "own"
    await shop.as_hot_owner("DELETE FROM vend_hour WHERE machine_id = $1", shop.machine_id)
    await shop.clock.advance(299)
    assert await basis() == "own"
    await shop.clock.advance(1)
    assert await basis() == "price"


async def test_another_merchant_sees_nothing_of_it(shop: Shop, database_url: str) -> None:
    await jam(shop)
    async with open_shop(database_url) as other:
        report = AttentionReport(other.database, other.clock, heartbeat_s=5.0)
        assert (await report.look(other.merchant_id, "CNY", limit=20)).count == 0


async def test_more_than_twenty_silent_machines_are_one_row(shop: Shop) -> None:
    await shop.as_hot_owner(
        "INSERT INTO machine_live (merchant_id, machine_id, epoch, nonce, nonce_at, seen_at, is_ready, reasons) "
        "SELECT merchant_id, machine_id, 1, 'n', $2, $2, true, '{}' FROM machine WHERE merchant_id = $1 "
        "ON CONFLICT DO NOTHING",
        shop.merchant_id,
        shop.clock.now() - timedelta(hours=1),
    )
    async with shop.database.merchant(shop.merchant_id) as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute(
            "INSERT INTO machine (merchant_id, machine_id, number, name_zh, name_en, state, epoch, created_at) "
            "SELECT $1, 'mch_far' || n, 'F' || n, 'z', 'e', 'enrolled', 1, $2 FROM generate_series(1, 21) AS n",
            shop.merchant_id,
            shop.clock.now(),
        )
    (row,) = await look(shop)
    assert (row.kind, row.count, row.fix) == ("machines.offline", 21, "open_machines")
    assert row.share_ppm == 21 * 1_000_000 // 23
