"""The epoch, kept a second time beside the journal, so that a lost journal never brings an old epoch back.

It also is the witness that a journal existed: a missing database next to this file is a loss, not a first start.
"""

from __future__ import annotations

from pathlib import Path

from vendomat.terminal.journal.files import REAL_FILES, Files


class EpochFile:
    """One number in one small file, replaced whole and fsynced."""

    def __init__(self, path: Path, files: Files = REAL_FILES) -> None:
        self._path = path
        self._files = files

    def read(self) -> int:
        """The last epoch that was written; 0 when there is none or it is no number. Raises `OSError`."""
        try:
            return int(self._files.read(self._path).decode().strip())
        except FileNotFoundError:
            return 0
        except ValueError:
            return 0

    def write(self, epoch: int) -> None:
        """Durable when this returns. Raises `OSError`."""
        beside = self._path.with_suffix(".new")
        self._files.write(beside, f"{epoch}\n".encode())
        self._files.rename(beside, self._path)
        self._files.sync(self._path.parent)
