"""Tables as files: CSV for programs, XLSX for people, Parquet with the types kept. Pure but for a passing file.

A text that a spreadsheet would run as a formula is made harmless: in CSV by an apostrophe, in XLSX because texts are
written as texts. Amounts are decimals of their currency. Which formula made which column stands under the rows, and in
Parquet beside them, so that a column has one type.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Literal

import xlsxwriter

from vendomat.cloud.statements import BYTE_ORDER_MARK, CSV, csv_row
from vendomat.kernel import Money

Form = Literal["csv", "xlsx", "parquet"]
Cell = str | int | float | Decimal | None


class Kind(StrEnum):
    """What a column holds, as Parquet has it: amounts of all currencies fit three places."""

    TEXT = "VARCHAR"
    COUNT = "BIGINT"
    AMOUNT = "DECIMAL(18, 3)"
    NUMBER = "DOUBLE"


@dataclass(frozen=True, slots=True)
class Column:
    """`formula` is the number of the one that made it."""

    name: str
    kind: Kind = Kind.TEXT
    formula: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """`title` is of the sheet. None stands for what is not known."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def amount(minor: int, currency: str) -> Decimal:
    return Decimal(Money(minor, currency).to_decimal_text())


def _lines(table: Table) -> Iterator[Sequence[Cell]]:
    """The head, the rows, and one row of formula numbers."""
    yield [column.name for column in table.columns]
    yield from table.rows
    yield ["formula", *(column.formula for column in table.columns[1:])]


def as_csv(table: Table) -> bytes:
    lines = (csv_row(["" if cell is None else cell for cell in line]) for line in _lines(table))
    return (BYTE_ORDER_MARK + "".join(lines)).encode()


def as_xlsx(table: Table) -> bytes:
    """Row after row, none kept in memory but the file itself."""
    content = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(content, options) as book:
        sheet = book.add_worksheet(table.title[:31])
        bold = book.add_format({"bold": True})
        for number, line in enumerate(_lines(table)):
            _write_row(sheet, number, line, bold if number == 0 else None)
    return content.getvalue()


def _write_row(sheet: xlsxwriter.worksheet.Worksheet, number: int, line: Sequence[Cell], form: object) -> None:
    for column, cell in enumerate(line):
        if isinstance(cell, str):
            sheet.write_string(number, column, cell, form)
        elif cell is not None:
            sheet.write_number(number, column, cell, form)


def as_parquet(table: Table) -> bytes:
    """Written by DuckDB, which is loaded when the first one is: by way of CSV, its quickest way in for rows."""
    import duckdb

    with tempfile.TemporaryDirectory(prefix="vendomat-") as folder, duckdb.connect(config={"threads": 1}) as engine:
        rows, file = Path(folder, "rows.csv"), Path(folder, "table.parquet")
        rows.write_text("".join(map(_plain, table.rows)), encoding="utf-8", newline="")
        columns = {column.name: column.kind.value for column in table.columns}
        made_by = {column.name: column.formula for column in table.columns if column.formula}
        source = engine.read_csv(
            str(rows),
            columns=columns,
            header=False,
            auto_detect=False,
            delimiter=",",
            quotechar='"',
            escapechar='"',
            allow_quoted_nulls=False,
        )
        source.create_view("rows")
        engine.execute(f"COPY rows TO '{file}' (FORMAT parquet, COMPRESSION zstd, KV_METADATA {made_by})")
        return file.read_bytes()


def _plain(line: Sequence[Cell]) -> str:
    """What is not known is empty, and an empty text is two quotes: the reader tells them apart."""
    return ",".join("" if one is None else _quoted(one) if isinstance(one, str) else str(one) for one in line) + "\r\n"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class FileForm:
    """How a table becomes a file, and as what it is sent."""

    media_type: str
    write: Callable[[Table], bytes]


FORMS: dict[Form, FileForm] = {
    "csv": FileForm(CSV, as_csv),
    "xlsx": FileForm("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_xlsx),
    "parquet": FileForm("application/vnd.apache.parquet", as_parquet),
}
