"""The build script: it runs both commands whatever happens, exits truthfully and ends with pytest's last line."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Plant = Callable[[dict[str, str]], Path]
CLOSING = "====== 3 passed, 1 skipped in 4.20s ======"


def run_ci(root: Path, repository: Path, *, lint: int, test: int, setup: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs the script in a small repository whose `make` answers with the given exit codes."""
    make = root / "bin" / "make"
    make.parent.mkdir()
    make.write_text(
        f'#!/bin/sh\ncase "$1" in\n  check-setup) exit {setup};;\n  lint) exit {lint};;\n'
        f'  test) echo "{CLOSING}"; echo "make: done"; exit {test};;\n'
        "esac\nexit 9\n"
    )
    make.chmod(0o755)
    script = root / ".ci" / "run"
    script.parent.mkdir()
    shutil.copy(repository / ".ci" / "run", script)
    environment = {**os.environ, "PATH": f"{make.parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [str(script)], cwd="/", env=environment, capture_output=True, text=True, check=False, timeout=30
    )


@pytest.mark.parametrize(("lint", "test", "is_good"), [(0, 0, True), (1, 0, False), (0, 1, False), (2, 2, False)])
def test_it_fails_when_either_fails_and_always_runs_both(
    tmp_path: Path, repository: Path, lint: int, test: int, is_good: bool
) -> None:
    done = run_ci(tmp_path, repository, lint=lint, test=test)
    assert (done.returncode == 0) is is_good
    assert f"make lint exit code {lint}, make test exit code {test}" in done.stdout
    assert done.stdout.splitlines()[-1] == CLOSING


def test_it_fails_when_the_demo_lacks_a_package(tmp_path: Path, repository: Path) -> None:
    assert run_ci(tmp_path, repository, lint=0, test=0, setup=1).returncode != 0
