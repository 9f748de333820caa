"""`/api/v1/ambiguities` and `/api/v1/reports/…`: what is not known, and how the settlement objective was met."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import LIMIT_DEFAULT, LIMIT_MAX, Cursor, Page
from vendomat.cloud.reports.ambiguity import AmbiguityReport
from vendomat.cloud.reports.objective import ObjectiveReport
from vendomat.cloud.reports.views import AmbiguityReportView, AmbiguityView, MissView, SettlementReportView

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
CursorText = Annotated[str | None, Query(max_length=200)]


def trust_router(ambiguity: AmbiguityReport, objective: ObjectiveReport, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["reports"])
    of_orders = permitted(current, Permission.ORDER_READ)
    of_statements = permitted(current, Permission.STATEMENT_READ)

    @router.get("/ambiguities", operation_id="ambiguities.list")
    async def list_ambiguities(
        operator: Annotated[Operator, Depends(of_orders)],
        *,
        state: Annotated[Literal["open", "resolved"] | None, Query()] = None,
        machine: Annotated[str | None, Query(pattern=r"^mch_[0-9a-z]{26}$")] = None,
        limit: Limit = LIMIT_DEFAULT,
        cursor: CursorText = None,
    ) -> Page[AmbiguityView]:
        return await ambiguity.ambiguities(
            operator.merchant_id, state=state, machine_id=machine, after=_place(cursor), limit=limit
        )

    @router.get("/reports/ambiguity", operation_id="reports.ambiguity")
    async def ambiguity_report(operator: Annotated[Operator, Depends(of_orders)]) -> AmbiguityReportView:
        return await ambiguity.report(operator.merchant_id, operator.currency)

    @router.get("/reports/settlement", operation_id="reports.settlement")
    async def settlement_report(operator: Annotated[Operator, Depends(of_statements)]) -> SettlementReportView:
        return await objective.report(operator.merchant_id)

    @router.get("/reports/settlement/misses", operation_id="reports.settlement_misses")
    async def list_misses(
        operator: Annotated[Operator, Depends(of_statements)], limit: Limit = LIMIT_DEFAULT, cursor: CursorText = None
    ) -> Page[MissView]:
        return await objective.misses(operator.merchant_id, after=_place(cursor), limit=limit)

    return router


def _place(cursor: str | None) -> Cursor | None:
    return Cursor.from_text(cursor) if cursor else None
