"""`vendomat bench paid-vend`: full paid-vend cycles a second, with and without the platform's call, beside pgbench.

Rounds alternate: pgbench, with the call, pgbench, without it, and pgbench once more at the end; a run is held against
the mean of the pgbench runs before and after it. Durability is the server's default: `fsync` and `synchronous_commit`
are on. Refuses to report a cycle that did not settle.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from vendomat.bench.figures import CLOUD_PARTS, YARDSTICK_PARTS, LoadResult, PaidVendReport, Run, summary_of
from vendomat.bench.pgbench import Yardstick
from vendomat.bench.players import LoadPlan
from vendomat.bench.processor import CpuMeter
from vendomat.bench.site import Inspect, Site, open_site
from vendomat.bench.statements import CycleScript, cycle_of, read_log, script_of
from vendomat.cloud.platform.engines import PostgresEngine
from vendomat.kernel import Clock, ErrorCode, SystemClock, VendomatError

DATABASE, CLONE = "vendomat", "yardstick"
REST_S = 20.0
SEQ_TRACED = 7 * 10**15
"""Facts of the traced sales are counted from here: sixteen digits are found again in a log."""

SETTINGS = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "shared_buffers",
    "max_wal_size",
    "wal_sync_method",
    "io_method",
)
Say = Callable[[str], None]


@dataclass(frozen=True)
class PaidVendPlan:
    """`folder` must be empty. `terminals` machines against as many clients of pgbench."""

    folder: Path
    seconds: float = 15.0
    rounds: int = 3
    warm_up_s: float = 3.0
    terminals: int = 64
    workers: int = 1


async def run_paid_vend(
    plan: PaidVendPlan, say: Say = lambda _: None, inspect: Inspect | None = None
) -> PaidVendReport:
    """Set the site up, capture the SQL of one cycle, measure, and look at the books."""
    say("PostgreSQL, NATS, payment platform, machines")
    async with open_site(plan.folder, plan.terminals) as site:
        postgres = site.engines.postgres
        assert postgres is not None
        say("capturing the statements of one cycle")
        script = await _capture(site, postgres)
        (plan.folder / "cycle.sql").write_text(script.text, encoding="utf-8")
        yardstick = Yardstick(postgres, CLONE, plan.folder / "cycle.sql", plan.terminals)
        rounds = await _Rounds(plan, site, yardstick, say).measure()
        books = await _books(site, SystemClock())
        audit = await inspect(site.superuser_url) if inspect is not None else None
        beside = list(itertools.pairwise(rounds.yard))
        return PaidVendReport(
            with_platform=summary_of(rounds.with_platform, beside[0::2], CLOUD_PARTS),
            without_platform=summary_of(rounds.without_platform, beside[1::2], CLOUD_PARTS),
            pgbench=summary_of(rounds.yard, [[run] for run in rounds.yard], YARDSTICK_PARTS),
            terminals=plan.terminals,
            workers=plan.workers,
            cores=len(os.sched_getaffinity(0)),
            commit=_commit(),
            rounds=plan.rounds,
            statements_per_cycle=script.statements,
            transactions_per_cycle=script.transactions,
            pgbench_command=" ".join(["pgbench", *yardstick.arguments(plan.seconds)]),
            postgres=await _settings(site),
            books=books,
            audit=audit,
            notes=NOTES,
        )


NOTES = (
    "one cycle: create, code, signed notice, command over TLS NATS, intent, outcome, ledger, settled",
    "the load generator, the payment platform and both engines run on the same cores as the workers",
    "with_platform: the buyer pays at the emulated platform, whose own signing and books are in the cycle",
    "without_platform: the call that starts a code is left out; notices are signed and verified as real ones",
    "payment_to_command begins when the payment is sent: to the platform, or as a notice to the worker",
)


class _Rounds:
    """The alternating runs of one plan."""

    def __init__(self, plan: PaidVendPlan, site: Site, yardstick: Yardstick, say: Say) -> None:
        self._plan = plan
        self._site = site
        self._yardstick = yardstick
        self._say = say
        self.with_platform: list[Run] = []
        self.without_platform: list[Run] = []
        self.yard: list[Run] = []

    async def measure(self) -> _Rounds:
        for number in range(1, self._plan.rounds + 1):
            await self._measure_yard(number)
            self.with_platform.append(await self._measure(number, is_calling_platform=True))
            await self._measure_yard(number)
            self.without_platform.append(await self._measure(number, is_calling_platform=False))
        await self._measure_yard(self._plan.rounds)
        return self

    async def _measure_yard(self, number: int) -> None:
        await _checkpoint(self._site)
        meter = CpuMeter(self._site.pids(), "load")
        speed = await self._yardstick.run(self._plan.seconds)
        cpu_s, cycles = meter.stop(self._site.pids()), round(speed * self._plan.seconds)
        self.yard.append(Run(per_second=speed, seconds=self._plan.seconds, cpu_s=cpu_s, all_cycles=cycles))
        self._say(f"round {number}: pgbench {speed:.0f}/s")

    async def _measure(self, number: int, *, is_calling_platform: bool) -> Run:
        site, plan = self._site, self._plan
        async with site.cloud(plan.workers, is_calling_platform=is_calling_platform):
            await _checkpoint(site)
            meter = CpuMeter(site.pids(), "load")
            result = await _load(site, plan, is_calling_platform=is_calling_platform)
            cpu_s = meter.stop(site.pids())
        run = Run(
            per_second=result.cycles / result.seconds,
            seconds=result.seconds,
            cpu_s=cpu_s,
            all_cycles=result.all_cycles,
            failures=result.failures,
            first_failures=result.first_failures,
            payment_to_command=result.payment_to_command,
            whole_cycle=result.whole_cycle,
        )
        words = "with" if is_calling_platform else "without"
        self._say(f"round {number}: {words} the platform's call {run.per_second:.0f}/s, failures {run.failures}")
        return run


async def _load(site: Site, plan: PaidVendPlan, *, is_calling_platform: bool, cycles_each: int = 0) -> LoadResult:
    """One run of the load generator."""
    load = LoadPlan(
        seats=site.seats[: plan.terminals],
        around=site.next_surroundings(SEQ_TRACED if cycles_each else 0),
        warm_up_s=plan.warm_up_s,
        seconds=plan.seconds,
        cycles_each=cycles_each,
        control_url=site.control_url if is_calling_platform else "",
        notices=None if is_calling_platform else site.notices(),
    )
    return await site.load(load)


async def _capture(site: Site, postgres: PostgresEngine) -> CycleScript:
    """Sell three times at one machine with every statement logged; the script is the third sale.

    It happens in the database that pgbench will use, so that the measured one is left with real sales only.
    """
    clone_url = await asyncio.to_thread(postgres.create_database, CLONE, DATABASE)
    await _as_superuser(site, f"ALTER DATABASE {CLONE} SET log_statement = 'all'")
    plan = PaidVendPlan(site.folder, seconds=REST_S, warm_up_s=0.0, terminals=1)
    async with site.cloud(1, is_calling_platform=False, database_url=clone_url):
        result = await _load(site, plan, is_calling_platform=False, cycles_each=3)
    await _as_superuser(site, f"ALTER DATABASE {CLONE} RESET log_statement")
    if result.all_cycles != 3:
        raise VendomatError(ErrorCode.UNAVAILABLE, f"the traced sales failed: {result.first_failures}")
    log = (site.folder / "cloud" / "postgres" / "postgres.log").read_text(encoding="utf-8", errors="replace")
    cycle = cycle_of(list(read_log(log, CLONE)), list(result.trace))
    return script_of(cycle, result.trace, site.seats[0].machine_id)


async def _as_superuser(site: Site, statement: str) -> None:
    connection = await asyncpg.connect(site.superuser_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _checkpoint(site: Site) -> None:
    """Each run begins with an empty debt of pages to be written."""
    await _as_superuser(site, "CHECKPOINT")


async def _settings(site: Site) -> dict[str, str]:
    connection = await asyncpg.connect(site.superuser_url)
    try:
        rows = await connection.fetch(
            "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY($1)", SETTINGS
        )
    finally:
        await connection.close()
    return {row[0]: row[1] for row in rows}


async def _books(site: Site, clock: Clock) -> dict[str, int]:
    """What the sales left behind, once nothing moves any more."""
    connection = await asyncpg.connect(site.superuser_url)
    try:
        deadline = clock.elapsed() + REST_S
        while True:
            row = await connection.fetchrow(_BOOKS)
            if row["open_orders"] == 0 or clock.elapsed() > deadline:
                return {name: int(value) for name, value in row.items()}
            await clock.sleep(0.5)
    finally:
        await connection.close()


_BOOKS = """
SELECT (SELECT coalesce(sum(amount_minor), 0) FROM ledger_line) AS ledger_sum_minor,
       (SELECT count(*) FROM sale_order WHERE state = 'settled') AS settled_orders,
       (SELECT count(*) FROM sale_order WHERE state NOT IN ('settled', 'expired', 'cancelled')) AS open_orders,
       (SELECT count(*) FROM vend_unit WHERE outcome = 'delivered') AS delivered_units,
       (SELECT count(*) FROM refund) AS refunds
"""


def _commit() -> str:
    """The commit of the code that ran; empty outside a repository."""
    found = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip()
