"""`/api/v1/reconciliation`: the days of a merchant's accounts, a day's items, and a person's word about one."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.payments import BillKind
from vendomat.cloud.platform.http import ASKED_ONCE, LIMIT_DEFAULT, LIMIT_MAX, Cursor, Page, described_body
from vendomat.cloud.reconciliation.desk import ReconciliationDayView, ReconciliationDesk, ReconciliationItemView
from vendomat.cloud.reconciliation.model import AccountDay, ItemMove
from vendomat.cloud.reconciliation.request_desk import RequestDesk

REASON_CHARACTERS_MAX = 500
Channel = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{1,31}$")]
ACCOUNT_PATTERN = r"^[0-9A-Za-z_-]{1,64}$"
Account = Annotated[str, Path(pattern=ACCOUNT_PATTERN)]
BILL_TYPES = frozenset({"application/octet-stream"})
"""What a browser calls a file differs from system to system; what it is, its first bytes say."""
_MOVES = {"explained": ItemMove.EXPLAIN, "fixed": ItemMove.FIX}


class ResolutionBody(BaseModel):
    """`explained`: both books were right; `fixed`: one was wrong, and was put right."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    state: Literal["explained", "fixed"]
    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX)]


class BillFileQuery(BaseModel):
    """Which bill a file is. Other channels make no files."""

    channel: Literal["wechat", "alipay"]
    account: Annotated[str, Field(pattern=ACCOUNT_PATTERN)]
    day: date
    kind: BillKind
    file_name: Annotated[str, Field(max_length=200)] = ""


class FeeContractBody(BaseModel):
    """The fee in millionths of what was paid: 6000 is 0.6 %."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rate_ppm: Annotated[int, Field(ge=0, le=1_000_000)]


def reconciliation_router(desk: ReconciliationDesk, requests: RequestDesk, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/reconciliation", tags=["reconciliation"])
    reading = permitted(current, Permission.STATEMENT_READ)
    reconciling = permitted(current, Permission.RECONCILE)

    @router.get("/days", operation_id="reconciliation.days")
    async def list_days(
        operator: Annotated[Operator, Depends(reading)],
        state: Annotated[Literal["open"] | None, Query()] = None,
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> Page[ReconciliationDayView]:
        after = Cursor.from_text(cursor) if cursor else None
        return await desk.days(operator.merchant_id, only_open=state == "open", after=after, limit=limit)

    @router.get("/days/{channel}/{account}/{day}", operation_id="reconciliation.day")
    async def find_day(
        channel: Channel, account: Account, day: date, operator: Annotated[Operator, Depends(reading)]
    ) -> ReconciliationDayView:
        return await desk.day(operator.merchant_id, AccountDay(operator.merchant_id, channel, account, day))

    @router.get("/days/{channel}/{account}/{day}/items", operation_id="reconciliation.items")
    async def list_items(
        *,
        channel: Channel,
        account: Account,
        day: date,
        operator: Annotated[Operator, Depends(reading)],
        state: Annotated[Literal["open"] | None, Query()] = None,
    ) -> list[ReconciliationItemView]:
        place = AccountDay(operator.merchant_id, channel, account, day)
        return await desk.items(operator.merchant_id, place, only_open=state == "open")

    @router.post("/items/{item_id}/resolve", operation_id="reconciliation.resolve", dependencies=[ASKED_ONCE])
    async def resolve(
        item_id: Annotated[str, Path(pattern=r"^rci_[0-9a-z]{26}$")],
        body: ResolutionBody,
        operator: Annotated[Operator, Depends(reconciling)],
    ) -> ReconciliationItemView:
        return await desk.resolve(operator, item_id, _MOVES[body.state], body.reason)

    @router.put("/fees/{channel}/{account}", operation_id="reconciliation.set_fee", status_code=204)
    async def set_fee(
        channel: Channel, account: Account, body: FeeContractBody, operator: Annotated[Operator, Depends(reconciling)]
    ) -> None:
        await desk.set_fee_rate(operator, channel, account, body.rate_ppm)

    _add_requests(router, desk, requests, reconciling)
    return router


def _add_requests(
    router: APIRouter, desk: ReconciliationDesk, requests: RequestDesk, reconciling: CurrentOperator
) -> None:
    @router.post(
        "/days/{channel}/{account}/{day}/fetch",
        operation_id="reconciliation.fetch",
        dependencies=[ASKED_ONCE],
        status_code=202,
    )
    async def fetch(
        channel: Channel, account: Account, day: date, operator: Annotated[Operator, Depends(reconciling)]
    ) -> ReconciliationDayView:
        place = AccountDay(operator.merchant_id, channel, account, day)
        await requests.ask(operator, place)
        return await desk.day(operator.merchant_id, place)

    @router.post(
        "/bills", operation_id="reconciliation.give", status_code=202, openapi_extra=described_body(*BILL_TYPES)
    )
    async def give(
        request: Request, file: Annotated[BillFileQuery, Query()], operator: Annotated[Operator, Depends(reconciling)]
    ) -> ReconciliationDayView:
        """The platform's own file, plain or packed by gzip, as the whole body."""
        place = AccountDay(operator.merchant_id, file.channel, file.account, file.day)
        await requests.give(operator, place, file.kind, chunks=request.stream(), file_name=file.file_name)
        return await desk.day(operator.merchant_id, place)
