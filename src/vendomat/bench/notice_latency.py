"""`vendomat bench notice`: from a paid notice to the command's bytes at the machine, and the same when no notice comes.

First what the cloud can sell at most, then buyers who come by themselves at half that rate. The yardstick of the same
run, at the same rate: a question over the same TLS wire whose answer waits for one commit. Then notices are lost for
good, and hundreds of payments at once are found by asking the platform. Refuses to call a run good in which a sale
failed or stayed open.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import msgspec

from vendomat.bench.figures import Latency, LoadResult
from vendomat.bench.player import ECHO
from vendomat.bench.players import LoadPlan
from vendomat.bench.site import Inspect, Site, open_site
from vendomat.cloud.platform.connection import Wire
from vendomat.kernel import SystemClock
from vendomat.simulator.gateways import GatewayControl, NoticeFault

CONNECTIONS = 6
"""To the database, of the yardstick: as many as a worker's hot path has."""

REST_S = 30.0
LOST = {"lookups_per_second": "1000"}
"""One merchant's machines stand for those of many, each of whom may ask so many times a second."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class LatencyPlan:
    """`folder` must be empty. With notices lost `open_payments` buyers think at once, each for up to `thinks_s`."""

    folder: Path
    seconds: float = 20.0
    rounds: int = 3
    warm_up_s: float = 3.0
    machines: int = 64
    open_payments: int = 500
    thinks_s: float = 40.0


class HalfLoad(msgspec.Struct, frozen=True, kw_only=True):
    """One round: the most that could be sold, then half of it. `ratio` is of the 99th percentiles."""

    most_per_second: float
    per_second: float
    notice_to_command: Latency
    echo: Latency
    ratio: float
    failures: list[str]


class LostNotices(msgspec.Struct, frozen=True, kw_only=True):
    """Payments found by asking: look-ups a second, and how many payments were open at once on average."""

    per_second: float
    waiting: float
    asked_per_second: float
    payment_to_command: Latency
    failures: list[str]


class NoticeReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that `vendomat bench notice` says."""

    half_load: list[HalfLoad]
    lost: LostNotices
    machines: int
    left_open: int
    audit: object = None

    @property
    def is_good(self) -> bool:
        failures = [*self.lost.failures, *(f for one in self.half_load for f in one.failures)]
        return not failures and self.left_open == 0


async def run_notice(plan: LatencyPlan, say: Say = lambda _: None, inspect: Inspect | None = None) -> NoticeReport:
    """Set the site up, measure, and look whether anything stayed open."""
    machines = max(plan.machines, round(plan.open_payments * 1.6))
    say(f"PostgreSQL, NATS, payment platform, {machines} machines")
    async with open_site(plan.folder, machines) as site:
        bench = _Bench(plan, site)
        rounds = []
        for number in range(1, plan.rounds + 1):
            rounds.append(await bench.half_load())
            say(f"round {number}: {_words(rounds[-1].notice_to_command)}, the wire {_words(rounds[-1].echo)}")
        lost = await bench.lost_notices()
        say(f"notices lost: {_words(lost.payment_to_command)}, {lost.asked_per_second:.0f} look-ups a second")
        return NoticeReport(
            half_load=rounds,
            lost=lost,
            machines=machines,
            left_open=bench.left_open,
            audit=await inspect(site.superuser_url) if inspect is not None else None,
        )


def _words(latency: Latency) -> str:
    return f"{latency.p50_ms} ms, 99th percentile {latency.p99_ms} ms of {latency.of}"


class _Bench:
    def __init__(self, plan: LatencyPlan, site: Site) -> None:
        self._plan = plan
        self._site = site
        self.left_open = 0

    async def half_load(self) -> HalfLoad:
        async with self._site.cloud(1, is_calling_platform=False):
            most = await self._load(self._plan.machines)
            rate = most.cycles / most.seconds / 2
            half = await self._load(self._plan.machines, per_second=rate)
        async with self._echoing():
            echo = await self._load(self._plan.machines, per_second=rate, is_echo=True)
        return HalfLoad(
            most_per_second=round(rate * 2, 1),
            per_second=round(half.cycles / half.seconds, 1),
            notice_to_command=half.payment_to_command,
            echo=echo.payment_to_command,
            ratio=round(half.payment_to_command.p99_ms / max(0.1, echo.payment_to_command.p99_ms), 2),
            failures=[*most.first_failures, *half.first_failures, *echo.first_failures],
        )

    async def lost_notices(self) -> LostNotices:
        """A payment is open for half of `thinks_s` on average, and for its own delay."""
        thinks_s = self._plan.thinks_s
        control = GatewayControl(self._site.control_url)
        try:
            await control.add_notice_fault(NoticeFault.LOSE, platform="wechat", count=-1)
        finally:
            await control.aclose()
        rate = 2 * self._plan.open_payments / thinks_s
        before = await self._value(_LOOK_UPS)
        async with self._site.cloud(1, is_calling_platform=True, settings=LOST):
            load = await self._load(len(self._site.seats), per_second=rate, thinks_s=thinks_s)
            asked = await self._value(_LOOK_UPS) - before
            self.left_open = await self._settled()
        waited_s = thinks_s / 2 + load.payment_to_command.p50_ms / 1000
        return LostNotices(
            per_second=round(load.cycles / load.seconds, 1),
            waiting=round(load.cycles / load.seconds * waited_s, 1),
            asked_per_second=round(asked / (load.seconds + self._warm_up_s(thinks_s)), 1),
            payment_to_command=load.payment_to_command,
            failures=load.first_failures,
        )

    async def _settled(self) -> int:
        """Orders that are not over, once nothing moves any more."""
        clock = SystemClock()
        until = clock.elapsed() + REST_S
        while (found := await self._value(_OPEN)) and clock.elapsed() < until:
            await clock.sleep(0.5)
        return found

    def _warm_up_s(self, thinks_s: float) -> float:
        """Until as many wait for their buyers as always will."""
        return self._plan.warm_up_s + thinks_s

    async def _load(
        self, machines: int, *, per_second: float = 0.0, thinks_s: float = 0.0, is_echo: bool = False
    ) -> LoadResult:
        plan = LoadPlan(
            seats=self._site.seats[:machines],
            around=self._site.next_surroundings(),
            warm_up_s=self._warm_up_s(thinks_s),
            seconds=self._plan.seconds,
            control_url=self._site.control_url if thinks_s else "",
            notices=None if thinks_s else self._site.notices(),
            per_second=per_second,
            thinks_s=thinks_s,
            is_echo=is_echo,
        )
        return await self._site.load(plan)

    @asynccontextmanager
    async def _echoing(self) -> AsyncIterator[None]:
        """The yardstick's answering end: one commit, then the answer."""
        pool = await asyncpg.create_pool(self._site.superuser_url, min_size=CONNECTIONS, max_size=CONNECTIONS)
        wire = await Wire.open(self._site.engines.nats_url, self._site.engines.identity, SystemClock(), "yardstick")

        async def answer(machine_id: str, kind: str, data: bytes) -> bytes | None:
            if kind != ECHO:
                return None
            await pool.execute("INSERT INTO bench_echo VALUES ($1, $2)", machine_id, data)
            return data

        try:
            await pool.execute("CREATE TABLE bench_echo (machine_id text, said bytea)")
            await wire.serve(answer)
            yield
        finally:
            await wire.aclose()
            await pool.execute("DROP TABLE IF EXISTS bench_echo")
            await pool.close()

    async def _value(self, query: str) -> int:
        connection = await asyncpg.connect(self._site.superuser_url)
        try:
            return int(await connection.fetchval(query))
        finally:
            await connection.close()


_LOOK_UPS = "SELECT coalesce(sum(tries), 0) FROM payment"
_OPEN = "SELECT count(*) FROM sale_order WHERE state NOT IN ('settled', 'expired', 'cancelled')"


def notice_json(report: NoticeReport) -> str:
    """The report as one JSON object, with its verdict."""
    return msgspec.json.format(
        msgspec.json.encode({"is_good": report.is_good, **msgspec.structs.asdict(report)})
    ).decode()
