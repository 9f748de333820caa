"""Figures are summed up as they are: medians, spread, and no verdict of good over a failed sale."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from vendomat.bench.figures import CLOUD_PARTS, PaidVendReport, Run, latency_of, report_json, summary_of

CPU = {"postgres": 1.0, "nats": 0.5, "workers": 2.5, "load": 3.0, "platform": 9.0, "others": 9.0}


def run(per_second: float, failures: int = 0) -> Run:
    return Run(per_second=per_second, seconds=1.0, cpu_s=CPU, all_cycles=1000, failures=failures)


def report(*runs: Run) -> PaidVendReport:
    summary = summary_of(runs, [[run(100.0)]] * len(runs), CLOUD_PARTS)
    return PaidVendReport(
        with_platform=summary,
        without_platform=summary,
        pgbench=summary,
        terminals=1,
        workers=1,
        cores=1,
        commit="",
        rounds=1,
        statements_per_cycle=1,
        transactions_per_cycle=1,
        pgbench_command="",
        postgres={},
        books={"ledger_sum_minor": 0, "open_orders": 0},
    )


def test_each_run_is_held_against_its_own_yardsticks() -> None:
    summary = summary_of([run(50.0), run(90.0)], [[run(100.0), run(100.0)], [run(80.0), run(100.0)]], CLOUD_PARTS)
    assert (summary.lowest_ratio, summary.highest_ratio) == (0.5, 1.0)
    assert summary.median_per_second == 70.0


def test_processor_time_counts_the_clouds_parts_only() -> None:
    summary = summary_of([run(50.0)], [[run(100.0)]], CLOUD_PARTS)
    assert summary.cpu_ms_per_cycle == 4.0  # 1.0 + 0.5 + 2.5 s over 1000 cycles
    assert summary.cpu_ratio == 1.0  # the yardstick's: server and its client, 1.0 + 3.0


def test_percentiles_are_of_what_was_measured() -> None:
    latency = latency_of([n / 1000 for n in range(1, 101)])
    assert (latency.p50_ms, latency.p99_ms, latency.of) == (50.5, 99.0, 100)
    assert latency_of([]).of == 0


def test_a_failed_sale_an_open_order_or_an_unbalanced_ledger_is_not_good() -> None:
    good = report(run(50.0))
    assert good.is_good
    assert not report(run(50.0), run(50.0, failures=1)).is_good
    assert not replace(good, books={"ledger_sum_minor": 1, "open_orders": 0}).is_good
    assert not replace(good, books={"ledger_sum_minor": 0, "open_orders": 1}).is_good


def test_the_report_is_one_json_object_with_its_verdict() -> None:
    said = msgspec.json.decode(report_json(report(run(50.0))))
    assert said["is_good"] is True
    assert said["with_platform"]["runs"][0]["cpu_s"] == CPU
