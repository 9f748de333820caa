"""What a worker of a world takes for its connection pool: the same calls, answered by `WorldPostgres`.

Virtual latency is slept before a unit of work begins and after it has ended, never inside: a kill may fall in either
gap. In the first nothing was written; in the second everything was, and the answer is lost. Failures are drawn per
unit of work: a connection lost before or after the commit, a serialization failure, a database that is away or takes
no writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import StrEnum
from types import TracebackType
from typing import Any

import asyncpg

from vendomat.simulator.worlds.nodes import Node
from vendomat.simulator.worlds.postgres import Tamper, WorldPostgres, written_tables


class DatabaseFault(StrEnum):
    LOST_BEFORE = "database lost before the commit"
    LOST_AFTER = "database lost after the commit"
    SERIALIZATION = "serialization failure"
    AWAY = "database away"
    READ_ONLY = "database read-only"


class DatabaseMood:
    """How the database is now, for all workers. `draw` names the fault of the next unit of work, or None."""

    def __init__(self, latency_s: Callable[[], float], draw: Callable[[], DatabaseFault | None]) -> None:
        self.latency_s = latency_s
        self.draw = draw
        self.standing: DatabaseFault | None = None
        self.hit: Callable[[str, DatabaseFault], None] = lambda who, fault: None


class WorldPool:
    """One worker's pool. `tamper` is a planted bug at its door."""

    def __init__(
        self, postgres: WorldPostgres, node: Node, mood: DatabaseMood, *, tamper: Tamper | None = None
    ) -> None:
        self._postgres = postgres
        self._node = node
        self._mood = mood
        self._tamper = tamper

    def acquire(self) -> _Lease:
        return _Lease(self._connection())

    async def fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        async with self.acquire() as connection:
            return await connection.fetch(statement, *values)

    async def fetchrow(self, statement: str, *values: object) -> asyncpg.Record | None:
        async with self.acquire() as connection:
            return await connection.fetchrow(statement, *values)

    async def fetchval(self, statement: str, *values: object) -> Any:
        async with self.acquire() as connection:
            return await connection.fetchval(statement, *values)

    async def execute(self, statement: str, *values: object) -> str:
        async with self.acquire() as connection:
            return await connection.execute(statement, *values)

    async def close(self) -> None:
        """Nothing of its own is open."""

    def _connection(self) -> WorldConnection:
        return WorldConnection(self._postgres, self._node, self._mood, self._tamper)


class _Lease:
    """`async with pool.acquire() as connection`."""

    def __init__(self, connection: WorldConnection) -> None:
        self._connection = connection

    async def __aenter__(self) -> WorldConnection:
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.leave(is_good=error is None)


class WorldConnection:
    """As much of a connection as the hot path uses."""

    def __init__(self, postgres: WorldPostgres, node: Node, mood: DatabaseMood, tamper: Tamper | None) -> None:
        self._postgres = postgres
        self._node = node
        self._mood = mood
        self._tamper = tamper
        self._fault: DatabaseFault | None = None
        self._is_open = False
        self._has_begun = False
        self._is_in_transaction = False

    # --- the unit of work --------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        """The way to the server, before the first statement of a unit of work."""
        self._is_open = True
        await asyncio.sleep(self._mood.latency_s())
        self._node.check()
        self._fault = self._mood.standing or self._mood.draw()
        if self._fault is not None:
            self._mood.hit(self._node.name, self._fault)
        if self._fault is DatabaseFault.AWAY:
            raise asyncpg.CannotConnectNowError("the database system is starting up")

    async def leave(self, *, is_good: bool) -> None:
        """The way back, after the last."""
        if is_good and self._is_open:
            await asyncio.sleep(self._mood.latency_s())
            self._node.check()

    def transaction(self) -> _Transaction:
        return _Transaction(self)

    def is_in_transaction(self) -> bool:
        return self._is_in_transaction

    def begin(self) -> None:
        """The session is always in a transaction; this one begins with its first statement, if there is one."""
        self._is_in_transaction = True

    def end(self, *, is_good: bool) -> None:
        self._is_in_transaction = False
        if not self._has_begun:
            return
        self._has_begun = False
        is_lost = self._fault in (DatabaseFault.LOST_BEFORE, DatabaseFault.SERIALIZATION)
        is_committed = is_good and not is_lost
        self._postgres.end(is_committed=is_committed)
        self._postgres.holder = None
        if is_good and self._fault is DatabaseFault.SERIALIZATION:
            raise asyncpg.SerializationError("could not serialize access due to concurrent update")
        if is_good and self._fault in (DatabaseFault.LOST_BEFORE, DatabaseFault.LOST_AFTER):
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    # --- statements --------------------------------------------------------------------------------------------------

    async def fetch(self, statement: str, *values: object, timeout: float | None = None) -> list[asyncpg.Record]:
        sent = await self._before(statement, values)
        try:
            rows = [] if sent is None else self._postgres.fetch(*sent)
        except asyncpg.PostgresError:
            if not self._is_in_transaction:
                self._postgres.end(is_committed=False)
            raise
        self._commit_alone(statement)
        return rows

    async def fetchrow(self, statement: str, *values: object) -> asyncpg.Record | None:
        rows = await self.fetch(statement, *values)
        return rows[0] if rows else None

    async def fetchval(self, statement: str, *values: object) -> Any:
        row = await self.fetchrow(statement, *values)
        return None if row is None else row[0]

    async def execute(self, statement: str, *values: object) -> str:
        sent = await self._before(statement, values)
        answer = "" if sent is None else self._postgres.execute(*sent)
        self._commit_alone(statement)
        return answer

    def _commit_alone(self, statement: str) -> None:
        """A statement outside a transaction is one of its own."""
        if not self._is_in_transaction and written_tables(statement):
            self._postgres.end(is_committed=True)

    async def _before(self, statement: str, values: Sequence[object]) -> tuple[str, Sequence[object]] | None:
        """What is really sent; None when nothing is (a planted bug, or a sweep that would find nothing)."""
        self._node.check()
        if self._postgres.is_idle(statement, values):
            return None
        if not self._is_open:
            await self._open()
        holder = self._postgres.holder
        assert holder is None or holder is self, "a transaction was left open across a pause"
        if self._fault is DatabaseFault.READ_ONLY and written_tables(statement):
            raise asyncpg.ReadOnlySQLTransactionError("cannot execute the statement in a read-only transaction")
        if self._tamper is not None:
            tampered = self._tamper(statement, values)
            if tampered is None:
                return None
            statement, values = tampered
        if self._is_in_transaction and not self._has_begun:
            self._has_begun = True
            self._postgres.holder = self
        return statement, values


class _Transaction:
    """`async with connection.transaction()`: one instant of virtual time."""

    def __init__(self, connection: WorldConnection) -> None:
        self._connection = connection

    async def __aenter__(self) -> None:
        self._connection.begin()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.end(is_good=error is None)
