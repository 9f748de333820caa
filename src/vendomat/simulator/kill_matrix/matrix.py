"""The kill matrix: one town of real processes, each killed once at every effect boundary, brought back, and audited.

Machines play their own boundaries side by side; then the platforms fall one time after another, then the cloud, one of
three workers each time. A boundary that no purchase
reached is reported and makes the verdict bad: a kill that never happened proves nothing.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vendomat.kernel import Clock, SystemClock, TimeOrderedIds, VendomatError
from vendomat.simulator.doomed import DEAF, Armed, Trap
from vendomat.simulator.gateways import NoticeFault
from vendomat.simulator.kill_matrix.boundaries import Boundary, Purchase, Victim, kill_points
from vendomat.simulator.town import (
    HURRIED_CLOUD,
    HURRIED_PLATFORMS,
    Child,
    Judge,
    Programs,
    Shopper,
    Story,
    Town,
    TownMachine,
    TownPlan,
    come_to_rest,
    left_behind,
)

HURRIED = HURRIED_CLOUD | {
    "heartbeat_s": "1",
    "lease_s": "6",
    "clock_margin_s": "1",
    "silence_s": "3",
    "resend_s": "1",
    "deadline_s": "4",
}
DOOMED = "vendomat.simulator.doomed"
PROGRAMS = Programs(cloud=(DOOMED, "cloud"), terminal=(DOOMED, "terminal"), gateways=(DOOMED, "platforms"))
STORIES = {
    Purchase.GOOD: Story.GOOD,
    Purchase.JAM: Story.JAM,
    Purchase.WALKS_AWAY: Story.WALKS_AWAY,
    Purchase.NOTICE_LOST: Story.NOTICE_LOST,
    Purchase.REFUND_NOTICE_LOST: Story.JAM,
    Purchase.DEAF: Story.GOOD,
    Purchase.COUPON: Story.GOOD,
    Purchase.COUPON_LEFT: Story.WALKS_AWAY,
}
WITH_COUPON = (Purchase.COUPON, Purchase.COUPON_LEFT)
WORKERS = 3
TRIES = 4
REACH_S = 40.0
PATIENCE_S = 25.0
LOOK_EVERY_S = 0.05
START_AGAIN_S = 0.2

Say = Callable[[str], None]


@dataclass(frozen=True)
class MatrixPlan:
    """Lanes: machines that play the terminal's own boundaries."""

    folder: Path
    boundaries: Sequence[Boundary] = field(default_factory=kill_points)
    lanes: int = 4
    seed: int = 1


@dataclass
class MatrixReport:
    """`killed` by boundary with what the buyer saw; `fallen` counts processes that ended where they should not."""

    seconds: float = 0.0
    killed: dict[str, str] = field(default_factory=dict)
    not_reached: list[str] = field(default_factory=list)
    fallen: int = 0
    still_open: int = 0
    violations: int = 0
    breaches: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Everybody died where they should, nobody elsewhere, and nothing came of it."""
        return not (self.not_reached or self.fallen or self.still_open or self.violations)


class _Keeper:
    """Starts a process again whenever it has ended, as a supervisor does."""

    def __init__(self, child: Child, clock: Clock) -> None:
        self.child = child
        self.deaths = 0
        self._clock = clock
        self._task = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        while True:
            await self.child.wait()
            self.deaths += 1
            while self.child.pid is None:
                try:
                    await self.child.start()
                except VendomatError:  # it fell again while starting, or what it stands on is down
                    await self._clock.sleep(START_AGAIN_S)

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class _Lane:
    """One machine with its buyer, and the boundaries that are played at it."""

    def __init__(self, matrix: _Matrix, machine: TownMachine, chance: random.Random) -> None:
        town = matrix.town
        self._matrix = matrix
        self._machine = machine
        self._folder = town.machine_folder(machine)

        async def nobody_restarts() -> None:
            return

        self._shopper = Shopper(
            town.kiosk_url(machine),
            town.control,
            nobody_restarts,
            clock=matrix.clock,
            ids=TimeOrderedIds(matrix.clock),
            chance=chance,
            patience_s=PATIENCE_S,
        )

    async def play(self, cases: asyncio.Queue[Boundary], turn: asyncio.Semaphore) -> None:
        try:
            while not cases.empty():
                async with turn:
                    if not cases.empty():
                        await self._play(cases.get_nowait())
        finally:
            await self._shopper.aclose()

    async def _play(self, boundary: Boundary) -> None:
        matrix, name = self._matrix, f"{boundary.victim}: {boundary.point} ({boundary.purchase})"
        trap = matrix.trap_of(boundary.victim, self._folder)
        trap.set(Armed(boundary.point))
        for _ in range(TRIES):
            await matrix.until(lambda: self._is_standing(boundary.victim), REACH_S)
            ended = await self._buy(boundary.purchase)
            if await matrix.until(lambda: not trap.is_set, REACH_S):
                matrix.say(f"{name}: {ended}")
                matrix.report.killed[name] = ended
                return
        trap.clear()
        matrix.say(f"{name}: NOT REACHED")
        matrix.report.not_reached.append(name)

    def _is_standing(self, victim: Victim) -> bool:
        """Whether there is somebody to kill, and for the cloud somebody to go on."""
        town = self._matrix.town
        if victim is Victim.CLOUD:
            return sum(worker.is_up for worker in town.workers) > 1
        return (town.gateways if victim is Victim.PLATFORMS else town.terminals[self._machine.machine_id]).is_up

    async def _buy(self, purchase: Purchase) -> str:
        town = self._matrix.town
        if purchase is Purchase.RESTART:
            self._matrix.restarts += 1
            await town.terminals[self._machine.machine_id].kill()
            return "restarted"
        channels: Sequence[str] = ("wechat", "alipay")
        if purchase is Purchase.REFUND_NOTICE_LOST:
            channels = ("wechat",)
            await town.control.add_notice_fault(NoticeFault.LOSE, platform="wechat", verb="refund", count=1)
        deaf = self._folder / DEAF
        if purchase is Purchase.DEAF:
            deaf.touch()
        try:
            coupon = town.record.coupon if purchase in WITH_COUPON else ""
            return await self._shopper.buy(STORIES[purchase], channels=channels, coupon=coupon)
        finally:
            deaf.unlink(missing_ok=True)


class _Matrix:
    def __init__(self, plan: MatrixPlan, town: Town, *, clock: Clock, say: Say) -> None:
        self.plan = plan
        self.town = town
        self.clock = clock
        self.say = say
        self.report = MatrixReport()
        self.restarts = 0

    async def until(self, is_so: Callable[[], bool], limit_s: float) -> bool:
        until = self.clock.elapsed() + limit_s
        while not is_so():
            if self.clock.elapsed() > until:
                return False
            await self.clock.sleep(LOOK_EVERY_S)
        return True

    def trap_of(self, victim: Victim, machine_folder: Path) -> Trap:
        folders = {
            Victim.CLOUD: self.plan.folder / "cloud",
            Victim.PLATFORMS: self.plan.folder / "platforms",
            Victim.TERMINAL: machine_folder,
        }
        return Trap(folders[victim] / "trap")

    async def play(self) -> None:
        """All boundaries; whoever falls is started again meanwhile."""
        town = self.town
        children = [*town.workers, town.gateways, *town.terminals.values()]
        keepers = [_Keeper(child, self.clock) for child in children]
        try:
            for victim in (Victim.TERMINAL, Victim.PLATFORMS, Victim.CLOUD):
                await asyncio.gather(*self._lanes(victim))
            await self.until(lambda: all(child.is_up for child in children), REACH_S)
            self.report.still_open = await come_to_rest(town)
        finally:
            for keeper in keepers:
                await keeper.end()
        meant = len(self.report.killed) + self.restarts
        self.report.fallen = max(0, sum(keeper.deaths for keeper in keepers) - meant)

    def _lanes(self, victim: Victim) -> list[Awaitable[None]]:
        """Every machine has its own trap; the cloud and the platforms have one, so the machines take turns at it."""
        queue: asyncio.Queue[Boundary] = asyncio.Queue()
        for boundary in self.plan.boundaries:
            if boundary.victim is victim:
                queue.put_nowait(boundary)
        machines = self.town.record.machines
        turn = asyncio.Semaphore(len(machines) if victim is Victim.TERMINAL else 1)
        chances = [random.Random(self.plan.seed * 1000 + index) for index in range(len(machines))]
        return [
            _Lane(self, machine, chance).play(queue, turn) for machine, chance in zip(machines, chances, strict=True)
        ]


async def run_matrix(plan: MatrixPlan, judge: Judge, say: Say = lambda _: None) -> MatrixReport:
    """Kill at every boundary of `plan`, wait until nothing is open, audit. The folder stays when the verdict is bad."""
    shutil.rmtree(plan.folder, ignore_errors=True)
    clock = SystemClock()
    town_plan = TownPlan(
        plan.folder,
        machines=plan.lanes,
        speed=10.0,
        cloud=HURRIED,
        gateways=HURRIED_PLATFORMS,
        workers=WORKERS,
        programs=PROGRAMS,
        is_promoted=True,
    )
    async with Town.open(town_plan) as town:
        began = clock.elapsed()
        matrix = _Matrix(plan, town, clock=clock, say=say)
        await matrix.play()
        report = matrix.report
        report.seconds = round(clock.elapsed() - began, 1)
        verdict = await judge(left_behind(town))
        report.violations, report.breaches = verdict.violations, list(verdict.breaches)
        postgres = town.engines.postgres
    if report.is_good and postgres is not None:
        postgres.destroy()
        shutil.rmtree(plan.folder, ignore_errors=True)
    return report
