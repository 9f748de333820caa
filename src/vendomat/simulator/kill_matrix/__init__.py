"""The kill matrix: real processes that die at named effect boundaries, one by one."""

from vendomat.simulator.kill_matrix.boundaries import (
    NOTHING_HANGS,
    Boundary,
    Purchase,
    Victim,
    kill_points,
    short_points,
)
from vendomat.simulator.kill_matrix.matrix import MatrixPlan, MatrixReport, run_matrix

__all__ = [
    "NOTHING_HANGS",
    "Boundary",
    "MatrixPlan",
    "MatrixReport",
    "Purchase",
    "Victim",
    "kill_points",
    "run_matrix",
    "short_points",
]
