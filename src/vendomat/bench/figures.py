"""The figures of a paid-vend benchmark and how they are summed up. Pure.

Refuses to hide: every run is kept beside its median and spread, with the processor time that strangers took meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

import msgspec

CLOUD_PARTS = ("postgres", "nats", "workers")
YARDSTICK_PARTS = ("postgres", "load")


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds."""

    p50_ms: float
    p99_ms: float
    of: int


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the load generator counted: cycles that ended within the measured time, and those before and after."""

    cycles: int
    seconds: float
    all_cycles: int
    failures: int
    first_failures: list[str]
    payment_to_command: Latency
    whole_cycle: Latency
    trace: dict[str, str]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One measured run. `cpu_s` is processor time by part; `others` is what programs outside the benchmark took."""

    per_second: float
    seconds: float
    cpu_s: dict[str, float]
    all_cycles: int = 0
    failures: int = 0
    first_failures: list[str] = []
    payment_to_command: Latency | None = None
    whole_cycle: Latency | None = None

    def cpu_ms_per_cycle(self, parts: Sequence[str]) -> float:
        """Processor time of `parts` for each cycle of the run, those of the warm-up too."""
        return 1000 * sum(self.cpu_s[part] for part in parts) / max(1, self.all_cycles)


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Cycles a second over the rounds, and its ratio to pgbench (each round against its own pgbench runs).

    `cpu_ms_per_cycle` is processor time of the cloud's parts (for pgbench: of it and the server), `cpu_ratio` pgbench's
    over ours: what the ratio would be with load and platform on other machines, and all cores busy.
    """

    median_per_second: float
    lowest_per_second: float
    highest_per_second: float
    ratio: float
    lowest_ratio: float
    highest_ratio: float
    cpu_ms_per_cycle: float
    cpu_ratio: float
    runs: list[Run]


@dataclass(frozen=True)
class PaidVendReport:
    """Everything that `vendomat bench paid-vend` says."""

    with_platform: Summary
    without_platform: Summary
    pgbench: Summary
    terminals: int
    workers: int
    cores: int
    commit: str
    rounds: int
    statements_per_cycle: int
    transactions_per_cycle: int
    pgbench_command: str
    postgres: Mapping[str, str]
    books: Mapping[str, int]
    audit: object = None
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def is_good(self) -> bool:
        """The measured cycles are real: the ledger sums to zero, nothing is open, nothing failed."""
        runs = (*self.with_platform.runs, *self.without_platform.runs)
        return (
            self.books["ledger_sum_minor"] == 0 and self.books["open_orders"] == 0 and not any(r.failures for r in runs)
        )


def latency_of(seconds: Sequence[float]) -> Latency:
    """Median and 99th percentile (nearest rank) of `seconds`; zeros when there are none."""
    if not seconds:
        return Latency(0.0, 0.0, 0)
    ordered = sorted(seconds)
    at_99 = ordered[min(len(ordered) - 1, -(-99 * len(ordered) // 100) - 1)]
    return Latency(round(median(ordered) * 1000, 1), round(at_99 * 1000, 1), len(ordered))


def summary_of(runs: Sequence[Run], beside: Sequence[Sequence[Run]], parts: Sequence[str]) -> Summary:
    """`beside` are the pgbench runs that belong to each of `runs`; `parts` are those whose processor time counts."""
    assert runs and len(runs) == len(beside)
    speeds = [run.per_second for run in runs]
    ratios = [run.per_second / fmean(y.per_second for y in yard) for run, yard in zip(runs, beside, strict=True)]
    costs = [run.cpu_ms_per_cycle(parts) for run in runs]
    yard_costs = [fmean(y.cpu_ms_per_cycle(YARDSTICK_PARTS) for y in yard) for yard in beside]
    return Summary(
        median_per_second=round(median(speeds), 1),
        lowest_per_second=round(min(speeds), 1),
        highest_per_second=round(max(speeds), 1),
        ratio=round(median(ratios), 3),
        lowest_ratio=round(min(ratios), 3),
        highest_ratio=round(max(ratios), 3),
        cpu_ms_per_cycle=round(median(costs), 2),
        cpu_ratio=round(median(yard / ours for yard, ours in zip(yard_costs, costs, strict=True)), 3),
        runs=list(runs),
    )


def report_json(report: PaidVendReport) -> str:
    """The report as one JSON object, with its verdict."""
    values = {name: getattr(report, name) for name in report.__dataclass_fields__}
    return msgspec.json.format(msgspec.json.encode({"is_good": report.is_good, **values})).decode()
