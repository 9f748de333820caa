"""How second factors are kept: the sealed secret, the last step used, and the hashes of recovery codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class KeptSecret:
    """`confirmed_at` is None until a code of it was right. `last_step` was used up, and all before it."""

    merchant_id: str
    operator_id: str
    sealed: bytes
    confirmed_at: datetime | None
    last_step: int


async def find_secret(
    connection: AsyncConnection, merchant_id: str, operator_id: str, *, is_locking: bool = False
) -> KeptSecret | None:
    found = await connection.execute(
        sa.text(
            "SELECT merchant_id, operator_id, secret_sealed AS sealed, confirmed_at, last_step FROM operator_totp "
            "WHERE merchant_id = :merchant_id AND operator_id = :operator_id" + (" FOR UPDATE" if is_locking else "")
        ),
        {"merchant_id": merchant_id, "operator_id": operator_id},
    )
    row = found.mappings().one_or_none()
    return None if row is None else KeptSecret(**{**row, "sealed": bytes(row["sealed"])})


async def put_secret(connection: AsyncConnection, merchant_id: str, operator_id: str, sealed: bytes) -> bool:
    """Whether it is kept: one that counts is not replaced."""
    done = await connection.execute(
        sa.text(
            "INSERT INTO operator_totp AS t (merchant_id, operator_id, secret_sealed) "
            "VALUES (:merchant_id, :operator_id, :sealed) ON CONFLICT (merchant_id, operator_id) "
            "DO UPDATE SET secret_sealed = excluded.secret_sealed, last_step = 0 WHERE t.confirmed_at IS NULL"
        ),
        {"merchant_id": merchant_id, "operator_id": operator_id, "sealed": sealed},
    )
    return done.rowcount == 1


async def confirm_secret(connection: AsyncConnection, operator_id: str, *, at: datetime, step: int) -> None:
    await connection.execute(
        sa.text("UPDATE operator_totp SET confirmed_at = :at, last_step = :step WHERE operator_id = :operator_id"),
        {"at": at, "step": step, "operator_id": operator_id},
    )


async def use_step(connection: AsyncConnection, kept: KeptSecret, step: int) -> None:
    await connection.execute(
        sa.text(
            "UPDATE operator_totp SET last_step = :step WHERE merchant_id = :merchant_id AND operator_id = :operator_id"
        ),
        {"step": step, "merchant_id": kept.merchant_id, "operator_id": kept.operator_id},
    )


async def use_recovery(connection: AsyncConnection, merchant_id: str, operator_id: str, code_hash: bytes) -> bool:
    """Whether it was there; then it is used up."""
    done = await connection.execute(
        sa.text(
            "DELETE FROM operator_recovery_code WHERE merchant_id = :merchant_id AND operator_id = :operator_id "
            "AND code_hash = :code_hash"
        ),
        {"merchant_id": merchant_id, "operator_id": operator_id, "code_hash": code_hash},
    )
    return done.rowcount == 1


async def count_recovery(connection: AsyncConnection, operator_id: str) -> int:
    found = await connection.execute(
        sa.text("SELECT count(*) FROM operator_recovery_code WHERE operator_id = :operator_id"),
        {"operator_id": operator_id},
    )
    return int(found.scalar_one())


async def put_recovery(
    connection: AsyncConnection, merchant_id: str, operator_id: str, hashes: Sequence[bytes]
) -> None:
    """The codes before these no longer work."""
    await connection.execute(
        sa.text("DELETE FROM operator_recovery_code WHERE operator_id = :operator_id"), {"operator_id": operator_id}
    )
    await connection.execute(
        sa.text(
            "INSERT INTO operator_recovery_code (merchant_id, operator_id, code_hash) "
            "VALUES (:merchant_id, :operator_id, :code_hash)"
        ),
        [{"merchant_id": merchant_id, "operator_id": operator_id, "code_hash": one} for one in hashes],
    )


async def forget(connection: AsyncConnection, operator_id: str) -> None:
    """The phone and the recovery codes."""
    await forget_phone(connection, operator_id)
    await connection.execute(
        sa.text("DELETE FROM operator_recovery_code WHERE operator_id = :operator_id"), {"operator_id": operator_id}
    )


async def forget_phone(connection: AsyncConnection, operator_id: str) -> None:
    await connection.execute(
        sa.text("DELETE FROM operator_totp WHERE operator_id = :operator_id"), {"operator_id": operator_id}
    )


async def has_factor(connection: AsyncConnection, operator_id: str) -> bool:
    """Whether this person has a phone or a passkey that counts."""
    found = await connection.execute(
        sa.text(
            "SELECT EXISTS (SELECT FROM operator_totp WHERE operator_id = :operator_id AND confirmed_at IS NOT NULL) "
            "OR EXISTS (SELECT FROM operator_passkey WHERE operator_id = :operator_id)"
        ),
        {"operator_id": operator_id},
    )
    return bool(found.scalar_one())


async def stands_on_one(connection: AsyncConnection, operator_id: str) -> bool:
    """Whether they are out once they lose the one factor they have: no other, and no recovery code."""
    found = await connection.execute(
        sa.text(
            "SELECT (SELECT count(*) FROM operator_totp WHERE operator_id = :operator_id AND confirmed_at IS NOT NULL) "
            "+ (SELECT count(*) FROM operator_passkey WHERE operator_id = :operator_id) = 1 "
            "AND NOT EXISTS (SELECT FROM operator_recovery_code WHERE operator_id = :operator_id)"
        ),
        {"operator_id": operator_id},
    )
    return bool(found.scalar_one())
