"""`/api/v1/members`: the merchant's people make members, block them, give them links, and look at their wallets.

The key of a link is in the answer that made it and never again.
"""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.members import (
    TURNOVER_TIME,
    Member,
    MemberLink,
    Members,
    MemberState,
    NewMember,
    TierName,
    Tiers,
    qr_of,
    tier_for,
)
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import ASKED_ONCE, LIMIT_DEFAULT, LIMIT_MAX, Cursor, Page, PublicOrigin, page_of
from vendomat.cloud.wallets.service import NEWEST, WalletBook
from vendomat.cloud.wallets.store import Standing
from vendomat.cloud.wallets.views import WalletStatementView, statement_view
from vendomat.kernel import Clock

MemberId = Annotated[str, Path(pattern=r"^mbr_[0-9a-z]{26}$")]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Before = Annotated[int, Query(ge=1, le=NEWEST)]


class NewMemberBody(BaseModel):
    """Sent twice with one `request_id` it makes one member; the second answer's link is the good one."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    request_id: Annotated[str, Field(min_length=8, max_length=80)]
    name: Annotated[str, Field(min_length=1, max_length=80)]
    phone: Annotated[str, Field(max_length=30)] = ""
    external_id: Annotated[str, Field(max_length=80)] = ""


class GivenTierBody(BaseModel):
    """Empty: turnover decides again."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    tier: TierName | Literal[""]


class MemberQuery(BaseModel):
    """`text`: a name, a phone or its last digits, the merchant's number, a shown code, or the number of an order."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    text: Annotated[str, Field(max_length=80)] = ""
    state: MemberState | None = None
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT
    cursor: Annotated[str | None, Field(max_length=200)] = None


class MemberView(BaseModel):
    """`tier` is what counts: the one given by hand, else the one that `spent_minor`, what the wallet paid in twelve
    months, reaches."""

    id: str
    name: str
    phone_tail: str
    external_id: str
    state: MemberState
    created_at: datetime
    balance_minor: int
    currency: str
    used_at: datetime | None
    tier: str
    tier_by_hand: str
    spent_minor: int


class MemberLinkView(BaseModel):
    """`link` with its key opens the member's page, and stands for the member; `qr` draws it."""

    member: MemberView
    link: str
    qr: str


class MemberViews:
    """How members are shown: with their wallet, and their tier."""

    def __init__(self, book: WalletBook, tiers: Tiers, clock: Clock, origin: PublicOrigin) -> None:
        self.book = book
        self.tiers = tiers
        self._clock = clock
        self._origin = origin

    async def seen(self, operator: Operator, *found: Member) -> list[MemberView]:
        merchant_id, ids = operator.merchant_id, [m.member_id for m in found]
        standings = await self.book.standings(merchant_id, ids, since=self._clock.now() - TURNOVER_TIME)
        every, by_hand = await self.tiers.all_of(merchant_id), await self.tiers.by_hand(merchant_id, ids)
        views = [_view(m, standings[m.member_id], operator.currency) for m in found]
        for view in views:
            view.tier_by_hand = by_hand.get(view.id, "")
            view.tier = tier_for(every, view.tier_by_hand, view.spent_minor)
        return views

    async def linked(self, operator: Operator, link: MemberLink, request: Request) -> MemberLinkView:
        (member,) = await self.seen(operator, link.member)
        address = self._origin.link(request, f"/member/#{link.key}")
        return MemberLinkView(member=member, link=address, qr=qr_of(address))


def members_router(members: Members, views: MemberViews, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/members", tags=["members"])
    reading = permitted(current, Permission.MEMBER_READ)
    changing = permitted(current, Permission.MEMBER_CHANGE)

    @router.post("", operation_id="members.create", dependencies=[ASKED_ONCE], status_code=201)
    async def create(
        body: NewMemberBody, request: Request, response: Response, operator: Annotated[Operator, Depends(changing)]
    ) -> MemberLinkView:
        response.headers["Cache-Control"] = "no-store"
        new = NewMember(body.name, body.phone, body.external_id)
        link = await members.create(operator.merchant_id, new, body.request_id)
        return await views.linked(operator, link, request)

    @router.get("", operation_id="members.list")
    async def list_members(
        operator: Annotated[Operator, Depends(reading)], query: Annotated[MemberQuery, Query()]
    ) -> Page[MemberView]:
        also = await views.book.members_of_purchase(operator.merchant_id, query.text) if query.text else []
        after = Cursor.from_text(query.cursor) if query.cursor else None
        rows = await members.list_members(
            operator.merchant_id, query.text, also=also, state=query.state, after=after, limit=query.limit + 1
        )
        found = await views.seen(operator, *rows)
        return page_of(found, query.limit, lambda m: m, lambda m: Cursor(m.created_at, m.id))

    @router.get("/{member_id}", operation_id="members.get")
    async def get(member_id: MemberId, operator: Annotated[Operator, Depends(reading)]) -> MemberView:
        return (await views.seen(operator, await members.find(operator.merchant_id, member_id)))[0]

    @router.get("/{member_id}/statement", operation_id="members.statement")
    async def statement(
        member_id: MemberId,
        operator: Annotated[Operator, Depends(reading)],
        limit: Limit = LIMIT_DEFAULT,
        before: Before = NEWEST,
    ) -> WalletStatementView:
        await members.find(operator.merchant_id, member_id)
        found = await views.book.statement(operator.merchant_id, member_id, before=before, limit=limit + 1)
        return statement_view(found, limit)

    _add_moves(router, members, views, current)
    return router


def _add_moves(router: APIRouter, members: Members, views: MemberViews, current: CurrentOperator) -> None:
    """What a person does about one member."""
    changing = permitted(current, Permission.MEMBER_CHANGE)
    pricing = permitted(current, Permission.PRICE_CHANGE)

    @router.post("/{member_id}/link", operation_id="members.renew_link", dependencies=[ASKED_ONCE])
    async def renew_link(
        member_id: MemberId, request: Request, response: Response, operator: Annotated[Operator, Depends(changing)]
    ) -> MemberLinkView:
        response.headers["Cache-Control"] = "no-store"
        return await views.linked(operator, await members.renew_link(operator.merchant_id, member_id), request)

    @router.post("/{member_id}/block", operation_id="members.block")
    async def block(member_id: MemberId, operator: Annotated[Operator, Depends(changing)]) -> MemberView:
        return (await views.seen(operator, await members.block(operator.merchant_id, member_id)))[0]

    @router.post("/{member_id}/unblock", operation_id="members.unblock")
    async def unblock(member_id: MemberId, operator: Annotated[Operator, Depends(changing)]) -> MemberView:
        return (await views.seen(operator, await members.unblock(operator.merchant_id, member_id)))[0]

    @router.put("/{member_id}/tier", operation_id="members.give_tier")
    async def give_tier(
        member_id: MemberId, body: GivenTierBody, operator: Annotated[Operator, Depends(pricing)]
    ) -> MemberView:
        await views.tiers.give(operator.merchant_id, member_id, body.tier, by=operator.operator_id)
        return (await views.seen(operator, await members.find(operator.merchant_id, member_id)))[0]


def _view(member: Member, standing: Standing, currency: str) -> MemberView:
    return MemberView(
        id=member.member_id,
        name=member.name,
        phone_tail=member.phone_tail,
        external_id=member.external_id,
        state=member.state,
        created_at=member.created_at,
        balance_minor=standing.balance_minor,
        currency=currency,
        used_at=standing.used_at,
        tier="",
        tier_by_hand="",
        spent_minor=standing.spent_minor,
    )
