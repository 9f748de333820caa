"""One read-only view of everything: the database in one snapshot, the other evidence in temporary tables beside it.

The order of reading makes a living system auditable: what must already stand behind a physical event is looked for in a
snapshot taken after that part of the log was read, and what must have happened before a booking is looked for in the
rest of the log too, read after the snapshot. Nothing that outlives the connection is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import islice

import asyncpg

from vendomat.audit.cabinet_log import PHYSICAL_COLUMNS, CabinetLog
from vendomat.audit.journal_copy import FACT_COLUMNS, JOURNAL_COLUMNS, read_journal
from vendomat.audit.platform_books import ACCOUNT_COLUMNS, REFUND_COLUMNS, TRADE_COLUMNS, read_books
from vendomat.audit.sources import HOT_ROLE, AuditSources
from vendomat.kernel import ErrorCode, VendomatError

ROWS_AT_ONCE = 5_000
STATEMENTS_MAX = 500
"""Statements that a connection keeps for the next audit: more than there are checks."""

_TABLES = """
CREATE TEMPORARY TABLE audit_machine (machine_id text PRIMARY KEY, has_cabinet bool, has_journal bool);
CREATE TEMPORARY TABLE audit_physical (machine_id text, line bigint, what text, at timestamptz, slot text, cmd_id text,
    run bigint, count integer, result text, is_late bool, is_before bool);
CREATE TEMPORARY TABLE audit_fact (machine_id text, epoch bigint, seq bigint, kind text, at timestamptz,
    is_time_trusted bool, cmd_id text, result text, digest text, stored_digest text, is_kept bool,
    PRIMARY KEY (machine_id, epoch, seq));
CREATE TEMPORARY TABLE audit_journal (machine_id text PRIMARY KEY, epoch bigint, commands bigint, open_commands bigint,
    is_complete bool);
CREATE TEMPORARY TABLE audit_account (channel text, account text);
CREATE TEMPORARY TABLE audit_trade (channel text, account text, number text, is_paid bool, amount_minor bigint,
    paid_at timestamptz, transaction_id text);
CREATE TEMPORARY TABLE audit_refund (channel text, account text, number text, refund_number text, state text,
    amount_minor bigint, created_at timestamptz);
CREATE TEMPORARY VIEW audit_run_of_log AS
    SELECT p.machine_id, p.cmd_id, min(p.slot) AS slot,
        count(*) FILTER (WHERE p.what = 'start') AS starts,
        min(p.at) FILTER (WHERE p.what = 'start') AS started_at,
        coalesce(bool_or(p.is_before) FILTER (WHERE p.what = 'start'), false) AS is_before,
        coalesce(sum(p.count) FILTER (WHERE p.what = 'drop'), 0) AS drops,
        coalesce(max(p.result) FILTER (WHERE p.what = 'end'), '') AS result,
        coalesce(bool_or(p.is_late) FILTER (WHERE p.what = 'end'), false) AS is_cut
    FROM audit_physical p WHERE p.what IN ('start', 'drop', 'end') GROUP BY p.machine_id, p.cmd_id;
CREATE TEMPORARY TABLE audit_run (LIKE audit_run_of_log);
"""
_EMPTY = """
DELETE FROM audit_machine; DELETE FROM audit_physical; DELETE FROM audit_fact; DELETE FROM audit_journal;
DELETE FROM audit_account; DELETE FROM audit_trade; DELETE FROM audit_refund; DELETE FROM audit_run;
"""


@asynccontextmanager
async def open_connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees every row, with empty tables for the evidence beside it. For one snapshot or many."""
    try:
        connection = await asyncpg.connect(database_url, command_timeout=None, statement_cache_size=STATEMENTS_MAX)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise _unreadable(error) from error
    try:
        with _said():
            await _prepare(connection)
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def take_snapshot(connection: asyncpg.Connection, sources: AuditSources) -> AsyncIterator[None]:
    """Until this ends `connection` stands in one snapshot with all evidence loaded, and none of an earlier one.

    Raises `VendomatError` when any cannot be read.
    """
    with _said():
        logs = [CabinetLog(machine_id, path) for machine_id, path in sorted(sources.cabinets.items())]
        await _load_before(connection, sources, logs)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.fetchval("SELECT count(*) FROM merchant")  # the snapshot is taken at the first question
            await _load_after(connection, sources, logs)
            yield


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> VendomatError:
    return VendomatError(ErrorCode.UNAVAILABLE, f"the database cannot be read: {error}; nothing was audited")


async def _prepare(connection: asyncpg.Connection) -> None:
    sees_all = await connection.fetchval("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
    if not sees_all:
        await connection.execute(f"SET ROLE {HOT_ROLE}")
    await connection.execute("SET jit = off; SET work_mem = '64MB'; SET TIME ZONE 'UTC'")
    await connection.execute(_TABLES)


async def _load_before(connection: asyncpg.Connection, sources: AuditSources, logs: Sequence[CabinetLog]) -> None:
    """Load what has to be older than the snapshot."""
    await connection.execute(_EMPTY)
    machines = sorted(set(sources.cabinets) | set(sources.journals))
    rows = [(m, m in sources.cabinets, m in sources.journals) for m in machines]
    await connection.copy_records_to_table("audit_machine", records=rows)
    count = 0
    for log in logs:
        count += await _load(connection, "audit_physical", PHYSICAL_COLUMNS, log.rows(is_before=True))
    for machine_id, path in sorted(sources.journals.items()):
        content = await asyncio.to_thread(read_journal, machine_id, path)
        count += await _load(connection, "audit_fact", FACT_COLUMNS, iter(content.facts))
        await _load(connection, "audit_journal", JOURNAL_COLUMNS, iter([content.journal]))
    if count >= ROWS_AT_ONCE:  # of less, nobody has to know how much it is
        await connection.execute("CREATE INDEX IF NOT EXISTS audit_physical_command ON audit_physical (cmd_id)")
        for table in ("audit_machine", "audit_physical", "audit_fact", "audit_journal"):
            await connection.execute(f"ANALYZE {table}")


async def _load_after(connection: asyncpg.Connection, sources: AuditSources, logs: Sequence[CabinetLog]) -> None:
    """Load what may be newer than the snapshot."""
    for log in logs:
        await _load(connection, "audit_physical", PHYSICAL_COLUMNS, log.rows(is_before=False))
    await connection.execute("INSERT INTO audit_run SELECT * FROM audit_run_of_log")
    for channel, place in sorted(sources.books.items()):
        rows = await asyncio.to_thread(read_books, channel, place)
        await _load(connection, "audit_account", ACCOUNT_COLUMNS, iter(rows.accounts))
        await _load(connection, "audit_trade", TRADE_COLUMNS, iter(rows.trades))
        await _load(connection, "audit_refund", REFUND_COLUMNS, iter(rows.refunds))


async def _load(
    connection: asyncpg.Connection, table: str, columns: Sequence[str], rows: Iterator[tuple[object, ...]]
) -> int:
    """How many rows there were."""
    count = 0
    while batch := list(islice(rows, ROWS_AT_ONCE)):
        await connection.copy_records_to_table(table, records=batch, columns=columns)
        count += len(batch)
    return count
