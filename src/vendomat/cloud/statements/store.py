"""How statements are read: sums by day, and the lines that no sum counts yet, in one question of one snapshot."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.platform.http import Cursor
from vendomat.cloud.statements.day_sums import DAY, FAMILY, FOLDED, LINES, SALES
from vendomat.cloud.statements.model import DaySum, Period, SalesLine, SalesSum

_FOLDED = re.compile(FOLDED)
_PLACE = "(SELECT coalesce((SELECT xact FROM day_sums_place), 0))"
_NEWER = f"l.merchant_id = :merchant_id AND l.xact >= {_PLACE}"
_SUMS = f"""
SELECT CASE WHEN s.day >= :first THEN s.day END AS day, s.account, s.currency,
    CASE WHEN s.day >= :first THEN s.family ELSE '' END AS family, CAST(sum(s.debit_minor) AS bigint) AS debit_minor,
    CAST(sum(s.credit_minor) AS bigint) AS credit_minor, CAST(sum(s.lines) AS bigint) AS lines
FROM (
    SELECT day, account, currency, family, debit_minor, credit_minor, lines FROM ledger_day
    WHERE merchant_id = :merchant_id AND day < :next_day
    UNION ALL
    SELECT day, account, currency, family, debit_minor, credit_minor, lines FROM ({LINES.format(where=_NEWER)}) n
    WHERE day < :next_day
) s GROUP BY 1, 2, 3, 4
"""
_SOLD = f"""
(
    SELECT day, machine_id, product_id, currency, kind, units, amount_minor FROM {{sums}}
    UNION ALL
    SELECT day, machine_id, product_id, currency, kind, units, amount_minor
    FROM ({SALES.format(where=_NEWER)}) n WHERE day >= :first AND day < :next_day
) s
"""
_SOLD_ON_DAYS = _SOLD.format(
    sums="sales_day WHERE merchant_id = :merchant_id AND day >= :first AND day < :next_day",
)
_SOLD_IN_MONTH = _SOLD.format(
    sums="(SELECT month AS day, * FROM sales_month WHERE merchant_id = :merchant_id AND month = :first) m",
)
_DAILY_SALES = f"""
SELECT s.day, s.machine_id, s.product_id, s.currency, s.kind, CAST(sum(s.units) AS bigint) AS units,
    CAST(sum(s.amount_minor) AS bigint) AS amount_minor
FROM {_SOLD_ON_DAYS} WHERE s.machine_id = ANY(CAST(:machines AS text[])) GROUP BY 1, 2, 3, 4, 5
"""
_SALES = """
SELECT GROUPING(s.product_id) = 1 AS is_of_machine, coalesce(s.machine_id, s.product_id) AS id, s.currency, s.kind,
    CAST(sum(s.units) AS bigint) AS units, CAST(sum(s.amount_minor) AS bigint) AS amount_minor
FROM {sold} GROUP BY GROUPING SETS ((s.machine_id, 3, 4), (s.product_id, 3, 4))
"""
_FRAME = """
SELECT m.name, m.currency, m.time_zone, CAST(CAST(:now AS timestamptz) AT TIME ZONE m.time_zone AS date) AS today,
    CAST(:first AS timestamp) AT TIME ZONE m.time_zone AS begins_at,
    CAST(:next_day AS timestamp) AT TIME ZONE m.time_zone AS ends_at
FROM merchant m WHERE m.merchant_id = :merchant_id
"""
_BOUNDS = """
SELECT CAST(d AS date) AS day, CAST(d AS timestamp) AT TIME ZONE m.time_zone AS begins_at,
    (CAST(d AS timestamp) + interval '1 day') AT TIME ZONE m.time_zone AS ends_at
FROM merchant m, generate_series(CAST(:first AS timestamp), CAST(:last AS timestamp), interval '1 day') d
WHERE m.merchant_id = :merchant_id ORDER BY d
"""
_RECON = """
SELECT channel, account, day, state = 'closed' AS is_closed FROM recon_day
WHERE merchant_id = :merchant_id AND day >= CAST(:first AS date) - 1 AND day <= CAST(:last AS date) + 1
"""
_FIRST_DAY = f"""
SELECT least((SELECT min(day) FROM ledger_day WHERE merchant_id = :merchant_id),
    (SELECT min({DAY}) FROM ledger_line l JOIN merchant m ON m.merchant_id = l.merchant_id WHERE {_NEWER}))
"""
_ROWS = """
SELECT l.posted_at, l.txn_key, l.line, l.account, l.amount_minor, l.currency, t.kind, t.order_id
FROM ledger_line l LEFT JOIN ledger_transaction t ON t.merchant_id = l.merchant_id AND t.txn_key = l.txn_key
WHERE l.merchant_id = :merchant_id AND l.posted_at >= :begins_at AND l.posted_at < :ends_at {where}
ORDER BY l.posted_at, l.txn_key, l.line LIMIT :limit
"""
_ROW_FILTERS = {
    "account": "AND l.account = :account",
    "folded": "AND (l.account = :account OR l.account LIKE :account || ':%')",
    "family": f"AND {FAMILY} = :family",
    "after": "AND (l.posted_at, l.txn_key, l.line) > "
    "(CAST(:at AS timestamptz), CAST(:key AS text), CAST(:line AS integer))",
}


def _span(merchant_id: str, period: Period) -> dict[str, object]:
    return {"merchant_id": merchant_id, "first": period.first, "last": period.last, "next_day": period.next_day}


async def read_sums(connection: AsyncConnection, merchant_id: str, period: Period) -> list[DaySum]:
    """Everything booked on any account up to the period's end."""
    rows = await connection.execute(sa.text(_SUMS), _span(merchant_id, period))
    return [DaySum(**row) for row in rows.mappings()]


async def read_sales(
    connection: AsyncConnection, merchant_id: str, period: Period
) -> tuple[list[SalesSum], list[SalesSum]]:
    """What was sold in the period: by machine, and by product."""
    statement = sa.text(_SALES.format(sold=_SOLD_IN_MONTH if period.is_month else _SOLD_ON_DAYS))
    rows = (await connection.execute(statement, _span(merchant_id, period))).mappings().all()
    of_machines, of_products = (
        [
            SalesSum(row["id"], row["currency"], row["kind"], row["units"], row["amount_minor"])
            for row in rows
            if row["is_of_machine"] is wanted
        ]
        for wanted in (True, False)
    )
    return of_machines, of_products


async def read_daily_sales(
    connection: AsyncConnection, merchant_id: str, period: Period, machines: Sequence[str]
) -> list[tuple[date, SalesLine]]:
    """What `machines` sold day by day: where a machine stands may change within a month."""
    rows = await connection.execute(sa.text(_DAILY_SALES), _span(merchant_id, period) | {"machines": list(machines)})
    return [(row["day"], SalesLine(**{k: v for k, v in row.items() if k != "day"})) for row in rows.mappings()]


async def read_frame(
    connection: AsyncConnection, merchant_id: str, period: Period, now: object
) -> sa.RowMapping | None:
    """The merchant's name, currency and time zone, its business day `today`, and where the period begins and ends."""
    found = await connection.execute(sa.text(_FRAME), _span(merchant_id, period) | {"now": now})
    return found.mappings().one_or_none()


async def read_bounds(connection: AsyncConnection, merchant_id: str, period: Period) -> list[sa.RowMapping]:
    """When each of the period's days begins and ends."""
    return list((await connection.execute(sa.text(_BOUNDS), _span(merchant_id, period))).mappings())


async def read_platform_days(connection: AsyncConnection, merchant_id: str, period: Period) -> list[sa.RowMapping]:
    """What reconciliation has of the platforms' days in and around the period."""
    return list((await connection.execute(sa.text(_RECON), _span(merchant_id, period))).mappings())


async def read_first_day(connection: AsyncConnection, merchant_id: str) -> date | None:
    """The first day on which anything was booked."""
    found: date | None = (await connection.execute(sa.text(_FIRST_DAY), {"merchant_id": merchant_id})).scalar()
    return found


async def read_rows(
    connection: AsyncConnection,
    merchant_id: str,
    span: tuple[datetime, datetime],
    *,
    wanted: Mapping[str, str],
    after: Cursor | None,
    limit: int,
) -> list[sa.RowMapping]:
    """Ledger lines booked within `span` in their order; `wanted` may name an `account` and a `family`. Asked hour by hour,
    each time for eight times as long: lines of a time lie together, and a month of them is far more than a page."""
    values: dict[str, object] = {"merchant_id": merchant_id, **wanted}
    is_folded = _FOLDED.match(wanted.get("account", "") + ":") is not None
    filters = ["folded" if name == "account" and is_folded else name for name in wanted]
    begins_at, ends_at = span
    if after is not None:
        key, _, line = after.id.rpartition("/")
        values |= {"at": after.at, "key": key, "line": int(line) if line.isdecimal() and len(line) < 9 else 0}
        filters.append("after")
        begins_at = max(begins_at, after.at)
    statement = sa.text(_ROWS.replace("{where}", " ".join(_ROW_FILTERS[name] for name in filters)))
    found: list[sa.RowMapping] = []
    asked_for = timedelta(hours=1)
    while begins_at < ends_at and len(found) < limit:
        until = min(ends_at, begins_at + asked_for)
        values |= {"begins_at": begins_at, "ends_at": until, "limit": limit - len(found)}
        found += (await connection.execute(statement, values)).mappings()
        begins_at, asked_for = until, 8 * asked_for
    return found
