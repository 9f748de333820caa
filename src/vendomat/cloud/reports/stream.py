"""Live events of a merchant from the outbox: one reader per merchant and worker, shared by its open pages.

Read in the order of (transaction, event), and only once every older transaction has ended, so a page that remembers
where it was misses none and sees none twice. A page too slow to take its events is cut off and comes back with its
place. Sends nothing that the merchant's own rows do not hold.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime

import msgspec
import sqlalchemy as sa
import structlog

from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, VendomatError

POLL_S = 0.5
POLL_AFTER_ERROR_S = 5.0
EVENTS_READ_MAX = 500
EVENTS_WAITING_MAX = 2_000
PAGES_MAX = 50

_log = structlog.get_logger("stream")
_PLACE = re.compile(r"(\d{1,19})-(\d{1,18})", re.ASCII)
_NOW = sa.text("SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS numeric) - 1")
_READ = sa.text(
    "SELECT CAST(xact AS text) AS xact, event_id, kind, subject, CAST(data AS text) AS data, at FROM outbox "
    "WHERE merchant_id = :merchant_id AND xact < pg_snapshot_xmin(pg_current_snapshot()) "
    "AND (xact, event_id) > (CAST(CAST(:xact AS text) AS xid8), CAST(:event_id AS bigint)) "
    "ORDER BY xact, event_id LIMIT :limit"
)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a reader is: the event it saw last."""

    xact: int
    event_id: int

    def __str__(self) -> str:
        return f"{self.xact}-{self.event_id}"

    @classmethod
    def from_text(cls, text: str) -> Place:
        """Raises `VendomatError(invalid_value)` for anything that is not a place of ours."""
        match = _PLACE.fullmatch(text)
        if match is None or int(match[1]) >= 2**63:
            raise VendomatError(ErrorCode.INVALID_VALUE, "Last-Event-ID is not one we gave")
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True)
class StreamedEvent:
    """`kind` is the public event name."""

    place: Place
    kind: str
    subject: str
    data: str
    at: datetime

    def to_json(self) -> str:
        """`{type, timestamp, subject, data}`, the body of a webhook too."""
        return msgspec.json.encode(
            {"type": self.kind, "timestamp": self.at, "subject": self.subject, "data": msgspec.Raw(self.data.encode())}
        ).decode()


class _Feed:
    """The reader of one merchant. Lives while a page listens."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.pages: set[asyncio.Queue[StreamedEvent | None]] = set()
        self.reader: asyncio.Task[None] | None = None

    def give(self, event: StreamedEvent) -> None:
        for page in list(self.pages):
            if page.qsize() >= EVENTS_WAITING_MAX:
                self.pages.discard(page)
                page.get_nowait()
                page.put_nowait(None)  # cut off: it comes back with its place
            else:
                page.put_nowait(event)
        self.place = event.place


class EventFeeds:
    """All feeds of this worker."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._feeds: dict[str, _Feed] = {}
        self._opening = asyncio.Lock()
        self._is_closed = False

    async def follow(self, merchant_id: str, last: Place | None) -> AsyncGenerator[StreamedEvent, None]:
        """Events after `last` (or from now on), until the caller leaves or the feeds are closed.

        Raises `VendomatError(rate_limited)`.
        """
        page: asyncio.Queue[StreamedEvent | None] = asyncio.Queue()
        async with self._opening:
            feed = self._feeds.get(merchant_id)
            if feed is None:
                newest = await self._newest(merchant_id)
                if self._is_closed:
                    return
                feed = self._feeds[merchant_id] = _Feed(newest)
                feed.reader = asyncio.create_task(self._read_on(merchant_id, feed))
            if len(feed.pages) >= PAGES_MAX:
                raise VendomatError(ErrorCode.RATE_LIMITED, "too many pages are open", retry_after_s=30)
            feed.pages.add(page)
            upto = feed.place
        try:
            if last is not None:
                async for event in self._missed(merchant_id, last, upto):
                    yield event
            while (event_or_end := await page.get()) is not None:
                yield event_or_end
        finally:
            feed.pages.discard(page)
            if not feed.pages and self._feeds.get(merchant_id) is feed:
                del self._feeds[merchant_id]
                if feed.reader is not None:
                    feed.reader.cancel()

    async def aclose(self) -> None:
        """End all feeds and their pages; none opens any more."""
        self._is_closed = True
        for feed in list(self._feeds.values()):
            for page in feed.pages:
                page.put_nowait(None)
            if feed.reader is not None:
                feed.reader.cancel()
                await asyncio.gather(feed.reader, return_exceptions=True)  # however it ended, the rest is closed too
        self._feeds.clear()

    async def _newest(self, merchant_id: str) -> Place:
        async with self._database.merchant(merchant_id) as connection:
            return Place(int((await connection.execute(_NOW)).scalar_one()), 2**62)

    async def _missed(self, merchant_id: str, last: Place, upto: Place) -> AsyncGenerator[StreamedEvent, None]:
        while last < upto:
            events = await self._read(merchant_id, last)
            for event in events:
                if event.place > upto:
                    return
                yield event
                last = event.place
            if len(events) < EVENTS_READ_MAX:
                return

    async def _read_on(self, merchant_id: str, feed: _Feed) -> None:
        while True:
            try:
                events = await self._read(merchant_id, feed.place)
            except (sa.exc.SQLAlchemyError, OSError) as error:
                _log.warning("events could not be read; trying again", error=str(error))
                await self._clock.sleep(POLL_AFTER_ERROR_S)
                continue
            for event in events:
                feed.give(event)
            if len(events) < EVENTS_READ_MAX:
                await self._clock.sleep(POLL_S)

    async def _read(self, merchant_id: str, after: Place) -> list[StreamedEvent]:
        values = {
            "merchant_id": merchant_id,
            "xact": str(after.xact),
            "event_id": after.event_id,
            "limit": EVENTS_READ_MAX,
        }
        async with self._database.merchant(merchant_id) as connection:
            rows = (await connection.execute(_READ, values)).mappings().all()
        return [
            StreamedEvent(Place(int(row["xact"]), row["event_id"]), row["kind"], row["subject"], row["data"], row["at"])
            for row in rows
        ]
