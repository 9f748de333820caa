"""The disk as SQLite and a program's own files meet it: counts each call, fails where it is told, loses its power.

    disk = Disk(chance)
    journal = Journal(Path("journal.db"), key, vfs=disk.vfs_name, files=disk.folder)
    disk.cut()                # unsynced bytes are gone; who had the disk open is dead to it
    journal = Journal(...)    # as after the next start

After `cut` or `crash` every older handle gets I/O errors for ever, as the process that held it is no more; opening
again works at once. Close what is dead (an I/O error then, nothing else): left to the garbage collector, it complains.
A failed sync leaves what it did not write unsynced.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import apsw

from vendomat.simulator.disk.model import CHANGES, Call, Content, DiskFault, Names
from vendomat.simulator.disk.vfs import Vfs, refusal_of

_NUMBERS = itertools.count(1)
_ANY = frozenset(Call)


class Disk:
    """`chance` gives numbers in [0, 1) and decides what survives a cut. `calls` counts since the beginning.

    `on_cut` is called at the moment in which the power goes, before the call that was under way returns.
    """

    def __init__(self, chance: Callable[[], float] = lambda: 0.0) -> None:
        self.calls: Counter[Call] = Counter()
        self.on_cut: Callable[[], None] = lambda: None
        self.fault: DiskFault | None = None
        """A lasting fault: refuses every change (an I/O error: every read and open, too) until it is set to None."""
        self.free_bytes = 2**30
        """What the disk says it has left; telling, not counting: a full disk is a fault."""
        self.names = Names()
        self.generation = 0
        self.locks: dict[int, dict[int, int]] = {}
        self._chance = chance
        self._plans: list[_Plan] = []
        self._vfs = Vfs(self, f"vendomat-disk-{next(_NUMBERS)}")

    @property
    def vfs_name(self) -> str:
        """What a connection is opened with."""
        return self._vfs.name

    @property
    def folder(self) -> DiskFolder:
        """The files beside the database, for a program that starts now; dead to it after a cut, as its handles are."""
        return DiskFolder(self)

    @property
    def files(self) -> Mapping[str, bytes]:
        """All files as a program would see them now."""
        return {name: bytes(content.seen) for name, content in self.names.seen.items()}

    def put(self, name: str, data: bytes | None) -> None:
        """Another hand on the disk: the file is now `data`, durably, or (None) gone."""
        if data is None:
            self.names.delete(name)
        else:
            content = self.names.create(name)
            content.write(data, 0)
            content.sync()
        self.names.sync()

    def copy(self) -> Disk:
        """Another disk with the same files, all of them synced: an image taken of this one."""
        other = Disk(self._chance)
        for name, data in self.files.items():
            other.put(name, data)
        return other

    # --- faults ------------------------------------------------------------------------------------------------------

    def cut(self, *, keep: float = 0.0) -> None:
        """The power goes: of what was not synced each sector survives with probability `keep`."""
        self._plans.clear()
        self.names.lose_power(lambda: self._chance() < keep)
        self.crash()
        self.on_cut()

    def crash(self) -> None:
        """The process dies, the power stays: what was written is there, and who wrote it can do nothing more."""
        self.generation += 1
        self.locks.clear()

    def cut_at(self, number: int, *, keep: float = 0.0, kinds: Collection[Call] = CHANGES) -> None:
        """`cut` in place of the `number`th call of `kinds` from now (1 is the next): that call does not happen.

        With `keep`, a write at which the power goes may be torn as any other.
        """
        self._plans.append(_Plan(number, frozenset(kinds), None, keep))

    def fail_at(
        self, number: int, fault: DiskFault = DiskFault.IO_ERROR, *, kinds: Collection[Call] = _ANY, times: int = 1
    ) -> None:
        """The `number`th call of `kinds` from now (1 is the next) is refused, and so are `times - 1` after it."""
        for later in range(times):
            self._plans.append(_Plan(number + later, frozenset(kinds), fault))

    def clear(self) -> None:
        """No fault any more, neither planned nor lasting."""
        self._plans.clear()
        self.fault = None

    @property
    def is_pending(self) -> bool:
        """A planned fault or cut has not come about yet."""
        return bool(self._plans)

    def close(self) -> None:
        """SQLite forgets this disk."""
        self._vfs.unregister()

    # --- what is under every call ------------------------------------------------------------------------------------

    def note(self, call: Call, generation: int, begun: Callable[[], object] = lambda: None) -> None:
        """Count `call` and let it pass, or raise what the disk says. `begun` does it unsynced, for a torn cut."""
        if generation != self.generation:
            raise refusal_of(call, DiskFault.IO_ERROR)
        self.calls[call] += 1
        for plan in [plan for plan in self._plans if call in plan.kinds]:
            plan.left -= 1
            if plan.left == 0 and plan in self._plans:
                self._plans.remove(plan)
                if plan.fault is not None:
                    raise refusal_of(call, plan.fault)
                begun()
                self.cut(keep=plan.keep)
                raise refusal_of(call, DiskFault.IO_ERROR)
        if self.fault is not None and (call in CHANGES or self.fault is DiskFault.IO_ERROR):
            raise refusal_of(call, self.fault)

    def content_of(self, name: str, *, may_create: bool) -> Content:
        """Raises `apsw.CantOpenError` for a file that is not there."""
        content = self.names.seen.get(name)
        if content is None and not may_create:
            raise refusal_of(Call.OPEN, DiskFault.IO_ERROR)
        return content or self.names.create(name)


class _Plan:
    def __init__(self, left: int, kinds: frozenset[Call], fault: DiskFault | None, keep: float = 0.0) -> None:
        self.left, self.kinds, self.fault, self.keep = left, kinds, fault, keep


class DiskFolder:
    """The files that a program keeps beside its database. Raises `OSError` where the disk refuses."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._generation = disk.generation

    def exists(self, path: Path) -> bool:
        return str(path) in self._disk.names.seen

    def read(self, path: Path) -> bytes:
        self._note(Call.READ)
        if not self.exists(path):
            raise FileNotFoundError(str(path))
        return bytes(self._disk.names.seen[str(path)].seen)

    def write(self, path: Path, data: bytes) -> None:
        """The whole file, synced; an old one is emptied first, as `open` does it."""
        self._note(Call.OPEN)
        content = self._disk.content_of(str(path), may_create=True)
        content.truncate(0)
        self._note(Call.WRITE, lambda: content.write(data, 0))
        content.write(data, 0)
        self._note(Call.SYNC)
        content.sync()
        self._disk.names.keep_new(content)

    def rename(self, old: Path, new: Path) -> None:
        names = self._disk.names
        if not self.exists(old):
            raise FileNotFoundError(str(old))
        self._note(Call.RENAME, lambda: names.rename(str(old), str(new)))
        names.rename(str(old), str(new))

    def remove(self, path: Path) -> None:
        names = self._disk.names
        if self.exists(path):
            self._note(Call.DELETE, lambda: names.delete(str(path)))
            names.delete(str(path))

    def free_bytes(self, folder: Path) -> int:
        return 0 if self._disk.fault is DiskFault.FULL else self._disk.free_bytes

    def sync(self, folder: Path) -> None:
        """Names that were changed survive."""
        self._note(Call.SYNC)
        self._disk.names.sync()

    def _note(self, call: Call, begun: Callable[[], object] = lambda: None) -> None:
        try:
            self._disk.note(call, self._generation, begun)
        except apsw.Error as error:
            raise OSError(f"{call}: {error}") from error
