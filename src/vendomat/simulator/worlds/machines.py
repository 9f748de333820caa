"""A machine of a world: the production terminal on a simulated cabinet and disk, with a power switch.

A life begins with `power_on` and ends with `cut`. The cabinet's physical log and the disk belong to the machine and
outlive every life; nothing else does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TypeVar

import apsw
import structlog

from vendomat.kernel import TimeOrderedIds
from vendomat.simulator.disk import Disk
from vendomat.simulator.worlds.network import Network
from vendomat.simulator.worlds.nodes import Node
from vendomat.simulator.worlds.trace import Trace
from vendomat.simulator.worlds.virtual_time import WorldClock
from vendomat.simulator.worlds.wires import TerminalWire
from vendomat.terminal.drivers import Capabilities, Dispenser, Readings, Record, SimulatedCabinet, VendReport
from vendomat.terminal.journal import Journal, JournalError, JournalInline
from vendomat.terminal.link import CloudKeys, MachineKey, SealedTalk, Wire
from vendomat.terminal.loop import Ports, Terminal
from vendomat.terminal.sale import PRODUCTION, Safeguards
from vendomat.terminal.screen import Face

_Result = TypeVar("_Result")
_JOURNAL = Path("journal.db")
JOURNAL_S = (0.001, 0.03)
"""What a call of the journal takes: a synced write on flash memory."""


@dataclass(frozen=True)
class TerminalParts:
    """What a planted bug may put in place of the production parts."""

    safeguards: Safeguards = PRODUCTION
    make_disk: Callable[[Callable[[], float]], Disk] = Disk
    make_journal: Callable[..., Journal] = Journal
    dispenser: Callable[[Dispenser], Dispenser] = lambda dispenser: dispenser
    wire: Callable[[Wire], Wire] = lambda wire: wire


@dataclass(frozen=True)
class MachineSite:
    """Where a machine stands: what its lives share. `clock` is the program's and may jump, `true_clock` the world's."""

    machine_id: str
    label: str
    key: MachineKey
    cloud_keys: CloudKeys
    folder: Path
    slots: dict[str, int]
    network: Network
    trace: Trace
    clock: WorldClock
    true_clock: WorldClock
    log: structlog.stdlib.BoundLogger
    recorded: Callable[[str, Record], None]
    parts: TerminalParts = field(default_factory=TerminalParts)


class NoPictures:
    """A screen without pictures: nobody looks at it here."""

    def path_of(self, name: str) -> Path | None:
        return None

    def address_of(self, image: str) -> str:
        return image

    async def fetch_all(self, images: list[str]) -> bool:
        return False


class MortalJournal(JournalInline):
    """A journal that a dead node cannot reach, one call after the other, each as slow as an SD card."""

    def __init__(self, journal: Journal, node: Node, pause_s: Callable[[], float]) -> None:
        super().__init__(journal)
        self._node = node
        self._pause_s = pause_s
        self._turn = asyncio.Lock()

    async def run(self, call: Callable[[Journal], _Result]) -> _Result:
        async with self._turn:
            await asyncio.sleep(self._pause_s())
            self._node.check()
            try:
                return await super().run(call)
            finally:
                self._node.check()  # the power may have gone in the middle of it


class MortalDispenser:
    """A motor board that a dead node cannot command."""

    def __init__(self, inner: Dispenser, node: Node) -> None:
        self._inner = inner
        self._node = node

    @property
    def capabilities(self) -> Capabilities:
        return self._inner.capabilities

    async def start(self) -> None:
        self._node.check()
        await self._inner.start()

    async def stop(self) -> None:
        self._node.check()
        await self._inner.stop()

    async def read(self) -> Readings:
        self._node.check()
        return await self._inner.read()

    async def check(self, slot: str) -> bool | None:
        self._node.check()
        return await self._inner.check(slot)

    async def dispense(self, slot: str, cmd_id: str) -> VendReport:
        self._node.check()
        report = await self._inner.dispense(slot, cmd_id)
        self._node.check()
        return report


class Life:
    """One run of the program: its node, its terminal, and what it holds open."""

    def __init__(self, name: str) -> None:
        self.node = Node(name)
        self.terminal: Terminal | None = None
        self.journal: Journal | None = None
        self.cabinet: SimulatedCabinet | None = None
        self.has_failed = False


class WorldMachine:
    """`power_on` begins a life, `cut` ends it at once. `life` is None without power."""

    def __init__(self, site: MachineSite, chance: Random) -> None:
        self.site = site
        self.life: Life | None = None
        self.lives = 0
        self.sags_at = 0  # the next start of a motor lets the power go at this change of the disk; 0: it does not
        self.disk = site.parts.make_disk(chance.random)
        self.disk.on_cut = self._went_dark
        self._chance = chance

    @property
    def label(self) -> str:
        return self.site.label

    @property
    def terminal(self) -> Terminal | None:
        """The terminal of this life, once it has started."""
        return self.life.terminal if self.life is not None else None

    @property
    def has_power(self) -> bool:
        return self.life is not None

    @property
    def cabinet(self) -> SimulatedCabinet | None:
        """The cabinet's hand, while a program of this machine has it open."""
        return self.life.cabinet if self.life is not None else None

    def power_on(self) -> None:
        assert self.life is None, f"{self.label} has power"
        self.lives += 1
        self.life = Life(f"{self.label}.{self.lives}")
        self.life.node.spawn(self._boot(self.life))

    def cut(self) -> None:
        """The power is gone, and with it some or all of what was not synced."""
        if self.life is not None:
            self.disk.cut(keep=self._chance.choice((0.0, 0.0, 0.5)))

    def _went_dark(self) -> None:
        """The disk has lost its power, and so has all the rest. What the dead program held is let go afterwards."""
        life, self.life = self.life, None
        if life is None:
            return
        life.node.cut()
        self.disk.fault = None
        self.site.network.detach_machine(self.site.machine_id, life.node)
        self.site.network.links[self.site.machine_id].close()
        asyncio.get_running_loop().call_soon(_let_go, life)

    def leave_files(self) -> None:
        """Copy what is on the disk into the machine's folder, for an audit."""
        for name, data in self.disk.files.items():
            (self.site.folder / name).write_bytes(data)

    async def _boot(self, life: Life) -> None:
        site = self.site
        try:
            key = site.key.derive("journal")
            life.journal = site.parts.make_journal(_JOURNAL, key, vfs=self.disk.vfs_name, files=self.disk.folder)
            life.cabinet = self._cabinet()
            terminal = Terminal(
                self._ports(life), Face(site.machine_id, "world"), NoPictures(), safeguards=site.parts.safeguards
            )
            terminal.machine.failed = lambda: self._failed(life)
            await terminal.start()
        except (JournalError, OSError) as error:
            life.node.check()
            site.trace.note(life.node.name, f"cannot start: {error}")
            self._failed(life)
            return
        life.terminal = terminal
        site.trace.note(life.node.name, f"started, epoch {terminal.machine.ports.journal.epoch}")

    def _failed(self, life: Life) -> None:
        """A part of the program died: the supervisor will start it anew."""
        if life.node.is_alive and not life.has_failed:
            life.has_failed = True
            self.site.trace.note(life.node.name, "the program ends by itself, to be started anew")

    def _recorded(self, record: Record) -> None:
        self.site.recorded(self.site.machine_id, record)
        if record.what == "start" and self.sags_at:
            self.disk.cut_at(self.sags_at)
            self.sags_at = 0

    def _cabinet(self) -> SimulatedCabinet:
        site = self.site
        return SimulatedCabinet(
            site.folder / "cabinet.jsonl",
            site.slots,
            clock=site.true_clock,
            chance=self._chance.random,
            recorded=self._recorded,
        )

    def _ports(self, life: Life) -> Ports:
        site, chance = self.site, self._chance
        assert life.journal is not None and life.cabinet is not None
        journal = MortalJournal(life.journal, life.node, lambda: chance.uniform(*JOURNAL_S))
        talk = SealedTalk(
            site.key,
            machine=lambda: site.machine_id,
            epoch=lambda: journal.epoch,
            verify=site.cloud_keys.verify,
            log=site.log,
        )
        wire = TerminalWire(site.machine_id, life.node, site.network, talk=talk, clock=site.clock, chance=chance)
        return Ports(
            clock=site.clock,
            ids=TimeOrderedIds(site.clock, chance.getrandbits),
            journal=journal,
            dispenser=site.parts.dispenser(MortalDispenser(life.cabinet, life.node)),
            wire=site.parts.wire(wire),
            new_nonce=lambda: f"{chance.getrandbits(108):027x}",
            chance=chance.random,
            log=site.log,
        )


def _let_go(life: Life) -> None:
    """Close what a dead program had open; its disk refuses whatever closing would still write."""
    if life.journal is not None:
        with contextlib.suppress(apsw.Error):
            life.journal.close()
    if life.cabinet is not None:
        life.cabinet.release()
