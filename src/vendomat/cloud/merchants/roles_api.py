"""`/api/v1/roles`: what each role may do, and the merchant's own roles."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.merchants.api import CurrentOperator, permitted
from vendomat.cloud.merchants.model import Operator
from vendomat.cloud.merchants.permissions import (
    BASE,
    NEEDS,
    AnyRole,
    CustomRole,
    Permission,
    key_of,
    name_of,
    permissions_of,
)
from vendomat.cloud.merchants.roles import Roles
from vendomat.cloud.platform.http import ASKED_ONCE, IfMatch, set_version

RoleId = Annotated[str, Path(pattern=r"^rol_[0-9a-z]{26}$")]


class RoleBody(BaseModel):
    """`permissions`: with those that everybody has, and that these need, whether they are named or not."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Annotated[str, Field(min_length=1, max_length=40)]
    permissions: Annotated[list[Permission], Field(max_length=len(Permission))]


class RoleView(BaseModel):
    """`role` names it: a ready role's word, or the id of a custom one, which alone has a `name` and a `version`."""

    role: str
    name: str
    permissions: list[Permission]
    version: int | None


class RolesView(BaseModel):
    """`permissions` are all there are, in the order in which they are shown; `base` those that every custom role has,
    `needs` what one brings with it."""

    permissions: list[Permission]
    base: list[Permission]
    needs: dict[Permission, Permission]
    roles: list[RoleView]


def roles_router(desk: Roles, current: CurrentOperator) -> APIRouter:
    """Who changes people changes what they may do."""
    router = APIRouter(prefix="/api/v1/roles", tags=["people"])
    changing = permitted(current, Permission.PEOPLE_CHANGE, is_proven=True)

    @router.get("", operation_id="roles.list")
    async def roles(operator: Annotated[Operator, Depends(current)]) -> RolesView:
        everyone = await desk.everyone(operator.merchant_id)
        return RolesView(
            permissions=list(Permission),
            base=_in_order(BASE),
            needs=dict(NEEDS),
            roles=[_view(role) for role in everyone],
        )

    @router.post("", operation_id="roles.create", dependencies=[ASKED_ONCE], status_code=201)
    async def create(body: RoleBody, response: Response, operator: Annotated[Operator, Depends(changing)]) -> RoleView:
        return _answer(response, await desk.create(operator, body.name, body.permissions))

    @router.put("/{role_id}", operation_id="roles.change")
    async def change(
        *,
        role_id: RoleId,
        body: RoleBody,
        response: Response,
        operator: Annotated[Operator, Depends(changing)],
        if_match: IfMatch = None,
    ) -> RoleView:
        return _answer(response, await desk.change(operator, role_id, body.name, body.permissions, if_match=if_match))

    @router.delete("/{role_id}", operation_id="roles.remove", status_code=204)
    async def remove(
        role_id: RoleId, operator: Annotated[Operator, Depends(changing)], if_match: IfMatch = None
    ) -> Response:
        await desk.remove(operator, role_id, if_match=if_match)
        return Response(status_code=204)

    return router


def _answer(response: Response, role: CustomRole) -> RoleView:
    set_version(response, role.version)
    return _view(role)


def _view(role: AnyRole) -> RoleView:
    own = role if isinstance(role, CustomRole) else None
    return RoleView(
        role=key_of(role),
        name=name_of(role),
        permissions=_in_order(permissions_of(role)),
        version=None if own is None else own.version,
    )


def _in_order(permissions: frozenset[Permission]) -> list[Permission]:
    return [one for one in Permission if one in permissions]
