"""A town of real processes for faults that need some: two cloud workers, two machines, one of them on a bad line.

Every process may be trapped (see `doomed`). A test breaks something, mends it, and asks `is_sound`.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from vendomat.cli.judge import judge
from vendomat.kernel import SystemClock, TimeOrderedIds
from vendomat.simulator.doomed import Armed, Trap
from vendomat.simulator.kill_matrix.matrix import HURRIED, PROGRAMS
from vendomat.simulator.line import Line
from vendomat.simulator.town import (
    HURRIED_PLATFORMS,
    Shopper,
    Story,
    Town,
    TownPlan,
    come_to_rest,
    left_behind,
)

PATIENCE_S = 120.0
LOOK_EVERY_S = 0.1
SOUND_TRIES, SOUND_AGAIN_S = 5, 2.0
ON_A_LINE = 1
"""The machine whose wire goes over `Street.line`."""


@dataclass
class Street:
    """`shoppers` by machine; `line` is between the second machine and NATS."""

    town: Town
    line: Line
    shoppers: list[Shopper]

    @property
    def superuser_url(self) -> str:
        postgres = self.town.engines.postgres
        assert postgres is not None
        return postgres.address.superuser_url

    async def one(self, query: str, *values: object) -> Any:
        connection = await asyncpg.connect(self.superuser_url)
        try:
            return await connection.fetchval(query, *values)
        finally:
            await connection.close()

    async def buy(self, machine: int, story: Story = Story.GOOD) -> str:
        return await self.shoppers[machine].buy(story)

    async def screen(self, machine: int) -> dict[str, Any]:
        """What the machine's screen says now; empty when it does not answer."""
        async with httpx.AsyncClient(trust_env=False, timeout=30.0) as client:
            try:
                answer = await client.get(self.town.kiosk_url(self.town.record.machines[machine]) + "/api/state")
            except httpx.HTTPError:
                return {}
        return dict(answer.json())

    async def health(self, worker_port: int | None = None) -> tuple[int, dict[str, Any]]:
        port = worker_port or self.town.record.console_port
        async with httpx.AsyncClient(trust_env=False, timeout=30.0) as client:
            answer = await client.get(f"http://127.0.0.1:{port}/api/v1/health")
        return answer.status_code, dict(answer.json())

    def trap(self, point: str, *, is_frozen: bool = False) -> Trap:
        """Set the trap that both workers share."""
        trap = Trap(self.town.plan.folder / "cloud" / "trap")
        trap.set(Armed(point, is_frozen=is_frozen))
        return trap

    def victim_of(self, trap_folder: Path) -> int:
        """The process that walked into the trap last."""
        taken = max(trap_folder.glob("trap.taken-*"), key=lambda path: path.stat().st_ctime)
        return int(taken.name.rpartition("-")[2])

    async def is_sound(self) -> None:
        """Nothing is left open, and the audit finds nothing. Machines go on telling small things meanwhile."""
        for _ in range(SOUND_TRIES):
            assert await come_to_rest(self.town) == 0
            verdict = await judge(left_behind(self.town))
            if verdict.violations == 0:
                return
            await SystemClock().sleep(SOUND_AGAIN_S)
        raise AssertionError(verdict.breaches)


async def until(is_so: Callable[[], Awaitable[bool]], limit_s: float = PATIENCE_S) -> float:
    """Wait for `is_so`; the seconds it took. Fails when patience ends."""
    clock = SystemClock()
    began = clock.elapsed()
    while not await is_so():
        assert clock.elapsed() - began < limit_s, "it did not come"
        await clock.sleep(LOOK_EVERY_S)
    return clock.elapsed() - began


@asynccontextmanager
async def open_street(folder: Path) -> AsyncIterator[Street]:
    clock = SystemClock()
    plan = TownPlan(
        folder,
        machines=2,
        speed=10.0,
        # Time to pay on a machine that has much to do; a command that its machine never heard is over soon.
        cloud=HURRIED | {"stuck_s": "3", "qr_s": "15", "ttl_s": "15", "notify_private": "1"},
        gateways=HURRIED_PLATFORMS,
        workers=2,
        programs=PROGRAMS,
        # Programs are killed here, never the whole machine: what PostgreSQL gave to the kernel stays written.
        database={"fsync": "off", "full_page_writes": "off"},
    )
    async with Town.open(plan) as town:
        nats = town.engines.nats
        assert nats is not None
        line = Line(nats.port, random.Random(1).random)
        await _lay(line, town)

        async def nobody_restarts() -> None:
            return

        shoppers = [
            Shopper(
                town.kiosk_url(machine),
                town.control,
                nobody_restarts,
                clock=clock,
                ids=TimeOrderedIds(clock),
                chance=random.Random(index),
                patience_s=PATIENCE_S,
            )
            for index, machine in enumerate(town.record.machines)
        ]
        try:
            yield Street(town, line, shoppers)
        finally:
            for shopper in shoppers:
                await shopper.aclose()
            await line.aclose()
            await asyncio.to_thread(_destroy, town)


def _destroy(town: Town) -> None:
    postgres = town.engines.postgres
    assert postgres is not None
    postgres.destroy()


async def _lay(line: Line, town: Town) -> None:
    """Let the second machine find the wire at the line's end."""
    machine = town.record.machines[ON_A_LINE]
    terminal = town.terminals[machine.machine_id]
    port = await line.start()
    await terminal.stop()
    kept = town.machine_folder(machine) / "enrolment.json"
    said = json.loads(kept.read_text())
    said["nats_url"] = f"tls://127.0.0.1:{port}"
    kept.write_text(json.dumps(said))
    await terminal.start()
    assert line.accepted > 0 or await until(_is_used(line)) >= 0.0


def _is_used(line: Line) -> Callable[[], Awaitable[bool]]:
    async def is_used() -> bool:
        return line.accepted > 0

    return is_used
