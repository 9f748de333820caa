"""A tiny run on real engines: the cycles are real, and an audit that shares no code with the sale finds nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from vendomat.audit import AuditSources, Terms, run_audit
from vendomat.bench import PaidVendPlan, report_json, run_paid_vend


async def audit(superuser_url: str) -> object:
    report = await run_audit(AuditSources(superuser_url), Terms(is_at_rest=True))
    return [f"{finding.name}: {finding.title} ({finding.count})" for finding in report.breaches]


@pytest.mark.slow
async def test_a_tiny_run_settles_every_sale_and_says_what_it_measured(tmp_path: Path) -> None:
    plan = PaidVendPlan(tmp_path / "bench", seconds=1.0, rounds=1, warm_up_s=0.5, terminals=4)
    report = await run_paid_vend(plan, inspect=audit)
    said = msgspec.json.decode(report_json(report))
    assert said["audit"] == []
    assert said["is_good"]
    books = said["books"]
    assert books["ledger_sum_minor"] == 0
    assert books["open_orders"] == 0
    runs = [said[name]["runs"][0] for name in ("with_platform", "without_platform")]
    assert all(run["all_cycles"] > 0 and run["failures"] == 0 for run in runs)
    assert books["settled_orders"] == books["delivered_units"] == sum(run["all_cycles"] for run in runs)
    assert said["pgbench"]["median_per_second"] > 0
    assert said["with_platform"]["ratio"] > 0
    assert said["postgres"]["fsync"] == said["postgres"]["synchronous_commit"] == "on"
    assert said["transactions_per_cycle"] >= 5
    assert runs[0]["payment_to_command"]["p50_ms"] > 0
