"""A PostgreSQL data folder on disk: made whole or not at all, checked, and freed of what a dead server left.

Files in the data folder belong to the account of the server, which we do not trust with ours: a link there is never
followed when writing as root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from vendomat.cloud.platform.engines.account import Account
from vendomat.cloud.platform.engines.binaries import PostgresBinaries
from vendomat.cloud.platform.engines.postgres_settings import SUPERUSER, access_rules, first_statements
from vendomat.cloud.platform.identity import sync_folder
from vendomat.kernel import ErrorCode, VendomatError

_NO_PROCESS = 2**31 - 2  # above any process id Linux gives

BARE_ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""For the server and its tools: no setting of the caller's reaches them by accident."""


def make_cluster(data: Path, password: str, account: Account, binaries: PostgresBinaries) -> None:
    """initdb and the first roles in a folder beside `data`, renamed when whole: a kill on the way leaves no half."""
    fresh = data.with_name(data.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    account.own(fresh)
    initdb = [str(binaries.program("initdb")), "-D", str(fresh), "-U", SUPERUSER, "--encoding=UTF8", "--auth=trust"]
    initdb += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    _run_once(initdb, account)
    single = [str(binaries.program("postgres")), "--single", "-D", str(fresh), "-c", "log_checkpoints=off", SUPERUSER]
    _run_once(single, account, "".join(line + "\n" for line in first_statements(password)))
    _overwrite(fresh / "pg_hba.conf", access_rules())
    fresh.rename(data)
    sync_folder(data)
    sync_folder(data.parent)


def check_version(data: Path, binaries: PostgresBinaries) -> None:
    """Raises `VendomatError(UNAVAILABLE)` when the data are of another PostgreSQL than the programs."""
    version = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if version != str(binaries.major):
        raise VendomatError(
            ErrorCode.UNAVAILABLE,
            f"The data in {data} are of PostgreSQL {version}, the programs of {binaries.major}. Nothing was started or "
            "changed. Restore a backup into a new data folder, or install the older programs.",
        )


def disarm_stale_pid_file(data: Path) -> None:
    """Let the next server see that the process in `postmaster.pid` is dead, even a zombie or with its number reused.

    Called when no server of ours works in `data`. Only the number is replaced: the file also names the shared memory,
    by which the next server still finds backends that outlived the last one.
    """
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    number, newline, rest = pid_file.read_text(encoding="utf-8", errors="replace").partition("\n")
    if number.strip().isdecimal():
        _overwrite(pid_file, f"{_NO_PROCESS}{newline}{rest}")
    else:
        pid_file.unlink()  # torn by a power cut: nothing can live on from before it


def says_ready(data: Path, pid: int | None) -> bool:
    """Whether the server `pid` has written into its pid file that it takes connections."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready" and lines[0].strip() == str(pid)


def _overwrite(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _run_once(command: list[str], account: Account, text: str = "") -> None:
    finished = subprocess.run(
        command,
        cwd="/",
        env=dict(BARE_ENVIRONMENT),
        input=text,
        capture_output=True,
        text=True,
        check=False,
        **account.spawn_arguments(),
    )
    said = (finished.stdout + finished.stderr).strip()
    if finished.returncode != 0 or "ERROR:" in said:
        raise VendomatError(
            ErrorCode.UNAVAILABLE,
            f"The database could not be set up; nothing was kept. {Path(command[0]).name} says:\n{said}",
        )
