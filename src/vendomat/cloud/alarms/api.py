"""`/api/v1/alarms`: list, timeline, acknowledge (also many), clear, assign, snooze, comment."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vendomat.cloud.alarms.model import ACTIVE, Alarm, AlarmEvent, AlarmState, Severity
from vendomat.cloud.alarms.service import Alarms
from vendomat.cloud.alarms.store import AlarmFilter
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import LIMIT_DEFAULT, LIMIT_MAX, Cursor, Page, page_of

ALARM_ID = r"^alm_[0-9a-z]{26}$"
AlarmId = Annotated[str, Path(pattern=ALARM_ID)]
OPERATOR_ID = r"^(opr_[0-9a-z]{26})?$"
ALARMS_AT_ONCE_MAX = 200
_STATES = {
    "open": ACTIVE,
    "passed": (AlarmState.PASSED,),
    "cleared": (AlarmState.CLEARED,),
    "current": (*ACTIVE, AlarmState.PASSED),
}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AlarmQuery(_Body):
    """Which alarms. `state` current: those that somebody still has to look at. `assigned` none: nobody's."""

    state: Literal["open", "passed", "cleared", "current"] | None = None
    machine: Annotated[str | None, Field(pattern=r"^mch_[0-9a-z]{26}$")] = None
    kind: Annotated[str | None, Field(pattern=r"^[a-z][a-z_.]{1,63}$")] = None
    severity: Severity | None = None
    assigned: Annotated[str | None, Field(pattern=r"^(none|opr_[0-9a-z]{26})$")] = None
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT
    cursor: Annotated[str | None, Field(max_length=200)] = None

    def wanted(self) -> AlarmFilter:
        return AlarmFilter(
            states=None if self.state is None else _STATES[self.state],
            machine_id=self.machine,
            kind=self.kind,
            severity=self.severity,
            assigned_to="" if self.assigned == "none" else self.assigned,
        )


class AlarmIdsBody(_Body):
    alarm_ids: Annotated[
        list[Annotated[str, Field(pattern=ALARM_ID)]], Field(min_length=1, max_length=ALARMS_AT_ONCE_MAX)
    ]


class AssignBody(_Body):
    """Empty: nobody's."""

    operator_id: Annotated[str, Field(pattern=OPERATOR_ID)]


class SnoozeBody(_Body):
    """Null: take it up again."""

    until: AwareDatetime | None


class CommentBody(_Body):
    text: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")]


class AlarmView(BaseModel):
    """`state`: raised, acknowledged, passed (its cause is gone and nobody has seen it), cleared."""

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
    assigned_to: str
    assigned_name: str
    snoozed_until: datetime | None


class AlarmListView(BaseModel):
    data: list[AlarmView]


class AlarmEntryView(BaseModel):
    """`what`: raised, passed, acknowledged, cleared, assigned, snoozed, comment, told_raised, told_escalated."""

    at: datetime
    what: str
    operator_id: str
    operator_name: str
    said: str


class TimelineView(BaseModel):
    alarm: AlarmView
    data: list[AlarmEntryView]


class AssigneeView(BaseModel):
    id: str
    name: str


class AssigneesView(BaseModel):
    data: list[AssigneeView]


def alarms_router(alarms: Alarms, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/alarms", tags=["alarms"])
    _add_lists(router, alarms, permitted(current, Permission.FLEET_READ))
    _add_moves(router, alarms, permitted(current, Permission.ALARM_HANDLE))
    return router


def _add_lists(router: APIRouter, alarms: Alarms, current: CurrentOperator) -> None:
    @router.get("", operation_id="alarms.list")
    async def list_alarms(
        operator: Annotated[Operator, Depends(current)],
        query: Annotated[AlarmQuery, Query()],
    ) -> Page[AlarmView]:
        after = Cursor.from_text(query.cursor) if query.cursor else None
        rows = await alarms.list_alarms(operator.merchant_id, query.wanted(), after=after, limit=query.limit + 1)
        return page_of(rows, query.limit, _view, lambda alarm: Cursor(alarm.raised_at, alarm.alarm_id))

    @router.get("/people", operation_id="alarms.people")
    async def people(operator: Annotated[Operator, Depends(current)]) -> AssigneesView:
        rows = await alarms.people(operator.merchant_id)
        return AssigneesView(data=[AssigneeView(id=person_id, name=name) for person_id, name in rows])

    @router.get("/{alarm_id}/timeline", operation_id="alarms.timeline")
    async def timeline(alarm_id: AlarmId, operator: Annotated[Operator, Depends(current)]) -> TimelineView:
        alarm, entries = await alarms.timeline(operator.merchant_id, alarm_id)
        return TimelineView(alarm=_view(alarm), data=[AlarmEntryView(**asdict(entry)) for entry in entries])


def _add_moves(router: APIRouter, alarms: Alarms, changing: CurrentOperator) -> None:
    @router.post("/acknowledge", operation_id="alarms.acknowledge_all")
    async def acknowledge_all(body: AlarmIdsBody, operator: Annotated[Operator, Depends(changing)]) -> AlarmListView:
        moved = await alarms.acknowledge_all(operator.merchant_id, body.alarm_ids, operator_id=operator.operator_id)
        return AlarmListView(data=[_view(alarm) for alarm in moved])

    @router.post("/{alarm_id}/acknowledge", operation_id="alarms.acknowledge")
    async def acknowledge(alarm_id: AlarmId, operator: Annotated[Operator, Depends(changing)]) -> AlarmView:
        return _view(
            await alarms.move(operator.merchant_id, alarm_id, AlarmEvent.ACKNOWLEDGE, operator_id=operator.operator_id)
        )

    @router.post("/{alarm_id}/clear", operation_id="alarms.clear")
    async def clear(alarm_id: AlarmId, operator: Annotated[Operator, Depends(changing)]) -> AlarmView:
        return _view(
            await alarms.move(operator.merchant_id, alarm_id, AlarmEvent.CLEAR, operator_id=operator.operator_id)
        )

    @router.post("/{alarm_id}/assign", operation_id="alarms.assign")
    async def assign(
        alarm_id: AlarmId, body: AssignBody, operator: Annotated[Operator, Depends(changing)]
    ) -> AlarmView:
        return _view(
            await alarms.assign(operator.merchant_id, alarm_id, body.operator_id, operator_id=operator.operator_id)
        )

    @router.post("/{alarm_id}/snooze", operation_id="alarms.snooze")
    async def snooze(
        alarm_id: AlarmId, body: SnoozeBody, operator: Annotated[Operator, Depends(changing)]
    ) -> AlarmView:
        return _view(await alarms.snooze(operator.merchant_id, alarm_id, body.until, operator_id=operator.operator_id))

    @router.post("/{alarm_id}/comments", operation_id="alarms.comment")
    async def comment(
        alarm_id: AlarmId, body: CommentBody, operator: Annotated[Operator, Depends(changing)]
    ) -> AlarmView:
        return _view(await alarms.comment(operator.merchant_id, alarm_id, body.text, operator_id=operator.operator_id))


def _view(alarm: Alarm) -> AlarmView:
    fields = {name: getattr(alarm, name) for name in AlarmView.model_fields if name != "id"}
    return AlarmView(id=alarm.alarm_id, **fields)
