"""Real processes die in every state that a death can leave, once each: nothing stays open, the audit finds nothing.

The full matrix, both sides of every boundary, is `run_matrix(MatrixPlan(folder), judge)`.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from vendomat.cli.judge import judge
from vendomat.simulator.kill_matrix import (
    NOTHING_HANGS,
    MatrixPlan,
    MatrixReport,
    Victim,
    kill_points,
    run_matrix,
    short_points,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> MatrixReport:
    """One town, the short matrix."""
    plan = MatrixPlan(tmp_path_factory.mktemp("matrix") / "town", boundaries=short_points())
    return asyncio.run(run_matrix(plan, judge))


def _killed(report: MatrixReport, point: str) -> list[str]:
    return [ended for name, ended in report.killed.items() if point in name]


def test_every_boundary_was_reached_and_nothing_came_of_it(report: MatrixReport) -> None:
    assert report.not_reached == []
    assert len(report.killed) == len(short_points())
    assert report.breaches == []
    assert report.still_open == 0
    assert report.fallen == 0, "nobody died elsewhere"


def test_f15_killed_after_the_commit_of_a_command_before_its_publishing(report: MatrixReport) -> None:
    """Another worker publishes it: the buyer has the can or the money, the books say which."""
    assert _killed(report, "cloud: after commit of command")
    assert report.is_good


def test_f16_killed_after_the_publishing_of_a_command(report: MatrixReport) -> None:
    """The same command comes again and starts no second motor (the audit reads the cabinets' own logs)."""
    assert _killed(report, "cloud: after publish of dispense") and _killed(report, "cloud: after answer to dispense")
    assert report.is_good


def test_f17_killed_around_the_refund_call(report: MatrixReport) -> None:
    """Refund row committed, claimed, asked for, answered: killed at each, refunded once (by the platforms' books)."""
    for point in ("after commit of refund (", "after commit of refund claim", "platform refund", "refund answer"):
        assert _killed(report, point), point
    assert report.is_good


def test_the_points_are_named_once_and_cover_every_part() -> None:
    points = kill_points()
    assert len(set(points)) == len(points)
    counts = Counter(point.victim for point in points)
    effects = {(p.victim, p.point.partition(" ")[2]) for p in points}
    idle = {(Victim.CLOUD, effect) for effect in NOTHING_HANGS}
    assert idle <= effects
    assert effects - idle == {(p.victim, p.point.partition(" ")[2]) for p in short_points()}
    assert counts[Victim.CLOUD] >= 40 and counts[Victim.TERMINAL] >= 20 and counts[Victim.PLATFORMS] == 6
