"""The stream of snapshots: a revision that only rises, and followers who each see the newest one, never a backlog."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

REVISIONS_PER_EPOCH = 1_000_000


class Stream:
    """`epoch` keeps revisions rising over restarts of the program."""

    def __init__(self, epoch: int) -> None:
        self.revision = epoch * REVISIONS_PER_EPOCH
        self._followers: set[asyncio.Event] = set()
        self._is_closed = False

    def changed(self) -> None:
        """There is something new to show."""
        self.revision += 1
        for follower in self._followers:
            follower.set()

    def close(self) -> None:
        """Let every follower go."""
        self._is_closed = True
        self.changed()

    async def follow(self, *, beat_s: float) -> AsyncIterator[bool]:
        """True at once and after each change, False after `beat_s` without one; ends when closed."""
        news = asyncio.Event()
        self._followers.add(news)
        try:
            yield True
            while not self._is_closed:
                try:
                    async with asyncio.timeout(beat_s):
                        await news.wait()
                except TimeoutError:
                    yield False
                    continue
                news.clear()
                if not self._is_closed:
                    yield True
        finally:
            self._followers.discard(news)
