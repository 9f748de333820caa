"""Upkeep makes partitions ahead of need, on any worker, any number of times."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from vendomat.cloud.app.upkeep import Upkeep
from vendomat.cloud.merchants import Passwords, SignIns
from vendomat.cloud.platform.database import Database
from vendomat.kernel import ManualClock

pytestmark = pytest.mark.slow


async def test_partitions_are_there_before_their_month(database_url: str) -> None:
    clock = ManualClock(datetime(2031, 5, 17, tzinfo=UTC))
    database = await Database.open(database_url)
    try:
        upkeep = Upkeep(database, database_url, SignIns(database, Passwords(), clock), clock)
        await upkeep.run()
        await upkeep.run()
    finally:
        await database.aclose()
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("SELECT relname FROM pg_class WHERE relname ~ '^ledger_line_2031[0-9]{2}$'")
    finally:
        await connection.close()
    assert sorted(row[0] for row in rows) == ["ledger_line_203105", "ledger_line_203106", "ledger_line_203107"]
