"""`/api/v1/sales-figures`: sales by time, machine, product, site and channel; the units behind them; usual bands.

`/api/v1/month-closes`: the months that were closed, and the next one; closing is an owner's.
`/api/v1/margins`: what is left of sales when goods and fees are paid, by month, product or machine.
`/api/v1/product-ranking`: products by what they sell in a day in stock, and what days without goods cost.
"""

import asyncio
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import LIMIT_DEFAULT, LIMIT_MAX, Cursor, Page, described_file
from vendomat.cloud.statements import file_answer
from vendomat.cloud.statistics.files import margins_table, ranking_table, sales_table
from vendomat.cloud.statistics.formulas import FORMULAS
from vendomat.cloud.statistics.margin import MarginBy, MarginWanted
from vendomat.cloud.statistics.margin_views import MarginsView
from vendomat.cloud.statistics.margins import Margins
from vendomat.cloud.statistics.model import By, Wanted
from vendomat.cloud.statistics.month_views import ClosedMonthView, MonthsView
from vendomat.cloud.statistics.months import Months
from vendomat.cloud.statistics.product_views import ProductRankingView
from vendomat.cloud.statistics.products import Products
from vendomat.cloud.statistics.service import Measure, SalesFigures
from vendomat.cloud.statistics.sheets import FORMS, Form, Table
from vendomat.cloud.statistics.views import (
    BandView,
    FormulaView,
    RefundTimesView,
    SalesFiguresView,
    SoldUnitView,
)

MachineText = Annotated[str | None, Query(pattern=r"^mch_[0-9a-z]{26}$")]
ProductText = Annotated[str | None, Query(pattern=r"^prd_[0-9a-z]{26}$")]
SiteText = Annotated[str | None, Query(pattern=r"^sit_[0-9a-z]{26}$")]
ChannelText = Annotated[str | None, Query(pattern=r"^[a-z_]{1,20}$")]
_MONTH = r"^2\d{3}-(0[1-9]|1[0-2])$"
MonthText = Annotated[str, Path(pattern=_MONTH)]
RowsText = Annotated[int | None, Query(ge=1, le=10_000, description="Rows at most; totals are of all.")]
AskedMonth = Annotated[str, Query(pattern=_MONTH)]
Outcome = Literal["delivered", "not_delivered", "unknown", "lost"]


def only_of(
    *,
    machine: MachineText = None,
    product: ProductText = None,
    channel: ChannelText = None,
    site: SiteText = None,
) -> dict[str, str | None]:
    """What alone a request wants sales of."""
    return {"machine_id": machine, "product_id": product, "channel": channel, "site_id": site}


def asked_for(
    *, first: date, last: date, by: By = By.DAY, only: Annotated[dict[str, str | None], Depends(only_of)]
) -> Wanted:
    """The report that a request names."""
    return Wanted(by, first, last, **only)


Asked = Annotated[Wanted, Depends(asked_for)]


def margins_asked_for(
    *, first: AskedMonth, last: AskedMonth, by: MarginBy = MarginBy.PRODUCT, machine: MachineText = None
) -> MarginWanted:
    """The margins that a request names."""
    return MarginWanted(by, first, last, machine)


AskedMargins = Annotated[MarginWanted, Depends(margins_asked_for)]
_FILES = described_file(*(one.media_type for one in FORMS.values()))


async def _file(table: Table, form: Form, name: str) -> Response:
    return file_answer(await asyncio.to_thread(FORMS[form].write, table), FORMS[form].media_type, f"{name}.{form}")


def sales_figures_router(figures: SalesFigures, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/sales-figures", tags=["statistics"])
    reading = permitted(current, Permission.STATEMENT_READ)

    @router.get("", operation_id="sales_figures.get")
    async def sales_figures(
        operator: Annotated[Operator, Depends(reading)], wanted: Asked, limit: RowsText = None
    ) -> SalesFiguresView:
        return await figures.figures(operator.merchant_id, wanted, limit=limit)

    @router.get("/units", operation_id="sales_figures.units")
    async def units(
        operator: Annotated[Operator, Depends(reading)],
        wanted: Asked,
        *,
        outcome: Annotated[Outcome | None, Query()] = None,
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> Page[SoldUnitView]:
        after = Cursor.from_text(cursor) if cursor else None
        return await figures.units(operator.merchant_id, wanted, outcome=outcome, after=after, limit=limit)

    @router.get("/band", operation_id="sales_figures.band")
    async def usual_band(
        operator: Annotated[Operator, Depends(reading)],
        *,
        day: Annotated[date | None, Query()] = None,
        measure: Annotated[Measure, Query()] = "units",
        machine: MachineText = None,
    ) -> BandView:
        return await figures.band(operator.merchant_id, day, measure=measure, machine_id=machine)

    @router.get("/refund-times", operation_id="sales_figures.refund_times")
    async def refund_times(operator: Annotated[Operator, Depends(reading)], first: date, last: date) -> RefundTimesView:
        return await figures.refund_times(operator.merchant_id, first, last)

    @router.get("/file.{form}", operation_id="sales_figures.file", response_class=Response, responses=_FILES)
    async def as_file(
        operator: Annotated[Operator, Depends(reading)], wanted: Asked, form: Annotated[Form, Path()]
    ) -> Response:
        view = await figures.figures(operator.merchant_id, wanted)
        return await _file(sales_table(view), form, f"sales-{view.by}-{view.first}-{view.last}")

    @router.get("/formulas", operation_id="sales_figures.formulas")
    async def formulas(operator: Annotated[Operator, Depends(reading)]) -> list[FormulaView]:
        return [FormulaView(id=one.id, figure=one.figure, en=one.en, zh=one.zh) for one in FORMULAS]

    return router


def months_router(months: Months, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/month-closes", tags=["statistics"])
    reading = permitted(current, Permission.STATEMENT_READ)
    closing = permitted(current, Permission.MONTH_CLOSE)

    @router.get("", operation_id="month_closes.list")
    async def list_months(operator: Annotated[Operator, Depends(reading)]) -> MonthsView:
        return await months.months(operator.merchant_id)

    @router.get("/{month}", operation_id="month_closes.get")
    async def closed_month(month: MonthText, operator: Annotated[Operator, Depends(reading)]) -> ClosedMonthView:
        return await months.month(operator.merchant_id, month)

    @router.post("/{month}", operation_id="month_closes.close")
    async def close_month(month: MonthText, operator: Annotated[Operator, Depends(closing)]) -> ClosedMonthView:
        return await months.close(operator.merchant_id, month, operator.operator_id)

    return router


def margins_router(margins: Margins, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/margins", tags=["statistics"])
    reading = permitted(current, Permission.STATEMENT_READ)

    @router.get("", operation_id="margins.get")
    async def margins_of(
        operator: Annotated[Operator, Depends(reading)], wanted: AskedMargins, limit: RowsText = None
    ) -> MarginsView:
        return await margins.margins(operator.merchant_id, wanted, limit=limit)

    @router.get("/file.{form}", operation_id="margins.file", response_class=Response, responses=_FILES)
    async def as_file(
        operator: Annotated[Operator, Depends(reading)], wanted: AskedMargins, form: Annotated[Form, Path()]
    ) -> Response:
        view = await margins.margins(operator.merchant_id, wanted)
        return await _file(margins_table(view), form, f"margins-{view.by}-{view.first}-{view.last}")

    return router


def products_router(products: Products, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/product-ranking", tags=["statistics"])
    reading = permitted(current, Permission.STATEMENT_READ)

    @router.get("", operation_id="product_ranking.get")
    async def ranking(
        operator: Annotated[Operator, Depends(reading)], first: date, last: date, *, machine: MachineText = None
    ) -> ProductRankingView:
        return await products.ranking(operator.merchant_id, Wanted(By.PRODUCT, first, last, machine_id=machine))

    @router.get("/file.{form}", operation_id="product_ranking.file", response_class=Response, responses=_FILES)
    async def as_file(
        operator: Annotated[Operator, Depends(reading)],
        first: date,
        last: date,
        form: Annotated[Form, Path()],
        *,
        machine: MachineText = None,
    ) -> Response:
        wanted = Wanted(By.PRODUCT, first, last, machine_id=machine)
        view = await products.ranking(operator.merchant_id, wanted)
        return await _file(ranking_table(view), form, f"ranking-{view.first}-{view.last}")

    return router
