"""`vendomat bench monthly-report`: a month's report from the sums, against the same report from all rows.

A private PostgreSQL is filled with a year of sales: orders, units, payments, refunds and the events that the sale would
have left in the outbox. The rounds that keep the sums count them, as in production. Then reports of months by machine,
product, way to pay and day are asked of the sums (the whole service call) and of the rows (one statement over orders,
units, payments and refunds, as free to use an index as the planner likes). Refuses to call a run good in which any
figure of any month differs, whatever the times are. Where the disk has no room for as many sales as were wanted, it
takes as many as there is room for, and says so.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import asyncpg
import msgspec

from vendomat.bench.filling import SALES_TABLES, without_indexes
from vendomat.cloud.platform.database import Database, migrate
from vendomat.cloud.platform.engines import PostgresEngine
from vendomat.cloud.statistics import By, SalesFigures, SaleSums, Wanted
from vendomat.kernel import SystemClock

MERCHANT = "mer_" + "0" * 26
FIRST = date(2025, 1, 1)
CHUNK = 100_000
PROBE = 20_000
DISK_SHARE = 0.6
"""How much of the free disk the rows may take; sums, sorted runs and the server's own log need theirs."""
BYS = (By.MACHINE, By.PRODUCT, By.CHANNEL, By.DAY)
COLUMNS = ("units_sold", "units_failed", "units_unknown", "gross_minor", "refunded_minor")
FAILED_EVERY, UNKNOWN_EVERY = 61, 997
Say = Callable[[str], None]
Report = Mapping[str, tuple[int, ...]]

_SALES = """
CREATE TEMPORARY VIEW sales AS SELECT n, 'ord_' || lpad(n::text, 26, '0') AS order_id,
    'pay_' || lpad(n::text, 26, '0') AS payment_id,
    'mch_' || lpad((n * 7919 % {machines})::text, 26, '0') AS machine_id,
    'prd_' || lpad((pow((n * 104729 % 1000) / 1000.0, 2) * {products})::int::text, 26, '0') AS product_id,
    (ARRAY['wechat', 'wechat', 'wechat', 'alipay', 'alipay', 'cash', 'wallet'])[1 + n * 31 % 7] AS channel,
    200 + 50 * (n * 104729 % 13) AS price_minor,
    CASE WHEN n % {unknown_every} = 0 THEN 'unknown' WHEN n % {failed_every} = 0 THEN 'not_delivered'
        ELSE 'delivered' END AS outcome,
    timestamptz '{first} 00:00+08' + n * (interval '365 days' / {sales}::double precision) AS at
FROM generate_series({{low}}::bigint, {{high}}) n
"""
_FILL = (
    """
    INSERT INTO sale_order (merchant_id, order_id, machine_id, request_id, origin, state, version, total_minor,
        currency, lines, created_at, expires_at, ended_at)
    SELECT '{merchant}', order_id, machine_id, n::text, 'touch', 'settled', 5, price_minor, 'CNY', '[]', at, at, at
    FROM sales
    """,
    """
    INSERT INTO payment (merchant_id, payment_id, order_id, channel, account, amount_minor, currency, state, is_winning,
        transaction_id, captured_minor, paid_at, created_at, expires_at)
    SELECT '{merchant}', payment_id, order_id, channel, '1', price_minor, 'CNY', 'paid', true, '42' || n, price_minor,
        at, at, at FROM sales
    """,
    """
    INSERT INTO vend_unit (merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, outcome, is_final)
    SELECT '{merchant}', order_id, 1, machine_id, 'A' || right(product_id, 1), product_id, price_minor, outcome, true
    FROM sales
    """,
    """
    INSERT INTO refund (merchant_id, payment_id, ordinal, refund_id, order_id, amount_minor, reason, state,
        requested_at, ended_at)
    SELECT '{merchant}', payment_id, 1, 'rfd_' || n, order_id, price_minor, 'not delivered', 'succeeded', at,
        at + interval '2 seconds' FROM sales WHERE outcome <> 'delivered'
    """,
    """
    INSERT INTO outbox (merchant_id, kind, subject, data, at)
    SELECT '{merchant}', 'vend.' || outcome, order_id, '{{"unit": 1}}', at FROM sales
    UNION ALL SELECT '{merchant}', 'refund.succeeded', order_id, jsonb_build_object('refund_id', 'rfd_' || n), at
    FROM sales WHERE outcome <> 'delivered'
    """,
)
_KEYS = {
    By.MACHINE: "u.machine_id",
    By.PRODUCT: "u.product_id",
    By.CHANNEL: "p.channel",
    By.DAY: "(o.created_at AT TIME ZONE m.time_zone)::date::text",
}
_SIZE = "SELECT pg_database_size(current_database())"
_SCAN = """
SELECT {key} AS key, count(*) FILTER (WHERE u.outcome = 'delivered') AS units_sold,
    count(*) FILTER (WHERE u.outcome = 'not_delivered') AS units_failed,
    count(*) FILTER (WHERE u.outcome = 'unknown') AS units_unknown,
    coalesce(sum(u.price_minor) FILTER (WHERE u.outcome = 'delivered'), 0)::bigint AS gross_minor,
    coalesce(sum(r.amount_minor), 0)::bigint AS refunded_minor
FROM sale_order o JOIN merchant m USING (merchant_id) JOIN vend_unit u USING (merchant_id, order_id)
JOIN payment p ON p.merchant_id = o.merchant_id AND p.order_id = o.order_id AND p.is_winning
LEFT JOIN refund r ON r.merchant_id = p.merchant_id AND r.payment_id = p.payment_id AND r.state = 'succeeded'
WHERE o.merchant_id = $1 AND o.created_at >= $2::timestamp AT TIME ZONE m.time_zone
    AND o.created_at < $3::timestamp AT TIME ZONE m.time_zone
GROUP BY 1
"""


@dataclass(frozen=True)
class MonthlyReportPlan:
    """`folder` must be empty. `months` (1 to 12) of the year are reported, evenly taken; each by all of `BYS`."""

    folder: Path
    sales: int = 1_000_000
    machines: int = 200
    products: int = 40
    months: int = 3
    rounds: int = 5


@dataclass
class MonthlyReportResult:
    """Milliseconds by what the report is of: medians of the sums' answers, and the scan of the rows.

    `ratio` is the scan's time over the sums', the smallest and the median of all reports. `sales` is less than `wanted`
    where the disk has no room for more; `sale_bytes` is what one takes there, with its indexes.
    """

    wanted: int
    sales: int
    sale_bytes: int
    fill_s: float
    count_s: float
    counted_per_second: int
    detail_rows: int
    sum_rows: int
    reports: int = 0
    differences: int = 0
    sums_ms: dict[str, float] = field(default_factory=dict)
    rows_ms: dict[str, float] = field(default_factory=dict)
    ratio_lowest: float = 0.0
    ratio_median: float = 0.0

    @property
    def is_good(self) -> bool:
        return self.reports > 0 and self.differences == 0


async def run_monthly_report(plan: MonthlyReportPlan, say: Say = lambda _: None) -> MonthlyReportResult:
    """Fill a year, count it, compare reports of its months."""
    engine = PostgresEngine(plan.folder / "postgres")
    await asyncio.to_thread(engine.start)
    clock = SystemClock()
    try:
        url = engine.create_database("bench")
        await migrate(url)
        superuser_url = engine.address.url_of("bench", "postgres")
        wanted, sale_bytes = plan.sales, await _probe(superuser_url, plan)
        free_bytes = shutil.disk_usage(plan.folder).free
        plan = replace(plan, sales=sales_within(free_bytes, wanted, sale_bytes))
        if plan.sales < wanted:
            say(f"the disk has room for {plan.sales} of {wanted} sales, at {sale_bytes} bytes each: these are taken")
        say(f"filling a year of {plan.sales} sales")
        began = clock.elapsed()
        await _fill(superuser_url, plan)
        filled = clock.elapsed()
        say("counting them")
        database = await Database.open(url, hot_connections=1)
        try:
            # A round takes few database transactions, for each of these has very many sales.
            await SaleSums(database, xacts_max=2 * len(_FILL)).run()
            counted = clock.elapsed()
            detail_rows, sum_rows = await _sizes(superuser_url)
            result = MonthlyReportResult(
                wanted=wanted,
                sales=plan.sales,
                sale_bytes=sale_bytes,
                fill_s=round(filled - began, 1),
                count_s=round(counted - filled, 1),
                counted_per_second=int(plan.sales / (counted - filled)),
                detail_rows=detail_rows,
                sum_rows=sum_rows,
            )
            say("comparing reports")
            await _compare(database, superuser_url, plan, result)
            return result
        finally:
            await database.aclose()
    finally:
        await asyncio.to_thread(engine.destroy)


def sales_within(free_bytes: int, wanted: int, sale_bytes: int) -> int:
    """As many sales of `wanted` as the free disk has room for."""
    return min(wanted, int(DISK_SHARE * free_bytes) // sale_bytes)


async def _probe(superuser_url: str, plan: MonthlyReportPlan) -> int:
    """Bytes that a sale takes on the disk, seen at a few that are taken away again."""
    sales = min(PROBE, plan.sales)
    connection = await asyncpg.connect(superuser_url, command_timeout=3_600)
    try:
        before = await connection.fetchval(_SIZE)
        await connection.execute("SET session_replication_role = replica")
        await _write(connection, plan, 0, sales)
        taken = await connection.fetchval(_SIZE) - before
        await connection.execute(f"TRUNCATE {', '.join(SALES_TABLES)} CASCADE")
        return int(taken) // sales
    finally:
        await connection.close()


async def _fill(superuser_url: str, plan: MonthlyReportPlan) -> None:
    connection = await asyncpg.connect(superuser_url, command_timeout=3_600)
    try:
        await connection.execute(
            "INSERT INTO merchant (merchant_id, name, payee, currency, created_at) VALUES ($1, 'b', 'b', 'CNY', now())",
            MERCHANT,
        )
        for month in range(1, 13):
            await connection.execute("SELECT make_month_partitions($1)", FIRST.replace(month=month))
        async with without_indexes(connection):
            for low in range(0, plan.sales, CHUNK):
                await _write(connection, plan, low, min(low + CHUNK, plan.sales))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _write(connection: asyncpg.Connection, plan: MonthlyReportPlan, low: int, high: int) -> None:
    """Sales `low` to before `high`, each table's in a database transaction of its own."""
    known = {"machines": plan.machines, "products": plan.products, "sales": plan.sales, "first": FIRST.isoformat()}
    view = _SALES.format(unknown_every=UNKNOWN_EVERY, failed_every=FAILED_EVERY, **known)
    await connection.execute(view.format(low=low, high=high - 1))
    for statement in _FILL:
        await connection.execute(statement.format(merchant=MERCHANT))
    await connection.execute("DROP VIEW sales")


async def _sizes(superuser_url: str) -> tuple[int, int]:
    """Rows of full detail, and of the sums."""
    connection = await asyncpg.connect(superuser_url, command_timeout=3_600)
    try:
        await connection.execute("VACUUM ANALYZE sale_hour, sale_sum")
        sizes = await connection.fetchrow("SELECT (SELECT count(*) FROM sale_hour), (SELECT count(*) FROM sale_sum)")
        return sizes[0], sizes[1]
    finally:
        await connection.close()


def months_of(plan: MonthlyReportPlan) -> list[tuple[date, date]]:
    """The first and last days of the months that are reported."""
    chosen = [1 + n * 12 // plan.months for n in range(plan.months)]
    spans = []
    for month in chosen:
        first = FIRST.replace(month=month)
        after = (first + timedelta(days=31)).replace(day=1)
        spans.append((first, after - timedelta(days=1)))
    return spans


async def _compare(
    database: Database, superuser_url: str, plan: MonthlyReportPlan, result: MonthlyReportResult
) -> None:
    clock, figures = SystemClock(), SalesFigures(database, SystemClock())
    ratios: list[float] = []
    sums_ms: dict[str, list[float]] = {by.value: [] for by in BYS}
    rows_ms: dict[str, list[float]] = {by.value: [] for by in BYS}
    connection = await asyncpg.connect(superuser_url)
    try:
        for first, last in months_of(plan):
            for by in BYS:
                wanted, times = Wanted(by, first, last), []
                for _ in range(plan.rounds + 1):  # the first one fills caches, of the driver and of the server
                    began = clock.elapsed()
                    view = await figures.figures(MERCHANT, wanted)
                    times.append(1_000 * (clock.elapsed() - began))
                from_sums = {
                    row.key or row.at.date().isoformat(): tuple(getattr(row, name) for name in COLUMNS)  # type: ignore[union-attr]
                    for row in view.rows
                }
                from_rows, scan_ms = await _scan(connection, by, wanted)
                result.reports += 1
                result.differences += from_sums != from_rows
                sums_ms[by.value].append(median(times[1:]))
                rows_ms[by.value].append(scan_ms)
                ratios.append(scan_ms / sums_ms[by.value][-1])
    finally:
        await connection.close()
    result.sums_ms = {name: round(median(times), 2) for name, times in sums_ms.items()}
    result.rows_ms = {name: round(median(times), 1) for name, times in rows_ms.items()}
    result.ratio_lowest, result.ratio_median = round(min(ratios), 1), round(median(ratios), 1)


async def _scan(connection: asyncpg.Connection, by: By, wanted: Wanted) -> tuple[Report, float]:
    """The same report from the rows, the better time of two."""
    clock, times = SystemClock(), []
    statement = _SCAN.format(key=_KEYS[by])
    for _ in range(2):
        began = clock.elapsed()
        rows = await connection.fetch(statement, MERCHANT, wanted.begins, wanted.ends, timeout=3_600)
        times.append(1_000 * (clock.elapsed() - began))
    return {row["key"]: tuple(row[name] for name in COLUMNS) for row in rows}, min(times)


def monthly_report_json(result: MonthlyReportResult) -> str:
    """The result as one JSON object, with its verdict."""
    return msgspec.json.format(msgspec.json.encode(asdict(result) | {"is_good": result.is_good})).decode()
