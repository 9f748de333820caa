"""How the ledger is kept: append-only, one statement for any number of transactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from vendomat.cloud.ledger.model import Posting


@dataclass(frozen=True, slots=True)
class Entry:
    """A posting with its owner and time."""

    merchant_id: str
    order_id: str
    currency: str
    at: datetime
    posting: Posting


_POST = """
WITH txn AS (
    INSERT INTO ledger_transaction (merchant_id, txn_key, kind, order_id, posted_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
)
INSERT INTO ledger_line (merchant_id, txn_key, line, account, amount_minor, currency, posted_at)
SELECT * FROM unnest($6::text[], $7::text[], $8::int[], $9::text[], $10::bigint[], $11::text[], $12::timestamptz[])
"""


async def post(connection: asyncpg.Connection, entries: Sequence[Entry]) -> None:
    """Append `entries` in the caller's transaction. A key that was posted before is a unique violation."""
    if not entries:
        return
    lines = [
        (e.merchant_id, e.posting.key, number, account, amount, e.currency, e.at)
        for e in entries
        for number, (account, amount) in enumerate(e.posting.lines, start=1)
    ]
    await connection.execute(
        _POST,
        [e.merchant_id for e in entries],
        [e.posting.key for e in entries],
        [e.posting.kind for e in entries],
        [e.order_id for e in entries],
        [e.at for e in entries],
        *(list(column) for column in zip(*lines, strict=True)),
    )
