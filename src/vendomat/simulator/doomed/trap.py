"""A trap for a process: it kills itself by SIGKILL when it reaches a named point.

The file is the only way to set one, so a process that nobody armed only looks whether it is there. Several processes
may share a trap, at once or one after another: who reaches the point first takes the file away and dies.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgspec

DEAF = "deaf"
"""A file beside a terminal's trap: while it lies there, commands are not heard."""


class Armed(msgspec.Struct, frozen=True):
    """Die when `point` is reached; `is_frozen`: stop there instead."""

    point: str
    is_frozen: bool = False


class Trap:
    """`path` is where the file appears."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def set(self, armed: Armed) -> None:
        """Whole or not at all, for whoever looks at this moment."""
        new = self._path.with_name(self._path.name + ".new")
        new.write_bytes(msgspec.json.encode(armed))
        new.rename(self._path)

    @property
    def is_set(self) -> bool:
        return self._path.exists()

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)

    def reach(self, point: str) -> None:
        """This process stands at `point` now; it may not come back from here."""
        try:
            armed = msgspec.json.decode(self._path.read_bytes(), type=Armed)
        except FileNotFoundError:
            return
        if armed.point == point and self._take():
            os.kill(os.getpid(), signal.SIGSTOP if armed.is_frozen else signal.SIGKILL)

    def _take(self) -> bool:
        try:
            self._path.rename(self._path.with_name(f"{self._path.name}.taken-{os.getpid()}"))
        except FileNotFoundError:
            return False  # somebody else was here first
        return True
