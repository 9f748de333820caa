"""Tiers of members: which there are, who has which, and how a merchant changes that.

A member has the tier that was given by hand, else the highest whose turnover the wallet's last twelve months reach. It
is known when the member's code pays, and not before. Refuses to drop a tier that somebody was given by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from vendomat.cloud.changes import Change, note_change
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, VendomatError

TIERS_MAX = 10
TURNOVER_TIME = timedelta(days=365)
"""How far back what a wallet paid counts, less what came back to it."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Who paid at least `from_minor` has it; None: who was given it by hand."""

    name: str
    from_minor: int | None = None


def tier_for(tiers: Sequence[Tier], by_hand: str, spent_minor: int) -> str:
    """The name of a member's tier; "" for none."""
    reached = [tier for tier in tiers if tier.from_minor is not None and tier.from_minor <= spent_minor]
    return by_hand or max(reached, key=lambda tier: (tier.from_minor, tier.name), default=Tier("")).name


async def tiers_of(connection: asyncpg.Connection, merchant_id: str) -> list[Tier]:
    """The lowest turnover first, those by hand at the end."""
    rows = await connection.fetch(
        "SELECT tier, from_minor FROM member_tier WHERE merchant_id = $1 ORDER BY from_minor, tier", merchant_id
    )
    return [Tier(row["tier"], row["from_minor"]) for row in rows]


async def tiers_by_hand(connection: asyncpg.Connection, merchant_id: str, members: Sequence[str]) -> dict[str, str]:
    """The tiers that were given by hand, by member."""
    rows = await connection.fetch(
        "SELECT member_id, tier FROM member "
        "WHERE merchant_id = $1 AND member_id = ANY($2::text[]) AND tier IS NOT NULL",
        merchant_id,
        list(members),
    )
    return {row["member_id"]: row["tier"] for row in rows}


async def tier_of(connection: asyncpg.Connection, merchant_id: str, member_id: str, spent_minor: int) -> str:
    """The tier of a member whose wallet paid `spent_minor` in `TURNOVER_TIME`; "" for none."""
    by_hand = (await tiers_by_hand(connection, merchant_id, [member_id])).get(member_id, "")
    return tier_for(await tiers_of(connection, merchant_id), by_hand, spent_minor)


class Tiers:
    """One merchant's tiers. `by` is the operator who asks."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def all_of(self, merchant_id: str) -> list[Tier]:
        async with self._database.hot.acquire() as connection:
            return await tiers_of(connection, merchant_id)

    async def by_hand(self, merchant_id: str, members: Sequence[str]) -> dict[str, str]:
        async with self._database.hot.acquire() as connection:
            return await tiers_by_hand(connection, merchant_id, members)

    async def replace(self, merchant_id: str, tiers: Sequence[Tier], *, by: str) -> list[Tier]:
        """All tiers at once. Raises `VendomatError` (invalid_value, conflict)."""
        names = [tier.name for tier in tiers]
        if len(names) > TIERS_MAX or len(set(names)) < len(names):
            raise VendomatError(ErrorCode.INVALID_VALUE, f"at most {TIERS_MAX} tiers, each with its own name")

        async def write(connection: asyncpg.Connection) -> list[Tier]:
            before = await tiers_of(connection, merchant_id)
            await connection.executemany(
                "INSERT INTO member_tier (merchant_id, tier, from_minor) VALUES ($1, $2, $3) "
                "ON CONFLICT (merchant_id, tier) DO UPDATE SET from_minor = excluded.from_minor",
                [(merchant_id, tier.name, tier.from_minor) for tier in tiers],
            )
            try:
                await connection.execute(
                    "DELETE FROM member_tier WHERE merchant_id = $1 AND tier <> ALL($2::text[])", merchant_id, names
                )
            except asyncpg.ForeignKeyViolationError as error:
                raise VendomatError(
                    ErrorCode.CONFLICT, "somebody was given one of these tiers by hand; take it back first"
                ) from error
            after = await tiers_of(connection, merchant_id)
            await note_change(
                connection,
                Change(
                    merchant_id=merchant_id,
                    actor=by,
                    action="member.tiers_changed",
                    subject=merchant_id,
                    at=self._clock.now(),
                    before=_said(before),
                    after=_said(after),
                ),
            )
            return after

        return await self._database.write(write)

    async def give(self, merchant_id: str, member_id: str, tier: str, *, by: str) -> None:
        """Give a member a tier by hand, "" to let turnover decide again. Raises `VendomatError` (not_found)."""

        async def write(connection: asyncpg.Connection) -> None:
            row = await connection.fetchrow(
                "SELECT tier FROM member WHERE merchant_id = $1 AND member_id = $2 FOR UPDATE", merchant_id, member_id
            )
            if row is None or (tier and tier not in [one.name for one in await tiers_of(connection, merchant_id)]):
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such member or tier; nothing changed")
            await connection.execute(
                "UPDATE member SET tier = nullif($3, '') WHERE merchant_id = $1 AND member_id = $2",
                merchant_id,
                member_id,
                tier,
            )
            await note_change(
                connection,
                Change(
                    merchant_id=merchant_id,
                    actor=by,
                    action="member.tier_given",
                    subject=member_id,
                    at=self._clock.now(),
                    before={"tier": row["tier"] or ""},
                    after={"tier": tier},
                ),
            )

        await self._database.write(write)


def _said(tiers: Sequence[Tier]) -> dict[str, object]:
    return {tier.name: tier.from_minor for tier in tiers}
