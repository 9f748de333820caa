"""When a promotion counts: from an instant to an instant, and in weekly windows of the machine's own clock. Pure.

A window is said in minutes of a day. One that ends at or before its start runs over midnight and belongs to the day on
which it starts. Refuses to know what time it is: every question brings its moment, in the machine's zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES


class Window(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """On `days` (0 is Monday) from minute `start` until minute `end` of the day."""

    days: Annotated[tuple[Annotated[int, Meta(ge=0, le=6)], ...], Meta(min_length=1, max_length=7)]
    start: Annotated[int, Meta(ge=0, lt=DAY_MINUTES)]
    end: Annotated[int, Meta(ge=1, le=DAY_MINUTES)]

    def spans(self) -> list[tuple[int, int]]:
        """The minutes of the week it covers, as half-open spans; one over Sunday's midnight is two."""
        length = self.end - self.start if self.end > self.start else self.end - self.start + DAY_MINUTES
        found = []
        for day in sorted(set(self.days)):
            first = day * DAY_MINUTES + self.start
            last = first + length
            found.append((first, min(last, WEEK_MINUTES)))
            if last > WEEK_MINUTES:
                found.append((0, last - WEEK_MINUTES))
        return found


def minute_of_week(local: datetime) -> int:
    return local.weekday() * DAY_MINUTES + local.hour * 60 + local.minute


def is_within(windows: Sequence[Window], local: datetime) -> bool:
    """Whether a window is open; no windows are always open."""
    minute = minute_of_week(local)
    return not windows or any(first <= minute < last for window in windows for first, last in window.spans())


def do_overlap(one: Sequence[Window], other: Sequence[Window]) -> bool:
    """Whether both are open in some minute of a week."""
    if not one or not other:
        return True
    spans = [span for window in other for span in window.spans()]
    return any(
        first < last_other and first_other < last
        for window in one
        for first, last in window.spans()
        for first_other, last_other in spans
    )


def next_edge(windows: Iterable[Window], local: datetime) -> datetime | None:
    """When a window opens or closes next, within a week; None when there is none."""
    minute = minute_of_week(local)
    edges = {edge % WEEK_MINUTES for window in windows for span in window.spans() for edge in span}
    if not edges:
        return None
    wait = min((edge - minute - 1) % WEEK_MINUTES + 1 for edge in edges)
    return local.replace(second=0, microsecond=0) + timedelta(minutes=wait)
