"""A worker's way to a platform that holds money first: offered, looked at, taken after the goods, or given up.

Some holds lapse a few seconds after they began, as others do after days. Answers get lost before and after the effect,
as everywhere here.
"""

from __future__ import annotations

from dataclasses import replace

from vendomat.cloud.payments import Hold, HoldState, Notice, NoticeKind, Started, StartRequest, StartState
from vendomat.kernel import Money
from vendomat.simulator.worlds.platform_books import PlatformTrade, RefusedError
from vendomat.simulator.worlds.platforms import CURRENCY, WorldProvider


class HoldingProvider(WorldProvider):
    """`WorldProvider` of an account whose merchant wants the money after the goods."""

    is_holding = True

    async def offer_hold(self, request: StartRequest) -> Started:
        if not await self._reach():
            return Started(StartState.UNKNOWN, error="no answer")
        self._platform.start_asked(self.channel, request)
        try:
            code = self._books.start(request.number, request.amount.minor_units, request.expires_at, is_hold=True)
        except RefusedError as refusal:
            return Started(StartState.REFUSED, error=str(refusal))
        return Started(StartState.STARTED, code) if await self._return() else Started(StartState.UNKNOWN, error="lost")

    async def look_up_hold(self, number: str) -> Hold:
        if not await self._reach():
            return Hold(HoldState.UNKNOWN, number, error="no answer")
        return await self._answered(number)

    async def capture(self, number: str, amount: Money) -> Hold:
        if not await self._reach():
            return Hold(HoldState.UNKNOWN, number, error="no answer")
        self._platform.capture_asked(self.channel, number, amount.minor_units)
        error = ""
        try:
            if self._books.capture(number, amount.minor_units, self._platform.clock.now()):
                self._platform.tell_hold(number)
        except RefusedError as refusal:
            error = str(refusal)
        return replace(await self._answered(number), error=error)

    async def release(self, number: str) -> Hold:
        if not await self._reach():
            return Hold(HoldState.UNKNOWN, number, error="no answer")
        self._books.release(number, self._platform.clock.now())
        return await self._answered(number)

    async def _answered(self, number: str) -> Hold:
        hold = self._hold_of(number)
        return hold if await self._return() else Hold(HoldState.UNKNOWN, number, error="lost")

    def _hold_of(self, number: str) -> Hold:
        found = self._books.find(number, self._platform.clock.now())
        if found is None:
            return Hold(HoldState.NOT_FOUND, number)
        state = _state_of(found)
        minor = {HoldState.HELD: found.amount_minor, HoldState.CAPTURED: found.taken_minor}.get(state, 0)
        amount = Money(minor, CURRENCY) if minor else None
        return Hold(state, number, found.transaction_id, amount, self.account)

    def _hold_notice(self, notice_id: str, number: str) -> Notice:
        return Notice(NoticeKind.HOLD, notice_id, hold=self._hold_of(number))


def _state_of(found: PlatformTrade) -> HoldState:
    if found.paid_at is not None:
        return HoldState.CAPTURED
    if found.is_closed:
        return HoldState.RELEASED
    return HoldState.HELD if found.held_at is not None else HoldState.OFFERED
