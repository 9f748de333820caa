"""Lanes: attempts under way at payment platforms, a few at once for each account.

A platform that hangs fills its own lane and nobody else's; the rounds of looking go on meanwhile. Refuses to begin what
is under way already, and to gather more waiting attempts for one lane than memory has room for: the row stays due.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable

WAITING_MAX = 1_000


class Lanes:
    """One per worker. `at_once` attempts run in each lane."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._places: dict[Hashable, asyncio.Semaphore] = {}
        self._waiting: dict[Hashable, int] = {}
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}

    def begin(
        self, lane: Hashable, name: Hashable, attempt: Callable[[], Awaitable[None]]
    ) -> asyncio.Task[None] | None:
        """Start `attempt` when `lane` has room; None when `name` is under way or too many wait."""
        if name in self._tasks or self._waiting.get(lane, 0) >= WAITING_MAX:
            return None
        self._waiting[lane] = self._waiting.get(lane, 0) + 1
        task = asyncio.create_task(self._run(lane, attempt))
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._leave(lane, name))
        return task

    async def aclose(self) -> None:
        pending = list(self._tasks.values())
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    async def _run(self, lane: Hashable, attempt: Callable[[], Awaitable[None]]) -> None:
        async with self._places.setdefault(lane, asyncio.Semaphore(self._at_once)):
            await attempt()

    def _leave(self, lane: Hashable, name: Hashable) -> None:
        del self._tasks[name]
        self._waiting[lane] -= 1
        if not self._waiting[lane]:
            del self._waiting[lane]
            self._places.pop(lane, None)
