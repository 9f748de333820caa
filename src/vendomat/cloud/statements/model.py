"""A merchant's statement: a period, its accounts line by line, its figures, and whether it may still change. Pure.

Amounts are signed minor units as the ledger has them: debit positive. For each account the closing balance is the
opening balance and every line between, to the cent; nothing is netted away or left out. A line belongs to the business
day on which it was booked: fees and payouts are booked from the platform's bill, so mostly a day later. No tax is split
off. Refuses to call a day closed before every account that moved, or has a bill, is reconciled for it.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from vendomat.kernel import ErrorCode, VendomatError

_DAY = re.compile(r"2\d{3}-\d{2}-\d{2}")
_MONTH = re.compile(r"2\d{3}-\d{2}")
OPENING = "opening"


@dataclass(frozen=True, slots=True)
class Period:
    """A business day or month: the days from `first` to `last`, both included."""

    name: str
    first: date
    last: date

    @classmethod
    def from_text(cls, text: str) -> Period:
        """`2026-06-01` or `2026-06`. Raises `VendomatError(invalid_value)`."""
        try:
            if _DAY.fullmatch(text):
                day = date.fromisoformat(text)
                return cls(text, day, day)
            if _MONTH.fullmatch(text):
                first = date.fromisoformat(f"{text}-01")
                return cls(text, first, first.replace(day=calendar.monthrange(first.year, first.month)[1]))
        except ValueError:
            pass
        raise VendomatError(ErrorCode.INVALID_VALUE, "a period is a day (2026-06-01) or a month (2026-06)")

    @property
    def is_month(self) -> bool:
        return len(self.name) == len("2026-06")

    @property
    def next_day(self) -> date:
        return self.last + timedelta(days=1)

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]


class Column(StrEnum):
    """What a line did to its account."""

    PAYMENTS = "payments"
    REFUNDS = "refunds"
    FEES = "fees"
    PAYOUTS = "payouts"
    OTHER = "other"


COLUMN_OF_FAMILY = {
    "paid": Column.PAYMENTS,
    "refund": Column.REFUNDS,
    "fee": Column.FEES,
    "payout": Column.PAYOUTS,
}
"""Whatever is not named here is `other`: a new kind of booking is never left out."""


class Group(StrEnum):
    """What an account is, in the order of the page."""

    MONEY = "money"
    OWED = "owed"
    SUSPENSE = "suspense"
    INCOME = "income"
    EXPENSE = "expense"
    MEMO = "memo"
    OTHER = "other"


_GROUPS = {
    "asset": Group.MONEY,
    "liab": Group.OWED,
    "suspense": Group.SUSPENSE,
    "income": Group.INCOME,
    "expense": Group.EXPENSE,
    "memo": Group.MEMO,
}
_ORDER = {group: n for n, group in enumerate(Group)}


def group_of(account: str) -> Group:
    return _GROUPS.get(account.partition(":")[0], Group.OTHER)


@dataclass(frozen=True, slots=True)
class DaySum:
    """What was booked on one account by one family; `day` None stands for everything before the period."""

    day: date | None
    account: str
    currency: str
    family: str
    debit_minor: int
    credit_minor: int
    lines: int

    @property
    def net_minor(self) -> int:
        return self.debit_minor - self.credit_minor


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account over the period: closing = opening + the five columns."""

    account: str
    group: Group
    currency: str
    opening_minor: int
    columns: Mapping[Column, int]
    lines: int

    @property
    def closing_minor(self) -> int:
        return self.opening_minor + sum(self.columns.values())


@dataclass(frozen=True, slots=True)
class Figures:
    """What people ask for, of one currency, each as a positive amount when it is the usual way round.

    `result` is income less every expense. `ambiguous` is what was declared less what was found out later; it is a memo
    and not part of the result.
    """

    currency: str
    income_minor: int
    refunds_minor: int
    fees_minor: int
    goodwill_minor: int
    sensor_fault_minor: int
    gifts_minor: int
    site_rent_minor: int
    other_expense_minor: int
    ambiguous_minor: int
    result_minor: int


def account_lines(sums: Iterable[DaySum]) -> list[AccountLine]:
    """One line per account and currency that has a balance or was moved."""
    opening: dict[tuple[str, str], int] = {}
    columns: dict[tuple[str, str], dict[Column, int]] = {}
    lines: dict[tuple[str, str], int] = {}
    for one in sums:
        key = (one.account, one.currency)
        of_key = columns.setdefault(key, dict.fromkeys(Column, 0))
        if one.day is None:
            opening[key] = opening.get(key, 0) + one.net_minor
            continue
        of_key[COLUMN_OF_FAMILY.get(one.family, Column.OTHER)] += one.net_minor
        lines[key] = lines.get(key, 0) + one.lines
    found = [
        AccountLine(key[0], group_of(key[0]), key[1], opening.get(key, 0), columns[key], lines.get(key, 0))
        for key in columns
        if opening.get(key) or lines.get(key)
    ]
    return sorted(found, key=lambda line: (line.currency, _ORDER[line.group], line.account))


_EXPENSES = {
    "expense:goodwill": "goodwill_minor",
    "expense:sensor_fault": "sensor_fault_minor",
    "expense:gift": "gifts_minor",
    "expense:site_rent": "site_rent_minor",
}


def figures(sums: Iterable[DaySum]) -> list[Figures]:
    """The period's figures by currency; opening balances do not count."""
    found: dict[str, dict[str, int]] = {}
    for one in sums:
        if one.day is None:
            continue
        of_currency = found.setdefault(
            one.currency, {name: 0 for name in Figures.__dataclass_fields__ if name != "currency"}
        )
        for name, minor in _parts(one):
            of_currency[name] += minor
    return [Figures(currency, **found[currency]) for currency in sorted(found)]


def _parts(one: DaySum) -> Iterable[tuple[str, int]]:
    group = group_of(one.account)
    if group is Group.INCOME:
        yield "income_minor", -one.net_minor
    elif group is Group.EXPENSE:
        is_fee = one.account.startswith("expense:fee:")
        yield ("fees_minor" if is_fee else _EXPENSES.get(one.account, "other_expense_minor")), one.net_minor
    elif one.account == "memo:ambiguous":
        yield "ambiguous_minor", one.net_minor
    elif one.account == "liab:refund_payable" and one.family == "refund":
        yield "refunds_minor", one.net_minor
    if group in (Group.INCOME, Group.EXPENSE):
        yield "result_minor", -one.net_minor


class Standing(StrEnum):
    """Whether a day, or a period, may still change."""

    RUNNING = "running"  # it is not over
    PROVISIONAL = "provisional"  # over, and not reconciled with every platform
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class PlatformDay:
    """What reconciliation says of one account's day of its platform; `is_closed` None: there is no such day there."""

    channel: str
    account: str
    day: date
    is_closed: bool | None


@dataclass(frozen=True, slots=True)
class DayStanding:
    """One business day. `open_accounts` (`channel:account`) keep it from being closed."""

    day: date
    standing: Standing
    open_accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DayFacts:
    """What decides about a day: whether it is over, whether its bills may be there, the accounts that moved, and the
    days of the platforms that lie in it."""

    day: date
    is_over: bool
    is_due: bool
    moved: frozenset[str] = frozenset()
    platform_days: Sequence[PlatformDay] = field(default=())


def stand(facts: DayFacts) -> DayStanding:
    """A day is closed when it is over, its bills are due, and every account that moved or has a day there is closed."""
    if not facts.is_over:
        return DayStanding(facts.day, Standing.RUNNING)
    known = {f"{one.channel}:{one.account}" for one in facts.platform_days}
    not_closed = {f"{one.channel}:{one.account}" for one in facts.platform_days if not one.is_closed}
    waiting = tuple(sorted(not_closed | (facts.moved - known)))
    if waiting or not facts.is_due:
        return DayStanding(facts.day, Standing.PROVISIONAL, waiting)
    return DayStanding(facts.day, Standing.CLOSED)


def standing_of(days: Sequence[DayStanding]) -> Standing:
    """A period's standing: running if any day is, closed if all are."""
    found = {one.standing for one in days}
    if Standing.RUNNING in found:
        return Standing.RUNNING
    return Standing.CLOSED if found == {Standing.CLOSED} else Standing.PROVISIONAL


@dataclass(frozen=True, slots=True)
class SalesSum:
    """What one machine or one product sold in one way, as `SalesLine`."""

    id: str
    currency: str
    kind: str
    units: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class SalesLine:
    """What one machine sold of one product in one way (`sold`, `gift`, `late`, `goodwill`, `other`)."""

    machine_id: str
    product_id: str
    currency: str
    kind: str
    units: int
    amount_minor: int
