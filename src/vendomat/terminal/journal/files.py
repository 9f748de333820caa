"""The few things that the journal does to files beside its database: a port, so that a test can take their power away.

Knows nothing of what is in them. Every call raises `OSError` when the disk says no.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    def exists(self, path: Path) -> bool: ...

    def read(self, path: Path) -> bytes:
        """Raises `FileNotFoundError`."""
        ...

    def write(self, path: Path, data: bytes) -> None:
        """The whole content, synced; its name survives once the folder is synced."""
        ...

    def rename(self, old: Path, new: Path) -> None:
        """In place of any `new` that is there."""
        ...

    def remove(self, path: Path) -> None:
        """No matter if it is not there."""
        ...

    def free_bytes(self, folder: Path) -> int: ...

    def sync(self, folder: Path) -> None:
        """Names that were changed in `folder` survive the loss of power."""
        ...


class RealFiles:
    """The operating system's."""

    def exists(self, path: Path) -> bool:
        return path.exists()

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def write(self, path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, old: Path, new: Path) -> None:
        old.replace(new)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def free_bytes(self, folder: Path) -> int:
        free = os.statvfs(folder)
        return free.f_bavail * free.f_frsize

    def sync(self, folder: Path) -> None:
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


REAL_FILES = RealFiles()
