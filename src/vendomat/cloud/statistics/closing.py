"""A month of sales, closed: its figures as they were said, and what earlier months turned out to be since. Pure.

A closed month is never said otherwise. What is found out or given back later changes the living sums of its month; the
next close says the difference as a correction of that month. So the frozen figures of a month and all corrections of it
together are its living figures at the newest close, line by line. Each close carries the hash of its content and the
link of the one before; nothing in the middle can be exchanged unseen. Months are closed in their order, none is left
out. Refuses to close a month that is not over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from vendomat.cloud.statistics.sums import AMOUNTS
from vendomat.kernel import ErrorCode, VendomatError

LineKey = tuple[str, str, str]
"""(by, key, currency)"""
Figures = tuple[int, ...]
"""In the order of `AMOUNTS`."""
Lines = Mapping[LineKey, Figures]
_NOTHING: Figures = (0,) * len(AMOUNTS)


@dataclass(frozen=True, slots=True)
class Close:
    """A month as it was closed. `corrections` are by the earlier month they correct."""

    month: str
    position: int
    previous: str
    lines: Lines
    corrections: Mapping[str, Lines]

    def content(self) -> str:
        """The canonical text that is kept and hashed: the same close gives the same bytes."""
        said = {
            "month": self.month,
            "position": self.position,
            "previous": self.previous,
            "columns": list(AMOUNTS),
            "lines": _rows(self.lines),
            "corrections": {month: _rows(lines) for month, lines in sorted(self.corrections.items()) if lines},
        }
        return msgspec.json.encode(said).decode()

    @classmethod
    def from_content(cls, content: str) -> Close:
        """Raises `msgspec.MsgspecError` for what was not written by `content`."""
        said = msgspec.json.decode(content, type=_Said)
        corrections = {month: _lines(rows) for month, rows in said.corrections.items()}
        return cls(said.month, said.position, said.previous, _lines(said.lines), corrections)


def whole_of(close: Close) -> Close:
    """The same close with only the lines of everything together. Sums only grow, and each event is in the line of
    everything as in all others: a month whose lines of everything agree agrees in every line."""
    lines, corrections = _whole(close.lines), {month: _whole(said) for month, said in close.corrections.items()}
    return Close(close.month, close.position, close.previous, lines, corrections)


def _whole(lines: Lines) -> Lines:
    return {key: figures for key, figures in lines.items() if key[0] == "all"}


class _Said(msgspec.Struct, frozen=True):
    month: str
    position: int
    previous: str
    columns: list[str]
    lines: list[tuple[str, str, str, list[int]]]
    corrections: dict[str, list[tuple[str, str, str, list[int]]]]


def _rows(lines: Lines) -> list[tuple[str, str, str, list[int]]]:
    return [(*key, list(lines[key])) for key in sorted(lines)]


def _lines(rows: Iterable[tuple[str, str, str, list[int]]]) -> Lines:
    return {(by, key, currency): tuple(figures) for by, key, currency, figures in rows}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def link_of(previous: str, content_sha256: str) -> str:
    return sha256(f"{previous}\n{content_sha256}")


def said_so_far(month: str, closes: Iterable[Close]) -> Lines:
    """What was said of `month` by all closes: its own, and every correction of it."""
    sums: dict[LineKey, list[int]] = {}
    for close in closes:
        for lines in ([close.lines] if close.month == month else []) + [close.corrections.get(month, {})]:
            for key, figures in lines.items():
                old = sums.setdefault(key, list(_NOTHING))
                sums[key] = [was + more for was, more in zip(old, figures, strict=True)]
    return {key: tuple(figures) for key, figures in sums.items()}


def corrections_of(living: Mapping[str, Lines], closes: Sequence[Close]) -> dict[str, Lines]:
    """By closed month, what its living figures are more, or less, than everything said of it."""
    found: dict[str, Lines] = {}
    for month in (close.month for close in closes):
        said, now = said_so_far(month, closes), living.get(month, {})
        changed = {}
        for key in {*said, *now}:
            old, new = said.get(key, _NOTHING), now.get(key, _NOTHING)
            if old != new:
                changed[key] = tuple(after - before for before, after in zip(old, new, strict=True))
        if changed:
            found[month] = changed
    return found


def month_of(day: date) -> str:
    return f"{day:%Y-%m}"


def month_after(month: str) -> str:
    first = date.fromisoformat(f"{month}-01")
    return month_of(first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1))


def months_between(first: str, last: str) -> list[str]:
    """Both included; empty when `last` is before `first`."""
    months, month = [], first
    while month <= last:
        months.append(month)
        month = month_after(month)
    return months


def next_to_close(first_sale: date | None, today: date, closes: Sequence[Close]) -> str | None:
    """The month that is closed next: over, and right after the last close, or the first with sales. None: there is
    none yet."""
    if closes:
        month = month_after(closes[-1].month)
    elif first_sale is not None:
        month = month_of(first_sale)
    else:
        return None
    return month if month < month_of(today) else None


def must_be_next(month: str, wanted: str | None) -> None:
    """Raises `VendomatError(conflict)` unless `month` is the one to be closed."""
    if month != wanted:
        hint = "no month is over that is not closed" if wanted is None else f"the next month to close is {wanted}"
        raise VendomatError(ErrorCode.CONFLICT, f"{month} cannot be closed: {hint}; nothing was closed")
