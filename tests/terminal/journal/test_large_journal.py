"""A journal too large to be checked whole at each start, what vanishes from one, and an older one. F39, F42."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal.journal.test_journal import append, forge, opened
from vendomat.terminal.journal import JournalError, checking


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A closed journal of 1,000 facts, most of them neither at its start nor at its end."""
    monkeypatch.setattr(checking, "SMALL_PAGES_MAX", 4)
    journal = opened(tmp_path)
    with journal._transaction():
        for _ in range(1_000):
            append(journal)
    journal.close()
    yield tmp_path


DAMAGE_IN_THE_MIDDLE = "UPDATE facts SET body = '{}' WHERE seq = 500"


def test_damage_in_the_middle_is_met_before_use_and_the_next_start_puts_it_aside(large: Path) -> None:
    forge(large, DAMAGE_IN_THE_MIDDLE)
    journal = opened(large)
    assert journal.damage == ""  # not looked at yet
    with pytest.raises(JournalError, match="mark") as met:
        journal.unacked(600)
    assert met.value.is_damage
    journal.close()
    again = opened(large)
    assert "mark" in again.damage and again.epoch > 1_000 and again.get("halted") is not None
    assert (large / "journal.db.damaged-1").exists()
    again.close()
    third = opened(large)
    assert third.damage == ""
    third.close()


def test_the_patrol_meets_damage_that_nobody_reads(large: Path) -> None:
    forge(large, DAMAGE_IN_THE_MIDDLE)
    journal = opened(large)
    with pytest.raises(JournalError, match="mark"):
        while journal.patrol(100):
            pass
    journal.close()


def test_the_patrol_ends_and_finds_a_whole_journal_whole(large: Path) -> None:
    journal = opened(large)
    assert sum(1 for _ in iter(lambda: journal.patrol(100), False)) >= 9
    journal.close()


def test_a_suspicion_that_was_wrong_is_dropped(large: Path) -> None:
    (large / "journal.db.suspect").write_text("a reading error that did not come again")
    journal = opened(large)
    assert journal.damage == "" and journal.count_unacked() == 1_000
    assert not (large / "journal.db.suspect").exists()
    journal.close()


def test_any_broken_page_of_a_large_journal_is_met_before_a_row_of_it_is_used(large: Path) -> None:
    whole = (large / "journal.db").read_bytes()
    for page in range(0, len(whole) // 4096, 3):
        folder = large / str(page)
        folder.mkdir()
        (folder / "journal.db").write_bytes(whole[: page * 4096] + os.urandom(4096) + whole[(page + 1) * 4096 :])
        (folder / "journal.db.epoch").write_text("1\n")
        found = opened(folder)
        if not found.damage:
            with pytest.raises(JournalError) as met:
                found.unacked(2_000)
            assert met.value.is_damage, f"page {page}"
        found.close()


def test_a_fact_that_vanished_is_missed(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for _ in range(3):
        append(journal)
    journal.close()
    forge(tmp_path, "DELETE FROM facts WHERE seq = 2")
    found = opened(tmp_path)
    assert "missing" in found.damage
    found.close()


def test_a_journal_of_the_first_schema_is_taken_over(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    facts = [append(journal) for _ in range(3)]
    journal.close()
    forge(tmp_path, "DELETE FROM meta WHERE key = 'facts'")
    forge(tmp_path, "PRAGMA user_version = 1")
    taken = opened(tmp_path)
    assert taken.damage == "" and taken.count_unacked() == 3 and taken.unacked(9) == facts
    taken.close()
    again = opened(tmp_path)
    assert again.damage == "" and again.count_unacked() == 3
    again.close()
