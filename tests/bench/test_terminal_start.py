"""A short measurement of the real program: it comes up, ends its open intents, and the figures are of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from vendomat.bench import run_terminal_start


@pytest.mark.slow
def test_a_short_measurement_says_what_it_measured(tmp_path: Path) -> None:
    said: list[str] = []
    report = run_terminal_start(tmp_path, large=4_000, small=100, rounds=1, say=said.append)
    assert (report.large.facts, report.small.facts, report.rounds) == (4_000, 100, 1)
    assert len(report.large.seconds) == len(report.yardstick_s) == 1 and len(said) == 2
    assert report.large.journal_mb > report.small.journal_mb
    assert report.small.cpu_ratio > 1 and report.growth > 0
