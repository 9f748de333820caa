"""The cells of a bill's file: yuan to fen, times of Beijing, columns found by their names. Floats never occur.

Everything unexpected is `BillError`: a name that is missing, a number in another form, a line without an end. Order and
number of the columns may change; columns nobody asked for are not looked at.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import TextIO

from vendomat.cloud.payments.providers.bills import BillError
from vendomat.cloud.payments.providers.limits import BEIJING

LINE_CHARACTERS_MAX = 64 * 1024
PADDING = "` \t\r\n"
"""What platforms put around a value so that a spreadsheet leaves it alone."""

_AMOUNT = re.compile(r"[+-]?[0-9]{1,13}(\.[0-9]{1,5})?", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,9}(\.0+)?", re.ASCII)
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)
_UNIT = re.compile(r"[(（][^()（）]*元[)）]$")


@lru_cache(maxsize=16_384)
def fen_of(text: str) -> int:
    """`"1.50"` or `"0.01000"` yuan as fen; a part of a fen is not an amount. Prices repeat, so answers are kept."""
    if not _AMOUNT.fullmatch(text):
        raise BillError(f"{text[:40]!r} is not an amount in yuan")
    fen = Decimal(text).scaleb(2)
    if fen != fen.to_integral_value():
        raise BillError(f"{text!r} yuan is not a whole number of fen")
    return int(fen)


@lru_cache(maxsize=1_024)
def count_of(text: str) -> int:
    """`"45"` or `"45.0"`."""
    if not _COUNT.fullmatch(text):
        raise BillError(f"{text[:40]!r} is not a number of rows")
    return int(Decimal(text))


def moment_of(text: str) -> datetime:
    """`yyyy-MM-dd HH:mm:ss` in Beijing, as UTC."""
    if not _MOMENT.fullmatch(text):
        raise BillError(f"{text[:40]!r} is not a time")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=BEIJING).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BillError(f"{text!r} is not a time") from error


def bare(cell: str) -> str:
    return cell.strip(PADDING)


def name_of(cell: str) -> str:
    """The name of a column without its unit, which is always yuan and written in many ways."""
    return _UNIT.sub("", bare(cell))


def columns(header: Sequence[str], names: Sequence[str]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """What picks the cells of `names` (two or more), in this order, out of a line under `header`."""
    found = [name_of(cell) for cell in header]
    if missing := [name for name in names if name not in found]:
        raise BillError(f"the bill has no column {', '.join(missing)}")
    if doubled := [name for name in names if found.count(name) > 1]:
        raise BillError(f"the bill has two columns {', '.join(doubled)}")
    width, pick = len(found), itemgetter(*(found.index(name) for name in names))

    def picked(line: Sequence[str]) -> tuple[str, ...]:
        if len(line) != width:
            raise BillError(f"a line has {len(line)} cells under {width} columns")
        return tuple([cell.strip(PADDING) for cell in pick(line)])

    return picked


def csv_lines(text: TextIO) -> Iterator[list[str]]:
    """The lines of `text` as cells, in flat memory: no line is longer than `LINE_CHARACTERS_MAX`."""
    try:
        yield from csv.reader(_bounded(text))
    except (csv.Error, UnicodeError) as error:
        raise BillError(f"the file is not readable: {error}") from error


def _bounded(text: TextIO) -> Iterator[str]:
    while line := text.readline(LINE_CHARACTERS_MAX):
        if len(line) == LINE_CHARACTERS_MAX:
            raise BillError(f"a line is longer than {LINE_CHARACTERS_MAX} characters")
        yield line


def not_negative(fen: int) -> int:
    if fen < 0:
        raise BillError(f"a negative amount: {fen} fen")
    return fen


def check_sum(what: str, own: int, stated: int) -> None:
    """Raises `BillError` unless the bill's own sum is that of its rows."""
    if own != stated:
        raise BillError(f"{what}: the rows say {own}, the bill says {stated}")


def check_end(lines: Iterator[list[str]]) -> None:
    """Raises `BillError` when anything but empty lines follows."""
    if any(bare(cell) for line in lines for cell in line):
        raise BillError("something follows after the bill's end")
