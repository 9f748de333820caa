"""A disk that can be full, refuse an fsync, or lose power: a VFS under the real SQLite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw


class FaultyDisk(apsw.VFS):
    """Register by making one; `name` is what the journal is opened with."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_full = False
        self.is_sync_failing = False
        self.syncs = 0
        self.unsynced: dict[str, list[tuple[int, bytes]]] = {}
        """Bytes under each write since the last fsync of its file, oldest first: (offset, what was there)."""
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: Any) -> _File:
        return _File(self, name, flags)

    def lose_power(self) -> None:
        """Everything that was not fsynced is as if it had never been written."""
        for path, undo in self.unsynced.items():
            with Path(path).open("r+b") as file:
                for offset, before in reversed(undo):
                    file.seek(offset)
                    file.write(before)
        self.unsynced.clear()


class _File(apsw.VFSFile):
    def __init__(self, disk: FaultyDisk, name: Any, flags: Any) -> None:
        self._disk = disk
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._disk.is_full:
            raise apsw.FullError("the disk is full")
        with Path(self._path).open("rb") as file:
            file.seek(offset)
            before = file.read(len(data))
        undo = self._disk.unsynced.setdefault(self._path, [])
        undo.append((offset, before + bytes(len(data) - len(before))))
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        if self._disk.is_sync_failing:
            raise apsw.IOError("the disk refuses")
        self._disk.syncs += 1
        super().xSync(flags)
        self._disk.unsynced.pop(self._path, None)
