"""How merchants, operators, sessions and tries are kept. Each function runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.merchants.model import Merchant, Operator, PersonState
from vendomat.cloud.merchants.permissions import key_of
from vendomat.cloud.merchants.role_store import role_of

MERCHANT = sa.table(
    "merchant",
    *map(sa.column, ("merchant_id", "name", "payee", "currency", "service_phone", "created_at", "time_zone")),
    sa.column("is_second_factor_required"),
)
OPERATOR = sa.table(
    "operator",
    *map(sa.column, ("merchant_id", "operator_id", "email", "name", "role", "state", "password_hash", "created_at")),
    sa.column("custom_role_id"),
)
CUSTOM_ROLE = sa.table("custom_role", *map(sa.column, ("merchant_id", "role_id", "name", "permissions", "version")))
SESSION = sa.table(
    "operator_session",
    *map(
        sa.column,
        (
            "merchant_id",
            "session_hash",
            "operator_id",
            "expires_at",
            "started_at",
            "source",
            "agent",
            "proved_at",
            "has_second_factor",
            "is_by_provider",
        ),
    ),
)
ATTEMPT = sa.table("sign_in_attempt", *map(sa.column, ("merchant_id", "subject", "at")))
ACCOUNT = sa.table(
    "payment_account",
    *map(
        sa.column,
        (
            "merchant_id",
            "channel",
            "account",
            "settings_sealed",
            "is_active",
            "off_since",
            "changed_at",
            "changed_by",
            "away_since",
        ),
    ),
)
SECURITY_EVENT = sa.table(
    "security_event",
    *map(sa.column, ("merchant_id", "at", "kind", "source")),
    sa.column("detail", sa.JSON),
)


async def insert_merchant(connection: AsyncConnection, merchant: Merchant, at: datetime) -> None:
    await connection.execute(
        sa.insert(MERCHANT).values(
            merchant_id=merchant.merchant_id,
            name=merchant.name,
            payee=merchant.payee,
            currency=merchant.currency,
            service_phone=merchant.service_phone,
            created_at=at,
            time_zone=merchant.time_zone,
        )
    )


async def insert_operator(connection: AsyncConnection, operator: Operator, password_hash: str, at: datetime) -> None:
    await connection.execute(
        sa.insert(OPERATOR).values(
            merchant_id=operator.merchant_id,
            operator_id=operator.operator_id,
            email=operator.email,
            name=operator.name,
            role=key_of(operator.role),
            password_hash=password_hash,
            created_at=at,
        )
    )


async def find_merchant(connection: AsyncConnection, merchant_id: str) -> Merchant | None:
    found = await connection.execute(sa.select(MERCHANT).where(MERCHANT.c.merchant_id == merchant_id))
    row = found.one_or_none()
    if row is None:
        return None
    return Merchant(row.merchant_id, row.name, row.payee, row.currency, row.service_phone, row.time_zone)


_OPERATOR_COLUMNS = (
    OPERATOR.c.merchant_id,
    OPERATOR.c.operator_id,
    OPERATOR.c.email,
    OPERATOR.c.name,
    OPERATOR.c.role,
    MERCHANT.c.name.label("merchant_name"),
    MERCHANT.c.currency,
    MERCHANT.c.is_second_factor_required,
    CUSTOM_ROLE.c.name.label("role_name"),
    CUSTOM_ROLE.c.permissions.label("role_permissions"),
    CUSTOM_ROLE.c.version.label("role_version"),
)
_OPERATORS = OPERATOR.join(MERCHANT, MERCHANT.c.merchant_id == OPERATOR.c.merchant_id).outerjoin(
    CUSTOM_ROLE,
    sa.and_(CUSTOM_ROLE.c.merchant_id == OPERATOR.c.merchant_id, CUSTOM_ROLE.c.role_id == OPERATOR.c.custom_role_id),
)


def _operator(row: sa.RowMapping, session_id: str = "", proven_until: datetime | None = None) -> Operator:
    return Operator(
        merchant_id=row["merchant_id"],
        operator_id=row["operator_id"],
        email=row["email"],
        name=row["name"],
        role=role_of(row),
        merchant_name=row["merchant_name"],
        currency=row["currency"],
        is_second_factor_required=row["is_second_factor_required"],
        session_id=session_id,
        proven_until=proven_until,
    )


async def find_operator_by_email(connection: AsyncConnection, email: str) -> tuple[Operator, str] | None:
    """The operator and the password hash."""
    found = await connection.execute(
        sa.select(*_OPERATOR_COLUMNS, OPERATOR.c.password_hash)
        .select_from(_OPERATORS)
        .where(sa.func.lower(OPERATOR.c.email) == email, OPERATOR.c.state == PersonState.ACTIVE.value)
    )
    row = found.mappings().one_or_none()
    return None if row is None else (_operator(row), row["password_hash"])


async def find_operator(connection: AsyncConnection, merchant_id: str, operator_id: str) -> Operator | None:
    """One who may sign in."""
    found = await connection.execute(
        sa.select(*_OPERATOR_COLUMNS)
        .select_from(_OPERATORS)
        .where(
            OPERATOR.c.merchant_id == merchant_id,
            OPERATOR.c.operator_id == operator_id,
            OPERATOR.c.state == PersonState.ACTIVE.value,
        )
    )
    row = found.mappings().one_or_none()
    return None if row is None else _operator(row)


async def find_operator_by_session(
    connection: AsyncConnection, session_hash: bytes, now: datetime, proof_life: timedelta
) -> Operator | None:
    found = await connection.execute(
        sa.select(*_OPERATOR_COLUMNS, SESSION.c.proved_at, SESSION.c.has_second_factor, SESSION.c.is_by_provider)
        .select_from(
            _OPERATORS.join(
                SESSION,
                sa.and_(
                    OPERATOR.c.merchant_id == SESSION.c.merchant_id, OPERATOR.c.operator_id == SESSION.c.operator_id
                ),
            )
        )
        .where(
            SESSION.c.session_hash == session_hash,
            SESSION.c.expires_at > now,
            OPERATOR.c.state == PersonState.ACTIVE.value,
        )
    )
    row = found.mappings().one_or_none()
    if row is None:
        return None
    proven_until = None if row["proved_at"] is None else row["proved_at"] + proof_life
    is_fresh = proven_until is not None and proven_until > now
    operator = _operator(row, session_hash.hex(), proven_until if is_fresh else None)
    return replace(operator, has_second_factor=row["has_second_factor"], is_by_provider=row["is_by_provider"])


async def ways_in(connection: AsyncConnection, operator_id: str) -> tuple[bool, bool]:
    """Whether this person has a password, and whether the merchant's identity provider lets them in."""
    found = await connection.execute(
        sa.text(
            "SELECT o.password_hash <> '' AS has_password, EXISTS (SELECT FROM operator_identity i "
            "JOIN identity_provider p USING (merchant_id, issuer) "
            "WHERE (i.merchant_id, i.operator_id) = (o.merchant_id, o.operator_id) AND p.is_active) AS has_provider "
            "FROM operator o WHERE o.operator_id = :operator_id"
        ),
        {"operator_id": operator_id},
    )
    row = found.one()
    return bool(row.has_password), bool(row.has_provider)


async def prove_session(connection: AsyncConnection, session_id: str, at: datetime, *, is_second_factor: bool) -> None:
    """By the password; or by what is a second factor, which the session then has."""
    proven = {"proved_at": at, **({"has_second_factor": True} if is_second_factor else {})}
    await connection.execute(
        sa.update(SESSION).where(SESSION.c.session_hash == bytes.fromhex(session_id)).values(**proven)
    )


async def require_second_factor(connection: AsyncConnection, merchant_id: str, *, is_required: bool) -> bool:
    """Whether that is new."""
    done = await connection.execute(
        sa.update(MERCHANT)
        .where(MERCHANT.c.merchant_id == merchant_id, MERCHANT.c.is_second_factor_required != is_required)
        .values(is_second_factor_required=is_required)
    )
    return done.rowcount == 1


async def insert_session(connection: AsyncConnection, row: Mapping[str, object]) -> None:
    await connection.execute(sa.insert(SESSION).values(**row))


async def delete_session(connection: AsyncConnection, session_hash: bytes) -> None:
    await connection.execute(sa.delete(SESSION).where(SESSION.c.session_hash == session_hash))


async def delete_expired(connection: AsyncConnection, *, sessions_until: datetime, tries_until: datetime) -> None:
    """A session that ran out is remembered while alarms are told to its browser: who ends it, ends that."""
    await connection.execute(
        sa.text(
            "DELETE FROM operator_session s WHERE expires_at <= :until AND NOT EXISTS (SELECT FROM notify_channel c "
            "WHERE (c.merchant_id, c.session_hash) = (s.merchant_id, s.session_hash))"
        ),
        {"until": sessions_until},
    )
    await connection.execute(sa.delete(ATTEMPT).where(ATTEMPT.c.at <= tries_until))


async def lock_subjects(connection: AsyncConnection, subjects: Sequence[str]) -> None:
    """Take turns per subject, in one order, until the transaction ends."""
    for subject in sorted(subjects):
        await connection.execute(
            sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 1))"), {"subject": subject}
        )


async def tries_since(
    connection: AsyncConnection, subjects: Sequence[str], since: datetime
) -> dict[str, tuple[int, datetime]]:
    """Count and oldest moment of the tries of each subject after `since`."""
    found = await connection.execute(
        sa.select(ATTEMPT.c.subject, sa.func.count().label("tries"), sa.func.min(ATTEMPT.c.at).label("oldest"))
        .where(ATTEMPT.c.subject.in_(subjects), ATTEMPT.c.at > since)
        .group_by(ATTEMPT.c.subject)
    )
    return {row.subject: (row.tries, row.oldest) for row in found}


async def insert_tries(connection: AsyncConnection, subjects: Sequence[str], at: datetime) -> None:
    await connection.execute(sa.insert(ATTEMPT), [{"merchant_id": "", "subject": s, "at": at} for s in subjects])


async def forgive(connection: AsyncConnection, subjects: Sequence[str], at: datetime) -> None:
    """After a right password: all tries of the e-mail, and this one of the address, are forgotten."""
    await connection.execute(
        sa.delete(ATTEMPT).where(
            ATTEMPT.c.subject.in_(subjects), sa.or_(ATTEMPT.c.subject.startswith("email:"), ATTEMPT.c.at == at)
        )
    )


async def note_security_event(
    connection: AsyncConnection, kind: str, at: datetime, *, merchant_id: str, source: str, detail: dict[str, object]
) -> None:
    await connection.execute(
        sa.insert(SECURITY_EVENT).values(merchant_id=merchant_id, at=at, kind=kind, source=source, detail=detail)
    )


async def put_account(connection: AsyncConnection, merchant_id: str, channel: str, row: dict[str, object]) -> None:
    """Write the columns of `row` into the account of one channel, which begins with them if there is none."""
    await connection.execute(
        upsert(ACCOUNT)
        .values(merchant_id=merchant_id, channel=channel, **row)
        .on_conflict_do_update(index_elements=["merchant_id", "channel"], set_=row)
    )


async def list_accounts(connection: AsyncConnection, merchant_id: str) -> Sequence[sa.RowMapping]:
    """By channel; `changed_by_name` is who changed it last."""
    found = await connection.execute(
        sa.select(*ACCOUNT.c, sa.func.coalesce(OPERATOR.c.name, "").label("changed_by_name"))
        .select_from(
            ACCOUNT.outerjoin(
                OPERATOR,
                sa.and_(
                    OPERATOR.c.merchant_id == ACCOUNT.c.merchant_id, OPERATOR.c.operator_id == ACCOUNT.c.changed_by
                ),
            )
        )
        .where(ACCOUNT.c.merchant_id == merchant_id)
        .order_by(ACCOUNT.c.channel)
    )
    return found.mappings().all()


async def lock_account(connection: AsyncConnection, merchant_id: str, channel: str) -> sa.RowMapping | None:
    """Two who change one account take turns here, also when there is none yet."""
    await connection.execute(
        sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 2))"), {"subject": f"{merchant_id} {channel}"}
    )
    found = await connection.execute(
        sa.select(*ACCOUNT.c)
        .where(ACCOUNT.c.merchant_id == merchant_id, ACCOUNT.c.channel == channel)
        .with_for_update()
    )
    return found.mappings().one_or_none()
