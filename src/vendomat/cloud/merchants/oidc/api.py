"""Identity providers over HTTP: `/api/v1/identity-provider` (set by owners), `/api/v1/account/identity` (one's own
link), and the ways there and back below `/api/v1/session`, which a browser goes by itself.

The way there leaves a cookie that comes back with the browser from another site (`SameSite=Lax`); it opens nothing
without the state of a journey that began with it. Whoever is refused lands on a page that says why (`?refused=`).
"""

from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.merchants.api import CurrentOperator, DoorView, Proven, door_view, give_session, permitted
from vendomat.cloud.merchants.model import Operator, network_of
from vendomat.cloud.merchants.oidc.desk import ProviderDesk
from vendomat.cloud.merchants.oidc.journey import Arrived, ProviderJourneys, Visitor
from vendomat.cloud.merchants.oidc.model import DOMAINS_MAX, JOURNEY_LIFE, Answer, Provider, Purpose
from vendomat.cloud.merchants.permissions import Permission, Role
from vendomat.cloud.platform.http import Throttle
from vendomat.kernel import Clock, VendomatError

COOKIE = "vendomat_journey"
COOKIE_PATH = "/api/v1/"
BEGUN_MAX = 60
BEGUN_WINDOW_S = 900.0
LINK_HOME = "/console/account"
PROOF_HOME = "/console/proven"
Short = Annotated[str, Field(min_length=1, max_length=200)]
MerchantId = Annotated[str, Path(pattern=r"^mer_[0-9a-z]{26}$")]


class ProviderBody(BaseModel):
    """`client_secret` may be left out to keep the one there is. `new_role`: what somebody of `email_domains` becomes
    whom nobody invited; null: nobody comes in uninvited. `is_listed`: its name stands on the sign-in page."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    name: Annotated[str, Field(min_length=1, max_length=40)]
    issuer: Short
    client_id: Short
    client_secret: Annotated[str, Field(max_length=500)] = ""
    email_domains: Annotated[list[Short], Field(max_length=DOMAINS_MAX)] = []
    new_role: Role | None = None
    is_listed: bool = True
    is_active: bool = True


class SetProviderView(BaseModel):
    name: str
    issuer: str
    client_id: str
    email_domains: list[str]
    new_role: Role | None
    is_listed: bool
    is_active: bool
    changed_at: datetime | None


class ProviderView(BaseModel):
    """`back_address` is to be entered at the provider; `start_address` begins a sign-in. `provider` is null while none
    is set; its secret is shown to nobody."""

    provider: SetProviderView | None
    back_address: str
    start_address: str


class ProviderTriedView(BaseModel):
    """`detail` says what is wrong, for whoever sets the provider up."""

    is_good: bool
    detail: str


class DoorsView(BaseModel):
    data: list[DoorView]


class BackQuery(BaseModel):
    """What the provider sends back with the browser; what else it says is left aside."""

    state: Annotated[str, Field(max_length=200)] = ""
    code: Annotated[str, Field(max_length=4_000)] = ""
    error: Annotated[str, Field(max_length=200)] = ""
    iss: Annotated[str, Field(max_length=500)] = ""


class AddressView(BaseModel):
    """Where the browser goes now; good for ten minutes."""

    address: str


class IdentityView(BaseModel):
    """`provider` is the merchant's, null where it has none that is switched on; `linked_at` is null without a link."""

    provider: str | None
    email: str
    linked_at: datetime | None
    last_used_at: datetime | None


def provider_router(desk: ProviderDesk, journeys: ProviderJourneys, current: CurrentOperator) -> APIRouter:
    """A merchant's own provider: who may change people sets it."""
    router = APIRouter(prefix="/api/v1/identity-provider", tags=["people"])
    reading = permitted(current, Permission.PEOPLE_READ)
    changing = permitted(current, Permission.PEOPLE_CHANGE, is_proven=True)

    @router.get("", operation_id="provider.get")
    async def look(operator: Annotated[Operator, Depends(reading)]) -> ProviderView:
        return view(operator.merchant_id, await desk.look(operator.merchant_id))

    @router.put("", operation_id="provider.put")
    async def put(body: ProviderBody, operator: Annotated[Operator, Depends(changing)]) -> ProviderView:
        wanted = Provider(
            merchant_id=operator.merchant_id,
            name=body.name,
            issuer=body.issuer,
            client_id=body.client_id,
            client_secret=body.client_secret,
            email_domains=tuple(one.lower().lstrip("@") for one in body.email_domains),
            new_role=body.new_role,
            is_listed=body.is_listed,
            is_active=body.is_active,
        )
        return view(operator.merchant_id, await desk.put(operator, wanted))

    @router.post("/try", operation_id="provider.try")
    async def try_out(operator: Annotated[Operator, Depends(changing)]) -> ProviderTriedView:
        tried = await desk.try_out(operator.merchant_id)
        return ProviderTriedView(is_good=tried.is_good, detail=tried.detail)

    def view(merchant_id: str, one: Provider | None) -> ProviderView:
        return ProviderView(
            provider=None if one is None else _set_view(one),
            back_address=journeys.back_address(merchant_id),
            start_address=journeys.start_address(merchant_id),
        )

    return router


def account_provider_router(journeys: ProviderJourneys, current: CurrentOperator, *, is_secure: bool) -> APIRouter:
    """One's own identity at the merchant's provider. To link or unlink it needs a fresh proof."""
    router = APIRouter(prefix="/api/v1/account/identity", tags=["account"])
    proven = Proven(current)

    @router.get("", operation_id="account.identity")
    async def standing(operator: Annotated[Operator, Depends(current)]) -> IdentityView:
        name, link = await journeys.standing(operator)
        return IdentityView(
            provider=name,
            email="" if link is None else link.email,
            linked_at=None if link is None else link.linked_at,
            last_used_at=None if link is None else link.last_used_at,
        )

    @router.post("", operation_id="account.link_identity")
    async def link(request: Request, response: Response, operator: Annotated[Operator, Depends(proven)]) -> AddressView:
        browser = _browser(request, journeys)
        address = await journeys.begin(operator.merchant_id, Purpose.LINK, browser, home=LINK_HOME, operator=operator)
        _remember(response, browser, is_secure=is_secure)
        return AddressView(address=address)

    @router.delete("", operation_id="account.unlink_identity", status_code=204)
    async def unlink(operator: Annotated[Operator, Depends(proven)]) -> None:
        await journeys.unlink(operator)

    return router


def provider_session_router(
    journeys: ProviderJourneys, arriving: CurrentOperator, clock: Clock, *, is_secure: bool
) -> APIRouter:
    """Signing in, proving and leaving by a provider. A network that only ever begins is stopped."""
    router = APIRouter(prefix="/api/v1/session", tags=["session"])
    throttle = Throttle(clock, failures_max=BEGUN_MAX, window_s=BEGUN_WINDOW_S)
    sends_on = partial(router.get, status_code=303, response_class=RedirectResponse)

    @router.get("/doors", operation_id="session.doors")
    async def doors() -> DoorsView:
        return DoorsView(data=[door_view(merchant_id, name) for merchant_id, name in await journeys.doors()])

    @sends_on("/provider/{merchant_id}", operation_id="session.begin_provider")
    async def begin(
        merchant_id: MerchantId, request: Request, to: Annotated[str, Query(max_length=500)] = ""
    ) -> RedirectResponse:
        network, browser = network_of(_address(request)), _browser(request, journeys)
        try:
            throttle.check(network)
            throttle.note_failure(network)
            address = await journeys.begin(merchant_id, Purpose.SIGN_IN, browser, home=to)
        except VendomatError as error:
            return _redirect(_page(Arrived("/console/", why=str(error.detail.get("why", error.code.value)))))
        response = _redirect(address)
        _remember(response, browser, is_secure=is_secure)
        return response

    @sends_on("/provider/{merchant_id}/back", operation_id="session.create_by_provider")
    async def back(merchant_id: MerchantId, request: Request, query: Annotated[BackQuery, Query()]) -> RedirectResponse:
        visitor = Visitor(request.cookies.get(COOKIE, ""), _address(request), request.headers.get("user-agent", ""))
        answer = Answer(query.state, query.code, query.error, query.iss)
        arrived = await journeys.finish(merchant_id, answer, visitor)
        response = _redirect(_page(arrived))
        if arrived.session is not None:
            give_session(response, arrived.session, is_secure=is_secure)
        return response

    @sends_on("/provider/{merchant_id}/leave", operation_id="session.leave_provider")
    async def leave(merchant_id: MerchantId) -> RedirectResponse:
        try:
            return _redirect(await journeys.leaving_address(merchant_id))
        except VendomatError:
            return _redirect("/console/")

    @router.post("/proof/provider", operation_id="session.begin_provider_proof")
    async def begin_proof(
        request: Request, response: Response, operator: Annotated[Operator, Depends(arriving)]
    ) -> AddressView:
        browser = _browser(request, journeys)
        address = await journeys.begin(operator.merchant_id, Purpose.PROVE, browser, home=PROOF_HOME, operator=operator)
        _remember(response, browser, is_secure=is_secure)
        return AddressView(address=address)

    return router


def _browser(request: Request, journeys: ProviderJourneys) -> str:
    """The browser's own secret: the same for all journeys that are under way."""
    return request.cookies.get(COOKIE) or journeys.new_browser()


def _remember(response: Response, browser: str, *, is_secure: bool) -> None:
    response.headers["Cache-Control"] = "no-store"
    response.set_cookie(
        COOKIE,
        browser,
        max_age=int(JOURNEY_LIFE.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=is_secure,
        path=COOKIE_PATH,
    )


def _redirect(address: str) -> RedirectResponse:
    response = RedirectResponse(address, 303)
    response.headers["Cache-Control"] = "no-store"
    return response


def _page(arrived: Arrived) -> str:
    if not arrived.why:
        return arrived.home
    return f"{arrived.home}{'&' if '?' in arrived.home else '?'}refused={arrived.why}"


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _set_view(one: Provider) -> SetProviderView:
    return SetProviderView(
        name=one.name,
        issuer=one.issuer,
        client_id=one.client_id,
        email_domains=list(one.email_domains),
        new_role=one.new_role,
        is_listed=one.is_listed,
        is_active=one.is_active,
        changed_at=one.changed_at,
    )
