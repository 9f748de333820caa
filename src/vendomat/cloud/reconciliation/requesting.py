"""Requests of people for bills, done by a worker: a file is read through and proves to be the bill; then its day is run
by the reconciler, exactly as at night.

How far a request has come is kept twice a second. One whose worker died is begun anew by another, three times at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from vendomat.cloud.payments import BillError, BillKind, BillSource
from vendomat.cloud.platform.database import Database
from vendomat.cloud.reconciliation import request_store, store
from vendomat.cloud.reconciliation.model import DayState
from vendomat.cloud.reconciliation.request import Progress, RequestError, RequestProblem, check_rows
from vendomat.cloud.reconciliation.request_store import TRIES_MAX, BillRequest
from vendomat.cloud.reconciliation.service import Asked, Reconciler
from vendomat.cloud.reconciliation.shelf import BillShelf
from vendomat.cloud.reconciliation.store import Taken
from vendomat.kernel import Clock

log = structlog.get_logger(__name__)

JOB = "bill_request"
"""The kind of the jobs that wake a worker for a request."""
_TOLD_EVERY_S = 0.5


class BillRequests:
    """One for a worker; any number of workers may run."""

    def __init__(self, database: Database, reconciler: Reconciler, shelf: BillShelf, clock: Clock) -> None:
        self._database = database
        self._reconciler = reconciler
        self._shelf = shelf
        self._clock = clock

    async def run_waiting(self) -> None:
        """Every request that nobody works on: whose wake-up was lost, or whose worker died."""
        async with self._database.hot.acquire() as connection:
            request_ids = await request_store.waiting_ids(connection, self._clock.now())
        for request_id in request_ids:
            await self.run(request_id)

    async def run(self, request_id: str) -> None:
        """Bring one request to its end, unless another worker does."""
        request = await self._database.write(
            lambda connection: request_store.claim_request(connection, request_id, self._clock.now())
        )
        if request is None:
            return
        progress = Progress()
        try:
            async with self._telling(request, progress):
                await self._do(request, progress)
        except RequestError as error:
            await self._end(request, progress, error.problem, error.detail)
        except Exception:
            log.exception("bill_request.failed", day=request.place.name, request=request_id)
            if request.tries >= TRIES_MAX:
                await self._end(request, progress, RequestProblem.BROKEN_OFF, "see the log of the cloud")
        else:
            await self._end(request, progress, None, "")

    async def _do(self, request: BillRequest, progress: Progress) -> None:
        source = await self._reconciler.source_at(request.place)
        if source is None:
            raise RequestError(RequestProblem.NO_ACCOUNT)
        given = (
            {} if request.kind is None else {request.kind: await self._read(request, request.kind, source, progress)}
        )
        progress.match()
        async with self._database.hot.acquire() as connection:
            if await store.state_of_day(connection, request.place) is DayState.CLOSED:
                return  # the night was faster
        missing = await self._reconciler.run_day(request.place, Asked(given, progress))
        wanted = request.kind or BillKind.TRADE
        if wanted in missing:
            raise RequestError(RequestProblem.NOT_THERE, missing[wanted].error)

    async def _read(self, request: BillRequest, kind: BillKind, source: BillSource, progress: Progress) -> Taken:
        """The file that was given, on the shelf: it is the bill, and no other was taken before."""
        taken = await asyncio.to_thread(self._check, request, kind, source, progress)
        async with self._database.hot.acquire() as connection:
            before = await store.bills_of(connection, request.place)
        if kind in before and before[kind].sha256 != taken.sha256:
            raise RequestError(RequestProblem.OTHER_FILE, before[kind].sha256)
        if kind is BillKind.FUND_FLOW and BillKind.TRADE not in before:
            raise RequestError(RequestProblem.TRADE_FIRST)
        return taken

    def _check(self, request: BillRequest, kind: BillKind, source: BillSource, progress: Progress) -> Taken:
        read = source.read_trades if kind is BillKind.TRADE else source.read_funds
        try:
            with self._shelf.given(request.request_id) as plain:
                check_rows(read(plain), request.place, progress)
                return Taken(kind, "kept", *self._shelf.keep(plain))
        except BillError as error:
            raise RequestError(RequestProblem.NO_BILL, error.reason) from error

    @asynccontextmanager
    async def _telling(self, request: BillRequest, progress: Progress) -> AsyncIterator[None]:
        """Keep how far it has come while the block runs."""

        async def tell() -> None:
            while True:
                await self._clock.sleep(_TOLD_EVERY_S)
                async with self._database.hot.acquire() as connection:
                    await request_store.keep_progress(connection, request, progress, self._clock.now())

        telling = asyncio.create_task(tell())
        try:
            yield
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def _end(self, request: BillRequest, progress: Progress, problem: RequestProblem | None, detail: str) -> None:
        now = self._clock.now()
        await self._database.write(
            lambda connection: request_store.end_request(
                connection, request, progress, problem=problem, detail=detail, now=now
            )
        )
        self._shelf.drop(request.request_id)
