"""A real terminal and a real cloud worker with a captured wire between them.

Whoever holds the wire sees, keeps, drops, alters and repeats everything, and speaks to both sides in any name. It has
neither the cloud's command key nor the machine's.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from tests.cloud.sales.conftest import MACHINE, World
from tests.cloud.sales.selling_stage import CLOUD_KEY, Stage, open_stage
from tests.cloud.shop_stage import MachineKey
from tests.terminal.bench import NoPictures
from vendomat.kernel import SystemClock, TimeOrderedIds
from vendomat.protocol import OrderLine
from vendomat.terminal.drivers import SimulatedCabinet
from vendomat.terminal.journal import Journal, JournalThread
from vendomat.terminal.link import CloudKeys, NotAnsweredError, Refusals, SealedTalk
from vendomat.terminal.loop import Ports, Terminal
from vendomat.terminal.screen import Face

THIEF = MachineKey(b"\x66" * 32)
"""A key of the attacker's own."""

_nonces = itertools.count()
Alter = Callable[[str, bytes], bytes | None]


def public_text(key: MachineKey) -> str:
    """A key as machines are told it."""
    return base64.b64encode(base64.b32decode(key.public)[1:33]).decode()


def garbled(kind: str, data: bytes) -> bytes | None:
    """The machine gets no command that it could read; the attacker has something to answer in its place."""
    return b"?" if kind in ("dispense", "fence") else data


def _unaltered(kind: str, data: bytes) -> bytes | None:
    return data


class Named:
    """Signs with `key` under the name of another."""

    def __init__(self, key: MachineKey, key_id: str) -> None:
        self.key_id = key_id
        self.sign = key.sign


@dataclass
class CapturedWire:
    """`kept` is all that passed, as (way, kind, data). `on_…` alter a message or drop it (None)."""

    kept: list[tuple[str, str, bytes]] = field(default_factory=list)
    on_up: Alter = _unaltered
    on_answer: Alter = _unaltered  # of the cloud, to the machine
    on_down: Alter = _unaltered
    on_reply: Alter = _unaltered  # of the machine, to the cloud
    to_cloud: Callable[[str, bytes], Any] | None = None
    to_machine: Callable[[str, bytes], Any] | None = None

    def all_of(self, way: str, kind: str) -> list[bytes]:
        return [data for kept_way, kept_kind, data in self.kept if (kept_way, kept_kind) == (way, kind)]

    async def carry_up(self, kind: str, data: bytes) -> bytes | None:
        return await self._carry(("up", self.on_up, self.to_cloud), ("answer", self.on_answer), kind, data)

    async def carry_down(self, kind: str, data: bytes) -> bytes | None:
        return await self._carry(("down", self.on_down, self.to_machine), ("reply", self.on_reply), kind, data)

    async def _carry(
        self, there: tuple[str, Alter, Any], back: tuple[str, Alter], kind: str, data: bytes
    ) -> bytes | None:
        way, alter, deliver = there
        self.kept.append((way, kind, data))
        altered = alter(kind, data)
        if altered is None or deliver is None:
            return None
        answer = await deliver(kind, altered)
        if answer is None:
            return None
        self.kept.append((back[0], kind, answer))
        return back[1](kind, answer)

    # --- the cloud's end (fits `MachineWire`) ------------------------------------------------------------------------

    async def ask(self, machine_id: str, kind: str, data: bytes, *, timeout_s: float) -> bytes | None:
        try:
            async with asyncio.timeout(timeout_s):
                return await self.carry_down(kind, data)
        except TimeoutError:
            return None

    async def tell(self, machine_id: str, kind: str, data: bytes) -> None:
        await self.carry_down(kind, data)


class MachineEnd:
    """The machine's end (fits `Wire`)."""

    def __init__(self, wire: CapturedWire, talk: SealedTalk) -> None:
        self.is_connected = True
        self._wire = wire
        self._talk = talk

    async def request(self, kind: str, body: object, reply_type: type[Any], *, timeout_s: float) -> Any:
        question = self._talk.ask(kind, body)
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._wire.carry_up(kind, question.data)
        except TimeoutError:
            answer = None
        if answer is None:
            await asyncio.sleep(0.05)
            raise NotAnsweredError(f"{kind}: no answer")
        return self._talk.answer(question, answer, reply_type)

    async def run(self, down: Any, changed: Callable[[bool], None]) -> None:
        async def serve(kind: str, data: bytes) -> bytes | None:
            return await self._talk.serve(kind, data, down)

        self._wire.to_machine = serve
        changed(True)
        await asyncio.Event().wait()


@dataclass
class Scene:
    """`stage` is the cloud, `terminal` the machine, `wire` what the attacker holds."""

    stage: Stage
    wire: CapturedWire
    folder: Path
    terminal: Terminal = field(init=False)
    cabinet: SimulatedCabinet = field(init=False)
    refusals: Refusals = field(init=False)

    async def start(self) -> None:
        clock = SystemClock()
        journal = JournalThread(lambda: Journal(self.folder / "journal.db", b"k" * 32, epoch_min=2))
        await journal.open()
        self.cabinet = SimulatedCabinet(
            self.folder / "cabinet.jsonl", {"A1": 9, "A2": 3}, clock=clock, chance=lambda: 0.5, speed=40.0
        )
        self.refusals = Refusals()
        talk = SealedTalk(
            self.stage.machine,
            machine=lambda: MACHINE,
            epoch=lambda: journal.epoch,
            verify=CloudKeys({CLOUD_KEY.public: public_text(CLOUD_KEY)}).verify,
            log=structlog.get_logger(),
            refused=lambda what, _: self.refusals.note(what),
        )
        ports = Ports(
            clock=clock,
            ids=TimeOrderedIds(clock),
            journal=journal,
            dispenser=self.cabinet,
            wire=MachineEnd(self.wire, talk),
            new_nonce=lambda: f"nonce-{next(_nonces):020}",
            chance=lambda: 0.5,
            log=structlog.get_logger(),
            refusals=self.refusals,
        )
        self.terminal = Terminal(ports, Face(MACHINE, "test"), NoPictures())
        await self.terminal.start()
        await self.until(lambda: self.terminal.selling.sale.is_online and self.terminal.machine.catalogue is not None)

    async def restart(self) -> None:
        self.wire.to_machine = None
        await self.terminal.stop()
        await self.start()

    # --- acting ------------------------------------------------------------------------------------------------------

    async def order(self, request_id: str = "r1") -> str:
        """Press for one A1 and wait for the code; the order's id."""
        self.terminal.order(request_id, [OrderLine(slot="A1", quantity=1, price_minor=350)], "wechat")
        await self.until(lambda: self.screen == "paying")
        return str(self.terminal.snapshot()["sale"]["order_id"])

    async def pay(self) -> None:
        """The platform takes the money of the order that waits for it, and the cloud hears of it."""
        row = await self.stage.world.superuser.fetchrow(
            "SELECT payment_id, merchant_id FROM payment WHERE state = 'created'"
        )
        trade = self.stage.platform.take_money(row["payment_id"])
        await self.stage.till.apply_paid(row["merchant_id"], trade, via="notice", notice=("wechat", row["payment_id"]))

    # --- looking -----------------------------------------------------------------------------------------------------

    @property
    def screen(self) -> str:
        return str(self.terminal.snapshot()["screen"])

    @property
    def starts(self) -> list[str]:
        starts: list[str] = self.cabinet.state()["starts"]  # type: ignore[assignment]
        return starts

    async def until(self, condition: Callable[[], bool], limit_s: float = 30.0) -> None:
        deadline = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < deadline, f"did not come about; screen {self.screen}"
            await asyncio.sleep(0.01)

    async def until_row(self, query: str, value: object, limit_s: float = 30.0) -> None:
        deadline = time.monotonic() + limit_s
        while (found := await self.stage.one(query)) != value:
            assert time.monotonic() < deadline, f"{query} is {found}, not {value}"
            await asyncio.sleep(0.02)

    async def until_told(self, kind: str) -> None:
        """The refusal is a security event in the cloud, and an alarm that names the machine."""
        await self.stage.watch.flush()
        await self.until_row(f"SELECT count(*) > 0 FROM security_event WHERE kind = '{kind}'", True)
        alarm = "SELECT machine_id || kind FROM alarm WHERE kind = 'machine.security' AND state = 'raised'"
        await self.until_row(alarm, MACHINE + "machine.security")


@asynccontextmanager
async def open_scene(world: World, folder: Path) -> AsyncIterator[Scene]:
    """A terminal that is online at a cloud that knows its key, with an honest wire until somebody alters it."""
    wire = CapturedWire()
    async with open_stage(world, line=wire) as stage:

        async def to_cloud(kind: str, data: bytes) -> bytes | None:
            return await stage.messages.handle(MACHINE, kind, data)

        wire.to_cloud = to_cloud
        scene = Scene(stage, wire, folder)
        await scene.start()
        try:
            yield scene
        finally:
            wire.to_machine = None
            await scene.terminal.stop()
