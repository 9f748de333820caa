"""The load generator as a process of its own: `python -m vendomat.bench.load_process PLAN`.

PLAN is a file of JSON with secrets in it (0600). Prints one line of JSON at the end; logs go to standard error.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import structlog
import uvloop

from vendomat.bench.players import LoadPlan, run_load
from vendomat.kernel import SystemClock, TimeOrderedIds


def main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=LoadPlan)
    clock = SystemClock()
    result = uvloop.run(run_load(plan, clock=clock, ids=TimeOrderedIds(clock)))
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")


if __name__ == "__main__":
    main()
