"""The dispatcher: sends committed commands to machines, resends, fences, and declares deadlines.

A command is published only after its row quotes the nonce it is published with. No answer proves nothing: it leads to a
resend, then to a fence, and only at the declared deadline to a decision about money.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Sequence

import asyncpg
import structlog

from vendomat.cloud.alarms import SecurityWatch
from vendomat.cloud.machines import MachineDirectory
from vendomat.cloud.orders import BuyerLinks, Command, CommandState
from vendomat.cloud.orders import store as order_rows
from vendomat.cloud.platform.connection import MachineWire
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.command_model import Need, need_of
from vendomat.cloud.sales.facts import FactTaker
from vendomat.cloud.sales.model import CommandSilent, DeadlinePassed
from vendomat.cloud.sales.status import status_of
from vendomat.cloud.sales.store import Dispatch
from vendomat.cloud.sales.use_cases import Applied, EventFor
from vendomat.cloud.sales.writer import Writer
from vendomat.kernel import Clock, VendomatError
from vendomat.protocol import CommandReply, Dispense, FenceRequest, Signer, read_body, seal

log = structlog.get_logger(__name__)

DISPATCH_FIELDS = ("merchant_id", "cmd_id", "order_id", "unit", "machine_id", "slot", "product_id", "epoch", "nonce")
REPLY_FORGED, REPLY_OF_ANOTHER = "wire.reply_forged", "wire.reply_of_another"


class Dispatcher:
    """One per worker. `follow` is a follower of the writer."""

    def __init__(  # noqa: PLR0913 - named parts, put together in one place
        self,
        *,
        database: Database,
        writer: Writer,
        wire: MachineWire,
        directory: MachineDirectory,
        facts: FactTaker,
        signer: Signer,
        settings: CloudSettings,
        clock: Clock,
        watch: SecurityWatch,
        links: BuyerLinks,
    ) -> None:
        self._database = database
        self._writer = writer
        self._wire = wire
        self._directory = directory
        self._facts = facts
        self._signer = signer
        self._links = links
        self._settings = settings
        self._clock = clock
        self._watch = watch
        self._began_s = clock.elapsed()
        self._sent = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    def follow(self, applied: Applied) -> None:
        """After a commit: send the commands it queued, and tell the machine where its order stands."""
        for dispatch in applied.dispatches:
            self._spawn(self.send(dispatch))
        purchase = applied.purchase
        # A new order is the answer to its request; a top-up is no machine's.
        if purchase is not None and purchase.version > 1 and purchase.machine_id:
            self._spawn(self._tell(applied))

    async def sweep(self, limit: int = 200) -> int:
        """Take the commands that are due; how many there were."""
        settings = self._settings
        async with self._database.hot.acquire() as connection, connection.transaction():
            rows = await order_rows.claim_due_commands(
                connection,
                self._clock.now(),
                fresh_s=settings.lease_s - settings.clock_margin_s,
                resend_s=settings.resend_s,
                limit=limit,
            )
        await asyncio.gather(*(self._attend(row) for row in rows))
        return len(rows)

    async def _attend(self, row: asyncpg.Record) -> None:
        now, key = self._clock.now(), (row["merchant_id"], row["order_id"])
        command = Command(
            cmd_id=row["cmd_id"],
            state=CommandState(row["state"]),
            queued_at=row["queued_at"],
            heard_at=row["heard_at"],
            epoch=row["epoch"],
            nonce=row["nonce"],
            nonce_at=row["nonce_at"],
        )
        is_quoted, may_declare = row["is_quoted_now"], self._has_watched_long_enough()
        match need_of(command, self._settings, now=now, is_quoted_now=is_quoted, may_declare=may_declare):
            case Need.DEADLINE:
                await self._writer.apply(EventFor(key, DeadlinePassed(command.cmd_id, now)))
            case Need.SILENCE:
                was_sent = command.nonce_at is not None
                await self._writer.apply(EventFor(key, CommandSilent(command.cmd_id, was_sent, now)))
            case Need.FENCE:
                self._spawn(self.fence(row))
            case Need.SEND:
                self._spawn(self.send(Dispatch(*(row[name] for name in DISPATCH_FIELDS))))

    def _has_watched_long_enough(self) -> bool:
        """Whether no motor can start any more by this process's own elapsed time, whatever the wall clock did."""
        settings = self._settings
        wait_s = settings.lease_s + settings.clock_margin_s + settings.deadline_s
        return self._clock.elapsed() - self._began_s >= wait_s

    async def send(self, dispatch: Dispatch) -> None:
        """Publish one command and take what the machine answers."""
        message = Dispense(
            cmd_id=dispatch.cmd_id,
            order_id=dispatch.order_id,
            unit=dispatch.unit,
            slot=dispatch.slot,
            product_id=dispatch.product_id,
            nonce=dispatch.nonce,
            epoch=dispatch.epoch,
        )
        await self.ask(dispatch.machine_id, "dispense", message, timeout_s=self._settings.resend_s)

    async def fence(self, row: asyncpg.Record) -> None:
        """Ask for the durable promise that the command never starts, or for what became of it."""
        message = FenceRequest(cmd_id=row["cmd_id"], order_id=row["order_id"], unit=row["unit"], slot=row["slot"])
        await self.ask(row["machine_id"], "fence", message, timeout_s=self._settings.silence_s)

    async def ask(self, machine_id: str, kind: str, message: object, *, timeout_s: float) -> None:
        """Sign and publish one command or fence, and take the facts that the machine answers with, if it does."""
        data = self._seal(kind, machine_id, message)
        reply = await self._wire.ask(machine_id, kind, data, timeout_s=timeout_s)
        await self._take_reply(machine_id, kind, reply)

    def _seal(self, kind: str, machine_id: str, message: object) -> bytes:
        return seal(message, kind=kind, machine=machine_id, epoch=0, seq=next(self._sent), signer=self._signer)

    async def _take_reply(self, machine_id: str, kind: str, reply: bytes | None) -> None:
        """Take the facts in an answer. Each names its command and its origin, so it matters not which one was asked."""
        if reply is None:
            return
        try:
            entry, envelope = await self._directory.open(machine_id, reply)
        except VendomatError as error:
            log.warning("command.reply_refused", machine=machine_id, error=repr(error))
            self._watch.note(REPLY_FORGED, machine_id)
            return
        if envelope.kind not in (f"{kind}.reply", "problem"):
            log.warning("command.reply_refused", machine=machine_id, error=f"the answer to {kind} is {envelope.kind}")
            self._watch.note(REPLY_OF_ANOTHER, machine_id)
            return
        try:
            if envelope.kind != "problem":  # which says no more than silence does
                await self._facts.take(read_body(envelope, CommandReply).facts, entry.sender(envelope))
        except VendomatError as error:
            log.warning("command.reply_refused", machine=machine_id, error=repr(error))

    async def _tell(self, applied: Applied) -> None:
        purchase = applied.purchase
        assert purchase is not None
        status = status_of(purchase, self._clock.now(), self._links)
        await self._wire.tell(purchase.machine_id, "order", self._seal("order", purchase.machine_id, status))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception:
            log.exception("dispatcher.failed")  # the row is still due: the sweep comes back to it

    async def aclose(self) -> None:
        pending: Sequence[asyncio.Task[None]] = list(self._tasks)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
