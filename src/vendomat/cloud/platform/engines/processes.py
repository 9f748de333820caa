"""A server as our own child process: start, stop, kill, and the clearing of orphans of an earlier life.

A process is ours when it runs the program *and* works in the folder; a number in a pid file alone proves nothing, and
a name alone proves nothing. Never signals a process that it has not identified in this way at that moment. Linux only
(`/proc`, process descriptors).
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from vendomat.cloud.platform.engines.account import Account
from vendomat.cloud.platform.engines.patience import Patience
from vendomat.kernel import ErrorCode, VendomatError

_LOG_LIMIT_BYTES = 8 * 1024 * 1024


class ServerProcess:
    """One server program working in one folder, its output in `log_path`. `polite` asks it for an orderly end."""

    def __init__(
        self, program: str, work_dir: Path, *, log_path: Path, polite: signal.Signals, patience: Patience
    ) -> None:
        self._program = program
        self._work_dir = work_dir
        self._log_path = log_path
        self._polite = polite
        self._patience = patience
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the running child, None when it does not run."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    @property
    def pids(self) -> list[int]:
        """The child and its own children, as found now."""
        return processes_in(self._work_dir, self._program)

    def spawn(self, command: Sequence[str], account: Account, environment: Mapping[str, str]) -> None:
        """Start the program. Its own session keeps a Ctrl-C at our terminal away from it: we end it, in order."""
        assert self.pid is None, "one child at a time"
        self._keep_log_small()
        with open(self._log_path, "ab", opener=_private) as log:
            self._child = subprocess.Popen(
                command,
                cwd=self._work_dir,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **account.spawn_arguments(),
            )

    def stop(self, *, in_order: bool = True) -> None:
        """End the child and what it left, `in_order` if it lets us, else by SIGQUIT. Harmless when nothing runs."""
        if self._child is not None:
            if self._child.poll() is None:
                self._child.send_signal(self._polite if in_order else signal.SIGQUIT)
            try:
                self._child.wait(self._patience.stop_limit_s)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._child = None
        self.clear()

    def kill(self) -> None:
        """SIGKILL to the child, as a fault would. What it leaves behind is the next start's work."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def clear(self) -> None:
        """End every process of ours in the folder. Raises `VendomatError(UNAVAILABLE)` when one survives SIGKILL."""
        stages = (
            (self._polite, self._patience.stop_limit_s),
            (signal.SIGQUIT, self._patience.last_resort_limit_s),
            (signal.SIGKILL, self._patience.last_resort_limit_s),
        )
        for sign, limit_s in stages:
            found = self.pids
            for pid in found if sign != self._polite else _leaders(found):
                _signal_if(pid, self._work_dir, self._program, sign)
            if self._patience.until(lambda: not self.pids, limit_s):
                return
        raise VendomatError(
            ErrorCode.UNAVAILABLE,
            f"A {self._program} of an earlier run (process ids {self.pids}) in {self._work_dir} does not end. "
            "Nothing was started; its data are untouched. Look at why it hangs (often the disk), then start again.",
        )

    def log_tail(self, lines: int = 15) -> str:
        """The last lines the program wrote."""
        return "\n".join(self.log_text().splitlines()[-lines:])

    def log_text(self, offset: int = 0) -> str:
        """What the program wrote from byte `offset` of its log on."""
        if not self._log_path.exists():
            return ""
        with self._log_path.open("rb") as log:
            log.seek(offset if offset <= self.log_size else 0)  # it may have been set aside since
            return log.read().decode(errors="replace")

    @property
    def log_size(self) -> int:
        """Bytes in the log now: an offset to read on from."""
        return self._log_path.stat().st_size if self._log_path.exists() else 0

    def _keep_log_small(self) -> None:
        if self._log_path.exists() and self._log_path.stat().st_size > _LOG_LIMIT_BYTES:
            self._log_path.replace(self._log_path.with_suffix(".1.log"))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def processes_in(work_dir: Path, program: str) -> list[int]:
    """Process ids of living processes that run `program` and work in `work_dir`. A zombie works nowhere."""
    return [
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal() and _is(entry, work_dir, program)
    ]


def _is(process: Path, work_dir: Path, program: str) -> bool:
    try:
        where = str((process / "cwd").readlink())
        what = str((process / "exe").readlink())
    except PermissionError:
        return _claims(process, work_dir, program)
    except OSError:  # gone, or a zombie
        return False
    # The wheel may have been replaced under a running server, its folder removed: the kernel marks both.
    where, what = where.removesuffix(" (deleted)"), what.removesuffix(" (deleted)")
    return where == str(work_dir.resolve()) and what.rpartition("/")[2] == program


def _claims(process: Path, work_dir: Path, program: str) -> bool:
    """Root in a container may not look into another account's process: go by owner, name and arguments then."""
    try:
        name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
        arguments = (process / "cmdline").read_bytes().split(b"\0")
        same_owner = process.stat().st_uid == work_dir.stat().st_uid
    except OSError:
        return False
    return same_owner and name == program[:15] and os.fsencode(work_dir) in arguments


def _leaders(pids: Sequence[int]) -> list[int]:
    """Those whose parent is not among `pids`."""
    return [pid for pid in pids if _parent(pid) not in pids]


def _parent(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])


def _signal_if(pid: int, work_dir: Path, program: str, sign: signal.Signals) -> None:
    """Signal `pid` if it is (still) ours; the descriptor keeps the number from meaning another process in between."""
    try:
        process_fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if _is(Path(f"/proc/{pid}"), work_dir, program):
            signal.pidfd_send_signal(process_fd, sign)
    except ProcessLookupError:
        return
    finally:
        os.close(process_fd)
