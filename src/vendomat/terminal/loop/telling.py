"""Tells the cloud how the machine is: when that changes, and once every few minutes.

What is lost is not sent again, and nothing of it is written down. Never more often than every ten seconds, never while
the machine is not on line: a door that flaps, or a sensor that trembles, takes nothing from the sale.
"""

from __future__ import annotations

import msgspec

from vendomat.kernel import VendomatError
from vendomat.protocol import PROTOCOL_VERSION, Condition, ConditionReply
from vendomat.terminal.drivers import Gauges, Instruments
from vendomat.terminal.loop.machine import READ_MAX_S, Machine
from vendomat.terminal.loop.session import PROGRAM
from vendomat.terminal.loop.tasks import within

LOOK_EVERY_S = 2.0
TOLD_AGAIN_S = 10.0
TOLD_EVERY_S = 300.0
SPREAD = 0.1  # so that a thousand machines that were started together do not tell together for ever
TIMEOUT_S = 4.0
CHANGED_C, CHANGED_DBM = 0.5, 10


class Telling:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._told: Condition | None = None
        self._may_at_s = self._must_at_s = 0.0

    async def run(self, instruments: Instruments) -> None:
        """Until cancelled."""
        clock = self._machine.ports.clock
        while True:
            if self._machine.is_online:
                await self.look(instruments)
            await clock.sleep(LOOK_EVERY_S)

    async def look(self, instruments: Instruments) -> None:
        """Tell what there is to tell, if it is time to."""
        at_s = self._machine.ports.clock.elapsed()
        if at_s < self._may_at_s:
            return
        condition = self._condition(await self._read(instruments))
        if self._told is None or at_s >= self._must_at_s or is_news(self._told, condition):
            self._may_at_s = at_s + TOLD_AGAIN_S
            self._must_at_s = at_s + TOLD_EVERY_S * (1 - SPREAD * self._machine.ports.chance())
            self._told = condition if await self._is_told(condition) else None

    async def _read(self, instruments: Instruments) -> Gauges:
        try:
            return await within(self._machine.ports.clock, READ_MAX_S, instruments.read()) or Gauges()
        except Exception:
            # Whatever it is, it must not end the sale; the cloud hears that nothing is known.
            self._machine.ports.log.exception("instruments_failed")
            return Gauges()

    def _condition(self, gauges: Gauges) -> Condition:
        machine = self._machine
        return Condition(
            program=PROGRAM,
            protocol=PROTOCOL_VERSION,
            catalogue_version=machine.catalogue.version if machine.catalogue else 0,
            is_door_shut=machine.readings.is_door_shut,
            temperatures_c=dict(gauges.temperatures_c),
            cash=gauges.cash,
            signal=gauges.signal,
        )

    async def _is_told(self, condition: Condition) -> bool:
        ports = self._machine.ports
        try:
            await ports.wire.request("condition", condition, ConditionReply, timeout_s=TIMEOUT_S)
        except VendomatError as error:
            ports.log.info("condition_not_told", code=error.code.value)
            return False
        return True


def is_news(told: Condition, now: Condition) -> bool:
    """Whether somebody should hear of it before it is told anyway: all but a little warmer, a little weaker."""
    warmer = now.temperatures_c.keys() != told.temperatures_c.keys() or any(
        abs(now.temperatures_c[probe] - celsius) >= CHANGED_C for probe, celsius in told.temperatures_c.items()
    )
    signal, before = now.signal, told.signal
    if signal is None or before is None or signal.dbm is None or before.dbm is None:
        is_other = signal != before
    else:
        is_other = signal.way != before.way or abs(signal.dbm - before.dbm) >= CHANGED_DBM
    alike = msgspec.structs.replace(now, temperatures_c=told.temperatures_c, signal=told.signal)
    return warmer or is_other or alike != told
