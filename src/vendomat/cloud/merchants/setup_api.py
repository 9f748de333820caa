"""`/api/v1/setup`: what the page of the first run asks. Nobody is signed in; the token says who may."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.merchants.first_run import FirstRun
from vendomat.cloud.merchants.model import (
    EMAIL_CHARACTERS_MAX,
    PASSWORD_CHARACTERS_MAX,
    NewMerchant,
    NewOperator,
)
from vendomat.kernel import EXPONENTS

Token = Annotated[str, Field(min_length=1, max_length=100)]
Name = Annotated[str, Field(min_length=1, max_length=80)]


class SetupTokenBody(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    token: Token


class NewMerchantBody(BaseModel):
    """`name` is also what buyers see on the payment page; machines that are out of order show `service_phone`."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Name
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    time_zone: Annotated[str, Field(min_length=1, max_length=64)]
    service_phone: Annotated[str, Field(max_length=40)] = ""


class NewOwnerBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Name
    email: Annotated[str, Field(min_length=3, max_length=EMAIL_CHARACTERS_MAX)]
    password: Annotated[str, Field(min_length=1, max_length=PASSWORD_CHARACTERS_MAX)]


class SetupBody(SetupTokenBody):
    merchant: NewMerchantBody
    owner: NewOwnerBody


class SetupView(BaseModel):
    """`is_open` while nobody has set this cloud up; `currencies` are those that it knows."""

    is_open: bool
    currencies: list[str]


class SetUpView(BaseModel):
    """`email` is what the owner signs in with."""

    merchant_name: str
    email: str


def setup_router(first_run: FirstRun) -> APIRouter:
    router = APIRouter(prefix="/api/v1/setup", tags=["setup"])

    @router.get("", operation_id="setup.get")
    async def standing(response: Response) -> SetupView:
        response.headers["Cache-Control"] = "no-store"
        return SetupView(is_open=await first_run.is_open(), currencies=list(EXPONENTS))

    @router.post("/look", operation_id="setup.look", status_code=204)
    async def look(body: SetupTokenBody, request: Request) -> None:
        await first_run.check(body.token, address=_address(request))

    @router.post("", operation_id="setup.create", status_code=201)
    async def create(body: SetupBody, request: Request) -> SetUpView:
        business, person = body.merchant, body.owner
        merchant, owner = await first_run.set_up(
            body.token,
            NewMerchant(business.name, business.name, business.currency, business.service_phone, business.time_zone),
            NewOperator(person.email, person.name.strip(), person.password),
            address=_address(request),
        )
        return SetUpView(merchant_name=merchant.name, email=owner.email)

    return router


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""
