"""Products by what they sell in a day in stock, with what the days without goods cost; nothing is decided here.

Only hours in which slots were looked at count, for sales and for time alike: a rate over time that nobody has seen
would be made up.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.platform.database import Database
from vendomat.cloud.statistics import exposure_store, store
from vendomat.cloud.statistics.formulas import BY_FIGURE
from vendomat.cloud.statistics.model import Wanted, share
from vendomat.cloud.statistics.product_views import LostView, ProductRankingView, RankedProductView
from vendomat.cloud.statistics.ranking import Exposure, Ranked, lost, median_rate, rank
from vendomat.kernel import Clock, ErrorCode, VendomatError

_DAY_S = 86_400.0
_LOST_STATES = ("empty", "closed", "away")
_TIMES_KEPT_MAX = 256
_FORMULAS = {name: BY_FIGURE[name] for name in ("rate", "bottom", "lost_minor", "availability")}


class Products:
    """One merchant's products."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._first: dict[str, datetime] = {}
        self._times: OrderedDict[tuple[object, ...], list[sa.RowMapping]] = OrderedDict()

    async def ranking(self, merchant_id: str, wanted: Wanted) -> ProductRankingView:
        """The best first; of one machine if `wanted` names one."""
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            frame = await store.read_frame(connection, merchant_id, self._clock.now())
            if frame is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such merchant")
            bounds = await self._bounds(connection, merchant_id, wanted)
            if bounds is None or bounds["begins"] >= bounds["ends"]:
                return _view(wanted, frame, None, [])
            newer = await store.read_newer(connection, merchant_id)
            span, of = (bounds["begins"], bounds["ends"]), wanted.machine_id
            times = await self._times_of(connection, merchant_id, span, of)
            sold = await exposure_store.read_sold(connection, merchant_id, *span, machine_id=of, newer=newer)
            products = await exposure_store.read_products(connection, merchant_id)
        days: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for row in times:
            days[row["product_id"]][row["state"]] += row["seconds"] / _DAY_S
        exposures = [Exposure(key, sold.get(key, 0), states["selling"]) for key, states in days.items()]
        ranked = await asyncio.to_thread(rank, exposures)
        rows = [_product(one, days[one.product_id], products.get(one.product_id)) for one in ranked]
        return _view(wanted, frame, bounds, rows)

    async def _bounds(self, connection: AsyncConnection, merchant_id: str, wanted: Wanted) -> sa.RowMapping | None:
        """As `read_bounds`. The first look at a merchant's slots stays the first, and is looked for once."""
        if merchant_id not in self._first:
            first_at = await exposure_store.read_first_look(connection, merchant_id)
            if first_at is None:
                return None
            self._first[merchant_id] = first_at
        return await exposure_store.read_bounds(connection, merchant_id, wanted, self._first[merchant_id])

    async def _times_of(
        self, connection: AsyncConnection, merchant_id: str, span: tuple[datetime, datetime], of: str | None
    ) -> list[sa.RowMapping]:
        """As `read_times`. What was seen of whole hours that are over never changes, so it is added up once."""
        key = (merchant_id, *span, of)
        if key not in self._times:
            self._times[key] = await exposure_store.read_times(connection, merchant_id, *span, machine_id=of)
            while len(self._times) > _TIMES_KEPT_MAX:
                self._times.popitem(last=False)
        return self._times[key]


def _product(one: Ranked, days: Mapping[str, float], product: sa.RowMapping | None) -> RankedProductView:
    price_minor = 0 if product is None else product["price_minor"]
    estimates = {state: lost(days.get(state, 0.0), price_minor, one) for state in _LOST_STATES}
    return RankedProductView(
        product_id=one.product_id,
        name_zh="" if product is None else product["name_zh"],
        name_en="" if product is None else product["name_en"],
        units=one.units,
        in_stock_days=one.days,
        rate=one.rate,
        low=one.low,
        high=one.high,
        bottom=one.bottom,
        advice=one.advice.value,
        availability=share(round(days["selling"] * _DAY_S), round(sum(days.values()) * _DAY_S)),
        lost=[
            LostView(
                state=state,
                days=round(days.get(state, 0.0), 3),
                units=estimate.units,
                minor=estimate.minor,
                low_minor=estimate.low_minor,
                high_minor=estimate.high_minor,
            )
            for state, estimate in estimates.items()
            if days.get(state, 0.0) > 0
        ],
    )


def _view(
    wanted: Wanted, frame: sa.RowMapping, bounds: sa.RowMapping | None, rows: Sequence[RankedProductView]
) -> ProductRankingView:
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0, 0, 0])
    selling = sum(row.in_stock_days for row in rows)
    for row in rows:
        for one in row.lost:
            sums[one.state] = [
                was + more
                for was, more in zip(
                    sums[one.state], (one.days, one.units, one.minor, one.low_minor, one.high_minor), strict=True
                )
            ]
    away = sum(figures[0] for figures in sums.values())
    return ProductRankingView(
        first=wanted.first,
        last=wanted.last,
        begins=None if bounds is None else bounds["begins"],
        ends=None if bounds is None else bounds["ends"],
        time_zone=frame["time_zone"],
        currency=frame["currency"],
        median_rate=median_rate([row.rate for row in rows]),
        availability=share(round(selling * _DAY_S), round((selling + away) * _DAY_S)),
        products=list(rows),
        lost=[
            LostView(
                state=state,
                days=round(figures[0], 3),
                units=round(figures[1], 2),
                minor=int(figures[2]),
                low_minor=int(figures[3]),
                high_minor=int(figures[4]),
            )
            for state, figures in sorted(sums.items())
        ],
        formulas=_FORMULAS,
    )
