"""A merchant's people: who they are, how one is invited, what changes about them, and how one leaves.

Nobody types a password for another: an invitation is a link that works once, for three days, and is shown once; only
its hash is kept. A new invitation replaces the one before, and resets whoever accepts it: password, second factor,
passkeys, sessions, the link to an identity provider. Nobody changes or invites one who may do what they may not, or
makes one such; the last owner stays one. Each change stands in the change log, written with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.changes import Change, State, note_change
from vendomat.cloud.merchants import people_store as store
from vendomat.cloud.merchants.model import (
    INVITATION_LIFE,
    Invited,
    Operator,
    Person,
    PersonState,
    checked_email,
    checked_password,
    checked_sites,
)
from vendomat.cloud.merchants.passkey_store import delete_passkeys
from vendomat.cloud.merchants.passwords import Passwords
from vendomat.cloud.merchants.permissions import Role, check_may_handle, key_of, name_of
from vendomat.cloud.merchants.roles import role_to_give
from vendomat.cloud.merchants.second_factor_store import forget, stands_on_one
from vendomat.cloud.merchants.store import require_second_factor
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError

_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Invitation:
    """`token` goes into the link and nowhere else."""

    person: Person
    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Invitation({self.person.operator_id})"


@dataclass(frozen=True, slots=True)
class NewPerson:
    """`role` is a ready one, or the id of a custom one."""

    email: str
    name: str
    role: str
    site_ids: tuple[str, ...] = ()


class People:
    """Raises `VendomatError`, forbidden for one who may do more than who asks; then nothing changed."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        *,
        ids: Ids,
        clock: Clock,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._ids = ids
        self._clock = clock
        self._randomness = randomness

    async def everybody(self, merchant_id: str) -> list[Person]:
        """By name; those who left come last."""
        async with self._database.merchant(merchant_id) as connection:
            return await store.list_people(connection, self._clock.now())

    async def invite(self, by: Operator, new: NewPerson) -> Invitation:
        """Raises `VendomatError` (invalid_value, not_found for an unknown role or site, conflict for an e-mail in
        use)."""
        email, sites = checked_email(new.email), checked_sites(new.role, new.site_ids)
        try:
            async with self._database.merchant(by.merchant_id) as connection:
                person = Person(
                    operator_id=self._ids.new("opr"),
                    email=email,
                    name=new.name,
                    role=await role_to_give(connection, by, new.role),
                    state=PersonState.INVITED,
                    created_at=self._clock.now(),
                    site_ids=sites,
                )
                await store.insert_person(connection, by.merchant_id, person)
                await self._give_sites(connection, by, person)
                invitation = await self._invited(connection, by, person)
                await self._note(connection, by, "person.invited", person, after=_said(person))
        except IntegrityError as error:
            raise VendomatError(
                ErrorCode.CONFLICT, "somebody already signs in with this e-mail; nobody was invited"
            ) from error
        return invitation

    async def invite_again(self, by: Operator, operator_id: str) -> Invitation:
        """A new link for one who lost the first, forgot the password, or comes back. Raises `VendomatError(not_found)`.

        One who is active stays signed in until the link is used.
        """
        async with self._database.merchant(by.merchant_id) as connection:
            person = await self._locked(connection, operator_id)
            check_may_handle(by.role, person.role)
            if person.state is PersonState.INACTIVE:
                person = replace(person, state=PersonState.INVITED)
                await store.update_person(connection, person)
            invitation = await self._invited(connection, by, person)
            await self._note(connection, by, "person.invited_again", person, after=_said(person))
        return invitation

    async def change(
        self, by: Operator, operator_id: str, *, name: str, role: str, site_ids: Iterable[str] = ()
    ) -> Person:
        """Raises `VendomatError` (invalid_value, not_found, conflict for the last owner)."""
        sites = checked_sites(role, site_ids)
        async with self._database.merchant(by.merchant_id) as connection:
            owners = await store.lock_owners(connection)
            before = await self._locked(connection, operator_id)
            check_may_handle(by.role, before.role)
            after = replace(before, name=name, role=await role_to_give(connection, by, role), site_ids=sites)
            if after == before:
                return before
            if after.role is not Role.OWNER:
                _check_not_last(before, owners)
            await store.update_person(connection, after)
            await self._give_sites(connection, by, after)
            await self._note(connection, by, "person.changed", after, before=_said(before), after=_said(after))
        return after

    async def deactivate(self, by: Operator, operator_id: str) -> Person:
        """They sign in no more; their sessions and invitation end now. Raises `VendomatError` as `change`."""
        async with self._database.merchant(by.merchant_id) as connection:
            owners = await store.lock_owners(connection)
            before = await self._locked(connection, operator_id)
            check_may_handle(by.role, before.role)
            if before.state is PersonState.INACTIVE:
                return before
            _check_not_last(before, owners)
            after = replace(before, state=PersonState.INACTIVE, invited_until=None, sessions=0)
            await store.update_person(connection, after)
            await store.delete_invitation(connection, operator_id)
            await store.end_sessions(connection, operator_id)
            await self._note(connection, by, "person.deactivated", after, before=_said(before), after=_said(after))
        return after

    async def require_second_factor(self, by: Operator, *, is_required: bool) -> None:
        """Whether everybody has to sign in with a second factor. Raises `VendomatError(conflict)` for one who has given
        none in this session and would be the first who is locked out, or would be by the loss of a single passkey."""
        if is_required and not by.has_second_factor:
            raise VendomatError(
                ErrorCode.CONFLICT,
                "set up a second factor yourself first, or prove who you are by it; nothing changed",
            )
        change = Change(
            merchant_id=by.merchant_id,
            actor=by.operator_id,
            action="second_factor.required" if is_required else "second_factor.not_required",
            subject=by.merchant_id,
            at=self._clock.now(),
            after={"is_required": is_required},
        )
        async with self._database.merchant(by.merchant_id) as connection:
            if is_required and await stands_on_one(connection, by.operator_id):
                raise VendomatError(
                    ErrorCode.CONFLICT,
                    "make recovery codes first, for the day your passkey or phone is lost; nothing changed",
                )
            if await require_second_factor(connection, by.merchant_id, is_required=is_required):
                await note_change(connection, change)

    async def look(self, token: str) -> Invited:
        """Whom a link invites, and where to. Raises `VendomatError(not_found)` alike for wrong, used and expired."""
        async with self._database.auth() as connection:
            invited = await store.find_invitation(connection, _hash_of(token), self._clock.now())
        if invited is None:
            raise _no_invitation()
        return invited

    async def accept(self, token: str, password: str) -> Invited:
        """Set the password, once; whoever had signed in before is signed out. Raises `VendomatError` as `look`."""
        invited = await self.look(token)
        password_hash = await self._passwords.hash(checked_password(password))
        async with self._database.merchant(invited.merchant_id) as connection:
            person = await self._locked(connection, invited.operator_id)
            if not await store.take_invitation(connection, _hash_of(token), self._clock.now()):
                raise _no_invitation()
            await begin_anew(connection, invited.merchant_id, person, password_hash=password_hash, at=self._clock.now())
        return invited

    async def _invited(self, connection: AsyncConnection, by: Operator, person: Person) -> Invitation:
        secret = self._randomness(_TOKEN_BYTES)
        token = base64.urlsafe_b64encode(secret).decode().rstrip("=")
        expires_at = self._clock.now() + INVITATION_LIFE
        await store.put_invitation(
            connection, by.merchant_id, person.operator_id, token_hash=_hash_of(token), expires_at=expires_at
        )
        return Invitation(replace(person, invited_until=expires_at), token, expires_at)

    async def _give_sites(self, connection: AsyncConnection, by: Operator, person: Person) -> None:
        if not await store.put_sites(connection, by.merchant_id, person):
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such site; nothing changed")

    async def _locked(self, connection: AsyncConnection, operator_id: str) -> Person:
        person = await store.lock_person(connection, operator_id)
        if person is None:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such person; nothing changed")
        return person

    async def _note(
        self,
        connection: AsyncConnection,
        by: Operator,
        action: str,
        person: Person,
        *,
        before: State | None = None,
        after: State,
    ) -> None:
        change = Change(
            merchant_id=by.merchant_id,
            actor=by.operator_id,
            action=action,
            subject=person.operator_id,
            at=self._clock.now(),
            before=before,
            after=after,
        )
        await note_change(connection, change)


async def begin_anew(
    connection: AsyncConnection, merchant_id: str, person: Person, *, password_hash: str, at: datetime
) -> None:
    """They join: active, and with nothing by which they had signed in before. An empty hash is no password."""
    joined = replace(person, state=PersonState.ACTIVE)
    await store.set_password(connection, person.operator_id, password_hash)
    await store.update_person(connection, joined)
    await store.end_sessions(connection, person.operator_id)
    await forget(connection, person.operator_id)
    await delete_passkeys(connection, person.operator_id)
    await store.delete_links(connection, person.operator_id)
    change = Change(
        merchant_id=merchant_id,
        actor=person.operator_id,
        action="person.joined",
        subject=person.operator_id,
        at=at,
        before=_said(person),
        after=_said(joined),
    )
    await note_change(connection, change)


def _check_not_last(person: Person, owners: list[str]) -> None:
    if owners == [person.operator_id]:
        raise VendomatError(
            ErrorCode.CONFLICT, "this is the last owner; make somebody else an owner first; nothing changed"
        )


def _said(person: Person) -> State:
    said = {"email": person.email, "name": person.name, "role": key_of(person.role), "state": person.state.value}
    more = {"role_name": name_of(person.role), "site_ids": list(person.site_ids)}
    return said | {name: value for name, value in more.items() if value}


def _hash_of(token: str) -> bytes:
    """SHA-256 of the token's bytes; of nothing for what cannot be a token, which is nobody's."""
    try:
        secret = base64.b64decode(token.encode("ascii") + b"=", altchars=b"-_", validate=True)
    except (UnicodeError, binascii.Error):
        return b""
    return hashlib.sha256(secret).digest() if len(secret) == _TOKEN_BYTES else b""


def _no_invitation() -> VendomatError:
    return VendomatError(
        ErrorCode.NOT_FOUND, "this invitation was used, replaced or has expired; ask for a new one. Nothing changed"
    )
