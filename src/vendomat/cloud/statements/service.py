"""Statements as they are read: sums, standing and names put together from one snapshot. Changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Cursor, Page, page_of
from vendomat.cloud.reconciliation import AccountDay
from vendomat.cloud.statements import store
from vendomat.cloud.statements.model import (
    AccountLine,
    Column,
    DayFacts,
    DayStanding,
    DaySum,
    Figures,
    Period,
    PlatformDay,
    SalesLine,
    SalesSum,
    account_lines,
    figures,
    stand,
    standing_of,
)
from vendomat.cloud.statements.views import (
    AccountLineView,
    DayFiguresView,
    FiguresView,
    PeriodsView,
    RowView,
    SalesView,
    StatementDayView,
    StatementView,
)
from vendomat.kernel import Clock, ErrorCode, VendomatError

_MACHINES = "SELECT machine_id AS id, number AS name, number AS name_en FROM machine WHERE merchant_id = :merchant_id"
_PRODUCTS = "SELECT product_id AS id, name_zh AS name, name_en FROM product WHERE merchant_id = :merchant_id"
_CLEARING = "asset:clearing:"


class Statements:
    """One merchant's statements."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def periods(self, merchant_id: str) -> PeriodsView:
        """Which periods there are."""
        any_day = Period.from_text(self._clock.now().date().isoformat())
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            frame = await self._frame(connection, merchant_id, any_day)
            return PeriodsView(
                time_zone=frame["time_zone"],
                currency=frame["currency"],
                today=frame["today"],
                first_day=await store.read_first_day(connection, merchant_id),
            )

    async def statement(self, merchant_id: str, period: Period) -> StatementView:
        """The statement as it stands now. Raises `VendomatError(not_found)` for a period that has not begun."""
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            frame = await self._frame(connection, merchant_id, period)
            if period.first > frame["today"]:
                raise VendomatError(ErrorCode.NOT_FOUND, "this period has not begun; there is no statement of it yet")
            sums = await store.read_sums(connection, merchant_id, period)
            days = await self._days(connection, merchant_id, period, sums)
            of_machines, of_products = await store.read_sales(connection, merchant_id, period)
            machines = await _names(connection, _MACHINES, merchant_id)
            products = await _names(connection, _PRODUCTS, merchant_id)
        return StatementView(
            period=period.name,
            is_month=period.is_month,
            merchant=frame["name"],
            time_zone=frame["time_zone"],
            begins_at=frame["begins_at"],
            ends_at=frame["ends_at"],
            standing=standing_of(days),
            days=[
                StatementDayView(day=one.day, standing=one.standing, open_accounts=list(one.open_accounts))
                for one in days
            ],
            accounts=[_account_view(line) for line in account_lines(sums)],
            figures=[_figures_view(one) for one in figures(sums)],
            daily=_daily(sums) if period.is_month else [],
            machines=_named(machines, of_machines),
            products=_named(products, of_products),
            read_at=self._clock.now(),
        )

    async def rows(
        self, merchant_id: str, period: Period, *, wanted: Mapping[str, str], after: Cursor | None, limit: int
    ) -> Page[RowView]:
        """The ledger lines behind a statement, in the order of booking."""
        async with self._database.merchant(merchant_id) as connection:
            frame = await self._frame(connection, merchant_id, period)
            span = (frame["begins_at"], frame["ends_at"])
            found = await store.read_rows(connection, merchant_id, span, wanted=wanted, after=after, limit=limit + 1)
        return page_of(found, limit, _row_view, lambda row: Cursor(row["posted_at"], f"{row['txn_key']}/{row['line']}"))

    async def daily_sales(
        self, merchant_id: str, period: Period, machines: Sequence[str]
    ) -> list[tuple[date, SalesLine]]:
        """What each of `machines` sold on each day of the period."""
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            return await store.read_daily_sales(connection, merchant_id, period, machines)

    async def standing(self, merchant_id: str, period: Period) -> list[DayStanding]:
        """Whether each day of the period is closed."""
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            sums = await store.read_sums(connection, merchant_id, period)
            return await self._days(connection, merchant_id, period, sums)

    async def _frame(self, connection: AsyncConnection, merchant_id: str, period: Period) -> sa.RowMapping:
        frame = await store.read_frame(connection, merchant_id, period, self._clock.now())
        if frame is None:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such merchant")
        return frame

    async def _days(
        self, connection: AsyncConnection, merchant_id: str, period: Period, sums: Iterable[DaySum]
    ) -> list[DayStanding]:
        now = self._clock.now()
        moved: dict[date, set[str]] = defaultdict(set)
        for one in sums:
            if one.day is not None and one.account.startswith(_CLEARING) and one.family in ("paid", "refund"):
                moved[one.day].add(one.account.removeprefix(_CLEARING))
        recon = [
            (PlatformDay(row["channel"], row["account"], row["day"], row["is_closed"]), _span_of(row["day"]))
            for row in await store.read_platform_days(connection, merchant_id, period)
        ]
        standings = []
        for bounds in await store.read_bounds(connection, merchant_id, period):
            begins_at, ends_at = bounds["begins_at"], bounds["ends_at"]
            inside = [one for one, (begins, ends) in recon if begins < ends_at and ends > begins_at]
            facts = DayFacts(
                bounds["day"],
                is_over=now >= ends_at,
                is_due=now >= _due_after(ends_at),
                moved=frozenset(moved[bounds["day"]]),
                platform_days=inside,
            )
            standings.append(stand(facts))
        return standings


def _span_of(day: date) -> tuple[datetime, datetime]:
    place = AccountDay("", "", "", day)
    return place.begins_at, place.ends_at


def _due_after(ends_at: datetime) -> datetime:
    """When the bills of the last platform day that touches a business day, ending at `ends_at`, are due."""
    place = AccountDay("", "", "", ends_at.date())
    while place.begins_at >= ends_at:
        place = AccountDay("", "", "", date.fromordinal(place.day.toordinal() - 1))
    while place.ends_at < ends_at:
        place = AccountDay("", "", "", date.fromordinal(place.day.toordinal() + 1))
    return place.due_at


def _account_view(line: AccountLine) -> AccountLineView:
    columns = {f"{column.value}_minor": line.columns[column] for column in Column}
    return AccountLineView(
        account=line.account,
        group=line.group,
        currency=line.currency,
        opening_minor=line.opening_minor,
        closing_minor=line.closing_minor,
        lines=line.lines,
        **columns,
    )


def _figures_view(one: Figures) -> FiguresView:
    return FiguresView(**{name: getattr(one, name) for name in Figures.__dataclass_fields__})


def _daily(sums: Iterable[DaySum]) -> list[DayFiguresView]:
    by_day: dict[date, list[DaySum]] = defaultdict(list)
    for one in sums:
        if one.day is not None:
            by_day[one.day].append(one)
    return [
        DayFiguresView(day=day, **_figures_view(of_day).model_dump())
        for day in sorted(by_day)
        for of_day in figures(by_day[day])
    ]


_Names = Mapping[str, tuple[str, str]]


async def _names(connection: AsyncConnection, statement: str, merchant_id: str) -> _Names:
    rows = (await connection.execute(sa.text(statement), {"merchant_id": merchant_id})).mappings()
    return {row["id"]: (row["name"], row["name_en"]) for row in rows}


def _named(names: _Names, sales: Iterable[SalesSum]) -> list[SalesView]:
    """The sales with names, best first; what belongs to none has an empty id."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for line in sales:
        sums = found.setdefault((line.id, line.currency), defaultdict(int))
        sums["units"] += line.units
        sums["gifts_minor" if line.kind == "gift" else f"{line.kind}_minor"] += line.amount_minor
    views = [
        SalesView(
            id=id_,
            name=names.get(id_, ("", ""))[0],
            name_en=names.get(id_, ("", ""))[1],
            currency=currency,
            **{
                name: sums.get(name, 0)
                for name in ("units", "sold_minor", "gifts_minor", "late_minor", "goodwill_minor", "other_minor")
            },
        )
        for (id_, currency), sums in found.items()
    ]
    return sorted(views, key=lambda view: (view.currency, -view.sold_minor, view.name, view.id))


def _row_view(row: sa.RowMapping) -> RowView:
    return RowView(
        at=row["posted_at"],
        transaction=row["txn_key"],
        line=row["line"],
        kind=row["kind"] or "",
        account=row["account"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        order_id=row["order_id"] or "",
    )
