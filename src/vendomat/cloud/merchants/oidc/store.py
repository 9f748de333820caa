"""How identity providers, links to them and journeys are kept. Each function runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.merchants.oidc.model import Journey, Purpose


@dataclass(frozen=True, slots=True)
class Link:
    """One person's identity at the merchant's provider. `email` is what the provider said at the time."""

    merchant_id: str
    issuer: str
    subject: str
    operator_id: str
    email: str
    linked_at: datetime
    last_used_at: datetime | None


_LINK = "merchant_id, issuer, subject, operator_id, email, linked_at, last_used_at"
_PROVIDER = (
    "merchant_id, name, issuer, client_id, secret_sealed, email_domains, new_role, is_listed, is_active, changed_at"
)
_JOURNEY = "merchant_id, purpose, operator_id, session_id, nonce, verifier, home, begun_at"


async def find_provider(
    connection: AsyncConnection, merchant_id: str, *, is_locking: bool = False
) -> sa.RowMapping | None:
    found = await connection.execute(
        sa.text(
            f"SELECT {_PROVIDER} FROM identity_provider WHERE merchant_id = :merchant_id"
            + (" FOR UPDATE" if is_locking else "")
        ),
        {"merchant_id": merchant_id},
    )
    return found.mappings().one_or_none()


async def put_provider(connection: AsyncConnection, row: Mapping[str, object]) -> None:
    columns = [name for name in _PROVIDER.split(", ") if name != "merchant_id"]
    await connection.execute(
        sa.text(
            f"INSERT INTO identity_provider ({_PROVIDER}) VALUES ({', '.join(f':{one}' for one in _PROVIDER.split(', '))}) "
            f"ON CONFLICT (merchant_id) DO UPDATE SET {', '.join(f'{one} = excluded.{one}' for one in columns)}"
        ),
        dict(row),
    )


async def list_doors(connection: AsyncConnection, *, limit: int) -> list[tuple[str, str]]:
    """Merchant and name of each provider that the sign-in page offers."""
    found = await connection.execute(
        sa.text(
            "SELECT merchant_id, name FROM identity_provider WHERE is_active AND is_listed "
            "ORDER BY name, merchant_id LIMIT :limit"
        ),
        {"limit": limit},
    )
    return [(row.merchant_id, row.name) for row in found]


async def put_journey(
    connection: AsyncConnection, journey: Journey, *, state_hash: bytes, browser_hash: bytes, expires_at: datetime
) -> None:
    names = [*_JOURNEY.split(", "), "state_hash", "browser_hash", "expires_at"]
    row = {name: getattr(journey, name) for name in _JOURNEY.split(", ")}
    await connection.execute(
        sa.text(f"INSERT INTO provider_journey ({', '.join(names)}) VALUES ({', '.join(f':{one}' for one in names)})"),
        {
            **row,
            "purpose": journey.purpose.value,
            "state_hash": state_hash,
            "browser_hash": browser_hash,
            "expires_at": expires_at,
        },
    )


async def take_journey(
    connection: AsyncConnection, merchant_id: str, *, state_hash: bytes, browser_hash: bytes, now: datetime
) -> Journey | None:
    """The journey, which is over with this, whatever comes of it."""
    found = await connection.execute(
        sa.text(
            "DELETE FROM provider_journey WHERE state_hash = :state_hash AND browser_hash = :browser_hash "
            f"AND merchant_id = :merchant_id AND expires_at > :now RETURNING {_JOURNEY}"
        ),
        {"state_hash": state_hash, "browser_hash": browser_hash, "merchant_id": merchant_id, "now": now},
    )
    row = found.mappings().one_or_none()
    return None if row is None else Journey(**{**row, "purpose": Purpose(row["purpose"])})


async def delete_journeys(connection: AsyncConnection, until: datetime) -> None:
    await connection.execute(sa.text("DELETE FROM provider_journey WHERE expires_at <= :until"), {"until": until})


async def find_link(connection: AsyncConnection, merchant_id: str, issuer: str, subject: str) -> Link | None:
    found = await connection.execute(
        sa.text(
            f"SELECT {_LINK} FROM operator_identity "
            "WHERE merchant_id = :merchant_id AND issuer = :issuer AND subject = :subject"
        ),
        {"merchant_id": merchant_id, "issuer": issuer, "subject": subject},
    )
    row = found.mappings().one_or_none()
    return None if row is None else Link(**row)


async def link_of(connection: AsyncConnection, issuer: str, operator_id: str) -> Link | None:
    found = await connection.execute(
        sa.text(f"SELECT {_LINK} FROM operator_identity WHERE issuer = :issuer AND operator_id = :operator_id"),
        {"issuer": issuer, "operator_id": operator_id},
    )
    row = found.mappings().one_or_none()
    return None if row is None else Link(**row)


async def insert_link(connection: AsyncConnection, link: Link) -> None:
    names = _LINK.split(", ")
    await connection.execute(
        sa.text(f"INSERT INTO operator_identity ({_LINK}) VALUES ({', '.join(f':{one}' for one in names)})"),
        {name: getattr(link, name) for name in names},
    )


async def use_link(connection: AsyncConnection, link: Link, at: datetime) -> None:
    await connection.execute(
        sa.text(
            "UPDATE operator_identity SET last_used_at = :at "
            "WHERE merchant_id = :merchant_id AND issuer = :issuer AND subject = :subject"
        ),
        {"at": at, "merchant_id": link.merchant_id, "issuer": link.issuer, "subject": link.subject},
    )
