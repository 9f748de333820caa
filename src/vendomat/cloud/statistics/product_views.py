"""The shapes in which products are ranked. Amounts are minor units at list prices; rates are units per in-stock day."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel


class LostView(BaseModel):
    """An estimate of what was not sold while slots were `empty`, `closed` or their machine `away` for `days` together;
    with 80 % it lies between `low_minor` and `high_minor`, as far as the rate goes."""

    state: str
    days: float
    units: float
    minor: int
    low_minor: int
    high_minor: int


class RankedProductView(BaseModel):
    """`bottom`: probability of being among the lowest quarter; `advice`: `keep`, `watch`, `drop` or `too_soon`."""

    product_id: str
    name_zh: str
    name_en: str
    units: int
    in_stock_days: float
    rate: float
    low: float
    high: float
    bottom: float | None
    advice: str
    availability: float | None
    lost: list[LostView]


class ProductRankingView(BaseModel):
    """`begins` and `ends` bound the hours that were looked at, by the merchant's clock; None when none was."""

    first: date
    last: date
    begins: datetime | None
    ends: datetime | None
    time_zone: str
    currency: str
    median_rate: float
    availability: float | None
    products: list[RankedProductView]
    lost: list[LostView]
    formulas: dict[str, str]
