"""What an audit is made of: checks, what they found, and the report. Pure.

A check is a question to the evidence whose answer is a list of offending rows: none is good. It knows which evidence it
needs, so that a missing source is said ("not checked") and never counted as clean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

ROWS_MAX = 20
"""Offending rows shown per check; all of them are counted."""


class Source(StrEnum):
    """Evidence beyond the cloud's database."""

    CABINETS = "cabinets"  # the physical logs of the cabinets
    JOURNALS = "journals"  # the terminals' own memory
    BOOKS = "books"  # the payment platforms' own books
    REST = "rest"  # the promise that nothing is under way


class Severity(StrEnum):
    BREACH = "breach"
    NOTICE = "notice"  # to be looked at; breaks no promise


@dataclass(frozen=True, slots=True)
class Check:
    """`name` is `<invariant>.<what is wrong>`; `sql` selects the offending rows and may read the row `terms`."""

    name: str
    title: str
    meaning: str
    sql: str
    needs: frozenset[Source] = frozenset()
    severity: Severity = Severity.BREACH

    @property
    def invariant(self) -> str:
        return self.name.split(".", 1)[0]


Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's answer. `missing` names the sources without which it could not be asked."""

    name: str
    title: str
    meaning: str
    severity: Severity
    count: int = 0
    rows: tuple[Mapping[str, Cell], ...] = ()
    missing: tuple[Source, ...] = ()

    @property
    def is_breach(self) -> bool:
        return self.severity is Severity.BREACH and self.count > 0


@dataclass(frozen=True, slots=True)
class Totals:
    """Money of one currency in minor units: captured = revenue + stored + refunded + in flight + suspense - loss.

    What was stored in wallets is captured once more when it pays for goods.
    """

    currency: str
    captured_minor: int
    revenue_minor: int
    refunded_minor: int
    in_flight_minor: int
    suspense_minor: int
    declared_loss_minor: int
    ambiguous_minor: int
    stored_minor: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts that go with the verdict. `unit_outcomes` and `ambiguous` are of paid orders only.

    `ambiguity_rate` is ambiguous units per final unit; `oldest_refund_s` the age of the oldest refund under way.
    """

    orders: Mapping[str, int] = field(default_factory=dict)
    unit_outcomes: Mapping[str, int] = field(default_factory=dict)
    totals: tuple[Totals, ...] = ()
    ambiguous: int = 0
    ambiguous_later_delivered: int = 0
    ambiguity_rate: float = 0.0
    refunds_open: int = 0
    oldest_refund_s: int = 0
    motor_starts: int | None = None
    drops: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What the checks are measured with. `now` None takes the database's clock.

    `clock_skew` is how far two clocks of one installation may differ; `grace` how long a fact may be on its way;
    `refund_age` after which an unfinished refund, `command_age` after which an unfinished command is noticed.
    """

    is_at_rest: bool = False
    now: datetime | None = None
    clock_skew: timedelta = timedelta(seconds=1)
    grace: timedelta = timedelta(minutes=10)
    refund_age: timedelta = timedelta(days=1)
    command_age: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The verdict over one snapshot. Clean means: every check that could be asked found nothing."""

    at: datetime
    findings: tuple[Finding, ...]
    figures: Figures

    @property
    def breaches(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.is_breach)

    @property
    def notices(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity is Severity.NOTICE and f.count)

    @property
    def not_checked(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.missing)

    @property
    def is_clean(self) -> bool:
        return not self.breaches
