"""Sales figures as they are asked: rows with names, totals, a day against its usual band. Changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import quote, urlencode

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Cursor, Page, page_of
from vendomat.cloud.statistics import store
from vendomat.cloud.statistics.formulas import BY_FIGURE
from vendomat.cloud.statistics.model import (
    OVER_TIME,
    By,
    Wanted,
    band,
    share,
    source_of,
    usual_days,
    usual_so_far,
)
from vendomat.cloud.statistics.sums import AMOUNTS
from vendomat.cloud.statistics.views import (
    BandHourView,
    BandView,
    ChannelRefundTimesView,
    RefundTimesView,
    SalesFiguresView,
    SalesRowView,
    SalesTotalView,
    SoldUnitView,
)
from vendomat.kernel import Clock, ErrorCode, VendomatError, reference_of

Measure = Literal["units", "gross"]
_COLUMN = {"units": "units_sold", "gross": "gross_minor"}
_SALES_FORMULAS = {name: BY_FIGURE[name] for name in (*AMOUNTS, "success")}
UNITS_PATH = "/api/v1/sales-figures/units"


class SalesFigures:
    """One merchant's sales."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def figures(self, merchant_id: str, wanted: Wanted, *, limit: int | None = None) -> SalesFiguresView:
        """Rows over time in their order, others by what they sold, best first; at most `limit`. Totals are of all."""
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            frame = await self._frame(connection, merchant_id)
            newer = await store.read_newer(connection, merchant_id)
            found = await store.read_sales(connection, merchant_id, wanted, newer, today=frame["now"].date())
            names = await store.read_names(connection, merchant_id, wanted.by)
        if wanted.by in OVER_TIME:
            found.sort(key=lambda row: (row["at"], row["currency"]))
        else:
            found.sort(key=lambda row: (row["currency"], -row["gross_minor"], -row["units_sold"], row["key"]))
        rows = [_row(row, wanted, names) for row in found[:limit]]
        return SalesFiguresView(
            by=wanted.by,
            first=wanted.first,
            last=wanted.last,
            time_zone=frame["time_zone"],
            currency=frame["currency"],
            source="detail" if source_of(wanted).is_detail else "sums",
            rows=rows,
            rows_more=len(found) - len(rows),
            totals=_totals(found),
            formulas=_SALES_FORMULAS,
            read_at=self._clock.now(),
        )

    async def units(
        self, merchant_id: str, wanted: Wanted, *, outcome: str | None, after: Cursor | None, limit: int
    ) -> Page[SoldUnitView]:
        """The units behind a figure, newest first."""
        async with self._database.merchant(merchant_id) as connection:
            rows = await store.read_units(
                connection, merchant_id, wanted, outcome=outcome, after=after, limit=limit + 1
            )
        return page_of(rows, limit, _unit, lambda row: Cursor(row["created_at"], f"{row['order_id']}/{row['unit']}"))

    async def band(
        self, merchant_id: str, day: date | None, *, measure: Measure = "units", machine_id: str | None = None
    ) -> BandView:
        """`day` (None: the merchant's today) by the hour, against up to eight earlier days of the same weekday."""
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            frame = await self._frame(connection, merchant_id)
            today = frame["now"].date()
            day = day or today
            first_at = frame["first_at"]
            days = usual_days(day, None if first_at is None else first_at.date())
            by_day: dict[date, dict[int, int]] = {}
            newer = await store.read_newer(connection, merchant_id)
            for one in (day, *days):
                wanted = Wanted(By.HOUR, one, one, machine_id=machine_id)
                rows = await store.read_sales(connection, merchant_id, wanted, newer, today=today)
                by_day[one] = _by_hour(rows, _COLUMN[measure], frame["currency"])
        last_hour = 23 if day < today else frame["now"].hour if day == today else -1
        usual = [by_day[one] for one in days]
        return BandView(
            day=day,
            time_zone=frame["time_zone"],
            currency=frame["currency"],
            measure=measure,
            hours=[
                BandHourView(hour=one.hour, now=one.now, low=one.low, median=one.median, high=one.high)
                for one in band(by_day[day], usual, last_hour=last_hour)
            ],
            usual_days=days,
            sold_so_far=sum(by_day[day].values()),
            so_far=usual_so_far(usual, last_hour=last_hour),
            formulas={"band": BY_FIGURE["band"], "now": BY_FIGURE[_COLUMN[measure]]},
            read_at=self._clock.now(),
        )

    async def refund_times(self, merchant_id: str, first: date, last: date) -> RefundTimesView:
        async with self._database.merchant(merchant_id) as connection:
            every, *rows = await store.read_refund_times(connection, merchant_id, first, last)
        return RefundTimesView(
            first=first,
            last=last,
            **_refund_time(every),
            channels=[ChannelRefundTimesView(channel=row["channel"], **_refund_time(row)) for row in rows],
            formulas={"median_s": BY_FIGURE["refund_time"], "p95_s": BY_FIGURE["refund_time"]},
        )

    async def _frame(self, connection: AsyncConnection, merchant_id: str) -> sa.RowMapping:
        frame = await store.read_frame(connection, merchant_id, self._clock.now())
        if frame is None:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such merchant")
        return frame


def _refund_time(row: sa.RowMapping) -> dict[str, Any]:
    seconds = {name: None if row[name] is None else round(float(row[name]), 3) for name in ("median_s", "p95_s")}
    return {"refunds": row["refunds"]} | seconds


def _by_hour(rows: Sequence[sa.RowMapping], column: str, currency: str) -> dict[int, int]:
    return {row["at"].hour: row[column] for row in rows if row["currency"] == currency}


def _row(row: sa.RowMapping, wanted: Wanted, names: Mapping[str, tuple[str, str]]) -> SalesRowView:
    key = row["key"]
    machine, _, slot = key.partition("/") if wanted.by is By.SLOT else (key, "", "")
    name, name_en = names.get(machine, ("", ""))
    if slot:
        name, name_en = f"{name} {slot}", f"{name_en} {slot}"
    return SalesRowView(
        at=row["at"],
        key=key,
        name=name,
        name_en=name_en,
        currency=row["currency"],
        units=units_link(wanted, row["key"], row["at"]),
        **{column: row[column] for column in AMOUNTS},
        success=_success(row),
    )


def _success(row: Mapping[str, int] | sa.RowMapping) -> float | None:
    return share(row["units_sold"], row["units_sold"] + row["units_failed"] + row["units_unknown"])


def units_link(wanted: Wanted, of: str, at: datetime | None) -> str:
    """Where the units of a row are listed, which is of a key or begins `at`; empty for what they cannot be asked by."""
    first, last = wanted.first, wanted.last
    named = {
        "machine": wanted.machine_id,
        "product": wanted.product_id,
        "channel": wanted.channel,
        "site": wanted.site_id,
    }
    is_keyed = wanted.by in (By.MACHINE, By.PRODUCT, By.CHANNEL) or (wanted.by is By.SITE and of != "")
    if at is not None and wanted.by in (By.DAY, By.HOUR):
        first = last = at.date()
    elif at is not None:
        month_ends = (at.date().replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        first, last = max(first, at.date()), min(last, month_ends)
    elif is_keyed:
        named[wanted.by.value] = None  # the row's own
    elif wanted.by is By.SLOT:
        named["machine"] = of.partition("/")[0]
    else:
        return ""
    key = f"&{wanted.by.value}={quote(of)}" if is_keyed else ""
    return _units_address(first, last, tuple(named.items())) + key


@lru_cache(maxsize=256)
def _units_address(first: date, last: date, named: tuple[tuple[str, str | None], ...]) -> str:
    """The part that thousands of rows may share."""
    asked = {"first": first.isoformat(), "last": last.isoformat()}
    return f"{UNITS_PATH}?{urlencode(asked | {name: value for name, value in named if value is not None})}"


def _totals(rows: Sequence[sa.RowMapping]) -> list[SalesTotalView]:
    sums: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(AMOUNTS, 0))
    for row in rows:
        of_currency = sums[row["currency"]]
        for column in AMOUNTS:
            of_currency[column] += row[column]
    return [
        SalesTotalView(currency=currency, **sums[currency], success=_success(sums[currency]))
        for currency in sorted(sums)
    ]


def _unit(row: sa.RowMapping) -> SoldUnitView:
    return SoldUnitView(
        **{name: row[name] for name in SoldUnitView.model_fields if name in row},
        reference=reference_of(row["order_id"]),
        at=row["created_at"],
    )
