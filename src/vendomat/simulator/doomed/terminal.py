"""A real terminal whose journal, motor and wire tell a trap where they are.

It does what the terminal does and adds the end, and deafness: while `deaf` lies in its folder, commands are not heard
(fences are), as on a wire that loses them.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from vendomat.protocol import Envelope
from vendomat.simulator.doomed.trap import DEAF, Trap
from vendomat.terminal.app import main
from vendomat.terminal.drivers import Capabilities, Dispenser, Readings, VendReport
from vendomat.terminal.journal import Journal, JournalPort
from vendomat.terminal.link import Down, Wire
from vendomat.terminal.loop import Ports

TURNING_S = 0.06
_Result = TypeVar("_Result")
_Reply = TypeVar("_Reply")


class _DoomedBook:
    """The journal as a call sees it: writes that matter are named, everything else passes."""

    def __init__(self, journal: Journal, trap: Trap) -> None:
        self._journal = journal
        self._trap = trap

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._journal, name)
        if name not in ("append", "prune", "put"):
            return method

        def write(*args: Any, **options: Any) -> Any:
            point = name if name == "prune" else f"{name} of {args[0]}"
            self._trap.reach(f"before {point}")
            written = method(*args, **options)
            self._trap.reach(f"after {point}")
            return written

        return write


class _DoomedJournal:
    def __init__(self, inner: JournalPort, trap: Trap) -> None:
        self._inner = inner
        self._trap = trap

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def run(self, call: Callable[[Journal], _Result]) -> _Result:
        return await self._inner.run(lambda journal: call(cast(Journal, _DoomedBook(journal, self._trap))))


class _DoomedDispenser:
    def __init__(self, inner: Dispenser, trap: Trap) -> None:
        self._inner = inner
        self._trap = trap

    @property
    def capabilities(self) -> Capabilities:
        return self._inner.capabilities

    async def start(self) -> None:
        await self._inner.start()

    async def stop(self) -> None:
        await self._inner.stop()

    async def read(self) -> Readings:
        return await self._inner.read()

    async def check(self, slot: str) -> bool | None:
        return await self._inner.check(slot)

    async def dispense(self, slot: str, cmd_id: str) -> VendReport:
        self._trap.reach("before motor")
        running = asyncio.create_task(self._inner.dispense(slot, cmd_id))
        await asyncio.wait({running}, timeout=TURNING_S)
        self._trap.reach("during motor")
        report = await running
        self._trap.reach("after motor")
        return report


class _DoomedWire:
    def __init__(self, inner: Wire, trap: Trap, folder: Path) -> None:
        self._inner = inner
        self._trap = trap
        self._folder = folder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def request(self, kind: str, body: object, reply_type: type[_Reply], *, timeout_s: float) -> _Reply:
        point = "report" if kind == "facts" else f"request of {kind}"
        self._trap.reach(f"before {point}")
        reply = await self._inner.request(kind, body, reply_type, timeout_s=timeout_s)
        self._trap.reach(f"after {point}")
        return reply

    async def run(self, down: Down, changed: Callable[[bool], None]) -> None:
        async def hear(envelope: Envelope) -> object | None:
            if envelope.kind == "dispense" and (self._folder / DEAF).exists():
                return None
            answer = await _awaited(down(envelope))
            self._trap.reach(f"before reply to {envelope.kind}")
            return answer

        await self._inner.run(hear, changed)


async def _awaited(answer: Awaitable[object | None]) -> object | None:
    return await answer


def run_doomed_terminal(folder: Path) -> int:
    """The terminal as a program, under `folder/trap`; the exit status."""
    trap = Trap(folder / "trap")

    def refit(ports: Ports) -> Ports:
        return dataclasses.replace(
            ports,
            journal=cast(JournalPort, _DoomedJournal(ports.journal, trap)),
            dispenser=_DoomedDispenser(ports.dispenser, trap),
            wire=cast(Wire, _DoomedWire(ports.wire, trap, folder)),
        )

    return main(folder, refit)
