"""The journal behind one thread: an fsync takes 5 to 50 ms on an SD card, and the loop must answer meanwhile.

Calls run in the order in which they were made. A caller that is cancelled does not take its write back: what was
handed over is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from vendomat.terminal.journal.store import Journal

_Result = TypeVar("_Result")


class JournalPort(Protocol):
    """An opened journal as the loop uses it."""

    @property
    def epoch(self) -> int: ...

    @property
    def damage(self) -> str:
        """What was wrong with the journal that this run found and put aside; empty when all was well."""
        ...

    @property
    def starts(self) -> int:
        """Starts since the last that was quiet, this one included."""
        ...

    async def run(self, call: Callable[[Journal], _Result]) -> _Result:
        """Run `call` after all that was asked before. Raises what it raises."""
        ...

    async def close(self) -> None: ...


class JournalInline:
    """The journal without a thread: for simulated worlds on a virtual clock, where every step must be repeatable."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.epoch = journal.epoch
        self.damage = journal.damage
        self.starts = journal.starts

    async def run(self, call: Callable[[Journal], _Result]) -> _Result:
        return call(self._journal)

    async def close(self) -> None:
        self._journal.close()


class JournalThread:
    """`await thread.run(lambda journal: journal.append(...))`."""

    def __init__(self, opener: Callable[[], Journal]) -> None:
        """`opener` is called on the thread, because a connection stays with the thread that made it."""
        self._opener = opener
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._journal: Journal | None = None

    async def open(self) -> None:
        """Raises `JournalError`."""
        self._journal = await asyncio.get_running_loop().run_in_executor(self._executor, self._opener)

    @property
    def epoch(self) -> int:
        return self._opened.epoch

    @property
    def damage(self) -> str:
        """What was wrong with the journal that this run found and put aside; empty when all was well."""
        return self._opened.damage

    @property
    def starts(self) -> int:
        """Starts since the last that was quiet, this one included."""
        return self._opened.starts

    @property
    def _opened(self) -> Journal:
        assert self._journal is not None, "the journal is not open"
        return self._journal

    async def run(self, call: Callable[[Journal], _Result]) -> _Result:
        """Run `call` on the journal's thread, after all that was asked before."""
        journal = self._opened
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._executor, call, journal))

    async def close(self) -> None:
        """Finish what was handed over, then close."""
        if self._journal is not None:
            await self.run(Journal.close)
            self._journal = None
        self._executor.shutdown(wait=True)
