"""`/api/v1/promotions`: rules about prices, where they meet, and what a cart would cost when."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import ASKED_ONCE
from vendomat.cloud.promotions.model import KeptPromotion, Limits, PromotionState
from vendomat.cloud.promotions.service import CartLine, KnownGoods, Promotions, TestedCart, Trying
from vendomat.cloud.promotions.store import kept_of
from vendomat.pricing import GROUP_UNITS_MAX, Goods, Kind, Meeting, Promotion, Window

PromotionId = Annotated[str, Path(pattern=r"^prm_[0-9a-z]{26}$")]
ProductId = Annotated[str, Field(pattern=r"^prd_[0-9a-z]{26}$")]
MachineId = Annotated[str, Field(pattern=r"^mch_[0-9a-z]{26}$")]
Amount = Annotated[int, Field(ge=0, le=10**9, strict=True)]
Limit = Annotated[int, Field(ge=1, le=10**12, strict=True)]
Label = Annotated[str, Field(min_length=1, max_length=40)]
Channel = Annotated[str, Field(pattern=r"^[a-z_]{1,20}$")]
Count = Annotated[int, Field(ge=0, le=GROUP_UNITS_MAX, strict=True)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class GoodsBody(_Body):
    """Products named or of a category named; neither: all goods."""

    products: Annotated[list[ProductId], Field(max_length=200)] = []
    categories: Annotated[list[Annotated[str, Field(min_length=1, max_length=80)]], Field(max_length=50)] = []


class PartBody(GoodsBody):
    quantity: Annotated[int, Field(ge=1, le=GROUP_UNITS_MAX, strict=True)] = 1


class WindowBody(_Body):
    """On `days` (0 is Monday), in minutes of the day; an end before the start is over midnight."""

    days: Annotated[list[Annotated[int, Field(ge=0, le=6)]], Field(min_length=1, max_length=7)]
    start: Annotated[int, Field(ge=0, le=1439)]
    end: Annotated[int, Field(ge=1, le=1440)]


class RuleBody(GoodsBody):
    """What a promotion gives. Which of the amounts counts depends on `kind`. It counts at `machines` and those of
    `groups` (tags of machines); for members of `tiers`, when their code pays; on `channels`, once one is chosen. What
    is empty leaves nobody out. With `needs_coupon` it counts only for orders with one of its coupons."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    kind: Kind
    value_minor: Amount = 0
    basis_points: Annotated[int, Field(ge=0, le=10_000, strict=True)] = 0
    take: Count = 0
    pay: Count = 0
    parts: Annotated[list[PartBody], Field(max_length=GROUP_UNITS_MAX)] = []
    machines: Annotated[list[MachineId], Field(max_length=500)] = []
    groups: Annotated[list[Label], Field(max_length=50)] = []
    tiers: Annotated[list[Label], Field(max_length=10)] = []
    channels: Annotated[list[Channel], Field(max_length=10)] = []
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    windows: Annotated[list[WindowBody], Field(max_length=20)] = []
    from_minor: Amount = 0
    priority: Annotated[int, Field(ge=-1000, le=1000, strict=True)] = 0
    is_stackable: bool = False
    needs_coupon: bool = False


class PromotionBody(RuleBody):
    """A rule with the most it gives in all, in money and in orders."""

    money_max: Limit | None = None
    uses_max: Limit | None = None


class ChangeBody(PromotionBody):
    """`version` is the one that was looked at; another by now is a conflict."""

    version: int


class VersionBody(_Body):
    version: int


class PromotionView(PromotionBody):
    """`given_*` is what orders had that were paid or still may be."""

    id: str
    state: PromotionState
    version: int
    given_minor: int = 0
    given_uses: int = 0


class ProductView(BaseModel):
    id: str
    name_zh: str
    name_en: str
    category: str
    price_minor: int


class GoodsView(BaseModel):
    """What promotions can be about, and by whose money and clock. `groups` are tags of machines."""

    currency: str
    time_zone: str
    products: list[ProductView]
    groups: list[str]
    tiers: list[str]
    channels: list[str]


class PreviewBody(RuleBody):
    id: Annotated[str, Field(pattern=r"^(prm_[0-9a-z]{26})?$")] = ""


class MeetingView(BaseModel):
    """Promotions that count for the same product in the same minute; for `quantity` of it the `winners` come to
    `total_minor`. The id "" is the one that is previewed before it has one."""

    product_id: str
    promotions: list[str]
    winners: list[str]
    quantity: int
    list_minor: int
    total_minor: int


class PreviewView(BaseModel):
    meetings: list[MeetingView]
    names: dict[str, str]


class CartLineBody(_Body):
    slot: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,6}$")]
    quantity: Annotated[int, Field(ge=1, le=10, strict=True)]


class TryBody(_Body):
    """`at` without an offset is by the machine's own clock; none is now. `trial` counts as if it were active, and
    its coupon shown. `channel` and `tier` are how and by whom it is paid; empty: not known yet."""

    machine_id: MachineId
    lines: Annotated[list[CartLineBody], Field(min_length=1, max_length=10)]
    at: datetime | None = None
    trial: PreviewBody | None = None
    channel: Channel | Literal[""] = ""
    tier: Label | Literal[""] = ""


class AppliedView(BaseModel):
    promotion: str
    name: str
    off_minor: int


class TriedUnitView(BaseModel):
    slot: str
    name_zh: str
    name_en: str
    list_minor: int
    price_minor: int
    applied: list[AppliedView]


class TriedCartView(BaseModel):
    """`mark` is the fingerprint that an order priced like this would carry."""

    at: datetime
    currency: str
    list_minor: int
    total_minor: int
    mark: str
    units: list[TriedUnitView]


def promotions_router(promotions: Promotions, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/promotions", tags=["promotions"])
    reading = permitted(current, Permission.CATALOG_READ)
    changing = permitted(current, Permission.PRICE_CHANGE)
    starting = permitted(current, Permission.PRICE_CHANGE, is_proven=True)

    @router.get("", operation_id="promotions.list")
    async def all_of(operator: Annotated[Operator, Depends(reading)]) -> list[PromotionView]:
        rows = await promotions.all_of(operator.merchant_id)
        return [_view(kept_of(row), row["given_minor"], row["given_uses"]) for row in rows]

    @router.get("/goods", operation_id="promotions.goods")
    async def goods(operator: Annotated[Operator, Depends(reading)]) -> GoodsView:
        return _goods(await promotions.goods(operator.merchant_id))

    @router.post("", operation_id="promotions.create", dependencies=[ASKED_ONCE], status_code=201)
    async def create(body: PromotionBody, operator: Annotated[Operator, Depends(changing)]) -> PromotionView:
        limits = Limits(body.money_max, body.uses_max)
        return _view(await promotions.create(operator.merchant_id, _rule(body, ""), limits, by=operator.operator_id))

    @router.put("/{promotion_id}", operation_id="promotions.change")
    async def change(
        promotion_id: PromotionId, body: ChangeBody, operator: Annotated[Operator, Depends(changing)]
    ) -> PromotionView:
        rule, limits = _rule(body, promotion_id), Limits(body.money_max, body.uses_max)
        who = operator.operator_id
        return _view(await promotions.change(operator.merchant_id, rule, limits, version=body.version, by=who))

    @router.post("/{promotion_id}/activate", operation_id="promotions.activate")
    async def activate(
        promotion_id: PromotionId, body: VersionBody, operator: Annotated[Operator, Depends(starting)]
    ) -> PromotionView:
        who = operator.operator_id
        return _view(await promotions.activate(operator.merchant_id, promotion_id, version=body.version, by=who))

    @router.post("/{promotion_id}/end", operation_id="promotions.end")
    async def end(
        promotion_id: PromotionId, body: VersionBody, operator: Annotated[Operator, Depends(changing)]
    ) -> PromotionView:
        who = operator.operator_id
        return _view(await promotions.end(operator.merchant_id, promotion_id, version=body.version, by=who))

    @router.post("/preview", operation_id="promotions.preview")
    async def preview(body: PreviewBody, operator: Annotated[Operator, Depends(reading)]) -> PreviewView:
        found, names = await promotions.preview(operator.merchant_id, _rule(body, body.id))
        return PreviewView(meetings=[_meeting(one) for one in found], names=names)

    @router.post("/try", operation_id="promotions.try")
    async def try_cart(body: TryBody, operator: Annotated[Operator, Depends(reading)]) -> TriedCartView:
        trial = None if body.trial is None else _rule(body.trial, body.trial.id)
        lines = [CartLine(line.slot, line.quantity) for line in body.lines]
        trying = Trying(body.machine_id, body.at, trial, channel=body.channel, tier=body.tier)
        tried = await promotions.try_cart(operator.merchant_id, lines, trying)
        return _tried(tried)

    return router


def _rule(body: RuleBody, promotion_id: str) -> Promotion:
    return Promotion(
        promotion_id=promotion_id,
        name=body.name,
        kind=body.kind,
        goods=Goods(products=tuple(body.products), categories=tuple(body.categories)),
        value_minor=body.value_minor,
        basis_points=body.basis_points,
        take=body.take,
        pay=body.pay,
        parts=tuple(
            Goods(products=tuple(part.products), categories=tuple(part.categories), quantity=part.quantity)
            for part in body.parts
        ),
        machines=tuple(body.machines),
        groups=tuple(body.groups),
        tiers=tuple(body.tiers),
        channels=tuple(body.channels),
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        windows=tuple(Window(days=tuple(one.days), start=one.start, end=one.end) for one in body.windows),
        from_minor=body.from_minor,
        priority=body.priority,
        is_stackable=body.is_stackable,
        coupon=(promotion_id or "new") if body.needs_coupon else "",
    )


def _goods(found: KnownGoods) -> GoodsView:
    return GoodsView(
        currency=found.currency,
        time_zone=found.time_zone,
        products=[ProductView.model_validate({**row, "id": row["product_id"]}) for row in found.products],
        groups=found.groups,
        tiers=found.tiers,
        channels=found.channels,
    )


def _view(kept: KeptPromotion, given_minor: int = 0, given_uses: int = 0) -> PromotionView:
    rule = kept.rule
    same: dict[str, Any] = {
        name: getattr(rule, name)
        for name in (
            "name",
            "kind",
            "value_minor",
            "basis_points",
            "take",
            "pay",
            "starts_at",
            "ends_at",
            "from_minor",
            "priority",
            "is_stackable",
        )
    }
    return PromotionView(
        **same,
        id=rule.promotion_id,
        state=kept.state,
        version=kept.version,
        products=list(rule.goods.products),
        categories=list(rule.goods.categories),
        parts=[
            PartBody(products=list(part.products), categories=list(part.categories), quantity=part.quantity)
            for part in rule.parts
        ],
        machines=list(rule.machines),
        groups=list(rule.groups),
        tiers=list(rule.tiers),
        channels=list(rule.channels),
        needs_coupon=bool(rule.coupon),
        windows=[WindowBody(days=list(one.days), start=one.start, end=one.end) for one in rule.windows],
        money_max=kept.limits.money_max,
        uses_max=kept.limits.uses_max,
        given_minor=given_minor,
        given_uses=given_uses,
    )


def _meeting(one: Meeting) -> MeetingView:
    return MeetingView(
        product_id=one.product_id,
        promotions=list(one.promotion_ids),
        winners=list(one.winners),
        quantity=one.quantity,
        list_minor=one.list_minor,
        total_minor=one.total_minor,
    )


def _tried(tried: TestedCart) -> TriedCartView:
    cart = tried.quote
    return TriedCartView(
        at=tried.local,
        currency=tried.currency,
        list_minor=cart.list_minor,
        total_minor=cart.total_minor,
        mark=cart.mark,
        units=[
            TriedUnitView(
                slot=unit.slot,
                name_zh=tried.names[unit.product_id][0],
                name_en=tried.names[unit.product_id][1],
                list_minor=unit.list_minor,
                price_minor=unit.price_minor,
                applied=[
                    AppliedView(promotion=one.promotion_id, name=tried.rules[one.promotion_id], off_minor=one.off_minor)
                    for one in unit.applied
                ],
            )
            for unit in cart.units
        ],
    )
