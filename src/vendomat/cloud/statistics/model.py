"""What is asked of sales, and what is made of the answers: shares, bands of usual days, quartiles. Pure.

Days and hours are those of the merchant's time zone. Refuses to call anything usual that it has not seen often enough,
and to make a share of nothing: both are "not known", never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from vendomat.kernel import ErrorCode, VendomatError

DAYS_MAX = 800
HOURS_OF_DAYS_MAX = 62
"""By the hour no more days than these: a table of hours longer than that is read by nobody."""
WEEKS = 8
"""How many earlier days of the same weekday a band is made of, at most."""
WEEKS_MIN = 3
"""With fewer there is no usual day yet."""


class By(StrEnum):
    """What rows of a report are of."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    MACHINE = "machine"
    PRODUCT = "product"
    SITE = "site"
    CHANNEL = "channel"
    SLOT = "slot"


OVER_TIME = (By.HOUR, By.DAY, By.MONTH)
_SUMMED = (By.MACHINE, By.PRODUCT, By.CHANNEL)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Sales of the days from `first` to `last`, both included, by `by`; of one machine, product, channel or site."""

    by: By
    first: date
    last: date
    machine_id: str | None = None
    product_id: str | None = None
    channel: str | None = None
    site_id: str | None = None

    def __post_init__(self) -> None:
        days = (self.last - self.first).days + 1
        if days < 1:
            raise VendomatError(ErrorCode.INVALID_VALUE, "the last day is before the first; exchange them")
        if days > (HOURS_OF_DAYS_MAX if self.by is By.HOUR else DAYS_MAX):
            most = HOURS_OF_DAYS_MAX if self.by is By.HOUR else DAYS_MAX
            raise VendomatError(ErrorCode.INVALID_VALUE, f"at most {most} days by the {self.by}; ask for fewer")

    @property
    def begins(self) -> datetime:
        """The first moment, as the merchant's clock shows it."""
        return datetime.combine(self.first, time())

    @property
    def ends(self) -> datetime:
        """The first moment after."""
        return datetime.combine(self.last + timedelta(days=1), time())

    @property
    def only(self) -> dict[By, str]:
        """What alone sales are wanted of."""
        named = {
            By.MACHINE: self.machine_id,
            By.PRODUCT: self.product_id,
            By.CHANNEL: self.channel,
            By.SITE: self.site_id,
        }
        return {by: of for by, of in named.items() if of is not None}

    @property
    def is_of_whole_months(self) -> bool:
        return self.first.day == 1 and (self.last + timedelta(days=1)).day == 1


@dataclass(frozen=True, slots=True)
class Source:
    """Which sums answer: rows of `span` by `by`, of `key` alone where one is named. None of them: only the full detail
    does."""

    span: str = ""
    by: str = ""
    key: str | None = None

    @property
    def is_detail(self) -> bool:
        return not self.span


def source_of(wanted: Wanted) -> Source:
    """The coarsest sums that answer exactly."""
    if wanted.only.keys() == {By.SITE} and wanted.by in (By.DAY, By.MONTH, By.MACHINE):
        return Source("day", "machine")
    if len(wanted.only) == 1 and wanted.by in (By.DAY, By.MONTH):
        ((by, key),) = wanted.only.items()
        span = "month" if wanted.by is By.MONTH and wanted.is_of_whole_months else "day"
        return Source(span, by.value, key) if by in _SUMMED else Source()
    if wanted.only or wanted.by is By.SLOT:
        return Source()
    if wanted.by is By.MONTH and not wanted.is_of_whole_months:
        return Source("day", "all")
    if wanted.by in OVER_TIME:
        return Source(wanted.by.value, "all")
    if wanted.by is By.SITE:
        return Source("day", "machine")  # a machine may move within a month, never within a day
    assert wanted.by in _SUMMED
    return Source("month" if wanted.is_of_whole_months else "day", wanted.by.value)


def months_within(wanted: Wanted, today: date) -> tuple[datetime, datetime]:
    """Where the whole months within `wanted` begin and end: there the sums of months say the same as those of days, in
    a thirtieth of the rows. A month that is not over is whole when it is asked for up to `today`. Empty, at the end,
    where a report tells days apart."""
    first = _month_at_or_after(wanted.begins)
    after = _month_at_or_after(wanted.ends) if wanted.last >= today else wanted.ends.replace(day=1)
    tells_no_days = wanted.by in (*_SUMMED, By.SITE) or (wanted.by is By.MONTH and By.SITE in wanted.only)
    return (first, after) if tells_no_days and first < after else (wanted.ends, wanted.ends)


def _month_at_or_after(at: datetime) -> datetime:
    return at if at.day == 1 else (at.replace(day=1) + timedelta(days=31)).replace(day=1)


def share(part: int, of: int) -> float | None:
    """None when there is nothing to have a share of."""
    return round(part / of, 6) if of else None


def quartile(values: Sequence[float], place: float) -> float:
    """The value at `place` (0 to 1) of `values`, between two of them in proportion (type 7 of Hyndman and Fan)."""
    ordered = sorted(values)
    at = place * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


@dataclass(frozen=True, slots=True)
class BandHour:
    """One hour of a day: what was sold on it, and the quartiles of the same hour on usual days.

    `now` is None for an hour that has not begun; the quartiles are None while there is no usual day.
    """

    hour: int
    now: int | None
    low: float | None
    median: float | None
    high: float | None


def usual_days(day: date, first_day: date | None, weeks: int = WEEKS) -> list[date]:
    """The earlier days of the same weekday, newest first, since the first day that sold anything: before it nobody
    stood open, which is not the same as selling nothing."""
    if first_day is None:
        return []
    days = (day - timedelta(weeks=n) for n in range(1, weeks + 1))
    return [one for one in days if one >= first_day]


def band(now: Mapping[int, int], usual: Sequence[Mapping[int, int]], *, last_hour: int) -> list[BandHour]:
    """24 hours. `now` and each of `usual` are one day's values by hour, zero where missing; `last_hour` is the last
    one that has begun (-1: none, 23: the day is over)."""
    hours = []
    for hour in range(24):
        value = now.get(hour, 0) if hour <= last_hour else None
        if len(usual) < WEEKS_MIN:
            hours.append(BandHour(hour, value, None, None, None))
            continue
        values = [day.get(hour, 0) for day in usual]
        hours.append(BandHour(hour, value, *(round(quartile(values, place), 4) for place in (0.25, 0.5, 0.75))))
    return hours


def usual_so_far(usual: Sequence[Mapping[int, int]], *, last_hour: int) -> tuple[float, float, float] | None:
    """Quartiles of what usual days had sold by the end of `last_hour`; None while there is no usual day."""
    if len(usual) < WEEKS_MIN:
        return None
    sums = [sum(value for hour, value in day.items() if hour <= last_hour) for day in usual]
    low, median, high = (round(quartile(sums, place), 4) for place in (0.25, 0.5, 0.75))
    return low, median, high
