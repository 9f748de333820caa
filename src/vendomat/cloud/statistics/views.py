"""The shapes in which sales figures are given. Amounts are minor units; days and hours are the merchant's own."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel

from vendomat.cloud.statistics.model import By


class AmountsView(BaseModel):
    """`success` is None where nothing was tried."""

    units_sold: int
    units_failed: int
    units_unknown: int
    units_lost: int
    gross_minor: int
    refunded_minor: int
    success: float | None


class SalesRowView(AmountsView):
    """One row: of the hour, day or month that begins `at`, or of `key`. `units` is where its units are listed."""

    at: datetime | None
    key: str
    name: str
    name_en: str
    currency: str
    units: str


class SalesTotalView(AmountsView):
    currency: str


class SalesFiguresView(BaseModel):
    """`formulas` names for each figure the formula that made it; `source` is `sums` or `detail`; `rows_more` were left
    out, but not of the totals."""

    by: By
    first: date
    last: date
    time_zone: str
    currency: str
    source: Literal["sums", "detail"]
    rows: list[SalesRowView]
    rows_more: int
    totals: list[SalesTotalView]
    formulas: dict[str, str]
    read_at: datetime


class SoldUnitView(BaseModel):
    """One unit behind a figure. `order_refunded_minor` is what went back of its whole order."""

    order_id: str
    reference: str
    unit: int
    at: datetime
    machine_id: str
    machine_number: str
    slot: str
    product_id: str
    name_zh: str
    name_en: str
    channel: str
    price_minor: int
    currency: str
    outcome: str
    finding: str
    order_refunded_minor: int


class BandHourView(BaseModel):
    """`now` is None for an hour that has not begun; the quartiles while there is no usual day."""

    hour: int
    now: int | None
    low: float | None
    median: float | None
    high: float | None


class BandView(BaseModel):
    """A day against usual days of its weekday. `so_far` are quartiles of what those had sold by the same hour."""

    day: date
    time_zone: str
    currency: str
    measure: Literal["units", "gross"]
    hours: list[BandHourView]
    usual_days: list[date]
    sold_so_far: int
    so_far: tuple[float, float, float] | None
    formulas: dict[str, str]
    read_at: datetime


class RefundTimeView(BaseModel):
    """Seconds from asking until the money went back; None where no refund did."""

    refunds: int
    median_s: float | None
    p95_s: float | None


class ChannelRefundTimesView(RefundTimeView):
    channel: str


class RefundTimesView(RefundTimeView):
    """Of all refunds that went back in these days, and of those of each channel."""

    first: date
    last: date
    channels: list[ChannelRefundTimesView]
    formulas: dict[str, str]


class FormulaView(BaseModel):
    id: str
    figure: str
    en: str
    zh: str
