"""How sales are read: sums where they answer, full detail where they do not, and always what no round has counted yet,
in one question of one snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.platform.http import Cursor
from vendomat.cloud.statistics.model import By, Source, Wanted, months_within, source_of
from vendomat.cloud.statistics.sums import AMOUNTS, DELTAS, OF_ONE, SPREAD

_NAMES = ", ".join(AMOUNTS)
_SUM_ALL = ", ".join(f"CAST(sum(s.{name}) AS bigint) AS {name}" for name in AMOUNTS)
_NEWER = f"""
WITH {DELTAS.format(source=OF_ONE)}
SELECT CAST(coalesce(jsonb_agg(to_jsonb(d) - 'merchant_id'), '[]') AS text) FROM deltas d
"""
_PLACE = "SELECT coalesce((SELECT xact FROM sale_sums_place), 0)"
FIRST_NEWER = f"SELECT 1 FROM ({OF_ONE} ORDER BY o.xact LIMIT 1) o"
"""In the order of the index: a planner that does not know the place, as in a prepared statement, takes a third of all
rows for newer, and would rather read a table until one comes than look in the index."""
_FEW = "SELECT set_config(name, :on, true) FROM unnest(ARRAY['hashjoin', 'mergejoin', 'seqscan']) AS n, "
_FEW += "LATERAL (SELECT 'enable_' || n AS name) s"
NEWER = f"""
jsonb_to_recordset(CAST(:newer AS jsonb)) AS d (hour timestamp, machine_id text, slot text, product_id text,
    channel text, currency text, {", ".join(f"{name} bigint" for name in AMOUNTS)})
"""
"""What no round has counted yet, as `read_newer` gave it: rows of full detail."""
_SITE = """
    (SELECT k.site_id FROM site_machine k WHERE k.merchant_id = :merchant_id AND k.machine_id = {machine}
        AND k.first_day <= CAST({at} AS date) ORDER BY k.first_day DESC LIMIT 1)
"""
_AT_SITE = f"""
    AND {{machine}} IN (SELECT k.machine_id FROM site_machine k
        WHERE k.merchant_id = :merchant_id AND k.site_id = :site_id)
    AND {_SITE} = :site_id
"""
"""What machines sold while they stood there."""
_SUMS = f"""
SELECT {{group}}, s.currency, {_SUM_ALL} FROM (
    SELECT starts_at, key, currency, {_NAMES} FROM sale_sum WHERE merchant_id = :merchant_id AND span = :span
        AND by = :sum_by AND starts_at >= :begins AND starts_at < :months {{of_key}}
    UNION ALL
    SELECT starts_at, key, currency, {_NAMES} FROM sale_sum WHERE merchant_id = :merchant_id AND span = 'month'
        AND by = :sum_by AND starts_at >= :months AND starts_at < :days {{of_key}} {{of_months}}
    UNION ALL
    SELECT starts_at, key, currency, {_NAMES} FROM sale_sum WHERE merchant_id = :merchant_id AND span = :span
        AND by = :sum_by AND starts_at >= :days AND starts_at < :ends {{of_key}}
    UNION ALL
    SELECT date_trunc(g.span, d.hour), g.key, d.currency, {_NAMES} FROM {NEWER} {SPREAD}
    WHERE g.span = :span AND g.by = :sum_by AND d.hour >= :begins AND d.hour < :ends {{of_key}}
    {{more}}
) s {{joined}} GROUP BY 1, 2, 3
"""
_DETAIL = f"""
SELECT {{group}}, s.currency, {_SUM_ALL} FROM (
    SELECT hour, machine_id, slot, product_id, channel, currency, {_NAMES} FROM sale_hour WHERE merchant_id = :merchant_id
    UNION ALL
    SELECT hour, machine_id, slot, product_id, channel, currency, {_NAMES} FROM {NEWER}
) s WHERE s.hour >= :begins AND s.hour < :ends {{where}} GROUP BY 1, 2, 3
"""
_SUM_GROUPS = {
    By.HOUR: "s.starts_at AS at, '' AS key",
    By.DAY: "s.starts_at AS at, '' AS key",
    By.MONTH: "date_trunc('month', s.starts_at) AS at, '' AS key",
    By.MACHINE: "CAST(NULL AS timestamp) AS at, s.key",
    By.PRODUCT: "CAST(NULL AS timestamp) AS at, s.key",
    By.CHANNEL: "CAST(NULL AS timestamp) AS at, s.key",
    By.SITE: "CAST(NULL AS timestamp) AS at, coalesce(k.site_id, '') AS key",
}
_STAYS = """
LEFT JOIN (
    SELECT machine_id, site_id, first_day, lead(first_day, 1, date 'infinity') OVER (
        PARTITION BY machine_id ORDER BY first_day) AS until FROM site_machine WHERE merchant_id = :merchant_id
) k ON k.machine_id = s.key AND s.starts_at >= k.first_day AND s.starts_at < k.until
"""
"""Where each machine stood on each day: thousands of rows at once, as a table."""
_ITS_MACHINES = """
    AND key IN (SELECT machine_id FROM site_machine WHERE merchant_id = :merchant_id AND site_id = :site_id)
"""
_MOVED = """
    SELECT machine_id, date_trunc('month', CAST(first_day AS timestamp)) FROM site_machine
    WHERE merchant_id = :merchant_id AND extract(day FROM first_day) > 1
"""
_STAYED = f"AND (key, starts_at) NOT IN ({_MOVED})"
_DAYS_OF_MOVED = f"""
    UNION ALL
    SELECT d.starts_at, d.key, d.currency, {", ".join(f"d.{name}" for name in AMOUNTS)}
    FROM ({_MOVED}) m (machine_id, month)
    CROSS JOIN LATERAL generate_series(m.month, m.month + interval '1 month' - interval '1 day', interval '1 day') g (day)
    JOIN sale_sum d ON d.merchant_id = :merchant_id AND d.span = 'day' AND d.by = 'machine' AND d.starts_at = g.day
        AND d.key = m.machine_id
    WHERE m.month >= :months AND m.month < :days {{of_key}}
"""
"""A machine's month is one site's, unless it moved within: then its days are."""
_DETAIL_GROUPS = {
    By.HOUR: "s.hour AS at, '' AS key",
    By.DAY: "date_trunc('day', s.hour) AS at, '' AS key",
    By.MONTH: "date_trunc('month', s.hour) AS at, '' AS key",
    By.MACHINE: "CAST(NULL AS timestamp) AS at, s.machine_id AS key",
    By.PRODUCT: "CAST(NULL AS timestamp) AS at, s.product_id AS key",
    By.CHANNEL: "CAST(NULL AS timestamp) AS at, s.channel AS key",
    By.SLOT: "CAST(NULL AS timestamp) AS at, s.machine_id || '/' || s.slot AS key",
    By.SITE: f"CAST(NULL AS timestamp) AS at, coalesce({_SITE.format(machine='s.machine_id', at='s.hour')}, '') AS key",
}
_FILTERS = {
    "machine_id": "AND s.machine_id = :machine_id",
    "product_id": "AND s.product_id = :product_id",
    "channel": "AND s.channel = :channel",
    "site_id": _AT_SITE.format(machine="s.machine_id", at="s.hour"),
}
_FRAME = """
SELECT m.name, m.currency, m.time_zone, CAST(:now AS timestamptz) AT TIME ZONE m.time_zone AS now,
    (SELECT min(starts_at) FROM sale_sum WHERE merchant_id = :merchant_id AND span = 'day' AND by = 'all') AS first_at
FROM merchant m WHERE m.merchant_id = :merchant_id
"""
_KEYS = {
    By.MACHINE: "SELECT machine_id AS id, number AS name, number AS name_en FROM machine WHERE merchant_id = :merchant_id",
    By.PRODUCT: "SELECT product_id AS id, name_zh AS name, name_en FROM product WHERE merchant_id = :merchant_id",
    By.SITE: "SELECT site_id AS id, name, name AS name_en FROM site WHERE merchant_id = :merchant_id",
}
_UNITS = """
SELECT o.order_id, u.unit, o.created_at, u.machine_id, u.slot, u.product_id, coalesce(k.number, '') AS machine_number,
    coalesce(d.name_zh, '') AS name_zh, coalesce(d.name_en, '') AS name_en, p.channel, u.price_minor, o.currency,
    u.outcome, u.finding, u.is_final, coalesce((SELECT CAST(sum(r.amount_minor) AS bigint) FROM refund r
        WHERE r.merchant_id = p.merchant_id AND r.payment_id = p.payment_id AND r.state = 'succeeded'), 0)
        AS order_refunded_minor
FROM sale_order o JOIN merchant m ON m.merchant_id = o.merchant_id
JOIN payment p ON p.merchant_id = o.merchant_id AND p.order_id = o.order_id AND p.is_winning
JOIN vend_unit u ON u.merchant_id = o.merchant_id AND u.order_id = o.order_id
LEFT JOIN machine k ON k.merchant_id = u.merchant_id AND k.machine_id = u.machine_id
LEFT JOIN product d ON d.merchant_id = u.merchant_id AND d.product_id = u.product_id
WHERE o.merchant_id = :merchant_id AND o.origin <> 'top_up'
    AND o.created_at >= CAST(:begins AS timestamp) AT TIME ZONE m.time_zone
    AND o.created_at < CAST(:ends AS timestamp) AT TIME ZONE m.time_zone {where}
ORDER BY o.created_at DESC, o.order_id DESC, u.unit DESC LIMIT :limit
"""
_UNIT_FILTERS = {
    "machine_id": "AND o.machine_id = :machine_id",  # its units are there, too, and orders are fewer
    "product_id": "AND u.product_id = :product_id",
    "channel": "AND p.channel = :channel",
    "site_id": _AT_SITE.format(machine="o.machine_id", at="o.created_at AT TIME ZONE m.time_zone"),
    "outcome": "AND u.outcome = :outcome AND u.is_final",
    "lost": "AND u.finding = 'came_out'",
    "after": "AND (o.created_at, o.order_id, u.unit) < (CAST(:after_at AS timestamptz), CAST(:after_order AS text), "
    "CAST(:after_unit AS integer))",
}
_REFUND_TIMES = """
SELECT p.channel, count(*) AS refunds,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM r.ended_at - r.requested_at)) AS median_s,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM r.ended_at - r.requested_at)) AS p95_s
FROM refund r JOIN merchant m ON m.merchant_id = r.merchant_id
JOIN payment p ON p.merchant_id = r.merchant_id AND p.payment_id = r.payment_id
WHERE r.merchant_id = :merchant_id AND r.state = 'succeeded'
    AND r.ended_at >= CAST(:begins AS timestamp) AT TIME ZONE m.time_zone
    AND r.ended_at < CAST(:ends AS timestamp) AT TIME ZONE m.time_zone
GROUP BY GROUPING SETS ((), (p.channel)) ORDER BY p.channel NULLS FIRST
"""


def _span(merchant_id: str, wanted: Wanted) -> dict[str, object]:
    return {"merchant_id": merchant_id, "begins": wanted.begins, "ends": wanted.ends}


def _named(wanted: Wanted) -> dict[str, object]:
    found = {
        "machine_id": wanted.machine_id,
        "product_id": wanted.product_id,
        "channel": wanted.channel,
        "site_id": wanted.site_id,
    }
    return {name: value for name, value in found.items() if value is not None}


async def read_newer(connection: AsyncConnection, merchant_id: str) -> str:
    """What no round has counted yet, for the questions after it in the same snapshot. There is little of it, which the
    planner cannot know: so it looks rows up one by one, and reads no table."""
    place = (await connection.execute(sa.text(_PLACE))).scalar_one()
    values = {"merchant_id": merchant_id, "place": place}
    if (await connection.execute(sa.text(FIRST_NEWER), values)).first() is None:
        return "[]"
    await connection.execute(sa.text(_FEW), {"on": "off"})
    newer: str = (await connection.execute(sa.text(_NEWER), values)).scalar_one()
    await connection.execute(sa.text(_FEW), {"on": "on"})
    return newer


async def read_sales(
    connection: AsyncConnection, merchant_id: str, wanted: Wanted, newer: str, *, today: date
) -> list[sa.RowMapping]:
    """Rows of (`at`, `key`, `currency`, the amounts): `at` where the report is over time, else `key`."""
    source = source_of(wanted)
    if source.is_detail:
        return await _read_detail(connection, merchant_id, wanted, newer)
    return await _read_sums(connection, merchant_id, wanted, source, newer=newer, today=today)


async def _read_sums(
    connection: AsyncConnection, merchant_id: str, wanted: Wanted, source: Source, *, newer: str, today: date
) -> list[sa.RowMapping]:
    months, days = months_within(wanted, today)
    values = _span(merchant_id, wanted) | {"span": source.span, "sum_by": source.by, "newer": newer}
    values |= {"months": months, "days": days}
    parts = dict.fromkeys(("of_key", "of_months", "more", "joined"), "")
    if source.key is not None:
        parts["of_key"], values["key"] = "AND key = :key", source.key
    if wanted.site_id is not None:
        values["site_id"] = wanted.site_id
        parts |= {"of_key": _ITS_MACHINES, "joined": f"{_STAYS} WHERE k.site_id = :site_id"}
    elif wanted.by is By.SITE:
        parts["joined"] = _STAYS
    if parts["joined"]:
        parts |= {"of_months": _STAYED, "more": _DAYS_OF_MOVED.format(of_key=parts["of_key"])}
    statement = _SUMS.format(group=_SUM_GROUPS[wanted.by], **parts)
    return list((await connection.execute(sa.text(statement), values)).mappings())


async def _read_detail(
    connection: AsyncConnection, merchant_id: str, wanted: Wanted, newer: str
) -> list[sa.RowMapping]:
    named = _named(wanted)
    text = _DETAIL.replace("{group}", _DETAIL_GROUPS[wanted.by])
    statement = sa.text(text.replace("{where}", " ".join(_FILTERS[name] for name in named)))
    values = _span(merchant_id, wanted) | named | {"newer": newer}
    return list((await connection.execute(statement, values)).mappings())


async def read_frame(connection: AsyncConnection, merchant_id: str, now: datetime) -> sa.RowMapping | None:
    """The merchant's name, currency, time zone, its clock now, and the first day that has sales."""
    found = await connection.execute(sa.text(_FRAME), {"merchant_id": merchant_id, "now": now})
    return found.mappings().one_or_none()


async def read_names(connection: AsyncConnection, merchant_id: str, by: By) -> Mapping[str, tuple[str, str]]:
    """`(name, English name)` by key; empty for what has no names."""
    if by is By.SLOT:
        return await read_names(connection, merchant_id, By.MACHINE)
    if by not in _KEYS:
        return {}
    rows = (await connection.execute(sa.text(_KEYS[by]), {"merchant_id": merchant_id})).mappings()
    return {row["id"]: (row["name"], row["name_en"]) for row in rows}


async def read_units(
    connection: AsyncConnection,
    merchant_id: str,
    wanted: Wanted,
    *,
    outcome: str | None,
    after: Cursor | None,
    limit: int,
) -> list[sa.RowMapping]:
    """The units behind a figure, newest first. `outcome` is one of a unit's last words, or `lost`."""
    values = _span(merchant_id, wanted) | _named(wanted)
    filters = list(_named(wanted))
    if outcome == "lost":
        filters.append("lost")
    elif outcome is not None:
        filters.append("outcome")
        values["outcome"] = outcome
    if after is not None:
        order_id, _, unit = after.id.partition("/")
        values |= {"after_at": after.at, "after_order": order_id, "after_unit": int(unit) if unit.isdecimal() else 0}
        filters.append("after")
    text = _UNITS.replace("{where}", " ".join(_UNIT_FILTERS[name] for name in filters))
    return list((await connection.execute(sa.text(text), values | {"limit": limit})).mappings())


async def read_refund_times(
    connection: AsyncConnection, merchant_id: str, first: date, last: date
) -> list[sa.RowMapping]:
    """How many refunds went back in these days, and the median and 95th percentile of their seconds: of all, then of
    each channel."""
    values = _span(merchant_id, Wanted(By.DAY, first, last))
    return list((await connection.execute(sa.text(_REFUND_TIMES), values)).mappings())
