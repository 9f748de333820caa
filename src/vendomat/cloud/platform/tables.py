"""Files of rows that people give and take, as CSV or XLSX: head, limits and cells, whatever they mean. Pure.

CSV is UTF-8 with a byte order mark. In it, a cell that would be taken for a formula is written with an apostrophe
before it, which is taken away again when it is read. Refuses a file that cannot be read as a whole.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vendomat.cloud.platform.workbook import MAGIC, read_workbook
from vendomat.kernel import ErrorCode, Flaw, FlawCode, VendomatError, flaw

FILE_BYTES_MAX = 2_000_000
ROWS_MAX = 5_000
CELL_CHARACTERS_MAX = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Line:
    """One row by the number of its line, the head is 1. `said` is by column; with a `flaw` it may be incomplete."""

    number: int
    said: Mapping[str, str]
    flaw: Flaw | None = None


def write_csv(head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    written = io.StringIO(newline="")
    table = csv.writer(written)
    table.writerow(head)
    table.writerows([_safe(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + written.getvalue().encode()


def read_table(
    content: bytes, columns: Sequence[str], needed: Sequence[str], *, rows_max: int = ROWS_MAX
) -> list[Line]:
    """The rows that say something. Raises `VendomatError` (malformed, too_large, invalid_value)."""
    if len(content) > FILE_BYTES_MAX:
        raise VendomatError(ErrorCode.TOO_LARGE, f"a file has at most {FILE_BYTES_MAX // 1_000_000} MB")
    is_workbook = content.startswith(MAGIC)
    table = read_workbook(content, rows_max=rows_max + 1) if is_workbook else _csv_table(content)
    if len(table) - 1 > rows_max:
        raise VendomatError(ErrorCode.TOO_LARGE, f"a file has at most {rows_max} rows; nothing changed")
    head = [name.strip() for name in table[0]] if table else []
    if set(head) - set(columns) or set(needed) - set(head) or len(set(head)) != len(head):
        raise VendomatError(
            ErrorCode.INVALID_VALUE,
            f"the first line names the columns: {', '.join(columns)}; {', '.join(needed)} are needed. Nothing changed",
        )
    lines = []
    for number, cells in enumerate(table[1:], start=2):
        if any(cells):
            lines.append(_line(number, head, cells, is_workbook=is_workbook))
    return lines


def _line(number: int, head: Sequence[str], cells: list[str], *, is_workbook: bool) -> Line:
    if is_workbook:  # a sheet has no cell where nothing stands
        cells = cells + [""] * (len(head) - len(cells))
    said = {name: _plain(cell) for name, cell in zip(head, cells, strict=False)}
    if len(cells) != len(head) or any(len(cell) > CELL_CHARACTERS_MAX for cell in cells):
        return Line(number, said, flaw(FlawCode.ROW_CELLS, cells=len(head), most=CELL_CHARACTERS_MAX))
    return Line(number, said)


def _csv_table(content: bytes) -> list[list[str]]:
    try:
        text = content.decode("utf-8-sig")
        if "\x00" in text:
            raise _unreadable()
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _unreadable() from error


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _plain(cell: str) -> str:
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text


def _unreadable() -> VendomatError:
    return VendomatError(
        ErrorCode.MALFORMED, "this is neither a CSV file in UTF-8 nor an XLSX workbook; nothing changed"
    )
