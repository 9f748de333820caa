"""A trap kills whoever reaches its point, and nobody else."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from vendomat.simulator.doomed import Armed, Trap


def walk(path: Path, *points: str) -> int:
    """A process that reaches `points` one after another; its exit status, below zero for a signal."""
    child = os.fork()
    if child == 0:
        trap = Trap(path)
        for point in points:
            trap.reach(point)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_nobody_dies_where_no_trap_is_set_and_only_its_point_kills(tmp_path: Path) -> None:
    path = tmp_path / "trap"
    assert walk(path, "a", "b") == 0
    Trap(path).set(Armed("b"))
    assert walk(path, "a", "c") == 0
    assert Trap(path).is_set
    assert walk(path, "a", "b") == -signal.SIGKILL
    assert not Trap(path).is_set
    assert walk(path, "a", "b") == 0, "one trap, one death"


def test_a_trap_that_was_taken_away_kills_nobody(tmp_path: Path) -> None:
    path = tmp_path / "trap"
    Trap(path).set(Armed("a"))
    Trap(path).clear()
    assert walk(path, "a") == 0
