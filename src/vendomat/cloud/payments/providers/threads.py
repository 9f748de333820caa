"""Threads for blocking platform clients: signing and waiting happen here, never on the event loop.

Bounded twice: at most `size` calls run and at most `waiting_max` wait. One more is turned away unasked, so that a
platform that hangs costs memory for a known number of calls and no more.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from vendomat.cloud.payments.providers.doubt import NotKnownError

Answer = TypeVar("Answer")


class CallThreads:
    """Runs blocking calls for one provider, or for many when shared."""

    def __init__(self, size: int, *, waiting_max: int = 256) -> None:
        self.size = size
        self._places = threading.BoundedSemaphore(size + waiting_max)
        self._executor = ThreadPoolExecutor(max_workers=size, thread_name_prefix="payments")

    async def call(self, work: Callable[[], Answer]) -> Answer:
        """The result of `work()` run in a thread. Raises what it raises, or `NotKnownError` when all places are taken.

        A cancelled caller takes back a call that has not begun; one that runs goes on to its end, unheard.
        """
        if not self._places.acquire(blocking=False):
            raise NotKnownError("too many calls wait for the platform; this one was not sent")
        try:
            future = self._executor.submit(work)
        except RuntimeError as closed:
            self._places.release()
            raise NotKnownError("the provider is closed; the call was not sent") from closed
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    async def aclose(self) -> None:
        """Wait for the running calls, then end the threads."""
        await asyncio.to_thread(self._executor.shutdown, wait=True)

    def _leave(self, _: Future[Answer]) -> None:
        self._places.release()
