"""What a disk remembers: of each file the bytes that a program sees and those that survive the loss of power.

A write changes what is seen; only a sync makes it survive. Power that goes loses all that was not synced, or (with a
share to keep) all but some sectors of it, in any order: a write may be torn, and a later one may survive an earlier.
Names behave as in a journalled file system: they are kept in their order, and a sync of a new file keeps its name.

Refuses to lose what was synced: a disk that lies about it is another fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

SECTOR_BYTES = 512


class Call(StrEnum):
    """What a program can ask of the disk."""

    OPEN = "open"
    READ = "read"
    WRITE = "write"
    SYNC = "sync"
    TRUNCATE = "truncate"
    DELETE = "delete"
    RENAME = "rename"
    LOCK = "lock"


CHANGES = frozenset({Call.WRITE, Call.SYNC, Call.TRUNCATE, Call.DELETE, Call.RENAME})
"""Calls that a disk without space, or one that became read-only, refuses."""


class DiskFault(StrEnum):
    FULL = "full"
    IO_ERROR = "io_error"
    READ_ONLY = "read_only"


@dataclass(frozen=True, slots=True)
class Piece:
    """`data` at `offset`, or (None) the file cut off there. No piece crosses a sector's edge."""

    offset: int
    data: bytes | None


@dataclass(slots=True)
class Content:
    """One file, whatever its name."""

    seen: bytearray = field(default_factory=bytearray)
    kept: bytearray = field(default_factory=bytearray)
    unsynced: list[Piece] = field(default_factory=list)

    def write(self, data: bytes, offset: int) -> None:
        _apply(self.seen, Piece(offset, data))
        position = 0
        while position < len(data):
            room = SECTOR_BYTES - (offset + position) % SECTOR_BYTES
            self.unsynced.append(Piece(offset + position, data[position : position + room]))
            position += room

    def truncate(self, size: int) -> None:
        piece = Piece(size, None)
        _apply(self.seen, piece)
        self.unsynced.append(piece)

    def sync(self) -> None:
        for piece in self.unsynced:
            _apply(self.kept, piece)
        self.unsynced.clear()

    def lose_power(self, is_spared: Callable[[], bool]) -> None:
        """Each unsynced piece survives if `is_spared()`; the rest never was."""
        for piece in self.unsynced:
            if is_spared():
                _apply(self.kept, piece)
        self.unsynced.clear()
        self.seen = bytearray(self.kept)


def _apply(image: bytearray, piece: Piece) -> None:
    if piece.data is None:
        del image[piece.offset :]
        return
    if len(image) < piece.offset:
        image.extend(bytes(piece.offset - len(image)))
    image[piece.offset : piece.offset + len(piece.data)] = piece.data


@dataclass(frozen=True, slots=True)
class _NameChange:
    name: str
    content: Content | None
    """None: the name is gone."""


@dataclass(slots=True)
class Names:
    """The folder: names of contents, as seen and as kept."""

    seen: dict[str, Content] = field(default_factory=dict)
    kept: dict[str, Content] = field(default_factory=dict)
    unsynced: list[_NameChange] = field(default_factory=list)

    def create(self, name: str) -> Content:
        content = Content()
        self._change(name, content)
        return content

    def delete(self, name: str) -> None:
        self._change(name, None)

    def rename(self, old: str, new: str) -> None:
        content = self.seen[old]
        self._change(new, content)
        self._change(old, None)

    def _change(self, name: str, content: Content | None) -> None:
        change = _NameChange(name, content)
        _apply_name(self.seen, change)
        self.unsynced.append(change)

    def sync(self) -> None:
        for change in self.unsynced:
            _apply_name(self.kept, change)
        self.unsynced.clear()

    def keep_new(self, content: Content) -> None:
        """A sync of `content`: the file system writes its journal up to the making of its name."""
        made = [number for number, change in enumerate(self.unsynced) if change.content is content]
        for change in self.unsynced[: made[-1] + 1] if made else ():
            _apply_name(self.kept, change)
        del self.unsynced[: made[-1] + 1 if made else 0]

    def lose_power(self, is_spared: Callable[[], bool]) -> None:
        for change in self.unsynced:
            if not is_spared():
                break
            _apply_name(self.kept, change)
        self.unsynced.clear()
        for content in self.kept.values():
            content.lose_power(is_spared)
        self.seen = dict(self.kept)


def _apply_name(names: dict[str, Content], change: _NameChange) -> None:
    if change.content is None:
        names.pop(change.name, None)
    else:
        names[change.name] = change.content
