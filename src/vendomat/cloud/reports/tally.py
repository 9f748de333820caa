"""The tally: reads the outbox once, in its order, and keeps sums that no page has to count anew.

Per hour and machine the units that were started, delivered and declared ambiguous; per merchant and five minutes how
orders met the settlement objective. The place up to which a merchant was read is written with the sums, so a worker
killed at any moment counts nothing twice. One worker at a time; any may.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import asyncpg
import structlog

from vendomat.cloud.platform.database import QUERY_FAILURES, Database
from vendomat.cloud.platform.locks import Lock, takes
from vendomat.cloud.platform.rows import execute_rows, fetch_rows
from vendomat.cloud.reports.settlement import (
    OBJECTIVE,
    OUTCOME_LIMIT,
    WORD_ON_ITS_WAY,
    OrderClock,
    Verdict,
    heard,
    judged,
)
from vendomat.kernel import Clock

PAUSE_S = 2.0
PAUSE_AFTER_ERROR_S = 5.0
EVENTS_MAX = 2_000
"""Events read per merchant and round."""
OVERDUE_MAX = 500
KEPT = timedelta(days=400)
_ENDS = ("vend.delivered", "vend.not_delivered", "vend.unknown")

_READ = """
SELECT p.merchant_id, CAST(CAST(o.xact AS text) AS bigint) AS xact, o.event_id, o.kind, o.subject,
    coalesce(o.data ->> 'reason', '') AS reason, CAST(o.data ->> 'unit' AS integer) AS unit, o.at
FROM tally_place p CROSS JOIN LATERAL (
    SELECT * FROM outbox o WHERE o.merchant_id = p.merchant_id AND o.xact < pg_snapshot_xmin(pg_current_snapshot())
        AND (o.xact, o.event_id) > (CAST(CAST(p.xact AS text) AS xid8), p.event_id)
    ORDER BY o.xact, o.event_id LIMIT $1
) o ORDER BY p.merchant_id, o.xact, o.event_id
"""
_NEW_PLACES = """
INSERT INTO tally_place (merchant_id) SELECT merchant_id FROM merchant m
WHERE NOT EXISTS (SELECT FROM tally_place p WHERE p.merchant_id = m.merchant_id)
"""
_UNITS = """
SELECT u.merchant_id, u.machine_id, date_trunc('hour', k.at, 'UTC') AS hour, u.outcome, u.result, u.price_minor
FROM unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[]) AS k(merchant_id, order_id, unit, at)
JOIN vend_unit u USING (merchant_id, order_id, unit)
"""
_ADD_HOURS = """
INSERT INTO vend_hour AS h (merchant_id, machine_id, hour, started, ambiguous, ambiguous_minor, delivered,
    delivered_minor)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::int[], $5::int[], $6::bigint[], $7::int[],
    $8::bigint[])
ON CONFLICT (merchant_id, machine_id, hour) DO UPDATE SET started = h.started + excluded.started,
    ambiguous = h.ambiguous + excluded.ambiguous, ambiguous_minor = h.ambiguous_minor + excluded.ambiguous_minor,
    delivered = h.delivered + excluded.delivered, delivered_minor = h.delivered_minor + excluded.delivered_minor
"""
_CLOCKS = """
SELECT s.* FROM settlement_order s JOIN unnest($1::text[], $2::text[]) AS k(merchant_id, order_id)
USING (merchant_id, order_id)
"""
_NEW_CLOCKS = """
SELECT o.merchant_id, o.order_id, o.machine_id, k.at AS paid_at, (SELECT count(*) FROM vend_unit u
    WHERE (u.merchant_id, u.order_id) = (o.merchant_id, o.order_id)) AS units
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS k(merchant_id, order_id, at)
JOIN sale_order o USING (merchant_id, order_id) WHERE o.machine_id <> ''
"""
_OVERDUE = """
SELECT * FROM settlement_order
WHERE verdict = 'open' AND ((units_done >= units AND outcome_at + $2 < $1) OR paid_at + $3 < $1)
ORDER BY paid_at LIMIT $4
"""
_KEEP_CLOCKS = """
INSERT INTO settlement_order (merchant_id, order_id, machine_id, paid_at, units, units_done, outcome_at, settled_at,
    is_unreachable, verdict, slot_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::int[], $6::int[], $7::timestamptz[],
    $8::timestamptz[], $9::bool[], $10::text[], $11::timestamptz[])
ON CONFLICT (merchant_id, order_id) DO UPDATE SET units_done = excluded.units_done, outcome_at = excluded.outcome_at,
    settled_at = excluded.settled_at, is_unreachable = excluded.is_unreachable, verdict = excluded.verdict,
    slot_at = excluded.slot_at
"""
_ADD_SLOTS = """
INSERT INTO settlement_slot AS s (merchant_id, slot_at, in_time, late, missed)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::int[], $4::int[], $5::int[])
ON CONFLICT (merchant_id, slot_at) DO UPDATE SET in_time = s.in_time + excluded.in_time,
    late = s.late + excluded.late, missed = s.missed + excluded.missed
"""
_MOVE_PLACES = """
UPDATE tally_place p SET xact = n.x, event_id = n.e, at = n.a
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[]) AS n(m, x, e, a) WHERE p.merchant_id = n.m
"""
_LATEST = (OBJECTIVE + WORD_ON_ITS_WAY, OUTCOME_LIMIT + WORD_ON_ITS_WAY)
_Key = tuple[str, str]
log = structlog.get_logger(__name__)


class Tally:
    """`run` until cancelled; `once` is one round, for tests and for catching up."""

    def __init__(self, database: Database, clock: Clock, *, events_max: int = EVENTS_MAX) -> None:
        self._database = database
        self._clock = clock
        self._events_max = events_max

    async def run(self) -> None:
        while True:
            try:
                read = await self.once()
            except QUERY_FAILURES as error:
                log.warning("tally.failed", error=repr(error))
                await self._clock.sleep(PAUSE_AFTER_ERROR_S)
                continue
            if read < self._events_max:
                await self._clock.sleep(PAUSE_S)

    async def once(self) -> int:
        """Read what is new and judge what is overdue; how many events there were, 0 when another worker is at it."""
        now = self._clock.now()
        async with self._database.hot.acquire() as connection, connection.transaction():
            if not await takes(connection, Lock.TALLY):
                return 0
            await connection.execute(_NEW_PLACES)
            events = await connection.fetch(_READ, self._events_max)
            await _count_units(connection, events)
            await _judge(connection, events, now, has_read_all=len(events) < self._events_max)
            await _move_places(connection, events)
        return len(events)

    async def forget(self) -> None:
        """Drop sums and misses that are older than anything shown."""
        before = self._clock.now() - KEPT
        async with self._database.hot.acquire() as connection:
            await connection.execute("DELETE FROM vend_hour WHERE hour < $1", before)
            await connection.execute("DELETE FROM settlement_slot WHERE slot_at < $1", before)
            await connection.execute("DELETE FROM settlement_order WHERE paid_at < $1", before)


async def _count_units(connection: asyncpg.Connection, events: Sequence[asyncpg.Record]) -> None:
    ended = [(e["merchant_id"], e["subject"], e["unit"], e["at"]) for e in events if e["kind"] in _ENDS]
    sums: dict[tuple[str, str, datetime], list[int]] = defaultdict(lambda: [0] * 5)
    for unit in await fetch_rows(connection, _UNITS, ended):
        is_ambiguous = unit["outcome"] == "unknown"
        # What was refused, fenced or never sent provably did not start.
        is_started = is_ambiguous or unit["outcome"] == "delivered" or unit["result"] != ""
        for machine_id in (unit["machine_id"], ""):
            row = sums[unit["merchant_id"], machine_id, unit["hour"]]
            row[0] += is_started
            row[1] += is_ambiguous
            row[2] += unit["price_minor"] if is_ambiguous else 0
            row[3] += unit["outcome"] == "delivered"
            row[4] += unit["price_minor"] if unit["outcome"] == "delivered" else 0
    await execute_rows(connection, _ADD_HOURS, [(*key, *sums[key]) for key in sorted(sums)])


async def _judge(
    connection: asyncpg.Connection, events: Sequence[asyncpg.Record], now: datetime, *, has_read_all: bool
) -> None:
    told = [e for e in events if e["kind"] in (*_ENDS, "order.paid", "order.settled")]
    keys = sorted({(e["merchant_id"], e["subject"]) for e in told})
    before = _clocks(await fetch_rows(connection, _CLOCKS, keys))
    paid = [(e["merchant_id"], e["subject"], e["at"]) for e in told if e["kind"] == "order.paid"]
    new = _clocks(await fetch_rows(connection, _NEW_CLOCKS, [row for row in paid if row[:2] not in before]))
    after = before | new
    for event in told:
        key = (event["merchant_id"], event["subject"])
        if key in after:
            after[key] = heard(after[key], event["kind"], event["reason"], event["at"])
    if has_read_all:  # whoever is behind knows nothing of silence
        overdue = _clocks(await connection.fetch(_OVERDUE, now, *_LATEST, OVERDUE_MAX))
        before |= {key: clock for key, clock in overdue.items() if key not in after}
        after = overdue | after
    read_up_to = {event["merchant_id"]: event["at"] for event in events}
    after = {
        key: judged(clock, now if has_read_all else read_up_to.get(clock.merchant_id, clock.paid_at))
        for key, clock in after.items()
    }
    await _save(connection, before, after)


async def _save(connection: asyncpg.Connection, before: dict[_Key, OrderClock], after: dict[_Key, OrderClock]) -> None:
    sums: Counter[tuple[str, datetime, Verdict]] = Counter()
    for key, clock in after.items():
        old = before.get(key)
        for counted, by in ((clock, 1), (old, -1)):
            if counted is not None and counted.slot_at is not None:
                sums[counted.merchant_id, counted.slot_at, counted.verdict] += by
    slots = sorted({(merchant_id, slot_at) for (merchant_id, slot_at, _), by in sums.items() if by})
    columns = (Verdict.IN_TIME, Verdict.LATE, Verdict.MISSED)
    await execute_rows(connection, _ADD_SLOTS, [(*slot, *(sums[(*slot, one)] for one in columns)) for slot in slots])
    done = {key for key, clock in after.items() if clock.verdict is Verdict.IN_TIME}
    kept = sorted(key for key in after if key not in done and after[key] != before.get(key))
    await execute_rows(connection, _KEEP_CLOCKS, [_row(after[key]) for key in kept])
    await execute_rows(
        connection,
        "DELETE FROM settlement_order s USING unnest($1::text[], $2::text[]) AS k(m, o) "
        "WHERE s.merchant_id = k.m AND s.order_id = k.o",
        [key for key in sorted(done) if key in before],
    )


def _row(clock: OrderClock) -> tuple[object, ...]:
    return (
        clock.merchant_id,
        clock.order_id,
        clock.machine_id,
        clock.paid_at,
        clock.units,
        clock.units_done,
        clock.outcome_at,
        clock.settled_at,
        clock.is_unreachable,
        clock.verdict.value,
        clock.slot_at,
    )


def _clocks(rows: Iterable[asyncpg.Record]) -> dict[_Key, OrderClock]:
    clocks = {}
    for row in rows:
        fields = dict(row)
        fields["verdict"] = Verdict(fields.get("verdict", Verdict.OPEN))
        clocks[row["merchant_id"], row["order_id"]] = OrderClock(**fields)
    return clocks


async def _move_places(connection: asyncpg.Connection, events: Sequence[asyncpg.Record]) -> None:
    last = {event["merchant_id"]: (event["xact"], event["event_id"], event["at"]) for event in events}
    await execute_rows(connection, _MOVE_PLACES, [(merchant_id, *last[merchant_id]) for merchant_id in sorted(last)])
