"""`/api/v1/session`: sign in, who am I, prove it again, sign out; and the dependency that says who asks.

The session lives in a cookie that no script can read and no other site can send.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.merchants.model import (
    EMAIL_CHARACTERS_MAX,
    PASSWORD_CHARACTERS_MAX,
    SESSION_LIFE,
    Operator,
    check_proven,
    check_second_factor,
)
from vendomat.cloud.merchants.permissions import Permission, check_may, key_of, name_of, permissions_of
from vendomat.cloud.merchants.proofs import Proofs, ProofWay
from vendomat.cloud.merchants.sign_in import Session, SignIns
from vendomat.kernel import ErrorCode, VendomatError

COOKIE = "vendomat_session"
CODE_CHARACTERS_MAX = 40

CurrentOperator = Callable[[Request], Awaitable[Operator]]


class SignInBody(BaseModel):
    """`code`: of the phone, or a recovery code, once `second_factor_required` asked for it."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    email: Annotated[str, Field(min_length=3, max_length=EMAIL_CHARACTERS_MAX)]
    password: Annotated[str, Field(min_length=1, max_length=PASSWORD_CHARACTERS_MAX)]
    code: Annotated[str, Field(max_length=CODE_CHARACTERS_MAX)] = ""


class ProofBody(BaseModel):
    """One of them: the password, a code of the phone (or a recovery code), or a passkey's answer."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    password: Annotated[str, Field(max_length=PASSWORD_CHARACTERS_MAX)] = ""
    code: Annotated[str, Field(max_length=CODE_CHARACTERS_MAX)] = ""
    passkey: dict[str, Any] | None = None


class ProofView(BaseModel):
    """`proven_until` is null when a proof is needed first; `ways` are those that this person has."""

    proven_until: datetime | None
    ways: list[ProofWay]


class DoorView(BaseModel):
    """An identity provider: a browser that goes to `path` signs in there, and comes back."""

    name: str
    path: str


class OperatorView(BaseModel):
    """`role` is a ready one's word, or the id of a custom one, which has a `role_name`. `permissions` is what it may
    do, for a page that offers nothing that would be refused."""

    id: str
    email: str
    name: str
    role: str
    role_name: str
    permissions: list[Permission]


class MerchantView(BaseModel):
    id: str
    name: str
    currency: str
    is_second_factor_required: bool


class SessionView(BaseModel):
    """`lacks_second_factor`: nothing but setting one up, or proving it, is possible until the session has one.
    `is_by_provider`: the merchant's identity provider let them in, where they may still be signed in afterwards."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    operator: OperatorView
    merchant: MerchantView
    expires_at: datetime | None = None
    lacks_second_factor: bool
    is_by_provider: bool


def door_view(merchant_id: str, name: str) -> DoorView:
    """The way in by the provider of one merchant."""
    return DoorView(name=name, path=f"/api/v1/session/provider/{merchant_id}")


def current_operator(sign_ins: SignIns) -> CurrentOperator:
    """The dependency: the signed-in operator, or `VendomatError` (not_signed_in, second_factor_missing)."""
    arriving = arriving_operator(sign_ins)

    async def current(request: Request) -> Operator:
        operator = await arriving(request)
        check_second_factor(operator)
        return operator

    return current


def arriving_operator(sign_ins: SignIns) -> CurrentOperator:
    """As `current_operator`, also of one who has yet to give, or to set up, the second factor that is required."""

    async def arriving(request: Request) -> Operator:
        return await sign_ins.operator_of(request.cookies.get(COOKIE, ""))

    return arriving


@dataclass(frozen=True, slots=True)
class Permitted:
    """The dependency of a route: the signed-in person whose role has `permission`; `is_proven`: who proved lately who
    they are."""

    current: CurrentOperator
    permission: Permission
    is_proven: bool = False

    async def __call__(self, request: Request) -> Operator:
        """Raises `VendomatError` (not_signed_in, forbidden, proof_required)."""
        operator = await self.current(request)
        check_may(operator.role, self.permission)
        if self.is_proven:
            check_proven(operator)
        return operator


def permitted(current: CurrentOperator, permission: Permission, *, is_proven: bool = False) -> Permitted:
    """What a route depends on: `operator: Annotated[Operator, Depends(permitted(current, Permission.X))]`."""
    return Permitted(current, permission, is_proven)


@dataclass(frozen=True, slots=True)
class Proven:
    """The dependency of what people of any role do about themselves, having proved lately who they are."""

    current: CurrentOperator
    is_proven: bool = True

    async def __call__(self, request: Request) -> Operator:
        """Raises `VendomatError` (not_signed_in, proof_required)."""
        operator = await self.current(request)
        check_proven(operator)
        return operator


def proof_router(proofs: Proofs, current: CurrentOperator) -> APIRouter:
    """Who was signed in a while ago proves that it is still they."""
    router = APIRouter(prefix="/api/v1/session/proof", tags=["session"])

    @router.get("", operation_id="session.proof")
    async def standing(operator: Annotated[Operator, Depends(current)], response: Response) -> ProofView:
        response.headers["Cache-Control"] = "no-store"
        return ProofView(proven_until=operator.proven_until, ways=await proofs.ways(operator))

    @router.put("", operation_id="session.prove")
    async def prove(body: ProofBody, request: Request, operator: Annotated[Operator, Depends(current)]) -> ProofView:
        address = request.client.host if request.client is not None else ""
        if [bool(body.password), bool(body.code), bool(body.passkey)].count(True) != 1:
            raise VendomatError(
                ErrorCode.INVALID_VALUE, "send a password, a code or a passkey's answer; nothing changed"
            )
        if body.password:
            until = await proofs.by_password(operator, body.password, address=address)
        elif body.passkey:
            until = await proofs.by_passkey(operator, body.passkey, address=address)
        else:
            until = await proofs.by_code(operator, body.code, address=address)
        return ProofView(proven_until=until, ways=await proofs.ways(operator))

    return router


def session_router(sign_ins: SignIns, current: CurrentOperator, *, is_secure: bool) -> APIRouter:
    """`is_secure` marks the cookie for HTTPS only; off only where pages are plain HTTP on this machine."""
    router = APIRouter(prefix="/api/v1/session", tags=["session"])

    @router.post("", operation_id="session.create")
    async def sign_in(body: SignInBody, request: Request, response: Response) -> SessionView:
        address = request.client.host if request.client is not None else ""
        agent = request.headers.get("user-agent", "")
        session = await sign_ins.sign_in(body.email, body.password, address=address, agent=agent, code=body.code)
        return start_session(response, session, is_secure=is_secure)

    @router.get("", operation_id="session.get")
    async def who_am_i(operator: Annotated[Operator, Depends(current)], response: Response) -> SessionView:
        response.headers["Cache-Control"] = "no-store"
        return _view(operator, None)

    @router.delete("", operation_id="session.delete", status_code=204)
    async def sign_out(request: Request) -> Response:
        await sign_ins.sign_out(request.cookies.get(COOKIE, ""))
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=is_secure)
        return response

    return router


def start_session(response: Response, session: Session, *, is_secure: bool) -> SessionView:
    """The answer to whoever has just signed in."""
    give_session(response, session, is_secure=is_secure)
    response.headers["Cache-Control"] = "no-store"
    return _view(session.operator, session.expires_at)


def give_session(response: Response, session: Session, *, is_secure: bool) -> None:
    """The cookie of it."""
    response.set_cookie(
        COOKIE,
        session.token,
        max_age=int(SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=is_secure,
        path="/",
    )


def _view(operator: Operator, expires_at: datetime | None) -> SessionView:
    return SessionView(
        operator=OperatorView(
            id=operator.operator_id,
            email=operator.email,
            name=operator.name,
            role=key_of(operator.role),
            role_name=name_of(operator.role),
            permissions=sorted(permissions_of(operator.role)),
        ),
        merchant=MerchantView(
            id=operator.merchant_id,
            name=operator.merchant_name,
            currency=operator.currency,
            is_second_factor_required=operator.is_second_factor_required,
        ),
        expires_at=expires_at,
        lacks_second_factor=operator.lacks_second_factor,
        is_by_provider=operator.is_by_provider,
    )
