"""Statements of a real ledger: exact at every moment, whatever was summed up already, and closed by reconciliation."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from tests.cloud.reconciliation.market import FEE, FIRST_DAY, PRICE, Market, noon
from tests.cloud.sales.conftest import MERCHANT, World
from tests.cloud.sales.selling_stage import ACCOUNT
from vendomat.cloud.ledger import Entry, Posting, post
from vendomat.cloud.platform.http import Cursor
from vendomat.cloud.sales import VendSaid
from vendomat.cloud.statements import DaySums, Period, Statements
from vendomat.cloud.statements.views import RowView
from vendomat.kernel import ManualClock

pytestmark = pytest.mark.slow

NAMES = ("asset:clearing:wechat:1", "asset:bank", "liab:undelivered", "liab:wallet:mbr_1", "liab:wallet:mbr_2")
FOLDED = {"liab:wallet:mbr_1": "liab:wallet", "liab:wallet:mbr_2": "liab:wallet"}
FAMILIES = ("paid", "refund", "fee", "payout", "topup")
MIDNIGHT = datetime(2026, 6, 1, 16, tzinfo=UTC)  # of June 2nd in China


def _entry(draw: random.Random, number: int) -> Entry:
    debit, credit = draw.sample(NAMES, 2)
    minor = draw.randint(1, 10**6)
    at = MIDNIGHT + timedelta(seconds=draw.randint(-3 * 86_400, 3 * 86_400))
    posting = Posting(f"{draw.choice(FAMILIES)}:{number}", "test", ((debit, minor), (credit, -minor)))
    return Entry(MERCHANT, "", draw.choice(["CNY", "USD"]), at, posting)


async def _balances(world: World, before: datetime) -> dict[tuple[str, str], int]:
    rows = await world.superuser.fetch(
        "SELECT account, currency, sum(amount_minor)::bigint AS minor FROM ledger_line WHERE posted_at < $1 "
        "GROUP BY 1, 2",
        before,
    )
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (FOLDED.get(row["account"], row["account"]), row["currency"])
        found[key] = found.get(key, 0) + row["minor"]
    return {key: minor for key, minor in found.items() if minor}


async def _check(world: World, statements: Statements) -> None:
    """Every day around, and the month: opening and closing are the ledger's own balances."""
    starts = {f"2026-06-0{n}": MIDNIGHT + timedelta(days=n - 2) for n in range(1, 6)}
    spans = {day: (at, at + timedelta(days=1)) for day, at in starts.items()}
    spans["2026-06"] = (MIDNIGHT - timedelta(days=1), MIDNIGHT + timedelta(days=29))
    for text, (begins, ends) in spans.items():
        view = await statements.statement(MERCHANT, Period.from_text(text))
        assert (view.begins_at, view.ends_at) == (begins, ends)
        opening = {(a.account, a.currency): a.opening_minor for a in view.accounts if a.opening_minor}
        closing = {(a.account, a.currency): a.closing_minor for a in view.accounts if a.closing_minor}
        assert opening == await _balances(world, begins), text
        assert closing == await _balances(world, ends), text
        for currency in ("CNY", "USD"):
            assert sum(a.closing_minor for a in view.accounts if a.currency == currency) == 0
        lines = await world.superuser.fetchval(
            "SELECT count(*) FROM ledger_line WHERE posted_at >= $1 AND posted_at < $2", begins, ends
        )
        assert sum(a.lines for a in view.accounts) == lines


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_statement_is_the_ledger_to_the_cent_whatever_was_summed_up(world: World, seed: int) -> None:
    draw, numbers = random.Random(seed), iter(range(10_000))
    statements = Statements(world.database, ManualClock(datetime(2026, 7, 20, tzinfo=UTC)))
    sums = DaySums(world.database, xacts_max=draw.choice([5, 1_000]))
    async with world.database.hot.acquire() as slow:
        for _ in range(4):
            transaction = slow.transaction()
            await transaction.start()
            await post(slow, [_entry(draw, next(numbers)) for _ in range(5)])  # seen by nobody yet
            for _ in range(3):
                await post(world.hot, [_entry(draw, next(numbers)) for _ in range(draw.randint(1, 9))])
                if draw.random() < 0.6:
                    await sums.run()
            await _check(world, statements)
            await (transaction.commit() if draw.random() < 0.7 else transaction.rollback())
            await _check(world, statements)
    await sums.run()
    await _check(world, statements)
    left = await world.superuser.fetchval(
        "SELECT count(*) FROM ledger_line WHERE xact >= (SELECT xact FROM day_sums_place)"
    )
    assert left == 0  # so it was the sums that were read


async def test_two_workers_count_nothing_twice(world: World) -> None:
    draw = random.Random(7)
    statements = Statements(world.database, ManualClock(datetime(2026, 7, 20, tzinfo=UTC)))
    for n in range(5):
        await post(world.hot, [_entry(draw, 100 * n + k) for k in range(20)])
        await asyncio.gather(*(DaySums(world.database, xacts_max=5).run() for _ in range(3)))
    await _check(world, statements)


async def test_rows_of_a_restored_backup_are_counted_anew(world: World) -> None:
    draw = random.Random(3)
    statements = Statements(world.database, ManualClock(datetime(2026, 7, 20, tzinfo=UTC)))
    await post(world.hot, [_entry(draw, n) for n in range(20)])
    await DaySums(world.database).run()
    await world.superuser.execute("UPDATE day_sums_place SET xact = xact + 1000000000")
    await post(world.hot, [_entry(draw, 100)])
    await DaySums(world.database).run()
    await _check(world, statements)


async def test_a_day_of_sales_is_told_by_machine_and_product_and_closed_with_its_bill(
    market: Market, world: World
) -> None:
    statements = Statements(world.database, market.clock)
    for n in range(3):
        await market.sell(noon(FIRST_DAY, n))
    await market.jam(noon(FIRST_DAY, 10))
    day = Period.from_text(FIRST_DAY.isoformat())
    running = await statements.statement(MERCHANT, day)
    assert running.standing == "running"
    await market.clock.advance(16 * 3_600)
    provisional = await statements.statement(MERCHANT, day)
    assert (provisional.standing, provisional.days[0].open_accounts) == ("provisional", [f"wechat:{ACCOUNT}"])
    await market.run(date(2026, 6, 2))
    await market.run(date(2026, 6, 3))
    await DaySums(world.database).run()
    closed = await statements.statement(MERCHANT, day)
    assert closed.standing == "closed"
    assert closed.accounts == provisional.accounts == running.accounts  # a day that is over stays as it was booked
    (figures,) = closed.figures
    assert (figures.income_minor, figures.refunds_minor, figures.fees_minor) == (3 * PRICE, PRICE, 0)
    (clearing,) = [a for a in closed.accounts if a.group == "money"]
    assert (clearing.opening_minor, clearing.payments_minor, clearing.refunds_minor, clearing.closing_minor) == (
        0,
        4 * PRICE,
        -PRICE,
        3 * PRICE,
    )
    month = await statements.statement(MERCHANT, Period.from_text("2026-06"))
    assert [(f.fees_minor, f.result_minor) for f in month.figures] == [(3 * FEE, 3 * PRICE - 3 * FEE)]
    assert sum(one.income_minor for one in month.daily) == 3 * PRICE
    (machine,), (product,) = closed.machines, closed.products
    assert (machine.name, machine.units, machine.sold_minor) == ("T-1", 3, 3 * PRICE)
    assert (product.name, product.name_en, product.sold_minor) == ("可乐", "Cola", 3 * PRICE)


async def test_what_came_out_late_is_told_apart_from_what_was_sold(market: Market, world: World) -> None:
    order_id, (number,) = await market.order(noon(FIRST_DAY))
    await market.paid(order_id, number, noon(FIRST_DAY))
    await market.vend(order_id, VendSaid.NOT_DELIVERED, noon(FIRST_DAY, 1))
    await post(
        world.hot,
        [
            Entry(
                MERCHANT,
                order_id,
                "CNY",
                noon(FIRST_DAY, 2),
                Posting(
                    "late:" + order_id + ":1",
                    "came_out_late",
                    (("expense:sensor_fault", PRICE), (f"income:sales:{MERCHANT}", -PRICE)),
                ),
            ),
            Entry(
                MERCHANT,
                order_id,
                "CNY",
                noon(FIRST_DAY, 3),
                Posting("goodwill:r", "refund_paid_on_top", (("expense:goodwill", 100), ("liab:refund_payable", -100))),
            ),
        ],
    )
    statements = Statements(world.database, market.clock)
    for _ in range(2):
        view = await statements.statement(MERCHANT, Period.from_text("2026-06-01"))
        (machine,) = view.machines
        assert (machine.units, machine.sold_minor, machine.late_minor, machine.goodwill_minor) == (1, 0, PRICE, 100)
        assert view.figures[0].result_minor == -100
        await DaySums(world.database).run()


async def test_the_time_zone_stays_once_days_were_summed_up(world: World) -> None:
    await world.superuser.execute("UPDATE merchant SET time_zone = 'Asia/Tokyo'")
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await world.superuser.execute("UPDATE merchant SET time_zone = 'Mars/Olympus'")
    await post(world.hot, [_entry(random.Random(1), 1)])
    await DaySums(world.database).run()
    with pytest.raises(asyncpg.CheckViolationError):
        await world.superuser.execute("UPDATE merchant SET time_zone = 'Asia/Shanghai'")


async def test_days_begin_at_the_merchants_midnight_also_when_clocks_change(world: World) -> None:
    await world.superuser.execute("UPDATE merchant SET time_zone = 'Europe/Berlin'")
    at = datetime(2026, 10, 25, 22, 30, tzinfo=UTC)  # half past eleven of a day with 25 hours
    lines = (("asset:bank", 5), ("liab:voucher", -5))
    await post(world.hot, [Entry(MERCHANT, "", "CNY", at, Posting("code:1", "voucher_issued", lines))])
    statements = Statements(world.database, ManualClock(datetime(2026, 11, 20, tzinfo=UTC)))
    view = await statements.statement(MERCHANT, Period.from_text("2026-10-25"))
    assert view.ends_at - view.begins_at == timedelta(hours=25)
    assert [(a.account, a.other_minor) for a in view.accounts] == [("asset:bank", 5), ("liab:voucher", -5)]


async def test_rows_are_paged_in_the_order_of_booking(world: World) -> None:
    draw = random.Random(5)
    await post(world.hot, [_entry(draw, n) for n in range(60)])
    statements = Statements(world.database, ManualClock(datetime(2026, 7, 20, tzinfo=UTC)))
    period = Period.from_text("2026-06")
    view = await statements.statement(MERCHANT, period)
    for account in view.accounts:
        rows: list[RowView] = []
        after: Cursor | None = None
        while True:
            wanted = {"account": account.account}
            page = await statements.rows(MERCHANT, period, wanted=wanted, after=after, limit=7)
            rows += page.data
            if page.next_cursor is None:
                break
            after = Cursor.from_text(page.next_cursor)
        mine = [row for row in rows if row.currency == account.currency]
        assert sum(row.amount_minor for row in mine) == account.closing_minor - account.opening_minor
        assert len(mine) == account.lines
        assert [row.at for row in rows] == sorted(row.at for row in rows)
