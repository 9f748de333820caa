"""`/api/v1/order`: what a buyer's page asks, with the token of the order's link as bearer; and `/api/v1/claims`: the
queue of those who answer.

Tokens that open nothing and bills that fit nothing are counted per network, bills also over all networks (for this
worker), and answered alike. A buyer says little (one body has a limit), and only about their own order.
"""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vendomat.cloud.claims.buyer_desk import Bill, BuyerDesk, Saying
from vendomat.cloud.claims.claim_desk import ClaimDesk
from vendomat.cloud.claims.model import TEXT_CHARACTERS_MAX, What
from vendomat.cloud.claims.record_store import ClaimFilter
from vendomat.cloud.claims.views import BuyersOrderView, ClaimView, buyers_view, claim_view
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, network_of, permitted
from vendomat.cloud.platform.http import ASKED_ONCE, LIMIT_DEFAULT, LIMIT_MAX, Cursor, Page, Throttle, page_of
from vendomat.cloud.sales import Gift
from vendomat.kernel import MINOR_UNITS_MAX, Clock, ErrorCode, VendomatError

FAILURES_MAX = 10
FAILURES_IN_ALL_MAX = 300
FAILURES_WINDOW_S = 900.0
UNITS_MAX = 20
_BEARER = "Bearer "
_EVERYBODY = "everybody"

OrderId = Annotated[str, Path(pattern=r"^ord_[0-9a-z]{26}$")]
Reason = Annotated[str, Field(min_length=1, max_length=500)]


class BillBody(BaseModel):
    """What the wallet's bill says. `amount` is written as there: `5.50`."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    number: Annotated[str, Field(min_length=8, max_length=64)]
    amount: Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,3})?$")]
    paid_at: AwareDatetime


class LinkView(BaseModel):
    """`token` is what stands behind the `#` of the order's page."""

    token: str


class SayingBody(BaseModel):
    """`units` are the pieces it is about, when the buyer names them."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    request_id: Annotated[str, Field(min_length=8, max_length=80)]
    what: What
    units: Annotated[list[Annotated[int, Field(ge=1, le=1000, strict=True)]], Field(max_length=UNITS_MAX)] = []
    text: Annotated[str, Field(max_length=TEXT_CHARACTERS_MAX)] = ""


class AnswerView(BaseModel):
    """`answer` is goes_back (the money does already, so nobody was asked) or a_person (somebody will read it)."""

    answer: Literal["goes_back", "a_person"]
    order: BuyersOrderView


class DeclineBody(BaseModel):
    """The buyer reads `reason`."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: Reason


class GrantBody(DeclineBody):
    """With `amount_minor` and `ordinal` as for goodwill; without both, by the refund that is under way or done."""

    amount_minor: Annotated[int, Field(gt=0, le=MINOR_UNITS_MAX)] | None = None
    ordinal: Annotated[int, Field(ge=1, le=1000)] | None = None


class BuyerThrottles:
    """Failed tries: of one network, and of bills in all."""

    def __init__(self, clock: Clock) -> None:
        self._here = Throttle(clock, failures_max=FAILURES_MAX, window_s=FAILURES_WINDOW_S)
        self._all = Throttle(clock, failures_max=FAILURES_IN_ALL_MAX, window_s=FAILURES_WINDOW_S)

    def check(self, network: str, *, is_bill: bool = False) -> None:
        """Raises `VendomatError(rate_limited)`."""
        self._here.check(network)
        if is_bill:
            self._all.check(_EVERYBODY)

    def note(self, network: str, *, is_bill: bool = False) -> None:
        self._here.note_failure(network)
        if is_bill:
            self._all.note_failure(_EVERYBODY)


def buyers_router(desk: BuyerDesk, throttles: BuyerThrottles) -> APIRouter:
    router = APIRouter(prefix="/api/v1/order", tags=["order"])

    async def token_of(authorization: Annotated[str, Header(max_length=200)] = "") -> str:
        return authorization.removeprefix(_BEARER)

    async def see(request: Request, response: Response, token: str) -> BuyersOrderView:
        response.headers["Cache-Control"] = "no-store"
        network = _network(request)
        throttles.check(network)
        try:
            return buyers_view(await desk.see(token))
        except VendomatError as refusal:
            if refusal.code is ErrorCode.NOT_FOUND:
                throttles.note(network)
            raise

    @router.get("", operation_id="order.see")
    async def show(request: Request, response: Response, token: Annotated[str, Depends(token_of)]) -> BuyersOrderView:
        return await see(request, response, token)

    @router.post("/find", operation_id="order.find")
    async def find(request: Request, response: Response, body: BillBody) -> LinkView:
        response.headers["Cache-Control"] = "no-store"
        network = _network(request)
        throttles.check(network, is_bill=True)
        try:
            return LinkView(token=await desk.find(Bill(body.number, body.amount, _within_reason(body.paid_at))))
        except VendomatError as refusal:
            if refusal.code is ErrorCode.NOT_FOUND:
                throttles.note(network, is_bill=True)
            raise

    @router.post("/claim", operation_id="order.claim")
    async def claim(
        request: Request, response: Response, body: SayingBody, token: Annotated[str, Depends(token_of)]
    ) -> AnswerView:
        await see(request, response, token)
        saying = Saying(body.request_id, body.what, tuple(body.units), body.text)
        is_read = await desk.say(token, saying)
        return AnswerView(answer="a_person" if is_read else "goes_back", order=buyers_view(await desk.see(token)))

    return router


def claims_router(desk: ClaimDesk, current: CurrentOperator, clock: Clock) -> APIRouter:
    router = APIRouter(prefix="/api/v1/claims", tags=["claims"])
    reading = permitted(current, Permission.ORDER_READ)
    deciding = permitted(current, Permission.CLAIM_DECIDE)
    granting = permitted(current, Permission.CLAIM_DECIDE, is_proven=True)

    async def view(operator: Operator, order_id: str) -> ClaimView:
        row, words = await desk.claim(operator.merchant_id, order_id)
        return claim_view(row, words)

    @router.get("", operation_id="claims.list")
    async def list_claims(
        operator: Annotated[Operator, Depends(reading)],
        *,
        state: Annotated[Literal["open", "decided"], Query()] = "open",
        machine: Annotated[str | None, Query(pattern=r"^mch_[0-9a-z]{26}$")] = None,
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> Page[ClaimView]:
        rows = await desk.claims(
            operator.merchant_id,
            ClaimFilter(state == "open", clock.now(), machine),
            after=Cursor.from_text(cursor) if cursor else None,
            limit=limit + 1,
        )
        return page_of(
            rows, limit, lambda row: claim_view(*row), lambda row: Cursor(row[0]["since"], row[0]["order_id"])
        )

    @router.get("/{order_id}", operation_id="claims.get")
    async def get(order_id: OrderId, operator: Annotated[Operator, Depends(reading)]) -> ClaimView:
        return await view(operator, order_id)

    @router.post("/{order_id}/grant", operation_id="claims.grant", dependencies=[ASKED_ONCE])
    async def grant(order_id: OrderId, body: GrantBody, operator: Annotated[Operator, Depends(granting)]) -> ClaimView:
        if body.amount_minor is None and body.ordinal is None:
            await desk.grant_by_standing(operator, order_id, body.reason)
        elif body.amount_minor is not None and body.ordinal is not None:
            await desk.grant(operator, order_id, Gift(body.amount_minor, body.ordinal, body.reason))
        else:
            raise VendomatError(ErrorCode.INVALID_VALUE, "an amount goes with its ordinal; nothing changed")
        return await view(operator, order_id)

    @router.post("/{order_id}/decline", operation_id="claims.decline", dependencies=[ASKED_ONCE])
    async def decline(
        order_id: OrderId, body: DeclineBody, operator: Annotated[Operator, Depends(deciding)]
    ) -> ClaimView:
        await desk.decline(operator, order_id, body.reason)
        return await view(operator, order_id)

    return router


def _network(request: Request) -> str:
    return network_of(request.client.host if request.client is not None else "")


def _within_reason(moment: datetime) -> datetime:
    """A moment that calculations around it do not carry out of the calendar. Raises `VendomatError(invalid_value)`."""
    if not 2000 <= moment.year < 3000:
        raise VendomatError(ErrorCode.INVALID_VALUE, "this is not when something was paid here")
    return moment
