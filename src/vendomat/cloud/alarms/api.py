"""`/api/v1/alarms`: list, acknowledge, clear."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from vendomat.cloud.alarms.model import Alarm, AlarmEvent, AlarmState, Severity
from vendomat.cloud.alarms.service import Alarms
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import LIMIT_DEFAULT, LIMIT_MAX, Cursor, Page, page_of

AlarmId = Annotated[str, Path(pattern=r"^alm_[0-9a-z]{26}$")]


class AlarmView(BaseModel):
    id: str
    machine_id: str
    machine_number: str
    slot: str
    kind: str
    severity: Severity
    state: AlarmState
    order_id: str
    detail: str
    count: int
    raised_at: datetime
    cleared_at: datetime | None


def alarms_router(alarms: Alarms, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/alarms", tags=["alarms"])
    reading = permitted(current, Permission.FLEET_READ)
    handling = permitted(current, Permission.ALARM_HANDLE)

    @router.get("", operation_id="alarms.list")
    async def list_alarms(
        operator: Annotated[Operator, Depends(reading)],
        *,
        state: Annotated[Literal["open", "cleared"] | None, Query()] = None,
        machine: Annotated[str | None, Query(pattern=r"^mch_[0-9a-z]{26}$")] = None,
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> Page[AlarmView]:
        rows = await alarms.list_alarms(
            operator.merchant_id,
            is_open=None if state is None else state == "open",
            machine_id=machine,
            after=Cursor.from_text(cursor) if cursor else None,
            limit=limit + 1,
        )
        return page_of(rows, limit, _view, lambda alarm: Cursor(alarm.raised_at, alarm.alarm_id))

    @router.post("/{alarm_id}/acknowledge", operation_id="alarms.acknowledge")
    async def acknowledge(alarm_id: AlarmId, operator: Annotated[Operator, Depends(handling)]) -> AlarmView:
        return _view(
            await alarms.move(operator.merchant_id, alarm_id, AlarmEvent.ACKNOWLEDGE, operator_id=operator.operator_id)
        )

    @router.post("/{alarm_id}/clear", operation_id="alarms.clear")
    async def clear(alarm_id: AlarmId, operator: Annotated[Operator, Depends(handling)]) -> AlarmView:
        return _view(
            await alarms.move(operator.merchant_id, alarm_id, AlarmEvent.CLEAR, operator_id=operator.operator_id)
        )

    return router


def _view(alarm: Alarm) -> AlarmView:
    return AlarmView(
        id=alarm.alarm_id,
        machine_id=alarm.machine_id,
        machine_number=alarm.machine_number,
        slot=alarm.slot,
        kind=alarm.kind,
        severity=alarm.severity,
        state=alarm.state,
        order_id=alarm.order_id,
        detail=alarm.detail,
        count=alarm.count,
        raised_at=alarm.raised_at,
        cleared_at=alarm.cleared_at,
    )
