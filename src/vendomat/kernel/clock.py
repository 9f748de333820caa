"""Time as a dependency: a wall clock for records, an elapsed clock for decisions.

No safety decision reads the wall clock (it may jump); leases and deadlines on a machine use `elapsed`.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What every loop is given instead of `time` and `datetime`."""

    def now(self) -> datetime:
        """Aware UTC, for records and for people."""
        ...

    def elapsed(self) -> float:
        """Seconds since some fixed point of this boot, counting suspend; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of this clock."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


OFF_MAX = timedelta(minutes=5)


class LiftedClock:
    """The clock of a machine that may come up in 1970: never before the last time known, and the cloud's once heard.

    Both run on with the elapsed clock, so that a step of the system's clock moves nothing. Refuses to be sure by
    itself: until `hear`, the time is only a lower bound.
    """

    def __init__(self, base: Clock, floor: datetime | None = None) -> None:
        self._base = base
        self._began_s = base.elapsed()
        self._floor = floor
        self._heard: datetime | None = None

    def now(self) -> datetime:
        running = timedelta(seconds=self._base.elapsed() - self._began_s)
        if self._heard is not None:
            return self._heard + running
        now = self._base.now()
        return now if self._floor is None else max(now, self._floor + running)

    def elapsed(self) -> float:
        return self._base.elapsed()

    async def sleep(self, seconds: float) -> None:
        await self._base.sleep(seconds)

    def hear(self, at: datetime, took_s: float) -> None:
        """The cloud, over a wire that proved to be the cloud's, said that it was `at`, and was heard within `took_s`.

        So it is at most `took_s` later now. A clock within these bounds stays as it is, because an answer may have
        been on its way for seconds; any other is set to their middle (Cristian's algorithm).
        """
        now = self.now()
        if not at <= now <= at + timedelta(seconds=took_s):
            now = at + timedelta(seconds=took_s / 2)
        self._heard = now - timedelta(seconds=self._base.elapsed() - self._began_s)

    def is_off(self, at: datetime) -> bool:
        """Whether `at` is so far from this clock's time that it had better be heard."""
        return abs(at - self.now()) > OFF_MAX

    @property
    def is_lifted(self) -> bool:
        """Whether the system's clock is so far behind that what checks dates by it would fail."""
        return self.now() - self._base.now() > OFF_MAX


class SteadyClock:
    """Wall time that no step of the machine's clock moves: read once, then carried on by elapsed time.

    For a process that compares moments it wrote down itself. One that was started on a wrong clock keeps its error
    until it is started again; what others check against true time (signatures, certificates) takes the wall clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started_at = clock.now()
        self._started_s = clock.elapsed()

    def now(self) -> datetime:
        return self._started_at + timedelta(seconds=self._clock.elapsed() - self._started_s)

    def elapsed(self) -> float:
        return self._clock.elapsed()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


class ManualClock:
    """A clock that stands still until told; sleepers wake in order of their deadlines."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed_s = 0.0
        self._stepped_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed_s + self._stepped_s)

    def elapsed(self) -> float:
        return self._elapsed_s

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back; no time passes."""
        self._stepped_s += seconds

    async def sleep(self, seconds: float) -> None:
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed_s + max(seconds, 0.0), next(self._order), wake))
        await wake

    async def advance(self, seconds: float) -> None:
        """Move on by `seconds`, waking each sleeper at its own moment and letting it run."""
        target = self._elapsed_s + seconds
        while self._sleepers and self._sleepers[0][0] <= target:
            self._elapsed_s, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)
            for _ in range(20):
                await asyncio.sleep(0)
        self._elapsed_s = target
        for _ in range(20):
            await asyncio.sleep(0)
