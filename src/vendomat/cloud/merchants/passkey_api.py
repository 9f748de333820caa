"""Passkeys over HTTP: one's own under `/api/v1/account/passkeys`; signing in and proving under `/api/v1/session`.

Options and answers are the browser's own JSON (`parseCreationOptionsFromJSON`, `toJSON`), passed through.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.merchants.api import CurrentOperator, Proven, SessionView, start_session
from vendomat.cloud.merchants.model import Operator, network_of
from vendomat.cloud.merchants.passkey_store import Passkey
from vendomat.cloud.merchants.passkeys import Passkeys
from vendomat.cloud.merchants.proofs import Proofs
from vendomat.cloud.merchants.sign_in import SignIns
from vendomat.cloud.platform.http import Throttle
from vendomat.kernel import Clock

BEGUN_MAX = 60
BEGUN_WINDOW_S = 900.0
PasskeyId = Annotated[str, Path(pattern=r"^psk_[0-9a-z]{26}$")]


class CredentialBody(BaseModel):
    """What the browser answered, as its `toJSON` says it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    credential: dict[str, Any]


class NewPasskeyBody(CredentialBody):
    name: Annotated[str, Field(min_length=1, max_length=80)]


class OptionsView(BaseModel):
    """What the browser is to be asked, good once and for five minutes."""

    options: dict[str, Any]


class PasskeyView(BaseModel):
    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


class PasskeysView(BaseModel):
    data: list[PasskeyView]


def passkey_router(
    passkeys: Passkeys, proofs: Proofs, current: CurrentOperator, arriving: CurrentOperator
) -> APIRouter:
    """One's own passkeys. To make or remove one needs a fresh proof."""
    router = APIRouter(prefix="/api/v1/account/passkeys", tags=["account"])
    enrolling, proven = Proven(arriving), Proven(current)

    @router.get("", operation_id="passkeys.list")
    async def all_of(operator: Annotated[Operator, Depends(arriving)]) -> PasskeysView:
        return PasskeysView(data=[_view(one) for one in await passkeys.all_of(operator)])

    @router.post("/begin", operation_id="passkeys.begin")
    async def begin(response: Response, operator: Annotated[Operator, Depends(enrolling)]) -> OptionsView:
        response.headers["Cache-Control"] = "no-store"
        await proofs.check_may_enrol(operator)
        return OptionsView(options=await passkeys.begin(operator))

    @router.post("", operation_id="passkeys.add", status_code=201)
    async def add(body: NewPasskeyBody, operator: Annotated[Operator, Depends(enrolling)]) -> PasskeyView:
        return _view(await passkeys.add(operator, body.name, body.credential))

    @router.delete("/{passkey_id}", operation_id="passkeys.remove", status_code=204)
    async def remove(passkey_id: PasskeyId, operator: Annotated[Operator, Depends(proven)]) -> None:
        await proofs.check_may_drop(operator)
        await passkeys.remove(operator, passkey_id)

    return router


def passkey_session_router(
    passkeys: Passkeys, sign_ins: SignIns, current: CurrentOperator, clock: Clock, *, is_secure: bool
) -> APIRouter:
    """Signing in by a passkey, and what is asked to prove by one. A network that only ever begins is stopped."""
    router = APIRouter(prefix="/api/v1/session", tags=["session"])
    throttle = Throttle(clock, failures_max=BEGUN_MAX, window_s=BEGUN_WINDOW_S)

    @router.post("/passkey/begin", operation_id="session.begin_passkey")
    async def begin(request: Request, response: Response) -> OptionsView:
        network = network_of(_address(request))
        throttle.check(network)
        throttle.note_failure(network)
        response.headers["Cache-Control"] = "no-store"
        return OptionsView(options=await passkeys.begin_sign_in())

    @router.post("/passkey", operation_id="session.create_by_passkey")
    async def sign_in(body: CredentialBody, request: Request, response: Response) -> SessionView:
        operator = await passkeys.who(body.credential, address=_address(request))
        agent = request.headers.get("user-agent", "")
        session = await sign_ins.open(operator, address=_address(request), agent=agent, has_second_factor=True)
        return start_session(response, session, is_secure=is_secure)

    @router.post("/proof/begin", operation_id="session.begin_proof")
    async def begin_proof(response: Response, operator: Annotated[Operator, Depends(current)]) -> OptionsView:
        response.headers["Cache-Control"] = "no-store"
        return OptionsView(options=await passkeys.begin_proof(operator))

    return router


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _view(one: Passkey) -> PasskeyView:
    return PasskeyView(id=one.passkey_id, name=one.name, created_at=one.created_at, last_used_at=one.last_used_at)
