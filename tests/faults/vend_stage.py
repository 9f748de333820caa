"""A machine's memory, motor and upload on one virtual clock, with a power that can go at any moment of a vend.

The journal runs on the disk that loses what was not synced; the cabinet's own log is the world and survives. After a
power cut nothing of the old program acts: its disk is dead to it and its motor does not start.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import structlog

from tests.terminal.fake_cloud import SLOTS, FakeCloud, FakeOrder
from vendomat.kernel import ManualClock, TimeOrderedIds, VendomatError, derive_id
from vendomat.protocol import Dispense, FactKind, FenceRequest, OrderLine, VendResult
from vendomat.simulator.disk import Disk
from vendomat.terminal.drivers import SimulatedCabinet, VendReport
from vendomat.terminal.journal import Journal, JournalError, JournalInline
from vendomat.terminal.link import NotAnsweredError
from vendomat.terminal.loop.machine import Machine, Ports
from vendomat.terminal.loop.uploading import Uploading
from vendomat.terminal.loop.vending import Vending

KEY = b"k" * 32
ORDER = derive_id("ord", "power")
CMD = derive_id("cmd", ORDER, 1)
VEND_S = 9.0
"""Longer than any good vend of the cabinet."""


class PoweredCabinet(SimulatedCabinet):
    """A cabinet whose motor does not start without power. `before_start` is the moment just before it would."""

    has_power = True
    before_start: Callable[[], None] = staticmethod(lambda: None)

    async def dispense(self, slot: str, cmd_id: str) -> VendReport:
        self.before_start()
        if not self.has_power:
            await asyncio.Event().wait()
        return await super().dispense(slot, cmd_id)


class StraightWire:
    """Facts go to the cloud as they are; nothing else is asked."""

    is_connected = True

    def __init__(self, cloud: FakeCloud, epoch: int) -> None:
        self._cloud, self._epoch = cloud, epoch

    async def request(self, kind: str, body: object, reply_type: type[Any], *, timeout_s: float) -> Any:
        reply = self._cloud.handle(kind, self._epoch, msgspec.json.encode(body))
        if reply is None:
            raise NotAnsweredError(f"{kind}: no answer")
        return msgspec.json.decode(msgspec.json.encode(reply), type=reply_type)

    async def run(self, down: object, changed: object) -> None:
        await asyncio.Event().wait()


@dataclass
class VendStage:
    """`await start()`, `await dispense()`, `await pass_time(s)`; `cut()` and `start()` again."""

    folder: Path
    disk: Disk = field(default_factory=lambda: Disk(random.Random(5).random))
    clock: ManualClock = field(default_factory=ManualClock)
    cloud: FakeCloud = field(default_factory=FakeCloud)

    def __post_init__(self) -> None:
        self._nonces = itertools.count()
        self._asked: list[asyncio.Task[object]] = []
        self.failures = 0
        self.is_running = False
        self.cloud.is_auto_dispensing = False
        lines = [OrderLine(slot="A1", quantity=1, price_minor=350)]
        order = FakeOrder(ORDER, lines, "wechat", state="dispensing", outcomes=["pending"], channels=["wechat"])
        self.cloud.orders[ORDER] = order

    # --- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """As the program starts: memory, open commands, then the upload. Raises `JournalError`."""
        journal = Journal(Path("journal.db"), KEY, vfs=self.disk.vfs_name, files=self.disk.folder)
        self.journal = journal
        self.cabinet = PoweredCabinet(
            self.folder / "cabinet.jsonl", dict.fromkeys(SLOTS, 5), clock=self.clock, chance=lambda: 0.5
        )
        port = JournalInline(journal)
        ports = Ports(
            clock=self.clock,
            ids=TimeOrderedIds(self.clock),
            journal=port,
            dispenser=self.cabinet,
            wire=StraightWire(self.cloud, journal.epoch),
            new_nonce=lambda: f"nonce-{next(self._nonces):020}",
            chance=lambda: 0.5,
            log=structlog.get_logger(),
        )
        self.machine = Machine(ports, "m1", "boot-nonce-0000000000", failed=self._fail)
        self.disk.on_cut = self._power_gone
        self.is_running = True
        await self.machine.load()
        await self.cabinet.start()
        body = b'{"program":"test","boot_nonce":"n"}'
        await port.run(lambda j: j.append(FactKind.BOOT, body, self.machine.now_text(), is_time_trusted=False))
        self.uploading = Uploading(self.machine)
        self.vending = Vending(self.machine, seen=lambda _: None, wake_upload=self.uploading.wake)
        await self._within_a_while(self.vending.restore())
        self.machine.is_online = True
        self._upload = asyncio.ensure_future(self.uploading.run(self.vending))

    def _fail(self) -> None:
        self.failures += 1

    def _power_gone(self) -> None:
        self.cabinet.has_power = False
        self.is_running = False

    def cut(self, *, keep: float = 0.0) -> None:
        self.disk.cut(keep=keep)

    async def end(self) -> None:
        """Nothing of the program is left; the motor's board ends what it began by itself."""
        for task in (*self._asked, self._upload):
            task.cancel()
        await asyncio.gather(*self._asked, self._upload, return_exceptions=True)
        await self.vending._tasks.cancel()
        self._asked.clear()
        await self.cabinet.stop()
        self.journal.close()
        self.disk.crash()
        self.is_running = False

    async def close(self) -> None:
        await self.end()
        self.disk.close()

    # --- acts --------------------------------------------------------------------------------------------------------

    def dispense(self) -> None:
        """The cloud sends the command, with the newest nonce and epoch."""
        command = Dispense(
            cmd_id=CMD,
            order_id=ORDER,
            unit=1,
            slot="A1",
            product_id=derive_id("prd", "A1"),
            nonce=self.machine.new_nonce(),
            epoch=self.journal.epoch,
        )
        self._ask(self.vending.on_dispense(command))

    def fence(self) -> None:
        self._ask(self.vending.on_fence(FenceRequest(cmd_id=CMD, order_id=ORDER, unit=1, slot="A1")))

    def _ask(self, asking: Any) -> None:
        async def asked() -> object:
            try:
                return await asking
            except VendomatError as refusal:
                return refusal

        self._asked.append(asyncio.ensure_future(asked()))

    @property
    def answers(self) -> list[object]:
        return [task.result() for task in self._asked if task.done() and not task.cancelled()]

    async def pass_time(self, seconds: float, step_s: float = 0.25) -> None:
        """Until `seconds` are over, or the power is gone."""
        left_s = seconds
        while left_s > 0 and self.is_running:
            await self.clock.advance(min(step_s, left_s))
            left_s -= step_s

    async def _within_a_while(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        for _ in range(100):
            await asyncio.sleep(0)
            if task.done() or not self.is_running:
                break
        if task.done():
            await task
        else:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    # --- looks -------------------------------------------------------------------------------------------------------

    def _records(self, what: str) -> int:
        path = self.folder / "cabinet.jsonl"
        lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
        return sum(int(line.get("count", 1)) for line in lines if line["what"] == what)

    @property
    def starts(self) -> int:
        return self._records("start")

    @property
    def drops(self) -> int:
        return self._records("drop")

    def durable(self) -> list[FactKind]:
        """What the open journal knows of the command."""
        known = self.journal.find(CMD)
        return [fact.kind for fact in known.facts] if known else []

    def heard(self) -> list[tuple[FactKind, VendResult | None]]:
        """What the cloud was told of the command, by origin."""
        return [(kind, result) for kind, result, _ in self.cloud.results()]


__all__ = ["CMD", "KEY", "ORDER", "VEND_S", "JournalError", "PoweredCabinet", "VendStage"]
