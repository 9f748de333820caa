"""Hourly upkeep: partitions ahead of need, and what no rule looks at any more is dropped."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from vendomat.cloud.codes import forget_failures
from vendomat.cloud.members import forget_codes
from vendomat.cloud.merchants import SignIns
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import forget_answers
from vendomat.cloud.platform.locks import Lock
from vendomat.cloud.reports import Tally
from vendomat.kernel import Clock

IDEMPOTENCY_KEPT = timedelta(hours=24)
MONTHS_AHEAD = 2


class Upkeep:
    """`run` may run at any time, on any worker, also on several at once."""

    def __init__(self, database: Database, owner_url: str, sign_ins: SignIns, clock: Clock) -> None:
        self._database = database
        self._owner_url = owner_url
        self._sign_ins = sign_ins
        self._clock = clock

    async def run(self) -> None:
        await self._make_partitions()
        await self._sign_ins.purge()
        await Tally(self._database, self._clock).forget()
        now = self._clock.now()
        async with self._database.hot.acquire() as connection:
            await forget_failures(connection, before=now - timedelta(days=1))
            await forget_codes(connection, before=now - timedelta(days=1))
            await connection.execute("DELETE FROM idempotency_key WHERE created_at < $1", now - IDEMPOTENCY_KEPT)
            await forget_answers(connection, before=now - IDEMPOTENCY_KEPT)

    async def _make_partitions(self) -> None:
        connection = await asyncpg.connect(self._owner_url)
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", Lock.PARTITIONS)
            for month in range(MONTHS_AHEAD + 1):
                await connection.execute(
                    "SELECT make_month_partitions(($1::timestamptz + $2 * interval '1 month')::date)",
                    self._clock.now(),
                    month,
                )
        finally:
            await connection.close()
