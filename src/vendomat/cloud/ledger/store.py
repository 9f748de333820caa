"""How the ledger is kept: append-only, two statements for any number of transactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vendomat.cloud.ledger.model import Posting
from vendomat.cloud.platform.rows import Executes, execute_rows


@dataclass(frozen=True, slots=True)
class Entry:
    """A posting with its owner and time."""

    merchant_id: str
    order_id: str
    currency: str
    at: datetime
    posting: Posting


_TRANSACTIONS = (
    "INSERT INTO ledger_transaction (merchant_id, txn_key, kind, order_id, posted_at) "
    "SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])"
)
_LINES = (
    "INSERT INTO ledger_line (merchant_id, txn_key, line, account, amount_minor, currency, posted_at) "
    "SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::bigint[], $6::text[], $7::timestamptz[])"
)


async def post(connection: Executes, entries: Sequence[Entry]) -> None:
    """Append `entries` in the caller's transaction. A key that was posted before is a unique violation."""
    transactions = [(e.merchant_id, e.posting.key, e.posting.kind, e.order_id, e.at) for e in entries]
    lines = [
        (e.merchant_id, e.posting.key, number, account, amount, e.currency, e.at)
        for e in entries
        for number, (account, amount) in enumerate(e.posting.lines, start=1)
    ]
    await execute_rows(connection, _TRANSACTIONS, transactions)
    await execute_rows(connection, _LINES, lines)
