"""A small day on a real database: what was left out of the bill is found, and nothing else."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from vendomat.bench import ReconcilePlan, reconcile_json, run_reconcile


@pytest.mark.slow
async def test_a_day_of_twelve_thousand_rows_is_reconciled(tmp_path: Path) -> None:
    plan = ReconcilePlan(tmp_path, rows=12_000)
    said = msgspec.json.decode(reconcile_json(await run_reconcile(plan)))
    assert said["is_good"] and said["items"] == {"timing": 1}
    refunds = plan.payments // 100
    assert said["rows"] == plan.payments - 1 + refunds
    assert said["sums"]["paid_minor"] == (plan.payments - 1) * 350
    assert said["sums"]["fee_minor"] == (plan.payments - 1 - refunds) * 2
    assert said["seconds"] > 0 and said["copy_s"] > 0 and said["ratio"] > 0
