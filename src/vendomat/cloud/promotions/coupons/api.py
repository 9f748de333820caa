"""`/api/v1/promotions/…/coupons`: issue, list, withdraw. The codes are in the answer to issuing only."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import ASKED_ONCE
from vendomat.cloud.promotions.coupons.model import COUNT_MAX, USES_MAX, CouponBatch, NewCoupons
from vendomat.cloud.promotions.coupons.service import Coupons
from vendomat.protocol import COUPON_PATTERN

PromotionId = Annotated[str, Path(pattern=r"^prm_[0-9a-z]{26}$")]
BatchId = Annotated[str, Path(pattern=r"^cpb_[0-9a-z]{26}$")]


class NewCouponsBody(BaseModel):
    """`count` drawn codes, or one `word` (and a `count` of 1); each counts for `uses_each` orders."""

    model_config = ConfigDict(extra="forbid")

    word: Annotated[str, Field(pattern=rf"^({COUPON_PATTERN})?$")] = ""
    count: Annotated[int, Field(ge=1, le=COUNT_MAX, strict=True)] = 1
    uses_each: Annotated[int, Field(ge=1, le=USES_MAX, strict=True)] = 1
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None


class CouponBatchView(BaseModel):
    """What was issued at once. `used` counts the orders that hold a use of it."""

    id: str
    promotion_id: str
    word: str
    count: int
    uses_each: int
    used: int
    starts_at: datetime | None
    ends_at: datetime | None
    created_at: datetime
    withdrawn_at: datetime | None


class IssuedCouponsView(BaseModel):
    """`codes` are shown here and never again."""

    batch: CouponBatchView
    codes: list[str]


def coupons_router(coupons: Coupons, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/promotions/{promotion_id}/coupons", tags=["promotions"])
    reading = permitted(current, Permission.CATALOG_READ)
    changing = permitted(current, Permission.PRICE_CHANGE)
    issuing = permitted(current, Permission.PRICE_CHANGE, is_proven=True)

    @router.get("", operation_id="coupons.list")
    async def all_of(
        promotion_id: PromotionId, operator: Annotated[Operator, Depends(reading)]
    ) -> list[CouponBatchView]:
        return [_view(batch) for batch in await coupons.all_of(operator.merchant_id, promotion_id)]

    @router.post("", operation_id="coupons.issue", dependencies=[ASKED_ONCE], status_code=201)
    async def issue(
        promotion_id: PromotionId,
        body: NewCouponsBody,
        operator: Annotated[Operator, Depends(issuing)],
        response: Response,
    ) -> IssuedCouponsView:
        new = NewCoupons(promotion_id, **body.model_dump())
        batch, codes = await coupons.issue(operator.merchant_id, new, by=operator.operator_id)
        response.headers["Cache-Control"] = "no-store"
        return IssuedCouponsView(batch=_view(batch), codes=codes)

    @router.post("/{batch_id}/withdraw", operation_id="coupons.withdraw", dependencies=[ASKED_ONCE])
    async def withdraw(
        promotion_id: PromotionId, batch_id: BatchId, operator: Annotated[Operator, Depends(changing)]
    ) -> CouponBatchView:
        who = operator.operator_id
        return _view(await coupons.withdraw(operator.merchant_id, promotion_id, batch_id, by=who))

    return router


def _view(batch: CouponBatch) -> CouponBatchView:
    return CouponBatchView(
        id=batch.batch_id,
        promotion_id=batch.promotion_id,
        word=batch.word,
        count=batch.count,
        uses_each=batch.uses_each,
        used=batch.used,
        starts_at=batch.starts_at,
        ends_at=batch.ends_at,
        created_at=batch.created_at,
        withdrawn_at=batch.withdrawn_at,
    )
