"""The private folder of one server: one supervisor at a time, small values that outlive a run.

Refuses a folder that another living supervisor holds. Changes no mode and no owner outside the folder it is given.
"""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from vendomat.cloud.platform.identity import write_private
from vendomat.kernel import ErrorCode, VendomatError


class EngineFolder:
    """`path` belongs to one server. `lock()` before use, `unlock()` after; a dead holder's lock is free by itself."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock_fd: int | None = None

    def lock(self) -> None:
        """Take the folder. Raises `VendomatError(CONFLICT)` when a living process holds it."""
        if self._lock_fd is not None:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        lock_fd = os.open(self.path / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            holder = os.pread(lock_fd, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(lock_fd)
            raise VendomatError(
                ErrorCode.CONFLICT,
                f"The folder {self.path} is in use by process {holder}. Nothing was started. Stop that process, "
                "or give another data folder.",
                holder=holder,
            ) from busy
        os.ftruncate(lock_fd, 0)
        os.pwrite(lock_fd, f"{os.getpid()}\n".encode(), 0)
        self._lock_fd = lock_fd

    def unlock(self) -> None:
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def remembered(self, name: str) -> str | None:
        """The value kept under `name`, or None."""
        try:
            return (self.path / name).read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None

    def remember(self, name: str, value: str) -> None:
        """Keep `value` (0600) so that it is there, whole, after a power cut."""
        write_private(self.path / name, (value + "\n").encode())

    def port(self, name: str, last: int | None = None) -> int:
        """The loop-back port used last time if it is free, else a free one; kept, so that clients find it again.

        `last`: the port our own run used, which counts even when the folder was lost meanwhile.
        """
        kept = self.remembered(name)
        if last is None and kept is not None and kept.isdecimal():
            last = int(kept)
        if last is not None and _is_free(last):
            port = last
        else:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
        self.remember(name, str(port))
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
