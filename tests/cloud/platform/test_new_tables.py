"""A table that was never counted is counted once it holds something, and then left to autovacuum."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.new_tables import NewTables
from vendomat.kernel import ManualClock

pytestmark = pytest.mark.slow

ROWS = "SELECT reltuples FROM pg_class WHERE oid = $1::regclass"


async def test_a_new_table_is_counted_when_it_holds_something(database_url: str) -> None:
    database = await Database.open(database_url)
    owner = await asyncpg.connect(database_url)
    try:
        await owner.execute("CREATE TABLE sold (n int PRIMARY KEY)")
        await owner.execute("CREATE TABLE little (n int PRIMARY KEY); INSERT INTO little VALUES (1)")
        tables = NewTables(database, database_url, ManualClock(datetime(2026, 1, 1, tzinfo=UTC)))
        assert await tables.once() == []
        await owner.execute("INSERT INTO sold SELECT generate_series(1, 5_000)")
        assert await tables.once() == ["sold"]
        assert await owner.fetchval(ROWS, "sold") == 5_000
        assert await owner.fetchval(ROWS, "little") < 0
        assert await tables.once() == []
    finally:
        await owner.close()
        await database.aclose()
