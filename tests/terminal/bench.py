"""A terminal on the bench: the real parts on a folder, a fast simulated cabinet, and a wire that ends in `FakeCloud`.

`kill` leaves the terminal as a power cut would: nothing is finished, the disk keeps what was fsynced.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog

from tests.terminal.fake_cloud import SLOTS, FakeCloud
from vendomat.kernel import SystemClock, TimeOrderedIds
from vendomat.protocol import CommandReply, Envelope, OrderLine
from vendomat.simulator.disk import Disk
from vendomat.terminal.drivers import SimulatedScanner
from vendomat.terminal.drivers.cabinet import SimulatedCabinet
from vendomat.terminal.journal import Journal, JournalThread
from vendomat.terminal.link import NotAnsweredError
from vendomat.terminal.loop import CrashRule, Ports, Terminal
from vendomat.terminal.screen import Face

KEY = b"k" * 32
_NONCES = itertools.count()


class FakeWire:
    """The wire without a network. `cut` loses the connection, `is_deaf` lets requests through and loses the replies."""

    def __init__(self, cloud: FakeCloud, epoch: Callable[[], int]) -> None:
        self.is_connected = False
        self.is_up = True
        self.is_deaf = False
        self.delay_s = 0.0
        self._cloud = cloud
        self._epoch = epoch
        self._changed = asyncio.Event()

    async def request(self, kind: str, body: object, reply_type: type[Any], *, timeout_s: float) -> Any:
        if not self.is_connected:
            raise NotAnsweredError(f"{kind}: there is no connection")
        await asyncio.sleep(self.delay_s)
        reply = self._cloud.handle(kind, self._epoch(), msgspec.json.encode(body))
        if reply is None or self.is_deaf:
            await asyncio.sleep(min(timeout_s, 0.1))
            raise NotAnsweredError(f"{kind}: no answer")
        return msgspec.json.decode(msgspec.json.encode(reply), type=reply_type)

    async def run(self, down: Callable[[Envelope], Any], changed: Callable[[bool], None]) -> None:
        async def call(kind: str, body: object) -> CommandReply | None:
            if not self.is_connected:
                raise NotAnsweredError("nobody is there")
            raw = msgspec.Raw(msgspec.json.encode(body))
            envelope = Envelope(kind=kind, machine="m1", epoch=0, seq=0, body=raw, key_id="c", signature="")
            reply: CommandReply | None = await down(envelope)
            return reply

        self._cloud.down = call
        while True:
            if self.is_connected != self.is_up:
                self.is_connected = self.is_up
                changed(self.is_up)
            self._changed.clear()
            await self._changed.wait()

    def set_up(self, is_up: bool) -> None:
        self.is_up = is_up
        self._changed.set()


class NoPictures:
    def path_of(self, name: str) -> Path | None:
        return None

    def address_of(self, image: str) -> str:
        return image

    async def fetch_all(self, images: list[str]) -> bool:
        return False


class Bench:
    """`await bench.start()`, then act through `bench.terminal` and `bench.cloud`."""

    def __init__(self, folder: Path, *, speed: float = 40.0, vfs: str | None = None, disk: Disk | None = None) -> None:
        self.folder = folder
        self.cloud = FakeCloud()
        self.speed = speed
        self.vfs = vfs
        self.disk = disk
        self.crash_rule = CrashRule()
        self.scanner = SimulatedScanner()

    async def start(self, *, delay_s: float = 0.0) -> Terminal:
        """`delay_s` is what each request takes on the wire."""
        clock = SystemClock()
        journal = JournalThread(self.open_journal)
        await journal.open()
        self.journal = journal
        self.cabinet = SimulatedCabinet(
            self.folder / "cabinet.jsonl", dict.fromkeys(SLOTS, 5), clock=clock, chance=lambda: 0.5, speed=self.speed
        )
        self.wire = FakeWire(self.cloud, lambda: journal.epoch)
        self.wire.delay_s = delay_s
        ports = Ports(
            clock=clock,
            ids=TimeOrderedIds(clock),
            journal=journal,
            dispenser=self.cabinet,
            wire=self.wire,
            new_nonce=lambda: f"nonce-{next(_NONCES):020}",
            chance=lambda: 0.5,
            log=structlog.get_logger(),
            scanner=self.scanner,
        )
        self.terminal = Terminal(ports, Face("m1", "test"), NoPictures(), crash_rule=self.crash_rule)
        await self.terminal.start()
        return self.terminal

    def open_journal(self) -> Journal:
        if self.disk is None:
            return Journal(self.folder / "journal.db", KEY, vfs=self.vfs)
        return Journal(Path("journal.db"), KEY, vfs=self.disk.vfs_name, files=self.disk.folder)

    async def stop(self) -> None:
        await self.cloud.stop()
        await self.terminal.stop()

    async def kill(self) -> None:
        """Every task gone at once, nothing finished; only the files are closed, as a dead process has them."""
        for tasks in (self.terminal._tasks, self.terminal.vending._tasks, self.terminal.selling._tasks):
            await tasks.cancel()
        await self.cloud.stop()
        await self.cabinet.stop()
        await self.journal.close()

    # --- looking -----------------------------------------------------------------------------------------------------

    @property
    def snapshot(self) -> dict[str, Any]:
        return self.terminal.snapshot()

    @property
    def starts(self) -> list[str]:
        starts: list[str] = self.cabinet.state()["starts"]  # type: ignore[assignment]
        return starts

    async def until(self, condition: Callable[[], bool], limit_s: float = 30.0) -> None:
        deadline = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < deadline, f"did not come about; screen {self.snapshot['screen']}"
            await asyncio.sleep(0.01)

    async def until_screen(self, screen: str) -> dict[str, Any]:
        await self.until(lambda: self.snapshot["screen"] == screen)
        return self.snapshot

    # --- acting ------------------------------------------------------------------------------------------------------

    def press(self, *slots: str, request_id: str = "r1") -> None:
        """Press for one of each slot."""
        lines = [OrderLine(slot=slot, quantity=1, price_minor=350) for slot in slots]
        self.terminal.order(request_id, lines, "wechat")

    async def order(self, *slots: str, request_id: str = "r1") -> str:
        """Press for one of each slot and wait for the QR; the order's id."""
        await self.until(lambda: self.terminal.machine.catalogue is not None and self.terminal.selling.sale.is_online)
        lines = [OrderLine(slot=slot, quantity=1, price_minor=350) for slot in slots]
        self.terminal.order(request_id, lines, "wechat")
        snapshot = await self.until_screen("paying")
        return str(snapshot["sale"]["order_id"])
