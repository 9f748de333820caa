"""`POST /api/v1/machines/{machine}/stock`: slots filled, emptied or counted by hand."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import ASKED_ONCE
from vendomat.cloud.stock.desk import StockDesk
from vendomat.cloud.stock.model import PIECES_MAX, Deed, Handled

SLOTS_MAX = 200


class HandledBody(BaseModel):
    """`quantity` pieces were put in, were taken out, or are there."""

    model_config = ConfigDict(extra="forbid")

    slot: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,6}$")]
    quantity: Annotated[int, Field(ge=0, le=PIECES_MAX)]


class StockBody(BaseModel):
    """What was done to these slots. Goods that are taken out need a reason."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    deed: Deed
    slots: Annotated[list[HandledBody], Field(min_length=1, max_length=SLOTS_MAX)]
    reason: Annotated[str, Field(max_length=500)] = ""

    @model_validator(mode="after")
    def _why(self) -> "StockBody":
        if self.deed is Deed.REMOVE and not self.reason:
            raise ValueError("say why goods are taken out")
        return self


class StockedView(BaseModel):
    """`before` null: the slot was never counted."""

    slot: str
    before: int | None
    on_hand: int


class StockView(BaseModel):
    slots: list[StockedView]


def stock_router(desk: StockDesk, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/machines", tags=["goods"])
    restocking = permitted(current, Permission.RESTOCK)

    @router.post("/{machine_id}/stock", operation_id="stock.handle", dependencies=[ASKED_ONCE])
    async def handle(
        machine_id: Annotated[str, Path(pattern=r"^mch_[0-9a-z]{26}$")],
        body: StockBody,
        operator: Annotated[Operator, Depends(restocking)],
    ) -> StockView:
        handled = [Handled(one.slot, one.quantity) for one in body.slots]
        done = await desk.handle(operator, machine_id, body.deed, handled, reason=body.reason)
        return StockView(slots=[StockedView(slot=one.slot, before=one.before, on_hand=one.on_hand) for one in done])

    return router
