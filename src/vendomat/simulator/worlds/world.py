"""One world: everything built from its plan, run with shoppers and faults, brought to rest, and judged."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import structlog

from vendomat.kernel import VendomatError
from vendomat.simulator.town import Judge, LeftBehind
from vendomat.simulator.worlds.estate import CHANNELS, Estate, reset
from vendomat.simulator.worlds.machines import MachineSite, TerminalParts, WorldMachine
from vendomat.simulator.worlds.members import MembersAbout
from vendomat.simulator.worlds.network import Network
from vendomat.simulator.worlds.nodes import owner_name, task_factory
from vendomat.simulator.worlds.office import Office
from vendomat.simulator.worlds.plan import Chances, WorldPlan
from vendomat.simulator.worlds.platform_books import PlatformBooks
from vendomat.simulator.worlds.platforms import Platform
from vendomat.simulator.worlds.pool import DatabaseMood
from vendomat.simulator.worlds.postgres import WorldPostgres
from vendomat.simulator.worlds.shoppers import Shoppers
from vendomat.simulator.worlds.trace import Trace
from vendomat.simulator.worlds.virtual_time import VirtualLoop, WorldClock
from vendomat.simulator.worlds.watch import Watch
from vendomat.simulator.worlds.weather import Weather
from vendomat.simulator.worlds.workers import CloudSite, WorkerBugs, WorldWorker
from vendomat.terminal.link import CloudKeys

SAMPLE_EVERY_S = 10.0
LOOK_EVERY_S = 2.0
_OUTCOMES = "SELECT outcome, count(*) FROM vend_unit WHERE is_final GROUP BY outcome ORDER BY outcome"
_ORDERS = "SELECT state, count(*) FROM sale_order GROUP BY state ORDER BY state"


@dataclass(frozen=True)
class Bug:
    """A planted bug: what takes the place of production parts in each world."""

    terminal: TerminalParts = field(default_factory=TerminalParts)
    worker: WorkerBugs = field(default_factory=WorkerBugs)


@dataclass(frozen=True)
class WorldResult:
    """What one world came to. `lines` are the last of its trace; `offences` is empty when everything held."""

    seed: int
    digest: str
    virtual_s: float
    machines: int
    events: int
    faults: Counter[str]
    deeds: Counter[str]
    outcomes: Counter[str]
    orders: Counter[str]
    motor_starts: int
    offences: tuple[str, ...]
    lines: tuple[str, ...]


class World:
    """Made, run once by `run`, and left."""

    def __init__(
        self,
        plan: WorldPlan,
        postgres: WorldPostgres,
        estate: Estate,
        *,
        folder: Path,
        bug: Bug,
        echo: Callable[[str], None] | None = None,
    ) -> None:
        self._plan = plan
        self._postgres = postgres
        self._estate = estate
        self._folder = folder
        self._loop = VirtualLoop()
        self._loop.set_task_factory(task_factory)  # type: ignore[arg-type]
        self.trace = Trace(self._loop.time, echo)
        self._chances = Chances(plan.seed)
        machine_ids = estate.machine_ids[: plan.machines]
        self._network = Network(machine_ids, self._chances.stream("network"), self.trace)
        self._clock = WorldClock(self._loop)
        self._platforms = {channel: self._make_platform(channel) for channel in CHANNELS}
        books = {channel: platform.books for channel, platform in self._platforms.items()}
        self.watch = Watch(postgres, books, plan.settings, self.trace)
        latency = self._chances.stream("database")
        self._mood = DatabaseMood(lambda: latency.uniform(0.0005, 0.004), lambda: None)
        self._workers = self._make_workers(bug.worker)
        self._machines = {
            machine_id: WorldMachine(
                self._machine_site(number, bug.terminal), self._chances.stream(f"machine {number}")
            )
            for number, machine_id in enumerate(machine_ids)
        }
        self.watch.machines = self._machines
        self._members = MembersAbout(
            self._workers,
            self._platforms,
            members=estate.members,
            chance=self._chances.stream("members"),
            trace=self.trace,
        )
        self._shoppers = [self._make_shoppers(machine_id) for machine_id in machine_ids]
        self._weather = self._make_weather()
        self._office = Office(
            postgres,
            self._workers,
            merchant_id=estate.merchant_id,
            chance=self._chances.stream("office"),
            trace=self.trace,
        )
        self._notices = self._chances.stream("notices")
        self._connect()

    def _make_platform(self, channel: str) -> Platform:
        books = PlatformBooks(channel, f"account_{channel}", makes_trade_on_scan=channel == "alipay")
        platform = Platform(books, self._clock, chance=self._chances.stream(channel), trace=self.trace)
        platform.mood.usual_notice_loss = self._plan.notice_loss
        return platform

    def _make_workers(self, bugs: WorkerBugs) -> list[WorldWorker]:
        site = CloudSite(
            postgres=self._postgres,
            estate=self._estate,
            settings=self._plan.settings,
            network=self._network,
            platforms=self._platforms,
            mood=self._mood,
            loop=self._loop,
            trace=self.trace,
            bugs=bugs,
            holding=self._plan.holding,
        )
        numbers = range(1, self._plan.workers + 1)
        return [WorldWorker(site, f"worker-{n}", self._chances.stream(f"worker {n}")) for n in numbers]

    def _make_shoppers(self, machine_id: str) -> Shoppers:
        machine = self._machines[machine_id]
        chance = self._chances.stream(f"shoppers {machine.label}")
        return Shoppers(
            machine,
            self._platforms,
            codes=self._estate.codes[machine_id],
            members=self._members,
            chance=chance,
            trace=self.trace,
            pause_s=lambda: chance.uniform(*self._plan.shopper_pause_s),
        )

    def _make_weather(self) -> Weather:
        chance = self._chances.stream("weather")
        return Weather(
            machines=self._machines,
            workers=self._workers,
            network=self._network,
            platforms=self._platforms,
            database=self._mood,
            chance=chance,
            trace=self.trace,
            pause_s=lambda: chance.uniform(*self._plan.fault_pause_s),
        )

    def _machine_site(self, number: int, parts: TerminalParts) -> MachineSite:
        estate = self._estate
        machine_id = estate.machine_ids[number]
        folder = self._folder / "machines" / machine_id
        folder.mkdir(parents=True)
        cloud_key = estate.command_key
        return MachineSite(
            machine_id=machine_id,
            label=f"machine-{number + 1}",
            key=estate.machine_keys[number],
            cloud_keys=CloudKeys({cloud_key.key_id: cloud_key.public_base64}),
            folder=folder,
            slots=estate.stock,
            network=self._network,
            trace=self.trace,
            clock=WorldClock(self._loop),
            true_clock=WorldClock(self._loop),
            log=structlog.get_logger("terminal"),
            recorded=self.watch.recorded,
            parts=parts,
        )

    def _connect(self) -> None:
        self._network.answered = self.watch.answered
        for platform in self._platforms.values():
            platform.start_asked = self.watch.start_asked
            platform.refund_asked = self.watch.refund_asked
            platform.capture_asked = self.watch.capture_asked
            platform.deliver = self._deliver_notice

    def _deliver_notice(self, channel: str, headers: dict[str, str], body: bytes) -> asyncio.Task[bool] | None:
        """A notice over HTTP: to any worker that lives; no answer is no acceptance."""
        alive = [worker for worker in self._workers if worker.node is not None and worker.parts is not None]
        if not alive:
            return None
        worker = self._notices.choice(alive)
        node, parts = worker.node, worker.parts
        assert node is not None and parts is not None

        async def take() -> bool:
            answer = await parts.till.take_notice(self._estate.merchant_id, channel, headers, body)
            return answer is not None and answer.status == 200

        return asyncio.get_running_loop().create_task(_answered(node.spawn(take())))

    # --- running -----------------------------------------------------------------------------------------------------

    def run(self, judge: Judge | None) -> WorldResult:
        """The whole life of the world, and the audit of what it leaves behind."""
        reset(self._postgres, self._estate, self._plan.machines)
        self._loop.set_exception_handler(self._unexpected)
        with _logs_to(self.watch):
            try:
                self._loop.run_until_complete(self._live())
            except Exception as error:
                self.watch.offend(f"the world broke: {error!r}")
            finally:
                self._end()
        if judge is not None and not self.watch.offences:
            self._judge(judge)
        return self._result()

    def _unexpected(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.watch.offend(f"nobody handled: {context.get('exception') or context['message']!r}")

    async def _live(self) -> None:
        for worker in self._workers:
            worker.start()
        for machine in self._machines.values():
            machine.power_on()
        outside = [
            asyncio.ensure_future(work)
            for work in (
                *(s.run() for s in self._shoppers),
                self._office.run(),
                self._members.run(),
                self._weather.run(),
                self._supervise(),
                self._sample(),
            )
        ]
        if not await self._broken_within(self._plan.busy_s):
            self.trace.note("world", "faults end, everybody goes home")
            for shoppers in self._shoppers:
                shoppers.is_open = False
            self._office.is_open = False
            self._members.is_open = False
            self._weather.clear()
            await self._come_to_rest()
        for work in outside:
            work.cancel()

    async def _broken_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self.watch.broken.wait()
        except TimeoutError:
            return False
        return True

    async def _come_to_rest(self) -> None:
        """L2: everything ends by itself, in a bounded time."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._plan.settle_s
        while open_things := [*self.watch.still_open(), *self._network.under_way()]:
            if await self._broken_within(LOOK_EVERY_S):
                return
            if loop.time() > until_s:
                self.watch.offend(f"L2: not at rest after {self._plan.settle_s:.0f} s: {'; '.join(open_things)}")
                return
        await self._broken_within(LOOK_EVERY_S)  # a late word must change nothing
        self.watch.sample()

    async def _supervise(self) -> None:
        """Start again what ended by itself."""
        while True:
            await asyncio.sleep(1.0)
            for machine in self._machines.values():
                if machine.life is not None and machine.life.has_failed:
                    machine.cut()
                    await asyncio.sleep(0.2)
                    if not machine.has_power:
                        machine.power_on()

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_EVERY_S)
            self.watch.sample()

    def _end(self) -> None:
        """Nothing of this world lives on."""
        for machine in self._machines.values():
            self._loop.run_until_complete(_cut(machine.cut))
            machine.leave_files()
            machine.disk.close()
        for worker in self._workers:
            self._loop.run_until_complete(_cut(worker.cut))
        self._loop.set_exception_handler(lambda loop, context: None)
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.wait(left) if left else asyncio.sleep(0))
        self._loop.close()

    # --- the verdict -------------------------------------------------------------------------------------------------

    def _judge(self, judge: Judge) -> None:
        books = {}
        for channel, platform in self._platforms.items():
            path = self._folder / f"{channel}.json"
            path.write_bytes(msgspec.json.encode(platform.books.as_json()))
            books[channel] = str(path)
        left = LeftBehind(self._postgres.url, self._folder / "machines", books)
        self._postgres.execute("COMMIT")
        try:
            verdict = self._postgres.run(judge(left))
        except VendomatError as error:
            self.watch.offend(f"the audit could not be made: {error.message}")
            return
        for breach in verdict.breaches:
            self.watch.offend(f"audit {breach}")
        if verdict.not_checked:
            self.watch.offend(f"the audit left out {', '.join(verdict.not_checked)}")

    def _deeds(self) -> Counter[str]:
        """What people did, by what it is called."""
        at_machines: Counter[str] = Counter()
        for shoppers in self._shoppers:
            at_machines.update({str(deed): n for deed, n in shoppers.deeds.items()})
        return self._office.deeds + self._members.deeds + at_machines

    def _result(self) -> WorldResult:
        trace = self.trace
        return WorldResult(
            seed=self._plan.seed,
            digest=trace.digest,
            virtual_s=self._loop.time(),
            machines=self._plan.machines,
            events=trace.events,
            faults=trace.faults,
            deeds=self._deeds(),
            outcomes=Counter({row[0]: row[1] for row in self._postgres.look(_OUTCOMES)}),
            orders=Counter({row[0]: row[1] for row in self._postgres.look(_ORDERS)}),
            motor_starts=self.watch.starts.total(),
            offences=tuple(self.watch.offences),
            lines=tuple(trace.lines),
        )


async def _cut(cut: Callable[[], None]) -> None:
    cut()
    await asyncio.sleep(0)


async def _answered(asked: asyncio.Task[bool]) -> bool:
    """What a node answered; a node that died, or failed, answered nothing."""
    await asyncio.wait([asked])
    return not asked.cancelled() and asked.exception() is None and asked.result()


@contextmanager
def _logs_to(watch: Watch) -> Iterator[None]:
    """All programs log to the watch while the world lives."""

    def hear(logger: Any, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        error = event.get("exc_info")
        if error is True or level == "exception":
            error = sys.exc_info()[1]
        watch.logged(owner_name(), level, error if isinstance(error, BaseException) else None, event)
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[hear], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)
