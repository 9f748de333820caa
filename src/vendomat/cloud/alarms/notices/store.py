"""How channels, rules and quiet hours are kept. Each function runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

CHANNELS = """
SELECT c.merchant_id, c.channel_id, c.name, c.scheme, c.endpoint_sealed, c.language, c.min_severity, c.is_active,
    c.created_at, c.last_sent_at, c.error, c.operator_id, c.seen_at,
    (SELECT count(*) FROM alarm_notice n WHERE n.merchant_id = c.merchant_id AND n.channel_id = c.channel_id
        AND n.state = 'waiting') AS waiting
FROM notify_channel c WHERE c.merchant_id = :merchant_id AND {more} ORDER BY c.created_at, c.channel_id
"""
_ADD = """
INSERT INTO notify_channel (merchant_id, channel_id, name, scheme, endpoint_sealed, language, min_severity, is_active,
    created_at, next_send_at, claimed_until)
VALUES (:merchant_id, :channel_id, :name, :scheme, :endpoint_sealed, :language, :min_severity, true,
    CAST(:at AS timestamptz), CAST(:at AS timestamptz), CAST(:at AS timestamptz))
"""
_RULE = """
INSERT INTO alarm_rule (merchant_id, kind, severity, delay_s, is_silent, is_auto_cleared, escalate_after_min,
    escalate_to)
VALUES (:merchant_id, :kind, :severity, :delay_s, :is_silent, :is_auto_cleared, :escalate_after_min, :escalate_to)
ON CONFLICT (merchant_id, kind) DO UPDATE SET severity = excluded.severity, delay_s = excluded.delay_s,
    is_silent = excluded.is_silent, is_auto_cleared = excluded.is_auto_cleared,
    escalate_after_min = excluded.escalate_after_min, escalate_to = excluded.escalate_to
"""
_QUIET = """
INSERT INTO notify_quiet (merchant_id, from_minute, until_minute) VALUES (:merchant_id, :from_minute, :until_minute)
ON CONFLICT (merchant_id) DO UPDATE SET from_minute = excluded.from_minute, until_minute = excluded.until_minute
"""
_TABLE = sa.table(
    "notify_channel",
    *map(sa.column, ("merchant_id", "channel_id", "name", "scheme", "endpoint_sealed", "language", "min_severity")),
    *map(sa.column, ("is_active", "error")),
)


async def list_channels(connection: AsyncConnection, merchant_id: str) -> Sequence[sa.RowMapping]:
    """Every channel of the merchant's, the oldest first, with what waits for it; browsers of people are none."""
    rows = await connection.execute(
        sa.text(CHANNELS.format(more="c.operator_id IS NULL")), {"merchant_id": merchant_id}
    )
    return rows.mappings().all()


async def find_channel(connection: AsyncConnection, merchant_id: str, channel_id: str) -> sa.RowMapping | None:
    statement = sa.text(CHANNELS.format(more="c.operator_id IS NULL AND c.channel_id = :channel_id"))
    rows = await connection.execute(statement, {"merchant_id": merchant_id, "channel_id": channel_id})
    return rows.mappings().one_or_none()


async def add_channel(connection: AsyncConnection, row: dict[str, object], at: datetime) -> None:
    await connection.execute(sa.text(_ADD), row | {"at": at})


async def change_channel(
    connection: AsyncConnection, merchant_id: str, channel_id: str, changes: dict[str, object]
) -> None:
    await connection.execute(
        sa.update(_TABLE)
        .where(_TABLE.c.merchant_id == merchant_id, _TABLE.c.channel_id == channel_id)
        .values(**changes)
    )


async def list_rules(connection: AsyncConnection, merchant_id: str) -> Sequence[sa.RowMapping]:
    rows = await connection.execute(
        sa.text("SELECT * FROM alarm_rule WHERE merchant_id = :merchant_id ORDER BY kind"), {"merchant_id": merchant_id}
    )
    return rows.mappings().all()


async def put_rule(connection: AsyncConnection, row: dict[str, object]) -> None:
    await connection.execute(sa.text(_RULE), row)


async def quiet_hours(connection: AsyncConnection, merchant_id: str) -> sa.RowMapping:
    """`from_minute` is null when there are none."""
    rows = await connection.execute(
        sa.text(
            "SELECT m.time_zone, q.from_minute, q.until_minute FROM merchant m LEFT JOIN notify_quiet q "
            "USING (merchant_id) WHERE m.merchant_id = :merchant_id"
        ),
        {"merchant_id": merchant_id},
    )
    return rows.mappings().one()


async def put_quiet_hours(connection: AsyncConnection, merchant_id: str, hours: tuple[int, int] | None) -> None:
    key: dict[str, object] = {"merchant_id": merchant_id}
    if hours is None:
        await connection.execute(sa.text("DELETE FROM notify_quiet WHERE merchant_id = :merchant_id"), key)
        return
    await connection.execute(sa.text(_QUIET), key | {"from_minute": hours[0], "until_minute": hours[1]})
