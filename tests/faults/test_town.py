"""A whole town under bad luck and SIGKILL: real processes, emulated platforms, and the independent audit at the end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from vendomat.simulator.town import Strike

pytestmark = pytest.mark.slow


def test_sales_with_bad_luck_and_kills_leave_nothing_open_and_nothing_broken(tmp_path: Path) -> None:
    arguments = ["demo", "--sales", "16", "--machines", "4", "--seed", "7", "--chaos", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "vendomat.cli", *arguments, "--data", str(tmp_path / "town" / "demo")],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["is_good"] and report["violations"] == 0 and report["still_open"] == 0
    assert report["not_checked"] == []
    assert len(report["stories"]) == 9, "every kind of luck happens at least once"
    assert report["units"]["delivered"] > 0 and report["refunds"]["succeeded"] > 0
    assert set(report["kills"]) == set(Strike), "every part was struck, in every way"
    assert report["fallen"] == {}, "nothing ended by itself"
