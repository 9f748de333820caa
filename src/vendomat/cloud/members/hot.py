"""The codes that members show, on the hot connection and in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg


@dataclass(frozen=True, slots=True)
class ShownCode:
    """A serial that was given out. `payment_id` is what it was used for, empty while it is unused."""

    merchant_id: str
    serial: str
    member_id: str
    payment_id: str
    expires_at: datetime

    def is_good(self, now: datetime) -> bool:
        return not self.payment_id and now < self.expires_at


async def insert_code(connection: asyncpg.Connection, code: ShownCode) -> bool:
    """False when the merchant has the serial already: draw another."""
    done = await connection.fetchval(
        "INSERT INTO member_code (merchant_id, serial, member_id, expires_at) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT DO NOTHING RETURNING true",
        code.merchant_id,
        code.serial,
        code.member_id,
        code.expires_at,
    )
    return bool(done)


async def lock_code(connection: asyncpg.Connection, merchant_id: str, serial: str) -> ShownCode | None:
    """The code, whatever became of it; who wants it at the same moment waits."""
    row = await connection.fetchrow(
        "SELECT merchant_id, serial, member_id, payment_id, expires_at FROM member_code "
        "WHERE merchant_id = $1 AND serial = $2 FOR UPDATE",
        merchant_id,
        serial,
    )
    return None if row is None else ShownCode(**dict(row))


async def use_code(connection: asyncpg.Connection, code: ShownCode, payment_id: str) -> None:
    """The locked code has done its one payment."""
    await connection.execute(
        "UPDATE member_code SET payment_id = $3 WHERE merchant_id = $1 AND serial = $2",
        code.merchant_id,
        code.serial,
        payment_id,
    )


async def forget_codes(connection: asyncpg.Connection, *, before: datetime) -> None:
    """Drop codes that ended before; for a job."""
    await connection.execute("DELETE FROM member_code WHERE expires_at < $1", before)


async def member_exists(connection: asyncpg.Connection, merchant_id: str, member_id: str) -> bool:
    found = await connection.fetchval(
        "SELECT true FROM member WHERE merchant_id = $1 AND member_id = $2", merchant_id, member_id
    )
    return found is not None
