"""The real PostgreSQL behind a door that does not wait: each statement is answered before its caller goes on.

One connection, driven by a private event loop while the world's loop stands still. So a transaction is one instant of
virtual time: real SQL and real constraints, and nothing that interleaves by chance. A sweep that found nothing due is
not asked again before something can be due: the answer would be the same, and most of a world is waiting.

Refuses a transaction that is left open across a pause, and an fsync that is on (these databases are thrown away).
"""

from __future__ import annotations

import asyncio
import re
from asyncio import events
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TypeVar

import asyncpg
import msgspec

from vendomat.cloud.platform.database import migrate
from vendomat.cloud.platform.engines import THROWN_AWAY, PostgresEngine

_Result = TypeVar("_Result")
_FAST = {
    **THROWN_AWAY,
    "autovacuum": "off",  # its moments are not the seed's
    "shared_buffers": "64MB",
    "plan_cache_mode": "force_generic_plan",  # the fifth run of a statement must not plan another order of rows
}
_SWEEP = re.compile(
    r"WITH due AS \(SELECT .*? FROM (command|payment|refund)\b|SELECT .*? FROM (sale_order) WHERE state"
)
_EARLIEST = {
    "command": "SELECT min(next_try_at) FROM command WHERE state <> 'done'",
    "payment": "SELECT min(next_try_at) FROM payment",
    "refund": "SELECT min(next_try_at) FROM refund",
    "sale_order": "SELECT min(expires_at) FROM sale_order WHERE state = 'awaiting_payment' AND closing = ''",
}
"""By the table that a sweep looks through: when the earliest of its rows is due."""
_WRITES = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)")


@cache
def written_tables(statement: str) -> frozenset[str]:
    """The tables that `statement` may write."""
    return frozenset(_WRITES.findall(statement))


@cache
def _swept_table(statement: str) -> str | None:
    """The table of a sweep, which is asked with the time first; None for any other statement."""
    found = _SWEEP.match(statement) if "LIMIT" in statement else None
    return (found[1] or found[2]) if found else None


class WorldPostgres:
    """`start()`, then `connect(name)`; `run` drives any coroutine that needs a real loop."""

    def __init__(self, folder: Path) -> None:
        self._engine = PostgresEngine(folder, overrides=_FAST)
        self._loop = asyncio.SelectorEventLoop()
        self._connection: asyncpg.Connection | None = None
        self._due: dict[str, datetime | None] = {}
        self._has_written = False
        self.url = ""
        self.owner_url = ""
        self.statements = 0
        self.holder: object | None = None
        """Who has a transaction open; nobody else may speak meanwhile."""

    def start(self) -> None:
        """A server with one migrated database, and the connection to it."""
        self._engine.start()
        self.owner_url = self._engine.create_database("worlds")
        self.run(migrate(self.owner_url))
        self.url = self._engine.address.url_of("worlds", "postgres")
        self._connection = self.run(self._open())

    async def _open(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(self.url, statement_cache_size=500)
        await connection.set_type_codec(
            "jsonb",
            schema="pg_catalog",
            format="binary",
            encoder=lambda value: b"\x01" + (value.encode() if isinstance(value, str) else msgspec.json.encode(value)),
            decoder=lambda data: msgspec.json.decode(data[1:]),
        )
        return connection

    def close(self) -> None:
        """Stop the server and remove what it kept."""
        if self._connection is not None:
            self.run(self._connection.close())
        self._loop.close()
        self._engine.destroy()

    def run(self, work: Awaitable[_Result]) -> _Result:
        """Drive `work` to its end on the private loop, whatever loop runs around it."""
        around = events._get_running_loop()
        events._set_running_loop(None)
        try:
            return self._loop.run_until_complete(work)
        finally:
            events._set_running_loop(around)

    # --- statements --------------------------------------------------------------------------------------------------

    @property
    def _open_connection(self) -> asyncpg.Connection:
        assert self._connection is not None, "start() first"
        return self._connection

    def is_idle(self, statement: str, values: Sequence[object]) -> bool:
        """Whether `statement` is a sweep that would find nothing: none was due then, nothing was written since."""
        table = _swept_table(statement)
        if table is None or table not in self._due or (table == "refund" and values[2]):
            return False
        due_at = self._due[table]
        assert isinstance(values[0], datetime)
        return due_at is None or due_at > values[0]

    def fetch(self, statement: str, values: Sequence[object] = ()) -> list[asyncpg.Record]:
        """The rows that `statement` answers."""
        self._wrote(statement)
        rows = self._fetch(statement, values)
        table = _swept_table(statement)
        if table is not None and not rows:
            self._due[table] = self._fetch(_EARLIEST[table], ())[0][0]
        elif written_tables(statement):
            self._has_written = True
        return rows

    def look(self, statement: str, values: Sequence[object] = ()) -> list[asyncpg.Record]:
        """As `fetch`, for somebody who only looks: nothing is remembered of it."""
        return self._fetch(statement, values)

    def execute(self, statement: str, values: Sequence[object] = ()) -> str:
        self._wrote(statement)
        self._has_written = True
        self.statements += 1
        answer: str = self.run(self._open_connection.execute(statement, *values))
        return answer

    def end(self, *, is_committed: bool) -> None:
        """End the transaction and begin the next one, in one statement; one that wrote nothing just goes on."""
        if is_committed and not self._has_written:
            return
        self._has_written = False
        self.statements += 1
        self.run(self._open_connection.execute("COMMIT AND CHAIN" if is_committed else "ROLLBACK AND CHAIN"))
        if not is_committed:
            self.forget()

    def forget(self) -> None:
        """What was remembered of empty sweeps no longer holds (a rollback, another world)."""
        self._due.clear()

    def _fetch(self, statement: str, values: Sequence[object]) -> list[asyncpg.Record]:
        self.statements += 1
        answer: list[asyncpg.Record] = self.run(self._open_connection.fetch(statement, *values))
        return answer

    def _wrote(self, statement: str) -> None:
        for table in written_tables(statement):
            self._due.pop(table, None)


Tamper = Callable[[str, Sequence[object]], tuple[str, Sequence[object]] | None]
"""A planted bug at the door to the database: another statement, or None for "never sent"."""
