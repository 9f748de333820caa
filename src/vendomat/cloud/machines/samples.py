"""Every ten minutes, one sample of each machine: how warm it is, and how much of the time since the last it was heard.

A day of a machine is one row with an array for each; days older than `KEPT` are dropped. When nobody looked for longer
than `GAP_MAX`, what was between is not known: it stays empty, and is never drawn as "away". The machines are read page
by page in transactions of their own, so that a sale never waits for them; how much is written depends on how many
machines there are and never on what they send.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias

import asyncpg

from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.locks import Lock
from vendomat.kernel import Clock

SCHEDULE = "*/10 * * * *"
STEP = timedelta(minutes=10)
STEPS_A_DAY = timedelta(days=1) // STEP
KEPT = timedelta(days=31)
GAP_MAX = 1.5 * STEP
PAGE = 2_000
_BEATS_LATE = 1.03
"""Machines pause for a heartbeat after each answer, so that they beat a little less often than that."""

_SAMPLE = """
WITH page AS MATERIALIZED (
    SELECT l.merchant_id, l.machine_id, l.beats, CASE WHEN l.seen_at > $5 AND l.temperature_c BETWEEN -100 AND 200
        THEN CAST(round(CAST(l.temperature_c AS numeric) * 10) AS smallint) END AS decidegrees,
        CAST(least(100, greatest(0, round((l.beats - l.beats_sampled) * $6::double precision))) AS smallint) AS heard
    FROM machine_live l JOIN machine m USING (merchant_id, machine_id)
    WHERE (l.merchant_id, l.machine_id) > ($1, $2) AND m.state IN ('enrolled', 'quarantined')
    ORDER BY l.merchant_id, l.machine_id LIMIT $7 FOR NO KEY UPDATE OF l
), noted AS (
    UPDATE machine_live l SET beats_sampled = p.beats FROM page p
    WHERE (l.merchant_id, l.machine_id) = (p.merchant_id, p.machine_id)
), kept AS (
    INSERT INTO machine_day AS d (merchant_id, machine_id, day, decidegrees, heard_percent)
    SELECT merchant_id, machine_id, $3, array_fill(CAST(NULL AS smallint), ARRAY[$4 - 1]) || decidegrees,
        array_fill(CAST(NULL AS smallint), ARRAY[$4 - 1]) || heard
    FROM page WHERE $6 IS NOT NULL
    ON CONFLICT (merchant_id, machine_id, day) DO UPDATE SET
        decidegrees[$4] = excluded.decidegrees[$4], heard_percent[$4] = excluded.heard_percent[$4]
)
SELECT merchant_id, machine_id FROM page ORDER BY merchant_id DESC, machine_id DESC LIMIT 1
"""
_TAKEN = "INSERT INTO machine_sample VALUES (true, $1) ON CONFLICT (is_one) DO UPDATE SET at = excluded.at"
_Place: TypeAlias = asyncpg.Record | tuple[str, str]


class LiveSamples:
    """`run` takes one sample; any number of workers may, one at a time does."""

    def __init__(self, database: Database, clock: Clock, *, heartbeat_s: float) -> None:
        self._database = database
        self._clock = clock
        self._heartbeat_s = heartbeat_s

    async def run(self) -> None:
        now = self._clock.now()
        begun = await self._database.write(lambda connection: self._begin(connection, now))
        if begun is None:
            return
        past_s = (now - begun).total_seconds()
        share = 100 * _BEATS_LATE * self._heartbeat_s / past_s if timedelta(0) < now - begun <= GAP_MAX else None
        after: _Place | None = ("", "")
        while after is not None:
            after = await self._database.write(partial(self._sample, after=after, now=now, share=share))

    async def _begin(self, connection: asyncpg.Connection, now: datetime) -> datetime | None:
        """When the last sample was taken (long ago before the first one); None: another worker takes this one."""
        await connection.execute("SELECT pg_advisory_xact_lock($1)", Lock.SAMPLES)
        last: datetime | None = await connection.fetchval("SELECT at FROM machine_sample")
        if last is not None and -STEP < now - last < STEP / 2:
            return None
        await connection.execute(_TAKEN, now)
        await connection.execute("DELETE FROM machine_day WHERE day < $1", (now - KEPT).date())
        return last or now - KEPT

    async def _sample(
        self, connection: asyncpg.Connection, after: _Place, now: datetime, share: float | None
    ) -> _Place | None:
        """One page; the last of it, None when there was none."""
        began = now - STEP  # of the step that is over now
        values = (after[0], after[1], began.date(), step_of(began), began, share, PAGE)
        page: _Place | None = await connection.fetchrow(_SAMPLE, *values)
        return page


def step_of(moment: datetime) -> int:
    """Which of the day's steps (from 1) `moment` is in; days are those of UTC."""
    return (moment.hour * 60 + moment.minute) * 60 // int(STEP.total_seconds()) + 1
