"""`GET /api/v1/events/stream`: live events for open pages, as server-sent events.

Authenticated by the session cookie, since EventSource cannot set headers. A stream ends after some minutes, so that an
ended session ends its streams; the page comes back by itself with `Last-Event-ID` and misses nothing.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.reports.stream import EventFeeds, Place
from vendomat.cloud.reports.views import LiveEventView

PING_S = 15
STREAM_S_MAX = 600.0


class _EventStream(EventSourceResponse):
    """Says to the API's document what kind of answer it is."""

    media_type = "text/event-stream"


def stream_router(feeds: EventFeeds, current: CurrentOperator) -> APIRouter:
    router = APIRouter(tags=["events"])
    reading = permitted(current, Permission.FLEET_READ)

    @router.get(
        "/api/v1/events/stream",
        operation_id="events.stream",
        response_class=_EventStream,
        responses={
            200: {"model": LiveEventView, "description": "Events, each with its id; its `type` says what happened."}
        },
    )
    async def stream(
        operator: Annotated[Operator, Depends(reading)],
        last_event_id: Annotated[str | None, Header(max_length=40)] = None,
    ) -> EventSourceResponse:
        last = Place.from_text(last_event_id) if last_event_id else None
        return EventSourceResponse(
            _events(feeds, operator.merchant_id, last),
            ping=PING_S,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return router


async def _events(feeds: EventFeeds, merchant_id: str, last: Place | None) -> AsyncGenerator[ServerSentEvent, None]:
    yield ServerSentEvent(comment="welcome", retry=2000)
    try:
        async with asyncio.timeout(STREAM_S_MAX), aclosing(feeds.follow(merchant_id, last)) as events:
            async for event in events:
                yield ServerSentEvent(data=event.to_json(), id=str(event.place))
    except TimeoutError:
        return
