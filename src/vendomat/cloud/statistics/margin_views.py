"""The shapes in which margins are given. Amounts are minor units."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel

from vendomat.cloud.statistics.margin import MarginBy


class MarginAmountsView(BaseModel):
    """`margin_minor` is `costed_gross_minor` less cost and fees; `margin` its share, None where no cost is known."""

    units_sold: int
    gross_minor: int
    costed_units: int
    costed_gross_minor: int
    cost_minor: int
    fee_minor: int
    margin_minor: int
    margin: float | None


class MarginRowView(MarginAmountsView):
    """Of the month that begins `at`, or of `key`. `units` is where its units are listed."""

    at: date | None
    key: str
    name: str
    name_en: str
    currency: str
    units: str


class MarginTotalView(MarginAmountsView):
    """`fees_known` is the part of what platforms took whose bill is there; None where they took nothing."""

    currency: str
    fees_known: float | None


class MarginsView(BaseModel):
    """`first` and `last` are months (`2026-05`); `rows_more` were left out, but not of the totals."""

    by: MarginBy
    first: str
    last: str
    time_zone: str
    currency: str
    rows: list[MarginRowView]
    rows_more: int
    totals: list[MarginTotalView]
    formulas: dict[str, str]
    read_at: datetime
