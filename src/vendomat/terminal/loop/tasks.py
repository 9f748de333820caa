"""Work in the background that must not die unseen: what fails is logged and told, what is left can be awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from vendomat.kernel import Clock

_Result = TypeVar("_Result")


async def within(clock: Clock, seconds: float, work: Awaitable[_Result]) -> _Result | None:
    """What `work` gives within `seconds` of `clock`; None when it does not end: it is cancelled then, and left alone.

    Raises what `work` raises. Does not wait for a cancelled work that will not die.
    """
    working = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        waiting.cancel()
        if not working.done():
            working.cancel()


class Tasks:
    """`failed` is called once for each task that ended with an error."""

    def __init__(self, log: structlog.stdlib.BoundLogger, failed: Callable[[], None] = lambda: None) -> None:
        self._log = log
        self._failed = failed
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str | None = None) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def is_running(self, name: str) -> bool:
        return any(task.get_name() == name for task in self._running)

    async def join(self) -> None:
        """Until nothing runs any more, including what was started meanwhile."""
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)

    async def cancel(self) -> None:
        """End everything now."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("part_failed", error=repr(error), exc_info=error)
            self._failed()
