"""Which channels a machine offers: those of its merchant that are active, less those taken away from this machine.

How it is kept. A change raises the catalogue's version, so that the machine's screen follows; an order that was asked
for by an older picture is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.catalog.store import BUMP_MERCHANT, bump
from vendomat.cloud.platform.rows import fetch_rows
from vendomat.kernel import ErrorCode, VendomatError

OFF = sa.table("machine_channel_off", *map(sa.column, ("merchant_id", "machine_id", "channel")))

Wish = tuple[str, str, str, str]
"""(merchant_id, machine_id, channel, account): by which account a new payment at a machine would be taken."""

_REFUSED = """
SELECT k.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS k(merchant_id, machine_id, channel, account)
WHERE EXISTS (
    SELECT FROM machine_channel_off o
    WHERE (o.merchant_id, o.machine_id, o.channel) = (k.merchant_id, k.machine_id, k.channel)
) OR EXISTS (
    SELECT FROM payment_account a WHERE (a.merchant_id, a.channel) = (k.merchant_id, k.channel)
        AND (NOT a.is_active OR a.account <> k.account)
)
"""
_BUMP_ALL = sa.text(BUMP_MERCHANT.format(merchant=":merchant_id"))


async def refused_channels(connection: asyncpg.Connection, wishes: Sequence[Wish]) -> set[Wish]:
    """Those of `wishes` that may not begin now. A channel without an account of a platform is never among them."""
    return {(row[0], row[1], row[2], row[3]) for row in await fetch_rows(connection, _REFUSED, wishes)}


def not_offered() -> VendomatError:
    return VendomatError(
        ErrorCode.METHOD_UNAVAILABLE, "this way to pay is not offered here; no money was taken, choose another"
    )


async def channels_off(connection: AsyncConnection, merchant_id: str, machine_id: str) -> set[str]:
    """What is taken away from one machine."""
    found = await connection.execute(
        sa.select(OFF.c.channel).where(OFF.c.merchant_id == merchant_id, OFF.c.machine_id == machine_id)
    )
    return set(found.scalars())


async def count_machines_off(connection: AsyncConnection, merchant_id: str) -> dict[str, int]:
    """At how many machines each channel is taken away; one that is nowhere is missing."""
    found = await connection.execute(
        sa.select(OFF.c.channel, sa.func.count()).where(OFF.c.merchant_id == merchant_id).group_by(OFF.c.channel)
    )
    return {row[0]: row[1] for row in found}


async def set_channel_off(
    connection: AsyncConnection, merchant_id: str, machine_id: str, channel: str, *, is_off: bool
) -> bool:
    """Take a channel away from a machine, or give it back; whether that is news, and then the machine hears of it."""
    row = {"merchant_id": merchant_id, "machine_id": machine_id, "channel": channel}
    if is_off:
        done = await connection.execute(upsert(OFF).values(**row).on_conflict_do_nothing())
    else:
        done = await connection.execute(sa.delete(OFF).where(*(OFF.c[name] == value for name, value in row.items())))
    if done.rowcount:
        await bump(connection, merchant_id, machine_id)
    return bool(done.rowcount)


async def bump_all(connection: AsyncConnection, merchant_id: str) -> None:
    """The next catalogue version of every machine of a merchant that is in use, locked in key order."""
    await connection.execute(_BUMP_ALL, {"merchant_id": merchant_id})
