"""Wake-ups on an injected clock: call this at that moment. Forgets everything when closed; the books remember."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from vendomat.kernel import Clock


class Alarms:
    """One task per wake-up; an action that raises is reported by the event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def set(self, moment: datetime, action: Callable[[], None]) -> None:
        task = asyncio.create_task(self._wait(moment, action), name="alarm")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wait(self, moment: datetime, action: Callable[[], None]) -> None:
        wait_s = (moment - self._clock.now()).total_seconds()
        if wait_s > 0:
            await self._clock.sleep(wait_s)
        action()
