"""Group commit: many callers, one set-based transaction, one answer each.

Callers wait for `submit(item)`. A batch leaves when `items_max` are waiting, or `wait_s` after the first one; while one
batch is being written the next one gathers, so the batch grows with the load and a lone caller hardly waits.
A batch that fails as a whole is replayed one by one: a bad item gets its own error and never fails its neighbours. When
the failure is not any item's (the server is away) all get it at once: a hundred time-outs in a row help nobody.
Decides nothing and knows no SQL.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from vendomat.kernel import ErrorCode, VendomatError

Item = TypeVar("Item")
Result = TypeVar("Result")

WAITING_MAX = 20_000


class Batcher(Generic[Item, Result]):
    """`write(items)` does one transaction and returns one result per item; an item's result may be an exception.

    `is_shared(error)`: the whole batch failed for a reason that each of its items would meet alone.
    `told(items, seconds)` hears of each batch that was written.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        items_max: int = 128,
        wait_s: float = 0.002,
        writers: int = 2,
        is_shared: Callable[[Exception], bool] = lambda _: False,
        told: Callable[[int, float], None] | None = None,
    ) -> None:
        self._write = write
        self._is_shared = is_shared
        self._told = told
        self._items_max = items_max
        self._wait_s = wait_s
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._arrived = asyncio.Event()
        self._idle_writers = asyncio.Semaphore(writers)
        self._pump: asyncio.Task[None] | None = None
        self._flushes: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def submit(self, item: Item) -> Result:
        """Wait for the item's own result, committed. Raises what the item met."""
        if self._is_closed or len(self._waiting) >= WAITING_MAX:
            raise VendomatError(ErrorCode.UNAVAILABLE, "too much is waiting to be written; nothing changed, try again")
        if self._pump is None:
            self._pump = asyncio.create_task(self._run())
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        self._arrived.set()
        return await done

    async def aclose(self) -> None:
        """Write what waits, then stop."""
        self._is_closed = True
        while self._waiting or self._flushes:  # noqa: ASYNC110 - at the end of a process, a few turns at most
            await asyncio.sleep(0.001)
        if self._pump is not None:
            self._pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pump

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            await self._idle_writers.acquire()
            if len(self._waiting) < self._items_max and self._flushes:
                await asyncio.sleep(self._wait_s)
            batch, self._waiting = self._waiting[: self._items_max], self._waiting[self._items_max :]
            if not self._waiting:
                self._arrived.clear()
            flush = asyncio.create_task(self._flush(batch))
            self._flushes.add(flush)
            flush.add_done_callback(self._flushed)

    def _flushed(self, flush: asyncio.Task[None]) -> None:
        self._flushes.discard(flush)
        self._idle_writers.release()

    async def _flush(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            results = await self._write([item for item, _ in batch])
            assert len(results) == len(batch), "one result per item"
        except Exception as error:
            if len(batch) == 1 or self._is_shared(error):
                for _, done in batch:
                    _answer(done, error)
                return
            for one in batch:
                await self._flush([one])
            return
        if self._told is not None:
            self._told(len(batch), loop.time() - began)
        for (_, done), result in zip(batch, results, strict=True):
            _answer(done, result)


def _answer(done: asyncio.Future[Result], result: Result | Exception) -> None:
    if done.done():  # the caller went away; the effect stands, as for any lost answer
        return
    if isinstance(result, Exception):
        done.set_exception(result)
    else:
        done.set_result(result)
