"""Which accounts at payment platforms cannot be reached now, on the hot connection. Decides nothing."""

from __future__ import annotations

from datetime import datetime

import asyncpg

Channel = tuple[str, str]
"""(merchant_id, channel)."""


async def begin_outage(connection: asyncpg.Connection, key: Channel, at: datetime) -> bool:
    """Whether this is news."""
    done = await connection.fetchval(
        "UPDATE payment_account SET away_since = $3, probe_at = $3 "
        "WHERE merchant_id = $1 AND channel = $2 AND is_active AND away_since IS NULL RETURNING true",
        *key,
        at,
    )
    return done is not None


async def end_outage(connection: asyncpg.Connection, key: Channel) -> bool:
    """Whether this is news."""
    done = await connection.fetchval(
        "UPDATE payment_account SET away_since = NULL, probe_at = NULL "
        "WHERE merchant_id = $1 AND channel = $2 AND away_since IS NOT NULL RETURNING true",
        *key,
    )
    return done is not None


async def claim_probes(connection: asyncpg.Connection, now: datetime, *, every_s: float) -> list[Channel]:
    """The channels to be asked after now; nobody else gets them before `every_s` is over."""
    rows = await connection.fetch(
        "UPDATE payment_account SET probe_at = $1 + make_interval(secs => $2) "
        "WHERE away_since IS NOT NULL AND probe_at <= $1 RETURNING merchant_id, channel",
        now,
        every_s,
    )
    return [(row["merchant_id"], row["channel"]) for row in rows]
