"""The shapes in which closed months are given. Amounts are minor units."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


class ClosedLineView(BaseModel):
    """One line of a closed month, or of a correction (then every figure is a difference)."""

    by: str
    key: str
    currency: str
    units_sold: int
    units_failed: int
    units_unknown: int
    units_lost: int
    gross_minor: int
    refunded_minor: int


class MonthView(BaseModel):
    """`corrections` counts the lines of earlier months it corrects, `not_yet_said_lines` those of its own that were
    found since and wait for the next close."""

    month: str
    position: int
    content_sha256: str
    link: str
    closed_at: datetime
    closed_by: str
    totals: list[ClosedLineView]
    corrections: int
    not_yet_said_lines: int


class MonthsView(BaseModel):
    """`next_month` is the one that may be closed now."""

    next_month: str | None
    months: list[MonthView]


class ClosedMonthView(MonthView):
    """`lines` are frozen; `corrects` by earlier month, `corrected_later` by the later month that says it."""

    lines: list[ClosedLineView]
    corrects: dict[str, list[ClosedLineView]]
    corrected_later: dict[str, list[ClosedLineView]]
    not_yet_said: list[ClosedLineView]
