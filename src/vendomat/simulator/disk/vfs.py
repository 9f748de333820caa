# ruff: noqa: N802 - the names are SQLite's
"""The disk as SQLite meets it: a VFS and its file handles. Counting, failing and losing is the disk's own business.

Refuses shared memory: a database in WAL mode must be locked exclusively, as the terminal's is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Protocol

import apsw

from vendomat.simulator.disk.model import Call, Content, DiskFault, Names

_PAGE_BYTES = 4096
_CODES = {
    Call.OPEN: apsw.SQLITE_CANTOPEN,
    Call.READ: apsw.SQLITE_IOERR_READ,
    Call.WRITE: apsw.SQLITE_IOERR_WRITE,
    Call.SYNC: apsw.SQLITE_IOERR_FSYNC,
    Call.TRUNCATE: apsw.SQLITE_IOERR_TRUNCATE,
    Call.DELETE: apsw.SQLITE_IOERR_DELETE,
    Call.RENAME: apsw.SQLITE_IOERR,
    Call.LOCK: apsw.SQLITE_IOERR_LOCK,
}


class Medium(Protocol):
    """What the handles need of the disk."""

    generation: int
    names: Names
    locks: dict[int, dict[int, int]]

    def note(self, call: Call, generation: int, begun: Callable[[], object] = ...) -> None: ...

    def content_of(self, name: str, *, may_create: bool) -> Content: ...


def refusal_of(call: Call, fault: DiskFault) -> apsw.Error:
    """What SQLite hears."""
    code = {DiskFault.FULL: apsw.SQLITE_FULL, DiskFault.READ_ONLY: apsw.SQLITE_READONLY}.get(fault, _CODES[call])
    error = apsw.exception_for(code)
    assert isinstance(error, apsw.Error)
    return error


class Vfs(apsw.VFS):
    def __init__(self, disk: Medium, name: str) -> None:
        self.name = name
        self._disk = disk
        self._handles = itertools.count(1)
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        self._disk.note(Call.OPEN, self._disk.generation)
        flags[1] = flags[0]
        content = self._disk.content_of(path, may_create=bool(flags[0] & apsw.SQLITE_OPEN_CREATE))
        return _File(self._disk, content, next(self._handles))

    def xAccess(self, pathname: str, flags: int) -> bool:
        return pathname in self._disk.names.seen

    def xDelete(self, filename: str, syncdir: bool) -> None:
        disk = self._disk
        if filename not in disk.names.seen:
            raise apsw.exception_for(apsw.SQLITE_IOERR_DELETE_NOENT)
        disk.note(Call.DELETE, disk.generation, lambda: disk.names.delete(filename))
        disk.names.delete(filename)
        if syncdir:
            disk.names.sync()

    def xFullPathname(self, name: str) -> str:
        return name


class _File:
    """One handle of SQLite."""

    def __init__(self, disk: Medium, content: Content, handle: int) -> None:
        self._disk, self._content, self._handle = disk, content, handle
        self._generation = disk.generation

    def _note(self, call: Call, begun: Callable[[], object] = lambda: None) -> None:
        self._disk.note(call, self._generation, begun)

    def xRead(self, amount: int, offset: int) -> bytes:
        self._note(Call.READ)
        return bytes(self._content.seen[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        data = bytes(data)
        self._note(Call.WRITE, lambda: self._content.write(data, offset))
        self._content.write(data, offset)

    def xTruncate(self, size: int) -> None:
        self._note(Call.TRUNCATE, lambda: self._content.truncate(size))
        self._content.truncate(size)

    def xSync(self, flags: int) -> None:
        self._note(Call.SYNC)
        self._content.sync()
        self._disk.names.keep_new(self._content)

    def xFileSize(self) -> int:
        return len(self._content.seen)

    def xLock(self, level: int) -> None:
        self._note(Call.LOCK)
        held = self._disk.locks.setdefault(id(self._content), {})
        others = max((other for handle, other in held.items() if handle != self._handle), default=0)
        most = {
            apsw.SQLITE_LOCK_SHARED: apsw.SQLITE_LOCK_RESERVED,
            apsw.SQLITE_LOCK_RESERVED: apsw.SQLITE_LOCK_SHARED,
        }.get(level, apsw.SQLITE_LOCK_NONE)
        if others > most:
            raise apsw.BusyError("another connection has the lock")
        held[self._handle] = max(level, held.get(self._handle, 0))

    def xUnlock(self, level: int) -> None:
        held = self._disk.locks.get(id(self._content), {})
        if self._generation == self._disk.generation and self._handle in held:
            held[self._handle] = level

    def xCheckReservedLock(self) -> bool:
        held = self._disk.locks.get(id(self._content), {})
        return any(level >= apsw.SQLITE_LOCK_RESERVED for level in held.values())

    def xClose(self) -> None:
        self.xUnlock(apsw.SQLITE_LOCK_NONE)

    def xFileControl(self, op: int, pointer: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return _PAGE_BYTES

    def xDeviceCharacteristics(self) -> int:
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE
