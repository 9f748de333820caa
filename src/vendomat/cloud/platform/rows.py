"""Set-based SQL: rows in, one statement with `unnest` arrays out; and statements that write, sent as one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import asyncpg

_TABLE = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)")
_PARAMETER = re.compile(r"\$(\d+)")


class Executes(Protocol):
    """A connection, or `AtOnce`: what takes a statement that answers nothing."""

    async def execute(self, query: str, *arguments: object) -> object: ...


class Fetches(Protocol):
    """A connection, or `AtOnce`: what takes a statement that answers with rows."""

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]: ...


class AtOnce:
    """Statements that write, gathered and sent as one: a round trip costs as much as the work it asks for.

    They become parts of a single statement and see the same moment, so a table is written to once in each sending: a
    second statement for it sends what was gathered before, and one that writes to several tables goes alone. No
    statement may read a table that another one writes. What is left over is sent by `send`.
    """

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._parts: list[str] = []
        self._arguments: list[object] = []
        self._tables: set[str] = set()

    async def execute(self, query: str, *arguments: object) -> None:
        if not await self._gathered(query, arguments):
            await self._connection.execute(query, *arguments)

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Send what was gathered, and the answer of `query`: in one sending when it writes, too, or else after it."""
        if await self._gathered(query, arguments):
            query, arguments = self._taken()
        answer: list[asyncpg.Record] = await self._connection.fetch(query, *arguments)
        return answer

    async def send(self) -> None:
        """Send what was gathered; an error is the error of one of its parts, and none of them stands."""
        if self._parts:
            query, arguments = self._taken()
            await self._connection.execute(query, *arguments)

    async def _gathered(self, query: str, arguments: Sequence[object]) -> bool:
        """Whether it is the last part now; what may not be sent with it, or may not be a part, has it sent before."""
        tables = set(_TABLE.findall(query))
        if tables & self._tables or len(tables) != 1:
            await self.send()
        if len(tables) != 1:
            return False
        before = len(self._arguments)
        self._tables |= tables
        self._arguments += arguments
        self._parts.append(_PARAMETER.sub(lambda match: f"${int(match[1]) + before}", query))
        return True

    def _taken(self) -> tuple[str, tuple[object, ...]]:
        """All parts as one statement that answers what its last part does."""
        *parts, last = self._parts
        named = ", ".join(f"part{number} AS ({part})" for number, part in enumerate(parts))
        arguments, self._parts, self._arguments, self._tables = tuple(self._arguments), [], [], set()
        return f"WITH {named} {last}" if parts else last, arguments


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can keep or compare `text`: it has no zero characters, and words from outside may."""
    return "\x00" not in text


async def execute_rows(connection: Executes, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Run `statement` once with one array per column of `rows`; nothing to do for no rows."""
    if rows:
        await connection.execute(statement, *(list(column) for column in zip(*rows, strict=True)))


async def fetch_rows(connection: Fetches, statement: str, rows: Sequence[tuple[object, ...]]) -> list[asyncpg.Record]:
    """As `execute_rows`, for a statement that answers."""
    if not rows:
        return []
    answer: list[asyncpg.Record] = await connection.fetch(
        statement, *(list(column) for column in zip(*rows, strict=True))
    )
    return answer
