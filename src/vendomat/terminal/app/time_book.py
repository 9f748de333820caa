"""The last time that the cloud said, kept in a small file: a machine without a battery comes up in 1970.

Only a time that the cloud said is kept, so that a system clock that was wrong once is never believed later.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from vendomat.kernel import Clock, LiftedClock
from vendomat.terminal.link import write_private


class SavedTime:
    """`clock` is what the whole terminal runs on."""

    def __init__(self, path: Path, base: Clock) -> None:
        self._path = path
        self.clock = LiftedClock(base, self._read())

    def _read(self) -> datetime | None:
        """None when there is none, or it is none: then the system's clock is all there is."""
        try:
            return datetime.fromisoformat(self._path.read_text().strip()).astimezone(UTC)
        except (FileNotFoundError, ValueError):
            return None

    def hear(self, at: datetime, took_s: float) -> None:
        self.clock.hear(at, took_s)

    def save(self) -> None:
        """Raises `OSError`."""
        write_private(self._path, self.clock.now().isoformat().encode() + b"\n")
