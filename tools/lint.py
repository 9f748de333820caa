"""Runs every check that is not a test, one after another, and says in one line each how it went.

All run even when one fails, so that one call shows everything there is to mend. It changes no file.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CODE = ("src", "tests", "tools")

CHECKS: dict[str, list[str]] = {
    "format": [str(BIN / "ruff"), "format", "--check", *CODE],
    "ruff": [str(BIN / "ruff"), "check", *CODE],
    "types": [str(BIN / "mypy")],
    "types of tools": [str(BIN / "mypy"), "tools"],
    "imports": [str(BIN / "lint-imports"), "--no-logo"],
    "tidy": [sys.executable, "tools/tidy.py"],
    "states": [sys.executable, "tools/draw_states.py", "--check"],
    "openapi": [sys.executable, "tools/draw_openapi.py", "--check"],
    "faults": [sys.executable, "tools/draw_faults.py", "--check"],
    "acceptance": [sys.executable, "tools/draw_acceptance.py", "--check"],
    "web": [sys.executable, "tools/check_web.py"],
}


def run_check(name: str, command: list[str]) -> bool:
    """Whether the check passed; its own words are shown only when it did not."""
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    verdict = "ok" if done.returncode == 0 else f"FAILED ({done.returncode})"
    if done.returncode != 0:
        print(f"--- {name}\n{done.stdout}{done.stderr}")
    print(f"lint: {name:14} {verdict}  {time.monotonic() - began:.1f} s", flush=True)
    return done.returncode == 0


def main(names: list[str]) -> int:
    """The command: `lint.py [CHECK ...]`, all of them by default."""
    unknown = sorted(set(names) - set(CHECKS))
    if unknown:
        print(f"lint: no check is called {', '.join(unknown)}; there are {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    failed = [name for name in names or CHECKS if not run_check(name, CHECKS[name])]
    if failed:
        print(f"lint: {len(failed)} failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
