"""Runs the web's own checks (types, unit tests) with the same Node that builds it.

`--is-node-there` only answers, by its exit code, whether a Node that is new enough can be found. It builds nothing.
"""

from __future__ import annotations

import argparse
import sys

from build_web import ROOT, install_packages, node_environment, run_npm


def is_node_there() -> bool:
    """Whether the build could run here and now."""
    try:
        node_environment()
    except SystemExit:
        return False
    return True


def main() -> int:
    """The command. Raises SystemExit with npm's own words when a check fails."""
    parser = argparse.ArgumentParser(description="Check the web apps.")
    parser.add_argument("--is-node-there", action="store_true", help="only say whether Node can be found")
    if parser.parse_args().is_node_there:
        return 0 if is_node_there() else 1
    web, env = ROOT / "web", node_environment()
    install_packages(web, env)
    run_npm(["run", "check"], web, env)
    print("web: checked")
    return 0


if __name__ == "__main__":
    sys.exit(main())
