"""`/api/v1/machines/{machine}/curves` and `/timeline`: how a machine was, and what happened to it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import LIMIT_DEFAULT, LIMIT_MAX, Cursor, Page
from vendomat.cloud.reports.curves import CurveReport
from vendomat.cloud.reports.machine_views import CurvesView, MachineEventSource, MachineEventView
from vendomat.cloud.reports.timeline import MachineTimeline

MachineId = Annotated[str, Path(pattern=r"^mch_[0-9a-z]{26}$")]


def machine_reports_router(curves: CurveReport, timeline: MachineTimeline, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/machines", tags=["reports"])
    of_fleet = permitted(current, Permission.FLEET_READ)

    @router.get("/{machine_id}/curves", operation_id="machines.curves")
    async def get_curves(
        machine_id: MachineId,
        operator: Annotated[Operator, Depends(of_fleet)],
        *,
        hours: Annotated[Literal["24", "168", "720"], Query()] = "24",
    ) -> CurvesView:
        return await curves.of_machine(operator.merchant_id, machine_id, hours=int(hours))

    @router.get("/{machine_id}/timeline", operation_id="machines.timeline")
    async def get_timeline(
        machine_id: MachineId,
        operator: Annotated[Operator, Depends(of_fleet)],
        *,
        source: Annotated[list[MachineEventSource] | None, Query(max_length=4)] = None,
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> Page[MachineEventView]:
        place = Cursor.from_text(cursor) if cursor else None
        return await timeline.of_machine(operator, machine_id, source or (), after=place, limit=limit)

    return router
