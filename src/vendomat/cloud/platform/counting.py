"""Rows counted once: sums that grow by what database transactions wrote, whenever these committed.

A round takes the rows of all database transactions that have ended since the last one and adds them to the sums. A
transaction that commits late is in nobody's past: the place is the oldest transaction still running, never a number of
rows. Sums and place are written together, so a worker killed at any moment counts nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.locks import Lock, takes

ROUND_S_MAX = 300.0
_NEXT = """
SELECT s.place, s.ended, least(s.ended, CAST($1 AS bigint) + CASE WHEN s.place > 0 THEN s.place
    ELSE coalesce((SELECT min(CAST(CAST(xact AS text) AS bigint)) FROM {rows}), s.ended) END) AS up_to
FROM (SELECT coalesce((SELECT xact FROM {place}), 0) AS place,
    CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) AS ended) s
"""
_MOVE = "INSERT INTO {place} VALUES (true, $1) ON CONFLICT (is_one) DO UPDATE SET xact = excluded.xact"


@dataclass(frozen=True)
class Sums:
    """`rows` is the table that is counted, by its `xact`; `tables` are the sums of it, and `place` keeps up to which
    transaction. `additions` add what transactions from $1 to before $2 wrote."""

    lock: Lock
    rows: str
    place: str
    tables: tuple[str, ...]
    additions: tuple[str, ...]


class Counting:
    """`run` catches up; any number of workers may, one at a time does. `xacts_max` are the database transactions read
    in one round, so that no round is long; a round is one itself."""

    def __init__(self, database: Database, sums: Sums, *, xacts_max: int) -> None:
        self._database = database
        self._sums = sums
        self._xacts_max = xacts_max

    async def run(self) -> None:
        while not await self.once():
            pass

    async def once(self) -> bool:
        """One round; whether there is nothing more to count, or another worker is at it."""
        return await self._database.write(self._count)

    async def _count(self, connection: asyncpg.Connection) -> bool:
        sums = self._sums
        if not await takes(connection, sums.lock):
            return True
        place, ended, up_to = await connection.fetchrow(_NEXT.format(rows=sums.rows, place=sums.place), self._xacts_max)
        move = _MOVE.format(place=sums.place)
        if place > ended:
            # The rows came from a backup of another server, which counts transactions anew: so are they.
            for table in sums.tables:
                await connection.execute(f"DELETE FROM {table}")
            await connection.execute(move, 0)
            return False
        for addition in sums.additions:
            await connection.execute(addition, place, up_to, timeout=ROUND_S_MAX)
        await connection.execute(move, up_to)
        return bool(up_to >= ended)
