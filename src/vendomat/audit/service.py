"""The audit: open one snapshot of all evidence, ask every check, add the figures. Writes nothing, mends nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg

from vendomat.audit.checks import CHECKS
from vendomat.audit.figures import read_figures
from vendomat.audit.model import ROWS_MAX, AuditReport, Cell, Check, Finding, Source, Terms
from vendomat.audit.snapshot import open_connection, take_snapshot
from vendomat.audit.sources import AuditSources
from vendomat.kernel import ErrorCode, VendomatError

_TERMS = (
    "terms AS (SELECT $1::timestamptz AS now, $2::bool AS is_at_rest, $3::interval AS clock_skew, "
    "$4::interval AS grace, $5::interval AS refund_age, $6::interval AS command_age)"
)


async def run_audit(sources: AuditSources, terms: Terms | None = None) -> AuditReport:
    """Recompute the invariants. Raises `VendomatError` when any given source cannot be read: there is no half audit."""
    async with open_auditor(sources.database_url) as auditor:
        return await auditor.audit(sources, terms)


@asynccontextmanager
async def open_auditor(database_url: str) -> AsyncIterator[Auditor]:
    """For many audits of one database: most of a small one is finding out how to ask, which is remembered."""
    async with open_connection(database_url) as connection:
        yield Auditor(connection)


class Auditor:
    """Made by `open_auditor`. `connection` is its own; inside a transaction there, its audits see what that changed."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    async def audit(self, sources: AuditSources, terms: Terms | None = None) -> AuditReport:
        """As `run_audit`, of this auditor's database."""
        terms, connection = terms or Terms(), self.connection
        present = _present(sources, terms)
        async with take_snapshot(connection, sources):
            now: datetime = terms.now or await connection.fetchval("SELECT now()")
            values = (now, terms.is_at_rest, terms.clock_skew, terms.grace, terms.refund_age, terms.command_age)
            findings = []
            for check in CHECKS:
                missing = tuple(sorted(check.needs - present))
                findings.append(_finding(check, missing=missing) if missing else await _ask(connection, check, values))
            figures = await read_figures(connection, now, has_cabinets=Source.CABINETS in present)
        return AuditReport(now, tuple(findings), figures)


def _present(sources: AuditSources, terms: Terms) -> frozenset[Source]:
    given = {
        Source.CABINETS: bool(sources.cabinets),
        Source.JOURNALS: bool(sources.journals),
        Source.BOOKS: bool(sources.books),
        Source.REST: terms.is_at_rest,
    }
    return frozenset(source for source, is_given in given.items() if is_given)


async def _ask(connection: asyncpg.Connection, check: Check, values: tuple[object, ...]) -> Finding:
    """One pass: the offences are counted by the database, and the first few shown."""
    try:
        rows = await connection.fetch(
            f"WITH {_TERMS}, found AS MATERIALIZED ({check.sql}) "
            "SELECT (SELECT count(*) FROM found) AS audit_count, found.* FROM found, terms LIMIT "
            f"{ROWS_MAX}",
            *values,
        )
    except asyncpg.PostgresError as error:
        raise VendomatError(
            ErrorCode.UNAVAILABLE, f"the check {check.name} could not be asked: {error}; the audit is not complete"
        ) from error
    count = rows[0]["audit_count"] if rows else 0
    shown = tuple({key: _cell(row[key]) for key in row.keys() if key != "audit_count"} for row in rows)  # noqa: SIM118
    return _finding(check, count=count, rows=shown)


def _finding(
    check: Check, *, count: int = 0, rows: tuple[Mapping[str, Cell], ...] = (), missing: tuple[Source, ...] = ()
) -> Finding:
    return Finding(check.name, check.title, check.meaning, check.severity, count, rows, missing)


def _cell(value: object) -> Cell:
    """Amounts come as exact decimals without a fraction, times as text."""
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    return int(text) if text.lstrip("-").isdigit() else text
