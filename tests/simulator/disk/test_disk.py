"""The disk in memory does to a database what a real one does: keeps what was synced, and only that."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from vendomat.simulator.disk import Call, Disk, DiskFault
from vendomat.terminal.journal import EpochFile

PATH = Path("journal.db")


_OPENED: list[apsw.Connection] = []


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk(random.Random(7).random)
    yield disk
    for database in _OPENED:
        with contextlib.suppress(apsw.Error):  # the dead ones
            database.close()
    _OPENED.clear()
    disk.close()


def opened(disk: Disk, synchronous: str = "FULL") -> apsw.Connection:
    database = apsw.Connection(str(PATH), vfs=disk.vfs_name)
    _OPENED.append(database)
    for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", f"synchronous={synchronous}"):
        database.execute(f"PRAGMA {pragma}").fetchall()
    return database


def rows_of(database: apsw.Connection) -> list[int]:
    return [int(str(row[0])) for row in database.execute("SELECT a FROM t ORDER BY a")]


def filled(disk: Disk, count: int = 3, synchronous: str = "FULL") -> apsw.Connection:
    database = opened(disk, synchronous)
    database.execute("CREATE TABLE t (a)")
    for number in range(count):
        database.execute("INSERT INTO t VALUES (?)", (number,))
    return database


@pytest.mark.parametrize("keep", [0.0, 0.5, 1.0])
def test_what_was_synced_survives_the_loss_of_power(disk: Disk, keep: float) -> None:
    filled(disk)
    disk.cut(keep=keep)
    assert rows_of(opened(disk)) == [0, 1, 2]


def test_what_was_not_synced_is_gone_but_outlives_the_process(disk: Disk) -> None:
    filled(disk, synchronous="OFF")
    disk.crash()
    database = opened(disk, "OFF")
    assert rows_of(database) == [0, 1, 2]
    disk.cut()
    with pytest.raises(apsw.SQLError, match="no such table"):
        rows_of(opened(disk))


def test_a_cut_in_a_write_tears_it(disk: Disk) -> None:
    disk.put("a", bytes(4096))
    with pytest.raises(OSError, match="write"):
        disk.cut_at(1, keep=0.5, kinds={Call.WRITE})
        disk.folder.write(Path("a"), b"x" * 4096)
    torn = disk.files["a"]
    sectors = {torn[at : at + 512] for at in range(0, len(torn), 512)}
    assert b"x" * 512 in sectors and len(sectors) > 1


def test_who_had_the_disk_open_is_dead_to_it_after_the_cut(disk: Disk) -> None:
    database, folder = filled(disk), disk.folder
    before = disk.files
    disk.cut()
    with pytest.raises(apsw.IOError):
        database.execute("INSERT INTO t VALUES (9)")
    with pytest.raises(OSError, match="open"):
        folder.write(Path("late"), b"")
    with pytest.raises(apsw.IOError):
        database.close()
    assert disk.files == before and rows_of(opened(disk)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (DiskFault.FULL, apsw.FullError),
        (DiskFault.IO_ERROR, apsw.IOError),
        (DiskFault.READ_ONLY, apsw.ReadOnlyError),
    ],
)
def test_the_nth_call_fails_once_and_as_it_was_told(disk: Disk, fault: DiskFault, error: type[apsw.Error]) -> None:
    database = filled(disk)
    calls = sum(disk.calls.values())
    database.execute("INSERT INTO t VALUES (3)")
    for number in range(1, sum(disk.calls.values()) - calls + 1):
        disk.fail_at(number, fault)
        with pytest.raises(error):
            database.execute("INSERT INTO t VALUES (9)")
        assert not disk.is_pending
    database.execute("INSERT INTO t VALUES (4)")
    assert set(rows_of(database)) - {9} == {0, 1, 2, 3, 4}


def test_a_full_disk_refuses_until_there_is_room_and_can_be_read_meanwhile(disk: Disk) -> None:
    database = filled(disk)
    disk.fault = DiskFault.FULL
    for _ in range(2):
        with pytest.raises(apsw.FullError):
            database.execute("INSERT INTO t VALUES (3)")
    assert rows_of(database) == [0, 1, 2]
    disk.clear()
    database.execute("INSERT INTO t VALUES (3)")
    assert rows_of(database) == [0, 1, 2, 3]


def test_a_second_connection_is_locked_out_until_the_first_is_gone(disk: Disk) -> None:
    first = filled(disk)
    with pytest.raises(apsw.BusyError):
        opened(disk).execute("SELECT * FROM t").fetchall()
    first.close()
    assert rows_of(opened(disk)) == [0, 1, 2]


def test_calls_are_counted_by_kind(disk: Disk) -> None:
    database = filled(disk)
    before = disk.calls.copy()
    database.execute("INSERT INTO t VALUES (3)")
    assert disk.calls[Call.SYNC] - before[Call.SYNC] == 1 and disk.calls[Call.WRITE] > before[Call.WRITE]


def test_a_file_is_replaced_whole_or_not_at_all(disk: Disk) -> None:
    seen = set()
    for number in range(1, 6):
        for keep in (0.0, 0.4, 0.8):
            disk.clear()
            EpochFile(Path("e"), disk.folder).write(7)
            disk.cut_at(number, keep=keep)
            try:
                EpochFile(Path("e"), disk.folder).write(1234)
            except OSError:
                pass
            else:
                disk.cut(keep=keep)
                assert EpochFile(Path("e"), disk.folder).read() == 1234
            seen.add(EpochFile(Path("e"), disk.folder).read())
    assert seen == {7, 1234}


def test_a_file_that_is_not_synced_before_its_name_is_may_be_empty(disk: Disk) -> None:
    names = disk.names
    names.create("new").write(b"1234", 0)
    names.rename("new", "e")
    names.sync()
    disk.cut()
    assert disk.files == {"e": b""}


@pytest.mark.parametrize("keep", [0.0, 0.5])
def test_the_same_chance_tears_the_same_way(keep: float) -> None:
    images = []
    for _ in range(2):
        disk = Disk(random.Random(3).random)
        disk.put("a", b"")
        for number in range(50):
            disk.names.seen["a"].write(bytes([number]) * 700, number * 300)
        disk.cut(keep=keep)
        images.append(disk.files)
        disk.close()
    assert images[0] == images[1] and bool(images[0]["a"]) == bool(keep)
