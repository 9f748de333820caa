"""What a wallet's rest goes back by when its member leaves. Pure.

Stored money goes back where it came from: through the platforms of its top-ups, the newest first, as far as each of
them still gives back; only what is left then is paid by hand. What the merchant gave on top of what was paid would not
go back; no wallet holds such money so far. One pay-out of a member waits at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

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
