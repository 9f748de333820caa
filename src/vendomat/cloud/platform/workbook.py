"""Tables as XLSX workbooks (ECMA-376), written and read back: one sheet, cells as texts. Pure.

What the cells of the first sheet show is read, and nothing is computed: texts, numbers to the fifteen digits that
spreadsheets keep, what formulas came to when they were saved. Refuses a file that unfolds to more than it may, one with
a document type, and one that is no workbook; nothing in it is run, and nothing outside it is looked up.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from decimal import Context, Decimal, InvalidOperation
from pathlib import PurePosixPath
from xml.etree import ElementTree as Xml

import xlsxwriter

from vendomat.kernel import ErrorCode, VendomatError

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAGIC = b"PK\x03\x04"
PART_BYTES_MAX = 10_000_000
COLUMNS_MAX = 100
_AS_SHOWN = Context(prec=15)
_UNREADABLE = (
    *(
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        RuntimeError,
    ),  # RuntimeError: under a password, or packed oddly
    *(Xml.ParseError, KeyError, IndexError, ValueError),
)
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


def write_workbook(title: str, rows: Iterable[Sequence[str]], numbers: frozenset[int]) -> bytes:
    """`rows` with the head first; those columns of the others that are in `numbers` are written as numbers."""
    content = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(content, options) as book:
        sheet = book.add_worksheet(title[:31])
        bold = book.add_format({"bold": True})
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if number and column in numbers and cell:
                    sheet.write_number(number, column, Decimal(cell))
                elif cell:
                    sheet.write_string(number, column, cell, bold if number == 0 else None)
    return content.getvalue()


def read_workbook(content: bytes, *, rows_max: int) -> list[list[str]]:
    """The rows of the first sheet, from its first line on; a line without a word is an empty row.

    Raises `VendomatError`: `malformed` for what is no workbook, `too_large` for one with more rows or bytes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            shared = _shared(book)
            rows: list[list[str]] = []
            for number, cells in _lines(_tree(book, _first_sheet(book)), shared):
                if number > rows_max:
                    raise VendomatError(ErrorCode.TOO_LARGE, f"a file has at most {rows_max - 1} rows; nothing changed")
                rows += [[] for _ in range(number - len(rows) - 1)]
                rows.append(cells)
    except _UNREADABLE as error:
        raise _no_workbook() from error
    return rows


def _tree(book: zipfile.ZipFile, name: str) -> Xml.Element:
    with book.open(name) as part:
        text = part.read(PART_BYTES_MAX + 1)
    if len(text) > PART_BYTES_MAX:
        raise VendomatError(ErrorCode.TOO_LARGE, "this workbook unfolds to more than 10 MB; nothing changed")
    if b"<!DOCTYPE" in text or b"\x00" in text:  # UTF-16 would hide one
        raise _no_workbook()
    return Xml.fromstring(text)  # noqa: S314 - document types were refused above


def _first_sheet(book: zipfile.ZipFile) -> str:
    sheets = [one for one in _tree(book, "xl/workbook.xml").iter() if _name(one) == "sheet"]
    wanted = next((value for key, value in sheets[0].items() if key.endswith("}id")), "")
    for relation in _tree(book, "xl/_rels/workbook.xml.rels"):
        if relation.get("Id") == wanted:
            target = relation.get("Target", "")
            return target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl", target))
    raise _no_workbook()


def _shared(book: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in book.namelist():
        return []
    return [_words(item) for item in _tree(book, "xl/sharedStrings.xml") if _name(item) == "si"]


def _lines(sheet: Xml.Element, shared: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Each line that says something, by its number."""
    last = 0
    for row in sheet.iter():
        if _name(row) != "row":
            continue
        last = int(row.get("r", last + 1))
        cells: list[str] = []
        for cell in row:
            if _name(cell) != "c":
                continue
            column = _column(cell.get("r", ""), len(cells))
            cells += [""] * (column - len(cells))
            cells.append(_said(cell, shared))
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield last, cells


def _column(place: str, following: int) -> int:
    """The number of the column in a cell's `place`, counted from 0; one that names none stands after the others."""
    match = _PLACE.fullmatch(place)
    if match is None:
        return following
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    if not following < column <= COLUMNS_MAX:
        raise _no_workbook()
    return column - 1


def _said(cell: Xml.Element, shared: Sequence[str]) -> str:
    form = cell.get("t", "n")
    if form == "inlineStr":
        return "".join(_words(part) for part in cell if _name(part) == "is")
    text = next((part.text or "" for part in cell if _name(part) == "v"), "")
    if form == "s":
        return shared[int(text)]
    if form == "b":
        return "yes" if text == "1" else "no"
    if form == "n" and text:
        return _number(text)
    return text


def _number(text: str) -> str:
    try:
        number = _AS_SHOWN.create_decimal(text)
    except InvalidOperation as error:
        raise ValueError(text) from error
    if not number.is_finite() or number.adjusted() > 20 or number.adjusted() < -20:
        return text
    plain = f"{number:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _words(item: Xml.Element) -> str:
    """A text with its runs; how it is to be read aloud (`rPh`) is left out."""
    parts = [one for child in item for one in (child.iter() if _name(child) == "r" else [child])]
    return "".join(one.text or "" for one in parts if _name(one) == "t")


def _name(element: Xml.Element) -> str:
    return element.tag.rpartition("}")[2]


def _no_workbook() -> VendomatError:
    return VendomatError(ErrorCode.MALFORMED, "this is no XLSX workbook; nothing changed")
