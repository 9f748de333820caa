"""What a platform says of money that it holds for us. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vendomat.kernel import Money


class HoldState(StrEnum):
    OFFERED = "offered"  # the buyer may authorise it still
    HELD = "held"  # authorised: capture or release it, or it lapses by itself after days
    CAPTURED = "captured"  # `amount` was taken: a payment now, refunded like any other
    RELEASED = "released"  # nothing was taken and nothing can be, whoever ended it
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Hold:
    """The platform's view of one number. `amount`: held when HELD, taken when CAPTURED."""

    state: HoldState
    number: str
    transaction_id: str = ""
    amount: Money | None = None
    account: str = ""
    error: str = ""
