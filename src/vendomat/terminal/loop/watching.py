"""Looks at door, sensor, temperature and closed slots from time to time, and says so when something changed."""

from __future__ import annotations

from vendomat.terminal.drivers import Readings
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
        before, readings = machine.readings, await self._read()
        machine.readings = readings
        if before.is_door_shut is False and readings.is_door_shut is True:
            await machine.keep_slots(machine.slots.after_service())
        if machine.ports.clock.elapsed() >= self._retest_at_s:
            self._retest_at_s += RETEST_EVERY_S
            await self._retest()
        if readings != before:
            machine.changed()

    async def _read(self) -> Readings:
        try:
            return await self._machine.ports.dispenser.read()
        except Exception:
            # A driver that fails is a controller that is silent: nothing is sold until it answers again.
            self._machine.ports.log.exception("driver_failed")
            return Readings()

    async def _retest(self) -> None:
        """Quarantined slots get their test; one that passes is open again."""
        machine = self._machine
        for slot in machine.slots.to_retest():
            has_passed = await machine.ports.dispenser.check(slot) is True
            await machine.keep_slots(machine.slots.after_test(slot, has_passed=has_passed))
