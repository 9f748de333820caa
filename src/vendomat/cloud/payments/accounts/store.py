"""What accounts have open, and what single machines offer. Each function runs in the caller's transaction."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

_LOOKED_BACK = timedelta(days=7)
_OPEN = sa.text("""
SELECT (
    SELECT count(*) FROM payment WHERE merchant_id = :merchant_id AND channel = :channel AND account = :account
        AND next_try_at IS NOT NULL
) + (
    SELECT count(*) FROM refund r JOIN payment p USING (merchant_id, payment_id)
        JOIN sale_order o ON (o.merchant_id, o.order_id) = (r.merchant_id, r.order_id)
    WHERE r.merchant_id = :merchant_id AND p.channel = :channel AND p.account = :account AND r.state <> 'succeeded'
        AND (r.state <> 'failed' OR o.state NOT IN ('settled', 'expired', 'cancelled'))
) + (
    SELECT count(*) FROM sale_order o JOIN payment p USING (merchant_id, order_id)
    WHERE o.merchant_id = :merchant_id AND o.created_at > :since AND o.state IN ('paid', 'dispensing')
        AND p.channel = :channel AND p.account = :account AND p.state = 'paid'
) + (
    SELECT count(*) FROM profit_share WHERE merchant_id = :merchant_id AND channel = :channel AND account = :account
        AND ended_at IS NULL
)
""")
"""Payments that are looked up, refunds and shares that are not through, and orders that may still be paid back. What is
older than a week and not settled has an open refund."""


async def count_open(
    connection: AsyncConnection, merchant_id: str, channel: str, account: str, *, now: datetime
) -> int:
    """How much of what was begun through `account` may still need it."""
    values = {"merchant_id": merchant_id, "channel": channel, "account": account, "since": now - _LOOKED_BACK}
    return int((await connection.execute(_OPEN, values)).scalar_one())
