"""The figures of a paid-vend benchmark and how they are summed up. Pure.

Refuses to hide: every run is kept beside its median and spread, with the processor time that strangers took meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import msgspec


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


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Cycles a second over the rounds, and its ratio to pgbench (each round against its own pgbench runs)."""

    median_per_second: float
    lowest_per_second: float
    highest_per_second: float
    ratio: float
    lowest_ratio: float
    highest_ratio: float
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


def summary_of(runs: Sequence[Run], yardsticks: Sequence[float]) -> Summary:
    """`yardsticks` are the pgbench cycles a second that belong to each of `runs`."""
    assert runs and len(runs) == len(yardsticks)
    speeds = [run.per_second for run in runs]
    ratios = [run.per_second / yardstick for run, yardstick in zip(runs, yardsticks, strict=True)]
    return Summary(
        median_per_second=round(median(speeds), 1),
        lowest_per_second=round(min(speeds), 1),
        highest_per_second=round(max(speeds), 1),
        ratio=round(median(ratios), 3),
        lowest_ratio=round(min(ratios), 3),
        highest_ratio=round(max(ratios), 3),
        runs=list(runs),
    )


def report_json(report: PaidVendReport) -> str:
    """The report as one JSON object, with its verdict."""
    values = {name: getattr(report, name) for name in report.__dataclass_fields__}
    return msgspec.json.format(msgspec.json.encode({"is_good": report.is_good, **values})).decode()
