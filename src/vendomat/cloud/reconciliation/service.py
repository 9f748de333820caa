"""The reconciler: takes an account's day from its bills to its close. Safe to kill and to repeat at any point.

Fetches what is missing, matches, asks the platform again about what may be decided that way, and closes the day when
nothing of it is unexplained. Refuses to close a day without both of its bills, and to run one that is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import cast

import asyncpg
import structlog

from vendomat.cloud.alarms import AlarmRow, Severity, raise_alarms
from vendomat.cloud.payments import (
    BillError,
    BillKind,
    BillSource,
    BillState,
    FundRow,
    Provider,
    ProviderBook,
    TradeRow,
)
from vendomat.cloud.platform.database import Database
from vendomat.cloud.reconciliation import store
from vendomat.cloud.reconciliation.booking import run_funds, run_trades, sum_funds
from vendomat.cloud.reconciliation.model import AccountDay
from vendomat.cloud.reconciliation.request import Progress
from vendomat.cloud.reconciliation.second_look import SecondLook
from vendomat.cloud.reconciliation.shelf import BillShelf
from vendomat.cloud.reconciliation.store import Taken
from vendomat.kernel import Clock, Ids

log = structlog.get_logger(__name__)

BILL_ALARM = "bill_missing"
"""The alarm of a bill that the platform refuses to give, or that cannot be read."""
LOOK_AGAIN_FIRST = timedelta(hours=1)
LOOK_AGAIN_MAX = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Asked:
    """A person asked for the day to be run: the bills they gave, and where the rows are counted."""

    given: Mapping[BillKind, Taken]
    progress: Progress


def bills_of(provider: Provider) -> BillSource | None:
    """The provider as a source of bills, if it is one."""
    return cast("BillSource", provider) if hasattr(provider, "fetch_bill") else None


class Reconciler:
    """One for a worker; any number of workers may run."""

    def __init__(
        self,
        *,
        database: Database,
        book: ProviderBook,
        shelf: BillShelf,
        second_look: SecondLook,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._database = database
        self._book = book
        self._shelf = shelf
        self._second_look = second_look
        self._clock = clock
        self._ids = ids

    async def source_of(self, merchant_id: str, channel: str) -> BillSource | None:
        """Where bills of the channel come from; None when the channel has none."""
        return bills_of(await self._book.get(merchant_id, channel))

    async def source_at(self, place: AccountDay) -> BillSource | None:
        """Where the bills of this very account come from; None when it is not there (any more)."""
        source = await self.source_of(place.merchant_id, place.channel)
        return source if source is not None and source.account == place.account else None

    async def run_day(self, place: AccountDay, asked: Asked | None = None) -> dict[BillKind, Taken]:
        """Bring the day as far as it can be brought now, and say in its row when to try again.

        Answers the bills that are missing, with the reason. What is `asked` for is run even if nothing may change.
        """
        source = await self.source_at(place)
        if source is None:
            await self._later(place, "the account is not there any more; restore it until its days are closed")
            return {kind: Taken(kind, "not_there", error="the account is not there any more") for kind in BillKind}
        missing: dict[BillKind, Taken] = {}
        for kind in BillKind:
            taken = asked.given.get(kind) if asked else None
            taken = taken or await self._take(source, place, kind)
            try:
                if taken.is_definite and (asked is not None or await self._is_needed(place, kind)):
                    await self._run(source, place, taken, asked)
            except BillError as error:
                taken = Taken(kind, "unusable", taken.sha256, taken.size_bytes, error.reason)
                await self._give_up(place, taken)
            if not taken.is_definite:
                missing[kind] = taken
            if kind is BillKind.TRADE and missing:
                break  # the fund bill is checked against it
            if kind is BillKind.TRADE:
                await self._second_look.look(place)
        await self._finish(place, list(missing))
        return missing

    async def _take(self, source: BillSource, place: AccountDay, kind: BillKind) -> Taken:
        """The bill as it was taken before, or fetched now; not definite when there is no answer yet."""
        async with self._database.hot.acquire() as connection:
            before = (await store.bills_of(connection, place)).get(kind)
        if before is not None and (before.state == "empty" or self._shelf.path_of(before.sha256).exists()):
            return before
        fetched = await self._shelf.fetch(source, kind, place.day)
        if fetched.state is BillState.EMPTY:
            return before or Taken(kind, "empty")
        if fetched.state is BillState.REFUSED:
            refused = Taken(kind, "refused", error=fetched.error)
            await self._give_up(place, refused)
            return refused
        if fetched.state is not BillState.READY:
            log.info("bill.not_there", day=place.name, kind=kind, state=fetched.state, error=fetched.error)
            return Taken(kind, "not_there", error=fetched.error)
        if before is not None and before.sha256 != fetched.sha256:
            log.error("bill.changed", day=place.name, kind=kind, was=before.sha256, now=fetched.sha256)
            return Taken(kind, "not_there", error="the platform gives another file than the one that was taken")
        return Taken(kind, "kept", fetched.sha256, fetched.size_bytes)

    async def _is_needed(self, place: AccountDay, kind: BillKind) -> bool:
        """Whether reading the bill (again) may change anything: not while only a person can."""
        async with self._database.hot.acquire() as connection:
            if kind not in await store.bills_of(connection, place):
                return True
            counts = await store.count_open(connection, place)
        return bool(counts["waiting"] or counts["beyond"] if kind is BillKind.TRADE else counts["funds"])

    async def _run(self, source: BillSource, place: AccountDay, taken: Taken, asked: Asked | None) -> None:
        path = self._shelf.path_of(taken.sha256) if taken.state == "kept" else None
        at = self._clock.now()
        if taken.kind is BillKind.TRADE:

            def rows() -> Iterator[TradeRow]:
                trades = _trades(source, path)
                return trades if asked is None else asked.progress.matched(trades)

            await self._database.write(lambda connection: run_trades(connection, place, taken, rows(), at=at))
            return
        read = await asyncio.to_thread(lambda: sum_funds(_funds(source, path)))
        await self._database.write(lambda connection: run_funds(connection, place, taken, read, at=at))

    async def _give_up(self, place: AccountDay, taken: Taken) -> None:
        """A definite refusal, or a file that is no bill: somebody has to look. The day stays open and due."""
        now = self._clock.now()
        log.error("bill.refused", day=place.name, kind=taken.kind, error=taken.error)
        alarm = AlarmRow(
            merchant_id=place.merchant_id,
            machine_id="",
            kind=BILL_ALARM,
            severity=Severity.CRITICAL,
            at=now,
            detail=f"{place.name} {taken.kind.value}: {taken.error}",
        )

        async def write(connection: asyncpg.Connection) -> None:
            await store.keep_bill(connection, place, taken, rows=0, at=now)
            await raise_alarms(connection, [alarm], ids=self._ids)

        await self._database.write(write)

    async def _later(self, place: AccountDay, note: str) -> None:
        async with self._database.hot.acquire() as connection:
            await store.set_next_try(connection, place, self._clock.now() + LOOK_AGAIN_MAX, note)

    async def _finish(self, place: AccountDay, missing: list[BillKind]) -> None:
        """Close the day, or say when it is tried again: soon for a bill, later for an item, never for a person."""
        now = self._clock.now()

        async def write(connection: asyncpg.Connection) -> None:
            day = await store.lock_day(connection, place)
            assert day is not None
            if await store.close_day(connection, place, now) or day["state"] == "closed":
                return
            if missing:  # the next try was set when the day was claimed
                words = ", ".join(kind.value for kind in missing)
                await store.set_next_try(connection, place, day["next_try_at"], f"no bill yet: {words}")
                return
            counts = await store.count_open(connection, place)
            pause = min(LOOK_AGAIN_MAX, LOOK_AGAIN_FIRST * 2 ** min(day["runs"], 8))
            await store.set_next_try(connection, place, now + pause if counts["waiting"] else None, "")

        await self._database.write(write)


def _trades(source: BillSource, path: Path | None) -> Iterator[TradeRow]:
    return iter(()) if path is None else source.read_trades(path)


def _funds(source: BillSource, path: Path | None) -> Iterator[FundRow]:
    return iter(()) if path is None else source.read_funds(path)
