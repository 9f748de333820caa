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


_BALANCES = "SELECT member_id, balance_minor FROM wallet WHERE merchant_id = :merchant_id AND member_id = ANY(:members)"
_ENTRIES = """
SELECT entry, kind, order_id, amount_minor, balance_minor, at FROM wallet_entry
WHERE merchant_id = :merchant_id AND member_id = :member_id AND entry < :before ORDER BY entry DESC LIMIT :limit
"""
_OFFER = """
SELECT name, currency, (SELECT coalesce(array_agg(channel ORDER BY channel), '{}') FROM payment_account a
    WHERE a.merchant_id = m.merchant_id AND a.is_active) AS channels
FROM merchant m WHERE merchant_id = :merchant_id
"""


async def balances(connection: AsyncConnection, merchant_id: str, members: Sequence[str]) -> dict[str, int]:
    """By member; who has no wallet yet is missing."""
    rows = await connection.execute(sa.text(_BALANCES), {"merchant_id": merchant_id, "members": list(members)})
    return {row.member_id: row.balance_minor for row in rows}


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
