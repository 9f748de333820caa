"""How people's browsers are kept: channels with a person and the session they belong to. Each function runs in the
caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.alarms.notices.store import CHANNELS

_PUT = """
INSERT INTO notify_channel AS c (merchant_id, channel_id, operator_id, session_hash, name, scheme, endpoint_sealed,
    language, min_severity, is_active, created_at, seen_at, next_send_at, claimed_until)
VALUES (:merchant_id, :channel_id, :operator_id, :session_hash, :name, :scheme, :endpoint_sealed, :language,
    :min_severity, true, :at, :at, :at, :at)
ON CONFLICT (merchant_id, channel_id) DO UPDATE SET operator_id = excluded.operator_id,
    session_hash = excluded.session_hash, name = excluded.name, endpoint_sealed = excluded.endpoint_sealed,
    language = excluded.language, min_severity = excluded.min_severity, seen_at = excluded.seen_at,
    error = CASE WHEN c.is_active THEN c.error ELSE '' END, is_active = true
"""


async def lock_person(connection: AsyncConnection, operator_id: str) -> None:
    """Of one person's browsers two take turns, so that none is one too many."""
    await connection.execute(
        sa.text("SELECT FROM operator WHERE operator_id = :operator_id FOR UPDATE"), {"operator_id": operator_id}
    )


async def list_browsers(connection: AsyncConnection, merchant_id: str, operator_id: str) -> Sequence[sa.RowMapping]:
    """One person's, the oldest first."""
    statement = sa.text(CHANNELS.format(more="c.operator_id = :operator_id"))
    rows = await connection.execute(statement, {"merchant_id": merchant_id, "operator_id": operator_id})
    return rows.mappings().all()


async def find_browser(connection: AsyncConnection, merchant_id: str, channel_id: str) -> sa.RowMapping | None:
    """Whoever's it is."""
    statement = sa.text(CHANNELS.format(more="c.operator_id IS NOT NULL AND c.channel_id = :channel_id"))
    rows = await connection.execute(statement, {"merchant_id": merchant_id, "channel_id": channel_id})
    return rows.mappings().one_or_none()


async def put_browser(connection: AsyncConnection, row: dict[str, object]) -> None:
    await connection.execute(sa.text(_PUT), row)


async def delete_browser(connection: AsyncConnection, channel_id: str) -> None:
    """And what waits for it."""
    await connection.execute(
        sa.text("DELETE FROM notify_channel WHERE channel_id = :channel_id"), {"channel_id": channel_id}
    )
