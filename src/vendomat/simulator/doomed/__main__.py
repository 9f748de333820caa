"""`python -m vendomat.simulator.doomed cloud|terminal|platforms …`: a real part that a trap may kill.

Takes the options that the part itself takes from a town.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vendomat.kernel import lasting


def main(arguments: list[str]) -> int:
    part, rest = arguments[0], arguments[1:]
    if part == "platforms":
        with lasting():
            from vendomat.simulator.doomed.platforms import run_doomed_platforms

        run_doomed_platforms(rest)
        return 0
    parser = argparse.ArgumentParser(prog=f"doomed {part}")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--http-port", type=int, default=0)
    parser.add_argument("--https-port", type=int, default=0)
    given = parser.parse_args(rest)
    if part == "terminal":
        with lasting():
            from vendomat.simulator.doomed.terminal import run_doomed_terminal

        return run_doomed_terminal(given.data)
    with lasting():
        from vendomat.simulator.doomed.cloud import run_doomed_cloud

    run_doomed_cloud(given.data, http_port=given.http_port, https_port=given.https_port)
    return 0


sys.exit(main(sys.argv[1:]))
