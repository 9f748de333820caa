"""What a wallet's rest goes back by when its member leaves, and how that is kept. Pure but for the rows at its end.

Stored money goes back where it came from: through the platforms of its top-ups, the newest first, as far as each of
them still gives back; only what is left then is paid by hand. What the merchant gave on top of what was paid would not
go back; no wallet holds such money so far. One pay-out of a member waits at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import asyncpg

from vendomat.kernel import Moves

GIVES_BACK = timedelta(days=360)
"""For so long after a payment every platform gives its money back; the shortest of their limits, and some days less."""


class PayoutState(StrEnum):
    ASKED = "asked"  # a second person has to agree
    DONE = "done"
    DECLINED = "declined"


class PayoutMove(StrEnum):
    CARRY_OUT = "carry_out"
    DECLINE = "decline"


PAYOUT_MOVES: Moves[PayoutState, PayoutMove] = Moves(
    "wallet pay-out",
    PayoutState,
    {
        (PayoutState.ASKED, PayoutMove.CARRY_OUT): PayoutState.DONE,
        (PayoutState.ASKED, PayoutMove.DECLINE): PayoutState.DECLINED,
    },
    start=PayoutState.ASKED,
    final=(PayoutState.DONE, PayoutState.DECLINED),
)


@dataclass(frozen=True, slots=True)
class ToppedUp:
    """A top-up whose money its platform still gives back. `left_minor` is what has not gone back of it."""

    order_id: str
    payment_id: str
    channel: str
    left_minor: int


@dataclass(frozen=True, slots=True)
class Part:
    order_id: str
    payment_id: str
    channel: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Division:
    """Where a balance goes: back by `parts`, and the rest by hand."""

    parts: tuple[Part, ...]
    by_hand_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """`hand_way` and `hand_reference` say how the rest by hand can be found; empty when there is none."""

    merchant_id: str
    payout_id: str
    member_id: str
    amount_minor: int
    by_hand_minor: int
    currency: str
    state: PayoutState
    hand_way: str
    hand_reference: str
    reason: str
    asked_by: str
    asked_at: datetime
    decided_by: str = ""
    decided_at: datetime | None = None


def divide(balance_minor: int, newest_first: Iterable[ToppedUp]) -> Division:
    """The whole balance, to the last minor unit."""
    parts, rest = [], balance_minor
    for one in newest_first:
        if amount := min(rest, one.left_minor):
            parts.append(Part(one.order_id, one.payment_id, one.channel, amount))
            rest -= amount
    return Division(tuple(parts), rest)


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
