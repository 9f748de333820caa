"""How agreements, plans and shares are kept: the row is the queue, and says when it is due next.

Whatever the platform is to be asked stands here before it is. Each function runs in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from vendomat.cloud.payments import ReceiverKind
from vendomat.cloud.platform.rows import execute_rows
from vendomat.cloud.sharing.model import (
    LEAVE_FOR_TRIES,
    NOT_BEFORE,
    RETURNABLE,
    SHAREABLE,
    Agreement,
    Duty,
    Share,
    ShareKey,
    ShareStage,
)
from vendomat.cloud.sharing.plan import Frozen, Given

PAYMENTS_AT_ONCE = 5_000
"""Payments looked at for one statement. Of more, the newest are the merchant's by themselves after thirty days."""
_FIXED = (
    "merchant_id, share_id, site_id, duty, payment_id, transaction_id, channel, account, kind, receiver, currency, "
    "amount_minor, asked_at, may_until, position, round, of_share, asked_by"
)
_SAID = ("stage", "error", "detail_number", "closed_at", "ended_at", "ended_by", "changed_at")


# --- agreements ------------------------------------------------------------------------------------------------------


async def find_agreement(
    connection: asyncpg.Connection, merchant_id: str, site_id: str, *, is_locking: bool = False
) -> Agreement | None:
    row = await connection.fetchrow(
        "SELECT * FROM site_receiver WHERE merchant_id = $1 AND site_id = $2" + (" FOR UPDATE" if is_locking else ""),
        merchant_id,
        site_id,
    )
    return None if row is None else agreement_of(row)


def agreement_of(row: asyncpg.Record) -> Agreement:
    same = ("merchant_id", "site_id", "channel", "account", "receiver", "name", "ceiling_bp", "is_sharing", "error")
    return Agreement(
        **{name: row[name] for name in same},
        kind=ReceiverKind(row["kind"]),
        is_added=row["state"] == "added",
        since=row["since"],
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
    )


async def put_agreement(connection: asyncpg.Connection, one: Agreement, *, due_at: datetime | None) -> None:
    """`due_at`: when the platform is told of the receiver; None when there is nothing to tell."""
    await connection.execute(
        "INSERT INTO site_receiver (merchant_id, site_id, channel, account, kind, receiver, name, ceiling_bp, "
        "is_sharing, state, error, since, changed_at, changed_by, next_try_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) "
        "ON CONFLICT (merchant_id, site_id) DO UPDATE SET channel = excluded.channel, account = excluded.account, "
        "kind = excluded.kind, receiver = excluded.receiver, name = excluded.name, ceiling_bp = excluded.ceiling_bp, "
        "is_sharing = excluded.is_sharing, state = excluded.state, error = excluded.error, since = excluded.since, "
        "changed_at = excluded.changed_at, changed_by = excluded.changed_by, tries = 0, "
        "next_try_at = excluded.next_try_at",
        one.merchant_id,
        one.site_id,
        one.channel,
        one.account,
        one.kind.value,
        one.receiver,
        one.name,
        one.ceiling_bp,
        one.is_sharing,
        "added" if one.is_added else "asked",
        one.error,
        one.since,
        one.changed_at,
        one.changed_by,
        due_at,
    )


async def claim_due_agreements(connection: asyncpg.Connection, now: datetime, limit: int) -> list[asyncpg.Record]:
    """Take the receivers that the platform is to be told of, and set their next try: 5 s doubling to 6 h."""
    rows: list[asyncpg.Record] = await connection.fetch(
        "WITH due AS (SELECT merchant_id, site_id FROM site_receiver WHERE next_try_at <= $1 ORDER BY next_try_at "
        "LIMIT $2 FOR UPDATE SKIP LOCKED) UPDATE site_receiver r SET tries = r.tries + 1, next_try_at = $1 + "
        "make_interval(secs => least(21600, 5 * power(2, least(r.tries, 14)))) FROM due "
        "WHERE (r.merchant_id, r.site_id) = (due.merchant_id, due.site_id) RETURNING r.*",
        now,
        limit,
    )
    return rows


async def answer_agreement(connection: asyncpg.Connection, row: asyncpg.Record, error: str) -> bool:
    """What the platform said of the receiver in `row`; whether it was still the one agreed, and this is news."""
    found = await connection.fetchval(
        "UPDATE site_receiver SET error = $3, state = CASE WHEN $3 = '' THEN 'added' ELSE state END, "
        "next_try_at = CASE WHEN $3 = '' THEN NULL ELSE next_try_at END WHERE merchant_id = $1 AND site_id = $2 "
        "AND is_sharing AND state = 'asked' AND changed_at = $4 AND ($3 = '' OR error <> $3) RETURNING true",
        row["merchant_id"],
        row["site_id"],
        error,
        row["changed_at"],
    )
    return bool(found)


# --- plans -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stated:
    """An issued statement. `month_end` is the moment its month was over where the merchant is."""

    merchant_id: str
    site_id: str
    position: int
    currency: str
    total_minor: int
    month_end: datetime


_STATED = (
    "s.merchant_id, s.site_id, s.position, s.currency, s.total_minor, "
    "((s.month || '-01')::date + interval '1 month') AT TIME ZONE m.time_zone AS month_end "
    "FROM site_statement s JOIN merchant m USING (merchant_id)"
)
_PLANNED = "share_plan p WHERE (p.merchant_id, p.site_id, p.position) = (s.merchant_id, s.site_id, s.position)"


async def find_unplanned(connection: asyncpg.Connection, limit: int) -> list[Stated]:
    """Statements whose owner is paid by the platform and of which no plan was made, the oldest first."""
    rows = await connection.fetch(
        f"SELECT {_STATED} JOIN site_receiver r USING (merchant_id, site_id) WHERE r.is_sharing AND r.state = 'added' "
        f"AND s.issued_at >= r.since AND NOT EXISTS (SELECT FROM {_PLANNED}) "
        "ORDER BY s.merchant_id, s.site_id, s.position LIMIT $1",
        limit,
    )
    return [Stated(*row) for row in rows]


async def find_stated(
    connection: asyncpg.Connection, merchant_id: str, site_id: str, position: int
) -> tuple[Stated, int] | None:
    """The statement, and how many plans were made of it."""
    row = await connection.fetchrow(
        f"SELECT (SELECT count(*) FROM {_PLANNED})::int AS rounds, {_STATED} "
        "WHERE s.merchant_id = $1 AND s.site_id = $2 AND s.position = $3",
        merchant_id,
        site_id,
        position,
    )
    return None if row is None else (Stated(*row[1:]), row["rounds"])


async def find_frozen(
    connection: asyncpg.Connection, one: Agreement, currency: str, now: datetime
) -> tuple[Frozen, ...]:
    """Payments whose money waits for the site's owner and that no share is about."""
    rows = await connection.fetch(
        "SELECT p.payment_id, p.transaction_id, p.captured_minor, p.paid_at, p.is_winning AND NOT p.is_frozen "
        "AND p.captured_minor = p.amount_minor AND o.state = 'settled' AND NOT EXISTS (SELECT FROM refund r "
        "WHERE (r.merchant_id, r.payment_id) = (p.merchant_id, p.payment_id)) AS may_give "
        "FROM payment p JOIN sale_order o USING (merchant_id, order_id) WHERE p.merchant_id = $1 AND p.shared_for = $2 "
        "AND p.channel = $3 AND p.account = $4 AND p.currency = $5 AND p.state = 'paid' AND p.captured_minor > 0 "
        "AND p.transaction_id <> '' AND p.paid_at > $6 AND p.paid_at <= $7 AND NOT EXISTS (SELECT FROM profit_share h "
        "WHERE h.merchant_id = p.merchant_id AND h.payment_id = p.payment_id AND h.duty <> 'take_back') "
        "ORDER BY p.paid_at, p.payment_id LIMIT $8",
        one.merchant_id,
        one.site_id,
        one.channel,
        one.account,
        currency,
        now - SHAREABLE + LEAVE_FOR_TRIES,
        now - NOT_BEFORE,
        PAYMENTS_AT_ONCE,
    )
    return tuple(Frozen(*row) for row in rows)


async def planned_minor(connection: asyncpg.Connection, stated: Stated) -> int:
    """What of the statement was given, or is on its way."""
    found = await connection.fetchval(
        "SELECT coalesce(sum(amount_minor), 0)::bigint FROM profit_share WHERE merchant_id = $1 AND site_id = $2 "
        "AND position = $3 AND duty = 'give' AND stage <> 'closed'",
        stated.merchant_id,
        stated.site_id,
        stated.position,
    )
    return int(found)


async def keep_plan(
    connection: asyncpg.Connection, stated: Stated, figures: tuple[int, int, int, int], *, at: datetime, by: str
) -> None:
    """`figures`: round, wanted, given and missing."""
    await connection.execute(
        "INSERT INTO share_plan (merchant_id, site_id, position, round, wanted_minor, given_minor, missing_minor, "
        "planned_at, planned_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        stated.merchant_id,
        stated.site_id,
        stated.position,
        *figures,
        at,
        by,
    )


async def plans_of(connection: asyncpg.Connection, merchant_id: str, site_id: str) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await connection.fetch(
        "SELECT p.position, s.month, p.round, p.wanted_minor, p.given_minor, p.missing_minor, p.planned_at, p.planned_by "
        "FROM share_plan p JOIN site_statement s USING (merchant_id, site_id, position) "
        "WHERE p.merchant_id = $1 AND p.site_id = $2 ORDER BY p.position DESC, p.round DESC",
        merchant_id,
        site_id,
    )
    return rows


# --- shares ----------------------------------------------------------------------------------------------------------


async def insert_shares(connection: asyncpg.Connection, shares: Sequence[Share]) -> None:
    """Due at once."""
    await execute_rows(
        connection,
        f"INSERT INTO profit_share ({_FIXED}, stage, changed_at, next_try_at) SELECT n.*, 'requested', n.at, n.at FROM "
        "unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], "
        "$9::text[], $10::text[], $11::text[], $12::bigint[], $13::timestamptz[], $14::timestamptz[], $15::int[], "
        "$16::int[], $17::text[], $18::text[]) AS n(a, b, c, d, e, f, g, h, i, j, k, l, at, m, o, p, q, r)",
        [
            (
                *(s.merchant_id, s.share_id, s.site_id, s.duty.value, s.payment_id, s.transaction_id),
                *(s.channel, s.account, s.kind.value, s.receiver, s.currency, s.amount_minor),
                *(s.asked_at, s.may_until, s.position, s.round, s.of_share, s.asked_by),
            )
            for s in shares
        ],
    )


async def load_share(connection: asyncpg.Connection, key: ShareKey, *, is_locking: bool = True) -> Share | None:
    row = await connection.fetchrow(
        f"SELECT * FROM profit_share WHERE merchant_id = $1 AND share_id = $2{' FOR UPDATE' if is_locking else ''}",
        *key,
    )
    return None if row is None else share_of(row)


def share_of(row: asyncpg.Record) -> Share:
    fixed = [name for name in _FIXED.split(", ") if name not in ("duty", "kind")]
    return Share(
        **{name: row[name] for name in fixed},
        **{name: row[name] for name in _SAID if name != "stage"},
        duty=Duty(row["duty"]),
        kind=ReceiverKind(row["kind"]),
        stage=ShareStage(row["stage"]),
    )


async def save_share(connection: asyncpg.Connection, share: Share) -> None:
    """One that ended is asked for no more."""
    sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(_SAID, start=3))
    await connection.execute(
        f"UPDATE profit_share SET {sets}, next_try_at = CASE WHEN $7::timestamptz IS NULL THEN next_try_at END "
        "WHERE merchant_id = $1 AND share_id = $2",
        *share.key,
        *(getattr(share, name) for name in _SAID),
    )


async def claim_due_shares(connection: asyncpg.Connection, now: datetime, limit: int) -> list[asyncpg.Record]:
    """Take the shares that are due, and set their next try: 10 s doubling to 6 h."""
    rows: list[asyncpg.Record] = await connection.fetch(
        "WITH due AS (SELECT merchant_id, share_id FROM profit_share WHERE next_try_at <= $1 ORDER BY next_try_at "
        "LIMIT $2 FOR UPDATE SKIP LOCKED) UPDATE profit_share s SET tries = s.tries + 1, next_try_at = $1 + "
        "make_interval(secs => least(21600, 10 * power(2, least(s.tries, 12)))) FROM due "
        "WHERE (s.merchant_id, s.share_id) = (due.merchant_id, due.share_id) RETURNING s.*",
        now,
        limit,
    )
    return rows


async def sums_of(connection: asyncpg.Connection, merchant_id: str, site_id: str) -> list[asyncpg.Record]:
    """What the shares of each statement came to, by duty and stage."""
    rows: list[asyncpg.Record] = await connection.fetch(
        "SELECT position, duty, stage, count(*)::int AS count, sum(amount_minor)::bigint AS amount_minor "
        "FROM profit_share WHERE merchant_id = $1 AND site_id = $2 GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2, 3",
        merchant_id,
        site_id,
    )
    return rows


async def shares_of(
    connection: asyncpg.Connection, merchant_id: str, site_id: str, position: int, *, limit: int
) -> list[Share]:
    """The statement's shares that move money, those first that need a person, then the newest."""
    rows = await connection.fetch(
        "SELECT * FROM profit_share WHERE merchant_id = $1 AND site_id = $2 AND position = $3 AND duty <> 'free' "
        "ORDER BY stage <> 'refused', asked_at DESC, share_id LIMIT $4",
        merchant_id,
        site_id,
        position,
        limit,
    )
    return [share_of(row) for row in rows]


async def find_given(connection: asyncpg.Connection, one: Agreement, now: datetime) -> list[tuple[Given, Share]]:
    """Shares of merchants that came through and are young enough, with what can still be taken back of each."""
    rows = await connection.fetch(
        "SELECT s.*, s.amount_minor - coalesce((SELECT sum(b.amount_minor) FROM profit_share b WHERE b.merchant_id = "
        "s.merchant_id AND b.of_share = s.share_id AND b.stage <> 'closed'), 0)::bigint AS left_minor "
        "FROM profit_share s WHERE s.merchant_id = $1 AND s.site_id = $2 AND s.duty = 'give' AND s.kind = 'merchant' "
        "AND s.stage = 'succeeded' AND s.asked_at > $3 AND s.channel = $4 AND s.account = $5 ORDER BY s.share_id",
        one.merchant_id,
        one.site_id,
        now - RETURNABLE + LEAVE_FOR_TRIES,
        one.channel,
        one.account,
    )
    return [(Given(row["share_id"], row["left_minor"], row["ended_at"]), share_of(row)) for row in rows]


async def owed_minor(connection: asyncpg.Connection, merchant_id: str, account: str) -> int:
    """What the ledger owes on `account`; below zero, what it is owed."""
    found = await connection.fetchval(
        "SELECT -coalesce(sum(amount_minor), 0)::bigint FROM ledger_line WHERE merchant_id = $1 AND account = $2",
        merchant_id,
        account,
    )
    return int(found)


async def currency_of(connection: asyncpg.Connection, merchant_id: str) -> str:
    found: str = await connection.fetchval("SELECT currency FROM merchant WHERE merchant_id = $1", merchant_id)
    return found


async def coming_back_minor(connection: asyncpg.Connection, merchant_id: str, site_id: str) -> int:
    """What is being taken back and is not booked yet."""
    found = await connection.fetchval(
        "SELECT coalesce(sum(amount_minor), 0)::bigint FROM profit_share WHERE merchant_id = $1 AND site_id = $2 "
        "AND duty = 'take_back' AND ended_at IS NULL",
        merchant_id,
        site_id,
    )
    return int(found)
