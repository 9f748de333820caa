"""`/api/v1/member-tiers`: the tiers that members of a merchant may have."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.members.tiers import TIERS_MAX, Tier, Tiers
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted

TierName = Annotated[str, Field(min_length=1, max_length=40)]


class TierBody(BaseModel):
    """Whose wallet paid at least `from_minor` in the last twelve months has it; null: who is given it by hand."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: TierName
    from_minor: Annotated[int, Field(ge=0, le=10**12, strict=True)] | None = None


class TiersBody(BaseModel):
    """All tiers, the lowest turnover first, those by hand at the end."""

    model_config = ConfigDict(extra="forbid")

    tiers: Annotated[list[TierBody], Field(max_length=TIERS_MAX)]


def tiers_router(tiers: Tiers, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/member-tiers", tags=["members"])
    reading = permitted(current, Permission.CATALOG_READ)
    changing = permitted(current, Permission.PRICE_CHANGE)

    @router.get("", operation_id="member_tiers.list")
    async def all_of(operator: Annotated[Operator, Depends(reading)]) -> TiersBody:
        return _view(await tiers.all_of(operator.merchant_id))

    @router.put("", operation_id="member_tiers.replace")
    async def replace(body: TiersBody, operator: Annotated[Operator, Depends(changing)]) -> TiersBody:
        wanted = [Tier(one.name, one.from_minor) for one in body.tiers]
        return _view(await tiers.replace(operator.merchant_id, wanted, by=operator.operator_id))

    return router


def _view(tiers: list[Tier]) -> TiersBody:
    return TiersBody(tiers=[TierBody(name=tier.name, from_minor=tier.from_minor) for tier in tiers])
