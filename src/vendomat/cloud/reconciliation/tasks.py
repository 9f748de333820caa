"""The nightly job: rows for the days that have passed, and every day that is due.

The job only wakes it: when a day is due stands in its row (10:15 in China for the first time), so a worker that was
away at that hour loses nothing, and a bill that was not there is asked for again.
"""

from __future__ import annotations

import structlog

from vendomat.cloud.merchants import PaymentAccounts
from vendomat.cloud.platform.database import Database
from vendomat.cloud.reconciliation import store
from vendomat.cloud.reconciliation.model import last_due_day
from vendomat.cloud.reconciliation.service import Reconciler
from vendomat.kernel import Clock, VendomatError

log = structlog.get_logger(__name__)

SCHEDULE = "*/5 * * * *"
_DAYS_PER_RUN_MAX = 1_000


class ReconciliationJob:
    def __init__(self, database: Database, accounts: PaymentAccounts, reconciler: Reconciler, clock: Clock) -> None:
        self._database = database
        self._accounts = accounts
        self._reconciler = reconciler
        self._clock = clock

    async def run(self) -> None:
        """Everything that is due. What fails stays due, and fails alone."""
        await self._add_days()
        for _ in range(_DAYS_PER_RUN_MAX):
            async with self._database.hot.acquire() as connection, connection.transaction():
                place = await store.claim_due_day(connection, self._clock.now())
            if place is None:
                return
            try:
                await self._reconciler.run_day(place)
            except Exception:
                log.exception("reconciliation.failed", day=place.name)

    async def _add_days(self) -> None:
        last = last_due_day(self._clock.now())
        for account in await self._accounts.all_in_use():
            try:
                source = await self._reconciler.source_of(account.merchant_id, account.channel)
            except VendomatError as error:
                log.warning("reconciliation.no_account", account=repr(account), error=error.message)
                continue
            if source is None:
                continue
            async with self._database.hot.acquire() as connection, connection.transaction():
                await store.add_days(connection, (account.merchant_id, account.channel, account.account), last)
