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
from vendomat.cloud.payments import PaymentWay
from vendomat.cloud.payments import store as payment_rows
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.settings import THREADS_PER_LANE, CloudSettings
from vendomat.cloud.sales.charges import Charges
from vendomat.cloud.sales.dispatcher import Dispatcher
from vendomat.cloud.sales.lanes import Lanes
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

    def __init__(  # noqa: PLR0913 - named parts, put together in one place
        self,
        *,
        database: Database,
        writer: Writer,
        till: Till,
        charges: Charges,
        dispatcher: Dispatcher,
        settings: CloudSettings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._writer = writer
        self._till = till
        self._charges = charges
        self._dispatcher = dispatcher
        self._settings = settings
        self._clock = clock
        self._began_s = clock.elapsed()
        self._lanes = Lanes(max(1, settings.platform_threads // THREADS_PER_LANE))
        self._wakes: list[asyncio.Event] = []

    def follow(self, applied: Applied) -> None:
        """A commit may have made something due at once: a close, a refund."""
        purchase = applied.purchase
        if purchase is not None and (
            purchase.refunds or any(p.close_wanted or p.capture_minor for p in purchase.payments)
        ):
            self.wake()

    def wake(self) -> None:
        for wake in self._wakes:
            wake.set()

    async def run(self) -> None:
        """Sweep until cancelled. No round waits for a platform."""

        async def look_up() -> int:
            return len(await self._begin_look_ups())

        async def refund() -> int:
            return len(await self._begin_refunds())

        try:
            await asyncio.gather(
                self._repeat("orders", self.expire_orders),
                self._repeat("payments", look_up),
                self._repeat("refunds", refund),
                self._repeat("commands", self._dispatcher.sweep),
            )
        finally:
            await self._lanes.aclose()

    async def expire_orders(self) -> int:
        """Begin to close the orders whose time is over; how many.

        Not before this process has lived as long as a code does: the rows' moments may be of a clock that was set.
        """
        if self._clock.elapsed() - self._began_s < self._settings.qr_s:
            return 0
        async with self._database.hot.acquire() as connection:
            keys = await order_rows.find_expired(connection, self._clock.now(), AT_ONCE)
        asked = CloseAsked(Closing.EXPIRING, self._clock.now())
        await asyncio.gather(*(self._writer.apply(EventFor(key, asked)) for key in keys))
        return len(keys)

    async def look_up_payments(self) -> int:
        """Ask the platforms about the payments that are due; how many. Waits for their answers."""
        return await self._all(await self._begin_look_ups())

    async def ask_refunds(self) -> int:
        """Ask for the refunds that are due, or what became of them; how many. Waits for the answers."""
        return await self._all(await self._begin_refunds())

    async def ask_refund(self, refund_id: str) -> None:
        """The job's way in: this refund, now, if nobody else has it."""
        await self._all(await self._begin_refunds(limit=1, refund_id=refund_id))

    async def _begin_look_ups(self) -> list[asyncio.Task[None] | None]:
        async with self._database.hot.acquire() as connection, connection.transaction():
            rows = await payment_rows.claim_due_payments(
                connection,
                self._clock.now(),
                poll_s=self._settings.payment_poll_s,
                charge_poll_s=self._settings.charge_poll_s,
                limit=AT_ONCE,
            )
        return [self._begin(row, row["payment_id"], self._look_up_of(row)) for row in rows]

    def _look_up_of(self, row: asyncpg.Record) -> Callable[[asyncpg.Record], Awaitable[None]]:
        return self._charges.look_up if row["way"] == PaymentWay.CODE_SCAN else self._till.look_up

    async def _begin_refunds(self, limit: int = AT_ONCE, refund_id: str = "") -> list[asyncio.Task[None] | None]:
        async with self._database.hot.acquire() as connection, connection.transaction():
            rows = await payment_rows.claim_due_refunds(connection, self._clock.now(), limit=limit, refund_id=refund_id)
        return [self._begin(row, row["refund_id"], self._till.refund) for row in rows]

    def _begin(
        self, row: asyncpg.Record, number: str, attempt: Callable[[asyncpg.Record], Awaitable[None]]
    ) -> asyncio.Task[None] | None:
        """Begin an attempt in its account's lane, unless it is under way; the row stays due in any case."""

        async def guarded() -> None:
            try:
                async with asyncio.timeout(SECONDS_PER_CALL_MAX):
                    await attempt(row)
            except Exception:
                log.exception("sweep.attempt_failed", order=row["order_id"])

        return self._lanes.begin((row["merchant_id"], row["channel"]), (row["merchant_id"], number), guarded)

    async def _all(self, tasks: Sequence[asyncio.Task[None] | None]) -> int:
        await asyncio.gather(*(task for task in tasks if task is not None))
        return len(tasks)

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
