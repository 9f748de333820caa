"""Statements as CSV: RFC 4180 with a UTF-8 mark, so that spreadsheets read Chinese, and no cell that they would run.

A cell that is not a plain number and begins like a formula gets an apostrophe before it. Amounts are decimals of their
currency; column names are stable English words for programs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from vendomat.cloud.statements.model import Column
from vendomat.cloud.statements.views import FiguresView, RowView, SalesView, StatementView
from vendomat.kernel import Money

MEDIA_TYPE = "text/csv; charset=utf-8"
BYTE_ORDER_MARK = "\ufeff"
_HARMLESS = re.compile(r"(\w[\w .:/-]*)?")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
STATEMENT_HEAD = ("section", "name", "line", "currency", "amount", "count")
ROWS_HEAD = ("at", "transaction", "line", "kind", "account", "currency", "amount", "order")


def cell(value: object) -> str:
    """One cell, quoted where it must be, harmless where it looks like a formula."""
    text = str(value)
    if _HARMLESS.fullmatch(text):  # most are, and a month of thousands of machines has 200,000 of them
        return text
    if text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text):
        text = f"'{text}"
    if any(sign in text for sign in ',"\r\n'):
        text = '"' + text.replace('"', '""') + '"'
    return text


def row(cells: Sequence[object]) -> str:
    return ",".join(cell(one) for one in cells) + "\r\n"


def amount(minor: int, currency: str) -> str:
    return Money(minor, currency).to_decimal_text()


def statement_sheet(view: StatementView) -> str:
    """The statement in long form: one row per number."""
    rows: list[Sequence[object]] = [
        STATEMENT_HEAD,
        ("statement", view.merchant, view.period, "", "", ""),
        ("statement", view.time_zone, view.standing, "", "", ""),
    ]
    rows += [("day", one.day, one.standing, "", "", "") for one in view.days]
    for line in view.accounts:
        numbers = [("opening", line.opening_minor)]
        numbers += [(column.value, getattr(line, f"{column.value}_minor")) for column in Column]
        numbers.append(("closing", line.closing_minor))
        rows += [("account", line.account, name, line.currency, amount(n, line.currency), "") for name, n in numbers]
    for figures in view.figures:
        rows += [
            ("figure", name, "", figures.currency, amount(n, figures.currency), "") for name, n in _minors(figures)
        ]
    for section, lines in (("machine", view.machines), ("product", view.products)):
        rows += [one for line in lines for one in _sales(section, line)]
    return BYTE_ORDER_MARK + "".join(map(row, rows))


def _minors(view: FiguresView | SalesView) -> Iterator[tuple[str, int]]:
    for name in type(view).model_fields:
        if name.endswith("_minor"):
            yield name.removesuffix("_minor"), getattr(view, name)


def _sales(section: str, line: SalesView) -> Iterator[Sequence[object]]:
    name = line.name or line.id
    yield section, name, "units", "", "", line.units
    for what, minor in _minors(line):
        yield section, name, what, line.currency, amount(minor, line.currency), ""


def rows_sheet(rows: Iterable[RowView], *, is_first: bool) -> str:
    """A part of the ledger's rows as CSV; the first part has the mark and the head."""
    head = BYTE_ORDER_MARK + row(ROWS_HEAD) if is_first else ""
    return head + "".join(
        row(
            (
                one.at.isoformat(),
                one.transaction,
                one.line,
                one.kind,
                one.account,
                one.currency,
                amount(one.amount_minor, one.currency),
                one.order_id,
            )
        )
        for one in rows
    )
