"""A site, whose it is, which machines stand there and what was agreed with its owner. Pure.

Both are said from a first business day on, and hold until the next one says otherwise: there is never a gap or an
overlap to explain. Refuses terms that nobody could compute: tiers out of order, shares above the whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from vendomat.kernel import MINOR_UNITS_MAX, ErrorCode, VendomatError

BASIS_POINTS_MAX = 10_000
STEPS_MAX = 12
DAY_MINUTES = 24 * 60
DEGREE_DECIMALS = 6
"""A tenth of a metre: nobody knows better where a machine stands."""


@dataclass(frozen=True, slots=True)
class Step:
    """From `from_minor` of net sales on, `basis_points` (hundredths of a percent) of what is above it."""

    from_minor: int
    basis_points: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What is owed: a share of net sales in tiers, per unit sold, fixed per month, and at least `minimum_minor`."""

    steps: tuple[Step, ...] = ()
    per_unit_minor: int = 0
    fixed_minor: int = 0
    minimum_minor: int = 0

    def check(self) -> Terms:
        """Itself. Raises `VendomatError(invalid_value)` for terms that make no sense."""
        amounts = (self.per_unit_minor, self.fixed_minor, self.minimum_minor)
        starts = [step.from_minor for step in self.steps]
        is_good = (
            all(0 <= amount <= MINOR_UNITS_MAX for amount in (*amounts, *starts))
            and all(0 <= step.basis_points <= BASIS_POINTS_MAX for step in self.steps)
            and len(self.steps) <= STEPS_MAX
            and starts == sorted(set(starts))
            and starts[:1] in ([], [0])
        )
        if not is_good:
            raise VendomatError(
                ErrorCode.INVALID_VALUE,
                "tiers begin at 0 and rise, shares are at most 10,000 basis points, and no amount is negative; "
                "nothing changed",
            )
        return self


@dataclass(frozen=True, slots=True)
class Rule:
    """`terms` hold from `first_day` until the next rule of the site."""

    first_day: date
    terms: Terms


@dataclass(frozen=True, slots=True)
class Stay:
    """From `first_day` the machine stands at `site_id`, or at no site of ours (None), until its next stay."""

    machine_id: str
    first_day: date
    site_id: str | None


@dataclass(frozen=True, slots=True)
class Opening:
    """Open from minute to minute of a day; what ends at or before its beginning ends on the next day."""

    from_minute: int
    until_minute: int

    @property
    def ends(self) -> int:
        is_next_day = self.until_minute <= self.from_minute
        return self.until_minute + (DAY_MINUTES if is_next_day else 0)

    def minutes_of(self, hour: int) -> int:
        """Minutes of this hour that it is open; hours from 24 on are those of the next day."""
        return max(0, min(self.ends, hour * 60 + 60) - max(self.from_minute, hour * 60))


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Degrees north and east in WGS 84, as satellites tell them. What map services in China show is GCJ-02, some
    hundred metres off: it has to be converted before."""

    latitude: float
    longitude: float

    def check(self) -> Coordinates:
        """In as many decimals as are kept. Raises `VendomatError(invalid_value)`."""
        values = (self.latitude, self.longitude)
        if not (all(map(math.isfinite, values)) and abs(self.latitude) <= 90 and abs(self.longitude) <= 180):
            raise VendomatError(
                ErrorCode.INVALID_VALUE,
                "a latitude is from -90 to 90 and a longitude from -180 to 180; nothing changed",
            )
        return Coordinates(*(round(value, DEGREE_DECIMALS) for value in values))


@dataclass(frozen=True, slots=True)
class Site:
    """`opening` has seven entries from Monday on, None for a day on which it is closed; or none: it is always open."""

    site_id: str
    name: str
    owner: str
    address: str = ""
    opening: tuple[Opening | None, ...] = ()
    coordinates: Coordinates | None = None

    def check(self) -> Site:
        """Itself as it is kept. Raises `VendomatError(invalid_value)` for hours that make no week, or no position."""
        minutes = [m for one in self.opening if one is not None for m in (one.from_minute, one.until_minute)]
        if len(self.opening) not in (0, 7) or not all(0 <= minute <= DAY_MINUTES for minute in minutes):
            raise VendomatError(
                ErrorCode.INVALID_VALUE,
                "opening hours have seven days of at most 24 hours, or are none; nothing changed",
            )
        return self if self.coordinates is None else replace(self, coordinates=self.coordinates.check())


def open_share(opening: Sequence[Opening | None], weekday: int, hour: int) -> float:
    """Of an hour (0 to 23) of a weekday (0 is Monday), the share in which it is open."""
    if not opening:
        return 1.0
    today, yesterday = opening[weekday], opening[weekday - 1]
    minutes = today.minutes_of(hour) if today is not None else 0
    minutes += yesterday.minutes_of(hour + 24) if yesterday is not None else 0
    return min(60, minutes) / 60


@dataclass(frozen=True, slots=True)
class Span:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


def terms_within(rules: Iterable[Rule], span: Span) -> list[tuple[Span, Terms]]:
    """The parts of `span` in which one rule holds; days before the first rule belong to none."""
    known = sorted(rules, key=lambda rule: rule.first_day)
    found = []
    for n, rule in enumerate(known):
        last = known[n + 1].first_day - timedelta(days=1) if n + 1 < len(known) else span.last
        part = Span(max(rule.first_day, span.first), min(last, span.last))
        if part.days > 0:
            found.append((part, rule.terms))
    return found


def stays_within(stays: Sequence[Stay], site_id: str, span: Span) -> list[tuple[str, Span]]:
    """Which machine stood at the site on which days of `span`."""
    found = []
    by_machine: dict[str, list[Stay]] = {}
    for stay in stays:
        by_machine.setdefault(stay.machine_id, []).append(stay)
    for machine_id in sorted(by_machine):
        known = sorted(by_machine[machine_id], key=lambda stay: stay.first_day)
        for n, stay in enumerate(known):
            last = known[n + 1].first_day - timedelta(days=1) if n + 1 < len(known) else span.last
            part = Span(max(stay.first_day, span.first), min(last, span.last))
            if stay.site_id == site_id and part.days > 0:
                found.append((machine_id, part))
    return found
