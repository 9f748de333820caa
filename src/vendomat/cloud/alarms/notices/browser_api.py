"""`/api/v1/account/browsers`: which of one's own browsers are told of alarms by web push.

A subscription carries keys: it goes in and never comes out.
"""

from datetime import datetime
from typing import Annotated, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Header, Path
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.alarms.notices.api import Language, TestedView
from vendomat.cloud.alarms.notices.browsers import BrowserDesk, BrowserWish
from vendomat.cloud.alarms.notices.push_wire import ENDPOINT_CHARACTERS_MAX, Subscription
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted

KEY_CHARACTERS_MAX = 200
BrowserId = Annotated[str, Path(pattern=r"^ntc_[0-9a-z]{26}$")]
Key = Annotated[str, Field(min_length=1, max_length=KEY_CHARACTERS_MAX)]
Least = Literal["warning", "critical"]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class SubscriptionKeysBody(_Body):
    p256dh: Key
    auth: Key


class BrowserBody(_Body):
    """`endpoint` and `keys` as the browser's own `PushSubscription.toJSON()` says them. `min_severity` critical: no
    warnings."""

    endpoint: Annotated[str, Field(min_length=8, max_length=ENDPOINT_CHARACTERS_MAX)]
    keys: SubscriptionKeysBody
    language: Language
    min_severity: Least = "warning"


class BrowserView(BaseModel):
    """`agent` is what the browser calls itself, `seen_at` when it last had the console open. Not `is_active`: the
    browser, or its push service, has ended it. `error` is why the last notice did not arrive; `waiting` how many wait.
    """

    id: str
    agent: str
    language: Language
    min_severity: Least
    is_active: bool
    created_at: datetime
    seen_at: datetime
    last_sent_at: datetime | None
    error: str
    waiting: int


class BrowsersView(BaseModel):
    """`public_key` is the one a browser subscribes to (`applicationServerKey`, RFC 8292)."""

    public_key: str
    data: list[BrowserView]


def browsers_router(desk: BrowserDesk, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/account/browsers", tags=["account"])
    seeing = permitted(current, Permission.FLEET_READ)

    @router.get("", operation_id="browsers.list")
    async def all_of(operator: Annotated[Operator, Depends(seeing)]) -> BrowsersView:
        return BrowsersView(public_key=desk.public_key, data=[_view(one) for one in await desk.browsers(operator)])

    @router.put("", operation_id="browsers.put")
    async def put(
        body: BrowserBody, operator: Annotated[Operator, Depends(seeing)], user_agent: Annotated[str, Header()] = ""
    ) -> BrowserView:
        wish = BrowserWish(
            subscription=Subscription(body.endpoint, body.keys.p256dh, body.keys.auth),
            agent=user_agent,
            language=body.language,
            min_severity=body.min_severity,
        )
        return _view(await desk.turn_on(operator, wish))

    @router.delete("/{browser_id}", operation_id="browsers.remove", status_code=204)
    async def remove(browser_id: BrowserId, operator: Annotated[Operator, Depends(seeing)]) -> None:
        await desk.remove(operator, browser_id)

    @router.post("/{browser_id}/test", operation_id="browsers.test")
    async def test(browser_id: BrowserId, operator: Annotated[Operator, Depends(seeing)]) -> TestedView:
        tested = await desk.test(operator, browser_id)
        return TestedView(is_sent=tested.is_sent, reason=tested.reason)

    return router


def _view(row: sa.RowMapping) -> BrowserView:
    fields = {name: row[name] for name in BrowserView.model_fields if name not in ("id", "agent")}
    return BrowserView(id=row["channel_id"], agent=row["name"], **fields)
