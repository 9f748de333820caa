"""`vendomat demo --sales N`: N head-less purchases in a mix of good and bad luck, then the audit.

The exit code is the contract: 0 only when nothing is open and no invariant is broken.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec

from vendomat.kernel import SystemClock, TimeOrderedIds
from vendomat.simulator.town.chaos import Chaos
from vendomat.simulator.town.rest import Judge, come_to_rest, connect, left_behind
from vendomat.simulator.town.shopper import Shopper, Story
from vendomat.simulator.town.town import Town, TownMachine, TownPlan

HURRIED_CLOUD = {
    "qr_s": "5",
    "deadline_s": "10",
    "silence_s": "6",
    "late_grace_s": "3",
    "platform_expiry_margin_s": "8",
    "payment_poll_first_s": "2",
    "refunds_per_payer": "0",
    "refunds_per_machine_hour": "0",  # its machines fail on purpose, and nobody is there to let a refund go
}
HURRIED_PLATFORMS = ("--order-life-min", "5", "--alipay-minute", "6", "--refund-delay", "1")
MIX = {
    Story.GOOD: 55,
    Story.JAM: 9,
    Story.SENSOR_MISS: 5,
    Story.WALKS_AWAY: 7,
    Story.PAYS_LATE: 5,
    Story.PAYS_TWICE: 5,
    Story.NOTICE_LOST: 5,
    Story.NOTICE_DOUBLED: 5,
    Story.RESTART: 4,
}
COUPON_SHARE = 0.25
"""How many buyers have a coupon."""

_TIMES = """
WITH paid AS (
    SELECT merchant_id, order_id, min(at) AS at FROM evidence
    WHERE kind = 'payment.paid' AND data->>'via' = 'notice' GROUP BY 1, 2
), started AS (
    SELECT merchant_id, order_id, min(at) AS at FROM evidence WHERE kind = 'vend.started' GROUP BY 1, 2
), spans AS (
    SELECT extract(epoch FROM started.at - paid.at) * 1000 AS command_ms,
           extract(epoch FROM o.ended_at - paid.at) * 1000 AS settled_ms
    FROM paid JOIN sale_order o USING (merchant_id, order_id) LEFT JOIN started USING (merchant_id, order_id)
    WHERE o.state = 'settled' AND paid.at < o.expires_at
)
SELECT count(*) AS orders,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY command_ms) AS command_p50_ms,
       percentile_cont(0.99) WITHIN GROUP (ORDER BY command_ms) AS command_p99_ms,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY settled_ms) AS settled_p50_ms,
       percentile_cont(0.99) WITHIN GROUP (ORDER BY settled_ms) AS settled_p99_ms
FROM spans
"""


@dataclass(frozen=True)
class SalesPlan:
    """`seed` fixes who buys what with which luck; `is_chaotic` strikes every part at random meanwhile."""

    folder: Path
    sales: int
    machines: int = 20
    seed: int = 1
    is_chaotic: bool = False


@dataclass
class SalesReport:
    """What happened. `is_good` is the verdict; times are from the paid notice, in milliseconds.

    `discounts` are what promotions gave to orders, by what became of it, those with a coupon apart. `kills` are the
    strikes by kind, `fallen` the parts that ended by themselves, which is never good.
    """

    sales: int = 0
    machines: int = 0
    seed: int = 0
    seconds: float = 0.0
    stories: dict[str, int] = field(default_factory=dict)
    endings: dict[str, int] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)
    refunds: dict[str, int] = field(default_factory=dict)
    discounts: dict[str, int] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)
    fallen: dict[str, int] = field(default_factory=dict)
    times: dict[str, float | None] = field(default_factory=dict)
    still_open: int = 0
    violations: int = 0
    breaches: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    ambiguous_units: int = 0

    @property
    def is_good(self) -> bool:
        return self.still_open == 0 and self.violations == 0 and not self.fallen


async def run_sales(plan: SalesPlan, say: Say, judge: Judge) -> SalesReport:
    """Start a fresh town, sell, wait until nothing is open, audit. The folder stays when the verdict is bad."""
    shutil.rmtree(plan.folder, ignore_errors=True)
    clock = SystemClock()
    report = SalesReport(sales=plan.sales, machines=plan.machines, seed=plan.seed)
    town_plan = TownPlan(
        plan.folder,
        machines=plan.machines,
        speed=10.0,
        cloud=HURRIED_CLOUD,
        gateways=HURRIED_PLATFORMS,
        is_promoted=True,
    )
    async with Town.open(town_plan, say.starting) as town:
        began = clock.elapsed()
        chaos = Chaos(town, random.Random(plan.seed + 1), clock) if plan.is_chaotic else None
        await _sell(town, plan, report, say=say, chaos=chaos)
        # What a machine said before the last blow may be older than the last fact it wrote.
        report.still_open = await come_to_rest(town, say.waiting, heard_before_s=0.0)
        report.seconds = round(clock.elapsed() - began, 1)
        if chaos is not None:
            report.kills, report.fallen = dict(chaos.kills), dict(chaos.fallen)
        await _count(town, report)
        verdict = await judge(left_behind(town))
        report.violations, report.breaches = verdict.violations, list(verdict.breaches)
        report.not_checked = list(verdict.not_checked)
        postgres = town.engines.postgres
    if report.is_good:
        if postgres is not None:
            postgres.destroy()
        shutil.rmtree(plan.folder, ignore_errors=True)
    return report


class Say:
    """Progress on standard error: one line that changes on a terminal, else a line per change."""

    def __init__(self) -> None:
        self._last = ""

    def starting(self, what: str) -> None:
        self._write(f"starting: {what}")

    def progress(self, done: int, of: int) -> None:
        self._write(f"sales: {done}/{of}")

    def waiting(self, still_open: int) -> None:
        self._write(f"waiting until nothing is open: {still_open}")

    def _write(self, line: str) -> None:
        if line == self._last:
            return
        self._last = line
        sys.stderr.write(f"\r\x1b[K{line}" if sys.stderr.isatty() else line + "\n")
        sys.stderr.flush()


def stories_of(plan: SalesPlan) -> list[Story]:
    """`plan.sales` stories in the proportions of the mix, every kind at least once when there is room, shuffled."""
    chance = random.Random(plan.seed)
    chosen = list(MIX)[: plan.sales]
    chosen += chance.choices(list(MIX), weights=list(MIX.values()), k=max(0, plan.sales - len(chosen)))
    chance.shuffle(chosen)
    return chosen


async def _sell(town: Town, plan: SalesPlan, report: SalesReport, *, say: Say, chaos: Chaos | None) -> None:
    stories = stories_of(plan)
    report.stories = dict(Counter(story.value for story in stories))
    queue: asyncio.Queue[Story] = asyncio.Queue()
    for story in stories:
        queue.put_nowait(story)
    endings: Counter[str] = Counter()
    clock = SystemClock()

    async def at_machine(index: int, machine: TownMachine) -> None:
        terminal = town.terminals[machine.machine_id]

        async def restart() -> None:
            if chaos is not None:
                await chaos.restart_terminal(machine.machine_id)
                return
            await terminal.kill()
            await terminal.start()

        shopper = Shopper(
            town.kiosk_url(machine),
            town.control,
            restart,
            clock=clock,
            ids=TimeOrderedIds(clock),
            chance=random.Random(plan.seed * 1000 + index),
        )
        has_coupon = random.Random(plan.seed * 2000 + index)
        try:
            while not queue.empty():
                story = queue.get_nowait()
                coupon = town.record.coupon if has_coupon.random() < COUPON_SHARE else ""
                endings[f"{story}: {await shopper.buy(story, coupon=coupon)}"] += 1
                say.progress(endings.total(), plan.sales)
        finally:
            await shopper.aclose()

    killer = asyncio.create_task(chaos.run()) if chaos is not None else None
    await asyncio.gather(*(at_machine(i, m) for i, m in enumerate(town.record.machines)))
    if killer is not None and chaos is not None:
        await chaos.end(killer)
    report.endings = dict(sorted(endings.items()))


async def _count(town: Town, report: SalesReport) -> None:
    connection = await connect(town)
    try:
        for name, query in {
            "orders": "SELECT state, count(*) FROM sale_order GROUP BY 1 ORDER BY 1",
            "units": "SELECT outcome, count(*) FROM vend_unit GROUP BY 1 ORDER BY 1",
            "discounts": "SELECT state || CASE WHEN coupon_id IS NULL THEN '' ELSE ', coupon' END, count(*) "
            "FROM promotion_use GROUP BY 1 ORDER BY 1",
            "refunds": "SELECT state, count(*) FROM refund GROUP BY 1 ORDER BY 1",
        }.items():
            setattr(report, name, {row[0]: row[1] for row in await connection.fetch(query)})
        times = await connection.fetchrow(_TIMES)
        report.times = {key: None if value is None else round(float(value), 1) for key, value in times.items()}
        report.ambiguous_units = report.units.get("unknown", 0)
    finally:
        await connection.close()


def report_json(report: SalesReport) -> str:
    """The report as one JSON object, with its verdict."""
    return msgspec.json.format(msgspec.json.encode({"is_good": report.is_good, **asdict(report)})).decode()


def report_lines(report: SalesReport) -> Sequence[str]:
    """The report for a person."""
    verdict = "the books balance, nothing is open" if report.is_good else "NOT GOOD"
    return [
        f"{report.sales} sales on {report.machines} machines in {report.seconds} s: {verdict}",
        f"orders {report.orders}  units {report.units}  refunds {report.refunds}  discounts {report.discounts}",
        f"from paid notice, ms: {report.times}",
        f"violations {report.violations} {report.breaches}",
    ]
