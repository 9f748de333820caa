"""How passkeys and their challenges are kept. Each function runs in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.merchants.passkey_wire import NewCredential


@dataclass(frozen=True, slots=True)
class Passkey:
    """One of a person's; `last_used_at` is None until it signed in or proved something."""

    merchant_id: str
    operator_id: str
    passkey_id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None
    credential_id: bytes
    public_key: bytes
    sign_count: int

    @property
    def credential(self) -> NewCredential:
        return NewCredential(self.credential_id, self.public_key, self.sign_count)


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a browser has to answer, once. `merchant_id` and `operator_id` are empty for signing in."""

    merchant_id: str
    operator_id: str
    purpose: str


_COLUMNS = "merchant_id, operator_id, passkey_id, name, created_at, last_used_at, credential_id, public_key, sign_count"


async def put_challenge(
    connection: AsyncConnection, challenge: Challenge, secret: bytes, *, expires_at: datetime
) -> None:
    await connection.execute(
        sa.text(
            "INSERT INTO passkey_challenge (merchant_id, operator_id, purpose, challenge, expires_at) "
            "VALUES (:merchant_id, :operator_id, :purpose, :challenge, :expires_at)"
        ),
        {
            "merchant_id": challenge.merchant_id,
            "operator_id": challenge.operator_id,
            "purpose": challenge.purpose,
            "challenge": secret,
            "expires_at": expires_at,
        },
    )


async def take_challenge(connection: AsyncConnection, challenge: Challenge, secret: bytes, now: datetime) -> bool:
    """Whether it waited for this; then it is used up."""
    done = await connection.execute(
        sa.text(
            "DELETE FROM passkey_challenge WHERE challenge = :challenge AND merchant_id = :merchant_id "
            "AND operator_id = :operator_id AND purpose = :purpose AND expires_at > :now"
        ),
        {
            "challenge": secret,
            "merchant_id": challenge.merchant_id,
            "operator_id": challenge.operator_id,
            "purpose": challenge.purpose,
            "now": now,
        },
    )
    return done.rowcount == 1


async def delete_challenges(connection: AsyncConnection, until: datetime) -> None:
    await connection.execute(sa.text("DELETE FROM passkey_challenge WHERE expires_at <= :until"), {"until": until})


async def list_passkeys(connection: AsyncConnection, operator_id: str) -> list[Passkey]:
    """Oldest first."""
    found = await connection.execute(
        sa.text(f"SELECT {_COLUMNS} FROM operator_passkey WHERE operator_id = :operator_id ORDER BY passkey_id"),
        {"operator_id": operator_id},
    )
    return [_passkey(row) for row in found.mappings()]


async def lock_passkey(connection: AsyncConnection, credential_id: bytes) -> Passkey | None:
    found = await connection.execute(
        sa.text(f"SELECT {_COLUMNS} FROM operator_passkey WHERE credential_id = :credential_id FOR UPDATE"),
        {"credential_id": credential_id},
    )
    row = found.mappings().one_or_none()
    return None if row is None else _passkey(row)


async def insert_passkey(connection: AsyncConnection, one: Passkey) -> None:
    await connection.execute(
        sa.text(
            f"INSERT INTO operator_passkey ({_COLUMNS}) VALUES (:merchant_id, :operator_id, :passkey_id, :name, "
            ":created_at, :last_used_at, :credential_id, :public_key, :sign_count)"
        ),
        {name: getattr(one, name) for name in _COLUMNS.split(", ")},
    )


async def use_passkey(connection: AsyncConnection, credential_id: bytes, *, sign_count: int, at: datetime) -> None:
    await connection.execute(
        sa.text(
            "UPDATE operator_passkey SET sign_count = :sign_count, last_used_at = :at "
            "WHERE credential_id = :credential_id"
        ),
        {"sign_count": sign_count, "at": at, "credential_id": credential_id},
    )


async def delete_passkeys(connection: AsyncConnection, operator_id: str, *, only: str | None = None) -> list[str]:
    """One person's, or `only` that one of theirs; their names."""
    done = await connection.execute(
        sa.text(
            "DELETE FROM operator_passkey WHERE operator_id = :operator_id "
            "AND (CAST(:only AS text) IS NULL OR passkey_id = :only) RETURNING name"
        ),
        {"operator_id": operator_id, "only": only},
    )
    return list(done.scalars())


def _passkey(row: sa.RowMapping) -> Passkey:
    return Passkey(**{**row, "credential_id": bytes(row["credential_id"]), "public_key": bytes(row["public_key"])})
