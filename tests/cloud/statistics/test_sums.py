"""Sums of real sales: exact at every moment, whatever was counted already, killed, repeated or committed late."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
import pytest

from tests.cloud.reconciliation.market import FIRST_DAY, PRICE, Market, noon
from tests.cloud.sales.conftest import MACHINE, MERCHANT, PRODUCT, World
from tests.cloud.sales.selling_stage import ACCOUNT
from vendomat.audit import AuditSources, Terms, run_audit
from vendomat.cloud.orders import FindingMove
from vendomat.cloud.payments import Payment, PaymentState
from vendomat.cloud.platform.http import Cursor
from vendomat.cloud.sales import EventFor, NewOrder, VendFactSeen, VendSaid
from vendomat.cloud.sales.desk_model import GoodwillGiven
from vendomat.cloud.sales.model import AmbiguityResolved, DeadlinePassed, RefundSaid, RefundSeen
from vendomat.cloud.sales.use_cases import apply_payment_facts
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.cloud.statistics import By, SalesFigures, SaleSums, Wanted
from vendomat.cloud.statistics.store import FIRST_NEWER
from vendomat.cloud.statistics.sums import AMOUNTS
from vendomat.cloud.statistics.views import SoldUnitView
from vendomat.kernel import ManualClock, TimeOrderedIds, derive_id
from vendomat.protocol import OrderLine

pytestmark = pytest.mark.slow

CHINA = ZoneInfo("Asia/Shanghai")
JUNE = (date(2026, 6, 1), date(2026, 6, 30))
NOW = datetime(2026, 7, 20, tzinfo=UTC)
PAST_TODAY = (date(2026, 6, 10), NOW.date())
TWO_PRICES = {"A1": 350, "A2": 200}


def _figures(world: World) -> SalesFigures:
    return SalesFigures(world.database, ManualClock(NOW))


async def _from_rows(world: World) -> Counter[tuple[datetime, str, str]]:
    """What was sold, failed and went back, from the rows alone: `(hour, slot, figure)` to its sum."""
    found: Counter[tuple[datetime, str, str]] = Counter()
    orders = await world.superuser.fetch(
        "SELECT o.* FROM sale_order o JOIN payment p USING (order_id) WHERE is_winning"
    )
    for order in orders:
        hour = order["created_at"].astimezone(CHINA).replace(minute=0, second=0, microsecond=0, tzinfo=None)
        units = await world.superuser.fetch(
            "SELECT * FROM vend_unit WHERE order_id = $1 AND is_final ORDER BY unit", order["order_id"]
        )
        back = await world.superuser.fetchval(
            "SELECT coalesce(sum(amount_minor), 0)::bigint FROM refund WHERE order_id = $1 AND state = 'succeeded'",
            order["order_id"],
        )
        owed_first = sorted(units, key=lambda unit: unit["outcome"] == "delivered")
        for unit in owed_first:
            mine = back if unit is owed_first[-1] else min(back, unit["price_minor"])
            back -= mine
            found[hour, unit["slot"], "refunded_minor"] += mine
            figure = {"delivered": "sold", "not_delivered": "failed", "unknown": "unknown"}[unit["outcome"]]
            found[hour, unit["slot"], f"units_{figure}"] += 1
            found[hour, unit["slot"], "units_lost"] += unit["finding"] == "came_out"
            found[hour, unit["slot"], "gross_minor"] += unit["price_minor"] * (unit["outcome"] == "delivered")
    return +found


async def _check(world: World) -> None:
    """Every report says what the rows say, by whatever it is summed."""
    figures, truth = _figures(world), await _from_rows(world)
    by_slot: Counter[tuple[str, str]] = Counter()
    by_hour: Counter[tuple[datetime, str]] = Counter()
    by_all: Counter[str] = Counter()
    for (hour, slot, figure), value in truth.items():
        by_slot[f"{MACHINE}/{slot}", figure] += value
        by_hour[hour, figure] += value
        by_all[figure] += value
    for by in By:
        view = await figures.figures(MERCHANT, Wanted(by, *JUNE))
        shown: Counter[object] = Counter()
        for row in view.rows:
            for figure in AMOUNTS:
                shown[(row.key, figure) if by is By.SLOT else (row.at, figure) if by is By.HOUR else figure] += getattr(
                    row, figure
                )
        assert +shown == (by_slot if by is By.SLOT else by_hour if by is By.HOUR else by_all), by
    for first, last in ((date(2026, 5, 20), date(2026, 7, 5)), (date(2026, 6, 10), date(2026, 6, 30)), PAST_TODAY):
        days = await figures.figures(MERCHANT, Wanted(By.DAY, first, last))
        for by in (By.MACHINE, By.PRODUCT, By.CHANNEL):
            assert (await figures.figures(MERCHANT, Wanted(by, first, last))).totals == days.totals, (by, first, last)
    for only in ({"machine_id": MACHINE}, {"product_id": PRODUCT}):
        for by in (By.DAY, By.MONTH):
            mine, every = [await figures.figures(MERCHANT, Wanted(by, *JUNE, **some)) for some in (only, {})]
            assert mine.totals == every.totals and mine.source == "sums", (by, only)
    short = await figures.figures(MERCHANT, Wanted(By.SLOT, *JUNE), limit=1)
    whole = await figures.figures(MERCHANT, Wanted(By.SLOT, *JUNE))
    assert (
        short.rows == whole.rows[:1]
        and short.rows_more == len(whole.rows) - len(short.rows)
        and short.totals == whole.totals
    )
    by_channel = await figures.figures(MERCHANT, Wanted(By.CHANNEL, *JUNE))
    of_days = [await figures.figures(MERCHANT, Wanted(By.DAY, *JUNE, channel=row.key)) for row in by_channel.rows]
    assert [view.totals[0].gross_minor for view in of_days] == [row.gross_minor for row in by_channel.rows]
    detail = await figures.figures(MERCHANT, Wanted(By.PRODUCT, *JUNE, machine_id=MACHINE))
    assert {row.key for row in detail.rows} <= {PRODUCT} and detail.source == "detail"
    assert sum(row.gross_minor for row in detail.rows) == by_all["gross_minor"]


async def _breaches(world: World) -> list[str]:
    report = await run_audit(AuditSources(world.superuser_url), Terms())
    return [finding.name for finding in report.findings if finding.count and "sale_sums" in finding.name]


async def _order_of_two(market: Market, number: int, at: datetime) -> tuple[str, str]:
    """A paid order of A1 and A2, neither of which has moved."""
    order_id, payment_id = derive_id("ord", "two", number), derive_id("pay", "two", number)
    await market.writer.create(
        NewOrder(
            merchant_id=MERCHANT,
            machine_id=MACHINE,
            request_id=derive_id("req", "two", number),
            order_id=order_id,
            origin="touch",
            lines=tuple(OrderLine(slot=slot, quantity=1, price_minor=TWO_PRICES[slot]) for slot in ("A1", "A2")),
            payment=Payment(payment_id, "wechat", ACCOUNT, 0, PaymentState.CREATED),
            at=at,
            expires_at=at + timedelta(seconds=120),
        )
    )
    await market.paid(order_id, payment_id, at, minor=sum(TWO_PRICES.values()))
    return order_id, payment_id


def _end(order_id: str, unit: int, said: VendSaid, at: datetime) -> VendFactSeen:
    words = "delivered" if said is VendSaid.DELIVERED else "jam"
    return VendFactSeen(command_number(order_id, unit), MACHINE, said, words, "", f"9/{unit}", at, motor_ms=900)


async def _open_slots(world: World) -> None:
    await world.superuser.execute("UPDATE stock_slot SET closed_reason = '', on_hand = 1000")


async def _act(market: Market, world: World, draw: random.Random, number: int) -> None:
    """Something happens; most of it to an order of its own, some to an old one."""
    at = noon(FIRST_DAY, draw.randint(-11 * 60, 5 * 1440))
    await _open_slots(world)
    what = draw.choice(["sell", "jam", "unknown", "two", "late", "goodwill"])
    if what == "sell":
        await market.sell(at)
    elif what == "jam":
        await market.jam(at)
    elif what == "unknown":
        order_id, (number_of_payment,) = await market.order(at)
        await market.paid(order_id, number_of_payment, at)
        await market.vend(order_id, VendSaid.UNKNOWN, at)
        await market.tell(order_id, DeadlinePassed(command_number(order_id, 1), at + timedelta(seconds=90)))
        if draw.random() < 0.7:
            move = draw.choice([FindingMove.SEE_OUT, FindingMove.SEE_IN, FindingMove.GIVE_UP])
            await market.tell(order_id, AmbiguityResolved(1, move, "opr_1", "looked", at + timedelta(days=20)))
    elif what == "two":
        order_id, payment_id = await _order_of_two(market, number, at)
        for unit in (1, 2):
            said = draw.choice([VendSaid.DELIVERED, VendSaid.NOT_DELIVERED])
            await market.tell(order_id, _end(order_id, unit, said, at))
        if draw.random() < 0.7:
            await market.refunded(order_id, payment_id, at + timedelta(days=14))
    elif what == "late":
        order_id, (payment_id,) = await market.order(at)
        await market.paid(order_id, payment_id, at)
        await market.vend(order_id, VendSaid.NOT_DELIVERED, at)
        await market.vend(order_id, VendSaid.DELIVERED, at + timedelta(days=3))
    else:
        order_id, payment_id = await _order_of_two(market, number, at)
        for unit in (1, 2):
            await market.tell(order_id, _end(order_id, unit, VendSaid.DELIVERED, at))
        given = draw.randint(1, sum(TWO_PRICES.values()))
        await market.tell(order_id, GoodwillGiven("opr_1", "kind", given, 1, 10_000, at + timedelta(days=21)))
        await market.refunded(order_id, payment_id, at + timedelta(days=22))


@pytest.mark.parametrize("seed", [1, 2])
async def test_figures_are_what_the_rows_say_whatever_was_counted(market: Market, world: World, seed: int) -> None:
    draw = random.Random(seed)
    sums = SaleSums(world.database, xacts_max=draw.choice([3, 1_000]))
    for number in range(24):
        await _act(market, world, draw, number)
        if draw.random() < 0.4:
            await sums.run()
        if number % 6 == 5:
            await _check(world)
    assert await _breaches(world) == []
    await sums.run()
    await _check(world)
    assert await _breaches(world) == []
    left = await world.superuser.fetchval(
        "SELECT count(*) FROM outbox WHERE xact::text::bigint >= (SELECT xact FROM sale_sums_place)"
    )
    assert left == 0  # so it was the sums that were read
    truth = await _from_rows(world)
    assert {figure for _, _, figure in truth} == set(AMOUNTS)  # nothing of it was only said to be tested


async def test_a_transaction_that_commits_late_is_not_passed_over(market: Market, world: World) -> None:
    sums, ids = SaleSums(world.database), TimeOrderedIds(market.clock)
    await _open_slots(world)
    order_id, _ = await _order_of_two(market, 1, noon(FIRST_DAY))
    await market.tell(order_id, _end(order_id, 1, VendSaid.DELIVERED, noon(FIRST_DAY)))
    slow = await asyncpg.connect(world.superuser_url)
    await slow.set_type_codec("jsonb", schema="pg_catalog", encoder=_as_text, decoder=msgspec.json.decode)
    try:
        transaction = slow.transaction()
        await transaction.start()
        said = _end(order_id, 2, VendSaid.DELIVERED, noon(FIRST_DAY))
        await apply_payment_facts(slow, [EventFor((MERCHANT, order_id), said)], world.settings, ids)
        for n in range(3):
            await market.sell(noon(FIRST_DAY, n))  # numbered later, committed earlier
            await sums.run()
        await _check(world)
        await transaction.commit()
        await _check(world)
        await sums.run()
        await _check(world)
    finally:
        await slow.close()
    view = await _figures(world).figures(MERCHANT, Wanted(By.MONTH, *JUNE))
    assert [(row.units_sold, row.gross_minor) for row in view.rows] == [(5, 4 * PRICE + TWO_PRICES["A2"])]


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


async def test_a_round_that_dies_counts_nothing_and_two_workers_count_once(market: Market, world: World) -> None:
    for n in range(4):
        await market.sell(noon(FIRST_DAY, n))
    dying = await asyncpg.connect(world.superuser_url)
    transaction = dying.transaction()
    await transaction.start()
    await SaleSums(world.database)._count(dying)  # killed before its commit
    await transaction.rollback()
    await dying.close()
    await _check(world)
    await asyncio.gather(*(SaleSums(world.database, xacts_max=2).run() for _ in range(3)))
    await _check(world)
    assert await world.superuser.fetchval("SELECT sum(units_sold) FROM sale_hour") == 4


async def test_rows_of_a_restored_backup_are_counted_anew(market: Market, world: World) -> None:
    await market.sell(noon(FIRST_DAY))
    await SaleSums(world.database).run()
    await world.superuser.execute("UPDATE sale_sums_place SET xact = xact + 1000000000")
    await market.sell(noon(FIRST_DAY, 1))
    await SaleSums(world.database).run()
    await _check(world)


async def test_a_refund_weeks_later_stands_in_the_hour_of_its_sale(market: Market, world: World) -> None:
    await _open_slots(world)
    order_id, payment_id = await _order_of_two(market, 1, noon(FIRST_DAY))
    await market.tell(order_id, _end(order_id, 1, VendSaid.NOT_DELIVERED, noon(FIRST_DAY)))
    await market.tell(order_id, _end(order_id, 2, VendSaid.DELIVERED, noon(FIRST_DAY)))
    await SaleSums(world.database).run()
    await market.refunded(order_id, payment_id, noon(date(2026, 7, 9)))
    for _ in range(2):
        view = await _figures(world).figures(MERCHANT, Wanted(By.SLOT, FIRST_DAY, FIRST_DAY))
        assert {(row.key[-2:], row.units_sold, row.units_failed, row.refunded_minor) for row in view.rows} == {
            ("A1", 0, 1, 350),
            ("A2", 1, 0, 0),
        }
        assert [(t.success, t.gross_minor, t.refunded_minor) for t in view.totals] == [(0.5, 200, 350)]
        await SaleSums(world.database).run()
    # A second answer of the platform about the same refund changes nothing.
    refund = await world.superuser.fetchval("SELECT refund_id FROM refund")
    await market.tell(order_id, RefundSeen(refund, RefundSaid.SUCCEEDED, "", noon(date(2026, 7, 10))))
    await SaleSums(world.database).run()
    await _check(world)


async def test_the_units_behind_a_figure_are_listed_page_by_page(market: Market, world: World) -> None:
    for n in range(5):
        await market.sell(noon(FIRST_DAY, n))
    await market.jam(noon(FIRST_DAY, 9))
    figures, wanted = _figures(world), Wanted(By.DAY, FIRST_DAY, FIRST_DAY)
    found: list[SoldUnitView] = []
    after: Cursor | None = None
    while True:
        page = await figures.units(MERCHANT, wanted, outcome=None, after=after, limit=4)
        found += page.data
        if page.next_cursor is None:
            break
        after = Cursor.from_text(page.next_cursor)
    assert [unit.outcome for unit in found] == ["not_delivered", *["delivered"] * 5]
    assert [unit.at for unit in found] == sorted((unit.at for unit in found), reverse=True)
    assert (found[0].order_refunded_minor, found[0].channel, found[0].slot) == (PRICE, "wechat", "A1")
    failed = await figures.units(MERCHANT, wanted, outcome="not_delivered", after=None, limit=4)
    assert [unit.order_id for unit in failed.data] == [found[0].order_id]
    assert (await figures.units(MERCHANT, wanted, outcome="lost", after=None, limit=4)).data == []


async def test_a_day_is_told_against_the_same_weekdays_before_it(market: Market, world: World) -> None:
    for week, sales in enumerate((1, 2, 4)):
        for n in range(sales):
            await market.sell(noon(FIRST_DAY + timedelta(weeks=week), n))
    fourth = FIRST_DAY + timedelta(weeks=3)
    for n in range(3):
        await market.sell(noon(fourth, n))
    await SaleSums(world.database).run()
    clock = ManualClock(noon(fourth, 30))
    view = await SalesFigures(world.database, clock).band(MERCHANT, None)
    assert view.day == fourth and len(view.usual_days) == 3
    (at_noon,) = [hour for hour in view.hours if hour.hour == 12]
    assert (at_noon.now, at_noon.low, at_noon.median, at_noon.high) == (3, 1.5, 2.0, 3.0)
    assert [hour.now for hour in view.hours if hour.hour > 12] == [None] * 11
    assert (view.sold_so_far, view.so_far) == (3, (1.5, 2.0, 3.0))
    money = await SalesFigures(world.database, clock).band(MERCHANT, None, measure="gross", machine_id=MACHINE)
    assert (money.sold_so_far, money.so_far) == (3 * PRICE, (1.5 * PRICE, 2.0 * PRICE, 3.0 * PRICE))
    times = await SalesFigures(world.database, clock).refund_times(MERCHANT, *JUNE)
    assert (times.refunds, times.median_s) == (0, None)


async def test_a_site_has_what_its_machines_sold_while_they_stood_there(market: Market, world: World) -> None:
    """The machine moves on the second day: each site has its own days' sales, whether they are counted or not."""
    here, there = "sit_" + "1" * 26, "sit_" + "2" * 26
    for n, site in enumerate((here, there)):
        await world.superuser.execute("INSERT INTO site VALUES ($1, $2, $2, 'o', now())", MERCHANT, site)
        first_day = FIRST_DAY + timedelta(days=n)
        await world.superuser.execute(
            "INSERT INTO site_machine VALUES ($1, $2, $3, $4)", MERCHANT, MACHINE, first_day, site
        )
    await market.sell(noon(FIRST_DAY, 1))
    for is_counted in (False, True):
        if is_counted:
            await SaleSums(world.database).run()
        else:
            for n in (2, 3):
                await market.sell(noon(FIRST_DAY + timedelta(days=1), n))
        for site, sold in ((here, 1), (there, 2), ("sit_" + "3" * 26, 0)):
            figures, wanted = _figures(world), Wanted(By.MACHINE, *JUNE, site_id=site)
            found = await figures.figures(MERCHANT, wanted)
            assert [(row.key, row.units_sold) for row in found.rows] == ([(MACHINE, sold)] if sold else [])
            units = await figures.units(MERCHANT, wanted, outcome=None, after=None, limit=9)
            assert len(units.data) == sold
        by_site = await _figures(world).figures(MERCHANT, Wanted(By.SITE, *JUNE))
        assert {row.key: (row.units_sold, f"site={row.key}" in row.units) for row in by_site.rows} == {
            here: (1, True),
            there: (2, True),
        }


async def test_how_long_refunds_took_is_told_by_channel(market: Market, world: World) -> None:
    none = await _figures(world).refund_times(MERCHANT, FIRST_DAY, FIRST_DAY)
    assert (none.refunds, none.median_s, none.channels) == (0, None, [])
    for n in range(3):
        await market.jam(noon(FIRST_DAY, n))
    await world.superuser.execute(
        "UPDATE refund r SET ended_at = requested_at + make_interval(secs => 10 * n) "
        "FROM (SELECT refund_id, row_number() OVER (ORDER BY requested_at) AS n FROM refund) k "
        "WHERE k.refund_id = r.refund_id"
    )
    await world.superuser.execute(
        "UPDATE payment SET channel = 'alipay' WHERE payment_id = (SELECT max(payment_id) FROM payment)"
    )
    found = await _figures(world).refund_times(MERCHANT, FIRST_DAY, FIRST_DAY)
    assert (found.refunds, found.median_s, found.p95_s) == (3, 20, 29)
    assert [(one.channel, one.refunds) for one in found.channels] == [("alipay", 1), ("wechat", 2)]


async def test_what_is_newer_is_looked_up_and_not_searched_for(world: World) -> None:
    """Also by a server that has prepared the question and knows no place: nothing may be newer than all there is."""
    await world.superuser.execute(
        "INSERT INTO outbox (merchant_id, kind, subject, data, at) "
        "SELECT $1, 'vend.delivered', 'ord_' || n, '{}', now() FROM generate_series(1, 20000) n",
        MERCHANT,
    )
    await world.superuser.execute("ANALYZE outbox")
    question = FIRST_NEWER.replace(":merchant_id", "$1").replace(":place", "$2")
    await world.superuser.execute("SET plan_cache_mode = force_generic_plan")
    await world.superuser.execute(f"PREPARE newer (text, xid8) AS {question}")
    try:
        rows = await world.superuser.fetch(f"EXPLAIN EXECUTE newer ('{MERCHANT}', '9')")
    finally:
        await world.superuser.execute("DEALLOCATE newer; RESET plan_cache_mode")
    plan = "\n".join(row[0] for row in rows)
    assert "using outbox" in plan and "Seq Scan" not in plan, plan
