"""A merchant's custom roles: made, changed and removed by whoever may change people.

Nobody makes a role that may do what they may not, or changes one. What is changed holds from the next request of
everybody who has the role: a session keeps no rights of its own. A role that somebody has stays. Each change stands in
the change log, written with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.changes import Change, State, note_change
from vendomat.cloud.merchants import role_store as store
from vendomat.cloud.merchants.model import Operator
from vendomat.cloud.merchants.permissions import (
    AnyRole,
    CustomRole,
    Permission,
    Role,
    check_may_handle,
    completed,
)
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import check_version
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError

ROLES_MAX = 50


class Roles:
    """Raises `VendomatError` (forbidden, invalid_value, not_found, conflict, version_missing, version_stale); then
    nothing changed."""

    def __init__(self, database: Database, *, ids: Ids, clock: Clock) -> None:
        self._database = database
        self._ids = ids
        self._clock = clock

    async def everyone(self, merchant_id: str) -> list[AnyRole]:
        """The ready ones, then the merchant's own by name."""
        async with self._database.merchant(merchant_id) as connection:
            return [*Role, *await store.list_roles(connection)]

    async def create(self, by: Operator, name: str, permissions: Iterable[Permission]) -> CustomRole:
        role = CustomRole(self._ids.new("rol"), name, completed(permissions))
        check_may_handle(by.role, role)
        with _named_once():
            async with self._database.merchant(by.merchant_id) as connection:
                if len(await store.list_roles(connection)) >= ROLES_MAX:
                    raise VendomatError(ErrorCode.CONFLICT, f"there are {ROLES_MAX} custom roles; nothing changed")
                await store.insert_role(connection, by.merchant_id, role)
                await self._note(connection, by, "role.created", role.role_id, after=_said(role))
        return role

    async def change(
        self, by: Operator, role_id: str, name: str, permissions: Iterable[Permission], *, if_match: str | None
    ) -> CustomRole:
        wanted = completed(permissions)
        with _named_once():
            async with self._database.merchant(by.merchant_id) as connection:
                before = await self._locked(connection, by, role_id, if_match)
                after = replace(before, name=name, permissions=wanted, version=before.version + 1)
                check_may_handle(by.role, after)
                if (name, wanted) == (before.name, before.permissions):
                    return before
                await store.update_role(connection, after)
                await self._note(connection, by, "role.changed", role_id, before=_said(before), after=_said(after))
        return after

    async def remove(self, by: Operator, role_id: str, *, if_match: str | None) -> None:
        """Raises `VendomatError(conflict)`, naming those who have it."""
        async with self._database.merchant(by.merchant_id) as connection:
            role = await self._locked(connection, by, role_id, if_match)
            holders = await store.names_of_holders(connection, role_id)
            if holders:
                raise VendomatError(
                    ErrorCode.CONFLICT,
                    f"somebody has this role: {', '.join(holders)}; give them another first. Nothing changed",
                )
            await store.delete_role(connection, role_id)
            await self._note(connection, by, "role.removed", role_id, before=_said(role))

    async def _locked(
        self, connection: AsyncConnection, by: Operator, role_id: str, if_match: str | None
    ) -> CustomRole:
        role = await store.lock_role(connection, role_id)
        if role is None:
            raise _unknown()
        check_version(if_match, role.version)
        check_may_handle(by.role, role)
        return role

    async def _note(
        self,
        connection: AsyncConnection,
        by: Operator,
        action: str,
        role_id: str,
        *,
        before: State | None = None,
        after: State | None = None,
    ) -> None:
        change = Change(
            merchant_id=by.merchant_id,
            actor=by.operator_id,
            action=action,
            subject=role_id,
            at=self._clock.now(),
            before=before,
            after=after,
        )
        await note_change(connection, change)


async def role_to_give(connection: AsyncConnection, by: Operator, key: str) -> AnyRole:
    """The role that `by` gives somebody in this transaction. Raises `VendomatError` (not_found, forbidden)."""
    ready = key in set(Role)
    role = Role(key) if ready else await store.lock_role(connection, key, is_given=True)
    if role is None:
        raise _unknown()
    check_may_handle(by.role, role)
    return role


@contextmanager
def _named_once() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise VendomatError(ErrorCode.CONFLICT, "there is a role of this name already; nothing changed") from error


def _said(role: CustomRole) -> State:
    return {"name": role.name, "permissions": sorted(role.permissions)}


def _unknown() -> VendomatError:
    return VendomatError(ErrorCode.NOT_FOUND, "there is no such role; nothing changed")
