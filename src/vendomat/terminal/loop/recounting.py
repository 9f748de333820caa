"""Writes down what a cooler recognises after a visit, as facts that reach the cloud like any other.

What was recognised anew is only a figure: what it means for money is decided elsewhere. Refuses a command that this
machine does not know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from vendomat.protocol import FactKind, Recount, TakenGoods, VendFact
from vendomat.terminal.journal import JournalError
from vendomat.terminal.loop.machine import Machine

WRITE_AGAIN_S = 1.0
WAITING_MAX = 100


class Recounting:
    """`wake_upload` is called for each new fact."""

    def __init__(self, machine: Machine, wake_upload: Callable[[], None]) -> None:
        self._machine = machine
        self._wake_upload = wake_upload
        self._waiting: asyncio.Queue[tuple[str, tuple[TakenGoods, ...]]] = asyncio.Queue(WAITING_MAX)

    def take(self, cmd_id: str, goods: tuple[TakenGoods, ...]) -> None:
        """A visit's goods were recognised anew."""
        if self._waiting.full():
            self._machine.ports.log.error("recount_dropped", cmd_id=cmd_id)
            return
        self._waiting.put_nowait((cmd_id, goods))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            cmd_id, goods = await self._waiting.get()
            while not await self._write(cmd_id, goods):
                await self._machine.ports.clock.sleep(WRITE_AGAIN_S)

    async def _write(self, cmd_id: str, goods: tuple[TakenGoods, ...]) -> bool:
        """False: the disk refused, try again."""
        machine, ports = self._machine, self._machine.ports
        at, is_trusted = machine.now_text(), machine.is_time_trusted
        try:
            command = await ports.journal.run(lambda j: j.find(cmd_id))
            if command is None or not command.facts:
                ports.log.error("recount_of_unknown_command", cmd_id=cmd_id)
                return True
            visit_id = msgspec.json.decode(command.facts[0].body, type=VendFact).order_id
            body = msgspec.json.encode(Recount(cmd_id=cmd_id, order_id=visit_id, goods=list(goods)))
            await ports.journal.run(lambda j: j.append(FactKind.RECOUNT, body, at, is_time_trusted=is_trusted))
        except JournalError as error:
            machine.note_journal(error)
            return False
        machine.note_journal(None)
        machine.facts_waiting += 1
        self._wake_upload()
        return True
