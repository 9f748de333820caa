"""`/api/v1/changes`: the change log, read only; and its seal."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Protocol

import asyncpg
import msgspec
from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, Field

from vendomat.cloud.changes.service import ChangeLog
from vendomat.cloud.changes.store import ChangeFilter
from vendomat.cloud.platform.http import LIMIT_DEFAULT, LIMIT_MAX, Cursor, Page, page_of
from vendomat.kernel import ErrorCode, VendomatError

Text = Annotated[str, Field(max_length=100)]


class Reader(Protocol):
    """Whoever asks; the caller's dependency has checked that they may."""

    @property
    def merchant_id(self) -> str: ...


class ChangeQuery(BaseModel):
    """`what` is the first word of the action. `until` is not part of the span."""

    actor: Text = ""
    what: Text = ""
    subject: Text = ""
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT
    cursor: Annotated[str | None, Field(max_length=200)] = None


class ChangeView(BaseModel):
    """`before` and `after` hold what differs. `subject_zh` and `subject_en`: what a product, site or person is called
    now; empty for anything else."""

    seq: int
    at: datetime
    actor: str
    actor_name: str
    action: str
    subject: str
    subject_zh: str
    subject_en: str
    reason: str
    before: dict[str, object] | None
    after: dict[str, object] | None
    link: str


class SealView(BaseModel):
    """Number and link of the newest entry; `broken_at` is the first entry that was tampered with."""

    seq: int
    link: str
    is_whole: bool
    broken_at: int | None


def changes_router(log: ChangeLog, reading: Callable[[Request], Awaitable[Reader]]) -> APIRouter:
    router = APIRouter(prefix="/api/v1/changes", tags=["change log"])

    @router.get("", operation_id="changes.list")
    async def list_changes(
        reader: Annotated[Reader, Depends(reading)], query: Annotated[ChangeQuery, Query()]
    ) -> Page[ChangeView]:
        wanted = ChangeFilter(query.actor, query.what, query.subject, query.since, query.until, _place(query.cursor))
        rows = await log.find(reader.merchant_id, wanted, limit=query.limit + 1)
        return page_of(rows, query.limit, _view, lambda row: Cursor(row["at"], str(row["seq"])))

    @router.get("/seal", operation_id="changes.seal")
    async def seal(reader: Annotated[Reader, Depends(reading)]) -> SealView:
        found = await log.seal(reader.merchant_id)
        return SealView(
            seq=found.head.seq,
            link=found.head.link,
            is_whole=found.broken_at is None,
            broken_at=found.broken_at,
        )

    return router


def _view(row: asyncpg.Record) -> ChangeView:
    said = msgspec.json.decode(row["content"], type=dict[str, object])
    columns = {name: value for name, value in row.items() if name != "content"}
    return ChangeView.model_validate({**columns, **{name: said[name] for name in ("reason", "before", "after")}})


def _place(cursor: str | None) -> int | None:
    if not cursor:
        return None
    number = Cursor.from_text(cursor).id
    if not number.isdecimal() or len(number) > 18:
        raise VendomatError(ErrorCode.INVALID_VALUE, "this cursor is not one we gave; start again without a cursor")
    return int(number)
