"""What the parts of the loop share: the machine's state of this run, and the hands that change it.

One event loop, no locks: between two awaits nothing else changes. Decides nothing about money or motors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import msgspec
import structlog

from vendomat.kernel import Clock, Ids
from vendomat.protocol import Catalogue, CatalogueSlot, Settings
from vendomat.terminal.drivers import CoolerDoor, Dispenser, Instruments, Readings, Scanner
from vendomat.terminal.journal import HALTED_KEY, JournalError, JournalPort
from vendomat.terminal.link import CloudKeyBook, Refusals, Wire
from vendomat.terminal.loop.caution import Caution
from vendomat.terminal.loop.tasks import within
from vendomat.terminal.sale import Leases
from vendomat.terminal.stock import SlotBook

FACTS_WAITING_MAX = 1_500_000
"""Beyond this many unacknowledged facts (about 0.7 GB) nothing new is sold; recording goes on."""
READ_MAX_S = 5.0

CLOCK_OFF_S_MAX = 300.0
CLOCK_STEP_S_MAX = 1.0
"""A clock that is kept by small corrections stays within this for hours; more is a step."""

_SLOTS_KEY, _CATALOGUE_KEY = "slots", "catalogue"


class TimeBook(Protocol):
    """What the machine does with the cloud's time: goes by it, and keeps it for a start without a clock."""

    def hear(self, at: datetime, took_s: float) -> None: ...

    def save(self) -> None:
        """Raises `OSError`."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """What the loop is given from outside. `new_nonce` makes an unguessable text; `chance` a number in [0, 1)."""

    clock: Clock
    ids: Ids
    journal: JournalPort
    dispenser: Dispenser
    wire: Wire
    new_nonce: Callable[[], str]
    chance: Callable[[], float]
    log: structlog.stdlib.BoundLogger
    keys: CloudKeyBook | None = None  # none: a wire whose cloud never changes its keys
    time: TimeBook | None = None  # none: a machine that does not keep the time
    refusals: Refusals = field(default_factory=Refusals)
    scanner: Scanner | None = None  # none: the buyer can only scan, not show
    instruments: Instruments | None = None  # none: the machine tells of nothing but what selling asks for
    door: CoolerDoor | None = None  # an open-door cooler's: the dispenser itself


@dataclass(slots=True)
class Machine:
    """The state of this run. `changed` is called after each change that a screen may show."""

    ports: Ports
    machine_id: str
    boot_nonce: str
    changed: Callable[[], None] = lambda: None
    failed: Callable[[], None] = lambda: None
    """Called when a part of the loop has died; the program then ends, to be started anew."""
    settings: Settings = field(default_factory=Settings)
    leases: Leases = field(default_factory=Leases)
    slots: SlotBook = field(default_factory=SlotBook)
    catalogue: Catalogue | None = None
    readings: Readings = field(default_factory=Readings)
    has_failed: bool = False
    is_online: bool = False
    is_journal_ok: bool = True
    has_room: bool = True
    caution: Caution = field(default_factory=Caution)
    clocks_apart_s: float | None = None
    """How far the wall clock was ahead of the elapsed one when it last agreed with the cloud's; None: it did not."""
    facts_waiting: int = 0

    async def load(self) -> None:
        """Read back what an earlier run kept. Raises `JournalError`."""
        journal = self.ports.journal
        loss = await journal.run(lambda j: j.get(HALTED_KEY))
        self.caution.loss = "" if loss is None else (loss.decode(errors="replace") or "unknown")
        self.caution.starts = journal.starts
        self.caution.began_at_s = self.ports.clock.elapsed()
        slots = await journal.run(lambda j: j.get(_SLOTS_KEY))
        catalogue = await journal.run(lambda j: j.get(_CATALOGUE_KEY))
        if slots:
            self.slots = msgspec.json.decode(slots, type=SlotBook)
        if catalogue:
            self.catalogue = msgspec.json.decode(catalogue, type=Catalogue)
        self.facts_waiting = await journal.run(lambda j: j.count_unacked())

    # --- questions ---------------------------------------------------------------------------------------------------

    def new_nonce(self) -> str:
        """A fresh nonce, known to the leases before anybody else hears of it."""
        nonce = self.ports.new_nonce()
        self.leases = self.leases.with_new(nonce, self.ports.clock.elapsed())
        return nonce

    def planned(self, slot: str) -> CatalogueSlot | None:
        if self.catalogue is None:
            return None
        return next((planned for planned in self.catalogue.slots if planned.slot == slot), None)

    def available(self, slot: str) -> int:
        """How many of a slot may be sold now: the cloud's count less what dropped since, 0 when closed."""
        planned = self.planned(slot)
        if planned is None or not self.slots.is_open(slot):
            return 0
        return max(0, planned.available - self.slots.note(slot).taken)

    def faults(self) -> tuple[str, ...]:
        """Reasons for which this machine sells nothing at all."""
        readings = self.readings
        found = (
            (not self.is_journal_ok, "journal_fault"),
            (not self.has_room, "disk_full"),
            (self.facts_waiting > FACTS_WAITING_MAX, "journal_full"),
            (not readings.is_answering, "controller_silent"),
            (readings.is_door_shut is False, "door_open"),
            (readings.is_sensor_clear is False, "sensor_blocked"),
        )
        return (*(reason for is_hit, reason in found if is_hit), *self.caution.faults())

    def fail(self) -> None:
        """A part of the loop has died, or must not go on."""
        self.has_failed = True
        self.failed()

    def now_text(self) -> str:
        return self.ports.clock.now().isoformat()

    async def read_hardware(self) -> Readings:
        """Door, sensor and temperature, now; a driver that fails is a controller that is silent."""
        try:
            self.readings = await within(self.ports.clock, READ_MAX_S, self.ports.dispenser.read()) or Readings()
        except Exception:
            # Nothing is sold and nothing is started until it answers again.
            self.ports.log.exception("driver_failed")
            self.readings = Readings()
        return self.readings

    @property
    def has_memory(self) -> bool:
        """Whether a command that the journal does not know was never heard of."""
        return not self.caution.loss

    # --- changes -----------------------------------------------------------------------------------------------------

    async def keep_slots(self, slots: SlotBook) -> None:
        """A slot's state changed. If the disk refuses, the run still knows it."""
        if slots == self.slots:
            return
        self.slots = slots
        self.changed()
        await self.keep(_SLOTS_KEY, msgspec.json.encode(slots))

    async def keep_again(self) -> None:
        """After a refused write: try once more with what should be on the disk, so that selling may go on."""
        await self.keep(_SLOTS_KEY, msgspec.json.encode(self.slots))

    async def keep_catalogue(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        await self.keep(_CATALOGUE_KEY, msgspec.json.encode(catalogue))
        await self.keep_slots(self.slots.after_catalogue())
        self.changed()

    async def keep(self, key: str, value: bytes | None) -> None:
        """Durable when this returns, unless the disk refuses: then selling stops and the run goes on."""
        try:
            await self.ports.journal.run(lambda j: j.put(key, value))
        except JournalError as error:
            self.note_journal(error)
        else:
            self.note_journal(None)

    def note_journal(self, error: JournalError | None) -> None:
        """The last write failed (selling stops) or worked (selling may go on)."""
        if error is not None:
            self.ports.log.error("journal_failed", error=error.message, is_damage=error.is_damage)
            if error.is_damage:  # the next start checks the whole and puts it aside
                self.fail()
        if self.is_journal_ok != (error is None):
            self.is_journal_ok = error is None
            self.changed()

    def note_cloud_time(self, text: str, took_s: float) -> None:
        """Whether this clock agrees with the cloud's within five minutes; only marks records.

        `took_s` is how long the cloud was asked for it: the answer may be that old.
        """
        try:
            cloud = datetime.fromisoformat(text)
            if self.ports.time is not None:
                self.ports.time.hear(cloud, took_s)
            is_agreed = abs((cloud - self.ports.clock.now()).total_seconds()) < CLOCK_OFF_S_MAX
        except (ValueError, TypeError):
            is_agreed = False
        self.clocks_apart_s = self._apart_s() if is_agreed else None

    @property
    def is_time_trusted(self) -> bool:
        """The wall clock agreed with the cloud's and was not set since: a step shows against the elapsed clock."""
        return self.clocks_apart_s is not None and abs(self._apart_s() - self.clocks_apart_s) < CLOCK_STEP_S_MAX

    def _apart_s(self) -> float:
        clock = self.ports.clock
        return clock.now().timestamp() - clock.elapsed()
