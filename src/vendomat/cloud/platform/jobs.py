"""Jobs: wake-ups in PostgreSQL, written in the deciding transaction, and schedules.

A job is only a wake-up. What has to be done stands in its own row with a next try, and a sweep finds it; so a job that
fails, or is lost, loses nothing. The job of a killed worker is run again by another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

import asyncpg
import structlog
from pgqueuer import AsyncpgDriver, Job, PgQueuer, Queries
from pgqueuer.models import Schedule

log = structlog.get_logger(__name__)

Run = Callable[[str], Awaitable[None]]
RunScheduled = Callable[[], Awaitable[None]]


async def enqueue(connection: asyncpg.Connection, kind: str, subjects: Sequence[str]) -> None:
    """Wake `kind` for each of `subjects`, in the caller's transaction; a waiting wake-up is not doubled."""
    if subjects:
        await Queries(AsyncpgDriver(connection)).enqueue(
            [kind] * len(subjects),
            [subject.encode() for subject in subjects],
            [0] * len(subjects),
            dedupe_key=[f"{kind}/{subject}" for subject in subjects],
            on_conflict="skip",
        )


class JobWorker:
    """Runs jobs on a connection of its own. `kinds` by name, `schedules` by (name, cron expression)."""

    def __init__(
        self, url: str, *, kinds: Mapping[str, Run], schedules: Mapping[tuple[str, str], RunScheduled]
    ) -> None:
        self._url = url
        self._kinds = kinds
        self._schedules = schedules

    async def run(self) -> None:
        """Until cancelled. Whatever ends the queue's own loop (a lost connection, a strange row), it is begun again."""
        while True:
            try:
                await self._run_once()
            except Exception:
                log.exception("jobs.interrupted")  # the sweeps go on; nothing hangs on this worker alone
            await asyncio.sleep(1.0)

    async def _run_once(self) -> None:
        connection = await asyncpg.connect(self._url)
        try:
            await self._queue(connection).run(
                dequeue_timeout=timedelta(seconds=5), batch_size=20, shutdown_on_listener_failure=True
            )
        finally:
            connection.terminate()

    def _queue(self, connection: asyncpg.Connection) -> PgQueuer:
        queue = PgQueuer(AsyncpgDriver(connection))
        for kind, run in self._kinds.items():
            queue.entrypoint(kind)(_guarded(kind, run))
        for (name, expression), run_scheduled in self._schedules.items():
            queue.schedule(name, expression, clean_old=True)(_guarded_schedule(name, run_scheduled))
        return queue


def _guarded(kind: str, run: Run) -> Callable[[Job], Awaitable[None]]:
    async def work(job: Job) -> None:
        try:
            await run((job.payload or b"").decode())
        except Exception:
            log.exception("job.failed", kind=kind)  # its row is still due: the sweep comes back to it

    return work


def _guarded_schedule(name: str, run: RunScheduled) -> Callable[[Schedule], Awaitable[None]]:
    async def work(_: Schedule) -> None:
        try:
            await run()
        except Exception:
            log.exception("schedule.failed", schedule=name)

    return work
