"""What a visit wants next, from its row and the time: the platform asked, the door's command sent, fenced, given up.

The row is the truth; a sweep finds it, whoever wrote it and whatever died since. No round waits for a platform.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import asyncpg
import structlog

from vendomat.cloud.coolers import store
from vendomat.cloud.coolers.model import (
    AgreeTimeUp,
    ChangeRefused,
    DoorDeadline,
    DoorSilent,
    OrderSeen,
    Visit,
    VisitState,
)
from vendomat.cloud.coolers.service import Visits
from vendomat.cloud.payments import ServiceAnswer, ServiceOutcome, ServiceState
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales import Dispatcher, Need, need_of
from vendomat.kernel import Clock
from vendomat.protocol import DOOR, FenceRequest, OpenDoor

log = structlog.get_logger(__name__)

AT_ONCE = 100
SECONDS_PER_CALL_MAX = 30.0
DOOR_DEADLINE_S = 1_800.0
"""A machine that began to open the door and has not said since how that ended: nothing is charged after this. No money
waits for it, so it may be long: a link that is away for minutes must not give goods away."""
WHY_CANCELLED = "nothing taken"


class VisitSweeps:
    """One per worker."""

    def __init__(
        self, *, database: Database, visits: Visits, dispatcher: Dispatcher, settings: CloudSettings, clock: Clock
    ) -> None:
        self._database = database
        self.visits = visits
        self._dispatcher = dispatcher
        self._settings = settings
        self._door_settings = settings.model_copy(update={"deadline_s": DOOR_DEADLINE_S})
        self._clock = clock
        self._began_s = clock.elapsed()
        self._wake = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}

    def follow(self, visit: Visit) -> None:
        """A commit may have made something due at once."""
        self._wake.set()

    async def run(self) -> None:
        """Sweep until cancelled."""
        try:
            while True:
                self._wake.clear()
                try:
                    found = len(await self._begin())
                except Exception:
                    log.exception("sweep.failed", sweep="visits")
                    await self._clock.sleep(1.0)
                    continue
                if found < AT_ONCE:
                    await self._pause()
        finally:
            await self.aclose()

    async def sweep(self) -> int:
        """Attend to what is due, and wait for it; how many."""
        tasks = await self._begin()
        await asyncio.gather(*tasks)
        return len(tasks)

    async def aclose(self) -> None:
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._settings.sweep_pause_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _begin(self) -> list[asyncio.Task[None]]:
        settings = self._settings
        async with self._database.hot.acquire() as connection, connection.transaction():
            rows = await store.claim_due(
                connection,
                self._clock.now(),
                fresh_s=settings.lease_s - settings.clock_margin_s,
                resend_s=settings.resend_s,
                limit=AT_ONCE,
            )
        return [self._spawn(row) for row in rows if row["visit_id"] not in self._running]

    def _spawn(self, row: asyncpg.Record) -> asyncio.Task[None]:
        visit_id = row["visit_id"]
        task = asyncio.create_task(self._guarded(row))
        self._running[visit_id] = task
        task.add_done_callback(lambda _: self._running.pop(visit_id, None))
        return task

    async def _guarded(self, row: asyncpg.Record) -> None:
        try:
            async with asyncio.timeout(SECONDS_PER_CALL_MAX):
                await self._attend(row)
        except Exception:
            log.exception("visit.attempt_failed", visit=row["visit_id"])  # the row is still due

    async def _attend(self, row: asyncpg.Record) -> None:
        state, now = VisitState(row["state"]), self._clock.now()
        if state is VisitState.OPENING:
            await self._attend_door(row, now)
            return
        visit = await self.visits.find((row["merchant_id"], row["visit_id"]))
        if visit.state is not state:
            return
        if state is VisitState.ASKED:
            visit = await self.visits.create(visit)
        elif state in (VisitState.COMPLETING, VisitState.CANCELLING, VisitState.LOWERING):
            await self._change(visit)
            return
        else:
            visit = await self._look_up(visit)
        if visit.state in (VisitState.ASKED, VisitState.OFFERED) and now >= visit.agree_by:
            await self.visits.apply(visit.key, AgreeTimeUp(now))

    async def _look_up(self, visit: Visit) -> Visit:
        orders = await self.visits.orders(visit)
        order = await orders.look_up(visit.visit_id)
        if order.state is ServiceState.UNKNOWN:
            return visit
        return await self.visits.apply(visit.key, OrderSeen(order, "look_up", self._clock.now()))

    # --- what the platform has to be told ----------------------------------------------------------------------------

    async def _change(self, visit: Visit) -> None:
        """Ask for what the visit's state wants; the same again asks for the same."""
        verb, answer = await self._asked(visit)
        after = await self.visits.answered(visit, verb, answer)
        if answer.outcome is ServiceOutcome.REFUSED and after.state is visit.state:
            error = answer.error or (str(answer.order.state) if answer.order else "")
            await self.visits.apply(visit.key, ChangeRefused(verb, error, self._clock.now()))

    async def _asked(self, visit: Visit) -> tuple[str, ServiceAnswer]:
        orders, number = await self.visits.orders(visit), visit.visit_id
        if visit.state is VisitState.COMPLETING:
            assert visit.shut_at is not None
            return "complete", await orders.complete(number, visit.bill(), visit.shut_at)
        if visit.state is VisitState.CANCELLING:
            return "cancel", await orders.cancel(number, WHY_CANCELLED)
        return "modify", await orders.modify(number, visit.bill(), "recognised again")

    # --- the door ----------------------------------------------------------------------------------------------------

    async def _attend_door(self, row: asyncpg.Record, now: datetime) -> None:
        command, key = store.command_of_row(row), (row["merchant_id"], row["visit_id"])
        is_quoted, may_declare = row["is_quoted_now"], self._has_watched_long_enough()
        need = need_of(command, self._door_settings, now=now, is_quoted_now=is_quoted, may_declare=may_declare)
        if need is Need.DEADLINE:
            await self.visits.apply(key, DoorDeadline(command.cmd_id, now))
        elif need is Need.SILENCE:
            await self.visits.apply(key, DoorSilent(command.cmd_id, now))
        elif need is Need.FENCE:
            fence = FenceRequest(cmd_id=command.cmd_id, order_id=row["visit_id"], unit=1, slot=DOOR)
            await self._dispatcher.ask(row["machine_id"], "fence", fence, timeout_s=self._settings.silence_s)
        elif need is Need.SEND:
            assert command.nonce is not None
            assert command.epoch is not None
            message = OpenDoor(
                cmd_id=command.cmd_id, order_id=row["visit_id"], nonce=command.nonce, epoch=command.epoch
            )
            await self._dispatcher.ask(row["machine_id"], "open_door", message, timeout_s=self._settings.resend_s)

    def _has_watched_long_enough(self) -> bool:
        """Whether this process has lived through the whole wait by its own elapsed time."""
        settings = self._door_settings
        wait_s = settings.lease_s + settings.clock_margin_s + settings.deadline_s
        return self._clock.elapsed() - self._began_s >= wait_s
