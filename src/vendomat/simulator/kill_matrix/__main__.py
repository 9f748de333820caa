"""`python -m vendomat.simulator.kill_matrix cloud|terminal|platforms …`: a real part that a trap may kill.

Takes the options that the part itself takes from a town.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    part, rest = arguments[0], arguments[1:]
    if part == "platforms":
        from vendomat.simulator.kill_matrix.doomed_platforms import run_doomed_platforms

        run_doomed_platforms(rest)
        return 0
    parser = argparse.ArgumentParser(prog=f"kill_matrix {part}")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--http-port", type=int, default=0)
    parser.add_argument("--https-port", type=int, default=0)
    given = parser.parse_args(rest)
    if part == "terminal":
        from vendomat.simulator.kill_matrix.doomed_terminal import run_doomed_terminal

        return run_doomed_terminal(given.data)
    from vendomat.simulator.kill_matrix.doomed_cloud import run_doomed_cloud

    run_doomed_cloud(given.data, http_port=given.http_port, https_port=given.https_port)
    return 0


sys.exit(main(sys.argv[1:]))
