"""A tiny run on real engines: what came by notice and what was found by asking, every sale settled."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.bench.test_paid_vend import audit
from vendomat.bench import LatencyPlan, notice_json, run_notice


@pytest.mark.slow
async def test_a_tiny_run_measures_notices_and_their_absence(tmp_path: Path) -> None:
    plan = LatencyPlan(
        tmp_path / "bench", seconds=2.0, rounds=1, warm_up_s=0.5, machines=4, open_payments=4, thinks_s=2.0
    )
    report = await run_notice(plan, inspect=audit)
    said = msgspec.json.decode(notice_json(report))
    assert said["audit"] == []
    assert said["left_open"] == 0
    half, lost = said["half_load"][0], said["lost"]
    assert half["notice_to_command"]["of"] > 0 and half["echo"]["of"] > 0 and half["ratio"] > 0
    assert lost["payment_to_command"]["of"] > 0
    # Nobody is told: what was paid is known only once it was asked for.
    assert lost["asked_per_second"] > 0
    no_machine = "a buyer came and no machine was free"
    assert {*half["failures"], *lost["failures"]} <= {no_machine}
