"""`/api/v1/member`: what the member's own page asks, with the key of the member's link as bearer.

Whoever has the key is the member; keys that are not good are counted per network and answered alike. Refuses to change
anything but the codes shown and the top-ups begun.
"""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.members import CODE_LIFE, Member, Members, MemberState, qr_of
from vendomat.cloud.orders import OrderState
from vendomat.cloud.payments import PaymentState
from vendomat.cloud.platform.http import LIMIT_DEFAULT, LIMIT_MAX, Throttle
from vendomat.cloud.sales.model import Purchase
from vendomat.cloud.sales.top_ups import TopUpRequest, TopUps
from vendomat.cloud.wallets import NEWEST, WalletBook, WalletStatementView, statement_view
from vendomat.kernel import MINOR_UNITS_MAX, Clock, ErrorCode, VendomatError, reference_of

FAILURES_MAX = 20
FAILURES_WINDOW_S = 900.0
_BEARER = "Bearer "


class WalletView(BaseModel):
    """`top_up_max_minor` is for one top-up; the day and the balance may allow less."""

    name: str
    merchant: str
    state: MemberState
    balance_minor: int
    currency: str
    channels: list[str]
    top_up_min_minor: int
    top_up_max_minor: int


class ShownCodeView(BaseModel):
    """`digits` and `qr` (an SVG drawing of them) are good for `expires_in_s`, and for one payment."""

    digits: str
    qr: str
    expires_in_s: float


class TopUpBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    request_id: Annotated[str, Field(min_length=8, max_length=80)]
    channel: Annotated[str, Field(pattern=r"^[a-z_]{1,20}$")]
    amount_minor: Annotated[int, Field(gt=0, le=MINOR_UNITS_MAX, strict=True)]


TopUpState = Literal["starting", "waiting", "checking", "credited", "refunded", "ended"]


class TopUpView(BaseModel):
    """`state` is starting (no code yet), waiting, checking, credited, refunded or ended."""

    id: str
    reference: str
    state: TopUpState
    channel: str
    amount_minor: int
    currency: str
    code_url: str
    qr: str
    expires_at: datetime


def member_router(members: Members, book: WalletBook, top_ups: TopUps, throttle: Throttle) -> APIRouter:
    """`throttle` counts keys that are not good."""
    router = APIRouter(prefix="/api/v1/member", tags=["member"])

    async def current(request: Request, authorization: Annotated[str, Header(max_length=200)] = "") -> Member:
        address = request.client.host if request.client is not None else ""
        throttle.check(address)
        try:
            return await members.member_of(authorization.removeprefix(_BEARER))
        except VendomatError as refusal:
            if refusal.code is ErrorCode.NOT_SIGNED_IN:
                throttle.note_failure(address)
            raise

    @router.get("", operation_id="member.wallet")
    async def wallet(response: Response, member: Annotated[Member, Depends(current)]) -> WalletView:
        response.headers["Cache-Control"] = "no-store"
        offer = await book.offer(member.merchant_id)
        return WalletView(
            name=member.name,
            merchant=offer.merchant_name,
            state=member.state,
            balance_minor=await book.balance(member.merchant_id, member.member_id),
            currency=offer.currency,
            channels=list(offer.channels),
            top_up_min_minor=top_ups.limits.top_up_min_minor,
            top_up_max_minor=top_ups.limits.top_up_max_minor,
        )

    @router.post("/code", operation_id="member.code", status_code=201)
    async def code(response: Response, member: Annotated[Member, Depends(current)]) -> ShownCodeView:
        response.headers["Cache-Control"] = "no-store"
        shown = await members.show_code(member)
        return ShownCodeView(digits=shown.digits, qr=qr_of(shown.digits), expires_in_s=CODE_LIFE.total_seconds())

    @router.get("/statement", operation_id="member.statement")
    async def statement(
        member: Annotated[Member, Depends(current)],
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
        before: Annotated[int, Query(ge=1, le=NEWEST)] = NEWEST,
    ) -> WalletStatementView:
        found = await book.statement(member.merchant_id, member.member_id, before=before, limit=limit + 1)
        return statement_view(found, limit)

    @router.post("/top-ups", operation_id="member.top_up", status_code=201)
    async def begin(body: TopUpBody, member: Annotated[Member, Depends(current)]) -> TopUpView:
        request = TopUpRequest(body.request_id, body.channel, body.amount_minor)
        return _view(await top_ups.begin(member, request))

    @router.get("/top-ups/{order_id}", operation_id="member.get_top_up")
    async def find(
        order_id: Annotated[str, Path(pattern=r"^ord_[0-9a-z]{26}$")], member: Annotated[Member, Depends(current)]
    ) -> TopUpView:
        return _view(await top_ups.find(member, order_id))

    return router


def member_throttle(clock: Clock) -> Throttle:
    return Throttle(clock, failures_max=FAILURES_MAX, window_s=FAILURES_WINDOW_S)


def _view(purchase: Purchase) -> TopUpView:
    payment = purchase.payments[0]
    state = _state(purchase)
    code_url = payment.code_url if state == "waiting" else ""
    return TopUpView(
        id=purchase.order_id,
        reference=reference_of(purchase.order_id),
        state=state,
        channel=payment.channel,
        amount_minor=purchase.total_minor,
        currency=purchase.currency,
        code_url=code_url,
        qr=qr_of(code_url) if code_url else "",
        expires_at=purchase.expires_at,
    )


def _state(purchase: Purchase) -> TopUpState:
    payment = purchase.payments[0]
    if purchase.state is OrderState.SETTLED:
        return "credited"
    if payment.state is PaymentState.PAID:
        is_back = bool(purchase.refunds) and not any(r.is_open for r in purchase.refunds)
        return "refunded" if is_back else "checking"
    if not purchase.is_open:
        return "ended"
    if payment.close_wanted or payment.state is PaymentState.UNKNOWN:
        return "checking"
    return "waiting" if payment.code_url else "starting"
