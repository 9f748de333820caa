"""`/api/v1/people`, `/api/v1/invitation` and `/api/v1/account`: who works here, how one joins, and what one does about
oneself.

An invitation's token stands behind the `#` of its page and comes in a body, so that no log on the way keeps it.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.merchants.api import CODE_CHARACTERS_MAX, CurrentOperator, DoorView, Proven, door_view, permitted
from vendomat.cloud.merchants.model import (
    EMAIL_CHARACTERS_MAX,
    PASSWORD_CHARACTERS_MAX,
    Operator,
    Person,
    PersonState,
    network_of,
)
from vendomat.cloud.merchants.own_account import OwnAccount
from vendomat.cloud.merchants.people import Invitation, NewPerson, People
from vendomat.cloud.merchants.permissions import Permission, Role, key_of, name_of
from vendomat.cloud.merchants.proofs import Proofs
from vendomat.cloud.merchants.second_factor import SecondFactor
from vendomat.cloud.platform.http import ASKED_ONCE, PublicOrigin, Throttle
from vendomat.kernel import Clock, ErrorCode, VendomatError

INVITATION_PATH = "/console/invitation#"
FAILURES_MAX = 10
FAILURES_WINDOW_S = 900.0
OperatorId = Annotated[str, Path(pattern=r"^opr_[0-9a-z]{26}$")]
SessionId = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=80)]
Password = Annotated[str, Field(min_length=1, max_length=PASSWORD_CHARACTERS_MAX)]
SITES_MAX = 500
RoleKey = Annotated[str, Field(pattern=rf"^({'|'.join(Role)}|rol_[0-9a-z]{{26}})$")]
SiteText = Annotated[str, Field(pattern=r"^sit_[0-9a-z]{26}$")]
Token = Annotated[str, Field(min_length=1, max_length=100)]


class PersonBody(BaseModel):
    """`role`: a ready one, or a custom one's id. `site_ids`: the sites that belong to a `site_owner`; nobody else has
    any."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Name
    role: RoleKey
    site_ids: Annotated[list[SiteText], Field(max_length=SITES_MAX)] = []


class NewPersonBody(PersonBody):
    email: Annotated[str, Field(min_length=3, max_length=EMAIL_CHARACTERS_MAX)]


class TokenBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    token: Token


class AcceptBody(TokenBody):
    password: Password


class PasswordBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    old: Password
    new: Password


class RequiredBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    is_required: bool


class PersonView(BaseModel):
    """`role_name` is empty for a ready role. `invited_until`: a link waits to be used until then. `sessions`: where
    this person is signed in now."""

    id: str
    email: str
    name: str
    role: str
    role_name: str
    state: PersonState
    created_at: datetime
    invited_until: datetime | None
    sessions: int
    signed_in_at: datetime | None
    site_ids: list[str]


class PeopleView(BaseModel):
    data: list[PersonView]


class InvitationView(BaseModel):
    """`link` opens the page where the person sets a password. It is shown here and never again."""

    person: PersonView
    link: str
    expires_at: datetime


class InvitedView(BaseModel):
    """`role_name` is empty for a ready role. `provider`: signing in there with this mail accepts the invitation,
    too."""

    email: str
    name: str
    role: str
    role_name: str
    merchant_name: str
    expires_at: datetime
    provider: DoorView | None


class StandingSessionView(BaseModel):
    id: str
    started_at: datetime | None
    expires_at: datetime
    source: str
    agent: str
    is_this: bool


class SessionsView(BaseModel):
    data: list[StandingSessionView]


class CodeBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    code: Annotated[str, Field(min_length=1, max_length=CODE_CHARACTERS_MAX)]


class SecondFactorView(BaseModel):
    """`since` is null while no phone counts; recovery codes stand in for a phone and for passkeys alike."""

    since: datetime | None
    recovery_left: int


class EnrolmentView(BaseModel):
    """`qr` draws what an authenticator app reads; `secret` is the same to be typed."""

    secret: str
    qr: str


class RecoveryView(BaseModel):
    """Each stands in once for the phone, or for a passkey."""

    recovery_codes: list[str]


class EndedView(BaseModel):
    sessions_ended: int


def people_router(people: People, current: CurrentOperator, origin: PublicOrigin) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["people"])
    reading = permitted(current, Permission.PEOPLE_READ)
    changing = permitted(current, Permission.PEOPLE_CHANGE, is_proven=True)

    @router.get("/people", operation_id="people.list")
    async def everybody(operator: Annotated[Operator, Depends(reading)]) -> PeopleView:
        return PeopleView(data=[_view(one) for one in await people.everybody(operator.merchant_id)])

    @router.post("/people", operation_id="people.invite", dependencies=[ASKED_ONCE], status_code=201)
    async def invite(
        body: NewPersonBody, request: Request, response: Response, operator: Annotated[Operator, Depends(changing)]
    ) -> InvitationView:
        response.headers["Cache-Control"] = "no-store"
        new = NewPerson(body.email, body.name, body.role, tuple(body.site_ids))
        made = await people.invite(operator, new)
        return _invitation(made, origin.link(request, INVITATION_PATH + made.token))

    @router.post("/people/{operator_id}/invite", operation_id="people.invite_again")
    async def invite_again(
        operator_id: OperatorId, request: Request, response: Response, operator: Annotated[Operator, Depends(changing)]
    ) -> InvitationView:
        response.headers["Cache-Control"] = "no-store"
        made = await people.invite_again(operator, operator_id)
        return _invitation(made, origin.link(request, INVITATION_PATH + made.token))

    @router.put("/people/second-factor", operation_id="people.require_second_factor", status_code=204)
    async def require(body: RequiredBody, operator: Annotated[Operator, Depends(changing)]) -> None:
        await people.require_second_factor(operator, is_required=body.is_required)

    @router.put("/people/{operator_id}", operation_id="people.change")
    async def change(
        operator_id: OperatorId, body: PersonBody, operator: Annotated[Operator, Depends(changing)]
    ) -> PersonView:
        changed = await people.change(operator, operator_id, name=body.name, role=body.role, site_ids=body.site_ids)
        return _view(changed)

    @router.post("/people/{operator_id}/deactivate", operation_id="people.deactivate")
    async def deactivate(operator_id: OperatorId, operator: Annotated[Operator, Depends(changing)]) -> PersonView:
        return _view(await people.deactivate(operator, operator_id))

    return router


def invitation_router(people: People, clock: Clock) -> APIRouter:
    """What the page behind an invitation's link asks. A network that tries links is stopped."""
    router = APIRouter(prefix="/api/v1/invitation", tags=["people"])
    throttle = Throttle(clock, failures_max=FAILURES_MAX, window_s=FAILURES_WINDOW_S)

    @router.post("/look", operation_id="invitation.look")
    async def look(body: TokenBody, request: Request) -> InvitedView:
        return await _throttled(request, body.token)

    @router.post("/accept", operation_id="invitation.accept")
    async def accept(body: AcceptBody, request: Request) -> InvitedView:
        view = await _throttled(request, body.token)
        await people.accept(body.token, body.password)
        return view

    async def _throttled(request: Request, token: str) -> InvitedView:
        network = network_of(request.client.host if request.client is not None else "")
        throttle.check(network)
        try:
            invited = await people.look(token)
        except VendomatError as error:
            if error.code is ErrorCode.NOT_FOUND:
                throttle.note_failure(network)
            raise
        return InvitedView(
            email=invited.email,
            name=invited.name,
            role=key_of(invited.role),
            role_name=name_of(invited.role),
            merchant_name=invited.merchant_name,
            expires_at=invited.expires_at,
            provider=door_view(invited.merchant_id, invited.provider) if invited.provider else None,
        )

    return router


def account_router(account: OwnAccount, current: CurrentOperator) -> APIRouter:
    """About oneself: every role may."""
    router = APIRouter(prefix="/api/v1/account", tags=["account"])

    @router.put("/password", operation_id="account.password")
    async def password(
        body: PasswordBody, request: Request, operator: Annotated[Operator, Depends(current)]
    ) -> EndedView:
        address = request.client.host if request.client is not None else ""
        return EndedView(sessions_ended=await account.change_password(operator, body.old, body.new, address=address))

    @router.get("/sessions", operation_id="account.sessions")
    async def sessions(operator: Annotated[Operator, Depends(current)]) -> SessionsView:
        return SessionsView(
            data=[
                StandingSessionView(
                    id=one.session_id,
                    started_at=one.started_at,
                    expires_at=one.expires_at,
                    source=one.source,
                    agent=one.agent,
                    is_this=one.session_id == operator.session_id,
                )
                for one in await account.sessions(operator)
            ]
        )

    @router.delete("/sessions", operation_id="account.end_others")
    async def end_others(operator: Annotated[Operator, Depends(current)]) -> EndedView:
        return EndedView(sessions_ended=await account.end_others(operator))

    @router.delete("/sessions/{session_id}", operation_id="account.end_session", status_code=204)
    async def end_session(session_id: SessionId, operator: Annotated[Operator, Depends(current)]) -> None:
        await account.end_session(operator, session_id)

    return router


def second_factor_router(
    second: SecondFactor, proofs: Proofs, current: CurrentOperator, arriving: CurrentOperator
) -> APIRouter:
    """One's own second factor. Secrets and recovery codes are shown once."""
    router = APIRouter(prefix="/api/v1/account/second-factor", tags=["account"])

    @router.get("", operation_id="account.second_factor")
    async def standing(operator: Annotated[Operator, Depends(arriving)]) -> SecondFactorView:
        found = await second.standing(operator)
        return SecondFactorView(since=found.since, recovery_left=found.recovery_left)

    @router.post("", operation_id="account.begin_second_factor")
    async def begin(response: Response, operator: Annotated[Operator, Depends(Proven(arriving))]) -> EnrolmentView:
        response.headers["Cache-Control"] = "no-store"
        await proofs.check_may_enrol(operator)
        made = await second.begin(operator)
        return EnrolmentView(secret=made.secret, qr=made.drawing())

    @router.post("/confirm", operation_id="account.confirm_second_factor")
    async def confirm(
        body: CodeBody, response: Response, operator: Annotated[Operator, Depends(arriving)]
    ) -> RecoveryView:
        response.headers["Cache-Control"] = "no-store"
        return RecoveryView(recovery_codes=await second.confirm(operator, body.code))

    @router.post("/off", operation_id="account.end_second_factor", status_code=204)
    async def switch_off(body: CodeBody, operator: Annotated[Operator, Depends(current)]) -> None:
        await proofs.check_may_drop(operator)
        await second.switch_off(operator, body.code)

    @router.post("/recovery-codes", operation_id="account.renew_recovery")
    async def renew(response: Response, operator: Annotated[Operator, Depends(Proven(current))]) -> RecoveryView:
        response.headers["Cache-Control"] = "no-store"
        return RecoveryView(recovery_codes=await second.renew_recovery(operator))

    return router


def _view(person: Person) -> PersonView:
    return PersonView(
        id=person.operator_id,
        email=person.email,
        name=person.name,
        role=key_of(person.role),
        role_name=name_of(person.role),
        state=person.state,
        created_at=person.created_at,
        invited_until=person.invited_until,
        sessions=person.sessions,
        signed_in_at=person.signed_in_at,
        site_ids=list(person.site_ids),
    )


def _invitation(made: Invitation, link: str) -> InvitationView:
    return InvitationView(person=_view(made.person), link=link, expires_at=made.expires_at)
