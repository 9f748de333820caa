"""What happens later: sweeps over the rows that are due.

The row is the truth (state, next try, tries); a sweep finds it, whoever wrote it and whatever died since. An exception
ends one attempt, never the row: its next try is already set when the attempt begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
import structlog

from vendomat.cloud.orders import Closing
from vendomat.cloud.orders import store as order_rows
from vendomat.cloud.payments import store as payment_rows
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.dispatcher import Dispatcher
from vendomat.cloud.sales.model import CloseAsked
from vendomat.cloud.sales.till import Till
from vendomat.cloud.sales.use_cases import Applied, EventFor
from vendomat.cloud.sales.writer import Writer
from vendomat.kernel import Clock

log = structlog.get_logger(__name__)

AT_ONCE = 200
SECONDS_PER_CALL_MAX = 30.0


class Sweeps:
    """Four sweeps: orders whose time is over, payments to look up or close, refunds to ask, commands to attend."""

    def __init__(
        self,
        *,
        database: Database,
        writer: Writer,
        till: Till,
        dispatcher: Dispatcher,
        settings: CloudSettings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._writer = writer
        self._till = till
        self._dispatcher = dispatcher
        self._settings = settings
        self._clock = clock
        self._wakes: list[asyncio.Event] = []

    def follow(self, applied: Applied) -> None:
        """A commit may have made something due at once: a close, a refund."""
        purchase = applied.purchase
        if purchase is not None and (purchase.refunds or any(p.close_wanted for p in purchase.payments)):
            self.wake()

    def wake(self) -> None:
        for wake in self._wakes:
            wake.set()

    async def run(self) -> None:
        """Sweep until cancelled."""
        await asyncio.gather(
            self._repeat("orders", self.expire_orders),
            self._repeat("payments", self.look_up_payments),
            self._repeat("refunds", self.ask_refunds),
            self._repeat("commands", self._dispatcher.sweep),
        )

    async def expire_orders(self) -> int:
        """Begin to close the orders whose time is over; how many."""
        async with self._database.hot.acquire() as connection:
            keys = await order_rows.find_expired(connection, self._clock.now(), AT_ONCE)
        asked = CloseAsked(Closing.EXPIRING, self._clock.now())
        await asyncio.gather(*(self._writer.apply(EventFor(key, asked)) for key in keys))
        return len(keys)

    async def look_up_payments(self) -> int:
        """Ask the platforms about the payments that are due; how many."""
        async with self._database.hot.acquire() as connection, connection.transaction():
            rows = await payment_rows.claim_due_payments(
                connection, self._clock.now(), poll_s=self._settings.payment_poll_s, limit=AT_ONCE
            )
        await self._each(rows, self._till.look_up)
        return len(rows)

    async def ask_refunds(self) -> int:
        """Ask for the refunds that are due, or what became of them; how many."""
        async with self._database.hot.acquire() as connection, connection.transaction():
            rows = await payment_rows.claim_due_refunds(connection, self._clock.now(), limit=AT_ONCE)
        await self._each(rows, self._till.refund)
        return len(rows)

    async def ask_refund(self, refund_id: str) -> None:
        """The job's way in: this refund, now, if nobody else has it."""
        async with self._database.hot.acquire() as connection, connection.transaction():
            rows = await payment_rows.claim_due_refunds(connection, self._clock.now(), limit=1, refund_id=refund_id)
        await self._each(rows, self._till.refund)

    async def _each(self, rows: Sequence[asyncpg.Record], attempt: Callable[[asyncpg.Record], Awaitable[None]]) -> None:
        async def guarded(row: asyncpg.Record) -> None:
            try:
                async with asyncio.timeout(SECONDS_PER_CALL_MAX):
                    await attempt(row)
            except Exception:
                log.exception("sweep.attempt_failed", order=row["order_id"])

        await asyncio.gather(*(guarded(row) for row in rows))

    async def _repeat(self, name: str, sweep: Callable[[], Awaitable[int]]) -> None:
        wake = asyncio.Event()
        self._wakes.append(wake)
        while True:
            wake.clear()
            try:
                found = await sweep()
            except Exception:
                log.exception("sweep.failed", sweep=name)
                await self._clock.sleep(1.0)
                continue
            if found < AT_ONCE:
                await self._pause(wake)

    async def _pause(self, wake: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self._settings.sweep_pause_s):
                await wake.wait()
        except TimeoutError:
            pass
