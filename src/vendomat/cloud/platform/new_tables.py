"""New tables are counted as soon as they hold something.

Until PostgreSQL has counted a table's rows it chooses among its indexes by chance, and keeps to the choice. A new
cloud, and every month's new partitions, would be three times as slow until autovacuum comes by, up to a minute later.
"""

from __future__ import annotations

import asyncpg
import structlog

from vendomat.cloud.platform.database import QUERY_FAILURES, Database
from vendomat.kernel import Clock

LOOK_EVERY_S = 5.0
BYTES_MIN = 40_000
"""Below that every index is as good as another."""

_UNCOUNTED = (
    "SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' "
    "AND reltuples < 0 AND pg_relation_size(oid) >= $1 ORDER BY name"
)
_log = structlog.get_logger(__name__)


class NewTables:
    """`owner_url` is of the role that owns them. Several workers may look at once: a table is counted by one."""

    def __init__(self, database: Database, owner_url: str, clock: Clock) -> None:
        self._database = database
        self._owner_url = owner_url
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.once()
            except QUERY_FAILURES as error:
                _log.warning("new tables could not be counted; trying again", error=repr(error))
            await self._clock.sleep(LOOK_EVERY_S)

    async def once(self) -> list[str]:
        """Count what was never counted; the names of those tables."""
        names = [row["name"] for row in await self._database.hot.fetch(_UNCOUNTED, BYTES_MIN)]
        if names:
            connection = await asyncpg.connect(self._owner_url)
            try:
                await connection.execute(f"ANALYZE (SKIP_LOCKED) {', '.join(names)}")
            finally:
                await connection.close()
        return names
