"""How visits are asked: by platforms (notices), by buyers' pages and mini-programs, and by a merchant's people.

A buyer's page says which cooler, never who pays: that is the wallet's word. Whoever holds a visit's id may see it.
"""

from datetime import datetime
from typing import Annotated

import asyncpg
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.coolers import store
from vendomat.cloud.coolers.model import Visit, VisitState
from vendomat.cloud.coolers.service import VisitRequest, Visits
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import (
    ASKED_ONCE,
    LIMIT_DEFAULT,
    LIMIT_MAX,
    Cursor,
    Page,
    Throttle,
    page_of,
    read_body,
)
from vendomat.cloud.platform.rows import is_storable
from vendomat.kernel import MINOR_UNITS_MAX, Clock, ErrorCode, VendomatError, reference_of

NOTICE_BYTES_MAX = 64 * 1024
BEGUN_MAX, BEGUN_WINDOW_S = 30, 900.0
"""Visits that one network may begin in that time: each asks the platform for something."""
VisitId = Annotated[str, Path(pattern=r"^vis_[0-9a-z]{26}$")]
MachineId = Annotated[str, Path(pattern=r"^mch_[0-9a-z]{26}$")]


class BeginBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    request_id: Annotated[str, Field(min_length=8, max_length=80)]
    channel: Annotated[str, Field(pattern=r"^[a-z_]{1,20}$")] = "wechat"


class GoodView(BaseModel):
    """`given` was recognised too late to be charged."""

    slot: str
    product_id: str
    name: str
    price_minor: int
    taken: int
    given: int
    evidence: str


class BuyerVisitView(BaseModel):
    """`agreement` is what the page hands to the wallet, while it is to ask the buyer."""

    id: str
    reference: str
    state: VisitState
    reason: str
    agreement: str
    goods: list[GoodView]
    owed_minor: int
    paid_minor: int
    ceiling_minor: int
    currency: str


class VisitView(BaseModel):
    id: str
    reference: str
    machine_id: str
    machine_number: str
    state: VisitState
    reason: str
    door: str
    channel: str
    pieces: int
    owed_minor: int
    paid_minor: int
    currency: str
    created_at: datetime
    paid_at: datetime | None


class VisitEntryView(BaseModel):
    at: datetime
    source: str
    kind: str
    data: dict[str, object]


class VisitDetailView(VisitView):
    goods: list[GoodView]
    timeline: list[VisitEntryView]
    transaction_id: str


class WriteOffBody(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: Annotated[str, Field(min_length=1, max_length=200)]


class CoolerBody(BaseModel):
    """`ceiling_minor` is what a buyer agrees to at most; what is taken above it is given."""

    model_config = ConfigDict(extra="forbid")

    ceiling_minor: Annotated[int, Field(gt=0, le=MINOR_UNITS_MAX, strict=True)]
    is_active: bool


def visit_notice_router(visits: Visits) -> APIRouter:
    """`POST /notify/{merchant_id}/{channel}/visits`: where platforms report on service orders."""
    router = APIRouter()

    @router.post("/notify/{merchant_id}/{channel}/visits", include_in_schema=False)
    async def notice(merchant_id: str, channel: str, request: Request) -> Response:
        if not is_storable(merchant_id + channel):
            return Response(status_code=404)
        body = await read_body(request, NOTICE_BYTES_MAX)
        answer = await visits.take_notice(merchant_id, channel, dict(request.headers), body)
        if answer is None:
            return Response(status_code=404)
        return Response(answer.body, status_code=answer.status, media_type=answer.media_type)

    return router


def buyer_router(visits: Visits, database: Database, throttle: Throttle) -> APIRouter:
    """What a buyer's page or mini-program asks. `throttle` counts what a network begins."""
    router = APIRouter(prefix="/cooler", tags=["buyer"])

    @router.post("/{machine_id}/visits", operation_id="buyer.begin_visit", status_code=201)
    async def begin(machine_id: MachineId, body: BeginBody, request: Request) -> BuyerVisitView:
        address = request.client.host if request.client is not None else ""
        throttle.check(address)
        throttle.note_failure(address)
        async with database.hot.acquire() as connection:
            merchant_id = await store.merchant_of(connection, machine_id)
        if merchant_id is None:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no open-door cooler here; nothing was charged")
        return _buyer_view(await visits.begin(VisitRequest(merchant_id, machine_id, body.request_id, body.channel)))

    @router.get("/{machine_id}/visits/{visit_id}", operation_id="buyer.visit")
    async def look(machine_id: MachineId, visit_id: VisitId, response: Response) -> BuyerVisitView:
        response.headers["Cache-Control"] = "no-store"
        async with database.hot.acquire() as connection:
            merchant_id = await store.merchant_of(connection, machine_id)
        visit = await visits.find((merchant_id or "", visit_id))
        if visit.machine_id != machine_id:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such visit")
        return _buyer_view(visit)

    return router


def buyer_throttle(clock: Clock) -> Throttle:
    return Throttle(clock, failures_max=BEGUN_MAX, window_s=BEGUN_WINDOW_S)


def visits_router(visits: Visits, database: Database, current: CurrentOperator) -> APIRouter:
    """The console's: coolers, visits with their evidence, and the word of a person who gives money up."""
    router = APIRouter(prefix="/api/v1", tags=["visits"])
    reading = permitted(current, Permission.ORDER_READ)
    writing_off = permitted(current, Permission.DEBT_WRITE_OFF, is_proven=True)
    limiting = permitted(current, Permission.LIMIT_CHANGE, is_proven=True)

    @router.get("/visits", operation_id="visits.list")
    async def list_visits(
        operator: Annotated[Operator, Depends(reading)],
        *,
        machine_id: Annotated[str, Query(max_length=40)] = "",
        state: VisitState | None = None,
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> Page[VisitView]:
        after = Cursor.from_text(cursor) if cursor else None
        async with database.hot.acquire() as connection:
            rows = await store.list_visits(
                connection,
                operator.merchant_id,
                limit + 1,
                machine_id=machine_id,
                state=state or "",
                after=(after.at, after.id) if after else None,
            )
        return page_of(rows, limit, _listed, lambda row: Cursor(row["created_at"], row["visit_id"]))

    @router.get("/visits/{visit_id}", operation_id="visits.get")
    async def get_visit(visit_id: VisitId, operator: Annotated[Operator, Depends(reading)]) -> VisitDetailView:
        return await _detail(database, operator, visit_id)

    @router.post("/visits/{visit_id}/write-off", operation_id="visits.write_off", dependencies=[ASKED_ONCE])
    async def write_off(
        visit_id: VisitId, body: WriteOffBody, operator: Annotated[Operator, Depends(writing_off)]
    ) -> VisitDetailView:
        await visits.write_off((operator.merchant_id, visit_id), operator.operator_id, body.reason)
        return await _detail(database, operator, visit_id)

    @router.put("/coolers/{machine_id}", operation_id="visits.cooler", status_code=204)
    async def put_cooler(
        machine_id: MachineId, body: CoolerBody, operator: Annotated[Operator, Depends(limiting)]
    ) -> None:
        key = (operator.merchant_id, machine_id)
        try:
            async with database.hot.acquire() as connection:
                await store.put_cooler(connection, key, ceiling_minor=body.ceiling_minor, is_active=body.is_active)
        except asyncpg.ForeignKeyViolationError as error:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such machine; nothing changed") from error

    return router


async def _detail(database: Database, operator: Operator, visit_id: str) -> VisitDetailView:
    key = (operator.merchant_id, visit_id)
    async with database.hot.acquire() as connection:
        row = await store.find_row(connection, key)
        visit = await store.load_visit(connection, key, is_locking=False)
        timeline = await store.timeline_of(connection, key)
    if row is None or visit is None:
        raise VendomatError(ErrorCode.NOT_FOUND, "there is no such visit")
    return VisitDetailView.model_validate(
        _row(row) | {"goods": _goods(visit), "timeline": [dict(entry) for entry in timeline]}
    )


def _listed(row: asyncpg.Record) -> VisitView:
    return VisitView.model_validate(_row(row))


def _row(row: asyncpg.Record) -> dict[str, object]:
    return dict(row) | {"id": row["visit_id"], "reference": reference_of(row["visit_id"])}


def _goods(visit: Visit) -> list[GoodView]:
    return [
        GoodView(
            slot=good.slot,
            product_id=good.product_id,
            name=good.name,
            price_minor=good.price_minor,
            taken=good.taken,
            given=good.given,
            evidence=good.evidence,
        )
        for good in visit.goods
        if good.taken or good.given
    ]


def _buyer_view(visit: Visit) -> BuyerVisitView:
    return BuyerVisitView(
        id=visit.visit_id,
        reference=reference_of(visit.visit_id),
        state=visit.state,
        reason=visit.reason,
        agreement=visit.agreement,
        goods=_goods(visit),
        owed_minor=visit.owed_minor,
        paid_minor=visit.paid_minor,
        ceiling_minor=visit.ceiling_minor,
        currency=visit.currency,
    )
