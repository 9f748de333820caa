"""Whether the payment platforms can be reached: a channel whose platform does not answer is not offered.

What calls say is counted for each account; some in a row without a definite answer, over some seconds, and the channel
leaves the catalogues of the merchant's machines. From then on the platform is asked for a number that cannot exist,
until it answers. Decides nothing about payments: those under way are looked up as before, and whoever holds a code that
was issued may pay it.
"""

from __future__ import annotations

import asyncpg
import structlog

from vendomat.cloud.catalog import bump_merchant_catalogues
from vendomat.cloud.merchants import begin_outage, claim_probes, end_outage
from vendomat.cloud.payments import ProviderBook, TradeState
from vendomat.cloud.platform.database import QUERY_FAILURES, Database
from vendomat.cloud.platform.outbox import OutboxEvent, append_events
from vendomat.kernel import Clock, VendomatError, derive_id

log = structlog.get_logger(__name__)

IN_VAIN_MAX = 5
IN_VAIN_S = 10.0
"""A channel is away after so many calls in a row without a definite answer, the first of them so long ago."""

PROBE_EVERY_S = 15.0
LOOK_EVERY_S = 5.0


class Reach:
    """One per worker. `note` is told of each call; `run` asks after those who are away."""

    def __init__(self, database: Database, book: ProviderBook, clock: Clock) -> None:
        self._database = database
        self._book = book
        self._clock = clock
        self._in_vain: dict[tuple[str, str], tuple[int, float]] = {}

    async def note(self, merchant_id: str, channel: str, *, is_answered: bool) -> None:
        """A call to the platform ended, with a definite answer or without one."""
        key = (merchant_id, channel)
        if is_answered:
            self._in_vain.pop(key, None)
            return
        now_s = self._clock.elapsed()
        count, since_s = self._in_vain.get(key, (0, now_s))
        self._in_vain[key] = (count + 1, since_s)
        if count + 1 >= IN_VAIN_MAX and now_s - since_s >= IN_VAIN_S:
            del self._in_vain[key]
            await self._turn(key, is_away=True)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            try:
                await self.probe()
            except QUERY_FAILURES as error:
                log.warning("channels that are away could not be looked at; trying again", error=repr(error))

    async def probe(self) -> int:
        """Ask after each channel that is away and that no worker asked after of late; how many."""

        async def claim(connection: asyncpg.Connection) -> list[tuple[str, str]]:
            return await claim_probes(connection, self._clock.now(), every_s=PROBE_EVERY_S)

        claimed = await self._database.write(claim)
        for key in claimed:
            if await self._answers(key):
                await self._turn(key, is_away=False)
        return len(claimed)

    async def _answers(self, key: tuple[str, str]) -> bool:
        try:
            provider = await self._book.get(*key)
        except VendomatError:
            return False
        trade = await provider.look_up(derive_id("pay", "nobody", *key))
        return trade.state is not TradeState.UNKNOWN

    async def _turn(self, key: tuple[str, str], *, is_away: bool) -> None:
        """Tell the merchant's machines, once, whichever worker finds it."""
        merchant_id, channel = key
        now = self._clock.now()

        async def write(connection: asyncpg.Connection) -> bool:
            is_news = await (begin_outage(connection, key, now) if is_away else end_outage(connection, key))
            if is_news:
                await bump_merchant_catalogues(connection, merchant_id)
                kind = "channel.away" if is_away else "channel.back"
                await append_events(connection, [OutboxEvent(merchant_id, kind, channel, {"channel": channel}, now)])
            return is_news

        if await self._database.write(write):
            log.warning("channel.away" if is_away else "channel.back", merchant=merchant_id, channel=channel)
