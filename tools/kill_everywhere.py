"""Kills the real processes of one town at every named effect boundary, audits, and reports as JSON; 1 when not good."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

import structlog

from vendomat.cli.judge import judge
from vendomat.simulator.kill_matrix import MatrixPlan, run_matrix


def main(arguments: list[str]) -> int:
    """The command: `kill_everywhere.py [--seed S]`."""
    parser = argparse.ArgumentParser(prog="kill_everywhere", description="One town, every boundary, one kill each.")
    parser.add_argument("--seed", type=int, default=1, help="fixes who buys what")
    given = parser.parse_args(arguments)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # what is printed is the report
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        plan = MatrixPlan(Path(folder) / "town", seed=given.seed)
        report = asyncio.run(run_matrix(plan, judge))
    sys.stdout.write(json.dumps({"is_good": report.is_good, **dataclasses.asdict(report)}, indent=2) + "\n")
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
