"""`/api/v1/orders/{order}/…`: ask for an order's money back, try a refund again, let a held one go, give goodwill.

The reason is kept in the order's evidence with the operator who gave it.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.merchants import CurrentOperator, Operator, changing_operator
from vendomat.cloud.sales.model import Purchase
from vendomat.cloud.sales.refund_desk import Gift, RefundDesk
from vendomat.kernel import MINOR_UNITS_MAX

REASON_CHARACTERS_MAX = 200
OrderId = Annotated[str, Path(pattern=r"^ord_[0-9a-z]{26}$")]
RefundId = Annotated[str, Path(pattern=r"^rfd_[0-9a-z]{26}$")]


class ReasonBody(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX)]


class GiftBody(ReasonBody):
    """`ordinal` is one more than the refunds of the payment that the page showed: sent twice, it is given once."""

    amount_minor: Annotated[int, Field(gt=0, le=MINOR_UNITS_MAX)]
    ordinal: Annotated[int, Field(ge=1, le=1000)]


class StandingView(BaseModel):
    """How the order stands now; the whole of it is read where orders are read."""

    id: str
    state: str
    version: int


def refunds_router(desk: RefundDesk, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/orders/{order_id}", tags=["refunds"])
    changing = changing_operator(current)

    @router.post("/refund", operation_id="refunds.ask")
    async def ask(
        order_id: OrderId, body: ReasonBody, operator: Annotated[Operator, Depends(changing)]
    ) -> StandingView:
        return _view(await desk.ask(operator, order_id, body.reason))

    @router.post("/refunds/{refund_id}/again", operation_id="refunds.again")
    async def again(
        order_id: OrderId, refund_id: RefundId, body: ReasonBody, operator: Annotated[Operator, Depends(changing)]
    ) -> StandingView:
        return _view(await desk.try_again(operator, order_id, refund_id, body.reason))

    @router.post("/refunds/{refund_id}/release", operation_id="refunds.release")
    async def release(
        order_id: OrderId, refund_id: RefundId, body: ReasonBody, operator: Annotated[Operator, Depends(changing)]
    ) -> StandingView:
        return _view(await desk.release(operator, order_id, refund_id, body.reason))

    @router.post("/refunds/{refund_id}/decline", operation_id="refunds.decline")
    async def decline(
        order_id: OrderId, refund_id: RefundId, body: ReasonBody, operator: Annotated[Operator, Depends(changing)]
    ) -> StandingView:
        return _view(await desk.decline(operator, order_id, refund_id, body.reason))

    @router.post("/goodwill", operation_id="refunds.give")
    async def give(order_id: OrderId, body: GiftBody, operator: Annotated[Operator, Depends(changing)]) -> StandingView:
        return _view(await desk.give(operator, order_id, Gift(body.amount_minor, body.ordinal, body.reason)))

    return router


def _view(purchase: Purchase) -> StandingView:
    return StandingView(id=purchase.order_id, state=purchase.state.value, version=purchase.version)
