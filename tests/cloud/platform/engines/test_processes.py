"""Only a process that runs our program in our folder is ours; everybody else is left alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vendomat.cloud.platform.engines.account import Account
from vendomat.cloud.platform.engines.patience import Patience
from vendomat.cloud.platform.engines.processes import ServerProcess, processes_in

OURSELVES = Account(os.geteuid(), os.getegid(), borrowed=False)
QUICK = Patience(stop_limit_s=0.3, last_resort_limit_s=0.3)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program with a name of its own that waits."""
    copy = tmp_path / "waiting-server"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", copy)
    return copy


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    (tmp_path / "work").mkdir()
    server = ServerProcess(
        "waiting-server", tmp_path / "work", log_path=tmp_path / "log", polite=signal.SIGTERM, patience=QUICK
    )
    yield server
    server.stop()


def test_same_program_elsewhere_and_other_program_here_are_not_ours(
    server: ServerProcess, program: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    elsewhere = subprocess.Popen([program, "30"], cwd=tmp_path)
    other = subprocess.Popen(["sleep", "30"], cwd=work)
    server.spawn([str(program), "30"], OURSELVES, {})
    assert processes_in(work, "waiting-server") == [server.pid]
    server.clear()
    assert server.pid is None
    assert elsewhere.poll() is None and other.poll() is None
    for bystander in (elsewhere, other):
        bystander.kill()
        bystander.wait()


def test_a_child_that_ignores_a_polite_request_is_ended(server: ServerProcess, program: Path) -> None:
    server.spawn(["/bin/sh", "-c", f"trap '' TERM; exec {program} 30"], OURSELVES, {})
    assert QUICK.until(lambda: bool(server.pids), 2)
    pid = server.pid
    server.stop()
    assert pid is not None and not Path(f"/proc/{pid}").exists()


def test_what_need_not_end_in_order_ends_at_once(server: ServerProcess, program: Path) -> None:
    server.spawn(["/bin/sh", "-c", f"trap '' TERM; exec {program} 30"], OURSELVES, {})
    assert QUICK.until(lambda: bool(server.pids), 2)
    before = time.monotonic()
    server.stop(in_order=False)
    assert server.pids == []
    assert time.monotonic() - before < QUICK.stop_limit_s


def test_a_zombie_is_not_a_living_process(server: ServerProcess, program: Path, tmp_path: Path) -> None:
    child = subprocess.Popen([program, "0"], cwd=tmp_path / "work")
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert processes_in(tmp_path / "work", "waiting-server") == []
    child.wait()


def test_the_log_is_private_and_set_aside_when_large(server: ServerProcess, program: Path, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * (9 * 1024 * 1024))
    server.spawn([str(program), "not-a-number"], OURSELVES, {})
    assert QUICK.until(lambda: server.pid is None, 2)
    assert "not-a-number" in server.log_tail()
    assert (tmp_path / "log.1.log").stat().st_size == 9 * 1024 * 1024
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
