"""In which state slots are, looked at once a minute and kept as spans: the time in which a product could be sold.

A slot sells when its machine is heard of and ready, the slot is open and has goods; else it is closed, empty, or its
machine is away, in this order. A span ends when the next look finds another state or product. When nobody looked for
longer than `GAP_MAX`, what was between is not known: spans end at the last look, and new ones begin at the next. So no
time is ever counted as in stock, or as lost, that nobody has seen. Costs the sale nothing: it writes no row of its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg

from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.locks import Lock, takes
from vendomat.kernel import Clock

SCHEDULE = "* * * * *"
GAP_MAX = timedelta(minutes=15)
HEARD_WITHIN_S = 60

_NOW = f"""
WITH seen AS (
    SELECT s.merchant_id, s.machine_id, s.slot, p.product_id, CASE
        WHEN s.closed_reason <> '' THEN 'closed' WHEN s.on_hand <= 0 THEN 'empty'
        WHEN l.seen_at IS NULL OR l.seen_at < $1::timestamptz - interval '{HEARD_WITHIN_S} seconds' OR NOT l.is_ready
            THEN 'away' ELSE 'selling' END AS state
    FROM stock_slot s JOIN planogram_slot p USING (merchant_id, machine_id, slot)
    JOIN machine m ON m.merchant_id = s.merchant_id AND m.machine_id = s.machine_id AND m.state = 'enrolled'
    LEFT JOIN machine_live l ON l.merchant_id = s.merchant_id AND l.machine_id = s.machine_id
)
"""
_END = f"""
{_NOW}
UPDATE slot_span k SET until = $1 WHERE k.until IS NULL AND NOT EXISTS (SELECT FROM seen s
    WHERE (s.merchant_id, s.machine_id, s.slot) = (k.merchant_id, k.machine_id, k.slot)
    AND (s.product_id, s.state) = (k.product_id, k.state))
"""
_BEGIN = f"""
{_NOW}
INSERT INTO slot_span (merchant_id, machine_id, slot, since, product_id, state)
SELECT s.merchant_id, s.machine_id, s.slot, $1, s.product_id, s.state FROM seen s
WHERE NOT EXISTS (SELECT FROM slot_span k WHERE k.until IS NULL
    AND (k.merchant_id, k.machine_id, k.slot) = (s.merchant_id, s.machine_id, s.slot))
ON CONFLICT DO NOTHING
"""
_LOOKED = """
INSERT INTO slot_watch VALUES (true, $1) ON CONFLICT (is_one) DO UPDATE SET at = excluded.at
"""


class SlotWatch:
    """`run` is one look; any number of workers may, one at a time does."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        now = self._clock.now()
        await self._database.write(lambda connection: _look(connection, now))


async def _look(connection: asyncpg.Connection, now: datetime) -> None:
    if not await takes(connection, Lock.SLOT_WATCH):
        return
    last = await connection.fetchval("SELECT at FROM slot_watch")
    if last is not None and now <= last:
        return  # another worker has looked since, or its clock is ahead of ours
    if last is not None and now - last > GAP_MAX:
        await connection.execute("UPDATE slot_span SET until = greatest(since, $1) WHERE until IS NULL", last)
    await connection.execute(_END, now)
    await connection.execute(_BEGIN, now)
    await connection.execute(_LOOKED, now)
