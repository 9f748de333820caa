"""`/api/v1/members`: the merchant's people make members, block them, give them links, and look at their wallets.

The key of a link is in the answer that made it and never again.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.members import Member, MemberLink, Members, MemberState, NewMember, qr_of
from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import ASKED_ONCE, LIMIT_DEFAULT, LIMIT_MAX, Cursor, Page, page_of
from vendomat.cloud.wallets.service import NEWEST, WalletBook
from vendomat.cloud.wallets.store import Standing
from vendomat.cloud.wallets.views import WalletStatementView, statement_view

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


class MemberQuery(BaseModel):
    """`text`: a name, a phone or its last digits, the merchant's number, a shown code, or the number of an order."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    text: Annotated[str, Field(max_length=80)] = ""
    state: MemberState | None = None
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT
    cursor: Annotated[str | None, Field(max_length=200)] = None


class MemberView(BaseModel):
    id: str
    name: str
    phone_tail: str
    external_id: str
    state: MemberState
    created_at: datetime
    balance_minor: int
    currency: str
    used_at: datetime | None


class MemberLinkView(BaseModel):
    """`path` with its key opens the member's page, and stands for the member; `qr` draws the whole address."""

    member: MemberView
    path: str
    qr: str


def members_router(members: Members, book: WalletBook, current: CurrentOperator) -> APIRouter:
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
        return await _linked(book, operator, link, request)

    @router.get("", operation_id="members.list")
    async def list_members(
        operator: Annotated[Operator, Depends(reading)], query: Annotated[MemberQuery, Query()]
    ) -> Page[MemberView]:
        also = await book.members_of_purchase(operator.merchant_id, query.text) if query.text else []
        after = Cursor.from_text(query.cursor) if query.cursor else None
        rows = await members.list_members(
            operator.merchant_id, query.text, also=also, state=query.state, after=after, limit=query.limit + 1
        )
        views = await _views(book, operator, *rows)
        return page_of(views, query.limit, lambda m: m, lambda m: Cursor(m.created_at, m.id))

    @router.get("/{member_id}", operation_id="members.get")
    async def get(member_id: MemberId, operator: Annotated[Operator, Depends(reading)]) -> MemberView:
        return (await _views(book, operator, await members.find(operator.merchant_id, member_id)))[0]

    @router.get("/{member_id}/statement", operation_id="members.statement")
    async def statement(
        member_id: MemberId,
        operator: Annotated[Operator, Depends(reading)],
        limit: Limit = LIMIT_DEFAULT,
        before: Before = NEWEST,
    ) -> WalletStatementView:
        await members.find(operator.merchant_id, member_id)
        found = await book.statement(operator.merchant_id, member_id, before=before, limit=limit + 1)
        return statement_view(found, limit)

    @router.post("/{member_id}/link", operation_id="members.renew_link", dependencies=[ASKED_ONCE])
    async def renew_link(
        member_id: MemberId, request: Request, response: Response, operator: Annotated[Operator, Depends(changing)]
    ) -> MemberLinkView:
        response.headers["Cache-Control"] = "no-store"
        return await _linked(book, operator, await members.renew_link(operator.merchant_id, member_id), request)

    @router.post("/{member_id}/block", operation_id="members.block")
    async def block(member_id: MemberId, operator: Annotated[Operator, Depends(changing)]) -> MemberView:
        return (await _views(book, operator, await members.block(operator.merchant_id, member_id)))[0]

    @router.post("/{member_id}/unblock", operation_id="members.unblock")
    async def unblock(member_id: MemberId, operator: Annotated[Operator, Depends(changing)]) -> MemberView:
        return (await _views(book, operator, await members.unblock(operator.merchant_id, member_id)))[0]

    return router


async def _views(book: WalletBook, operator: Operator, *found: Member) -> list[MemberView]:
    standings = await book.standings(operator.merchant_id, [m.member_id for m in found])
    return [_view(m, standings[m.member_id], operator.currency) for m in found]


async def _linked(book: WalletBook, operator: Operator, link: MemberLink, request: Request) -> MemberLinkView:
    (member,) = await _views(book, operator, link.member)
    path = f"/member/#{link.key}"
    return MemberLinkView(member=member, path=path, qr=qr_of(f"{str(request.base_url).rstrip('/')}{path}"))


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
    )
