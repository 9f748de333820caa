"""How what concerns one person's sites is read. The connection shows nothing else; each question asks for it, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import asyncpg

from vendomat.cloud.statistics import By, Wanted

_STANDS = "k.first_day <= $3 AND coalesce(k.last_day >= $3, true)"
_SITES = f"""
SELECT s.site_id AS id, s.name, s.address, count(k.machine_id) AS machines,
    count(*) FILTER (WHERE l.is_ready AND l.seen_at >= $4) AS selling
FROM site_owner w JOIN site s USING (merchant_id, site_id)
LEFT JOIN site_machine k ON (k.merchant_id, k.site_id) = (s.merchant_id, s.site_id) AND {_STANDS}
LEFT JOIN machine_live l ON (l.merchant_id, l.machine_id) = (k.merchant_id, k.machine_id)
WHERE w.merchant_id = $1 AND w.operator_id = $2 AND ($5 = '' OR w.site_id = $5)
GROUP BY s.site_id, s.name, s.address ORDER BY s.name, s.site_id
"""
_FLEET = f"""
SELECT m.number, k.first_day, l.seen_at, coalesce(l.is_ready, false) AS is_ready
FROM site_machine k JOIN machine m USING (merchant_id, machine_id)
LEFT JOIN machine_live l USING (merchant_id, machine_id)
WHERE k.merchant_id = $1 AND k.site_id = $2 AND {_STANDS} ORDER BY m.number
"""
_SALES = """
SELECT {group}, s.currency, sum(s.units_sold)::bigint AS units, sum(s.gross_minor)::bigint AS gross_minor
FROM site_machine k JOIN machine m USING (merchant_id, machine_id)
JOIN sale_hour s ON (s.merchant_id, s.machine_id) = (k.merchant_id, k.machine_id)
    AND s.hour >= greatest($3, k.first_day::timestamp) AND s.hour < least($4, (k.last_day + 1)::timestamp)
WHERE k.merchant_id = $1 AND k.site_id = $2 GROUP BY 1, 2, 3 ORDER BY 1, 5 DESC, 2, 3
"""
_GROUPS: Mapping[By, str] = {
    By.DAY: "date_trunc('day', s.hour) AS at, '' AS number",
    By.MONTH: "date_trunc('month', s.hour) AS at, '' AS number",
    By.MACHINE: "NULL::timestamp AS at, m.number",
}


async def list_sites(
    connection: asyncpg.Connection,
    person: tuple[str, str],
    *,
    today: date,
    heard_since: datetime,
    only: str = "",
) -> list[asyncpg.Record]:
    """The sites (or `only` one) that belong to `person`, who is (merchant, operator), by name."""
    rows: list[asyncpg.Record] = await connection.fetch(_SITES, *person, today, heard_since, only)
    return rows


async def is_own(connection: asyncpg.Connection, person: tuple[str, str], site_id: str) -> bool:
    found = await connection.fetchval(
        "SELECT true FROM site_owner WHERE merchant_id = $1 AND operator_id = $2 AND site_id = $3", *person, site_id
    )
    return bool(found)


async def fleet_at(connection: asyncpg.Connection, key: tuple[str, str], today: date) -> Sequence[asyncpg.Record]:
    """The machines that stand at a site; `key` is (merchant, site)."""
    rows: list[asyncpg.Record] = await connection.fetch(_FLEET, *key, today)
    return rows


async def sales_at(connection: asyncpg.Connection, key: tuple[str, str], wanted: Wanted) -> list[asyncpg.Record]:
    """What machines sold while they stood at the site."""
    rows: list[asyncpg.Record] = await connection.fetch(
        _SALES.format(group=_GROUPS[wanted.by]), *key, wanted.begins, wanted.ends
    )
    return rows


async def frame_of(connection: asyncpg.Connection, merchant_id: str, now: datetime) -> asyncpg.Record:
    """The merchant's name, currency, time zone and business day."""
    return await connection.fetchrow(
        "SELECT name AS merchant, currency, time_zone, ($2::timestamptz AT TIME ZONE time_zone)::date AS today "
        "FROM merchant WHERE merchant_id = $1",
        merchant_id,
        now,
    )
