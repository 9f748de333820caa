"""A file of products taken in: tried first without a trace, then all rows or, by choice, only the good ones.

One transaction. A row is found by its SKU; what the file has no column for stays. Nothing is put away or deleted by a
file, and a product that was put away is not brought back by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.catalog import product_store as rows
from vendomat.cloud.catalog.exchange import FileRow, file_of, in_columns, rows_of, workbook_of
from vendomat.cloud.catalog.model import Product
from vendomat.cloud.catalog.product_store import Wanted
from vendomat.cloud.catalog.products import ProductDesk
from vendomat.cloud.merchants import Operator
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import TableForm
from vendomat.kernel import Clock, Flaw, FlawCode, VendomatError, flaw, flaw_of


class RowOutcome(StrEnum):
    CREATED = "created"
    CHANGED = "changed"
    SAME = "same"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RowReport:
    number: int
    sku: str
    outcome: RowOutcome
    flaw: Flaw | None = None


@dataclass(frozen=True, slots=True)
class ImportReport:
    """`is_done`: it was kept; otherwise nothing changed."""

    rows: list[RowReport]
    is_done: bool


class ProductImport:
    """One merchant's products as a file, both ways."""

    def __init__(self, database: Database, desk: ProductDesk, clock: Clock) -> None:
        self._database = database
        self._desk = desk
        self._clock = clock

    async def written(self, operator: Operator, form: TableForm) -> bytes:
        """All products in use."""
        async with self._database.merchant(operator.merchant_id, is_snapshot=True) as connection:
            found = await rows.list_products(
                connection, operator.currency, Wanted(), now=self._clock.now(), after=None, limit=None
            )
        write = file_of if form == "csv" else workbook_of
        return await asyncio.to_thread(write, [one.product.data for one in found])

    async def take(self, operator: Operator, content: bytes, *, is_trial: bool, is_only_good: bool) -> ImportReport:
        """Raises `VendomatError` (malformed, too_large, invalid_value) for a file that cannot be read as a whole."""
        file = await asyncio.to_thread(rows_of, content, operator.currency)
        async with self._database.merchant(operator.merchant_id) as connection, connection.begin_nested() as whole:
            reports = await self._take_rows(connection, operator, file)
            is_good = all(report.outcome is not RowOutcome.REFUSED for report in reports)
            is_done = not is_trial and (is_good or is_only_good)
            if not is_done:
                await whole.rollback()
        return ImportReport(reports, is_done)

    async def _take_rows(
        self, connection: AsyncConnection, operator: Operator, file: Sequence[FileRow]
    ) -> list[RowReport]:
        known = await rows.lock_by_sku(connection, [row.sku for row in file], operator.currency)
        seen: set[str] = set()
        reports = []
        for row in file:
            wrong = row.flaw or (flaw(FlawCode.REPEATED, field="sku") if row.sku in seen else None)
            seen.add(row.sku)
            reports.append(
                RowReport(row.number, row.sku, RowOutcome.REFUSED, wrong)
                if wrong is not None
                else await self._take_row(connection, operator, row, known.get(row.sku))
            )
        return reports

    async def _take_row(
        self, connection: AsyncConnection, operator: Operator, row: FileRow, known: Product | None
    ) -> RowReport:
        new = row.on(known.data if known else None, operator.currency)
        if known is not None and new == known.data:
            return RowReport(row.number, row.sku, RowOutcome.SAME)
        try:
            async with connection.begin_nested():
                if known is None:
                    await self._desk.add(connection, operator, new)
                else:
                    await self._desk.replace(connection, operator, known, new)
        except VendomatError as refusal:
            return RowReport(row.number, row.sku, RowOutcome.REFUSED, in_columns(flaw_of(refusal)))
        return RowReport(row.number, row.sku, RowOutcome.CREATED if known is None else RowOutcome.CHANGED)
