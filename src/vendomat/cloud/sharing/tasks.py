"""What sharing wants next, from its rows and the time: a receiver told of, a statement planned, a share asked for.

The row is the truth; a sweep finds it, whoever wrote it and whatever died since. An attempt first looks its number up,
unless it is the very first: what was asked once is never asked under another number. Nobody waits at a machine for any
of it, so a round may wait for a platform that hangs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import asyncpg
import structlog

from vendomat.cloud.payments import ProfitSharing, Receiver, ReceiverKind
from vendomat.cloud.platform.database import Database
from vendomat.cloud.sharing import store
from vendomat.cloud.sharing.model import Duty, Share, ShareSaid, ShareStage, Word
from vendomat.cloud.sharing.service import SharingDesk
from vendomat.cloud.sharing.wording import (
    WHY_FREED,
    request_of,
    said_of,
    said_of_take_back,
    take_back_request_of,
)
from vendomat.cloud.sharing.writing import Asked, apply_event, raise_alarm, write_plan
from vendomat.cloud.sites import find_site
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError

log = structlog.get_logger(__name__)

AT_ONCE = 20
PAUSE_S = 5.0
SECONDS_PER_CALL_MAX = 30.0
TIME_OVER = timedelta(hours=1)
"""So long after the platform's last moment for a number it cannot be done any more, whatever is still on its way."""


class SharingSweeps:
    """One per worker."""

    def __init__(self, database: Database, desk: SharingDesk, *, clock: Clock, ids: Ids) -> None:
        self._database = database
        self.desk = desk
        self._clock = clock
        self._ids = ids

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            try:
                found = await self.sweep()
            except Exception:
                log.exception("sweep.failed", sweep="sharing")
                found = 0
            if found < AT_ONCE:
                await self._clock.sleep(PAUSE_S)

    async def sweep(self) -> int:
        """Attend to what is due, and wait for it; how many."""
        told, planned = await self._tell_receivers(), await self._plan()
        async with self._database.hot.acquire() as connection, connection.transaction():
            rows = await store.claim_due_shares(connection, self._clock.now(), AT_ONCE)
        await asyncio.gather(*(self._guarded(row["share_id"], self._attend, row) for row in rows))
        return told + planned + len(rows)

    async def _guarded(
        self, name: str, attempt: Callable[[asyncpg.Record], Awaitable[None]], row: asyncpg.Record
    ) -> None:
        try:
            async with asyncio.timeout(SECONDS_PER_CALL_MAX):
                await attempt(row)
        except Exception:
            log.exception("sharing.attempt_failed", name=name)  # the row is still due

    # --- receivers ---------------------------------------------------------------------------------------------------

    async def _tell_receivers(self) -> int:
        async with self._database.hot.acquire() as connection, connection.transaction():
            rows = await store.claim_due_agreements(connection, self._clock.now(), AT_ONCE)
        await asyncio.gather(*(self._guarded(row["site_id"], self._tell_receiver, row) for row in rows))
        return len(rows)

    async def _tell_receiver(self, row: asyncpg.Record) -> None:
        sharing = await self.desk.sharing_at(row["merchant_id"], row["channel"], row["account"])
        receiver = Receiver(ReceiverKind(row["kind"]), row["receiver"], row["name"])
        error = (await sharing.add_receiver(receiver))[:200]

        async def write(connection: asyncpg.Connection) -> None:
            is_news = await store.answer_agreement(connection, row, error)
            if is_news and error:
                detail = f"{row['site_id']}: the platform does not take this receiver: {error}"
                await raise_alarm(connection, row["merchant_id"], detail, at=self._clock.now(), ids=self._ids)

        await self._database.write(write)

    # --- plans -------------------------------------------------------------------------------------------------------

    async def _plan(self) -> int:
        async with self._database.hot.acquire() as connection:
            found = await store.find_unplanned(connection, AT_ONCE)
        for stated in found:
            may_share = await self._may_share(stated)
            await self._database.write(partial(self._plan_one, stated=stated, may_share=may_share))
        return len(found)

    async def _may_share(self, stated: store.Stated) -> bool:
        """Whether the account can share now: what nobody could ask for is planned as missing, to be paid by hand."""
        async with self._database.hot.acquire() as connection:
            one = await store.find_agreement(connection, stated.merchant_id, stated.site_id)
        if one is None:
            return False
        try:
            await self.desk.sharing_at(one.merchant_id, one.channel, one.account)
        except VendomatError as error:
            if error.code is not ErrorCode.METHOD_UNAVAILABLE:
                raise
            return False
        return True

    async def _plan_one(self, connection: asyncpg.Connection, stated: store.Stated, *, may_share: bool) -> None:
        """Under the site's lock it is seen whether another worker was faster."""
        await find_site(connection, stated.merchant_id, stated.site_id, is_locking=True)
        found = await store.find_stated(connection, stated.merchant_id, stated.site_id, stated.position)
        one = await store.find_agreement(connection, stated.merchant_id, stated.site_id)
        if found is None or found[1] or one is None or not (one.is_sharing and one.is_added):
            return
        asked = Asked(self._clock.now(), may_share=may_share)
        await write_plan(connection, one, stated, 1, asked=asked, ids=self._ids)

    # --- shares ------------------------------------------------------------------------------------------------------

    async def _attend(self, row: asyncpg.Record) -> None:
        share = store.share_of(row)
        sharing = await self.desk.sharing_at(row["merchant_id"], row["channel"], row["account"])
        is_first = share.stage is ShareStage.REQUESTED and row["tries"] <= 1
        now = self._clock.now()
        said = None if is_first else await self._look_up(sharing, share, now)
        if said is None and now > share.may_until + TIME_OVER:
            said = ShareSaid(Word.CLOSED, "its time is over, and the platform has none such", now)
        if said is None:
            said = await self._ask(sharing, share, now)
        if said is not None:
            event = said
            await self._database.write(lambda c: apply_event(c, share.key, event, ids=self._ids))

    async def _look_up(self, sharing: ProfitSharing, share: Share, now: datetime) -> ShareSaid | None:
        if share.duty is Duty.TAKE_BACK:
            return said_of_take_back(await sharing.look_up_take_back(take_back_request_of(share)), now)
        return said_of(share, await sharing.look_up(share.share_id, share.transaction_id), now)

    async def _ask(self, sharing: ProfitSharing, share: Share, now: datetime) -> ShareSaid | None:
        if share.duty is Duty.TAKE_BACK:
            return said_of_take_back(await sharing.take_back(take_back_request_of(share)), now)
        if share.duty is Duty.FREE:
            return said_of(share, await sharing.set_free(share.share_id, share.transaction_id, WHY_FREED), now)
        return said_of(share, await sharing.share(request_of(share)), now)
