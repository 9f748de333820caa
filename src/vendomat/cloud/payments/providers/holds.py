"""Money held first and taken after the goods: the part of the contract for providers that can authorise.

A hold is offered like a payment, and ends by a capture (of all or less) or a release; a failed vend then needs no
refund. No step of a purchase uses it so far: it is the platform's side alone. As everywhere there are three answers,
and UNKNOWN is resolved by looking up the same number.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from vendomat.cloud.payments.providers.contract import Started, StartRequest
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


@runtime_checkable
class HoldsMoney(Protocol):
    """What a provider that can authorise also does. Numbers are as those of payments, and never used for both."""

    async def offer_hold(self, request: StartRequest) -> Started:
        """As `start`; the notice of it tells of a payment that is not paid."""
        ...

    async def look_up_hold(self, number: str) -> Hold: ...

    async def capture(self, number: str, amount: Money) -> Hold:
        """Take `amount`, at most what is held; the rest goes back by itself. Again: the same, and never twice.

        HELD with an `error`: the platform refused, and nothing was taken.
        """
        ...

    async def release(self, number: str) -> Hold:
        """Give up the hold, or the offer of one. CAPTURED: too late, the money was taken."""
        ...
