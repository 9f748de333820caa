"""The desk for requests: a person has a day's bill asked for again, or gives the file; a worker does the rest.

Refuses a second request while one of the day is under way, and any for a day that is closed. Each goes into the change
log with who asked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg

from vendomat.cloud.changes import Change, note_change
from vendomat.cloud.merchants import Operator
from vendomat.cloud.payments import BillKind
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.jobs import enqueue
from vendomat.cloud.reconciliation import request_store, store
from vendomat.cloud.reconciliation.model import AccountDay, DayState
from vendomat.cloud.reconciliation.request_store import BillRequest
from vendomat.cloud.reconciliation.requesting import JOB
from vendomat.cloud.reconciliation.shelf import BillShelf
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError

BILL_BYTES_MAX = 32 << 20
"""Of a file as it is sent: 50,000 rows of WeChat Pay have 14 MiB, and 1 MiB when they are packed."""


class RequestDesk:
    """One merchant's requests, for its people."""

    def __init__(self, database: Database, shelf: BillShelf, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._shelf = shelf
        self._clock = clock
        self._ids = ids

    async def ask(self, operator: Operator, place: AccountDay) -> None:
        """Have the platform asked for what is missing, and the day compared again.

        Raises `VendomatError` (not_found, conflict).
        """
        await self._keep(operator, BillRequest(place, self._ids.new("brq"), None), "")

    async def give(
        self, operator: Operator, place: AccountDay, kind: BillKind, *, chunks: AsyncIterator[bytes], file_name: str
    ) -> None:
        """Have the day compared with this file. Raises `VendomatError` (not_found, conflict, malformed)."""
        async with self._database.hot.acquire() as connection:
            await _must_be_open(connection, place)  # before a byte of it is read
        request = BillRequest(place, self._ids.new("brq"), kind)
        try:
            _must_hold_something(await self._shelf.take_in(request.request_id, chunks))
            await self._keep(operator, request, file_name)
        except BaseException:
            self._shelf.drop(request.request_id)
            raise

    async def _keep(self, operator: Operator, request: BillRequest, file_name: str) -> None:
        now, place = self._clock.now(), request.place
        said = {} if request.kind is None else {"kind": request.kind.value, "file_name": file_name}
        change = Change(
            merchant_id=operator.merchant_id,
            actor=operator.operator_id,
            action="reconciliation.bill_asked" if request.kind is None else "reconciliation.bill_given",
            subject=place.name,
            at=now,
            after={"request_id": request.request_id, **said},
        )

        async def write(connection: asyncpg.Connection) -> None:
            await _must_be_open(connection, place)
            if not await request_store.insert_request(
                connection, request, file_name=file_name, by=operator.operator_id, at=now
            ):
                raise VendomatError(
                    ErrorCode.CONFLICT, "a bill of this day is being compared already; wait for it. Nothing changed"
                )
            await enqueue(connection, JOB, [request.request_id])
            await note_change(connection, change)

        await self._database.write(write)


def _must_hold_something(size_bytes: int) -> None:
    if not size_bytes:
        raise VendomatError(ErrorCode.MALFORMED, "the file is empty; nothing changed")


async def _must_be_open(connection: asyncpg.Connection, place: AccountDay) -> None:
    state = await store.state_of_day(connection, place)
    if state is None:
        raise VendomatError(ErrorCode.NOT_FOUND, "there is no such day")
    if state is DayState.CLOSED:
        raise VendomatError(ErrorCode.CONFLICT, "the day is closed: all of it is explained. Nothing changed")
