"""`vendomat bench recovery`: how long a killed cloud needs to settle the orders that were in flight.

A quarter each: paid and the command never sent, command sent and never answered, refund requested, waiting to be
closed; all due, as after a night without a cloud. A worker begins, is killed by SIGKILL, and its successor is timed
from its start until nothing is open. The yardstick of the same run: as many rows updated, one transaction each, over
as many connections as a worker has, plus the platform's latency times the calls over its parallelism. Refuses to call
a run good that leaves anything open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec

from vendomat.bench.recovery_worker import AT_ONCE, LATENCY
from vendomat.bench.site import SLOT, Inspect, Site, open_site
from vendomat.cloud.orders import Closing
from vendomat.cloud.payments import Payment, PaymentState
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.settings import THREADS_PER_LANE, CloudSettings
from vendomat.cloud.sales import CloseAsked, CommandSilent, EventFor, NewOrder, PaymentPaid, Writer
from vendomat.kernel import Clock, ErrorCode, SystemClock, TimeOrderedIds, VendomatError
from vendomat.protocol import OrderLine
from vendomat.simulator.town import Child, free_port

MACHINES = 8
AGE = timedelta(hours=1)
PATIENCE_S = 600.0
LOOK_EVERY_S = 0.1
_OPEN = "SELECT count(*) FROM sale_order WHERE state NOT IN ('settled', 'expired', 'cancelled')"
Say = Callable[[str], None]


@dataclass(frozen=True)
class RecoveryPlan:
    """`folder` must be empty. The platform answers each call after `latency_s`, `at_once` of them side by side."""

    folder: Path
    orders: int = 10_000
    latency_s: float = 0.02
    at_once: int = 16
    rounds: int = 1


@dataclass(frozen=True)
class RecoveryRound:
    """Seconds. `ratio` is `settle_s` over the yardstick; `at_kill` orders were open when the first worker died."""

    at_kill: int
    settle_s: float
    start_s: float
    database_s: float
    platform_s: float
    left_open: int

    @property
    def ratio(self) -> float:
        return round(self.settle_s / (self.database_s + self.platform_s), 2)


@dataclass(frozen=True)
class RecoveryReport:
    """All rounds, and what the audit said at the end."""

    orders: int
    latency_s: float
    at_once: int
    rounds: Sequence[RecoveryRound]
    audit: object

    @property
    def is_good(self) -> bool:
        return all(round_.left_open == 0 for round_ in self.rounds)


async def run_recovery(plan: RecoveryPlan, say: Say = lambda _: None, inspect: Inspect | None = None) -> RecoveryReport:
    """Set the site up; each round: fill it with open orders, kill, restart, time."""
    clock = SystemClock()
    rounds: list[RecoveryRound] = []
    async with open_site(plan.folder, MACHINES) as site:
        for number in range(plan.rounds):
            say(f"round {number + 1}: {plan.orders} orders in flight")
            await _fill(site, plan, clock)
            rounds.append(await _measure(site, plan, clock))
            say(f"round {number + 1}: settled in {rounds[-1].settle_s} s, ratio {rounds[-1].ratio}")
        audit = await inspect(site.superuser_url) if inspect is not None else None
    return RecoveryReport(plan.orders, plan.latency_s, plan.at_once, rounds, audit)


async def _measure(site: Site, plan: RecoveryPlan, clock: Clock) -> RecoveryRound:
    database_s = await _update_one_by_one(site, plan.orders, clock)
    connection = await asyncpg.connect(site.superuser_url)
    try:
        before = int(await connection.fetchval(_OPEN))
        first = _worker(site, plan)
        await first.start()
        await _until(connection, clock, lambda left: left < before)
        await first.kill()
        at_kill = int(await connection.fetchval(_OPEN))
        began = clock.elapsed()
        second = _worker(site, plan)
        await second.start()
        ready = clock.elapsed()
        left = await _until(connection, clock, lambda left: left == 0)
        settled = clock.elapsed()
        await second.stop()
    finally:
        await connection.close()
    return RecoveryRound(
        at_kill=at_kill,
        settle_s=round(settled - began, 2),
        start_s=round(ready - began, 2),
        database_s=round(database_s, 2),
        platform_s=round(plan.orders * plan.latency_s / plan.at_once, 2),
        left_open=left,
    )


def _worker(site: Site, plan: RecoveryPlan) -> Child:
    arguments = ["vendomat.bench.recovery_worker", "--data", str(site.folder / "cloud")]
    arguments += ["--http-port", str(free_port()), "--https-port", str(free_port())]
    environment = {
        "DATABASE_URL": site.engines.database_url,
        "NATS_URL": site.engines.nats_url,
        "VENDOMAT_LOOKUPS_PER_SECOND": "100000",  # a platform's own limit is not what is measured
        # As many calls at once as the yardstick's platform takes.
        "VENDOMAT_PLATFORM_THREADS": str(plan.at_once * THREADS_PER_LANE),
        "VENDOMAT_REFUNDS_PER_PAYER": "0",
        "VENDOMAT_REFUNDS_PER_MACHINE_HOUR": "0",  # nobody is there to let a held refund go
        # A new worker counts every declared deadline anew. That is a promise to wait and not work, so it is short here.
        "VENDOMAT_LEASE_S": "1",
        "VENDOMAT_CLOCK_MARGIN_S": "0",
        "VENDOMAT_DEADLINE_S": "0",
        LATENCY: str(plan.latency_s),
        AT_ONCE: str(plan.at_once),
    }
    return Child("the worker", arguments, log=site.folder / "workers.log", environment=environment)


async def _until(connection: asyncpg.Connection, clock: Clock, is_so: Callable[[int], bool]) -> int:
    """How many are open when `is_so`, or when patience ends."""
    until = clock.elapsed() + PATIENCE_S
    while True:
        left = int(await connection.fetchval(_OPEN))
        if is_so(left) or clock.elapsed() > until:
            return left
        await clock.sleep(LOOK_EVERY_S)


async def _update_one_by_one(site: Site, rows: int, clock: Clock) -> float:
    """Seconds for `rows` updates of one row each, every one its own commit, over a worker's connections."""
    pool = await asyncpg.create_pool(site.superuser_url, min_size=6, max_size=6)
    try:
        await pool.execute("CREATE TABLE yardstick (number int PRIMARY KEY, state text NOT NULL, version int NOT NULL)")
        await pool.execute("INSERT INTO yardstick SELECT n, 'open', 1 FROM generate_series(1, $1) AS n", rows)
        numbers = iter(range(1, rows + 1))

        async def update() -> None:
            for number in numbers:
                await pool.execute(
                    "UPDATE yardstick SET state = 'settled', version = version + 1 WHERE number = $1", number
                )

        began = clock.elapsed()
        await asyncio.gather(*(update() for _ in range(6)))
        return clock.elapsed() - began
    finally:
        await pool.execute("DROP TABLE IF EXISTS yardstick")
        await pool.close()


async def _fill(site: Site, plan: RecoveryPlan, clock: Clock) -> None:
    """Open orders in four ways, an hour old, by the real use cases and without anything that follows a commit."""
    database = await Database.open(site.engines.database_url)
    writer = Writer(database, CloudSettings(data_dir=site.folder / "cloud"), TimeOrderedIds(clock))
    at = clock.now() - AGE
    filling = _Filling(site, writer, TimeOrderedIds(clock), at)
    try:
        await _hear_half(site, at)
        for start in range(0, plan.orders, 512):
            await asyncio.gather(*(filling.open(n) for n in range(start, min(plan.orders, start + 512))))
    finally:
        await writer.aclose()
        await database.aclose()


async def _hear_half(site: Site, at: datetime) -> None:
    """Half of the machines gave a nonce at `at` and were not heard of since; the others never were."""
    connection = await asyncpg.connect(site.superuser_url)
    try:
        await connection.execute("DELETE FROM machine_live")
        await connection.execute(
            "INSERT INTO machine_live (merchant_id, machine_id, epoch, nonce, nonce_at, seen_at, is_ready, reasons) "
            "SELECT $1, m, 0, 'nonce-of-a-night-ago', $3, $3, true, '{}' FROM unnest($2::text[]) AS m",
            site.merchant_id,
            [seat.machine_id for seat in site.seats[: MACHINES // 2]],
            at,
        )
    finally:
        await connection.close()


class _Filling:
    """Opens orders: one of four ways by number. The first half of the machines has a nonce to quote."""

    def __init__(self, site: Site, writer: Writer, ids: TimeOrderedIds, at: datetime) -> None:
        self._site = site
        self._writer = writer
        self._ids = ids
        self._at = at

    async def open(self, number: int) -> None:
        way = number % 4
        half = MACHINES // 2
        seat = self._site.seats[number // 4 % half + (0 if way == 1 else half)]
        payment = Payment(self._ids.new("pay"), "wechat", self._site.account["mchid"], 0, PaymentState.CREATED)
        order = NewOrder(
            merchant_id=self._site.merchant_id,
            machine_id=seat.machine_id,
            request_id=self._ids.new("req"),
            order_id=self._ids.new("ord"),
            origin="touch",
            lines=(OrderLine(slot=SLOT, quantity=1, price_minor=seat.price_minor),),
            payment=payment,
            at=self._at,
            expires_at=self._at + timedelta(seconds=120),
        )
        made = (await self._writer.create(order)).purchase
        assert made is not None
        key = (made.merchant_id, made.order_id)
        if way == 3:
            await self._writer.apply(EventFor(key, CloseAsked(Closing.EXPIRING, self._at + timedelta(seconds=121))))
            return
        paid = PaymentPaid(
            payment_id=payment.payment_id,
            account=payment.account,
            amount_minor=made.total_minor,
            currency=made.currency,
            transaction_id=f"42{payment.payment_id[-20:]}",
            paid_at=self._at,
            via="notice",
            grace=timedelta(seconds=30),
            at=self._at,
        )
        purchase = (await self._writer.apply(EventFor(key, paid))).purchase
        assert purchase is not None and purchase.units[0].command is not None
        if way == 2:
            silent = CommandSilent(purchase.units[0].command.cmd_id, False, self._at + timedelta(seconds=15))
            await self._writer.apply(EventFor(key, silent))


def recovery_json(report: RecoveryReport) -> str:
    """The report as one JSON object, with its verdict."""
    if not report.rounds:
        raise VendomatError(ErrorCode.INVALID_VALUE, "nothing was measured")
    rounds = [asdict(round_) | {"ratio": round_.ratio} for round_ in report.rounds]
    middle = sorted(round_.ratio for round_ in report.rounds)[len(rounds) // 2]
    values = asdict(report) | {"rounds": rounds, "median_ratio": middle, "is_good": report.is_good}
    return msgspec.json.format(msgspec.json.encode(values)).decode()
