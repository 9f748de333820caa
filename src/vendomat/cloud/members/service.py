"""The merchant's members: made and blocked by its people, known by the key in their link, shown a code for a machine.

The link's key is 32 random bytes that only the member has; the database knows their SHA-256. Whoever has the link is
the member, so an operator can give a new one, which ends the old. Refuses to say why a key is not accepted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.members import store
from vendomat.cloud.members.hot import ShownCode, insert_code
from vendomat.cloud.members.model import (
    CODE_LIFE,
    KEY_BYTES,
    MOVES,
    SERIAL_DIGITS,
    Member,
    MemberEvent,
    MemberState,
    NewMember,
    checked_phone,
    member_code,
    phone_hash,
    plain_phone,
    serial_of,
)
from vendomat.cloud.merchants import MasterKey
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Cursor
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError, derive_id

_DRAWS_MAX = 20


@dataclass(frozen=True, slots=True)
class MemberLink:
    """A member with the key of their link, which is shown once."""

    member: Member
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FreshCode:
    """What the phone shows now. `repr` hides the digits."""

    digits: str = field(repr=False)
    expires_at: datetime


def members_key(master_key: MasterKey) -> bytes:
    """The key of member codes and phone hashes."""
    return master_key.derive("member")


class Members:
    """All merchants' members; each function sees the one it is asked for."""

    def __init__(
        self,
        database: Database,
        master_key: MasterKey,
        *,
        ids: Ids,
        clock: Clock,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._database = database
        self._key = members_key(master_key)
        self._ids = ids
        self._clock = clock
        self._randomness = randomness

    # --- the merchant's people ----------------------------------------------------------------------------------------

    async def create(self, merchant_id: str, new: NewMember, request_id: str = "") -> MemberLink:
        """A new member; the same `request_id` again is the same member, whose link is then another.

        Raises `VendomatError` (conflict when the phone or the number is a member's already, invalid_value).
        """
        phone = checked_phone(new.phone) if new.phone else ""
        secret = self._randomness(KEY_BYTES)
        member = Member(
            merchant_id=merchant_id,
            member_id=derive_id("mbr", merchant_id, request_id) if request_id else self._ids.new("mbr"),
            name=new.name,
            phone_tail=phone[-4:],
            external_id=new.external_id,
            state=MOVES.start,
            created_at=self._clock.now(),
        )
        hashed = phone_hash(self._key, merchant_id, phone) if phone else None
        try:
            async with self._database.merchant(merchant_id) as connection:
                if await store.find_member(connection, member.member_id) is not None:
                    return await self._relink(connection, member.member_id)
                await store.insert_member(
                    connection, member, phone_hash=hashed, key_hash=hashlib.sha256(secret).digest()
                )
        except IntegrityError as error:
            raise VendomatError(
                ErrorCode.CONFLICT, "somebody with this phone or number is a member already; nobody was added"
            ) from error
        return MemberLink(member, _key_text(secret))

    async def renew_link(self, merchant_id: str, member_id: str) -> MemberLink:
        """A new key for a member; the old link opens nothing from now on. Raises `VendomatError(not_found)`."""
        async with self._database.merchant(merchant_id) as connection:
            return await self._relink(connection, member_id)

    async def _relink(self, connection: AsyncConnection, member_id: str) -> MemberLink:
        secret = self._randomness(KEY_BYTES)
        member = _found(await store.lock_member(connection, member_id))
        await store.set_key(connection, member, hashlib.sha256(secret).digest())
        return MemberLink(member, _key_text(secret))

    async def block(self, merchant_id: str, member_id: str) -> Member:
        """The wallet pays nothing any more. Raises `VendomatError(not_found)`."""
        return await self._move(merchant_id, member_id, MemberEvent.BLOCK, MemberState.BLOCKED)

    async def unblock(self, merchant_id: str, member_id: str) -> Member:
        """Raises `VendomatError(not_found)`."""
        return await self._move(merchant_id, member_id, MemberEvent.UNBLOCK, MemberState.ACTIVE)

    async def list_members(
        self,
        merchant_id: str,
        text: str = "",
        *,
        also: Sequence[str] = (),
        state: MemberState | None = None,
        after: Cursor | None = None,
        limit: int = 50,
    ) -> Sequence[Member]:
        """Newest first; with a `text` those whom it may mean (name, number, phone, shown code), and those of `also`."""
        phone = plain_phone(text)
        filtered = store.MemberFilter(
            text=text,
            phone_hash=phone_hash(self._key, merchant_id, phone) if phone is not None else None,
            serial=serial_of(self._key, merchant_id, text.replace(" ", "")),
            also=also,
            state=state,
        )
        async with self._database.merchant(merchant_id) as connection:
            return await store.list_members(connection, filtered, after=after, limit=limit)

    async def find(self, merchant_id: str, member_id: str) -> Member:
        """Raises `VendomatError(not_found)`."""
        async with self._database.merchant(merchant_id) as connection:
            return _found(await store.find_member(connection, member_id))

    async def _move(self, merchant_id: str, member_id: str, event: MemberEvent, wanted: MemberState) -> Member:
        async with self._database.merchant(merchant_id) as connection:
            member = _found(await store.lock_member(connection, member_id))
            if member.state is wanted:
                return member
            moved = replace(member, state=MOVES.next(member.state, event))
            await store.set_state(connection, member, moved.state)
        return moved

    # --- the member ---------------------------------------------------------------------------------------------------

    async def member_of(self, key: str) -> Member:
        """Whose link it is. Raises `VendomatError(not_signed_in)`."""
        secret = _secret_of(key)
        if secret is not None:
            async with self._database.auth() as connection:
                member = await store.find_by_key(connection, hashlib.sha256(secret).digest())
            if member is not None:
                return member
        raise VendomatError(ErrorCode.NOT_SIGNED_IN, "this link is not good any more; ask the operator for a new one")

    async def show_code(self, member: Member) -> FreshCode:
        """A code for the next minute and one payment. Raises `VendomatError(forbidden)` for a blocked member."""
        if member.state is not MemberState.ACTIVE:
            raise VendomatError(ErrorCode.FORBIDDEN, "this wallet is blocked; ask the operator")
        expires_at = self._clock.now() + CODE_LIFE
        for _ in range(_DRAWS_MAX):
            code = ShownCode(member.merchant_id, _serial(self._ids), member.member_id, "", expires_at)
            if await self._database.write(partial(insert_code, code=code)):
                return FreshCode(member_code(self._key, member.merchant_id, code.serial), expires_at)
        raise VendomatError(ErrorCode.UNAVAILABLE, "no code could be made; try again")


def _found(member: Member | None) -> Member:
    if member is None:
        raise VendomatError(ErrorCode.NOT_FOUND, "there is no such member")
    return member


def _serial(ids: Ids) -> str:
    """Digits from an identifier's random bits: nobody foretells the next one."""
    drawn = hashlib.sha256(ids.new("mcd").encode()).digest()
    return f"{int.from_bytes(drawn, 'big') % 10**SERIAL_DIGITS:0{SERIAL_DIGITS}d}"


def _key_text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


def _secret_of(key: str) -> bytes | None:
    """The bytes of a link's key; None for anything that cannot be one."""
    try:
        secret = base64.b64decode(key.encode("ascii") + b"=", altchars=b"-_", validate=True)
    except (UnicodeError, binascii.Error):
        return None
    return secret if len(secret) == KEY_BYTES else None
