"""How wallets are read, for one merchant's people and for the member. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class WalletEntry:
    """One movement. `entry` counts up; `kind` is the posting's; what came in is positive."""

    entry: int
    kind: str
    order_id: str
    amount_minor: int
    balance_minor: int
    at: datetime


_STANDINGS = """
SELECT w.member_id, w.balance_minor, e.at AS used_at, (
    SELECT greatest(0, -coalesce(sum(amount_minor), 0))::bigint FROM wallet_entry s WHERE s.merchant_id = w.merchant_id
        AND s.member_id = w.member_id AND s.at > :since AND s.kind <> 'topped_up') AS spent_minor
FROM wallet w LEFT JOIN wallet_entry e
    ON (e.merchant_id, e.member_id, e.entry) = (w.merchant_id, w.member_id, w.entries)
WHERE w.merchant_id = :merchant_id AND w.member_id = ANY(:members)
"""
_OF_PURCHASE = """
WITH purchase AS (
    SELECT order_id FROM payment WHERE merchant_id = :merchant_id AND payment_id = :text
    UNION SELECT t.order_id FROM payment t WHERE t.merchant_id = :merchant_id AND t.transaction_id = :text
        AND t.transaction_id <> '' AND t.channel IN (SELECT channel FROM payment_account WHERE merchant_id = :merchant_id)
)
SELECT DISTINCT member_id FROM wallet_entry
WHERE merchant_id = :merchant_id AND right(order_id, 8) IN (SELECT right(order_id, 8) FROM purchase)
    AND order_id IN (SELECT order_id FROM purchase)
UNION SELECT member_id FROM wallet_entry WHERE merchant_id = :merchant_id AND right(order_id, 8) = :reference
    AND (order_id = lower(:text) OR length(:text) <= 9)
LIMIT 50
"""
_ENTRIES = """
SELECT entry, kind, order_id, amount_minor, balance_minor, at FROM wallet_entry
WHERE merchant_id = :merchant_id AND member_id = :member_id AND entry < :before ORDER BY entry DESC LIMIT :limit
"""
_OFFER = """
SELECT name, currency, (SELECT coalesce(array_agg(channel ORDER BY channel), '{}') FROM payment_account a
    WHERE a.merchant_id = m.merchant_id AND a.is_active) AS channels
FROM merchant m WHERE merchant_id = :merchant_id
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """A balance, when it moved last (None: never), and what was paid from it in the time asked for."""

    balance_minor: int = 0
    used_at: datetime | None = None
    spent_minor: int = 0


async def standings(
    connection: AsyncConnection, merchant_id: str, members: Sequence[str], since: datetime
) -> dict[str, Standing]:
    """By member; who has no wallet yet is missing."""
    asked = {"merchant_id": merchant_id, "members": list(members), "since": since}
    rows = await connection.execute(sa.text(_STANDINGS), asked)
    return {row.member_id: Standing(row.balance_minor, row.used_at, row.spent_minor) for row in rows}


async def members_of_purchase(connection: AsyncConnection, merchant_id: str, text: str) -> list[str]:
    """Whose wallet moved for an order that has this number: its own, its reference, its payment's or the platform's."""
    reference = text.replace("-", "").lower()[-8:]
    values = {"merchant_id": merchant_id, "text": text, "reference": reference}
    return list((await connection.execute(sa.text(_OF_PURCHASE), values)).scalars())


async def entries(
    connection: AsyncConnection, merchant_id: str, member_id: str, *, before: int, limit: int
) -> list[WalletEntry]:
    """Newest first, below entry number `before`."""
    values = {"merchant_id": merchant_id, "member_id": member_id, "before": before, "limit": limit}
    rows = await connection.execute(sa.text(_ENTRIES), values)
    return [WalletEntry(**row) for row in rows.mappings()]


async def find_offer(connection: AsyncConnection, merchant_id: str) -> tuple[str, str, list[str]]:
    """The merchant's name, its currency, and the ways to top up."""
    row = (await connection.execute(sa.text(_OFFER), {"merchant_id": merchant_id})).one()
    return row.name, row.currency, list(row.channels)
