"""The planograms of all machines as one file: given as they are sold, taken as drafts. Nothing is sold differently
before a draft is published.

A file says all of a machine's plan: what has no line is not in the draft. It is tried first without a trace; then all
of its machines are drafted or, by choice, those without a line that is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.catalog import (
    SLOTS_MAX,
    ImportReport,
    PlannedSlot,
    RowOutcome,
    RowReport,
    checked_plan,
    slot_order,
)
from vendomat.cloud.merchants import Operator
from vendomat.cloud.planograms import store
from vendomat.cloud.planograms.exchange import PlanRow, csv_of, lines_of, rows_of, workbook_of
from vendomat.cloud.planograms.model import Planogram
from vendomat.cloud.planograms.service import PlanogramDesk
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import TableForm
from vendomat.kernel import FlawCode, Money, flaw

_SOLD = sa.text(
    "SELECT m.number, s.slot, d.sku, s.price_minor, s.currency, s.capacity FROM planogram_slot s "
    "JOIN machine m USING (merchant_id, machine_id) JOIN product d USING (merchant_id, product_id) "
    "WHERE m.state <> 'retired' AND (:tag = '' OR EXISTS (SELECT FROM machine_tag t "
    "WHERE (t.merchant_id, t.machine_id, t.tag) = (m.merchant_id, m.machine_id, :tag))) ORDER BY m.number, s.slot"
)
_MACHINES = sa.text("SELECT number, machine_id FROM machine WHERE state <> 'retired' AND number = ANY(:numbers)")
_PRODUCTS = sa.text("SELECT sku, product_id FROM product WHERE archived_at IS NULL AND sku = ANY(:skus)")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One machine's lines: what its draft would be, and what it is now."""

    planogram: Planogram
    sold: tuple[PlannedSlot, ...]
    rows: Sequence[PlanRow]

    @property
    def is_good(self) -> bool:
        return len(self.rows) <= SLOTS_MAX and all(row.planned is not None for row in self.rows)

    @property
    def now(self) -> tuple[PlannedSlot, ...]:
        return self.sold if self.planogram.draft is None else self.planogram.draft

    @property
    def draft(self) -> tuple[PlannedSlot, ...]:
        return tuple(checked_plan([row.planned for row in self.rows if row.planned is not None]))


class PlanogramFiles:
    """One merchant's planograms as a file, both ways."""

    def __init__(self, database: Database, desk: PlanogramDesk) -> None:
        self._database = database
        self._desk = desk

    async def written(self, operator: Operator, form: TableForm, *, tag: str = "") -> bytes:
        """What is sold, machine by machine; with a `tag` only by those that have it."""
        async with self._database.merchant(operator.merchant_id, is_snapshot=True) as connection:
            found = (await connection.execute(_SOLD, {"tag": tag})).all()
        rows = [
            (one.number, one.slot, one.sku, Money(one.price_minor, one.currency).to_decimal_text(), str(one.capacity))
            for one in sorted(found, key=lambda one: (one.number, slot_order(one.slot)))
        ]
        return await asyncio.to_thread(csv_of if form == "csv" else workbook_of, rows)

    async def take(self, operator: Operator, content: bytes, *, is_trial: bool, is_only_good: bool) -> ImportReport:
        """Raises `VendomatError` (malformed, too_large, invalid_value) for a file that cannot be read as a whole."""
        lines = await asyncio.to_thread(lines_of, content)
        async with self._database.merchant(operator.merchant_id) as connection:
            machines = await _by(
                connection, _MACHINES, numbers=sorted({line.said.get("machine", "") for line in lines})
            )
            products = await _by(connection, _PRODUCTS, skus=sorted({line.said.get("sku", "") for line in lines}))
            rows = rows_of(lines, machines, products, operator.currency)
            wanted = await self._wanted(connection, operator, machines, rows)
            reports = [_report(row, wanted.get(row.machine)) for row in rows]
            is_good = all(report.outcome is not RowOutcome.REFUSED for report in reports)
            is_done = not is_trial and (is_good or is_only_good)
            if is_done:
                changed = [one for one in wanted.values() if one.is_good and one.draft != one.now]
                await self._desk.draft_each(
                    connection, operator, [(one.planogram, one.sold, one.draft) for one in changed]
                )
        return ImportReport(reports, is_done)

    async def _wanted(
        self, connection: AsyncConnection, operator: Operator, machines: Mapping[str, str], rows: Sequence[PlanRow]
    ) -> dict[str, _Wanted]:
        known = {row.machine: machines[row.machine] for row in rows if row.machine in machines}
        planograms = await store.lock_planograms(connection, operator.merchant_id, known.values(), operator.currency)
        sold = await store.planned_slots(connection, known.values())
        theirs: dict[str, list[PlanRow]] = {number: [] for number in known}
        for row in rows:
            if row.machine in theirs:
                theirs[row.machine].append(row)
        return {number: _Wanted(planograms[one], sold[one], theirs[number]) for number, one in known.items()}


def _report(row: PlanRow, wanted: _Wanted | None) -> RowReport:
    if row.planned is None or wanted is None:
        return RowReport(row.number, row.sku, RowOutcome.REFUSED, row.flaw)
    if len(wanted.rows) > SLOTS_MAX:
        return RowReport(row.number, row.sku, RowOutcome.REFUSED, flaw(FlawCode.SLOT_COUNT, most=SLOTS_MAX))
    if not wanted.is_good:
        return RowReport(row.number, row.sku, RowOutcome.REFUSED, flaw(FlawCode.OTHER_ROW))
    before = {planned.slot: planned for planned in wanted.now}.get(row.planned.slot)
    if before == row.planned:
        outcome = RowOutcome.SAME if len(wanted.rows) == len(wanted.now) else RowOutcome.CHANGED
        return RowReport(row.number, row.sku, outcome)
    return RowReport(row.number, row.sku, RowOutcome.CREATED if before is None else RowOutcome.CHANGED)


async def _by(connection: AsyncConnection, query: sa.TextClause, **names: list[str]) -> dict[str, str]:
    return {row[0]: row[1] for row in await connection.execute(query, names)}
