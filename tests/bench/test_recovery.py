"""A small recovery on real engines: a worker dies with hundreds of orders in flight, the next settles them all."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.bench.test_paid_vend import audit
from vendomat.bench import RecoveryPlan, recovery_json, run_recovery


@pytest.mark.slow
async def test_a_killed_cloud_settles_five_hundred_orders_in_flight(tmp_path: Path) -> None:
    plan = RecoveryPlan(tmp_path / "bench", orders=500, latency_s=0.005)
    said = msgspec.json.decode(recovery_json(await run_recovery(plan, inspect=audit)))
    assert said["audit"] == []
    assert said["is_good"]
    (measured,) = said["rounds"]
    assert 0 < measured["at_kill"] < 500, "the first worker had begun, and left most of it"
    assert measured["left_open"] == 0
    assert measured["settle_s"] > measured["start_s"] > 0
    assert measured["ratio"] > 0
