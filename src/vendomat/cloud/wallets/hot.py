"""How wallets and their pay-outs are kept beside the ledger, on the hot connection and in the caller's transaction.

`follow` is the only place that changes a balance, and it takes what was posted: a wallet cannot say anything else than
its account. Refuses to decide whether money may move.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from vendomat.cloud.ledger import Entry, wallet_member
from vendomat.cloud.platform.rows import fetch_rows
from vendomat.cloud.wallets.model import Wallet
from vendomat.cloud.wallets.payouts import Payout, PayoutState
from vendomat.kernel import ErrorCode, VendomatError

_LOCK = """
SELECT w.merchant_id, w.member_id, w.currency FROM wallet w
JOIN unnest($1::text[], $2::text[], $3::text[]) AS k(m, i, c)
    ON (w.merchant_id, w.member_id, w.currency) = (k.m, k.i, k.c)
ORDER BY w.merchant_id, w.member_id FOR NO KEY UPDATE OF w
"""
_FOLLOW = """
WITH n AS (
    SELECT r.*, row_number() OVER each AS place, sum(a) OVER each AS running
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[])
        WITH ORDINALITY AS r(m, i, k, d, o, a, t, nth)
    WINDOW each AS (PARTITION BY m, i ORDER BY nth)
), kept AS (
    INSERT INTO wallet_entry (merchant_id, member_id, entry, txn_key, kind, order_id, amount_minor, balance_minor, at)
    SELECT m, i, w.entries + place, k, d, o, a, w.balance_minor + running, t
    FROM n JOIN wallet w ON (w.merchant_id, w.member_id) = (m, i)
)
UPDATE wallet w SET balance_minor = w.balance_minor + s.added, entries = w.entries + s.places
FROM (SELECT m, i, sum(a) AS added, count(*) AS places FROM n GROUP BY m, i) s
WHERE (w.merchant_id, w.member_id) = (s.m, s.i)
"""


async def follow(connection: asyncpg.Connection, entries: Sequence[Entry]) -> None:
    """Move the wallets as `entries`, which are posted in this transaction, say. A debit beyond a balance is a violation
    of the wallet's constraint: nothing of the transaction stands then."""
    moves = [
        (e.merchant_id, member_id, e.posting.key, e.posting.kind, e.order_id, -amount, e.at, e.currency)
        for e in entries
        for account, amount in e.posting.lines
        if (member_id := wallet_member(account)) is not None
    ]
    if not moves:
        return
    wanted = sorted({(row[0], row[1], row[7]) for row in moves})
    locked = await fetch_rows(connection, _LOCK, wanted)
    if {tuple(row) for row in locked} != set(wanted):
        raise VendomatError(ErrorCode.INTERNAL, f"no such wallet among {wanted}; nothing was posted")
    await connection.execute(_FOLLOW, *(list(column) for column in zip(*(row[:7] for row in moves), strict=True)))


async def open_wallet(connection: asyncpg.Connection, merchant_id: str, member_id: str) -> None:
    """An empty wallet in the merchant's currency, unless the member has one."""
    await connection.execute(
        "INSERT INTO wallet (merchant_id, member_id, currency) SELECT merchant_id, $2, currency FROM merchant "
        "WHERE merchant_id = $1 ON CONFLICT DO NOTHING",
        merchant_id,
        member_id,
    )


async def lock_wallet(connection: asyncpg.Connection, merchant_id: str, member_id: str) -> Wallet | None:
    """The wallet, and with it whether its member is blocked: neither changes until the transaction ends."""
    row = await connection.fetchrow(
        "SELECT w.merchant_id, w.member_id, w.currency, w.balance_minor, m.state = 'blocked' AS is_blocked "
        "FROM wallet w JOIN member m USING (merchant_id, member_id) WHERE w.merchant_id = $1 AND w.member_id = $2 "
        "FOR NO KEY UPDATE OF w FOR SHARE OF m",
        merchant_id,
        member_id,
    )
    return None if row is None else Wallet(**dict(row))


async def spent_since(connection: asyncpg.Connection, merchant_id: str, member_id: str, since: datetime) -> int:
    """What the wallet paid since, less what came back to it."""
    spent: int = await connection.fetchval(
        "SELECT greatest(0, -coalesce(sum(amount_minor), 0))::bigint FROM wallet_entry "
        "WHERE merchant_id = $1 AND member_id = $2 AND at > $3 AND kind <> 'topped_up'",
        merchant_id,
        member_id,
        since,
    )
    return spent


async def payouts_of(connection: asyncpg.Connection, merchant_id: str, member_id: str) -> list[Payout]:
    """The newest first."""
    rows = await connection.fetch(
        "SELECT * FROM wallet_payout WHERE merchant_id = $1 AND member_id = $2 ORDER BY asked_at DESC, payout_id DESC "
        "LIMIT 50",
        merchant_id,
        member_id,
    )
    return [_payout(row) for row in rows]


async def lock_payout(connection: asyncpg.Connection, merchant_id: str, payout_id: str) -> Payout | None:
    row = await connection.fetchrow(
        "SELECT * FROM wallet_payout WHERE merchant_id = $1 AND payout_id = $2 FOR UPDATE", merchant_id, payout_id
    )
    return None if row is None else _payout(row)


async def keep_payout(connection: asyncpg.Connection, one: Payout) -> None:
    """New, or as it was decided."""
    await connection.execute(
        "INSERT INTO wallet_payout (merchant_id, payout_id, member_id, amount_minor, by_hand_minor, currency, state, "
        "hand_way, hand_reference, reason, asked_by, asked_at, decided_by, decided_at) VALUES ($1, $2, $3, $4, $5, $6, "
        "$7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (merchant_id, payout_id) DO UPDATE SET state = "
        "excluded.state, decided_by = excluded.decided_by, decided_at = excluded.decided_at",
        one.merchant_id,
        one.payout_id,
        one.member_id,
        one.amount_minor,
        one.by_hand_minor,
        one.currency,
        one.state,
        one.hand_way,
        one.hand_reference,
        one.reason,
        one.asked_by,
        one.asked_at,
        one.decided_by,
        one.decided_at,
    )


def _payout(row: asyncpg.Record) -> Payout:
    return Payout(**{**dict(row), "state": PayoutState(row["state"])})
