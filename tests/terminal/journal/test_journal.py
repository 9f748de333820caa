"""The machine's memory: epochs, marks, damage, full disks, kills and the loss of power. F33-F43."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal.journal.faulty_disk import FaultyDisk
from vendomat.kernel import derive_id
from vendomat.protocol import Fact, FactKind
from vendomat.terminal.journal import Journal, JournalError, JournalThread
from vendomat.terminal.journal import store as journal_store

KEY = b"k" * 32
BODY = b'{"cmd_id":"x"}'


def opened(folder: Path, key: bytes = KEY, **more: object) -> Journal:
    return Journal(folder / "journal.db", key, **more)  # type: ignore[arg-type]


def append(journal: Journal, kind: FactKind = FactKind.INTENT, cmd_id: str = "") -> Fact:
    return journal.append(kind, BODY, "2026-01-01T00:00:00+00:00", is_time_trusted=True, cmd_id=cmd_id)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = opened(tmp_path)
    yield journal
    journal.close()


def test_the_epoch_rises_at_each_opening(tmp_path: Path) -> None:
    epochs = []
    for _ in range(3):
        journal = opened(tmp_path)
        epochs.append(journal.epoch)
        journal.close()
    assert epochs == [1, 2, 3] and not journal.damage


def test_the_first_epoch_is_not_below_the_one_of_enrolment(tmp_path: Path) -> None:
    journal = opened(tmp_path, epoch_min=40)
    assert journal.epoch == 40
    journal.close()
    again = opened(tmp_path, epoch_min=40)
    assert again.epoch == 41
    again.close()


def test_facts_keep_their_origin_until_they_are_acknowledged(tmp_path: Path) -> None:
    first = opened(tmp_path)
    facts = [append(first) for _ in range(3)]
    first.close()
    second = opened(tmp_path)
    assert second.unacked(50) == facts and [(fact.epoch, fact.seq) for fact in facts] == [(1, 1), (1, 2), (1, 3)]
    late = append(second)
    assert (late.epoch, late.seq) == (2, 1)
    second.prune([(1, 1, facts[0].digest()), (1, 2, "another digest")])
    assert second.unacked(50) == [facts[1], facts[2], late] and second.count_unacked() == 3
    assert second.unacked(1) == [facts[1]]
    second.close()


def test_a_command_is_known_after_its_facts_are_gone(journal: Journal) -> None:
    cmd_id = derive_id("cmd", 1)
    intent = append(journal, cmd_id=cmd_id)
    assert [command.cmd_id for command in journal.open_commands()] == [cmd_id]
    outcome = append(journal, FactKind.OUTCOME, cmd_id)
    assert journal.open_commands() == []
    journal.prune([(fact.epoch, fact.seq, fact.digest()) for fact in (intent, outcome)])
    known = journal.find(cmd_id)
    assert known is not None and known.facts == (intent, outcome)
    assert journal.find(derive_id("cmd", 2)) is None


def test_the_memory_of_commands_is_bounded_and_open_ones_stay(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_store, "COMMANDS_MAX", 5)
    append(journal, cmd_id="open")
    for number in range(20):
        append(journal, FactKind.FENCED, f"c{number}")
    assert journal.find("open") is not None
    kept = [number for number in range(20) if journal.find(f"c{number}") is not None]
    assert kept == [15, 16, 17, 18, 19]


def test_settings_are_kept_and_removed(journal: Journal) -> None:
    journal.put("slots", b"{}")
    assert journal.get("slots") == b"{}"
    journal.put("slots", None)
    assert journal.get("slots") is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE facts SET body = '{}'",
        "UPDATE facts SET seq = 9",
        "UPDATE commands SET facts = '[]'",
        "UPDATE commands SET is_open = 0",
        "UPDATE meta SET value = '7' WHERE key = 'epoch'",
    ],
)
def test_a_row_changed_by_another_hand_is_damage_never_emptiness(tmp_path: Path, change: str) -> None:
    journal = opened(tmp_path)
    append(journal, cmd_id="c1")
    journal.close()
    forge(tmp_path, change)
    found = opened(tmp_path)
    assert "mark" in found.damage and found.epoch > 1_000
    assert found.get("halted") is not None
    assert (tmp_path / "journal.db.damaged-1").exists()
    found.close()
    again = opened(tmp_path)
    assert again.damage == "" and again.get("halted") is not None  # still waiting for the cloud
    again.close()


def forge(folder: Path, change: str) -> None:
    """Another program's hand on the closed file."""
    database = sqlite3.connect(folder / "journal.db")
    database.execute(change)
    database.commit()
    database.close()


def test_another_machines_journal_is_damage(tmp_path: Path) -> None:
    opened(tmp_path).close()
    stranger = opened(tmp_path, b"x" * 32)
    assert stranger.damage
    stranger.close()


def test_any_broken_page_is_damage(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for number in range(60):
        append(journal, cmd_id=f"c{number}")
    journal.close()
    whole = (tmp_path / "journal.db").read_bytes()
    for page in range(len(whole) // 4096):
        folder = tmp_path / str(page)
        folder.mkdir()
        (folder / "journal.db").write_bytes(whole[: page * 4096] + os.urandom(4096) + whole[(page + 1) * 4096 :])
        (folder / "journal.db.epoch").write_text("1\n")
        found = opened(folder)
        assert found.damage and found.epoch > 1_000, f"page {page} was broken and nobody noticed"
        found.close()


@pytest.mark.parametrize("loss", ["delete", "empty", "garbage"])
def test_a_lost_file_is_damage_and_its_epoch_is_not_used_again(tmp_path: Path, loss: str) -> None:
    for _ in range(3):
        opened(tmp_path).close()
    path = tmp_path / "journal.db"
    path.unlink()
    if loss != "delete":
        path.write_bytes(b"" if loss == "empty" else b"no database at all" * 500)
    found = opened(tmp_path)
    assert found.damage and found.epoch > 3
    found.close()


def test_an_earlier_state_put_back_is_damage(tmp_path: Path) -> None:
    opened(tmp_path).close()
    old = (tmp_path / "journal.db").read_bytes()
    opened(tmp_path).close()
    (tmp_path / "journal.db").write_bytes(old)
    found = opened(tmp_path)
    assert "earlier state" in found.damage and found.epoch > 2
    found.close()


def test_a_torn_tail_is_cut_and_no_damage(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    first = append(journal)
    folder = tmp_path / "cut"
    folder.mkdir()
    append(journal)
    for name in ("journal.db", "journal.db-wal", "journal.db.epoch"):
        (folder / name).write_bytes((tmp_path / name).read_bytes())
    with (folder / "journal.db-wal").open("r+b") as file:
        file.truncate((folder / "journal.db-wal").stat().st_size - 100)
    journal.close()
    torn = opened(folder)
    assert torn.damage == "" and torn.unacked(9) == [first]
    torn.close()


def test_a_newer_programs_journal_is_left_alone(tmp_path: Path) -> None:
    opened(tmp_path).close()
    forge(tmp_path, "PRAGMA user_version = 99")
    before = (tmp_path / "journal.db").read_bytes()
    with pytest.raises(JournalError, match="newer program"):
        opened(tmp_path)
    assert (tmp_path / "journal.db").read_bytes() == before


def test_two_programs_cannot_share_a_journal(tmp_path: Path, journal: Journal) -> None:
    with pytest.raises(JournalError, match="locked"):
        opened(tmp_path)
    assert not (tmp_path / "journal.db.damaged-1").exists()


@pytest.mark.parametrize("fault", ["is_full", "is_sync_failing"])
def test_a_disk_that_refuses_raises_and_a_later_write_works(tmp_path: Path, fault: str) -> None:
    disk = FaultyDisk(f"refusing-{fault}")
    journal = opened(tmp_path, vfs=disk.name)
    append(journal, cmd_id="c1")
    setattr(disk, fault, True)
    with pytest.raises(JournalError):
        append(journal, cmd_id="c2")
    setattr(disk, fault, False)
    assert journal.find("c2") is None
    fact = append(journal, cmd_id="c3")
    assert fact.seq == 2 and [known.seq for known in journal.unacked(9)] == [1, 2]
    journal.close()
    again = opened(tmp_path)
    assert again.damage == "" and [command.cmd_id for command in again.open_commands()] == ["c1", "c3"]
    again.close()


def test_one_fact_costs_one_fsync_and_survives_the_loss_of_power(tmp_path: Path) -> None:
    disk = FaultyDisk("losing-power")
    journal = opened(tmp_path, vfs=disk.name)
    append(journal)
    before = disk.syncs
    intent = append(journal, cmd_id="c1")
    outcome = append(journal, FactKind.OUTCOME, "c1")
    assert disk.syncs - before == 2
    disk.lose_power()
    survivor = copied(tmp_path)
    assert survivor.unacked(9)[1:] == [intent, outcome]
    survivor.close()
    journal.close()


def test_control_without_full_synchronisation_the_loss_of_power_loses_a_fact(tmp_path: Path) -> None:
    disk = FaultyDisk("losing-power-too")
    journal = opened(tmp_path, vfs=disk.name)
    append(journal)
    journal._db.execute("PRAGMA synchronous=NORMAL").fetchall()
    append(journal, cmd_id="c1")
    disk.lose_power()
    survivor = copied(tmp_path)
    assert survivor.find("c1") is None
    survivor.close()
    journal.close()


def copied(folder: Path) -> Journal:
    """The journal as the next start would find it, from the files as they are."""
    target = folder / "after"
    target.mkdir()
    for path in folder.glob("journal.db*"):
        (target / path.name).write_bytes(path.read_bytes())
    return opened(target)


WRITER = """
import sys
from pathlib import Path
from vendomat.protocol import FactKind
from vendomat.terminal.journal import Journal
journal = Journal(Path(sys.argv[1]) / "journal.db", b"k" * 32)
for number in range(100000):
    fact = journal.append(FactKind.INTENT, b"{}", "now", is_time_trusted=True, cmd_id=f"c{number}")
    print(fact.seq, flush=True)
"""


@pytest.mark.parametrize("after", [1, 40, 333])
def test_what_was_said_to_be_durable_survives_sigkill(tmp_path: Path, after: int) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = 0
        while said < after:
            said = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        said = max([said, *(int(line) for line in writer.stdout.read().split("\n")[:-1])])
    journal = opened(tmp_path)
    kept = [fact.seq for fact in journal.unacked(100_000)]
    assert journal.damage == "" and kept == list(range(1, len(kept) + 1)) and len(kept) >= said
    assert len(journal.open_commands()) == len(kept)
    journal.close()


async def test_the_thread_keeps_the_order_and_hands_errors_back(tmp_path: Path) -> None:
    thread = JournalThread(lambda: opened(tmp_path))
    await thread.open()
    facts = await asyncio.gather(*(thread.run(append) for _ in range(20)))
    assert [fact.seq for fact in facts] == list(range(1, 21)) and thread.epoch == 1
    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda journal: journal.epoch // 0)
    await thread.close()


def test_the_epoch_file_that_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (tmp_path / "journal.db.epoch").write_text("nonsense")
    journal = opened(tmp_path)
    assert journal.epoch == 2 and journal.damage == ""
    journal.close()
