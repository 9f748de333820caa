"""How benchmarks fill the tables of sales: without their indexes, which are made once, at the end."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import asyncpg

SALES_TABLES = ("sale_order", "payment", "vend_unit", "refund", "outbox")
_INDEXES = """
SELECT indexname AS name, indexdef AS definition FROM pg_indexes WHERE tablename = ANY($1)
    AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


@contextlib.asynccontextmanager
async def without_indexes(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """The tables of sales have no index but those of their constraints meanwhile; then they are made anew: quicker, and
    as dense as after a rebuild. Foreign keys and triggers are off for the whole connection, and commits do not wait."""
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("SET synchronous_commit = off")
    await connection.execute("SET maintenance_work_mem = '512MB'")
    indexes = await connection.fetch(_INDEXES, SALES_TABLES)
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['name']}")
    yield
    for index in indexes:
        await connection.execute(index["definition"].replace(" ON ONLY ", " ON "), timeout=3_600)  # of all parts, too
