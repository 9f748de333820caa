"""`GET /api/v1/attention`: what is wrong now, the dearest first, each with the one thing that mends it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.reports.attention import AttentionReport, AttentionView

CAUSES_DEFAULT = 20
CAUSES_MAX = 200


def attention_router(report: AttentionReport, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/attention", tags=["attention"])
    reading = permitted(current, Permission.FLEET_READ)

    @router.get("", operation_id="attention.list")
    async def look(
        operator: Annotated[Operator, Depends(reading)],
        limit: Annotated[int, Query(ge=1, le=CAUSES_MAX)] = CAUSES_DEFAULT,
    ) -> AttentionView:
        return await report.look(operator.merchant_id, operator.currency, limit=limit)

    return router
