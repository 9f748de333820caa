"""Looks at door, sensor, temperature and closed slots from time to time, and says so when something changed."""

from __future__ import annotations

from vendomat.terminal.loop.machine import Machine

LOOK_EVERY_S = 0.5
RETEST_EVERY_S = 30.0


class Watching:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._retest_at_s = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        clock = self._machine.ports.clock
        self._retest_at_s = clock.elapsed() + RETEST_EVERY_S
        while True:
            await self.look()
            await clock.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        machine = self._machine
        before, readings = machine.readings, await machine.read_hardware()
        if before.is_door_shut is False and readings.is_door_shut is True:
            await machine.keep_slots(machine.slots.after_service())
        if not machine.is_journal_ok:
            await machine.keep_again()
        if machine.ports.clock.elapsed() >= self._retest_at_s:
            self._retest_at_s += RETEST_EVERY_S
            await self._retest()
        if readings != before:
            machine.changed()

    async def _retest(self) -> None:
        """Quarantined slots get their test; one that passes is open again."""
        machine = self._machine
        for slot in machine.slots.to_retest():
            has_passed = await machine.ports.dispenser.check(slot) is True
            await machine.keep_slots(machine.slots.after_test(slot, has_passed=has_passed))
