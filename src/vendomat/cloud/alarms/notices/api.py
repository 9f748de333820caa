"""`/api/v1/notification-channels`, `/api/v1/alarm-rules`, `/api/v1/quiet-hours`: who is told of what, and when.

Endpoints carry keys: they go in and never come out.
"""

from datetime import datetime
from typing import Annotated, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Header, Path
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.alarms.notices.desk import ChannelChange, NoticeDesk, Rule
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import ASKED_ONCE

ENDPOINT_CHARACTERS_MAX = 2_000
ChannelId = Annotated[str, Path(pattern=r"^ntc_[0-9a-z]{26}$")]
Kind = Annotated[str, Path(pattern=r"^[a-z][a-z_.]{1,63}$")]
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]*$")]
Endpoint = Annotated[str, Field(min_length=8, max_length=ENDPOINT_CHARACTERS_MAX, pattern=r"^[^\x00-\x20]*$")]
Language = Literal["zh-CN", "en"]
MinSeverity = Literal["warning", "critical", "none"]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class NewChannelBody(_Body):
    """`endpoint` in the form of the library that sends, for example `json://host/path`. `min_severity` none: only what
    is escalated."""

    name: Name
    endpoint: Endpoint
    language: Language = "zh-CN"
    min_severity: MinSeverity = "warning"


class ChannelBody(_Body):
    """What is not named stays."""

    name: Name | None = None
    endpoint: Endpoint | None = None
    language: Language | None = None
    min_severity: MinSeverity | None = None
    is_active: bool | None = None


class RuleBody(_Body):
    severity: Literal["", "warning", "critical"] = ""
    delay_s: Annotated[int, Field(ge=0, le=86_400)] = 0
    is_silent: bool = False
    is_auto_cleared: bool = False
    escalate_after_min: Annotated[int, Field(ge=0, le=10_080)] = 0
    escalate_to: Annotated[str, Field(pattern=r"^(ntc_[0-9a-z]{26})?$")] = ""


class QuietBody(_Body):
    """Minutes of the day by the merchant's clock; both null: never quiet."""

    from_minute: Annotated[int, Field(ge=0, le=1439)] | None
    until_minute: Annotated[int, Field(ge=0, le=1439)] | None


class NoticeChannelView(BaseModel):
    """`error` is why the last message did not arrive; `waiting` how many notices wait."""

    id: str
    name: str
    scheme: str
    language: Language
    min_severity: MinSeverity
    is_active: bool
    created_at: datetime
    last_sent_at: datetime | None
    error: str
    waiting: int


class NoticeChannelsView(BaseModel):
    data: list[NoticeChannelView]


class TestedView(BaseModel):
    is_sent: bool
    reason: str


class AlarmRuleView(RuleBody):
    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    kind: str


class AlarmRulesView(BaseModel):
    data: list[AlarmRuleView]


class QuietView(BaseModel):
    from_minute: int | None
    until_minute: int | None
    time_zone: str


def notices_router(desk: NoticeDesk, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["notifications"])
    reading = permitted(current, Permission.FLEET_READ)
    setting = permitted(current, Permission.SETTINGS_CHANGE)

    @router.get("/notification-channels", operation_id="notification_channels.list")
    async def list_channels(operator: Annotated[Operator, Depends(reading)]) -> NoticeChannelsView:
        return NoticeChannelsView(data=[_view(row) for row in await desk.channels(operator.merchant_id)])

    @router.post(
        "/notification-channels",
        operation_id="notification_channels.create",
        dependencies=[ASKED_ONCE],
        status_code=201,
    )
    async def add(
        body: NewChannelBody,
        operator: Annotated[Operator, Depends(setting)],
        idempotency_key: Annotated[str, Header()],
    ) -> NoticeChannelView:
        change = ChannelChange(**body.model_dump())
        row = await desk.add(operator.merchant_id, change, by=operator.operator_id, request_key=idempotency_key)
        return _view(row)

    @router.patch("/notification-channels/{channel_id}", operation_id="notification_channels.update")
    async def change(
        channel_id: ChannelId, body: ChannelBody, operator: Annotated[Operator, Depends(setting)]
    ) -> NoticeChannelView:
        change = ChannelChange(**body.model_dump())
        return _view(await desk.change(operator.merchant_id, channel_id, change, by=operator.operator_id))

    @router.post("/notification-channels/{channel_id}/test", operation_id="notification_channels.test")
    async def test(channel_id: ChannelId, operator: Annotated[Operator, Depends(setting)]) -> TestedView:
        tested = await desk.test(operator.merchant_id, channel_id)
        return TestedView(is_sent=tested.is_sent, reason=tested.reason)

    @router.get("/alarm-rules", operation_id="alarm_rules.list")
    async def rules(operator: Annotated[Operator, Depends(reading)]) -> AlarmRulesView:
        return AlarmRulesView(data=[_rule(rule) for rule in await desk.rules(operator.merchant_id)])

    @router.put("/alarm-rules/{kind}", operation_id="alarm_rules.put")
    async def put_rule(kind: Kind, body: RuleBody, operator: Annotated[Operator, Depends(setting)]) -> AlarmRuleView:
        rule = Rule(kind=kind, **body.model_dump())
        return _rule(await desk.put_rule(operator.merchant_id, rule, by=operator.operator_id))

    @router.get("/quiet-hours", operation_id="quiet_hours.get")
    async def quiet(operator: Annotated[Operator, Depends(reading)]) -> QuietView:
        return QuietView(**await desk.quiet_hours(operator.merchant_id))

    @router.put("/quiet-hours", operation_id="quiet_hours.put")
    async def put_quiet(body: QuietBody, operator: Annotated[Operator, Depends(setting)]) -> QuietView:
        hours = None if body.from_minute is None or body.until_minute is None else (body.from_minute, body.until_minute)
        return QuietView(**await desk.put_quiet_hours(operator.merchant_id, hours, by=operator.operator_id))

    return router


def _view(row: sa.RowMapping) -> NoticeChannelView:
    fields = {name: row[name] for name in NoticeChannelView.model_fields if name != "id"}
    return NoticeChannelView(id=row["channel_id"], **fields)


def _rule(rule: Rule) -> AlarmRuleView:
    return AlarmRuleView(**{name: getattr(rule, name) for name in AlarmRuleView.model_fields})
