"""`/api/v1/sites/{id}/sharing`: whether a site's owner is paid by the platform, and what became of each share.

An owner of the merchant says who receives, gives numbers up and has money taken back; whoever may change anything lets
a statement be planned again.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.payments import ReceiverKind
from vendomat.cloud.platform.http import ASKED_ONCE
from vendomat.cloud.sharing.model import CEILING_BP_DEFAULT, Agreement, Duty, Share, ShareStage
from vendomat.cloud.sharing.service import AgreementWish, SharingDesk, Standing
from vendomat.kernel import MINOR_UNITS_MAX

SiteId = Annotated[str, Path(pattern=r"^sit_[0-9a-z]{26}$")]
ShareId = Annotated[str, Path(pattern=r"^shr_[0-9a-z]{26}$")]
Position = Annotated[int, Path(ge=0, le=10_000)]


class AgreementBody(BaseModel):
    """`receiver` is the owner's merchant number, or a person's openid; `name` a merchant's full registered name.

    `ceiling_bp` is what the account may give of a payment, in hundredths of a percent: 3000 unless the platform has
    agreed to more.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    kind: ReceiverKind
    receiver: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
    name: Annotated[str, Field(max_length=100)] = ""
    ceiling_bp: Annotated[int, Field(ge=1, le=10_000)] = CEILING_BP_DEFAULT


class PlanBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    position: Annotated[int, Field(ge=1, le=10_000)]


class TakeBackBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    amount_minor: Annotated[int, Field(gt=0, le=MINOR_UNITS_MAX, strict=True)]


class AgreementView(BaseModel):
    """`is_added`: the platform knows the receiver; until then nothing is frozen and nothing planned."""

    channel: str
    account: str
    kind: ReceiverKind
    receiver: str
    name: str
    ceiling_bp: int
    is_sharing: bool
    is_added: bool
    error: str
    since: datetime | None
    changed_at: datetime | None


class PlanView(BaseModel):
    """One division of a statement over payments; `missing_minor` found none. `planned_by` is empty of the first."""

    position: int
    month: str
    round: int
    wanted_minor: int
    given_minor: int
    missing_minor: int
    planned_at: datetime
    planned_by: str


class SumView(BaseModel):
    position: int
    duty: Duty
    stage: ShareStage
    count: int
    amount_minor: int


class SharingView(BaseModel):
    """`may_share`: the merchant's account can. `on_its_way_minor` is stated, planned and not with the owner yet."""

    may_share: bool
    currency: str
    on_its_way_minor: int
    too_much_minor: int
    agreement: AgreementView | None
    plans: list[PlanView]
    sums: list[SumView]


class ShareView(BaseModel):
    id: str
    position: int
    round: int
    duty: Duty
    payment_id: str
    receiver: str
    currency: str
    amount_minor: int
    stage: ShareStage
    error: str
    asked_at: datetime
    ended_at: datetime | None


def sharing_router(desk: SharingDesk, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["profit sharing"])
    reading = permitted(current, Permission.SITE_READ)
    directing = permitted(current, Permission.KEYS_CHANGE, is_proven=True)  # where the money goes
    paying = permitted(current, Permission.SITE_PAY)

    @router.get("/sites/{site_id}/sharing", operation_id="site_sharing.get")
    async def look(site_id: SiteId, operator: Annotated[Operator, Depends(reading)]) -> SharingView:
        return _view(await desk.look(operator.merchant_id, site_id))

    @router.put("/sites/{site_id}/sharing", operation_id="site_sharing.agree")
    async def agree(
        site_id: SiteId, body: AgreementBody, operator: Annotated[Operator, Depends(directing)]
    ) -> SharingView:
        wish = AgreementWish(body.kind, body.receiver, body.name, body.ceiling_bp)
        await desk.agree(operator, site_id, wish)
        return _view(await desk.look(operator.merchant_id, site_id))

    @router.post("/sites/{site_id}/sharing/stop", operation_id="site_sharing.stop", dependencies=[ASKED_ONCE])
    async def stop(site_id: SiteId, operator: Annotated[Operator, Depends(directing)]) -> SharingView:
        await desk.stop(operator, site_id)
        return _view(await desk.look(operator.merchant_id, site_id))

    @router.post("/sites/{site_id}/sharing/plans", operation_id="site_sharing.plan", dependencies=[ASKED_ONCE])
    async def plan(site_id: SiteId, body: PlanBody, operator: Annotated[Operator, Depends(paying)]) -> SharingView:
        await desk.plan_again(operator, site_id, body.position)
        return _view(await desk.look(operator.merchant_id, site_id))

    @router.post(
        "/sites/{site_id}/sharing/take-backs", operation_id="site_sharing.take_back", dependencies=[ASKED_ONCE]
    )
    async def take_back(
        site_id: SiteId, body: TakeBackBody, operator: Annotated[Operator, Depends(directing)]
    ) -> SharingView:
        await desk.take_back(operator, site_id, body.amount_minor)
        return _view(await desk.look(operator.merchant_id, site_id))

    @router.get("/sites/{site_id}/sharing/shares/{position}", operation_id="site_sharing.shares")
    async def shares(
        site_id: SiteId, position: Position, operator: Annotated[Operator, Depends(reading)]
    ) -> list[ShareView]:
        return [_share_view(one) for one in await desk.shares(operator.merchant_id, site_id, position)]

    @router.post("/shares/{share_id}/give-up", operation_id="shares.give_up", dependencies=[ASKED_ONCE])
    async def give_up(share_id: ShareId, operator: Annotated[Operator, Depends(directing)]) -> ShareView:
        return _share_view(await desk.give_up(operator, share_id))

    return router


def _view(one: Standing) -> SharingView:
    return SharingView(
        may_share=one.may_share,
        currency=one.currency,
        on_its_way_minor=one.on_its_way_minor,
        too_much_minor=max(0, -one.owed_minor),
        agreement=None if one.agreement is None else _agreement_view(one.agreement),
        plans=[PlanView(**dict(row)) for row in one.plans],
        sums=[SumView(**dict(row)) for row in one.sums],
    )


def _agreement_view(one: Agreement) -> AgreementView:
    return AgreementView(**{name: getattr(one, name) for name in AgreementView.model_fields})


def _share_view(one: Share) -> ShareView:
    fields = {name: getattr(one, name) for name in ShareView.model_fields if name != "id"}
    return ShareView(id=one.share_id, **fields)
