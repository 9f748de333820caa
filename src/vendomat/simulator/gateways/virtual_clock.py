"""The emulators' clock: runs as the machine's does, and can be moved ahead by hours or days. It never goes back.

Books, schedules and expiries go by it. What a signature carries does not: merchants compare that with their own
clocks, which nobody moved (`true`). Waits by the event loop's timers, so nothing polls.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from vendomat.kernel import Clock, ErrorCode, VendomatError

JOURNEY_S_MAX = 400 * 86_400.0
"""As far as one order may move it: a year and what a platform allows after it."""

_TURNS = 20
"""Turns of the loop that a woken sleeper gets to come to its next wait."""


@dataclass(slots=True)
class _Sleeper:
    ends_s: float
    wake: asyncio.Future[None]
    timer: asyncio.TimerHandle


class VirtualClock:
    """`true` with `ahead_s` seconds added."""

    def __init__(self, true: Clock, *, ahead_s: float = 0.0) -> None:
        self.true = true
        self.ahead_s = ahead_s
        self._order = itertools.count()
        self._sleepers: dict[int, _Sleeper] = {}

    def now(self) -> datetime:
        return self.true.now() + timedelta(seconds=self.ahead_s)

    def elapsed(self) -> float:
        return self.true.elapsed() + self.ahead_s

    async def sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        wake: asyncio.Future[None] = loop.create_future()
        left_s = max(seconds, 0.0)
        ticket = next(self._order)
        self._sleepers[ticket] = _Sleeper(self.elapsed() + left_s, wake, loop.call_later(left_s, _end, wake))
        try:
            await wake
        finally:
            self._sleepers.pop(ticket).timer.cancel()

    @property
    def next_wake_s(self) -> float | None:
        """When, by `elapsed`, the next sleeper wakes."""
        return min((sleeper.ends_s for sleeper in self._sleepers.values() if not sleeper.wake.done()), default=None)

    def put_ahead(self, ahead_s: float) -> None:
        """Be `ahead_s` ahead from now on, waking whoever is due. Less than before is overlooked."""
        self.ahead_s = max(self.ahead_s, ahead_s)
        now_s = self.elapsed()
        loop = asyncio.get_running_loop()
        for sleeper in sorted(self._sleepers.values(), key=lambda one: one.ends_s):
            sleeper.timer.cancel()
            left_s = sleeper.ends_s - now_s
            if left_s <= 0:
                _end(sleeper.wake)
            else:
                sleeper.timer = loop.call_later(left_s, _end, sleeper.wake)


async def travel(clock: VirtualClock, seconds: float, settled: Callable[[], Awaitable[None]]) -> None:
    """Move `clock` on by `seconds`, stopping at every moment that somebody waits for until `settled`.

    So a notice whose turn comes six times on the way is sent six times, each at its own moment.
    """
    if not 0 <= seconds <= JOURNEY_S_MAX:
        raise VendomatError(ErrorCode.INVALID_VALUE, "the clock moves ahead by 0 to 400 days at a time, never back")
    goal_s = clock.ahead_s + seconds
    await _let_run()
    await settled()
    while (next_s := clock.next_wake_s) is not None:
        stop_s = clock.ahead_s + max(next_s - clock.elapsed(), 0.0)
        if stop_s > goal_s:
            break
        clock.put_ahead(stop_s)
        await _let_run()
        await settled()
    clock.put_ahead(goal_s)
    await _let_run()
    await settled()


def true_clock_of(clock: Clock) -> Clock:
    """The clock that nobody moves: the one that merchants share."""
    return clock.true if isinstance(clock, VirtualClock) else clock


async def _let_run() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


def _end(wake: asyncio.Future[None]) -> None:
    if not wake.done():
        wake.set_result(None)
