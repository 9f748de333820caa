"""Sales figures as files: CSV for programs, XLSX for people. The same rows and columns as the page shows. Pure.

A text that a spreadsheet would run as a formula is made harmless: in CSV by an apostrophe, in XLSX because texts are
written as texts. Amounts are decimals of their currency. Under the rows stands which formula made which column.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import xlsxwriter

from vendomat.cloud.statements import BYTE_ORDER_MARK, CSV, csv_row
from vendomat.cloud.statistics.views import SalesFiguresView, SalesRowView
from vendomat.kernel import Money

Form = Literal["csv", "xlsx"]
HEAD = (
    "key",
    "name",
    "name_en",
    "currency",
    "gross",
    "units_sold",
    "units_failed",
    "units_unknown",
    "units_lost",
    "success",
    "refunded",
)
_FORMULA_OF = {"gross": "gross_minor", "refunded": "refunded_minor"}


def _decimal(minor: int, currency: str) -> Decimal:
    return Decimal(Money(minor, currency).to_decimal_text())


def table(view: SalesFiguresView) -> Iterator[tuple[object, ...]]:
    """The head, the rows, and one row of formula numbers."""
    yield (view.by, *HEAD[1:])
    for row in view.rows:
        yield _cells(row)
    yield (
        "formula",
        *("" for _ in HEAD[1:4]),
        *(view.formulas.get(_FORMULA_OF.get(name, name), "") for name in HEAD[4:]),
    )


def _cells(row: SalesRowView) -> tuple[object, ...]:
    return (
        row.key if row.at is None else row.at.isoformat(),
        row.name,
        row.name_en,
        row.currency,
        _decimal(row.gross_minor, row.currency),
        row.units_sold,
        row.units_failed,
        row.units_unknown,
        row.units_lost,
        "" if row.success is None else row.success,
        _decimal(row.refunded_minor, row.currency),
    )


def as_csv(view: SalesFiguresView) -> bytes:
    return (BYTE_ORDER_MARK + "".join(csv_row(cells) for cells in table(view))).encode()


def as_xlsx(view: SalesFiguresView) -> bytes:
    """Row after row, none kept in memory but the file itself."""
    content = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(content, options) as book:
        sheet = book.add_worksheet(f"{view.first} {view.last}"[:31])
        bold = book.add_format({"bold": True})
        for number, cells in enumerate(table(view)):
            _write_row(sheet, number, cells, bold if number == 0 else None)
    return content.getvalue()


def _write_row(sheet: xlsxwriter.worksheet.Worksheet, number: int, cells: Sequence[object], form: object) -> None:
    for column, cell in enumerate(cells):
        if isinstance(cell, str):
            sheet.write_string(number, column, cell, form)
        else:
            sheet.write_number(number, column, cell, form)


@dataclass(frozen=True, slots=True)
class FileForm:
    """How a report becomes a file, and as what it is sent."""

    media_type: str
    write: Callable[[SalesFiguresView], bytes]


FORMS: dict[Form, FileForm] = {
    "csv": FileForm(CSV, as_csv),
    "xlsx": FileForm("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_xlsx),
}
