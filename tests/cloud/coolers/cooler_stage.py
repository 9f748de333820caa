"""Everything that sells from a cooler, on one clock that a test moves: cloud, platform, terminal, cooler, buyer.

Nothing is played but the network: messages are signed, sealed and opened as on the wire, the platform is asked over
HTTP, facts are journalled on a disk. `kill_cloud` and `kill_terminal` leave what a dead process leaves: its rows, its
files, and nothing that it was about to do.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog
import uvicorn
from fastapi import FastAPI

from tests.cloud.sales.conftest import MACHINE, MERCHANT, World
from tests.cloud.sales.selling_stage import CLOUD_KEY, MASTER, verifier
from tests.cloud.shop_stage import MachineKey
from tests.contracts.payments.conftest import wechat_settings
from vendomat.cloud.app import SalesGround, SalesParts, build_sales
from vendomat.cloud.coolers import Visit, VisitRequest, VisitState, put_cooler, visit_notice_router
from vendomat.cloud.merchants import PaymentAccount, PaymentAccounts
from vendomat.cloud.payments import open_provider
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.kernel import ErrorCode, ManualClock, TimeOrderedIds, VendomatError
from vendomat.protocol import Envelope, Problem, seal, unseal
from vendomat.simulator.gateways import GatewayServer, Habits
from vendomat.terminal.drivers import CoolerDoor, SimulatedCooler
from vendomat.terminal.journal import Journal, JournalInline
from vendomat.terminal.link import NotAnsweredError
from vendomat.terminal.loop import Ports, Terminal
from vendomat.terminal.screen import Face

KEY = b"k" * 32
MACHINE_KEY = MachineKey(b"\x05" * 32)
CEILING_MINOR = 2_000
PATIENCE_S = 60.0
SLICE_S = 2.5
_numbers = itertools.count(1)


class DiedError(Exception):
    """The program was killed at this point."""


@dataclass
class Net:
    """Between one cloud and one machine: either side may be away, or deaf to the answers of the other."""

    stage: CoolerStage
    down: Callable[[Envelope], Awaitable[object | None]] | None = None
    is_up: bool = True
    loses: set[str] = field(default_factory=set)
    """Kinds of messages down that never arrive."""
    carried: list[str] = field(default_factory=list)
    epoch: int = 0
    seq: int = 0
    in_flight: int = 0

    # the terminal's end

    @property
    def is_connected(self) -> bool:
        return self.is_up and self.down is not None

    async def request(self, kind: str, body: object, reply_type: type[Any], *, timeout_s: float) -> Any:
        parts = self.stage.parts
        if not self.is_up or parts is None:
            raise NotAnsweredError(f"{kind}: nobody is there")
        self.seq += 1
        data = seal(body, kind=kind, machine=MACHINE, epoch=self.epoch, seq=self.seq, signer=MACHINE_KEY)
        self.in_flight += 1
        try:
            reply = await parts.messages.handle(MACHINE, kind, data)
        finally:
            self.in_flight -= 1
        if reply is None or not self.is_up:
            raise NotAnsweredError(f"{kind}: no answer")
        envelope = unseal(reply, verify=verifier(CLOUD_KEY), machine=MACHINE)
        if envelope.kind == "problem":
            problem = msgspec.json.decode(envelope.body, type=Problem)
            raise VendomatError(ErrorCode(problem.code), problem.message, **problem.detail)
        return msgspec.json.decode(envelope.body, type=reply_type)

    async def run(self, down: Callable[[Envelope], Awaitable[object | None]], changed: Callable[[bool], None]) -> None:
        self.down = down
        changed(True)
        await asyncio.Event().wait()

    # the cloud's end

    async def ask(self, machine_id: str, kind: str, data: bytes, *, timeout_s: float) -> bytes | None:
        self.carried.append(kind)
        if not self.is_connected or kind in self.loses or self.down is None:
            return None
        envelope = unseal(data, verify=verifier(CLOUD_KEY), machine=machine_id)
        try:
            async with asyncio.timeout(PATIENCE_S):
                answer = await self.down(envelope)
        except (VendomatError, TimeoutError):
            return None
        self.seq += 1
        kind = f"{kind}.reply"
        return seal(answer, kind=kind, machine=machine_id, epoch=self.epoch, seq=self.seq, signer=MACHINE_KEY)

    async def tell(self, machine_id: str, kind: str, data: bytes) -> None:
        return


class NoPictures:
    def path_of(self, name: str) -> Path | None:
        return None

    def address_of(self, image: str) -> str:
        return image

    async def fetch_all(self, images: list[str]) -> bool:
        return False


@dataclass
class CoolerStage:
    """`await begin()`, `agree(visit)`, then `until` it comes; the cooler's hands are `cooler`."""

    world: World
    server: GatewayServer
    clock: ManualClock
    folder: Path
    account: Any
    settings: CloudSettings
    parts: SalesParts | None = None

    def __post_init__(self) -> None:
        self.net = Net(self)
        self._cloud = AsyncExitStack()
        self._terminal: Terminal | None = None

    # --- lives -------------------------------------------------------------------------------------------------------

    async def start_cloud(self) -> None:
        self._cloud = AsyncExitStack()
        number = next(_numbers)
        self.parts = build_sales(
            SalesGround(
                settings=self.settings,
                database=self.world.database,
                wire=self.net,
                master_key=MASTER,
                signer=CLOUD_KEY,
                open_provider=open_provider,
                clock=self.clock,
                ids=TimeOrderedIds(self.clock, lambda bits: hash((number, next(_numbers))) & ((1 << bits) - 1)),
            ),
            self._cloud,
        )

    async def kill_cloud(self) -> None:
        """What was under way is cut off wherever it was."""
        if self.parts is not None:
            await self.parts.visit_sweeps.aclose()
            self.parts = None
        await self._cloud.aclose()

    async def start_terminal(self) -> None:
        journal = Journal(self.folder / "journal.db", KEY)
        self.journal, self.net.epoch, self.net.seq, self.net.down = journal, journal.epoch, 0, None
        self.cooler = SimulatedCooler(self.folder / "cooler.jsonl", {"A1": 40, "A2": 3}, clock=self.clock)
        door = CoolerDoor(self.cooler, self.clock)
        ports = Ports(
            clock=self.clock,
            ids=TimeOrderedIds(self.clock),
            journal=JournalInline(journal),
            dispenser=door,
            wire=self.net,
            new_nonce=lambda: f"nonce-{next(_numbers):020}",
            chance=lambda: 0.5,
            log=structlog.get_logger(),
            door=door,
        )
        self._terminal = Terminal(ports, Face(MACHINE, "test"), NoPictures())
        await self._terminal.start()

    async def kill_terminal(self) -> None:
        """Every task gone at once, nothing finished; the files are let go of, as a dead process does."""
        terminal, self._terminal, self.net.down = self._terminal, None, None
        if terminal is not None:
            for tasks in (terminal._tasks, terminal.vending._tasks, terminal.selling._tasks):
                await tasks.cancel()
            await self.cooler.stop()
            self.journal.close()

    # --- the buyer ---------------------------------------------------------------------------------------------------

    async def begin(self, *, payer: str = "") -> Visit:
        assert self.parts is not None
        request = VisitRequest(MERCHANT, MACHINE, f"request-{next(_numbers)}", "wechat", payer)
        return await self.parts.visits.begin(request)

    def agree(self, visit: Visit, buyer: str = "") -> None:
        self.server.wechat.agree(visit.visit_id, buyer or f"buyer of {visit.visit_id}")

    def make_poor(self, visit: Visit, balance_fen: int = 0) -> None:
        self.server.wechat.set_habits(f"buyer of {visit.visit_id}", Habits(balance_fen=balance_fen))

    async def opened(self) -> Visit:
        """A visit whose buyer has pulled the door open."""
        visit = await self.begin()
        self.agree(visit)
        await self.until(self.cooler.pull)
        return visit

    async def shop(self, *slots: str) -> Visit:
        """A visit whose buyer has taken these and shut the door."""
        visit = await self.opened()
        await self.breathe()
        for slot in slots:
            self.cooler.take(slot)
        assert self.cooler.shut()
        return visit

    # --- time --------------------------------------------------------------------------------------------------------

    async def until(self, is_so: Callable[[], bool | Awaitable[bool]], step_s: float = 0.5) -> None:
        """Let time pass, and everybody act, until it is so."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            answer = is_so()
            if await answer if isinstance(answer, Awaitable) else answer:
                return
            assert time.monotonic() < deadline, "it did not come"
            await self.breathe(step_s)

    async def breathe(self, step_s: float = 0.5) -> None:
        left_s = step_s
        while left_s > 0:
            await self.clock.advance(min(left_s, SLICE_S))
            left_s -= SLICE_S
            await asyncio.sleep(0.002)
            while self.net.in_flight:  # time must not run ahead of what really takes some
                await asyncio.sleep(0.002)
        if self.parts is not None:
            await self.parts.visit_sweeps.sweep()

    async def comes_to(self, visit: Visit, state: VisitState, step_s: float = 0.5) -> Visit:
        async def is_there() -> bool:
            return (await self.row(visit)).state is state

        await self.until(is_there, step_s)
        return await self.row(visit)

    async def is_ready(self) -> bool:
        """The cloud has heard that the cooler may sell, with a nonce that is still fresh."""
        fresh_at = self.clock.now() - timedelta(seconds=self.settings.lease_s / 2)
        found = await self.one("SELECT bool_and(is_ready AND nonce_at > $1) FROM machine_live", fresh_at)
        return bool(found)

    # --- looks -------------------------------------------------------------------------------------------------------

    async def row_of(self, visit_id: str) -> Visit:
        assert self.parts is not None
        return await self.parts.visits.find((MERCHANT, visit_id))

    async def row(self, visit: Visit) -> Visit:
        from vendomat.cloud.coolers.store import load_visit

        async with self.world.database.hot.acquire() as connection:
            found = await load_visit(connection, visit.key, is_locking=False)
        assert found is not None
        return found

    async def one(self, query: str, *values: object) -> Any:
        return await self.world.superuser.fetchval(query, *values)

    async def balance(self, account: str) -> int:
        return int(await self.one("SELECT coalesce(sum(amount_minor), 0) FROM ledger_line WHERE account = $1", account))

    @property
    def receivable(self) -> str:
        return f"asset:receivable:wechat:{self.account.mchid}"

    @property
    def clearing(self) -> str:
        return f"asset:clearing:wechat:{self.account.mchid}"

    async def on_hand(self, slot: str) -> int:
        return int(await self.one("SELECT on_hand FROM stock_slot WHERE slot = $1", slot))

    async def alarms(self) -> list[str]:
        rows = await self.world.superuser.fetch("SELECT kind FROM alarm ORDER BY kind")
        return [row[0] for row in rows]

    def platform_state(self, visit: Visit) -> str:
        return str(self.server.wechat.score.services[f"{self.account.mchid}/{visit.visit_id}"].state)


class _QuietServer(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        return


@asynccontextmanager
async def open_cooler_stage(
    world: World, server: GatewayServer, clock: ManualClock, folder: Path
) -> AsyncIterator[CoolerStage]:
    """A cooler in service, its cloud and its terminal running, and the notices of the platform arriving."""
    account = server.open_wechat_account("Coolers")
    kept = wechat_settings(account) | {"service_id": account.service_id, "timeout_s": 10.0}
    await PaymentAccounts(world.database, MASTER).put(PaymentAccount(MERCHANT, "wechat", account.mchid, kept))
    await world.superuser.execute("UPDATE machine SET public_key = $1, epoch = 0", MACHINE_KEY.public)
    await world.superuser.execute("DELETE FROM machine_live")
    async with world.database.hot.acquire() as connection:
        await put_cooler(connection, (MERCHANT, MACHINE), ceiling_minor=CEILING_MINOR, is_active=True)
    app = FastAPI()
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off")
    http = _QuietServer(config)
    serving = asyncio.create_task(http.serve())
    while not http.started:
        await asyncio.sleep(0.01)
    port = http.servers[0].sockets[0].getsockname()[1]
    settings = CloudSettings(public_url=f"http://127.0.0.1:{port}")
    stage = CoolerStage(world, server, clock, folder, account, settings)
    await stage.start_cloud()

    class Now:
        """Notices go to the cloud of the moment."""

        async def take_notice(self, *notice: Any) -> Any:
            if stage.parts is None:
                raise DiedError
            return await stage.parts.visits.take_notice(*notice)

    app.include_router(visit_notice_router(Now()))  # type: ignore[arg-type]
    await stage.start_terminal()
    await stage.until(stage.is_ready)
    yield stage
    await stage.kill_terminal()
    await stage.kill_cloud()
    http.should_exit = True
    await serving
