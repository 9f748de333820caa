"""Many worlds, one after another, on one database server; and what they came to, in figures and in words."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from vendomat.simulator.town import Judge
from vendomat.simulator.worlds.estate import Estate, build_estate
from vendomat.simulator.worlds.plan import plan_world
from vendomat.simulator.worlds.postgres import WorldPostgres
from vendomat.simulator.worlds.world import Bug, World, WorldResult

LINES_SHOWN = 40
NO_BUG = Bug()


@dataclass
class SearchReport:
    """Sums over worlds. `broken` are the results of the worlds in which something did not hold."""

    first_seed: int
    worlds: int = 0
    virtual_s: float = 0.0
    machine_s: float = 0.0
    wall_s: float = 0.0
    events: int = 0
    motor_starts: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    deeds: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    orders: Counter[str] = field(default_factory=Counter)
    broken: list[WorldResult] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return self.worlds > 0 and not self.broken

    def add(self, result: WorldResult, wall_s: float) -> None:
        self.worlds += 1
        self.virtual_s += result.virtual_s
        self.machine_s += result.virtual_s * result.machines
        self.wall_s += wall_s
        self.events += result.events
        self.motor_starts += result.motor_starts
        self.faults += result.faults
        self.deeds += result.deeds
        self.outcomes += result.outcomes
        self.orders += result.orders
        if result.offences:
            self.broken.append(result)


class WorldSearch:
    """A server that is ready for worlds. Made by `open_search`."""

    def __init__(self, postgres: WorldPostgres, estate: Estate, folder: Path, judge: Judge | None) -> None:
        self._postgres = postgres
        self._estate = estate
        self._folder = folder
        self._judge = judge

    def run(self, seed: int, bug: Bug = NO_BUG, *, echo: Callable[[str], None] | None = None) -> WorldResult:
        """The world of `seed`, with `bug` planted in it; each line of its trace to `echo`."""
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=f"world-{seed}-") as folder:
            world = World(plan_world(seed), self._postgres, self._estate, folder=Path(folder), bug=bug, echo=echo)
            return world.run(self._judge)


OpenJudge = Callable[[str], AbstractAsyncContextManager[Judge]]
"""Given the URL of the worlds' database, who audits each world at rest; kept for all of them."""


@contextmanager
def open_search(open_judge: OpenJudge | None, *, folder: Path | None = None) -> Iterator[WorldSearch]:
    """Start a throw-away database server for worlds; it is gone when this ends."""
    with tempfile.TemporaryDirectory(dir=folder or _fast_folder(), prefix="worlds-") as name:
        postgres = WorldPostgres(Path(name) / "postgres")
        kept = AsyncExitStack()
        try:
            postgres.start()
            estate = build_estate(postgres)
            judge = postgres.run(kept.enter_async_context(open_judge(postgres.url))) if open_judge else None
            yield WorldSearch(postgres, estate, Path(name), judge)
        finally:
            postgres.run(kept.aclose())
            postgres.close()


def _fast_folder() -> Path | None:
    """Memory, where the system offers it: nothing here outlives the search."""
    memory = Path("/dev/shm")  # noqa: S108 - the private folder is made inside it
    return memory if memory.is_dir() else None


def search(
    worlds: WorldSearch,
    seeds: Iterable[int],
    bug: Bug = NO_BUG,
    *,
    elapsed_s: Callable[[], float],
    on_world: Callable[[WorldResult], bool] = lambda result: True,
) -> SearchReport:
    """Run the worlds of `seeds` until `on_world` says no."""
    report: SearchReport | None = None
    for seed in seeds:
        report = report or SearchReport(seed)
        began_s = elapsed_s()
        result = worlds.run(seed, bug)
        report.add(result, elapsed_s() - began_s)
        if not on_world(result):
            break
    return report or SearchReport(0)


# --- in words --------------------------------------------------------------------------------------------------------


def report_lines(report: SearchReport) -> list[str]:
    """The report for a person."""
    final = report.outcomes.total()
    ambiguous = report.outcomes["unknown"]
    wall_s = max(report.wall_s, 1e-9)
    lines = [
        f"worlds            {report.worlds}, from seed {report.first_seed}",
        f"speed             {report.worlds / wall_s * 3600:,.0f} worlds/h, time {report.virtual_s / wall_s:,.0f}×, "
        f"machine time {report.machine_s / wall_s:,.0f}×",
        f"simulated         {report.machine_s / 3600:.1f} machine-hours, {report.events:,} events, "
        f"{report.motor_starts} motor starts",
        f"orders            {_counts(report.orders)}",
        f"units             {_counts(report.outcomes)}",
        f"ambiguous         {ambiguous} of {final} units ({ambiguous / final:.2%})"
        if final
        else "ambiguous         none",
        f"shoppers          {_counts(report.deeds)}",
        f"faults            {report.faults.total()}: {_counts(report.faults)}",
        f"violations        {sum(len(result.offences) for result in report.broken)}",
    ]
    for result in report.broken:
        lines += ["", *failure_lines(result)]
    return lines


def failure_lines(result: WorldResult) -> list[str]:
    """What did not hold in one world, and what led to it."""
    return [
        f"seed {result.seed} broke at {result.virtual_s:.3f} s (trace {result.digest}):",
        *(f"    {offence}" for offence in result.offences),
        "  the last of its trace:",
        *(f"    {line}" for line in result.lines[-LINES_SHOWN:]),
    ]


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "none"


def report_json(report: SearchReport) -> str:
    """The report as one JSON object."""
    wall_s = max(report.wall_s, 1e-9)
    return msgspec.json.encode(
        {
            "first_seed": report.first_seed,
            "worlds": report.worlds,
            "wall_s": report.wall_s,
            "worlds_per_hour": report.worlds / wall_s * 3600,
            "virtual_s": report.virtual_s,
            "machine_s": report.machine_s,
            "machine_time_per_wall_time": report.machine_s / wall_s,
            "events": report.events,
            "motor_starts": report.motor_starts,
            "faults": report.faults,
            "shoppers": report.deeds,
            "orders": report.orders,
            "units": report.outcomes,
            "ambiguous_units": report.outcomes["unknown"],
            "violations": [
                {
                    "seed": r.seed,
                    "digest": r.digest,
                    "at_s": r.virtual_s,
                    "offences": r.offences,
                    "trace": r.lines[-LINES_SHOWN:],
                }
                for r in report.broken
            ],
        }
    ).decode()
