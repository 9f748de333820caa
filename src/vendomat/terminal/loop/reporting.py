"""Writes down what the link refused, as facts that reach the cloud like any other.

One fact a minute and kind at most; while many facts wait for the cloud, refusals are only counted: an attacker who cuts
the wire must not fill the disk.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from vendomat.protocol import FactKind, SecurityFact, SecurityKind
from vendomat.terminal.journal import JournalError
from vendomat.terminal.loop.machine import Machine

LOOK_EVERY_S = 1.0
WAITING_MAX = 500


class Reporting:
    """`wake_upload` is called for each new fact."""

    def __init__(self, machine: Machine, wake_upload: Callable[[], None]) -> None:
        self._machine = machine
        self._wake_upload = wake_upload

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.report()
            await self._machine.ports.clock.sleep(LOOK_EVERY_S)

    async def report(self) -> None:
        """Write down what may be told now."""
        machine, ports = self._machine, self._machine.ports
        if machine.facts_waiting > WAITING_MAX:
            return
        for kind, count in ports.refusals.take_due(ports.clock.elapsed()):
            await self._write(kind, count)

    async def _write(self, kind: SecurityKind, count: int) -> None:
        machine, ports = self._machine, self._machine.ports
        at, is_trusted = machine.now_text(), machine.is_time_trusted
        body = msgspec.json.encode(SecurityFact(what=kind.value, count=count))
        try:
            await ports.journal.run(lambda j: j.append(FactKind.SECURITY, body, at, is_time_trusted=is_trusted))
        except JournalError as error:
            ports.refusals.give_back(kind, count)
            machine.note_journal(error)
            return
        machine.facts_waiting += 1
        self._wake_upload()
