"""Rounds over claims: those left lying and machines with many are alarms; what came to nothing waits again.

Raised and cleared by looking at rows. A machine with several claims in a day may have a sensor that sees drops which
are none. Decides nothing about money.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import asyncpg
import structlog

from vendomat.cloud.alarms import AlarmRow, Severity, clear_alarms, find_open_alarms, raise_alarms
from vendomat.cloud.claims import store
from vendomat.cloud.claims.claim_desk import move_claim
from vendomat.cloud.claims.model import CLAIM_WITHIN, OLD_AFTER, FellThrough
from vendomat.cloud.platform.database import QUERY_FAILURES, Database
from vendomat.cloud.platform.locks import Lock, takes
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.kernel import Clock, Ids

ROUND_S = 30.0
DAY = timedelta(hours=24)
CLAIM_OLD, CLAIMS_MANY = "claim_old", "claims_many"

_log = structlog.get_logger(__name__)


class ClaimRounds:
    """One per worker; only one of them looks at a time."""

    def __init__(self, database: Database, *, settings: CloudSettings, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._ids = ids

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep(ROUND_S)
            try:
                await self.look()
            except QUERY_FAILURES as error:
                _log.warning("claims could not be looked at; trying again", error=repr(error))

    async def look(self) -> None:
        """One round."""
        await self._database.write(self._look)

    async def _look(self, connection: asyncpg.Connection) -> None:
        if not await takes(connection, Lock.CLAIMS):
            return
        now = self._clock.now()
        for merchant_id, order_id in await store.fallen_through(connection, now - CLAIM_WITHIN):
            await move_claim(connection, merchant_id=merchant_id, order_id=order_id, event=FellThrough(now))
        old = await store.old_claims(connection, now - OLD_AFTER)
        at_least = self._settings.claims_per_machine_day
        many = await store.many_claims(connection, CLAIMS_MANY, now - DAY, at_least) if at_least else []
        await self._put(connection, CLAIM_OLD, old, lambda count: f"{count} claims wait for longer than a day")
        await self._put(connection, CLAIMS_MANY, many, lambda count: f"{count} claims within a day")

    async def _put(
        self, connection: asyncpg.Connection, kind: str, wrong: list[store.Wrong], said: Callable[[int], str]
    ) -> None:
        """Raise what is new of `kind`, and clear what is over."""
        now = self._clock.now()
        standing = await find_open_alarms(connection, [kind])
        known = {(alarm.merchant_id, alarm.machine_id) for alarm in standing}
        rows = [
            AlarmRow(w.merchant_id, w.machine_id, kind, Severity.WARNING, now, "", w.order_id, said(w.count))
            for w in wrong
            if (w.merchant_id, w.machine_id) not in known
        ]
        await raise_alarms(connection, rows, ids=self._ids)
        lasting = {(w.merchant_id, w.machine_id) for w in wrong}
        gone = [alarm for alarm in standing if (alarm.merchant_id, alarm.machine_id) not in lasting]
        await clear_alarms(connection, gone, at=now)
