"""How members are kept, for one merchant's people and for whoever holds a member's link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.members.model import Member, MemberState
from vendomat.cloud.platform.http import Cursor

MEMBER = sa.table(
    "member",
    *map(
        sa.column,
        (
            "merchant_id",
            "member_id",
            "name",
            "phone_hash",
            "phone_tail",
            "external_id",
            "state",
            "key_hash",
            "created_at",
        ),
    ),
)
_CODE = sa.table("member_code", *map(sa.column, ("member_id", "serial")))
_COLUMNS = (
    MEMBER.c.merchant_id,
    MEMBER.c.member_id,
    MEMBER.c.name,
    MEMBER.c.phone_tail,
    MEMBER.c.external_id,
    MEMBER.c.state,
    MEMBER.c.created_at,
)


async def insert_member(
    connection: AsyncConnection, member: Member, *, phone_hash: bytes | None, key_hash: bytes
) -> None:
    await connection.execute(
        sa.insert(MEMBER).values(
            merchant_id=member.merchant_id,
            member_id=member.member_id,
            name=member.name,
            phone_hash=phone_hash,
            phone_tail=member.phone_tail,
            external_id=member.external_id,
            state=member.state.value,
            key_hash=key_hash,
            created_at=member.created_at,
        )
    )


async def lock_member(connection: AsyncConnection, member_id: str) -> Member | None:
    found = await connection.execute(sa.select(*_COLUMNS).where(MEMBER.c.member_id == member_id).with_for_update())
    row = found.mappings().one_or_none()
    return None if row is None else _member(row)


async def set_state(connection: AsyncConnection, member: Member, state: MemberState) -> None:
    await connection.execute(
        sa.update(MEMBER)
        .where(MEMBER.c.merchant_id == member.merchant_id, MEMBER.c.member_id == member.member_id)
        .values(state=state.value)
    )


async def set_key(connection: AsyncConnection, member: Member, key_hash: bytes) -> None:
    await connection.execute(
        sa.update(MEMBER)
        .where(MEMBER.c.merchant_id == member.merchant_id, MEMBER.c.member_id == member.member_id)
        .values(key_hash=key_hash)
    )


@dataclass(frozen=True, slots=True)
class MemberFilter:
    """Whom to list. With a `text`, who has it in the name, as the number, as the last digits of the phone or whole, as
    the code that is shown now (`serial`), and whoever is one of `also`."""

    text: str = ""
    phone_hash: bytes | None = None
    serial: str | None = None
    also: Sequence[str] = ()
    state: MemberState | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        found: list[sa.ColumnElement[bool]] = []
        if self.state is not None:
            found.append(MEMBER.c.state == self.state.value)
        if self.text:
            meant = [
                MEMBER.c.name.icontains(self.text, autoescape=True),
                sa.func.lower(MEMBER.c.external_id) == self.text.lower(),
                MEMBER.c.phone_tail == self.text,
                MEMBER.c.member_id.in_([self.text, *self.also]),
            ]
            if self.phone_hash is not None:
                meant.append(MEMBER.c.phone_hash == self.phone_hash)
            if self.serial is not None:
                meant.append(MEMBER.c.member_id.in_(sa.select(_CODE.c.member_id).where(_CODE.c.serial == self.serial)))
            found.append(sa.or_(*meant))
        return found


async def list_members(
    connection: AsyncConnection, filtered: MemberFilter, *, after: Cursor | None, limit: int
) -> Sequence[Member]:
    """Newest first."""
    newest = sa.select(*_COLUMNS).order_by(MEMBER.c.created_at.desc(), MEMBER.c.member_id.desc()).limit(limit)
    wanted = newest.where(*filtered.conditions())
    if after is not None:
        wanted = wanted.where(sa.tuple_(MEMBER.c.created_at, MEMBER.c.member_id) < sa.tuple_(after.at, after.id))
    return [_member(row) for row in (await connection.execute(wanted)).mappings()]


async def find_member(connection: AsyncConnection, member_id: str) -> Member | None:
    found = await connection.execute(sa.select(*_COLUMNS).where(MEMBER.c.member_id == member_id))
    row = found.mappings().one_or_none()
    return None if row is None else _member(row)


async def find_by_key(connection: AsyncConnection, key_hash: bytes) -> Member | None:
    found = await connection.execute(sa.select(*_COLUMNS).where(MEMBER.c.key_hash == key_hash))
    row = found.mappings().one_or_none()
    return None if row is None else _member(row)


def _member(row: sa.RowMapping) -> Member:
    return Member(**{**row, "state": MemberState(row["state"])})
