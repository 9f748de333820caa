"""Installs one lock file into the virtual environment that runs this: exactly those versions, exactly those hashes.

Uses uv, which is fast. Where uv cannot fetch (it does not read pip's own settings, such as a mirror or a company's
certificate) it says so and lets pip do the same. It never installs anything whose hash is not in the lock.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def commands(lock: Path) -> list[list[str]]:
    """The ways to install `lock`, in order of preference."""
    uv = str(Path(sys.executable).with_name("uv"))
    what = ["--require-hashes", "-r", str(lock)]
    return [
        [uv, "pip", "install", "--quiet", "--python", sys.executable, *what],
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what],
    ]


def install(ways: list[list[str]]) -> int:
    """Tries `ways` until one succeeds; returns the exit code of the last one tried."""
    code = 1
    for way in ways:
        try:
            code = subprocess.run(way, check=False).returncode
        except FileNotFoundError as error:
            print(f"install: {error}", file=sys.stderr)
        if code == 0:
            return 0
        print(f"install: failed with exit code {code}: {' '.join(way)}", file=sys.stderr)
    return code


def main(arguments: list[str]) -> int:
    """The command: `install_locked.py LOCK`."""
    if len(arguments) != 1 or not Path(arguments[0]).is_file():
        print("install: name one lock file that exists", file=sys.stderr)
        return 2
    return install(commands(Path(arguments[0])))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
