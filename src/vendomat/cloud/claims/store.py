"""How claims and their words are kept, and how an order is found by what a wallet's bill says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from vendomat.cloud.claims.model import Claim, ClaimState, What, Word

_COLUMNS = "merchant_id, order_id, machine_id, payer, state, opened_at, since, words, refund_id, decided_by, decided_at, reason"
_LIVES_MAX = timedelta(minutes=20)
"""An order is paid at most so long after it was made."""


async def insert_claim(connection: asyncpg.Connection, claim: Claim) -> bool:
    """False when its order has a claim already; one that is being made is waited for."""
    made = await connection.fetchval(
        f"INSERT INTO claim ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', '', NULL, '') "
        "ON CONFLICT DO NOTHING RETURNING true",
        claim.merchant_id,
        claim.order_id,
        claim.machine_id,
        claim.payer,
        claim.state.value,
        claim.opened_at,
        claim.since,
        claim.words,
    )
    return bool(made)


async def lock_claim(connection: asyncpg.Connection, merchant_id: str, order_id: str) -> Claim | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM claim WHERE merchant_id = $1 AND order_id = $2 FOR UPDATE", merchant_id, order_id
    )
    return None if row is None else claim_of(dict(row))


async def update_claim(connection: asyncpg.Connection, claim: Claim) -> None:
    await connection.execute(
        "UPDATE claim SET state = $3, since = $4, words = $5, refund_id = $6, decided_by = $7, decided_at = $8, "
        "reason = $9 WHERE merchant_id = $1 AND order_id = $2",
        claim.merchant_id,
        claim.order_id,
        claim.state.value,
        claim.since,
        claim.words,
        claim.refund_id,
        claim.decided_by,
        claim.decided_at,
        claim.reason,
    )


async def insert_word(connection: asyncpg.Connection, claim: Claim, word: Word) -> bool:
    """False when this was said already."""
    made = await connection.fetchval(
        "INSERT INTO claim_word (merchant_id, order_id, word_id, what, units, said, at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING true",
        claim.merchant_id,
        claim.order_id,
        word.word_id,
        word.what.value,
        list(word.units),
        word.text,
        word.at,
    )
    return bool(made)


def claim_of(row: dict[str, object]) -> Claim:
    return Claim(**{**row, "state": ClaimState(str(row["state"]))})  # type: ignore[arg-type]


def word_of(row: dict[str, object]) -> Word:
    units = row["units"]
    assert isinstance(units, list)
    at = row["at"]
    assert isinstance(at, datetime)
    return Word(str(row["word_id"]), What(str(row["what"])), tuple(units), str(row["said"]), at)


# --- an order by its bill --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment of a machine's order that took money."""

    merchant_id: str
    order_id: str
    captured_minor: int
    currency: str
    paid_at: datetime


_PAID = (
    "SELECT p.merchant_id, p.order_id, p.captured_minor, p.currency, p.paid_at FROM merchant m "
    "CROSS JOIN LATERAL ({found}) p JOIN sale_order o ON (o.merchant_id, o.order_id) = (p.merchant_id, p.order_id) "
    "WHERE p.captured_minor > 0 AND o.origin IN ('touch', 'code') LIMIT 3"
)
_BY_NUMBER = _PAID.format(
    found="SELECT * FROM payment n WHERE n.merchant_id = m.merchant_id AND n.payment_id = $1 UNION ALL "
    "SELECT * FROM payment t WHERE t.merchant_id = m.merchant_id AND t.channel IN (SELECT a.channel FROM payment_account a "
    "WHERE a.merchant_id = m.merchant_id) AND t.transaction_id = $1 AND t.transaction_id <> ''"
)
_BY_REFERENCE = _PAID.format(
    found="SELECT q.* FROM sale_order s JOIN payment q ON (q.merchant_id, q.order_id) = (s.merchant_id, s.order_id) "
    "WHERE s.merchant_id = m.merchant_id AND s.created_at BETWEEN $2 AND $3 AND right(s.order_id, 8) = $1"
)


async def find_paid_by_number(connection: asyncpg.Connection, number: str) -> list[Paid]:
    """By our payment number or the platform's transaction number: one look per merchant into its own index."""
    return [Paid(*row) for row in await connection.fetch(_BY_NUMBER, number)]


async def find_paid_by_reference(connection: asyncpg.Connection, tail: str, paid_at: datetime) -> list[Paid]:
    """By the last eight characters of an order that was made shortly before `paid_at`."""
    rows = await connection.fetch(_BY_REFERENCE, tail, paid_at - _LIVES_MAX, paid_at + _LIVES_MAX)
    return [Paid(*row) for row in rows]


# --- rounds ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong at a machine now."""

    merchant_id: str
    machine_id: str
    order_id: str
    count: int


async def old_claims(connection: asyncpg.Connection, before: datetime) -> list[Wrong]:
    """Machines with claims that wait since before `before`, with the oldest."""
    rows = await connection.fetch(
        "SELECT merchant_id, machine_id, (array_agg(order_id ORDER BY since, order_id))[1], count(*) FROM claim "
        "WHERE state IN ('opened', 'reopened') AND since < $1 GROUP BY merchant_id, machine_id",
        before,
    )
    return [Wrong(*row) for row in rows]


async def many_claims(connection: asyncpg.Connection, kind: str, after: datetime, at_least: int) -> list[Wrong]:
    """Machines with so many claims since `after`, and since a person last cleared the alarm `kind`; with the newest."""
    rows = await connection.fetch(
        "SELECT c.merchant_id, c.machine_id, (array_agg(c.order_id ORDER BY c.opened_at DESC))[1], count(*) FROM claim c "
        "WHERE c.opened_at > $2 AND c.opened_at > coalesce((SELECT max(a.cleared_at) FROM alarm a WHERE a.kind = $1 "
        "AND (a.merchant_id, a.machine_id) = (c.merchant_id, c.machine_id)), '-infinity') "
        "GROUP BY c.merchant_id, c.machine_id HAVING count(*) >= $3",
        kind,
        after,
        at_least,
    )
    return [Wrong(*row) for row in rows]


async def fallen_through(connection: asyncpg.Connection, after: datetime) -> Sequence[tuple[str, str]]:
    """Orders whose claim was granted since `after` by a refund that came to nothing, with no other in its place."""
    rows = await connection.fetch(
        "SELECT c.merchant_id, c.order_id FROM claim c "
        "JOIN refund r ON (r.merchant_id, r.refund_id) = (c.merchant_id, c.refund_id) "
        "WHERE c.state = 'granted' AND c.decided_at > $1 AND NOT EXISTS (SELECT FROM refund n "
        "WHERE (n.merchant_id, n.order_id) = (c.merchant_id, c.order_id) AND n.state <> 'failed' "
        "AND n.requested_at >= r.requested_at) ORDER BY 1, 2",
        after,
    )
    return [(row[0], row[1]) for row in rows]
