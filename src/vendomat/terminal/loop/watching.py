"""Looks at door, sensor, temperature, closed slots and the journal from time to time, and says so when they changed."""

from __future__ import annotations

from vendomat.protocol import Catalogue, SlotState
from vendomat.terminal.journal import HALTED_KEY, JournalError
from vendomat.terminal.loop.machine import Machine

LOOK_EVERY_S = 0.5
SAVE_TIME_EVERY_S = 600.0
PATROL_FACTS = 100
RETEST_EVERY_S = 30.0


class Watching:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._retest_at_s = 0.0
        self._save_time_at_s = 0.0
        self._catalogue: Catalogue | None = None  # the last one looked at

    async def run(self) -> None:
        """Until cancelled."""
        clock = self._machine.ports.clock
        self._catalogue = self._machine.catalogue
        self._retest_at_s = clock.elapsed() + RETEST_EVERY_S
        while True:
            await self.look()
            await clock.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        machine = self._machine
        before, readings = machine.readings, await machine.read_hardware()
        if before.is_door_shut is False and readings.is_door_shut is True:
            await machine.keep_slots(machine.slots.after_service())
            await self._forget_starts()
        if not machine.is_journal_ok:
            await machine.keep_again()
        await self._care()
        if machine.ports.clock.elapsed() >= self._retest_at_s:
            self._retest_at_s += RETEST_EVERY_S
            await self._retest(machine.slots.to_retest())
        if machine.catalogue is not self._catalogue:
            self._catalogue = machine.catalogue
            await self._retest(self._reopened())
        if readings != before:
            machine.changed()

    async def _care(self) -> None:
        """See to the journal, and end what a start was careful about when its time is over."""
        machine, journal, at_s = self._machine, self._machine.ports.journal, self._machine.ports.clock.elapsed()
        try:
            has_room = await journal.run(lambda j: j.has_room())
            await journal.run(lambda j: j.patrol(PATROL_FACTS))
            if machine.caution.is_loss_over(at_s, machine.settings):
                await journal.run(lambda j: j.put(HALTED_KEY, None))
                machine.caution.loss = ""
                machine.changed()
        except JournalError as error:
            machine.note_journal(error)
            return
        if has_room != machine.has_room:
            machine.has_room = has_room
            machine.changed()
        if machine.is_time_trusted and at_s >= self._save_time_at_s:
            self._save_time_at_s = at_s + SAVE_TIME_EVERY_S
            self._save_time()
        if machine.caution.is_quiet(at_s):
            await self._forget_starts()

    def _save_time(self) -> None:
        """A time that is not kept only makes the next start's clock older."""
        ports = self._machine.ports
        try:
            if ports.time is not None:
                ports.time.save()
        except OSError as error:
            ports.log.warning("time_not_saved", error=str(error))

    async def _forget_starts(self) -> None:
        machine = self._machine
        try:
            await machine.ports.journal.run(lambda j: j.forget_starts())
        except JournalError as error:
            machine.note_journal(error)
            return
        machine.caution.starts = 0
        machine.changed()

    def _reopened(self) -> list[str]:
        """Closed slots that the new catalogue has open: somebody may have said that the cause is gone."""
        machine, catalogue = self._machine, self._catalogue
        said = {slot.slot for slot in catalogue.slots if slot.state is not SlotState.CLOSED} if catalogue else set()
        return [slot for slot in machine.slots.to_retest() if slot in said]

    async def _retest(self, slots: list[str]) -> None:
        """Quarantined slots get their test; one that passes is open again."""
        machine = self._machine
        for slot in slots:
            has_passed = await machine.ports.dispenser.check(slot) is True
            await machine.keep_slots(machine.slots.after_test(slot, has_passed=has_passed))
