"""Money held first and taken after the goods: the part of the contract for providers that can authorise.

A hold is offered like a payment, and ends by a capture (of all or less) or a release; a failed vend then needs no
refund. As everywhere there are three answers, and UNKNOWN is resolved by looking up the same number.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from vendomat.cloud.payments.providers.contract import Started, StartRequest
from vendomat.cloud.payments.providers.held import Hold
from vendomat.kernel import Money


@runtime_checkable
class HoldsMoney(Protocol):
    """What a provider that can authorise also does. Numbers are as those of payments, and never used for both.

    `is_holding`: this account's merchant wants new payments held first.
    """

    is_holding: bool

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
