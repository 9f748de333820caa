"""Virtual time: an event loop that never waits, and the clocks that nodes of a world are given.

When nothing is ready the loop moves to its next timer at once; production code's sleeps and time-outs then run on
virtual time by themselves. Refuses to wait for anything outside (threads, sockets): a world that has nothing ready
and no timer stands still, which is an error and not a pause.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
"""Every world begins at this moment."""

BOOTED_S = 1_000.0
"""What a machine's elapsed clock says when its world begins: no zero that a mistake could hide behind."""


class StandstillError(RuntimeError):
    """Nothing is ready and nothing will be: some node waits for something that no world contains."""


class _Leaping(selectors.BaseSelector):
    """A selector that does not wait: the time it was asked to wait has simply passed."""

    def __init__(self) -> None:
        self._inner = selectors.DefaultSelector()
        self.now_s = 0.0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise StandstillError("nothing is ready and no timer is set")
        if timeout > 0:
            self.now_s += timeout
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` is virtual, in seconds since the world began."""

    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.now_s


class WorldClock:
    """A node's clocks. `wall_offset_s` is how wrong its wall clock is; the elapsed clock never jumps."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.wall_offset_s = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.time() + self.wall_offset_s)

    def elapsed(self) -> float:
        return BOOTED_S + self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
