"""Set-based SQL: rows in, one statement with `unnest` arrays out."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can keep or compare `text`: it has no zero characters, and words from outside may."""
    return "\x00" not in text


async def execute_rows(connection: asyncpg.Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Run `statement` once with one array per column of `rows`; nothing to do for no rows."""
    if rows:
        await connection.execute(statement, *(list(column) for column in zip(*rows, strict=True)))


async def fetch_rows(
    connection: asyncpg.Connection, statement: str, rows: Sequence[tuple[object, ...]]
) -> list[asyncpg.Record]:
    """As `execute_rows`, for a statement that answers."""
    if not rows:
        return []
    answer: list[asyncpg.Record] = await connection.fetch(
        statement, *(list(column) for column in zip(*rows, strict=True))
    )
    return answer
