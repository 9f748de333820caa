"""`/api/v1/orders/{order}/units/{unit}/resolve` and `/api/v1/machines/{machine}/slots/{slot}/unlock`.

The reason is kept in the evidence with the operator who gave it.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.orders import Finding
from vendomat.cloud.platform.http import ASKED_ONCE
from vendomat.cloud.sales.goods_desk import GoodsDesk

REASON_CHARACTERS_MAX = 500
_Reason = Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX)]


class LookedBody(BaseModel):
    """Why the person says so."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: _Reason


class FindingBody(LookedBody):
    finding: Literal["came_out", "stayed_in", "not_knowable"]


class FoundView(BaseModel):
    order_id: str
    unit: int
    finding: Finding


class UnlockedView(BaseModel):
    machine_id: str
    slot: str


def goods_router(desk: GoodsDesk, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["goods"])
    resolving = permitted(current, Permission.UNIT_RESOLVE)
    unlocking = permitted(current, Permission.SLOT_UNLOCK, is_proven=True)

    @router.post("/orders/{order_id}/units/{unit}/resolve", operation_id="units.resolve", dependencies=[ASKED_ONCE])
    async def resolve(
        order_id: Annotated[str, Path(pattern=r"^ord_[0-9a-z]{26}$")],
        unit: Annotated[int, Path(ge=1, le=1000)],
        body: FindingBody,
        operator: Annotated[Operator, Depends(resolving)],
    ) -> FoundView:
        found = await desk.resolve(operator, order_id, unit, Finding(body.finding), reason=body.reason)
        return FoundView(order_id=order_id, unit=found.unit, finding=found.finding)

    @router.post("/machines/{machine_id}/slots/{slot}/unlock", operation_id="slots.unlock", dependencies=[ASKED_ONCE])
    async def unlock(
        machine_id: Annotated[str, Path(pattern=r"^mch_[0-9a-z]{26}$")],
        slot: Annotated[str, Path(pattern=r"^[A-Z0-9]{1,6}$")],
        body: LookedBody,
        operator: Annotated[Operator, Depends(unlocking)],
    ) -> UnlockedView:
        await desk.unlock(operator, machine_id, slot, reason=body.reason)
        return UnlockedView(machine_id=machine_id, slot=slot)

    return router
