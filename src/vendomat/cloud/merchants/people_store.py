"""How people, invitations and their sessions are kept. Each function runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.merchants.model import Invited, Person, PersonState, StandingSession
from vendomat.cloud.merchants.permissions import key_of
from vendomat.cloud.merchants.role_store import ROLE_COLUMNS, ROLE_JOIN, role_of

_SITES = """
ARRAY(SELECT w.site_id FROM site_owner w WHERE (w.merchant_id, w.operator_id) = (o.merchant_id, o.operator_id)
    ORDER BY w.site_id) AS site_ids
"""
_PEOPLE = f"""
SELECT o.operator_id, o.email, o.name, {ROLE_COLUMNS}, o.state, o.created_at, i.expires_at AS invited_until,
    coalesce(s.sessions, 0) AS sessions, s.signed_in_at, {_SITES}
FROM operator o {ROLE_JOIN}
LEFT JOIN operator_invitation i ON (i.merchant_id, i.operator_id) = (o.merchant_id, o.operator_id)
    AND i.expires_at > :now
LEFT JOIN LATERAL (SELECT count(*) AS sessions, max(started_at) AS signed_in_at FROM operator_session s
    WHERE (s.merchant_id, s.operator_id) = (o.merchant_id, o.operator_id) AND s.expires_at > :now) s ON true
ORDER BY o.state = 'inactive', o.name, o.operator_id
"""
_LOCK = f"""
SELECT o.operator_id, o.email, o.name, {ROLE_COLUMNS}, o.state, o.created_at, {_SITES} FROM operator o {ROLE_JOIN}
WHERE %s FOR UPDATE OF o
"""
_FIND_INVITATION = f"""
SELECT i.merchant_id, i.operator_id, o.email, o.name, {ROLE_COLUMNS}, m.name AS merchant_name, i.expires_at,
    coalesce(p.name, '') AS provider
FROM operator_invitation i JOIN operator o USING (merchant_id, operator_id) JOIN merchant m USING (merchant_id)
{ROLE_JOIN} LEFT JOIN identity_provider p ON p.merchant_id = i.merchant_id AND p.is_active
WHERE i.token_hash = :token_hash AND i.expires_at > :now
"""


async def list_people(connection: AsyncConnection, now: datetime) -> list[Person]:
    found = await connection.execute(sa.text(_PEOPLE), {"now": now})
    return [_person(row) for row in found.mappings()]


async def lock_person(connection: AsyncConnection, operator_id: str) -> Person | None:
    found = await connection.execute(sa.text(_LOCK % "o.operator_id = :operator_id"), {"operator_id": operator_id})
    row = found.mappings().one_or_none()
    return None if row is None else _person(row)


async def lock_person_by_email(connection: AsyncConnection, email: str) -> Person | None:
    found = await connection.execute(sa.text(_LOCK % "lower(o.email) = :email"), {"email": email})
    row = found.mappings().one_or_none()
    return None if row is None else _person(row)


async def lock_owners(connection: AsyncConnection) -> list[str]:
    """The active owners, held in one order, so that of two who leave at once one sees the other gone.

    Before any other person is held, or those two would wait for each other.
    """
    found = await connection.execute(
        sa.text(
            "SELECT operator_id FROM operator WHERE role = 'owner' AND state = 'active' ORDER BY operator_id FOR UPDATE"
        )
    )
    return list(found.scalars())


async def insert_person(connection: AsyncConnection, merchant_id: str, person: Person) -> None:
    """Without a password: nobody signs in yet."""
    await connection.execute(
        sa.text(
            "INSERT INTO operator (merchant_id, operator_id, email, name, role, state, password_hash, created_at) "
            "VALUES (:merchant_id, :operator_id, :email, :name, :role, :state, '', :created_at)"
        ),
        {
            "merchant_id": merchant_id,
            "operator_id": person.operator_id,
            "email": person.email,
            "name": person.name,
            "role": key_of(person.role),
            "state": person.state.value,
            "created_at": person.created_at,
        },
    )


async def update_person(connection: AsyncConnection, person: Person) -> None:
    await connection.execute(
        sa.text("UPDATE operator SET name = :name, role = :role, state = :state WHERE operator_id = :operator_id"),
        {
            "name": person.name,
            "role": key_of(person.role),
            "state": person.state.value,
            "operator_id": person.operator_id,
        },
    )


async def put_sites(connection: AsyncConnection, merchant_id: str, person: Person) -> bool:
    """These belong to the person, and no others. False where one is no site of the merchant's."""
    values = {"merchant_id": merchant_id, "operator_id": person.operator_id, "site_ids": list(person.site_ids)}
    await connection.execute(sa.text("DELETE FROM site_owner WHERE operator_id = :operator_id"), values)
    done = await connection.execute(
        sa.text(
            "INSERT INTO site_owner (merchant_id, operator_id, site_id) SELECT :merchant_id, :operator_id, site_id "
            "FROM site WHERE site_id = ANY (CAST(:site_ids AS text[]))"
        ),
        values,
    )
    return done.rowcount == len(person.site_ids)


async def password_hash_of(connection: AsyncConnection, operator_id: str) -> str:
    found = await connection.execute(
        sa.text("SELECT password_hash FROM operator WHERE operator_id = :operator_id FOR UPDATE"),
        {"operator_id": operator_id},
    )
    return str(found.scalar_one())


async def set_password(connection: AsyncConnection, operator_id: str, password_hash: str) -> None:
    await connection.execute(
        sa.text("UPDATE operator SET password_hash = :password_hash WHERE operator_id = :operator_id"),
        {"password_hash": password_hash, "operator_id": operator_id},
    )


async def put_invitation(
    connection: AsyncConnection, merchant_id: str, operator_id: str, *, token_hash: bytes, expires_at: datetime
) -> None:
    """The one before no longer works."""
    await connection.execute(
        sa.text(
            "INSERT INTO operator_invitation (merchant_id, operator_id, token_hash, expires_at) "
            "VALUES (:merchant_id, :operator_id, :token_hash, :expires_at) ON CONFLICT (merchant_id, operator_id) "
            "DO UPDATE SET token_hash = excluded.token_hash, expires_at = excluded.expires_at"
        ),
        {
            "merchant_id": merchant_id,
            "operator_id": operator_id,
            "token_hash": token_hash,
            "expires_at": expires_at,
        },
    )


async def find_invitation(connection: AsyncConnection, token_hash: bytes, now: datetime) -> Invited | None:
    found = await connection.execute(sa.text(_FIND_INVITATION), {"token_hash": token_hash, "now": now})
    row = found.mappings().one_or_none()
    return None if row is None else Invited(**_with_role(row))


async def take_invitation(connection: AsyncConnection, token_hash: bytes, now: datetime) -> bool:
    """Whether it was there to be used; of two who use it at once one does."""
    done = await connection.execute(
        sa.text("DELETE FROM operator_invitation WHERE token_hash = :token_hash AND expires_at > :now"),
        {"token_hash": token_hash, "now": now},
    )
    return done.rowcount == 1


async def delete_invitation(connection: AsyncConnection, operator_id: str, *, valid_at: datetime | None = None) -> bool:
    """Whether there was one; with `valid_at`, one that had not expired then."""
    done = await connection.execute(
        sa.text(
            "DELETE FROM operator_invitation WHERE operator_id = :operator_id "
            "AND (CAST(:valid_at AS timestamptz) IS NULL OR expires_at > :valid_at)"
        ),
        {"operator_id": operator_id, "valid_at": valid_at},
    )
    return done.rowcount == 1


async def delete_links(connection: AsyncConnection, operator_id: str) -> int:
    """One person's identities at the merchant's provider; how many there were."""
    done = await connection.execute(
        sa.text("DELETE FROM operator_identity WHERE operator_id = :operator_id"), {"operator_id": operator_id}
    )
    return done.rowcount


async def list_sessions(connection: AsyncConnection, operator_id: str, now: datetime) -> list[StandingSession]:
    """Newest first."""
    found = await connection.execute(
        sa.text(
            "SELECT encode(session_hash, 'hex') AS session_id, started_at, expires_at, source, agent "
            "FROM operator_session WHERE operator_id = :operator_id AND expires_at > :now "
            "ORDER BY started_at DESC NULLS LAST, session_hash"
        ),
        {"operator_id": operator_id, "now": now},
    )
    return [StandingSession(**row) for row in found.mappings()]


async def end_sessions(
    connection: AsyncConnection, operator_id: str, *, only: str | None = None, but: Sequence[str] = ()
) -> int:
    """End one person's sessions: `only` that one, or all `but` some. How many there were."""
    done = await connection.execute(
        sa.text(
            "DELETE FROM operator_session WHERE operator_id = :operator_id AND NOT encode(session_hash, 'hex') = "
            "ANY(CAST(:but AS text[])) AND (CAST(:only AS text) IS NULL OR encode(session_hash, 'hex') = :only)"
        ),
        {"operator_id": operator_id, "only": only, "but": list(but)},
    )
    return done.rowcount


def _person(row: sa.RowMapping) -> Person:
    said = {"state": PersonState(row["state"]), "site_ids": tuple(row["site_ids"])}
    return Person(**_with_role(row) | said)


def _with_role(row: sa.RowMapping) -> dict[str, Any]:
    """The row with its role in place of the columns that tell it."""
    return {name: value for name, value in row.items() if not name.startswith("role")} | {"role": role_of(row)}
