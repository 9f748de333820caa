"""Machines that fall silent, found by looking: hour by hour, each machine's sales against its usual week.

Hours are judged in their order, once, when their last words are in: what is known of a machine says itself how far it
has been judged, and is written in the same transaction as the alarm. A worker killed at any moment judges no hour
twice. While the sums are behind, nobody is judged. One merchant's machines are read page by page, so that a sale never
waits for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta

import asyncpg
import msgspec
import structlog

from vendomat.cloud.alarms import AlarmRow, Severity, clear_alarms, find_open_alarms, raise_alarms
from vendomat.cloud.platform.database import Database
from vendomat.cloud.sites import open_share, opening_of
from vendomat.cloud.statistics.quiet import Hour, Memory, Usual, judge, others_share
from vendomat.kernel import Clock, Ids

SCHEDULE = "50 * * * *"
QUIET = "machine.quiet"
LATE = timedelta(minutes=45)
"""An hour is judged so long after its end: half of one for zones that are half an hour off, the rest for last words."""
PAGE = 500

_KEPT = ("sold", "open", *(field.name for field in fields(Memory)))
_KINDS = {"since": "timestamptz", "is_quiet": "boolean"}
_COLUMNS = ", ".join(f"{name} {_KINDS.get(name, 'double precision')}" for name in _KEPT)
_MEMORY = ", ".join(f"w.{field.name}" for field in fields(Memory))
_ENROL = """
INSERT INTO usual_week (merchant_id, machine_id, judged_until)
SELECT merchant_id, machine_id, date_trunc('hour', $1::timestamptz) FROM machine WHERE state = 'enrolled'
ON CONFLICT DO NOTHING
"""
_LEAVE = """
DELETE FROM usual_week w USING machine m WHERE (m.merchant_id, m.machine_id) = (w.merchant_id, w.machine_id)
    AND m.state = 'retired'
"""
_DUE = """
SELECT merchant_id, judged_until FROM usual_week WHERE judged_until <= $1
GROUP BY 1, 2 ORDER BY judged_until, merchant_id LIMIT 1
"""
_IS_BEHIND = """
SELECT NOT EXISTS (SELECT FROM slot_watch WHERE at >= $1) OR EXISTS (
    SELECT FROM merchant m CROSS JOIN LATERAL (
        SELECT o.at FROM outbox o WHERE o.merchant_id = m.merchant_id
            AND o.xact >= CAST(CAST((SELECT coalesce((SELECT xact FROM sale_sums_place), 0)) AS text) AS xid8)) o
    WHERE o.at < $1)
"""
_ALL = """
SELECT coalesce(sum(recent_expected), 0) AS expected, coalesce(sum(recent_sold), 0) AS sold
FROM usual_week WHERE merchant_id = $1
"""
_HOURS = f"""
WITH place AS (
    SELECT h.hour, h.hour AT TIME ZONE m.time_zone AS begins_at,
        h.hour AT TIME ZONE m.time_zone + interval '1 hour' AS ends_at,
        CAST(extract(isodow FROM h.hour) * 24 - 23 + extract(hour FROM h.hour) AS integer) AS at
    FROM merchant m CROSS JOIN LATERAL (SELECT date_trunc('hour', $2::timestamptz AT TIME ZONE m.time_zone) AS hour) h
    WHERE m.merchant_id = $1
), page AS MATERIALIZED (
    SELECT w.* FROM usual_week w WHERE w.merchant_id = $1 AND w.judged_until = $2
    ORDER BY w.machine_id LIMIT {PAGE} FOR NO KEY UPDATE
), sales AS (
    SELECT s.machine_id, sum(s.units_sold) AS units FROM sale_hour s, place p
    WHERE s.merchant_id = $1 AND s.hour = p.hour AND s.machine_id IN (SELECT machine_id FROM page) GROUP BY 1
), spans AS (
    SELECT k.machine_id, k.slot, k.state, k.since, k.until FROM slot_span k WHERE k.merchant_id = $1 AND k.until IS NULL
    UNION ALL
    SELECT k.machine_id, k.slot, k.state, k.since, k.until FROM slot_span k, place p
    WHERE k.merchant_id = $1 AND k.until > p.begins_at
), selling AS (
    SELECT k.machine_id, CAST(extract(epoch FROM sum(least(coalesce(k.until, p.ends_at), p.ends_at)
        - greatest(k.since, p.begins_at)) FILTER (WHERE k.state = 'selling')) / 3600 / count(DISTINCT k.slot)
        AS double precision) AS open
    FROM spans k, place p WHERE k.since < p.ends_at AND k.machine_id IN (SELECT machine_id FROM page) GROUP BY 1
)
SELECT w.machine_id, p.at, p.begins_at, w.sold[p.at] AS sold, w.open[p.at] AS open, {_MEMORY},
    CAST(coalesce(s.units, 0) AS integer) AS hour_sold, coalesce(o.open, 0) AS hour_open,
    extract(hour FROM p.hour) = 0 AS is_first_of_day, t.opening
FROM page w CROSS JOIN place p
LEFT JOIN sales s USING (machine_id) LEFT JOIN selling o USING (machine_id)
LEFT JOIN LATERAL (SELECT k.site_id FROM site_machine k WHERE k.merchant_id = $1 AND k.machine_id = w.machine_id
    AND k.first_day <= CAST(p.hour AS date) ORDER BY k.first_day DESC LIMIT 1) k ON true
LEFT JOIN site t ON t.merchant_id = $1 AND t.site_id = k.site_id
"""
_KEEP = f"""
UPDATE usual_week w SET judged_until = $2::timestamptz + interval '1 hour', sold[n.at] = n.sold, open[n.at] = n.open,
    {", ".join(f"{field.name} = n.{field.name}" for field in fields(Memory))}
FROM jsonb_to_recordset($3::jsonb) AS n (machine_id text, at integer, {_COLUMNS})
WHERE w.merchant_id = $1 AND w.machine_id = n.machine_id
"""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Judged:
    machine_id: str
    at: int
    usual: Usual
    before: Memory
    after: Memory


class QuietWatch:
    """`run` judges every hour that has become due; any number of workers may."""

    def __init__(self, database: Database, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids

    async def run(self) -> None:
        now = self._clock.now()
        async with self._database.hot.acquire() as connection:
            await connection.execute(_LEAVE)
            await connection.execute(_ENROL, now)
            due = await connection.fetchrow(_DUE, now - LATE - timedelta(hours=1))
            if due is not None and await connection.fetchval(_IS_BEHIND, now - LATE / 3):
                _log.warning("sales are not counted yet, or slots were not looked at; no machine is judged")
                return
        while due is not None:
            await self._judge(due["merchant_id"], due["judged_until"])
            due = await self._database.hot.fetchrow(_DUE, now - LATE - timedelta(hours=1))

    async def _judge(self, merchant_id: str, hour: datetime) -> None:
        """All of a merchant's machines that have not been judged for this hour."""
        every = await self._database.hot.fetchrow(_ALL, merchant_id)
        is_more = True
        while is_more:
            is_more = await self._database.write(
                lambda connection: self._judge_page(connection, merchant_id, hour, every)
            )

    async def _judge_page(
        self, connection: asyncpg.Connection, merchant_id: str, hour: datetime, every: asyncpg.Record
    ) -> bool:
        rows = await connection.fetch(_HOURS, merchant_id, hour)
        judged = [_judged(row, every["expected"], every["sold"]) for row in rows]
        await connection.execute(_KEEP, merchant_id, hour, [_kept(one) for one in judged])
        await self._tell(connection, merchant_id, judged)
        return len(rows) == PAGE

    async def _tell(self, connection: asyncpg.Connection, merchant_id: str, judged: Sequence[_Judged]) -> None:
        now = self._clock.now()
        fallen = [one for one in judged if one.after.is_quiet and not one.before.is_quiet]
        rows = [
            AlarmRow(merchant_id, one.machine_id, QUIET, Severity.WARNING, now, detail=_said(one.after))
            for one in fallen
        ]
        await raise_alarms(connection, rows, ids=self._ids)
        again = {one.machine_id for one in judged if one.before.is_quiet and not one.after.is_quiet}
        if again:
            standing = await find_open_alarms(connection, [QUIET])
            mine = [one for one in standing if one.merchant_id == merchant_id and one.machine_id in again]
            await clear_alarms(connection, mine, at=now)


def _judged(row: asyncpg.Record, expected: float, sold: float) -> _Judged:
    memory = Memory(**{field.name: row[field.name] for field in fields(Memory)})
    usual = Usual(row["sold"], row["open"])
    at_site = open_share(opening_of(row["opening"]), *divmod(row["at"] - 1, 24))
    hour = Hour(row["begins_at"], row["hour_sold"], row["hour_open"] * at_site, row["is_first_of_day"])
    others = others_share(expected - memory.recent_expected, sold - memory.recent_sold)
    return _Judged(row["machine_id"], row["at"], usual.seen(hour), memory, judge(memory, usual, hour, others=others))


def _kept(one: _Judged) -> dict[str, object]:
    row = {"machine_id": one.machine_id, "at": one.at} | asdict(one.usual) | asdict(one.after)
    kept: dict[str, object] = msgspec.to_builtins(row)
    return kept


def _said(memory: Memory) -> str:
    """As the console reads it: units sold since it fell silent, and what would have been usual."""
    return f"{memory.since_sold:.0f} sold, {memory.since_expected:.0f} usual"
