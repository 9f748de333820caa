"""The epoch, kept a second time beside the journal, so that a lost journal never brings an old epoch back.

It also is the witness that a journal existed: a missing database next to this file is a loss, not a first start.
"""

from __future__ import annotations

import os
from pathlib import Path


class EpochFile:
    """One number in one small file, replaced whole and fsynced."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> int:
        """The last epoch that was written; 0 when there is none or it cannot be read."""
        try:
            return int(self._path.read_text().strip())
        except FileNotFoundError:
            return 0
        except (ValueError, UnicodeDecodeError):
            return 0

    @property
    def exists(self) -> bool:
        return self._path.exists()

    def write(self, epoch: int) -> None:
        """Durable when this returns. Raises `OSError`."""
        beside = self._path.with_suffix(".new")
        with beside.open("w") as file:
            file.write(f"{epoch}\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
