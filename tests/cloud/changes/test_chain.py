"""The chain of the change log: an entry that is changed, moved or taken away no longer fits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from vendomat.cloud.changes import Change
from vendomat.cloud.changes.model import Head, Kept, broken_after, entry_after

AT = datetime(2026, 6, 1, 8, tzinfo=UTC)
START = Head(0, "")


def change(number: int) -> Change:
    return Change(
        merchant_id="mer_1",
        actor="opr_1",
        action="site.changed",
        subject=f"sit_{number}",
        at=AT,
        reason="moved\nand renamed",
        before={"name": "大堂"},
        after={"name": "Lobby"},
    )


def chain(length: int) -> list[Kept]:
    head, rows = START, []
    for number in range(length):
        entry = entry_after(head, change(number))
        rows.append(Kept(entry.seq, entry.content, entry.previous, entry.link))
        head = Head(entry.seq, entry.link)
    return rows


def test_a_chain_is_whole_and_its_head_is_its_newest_entry() -> None:
    rows = chain(4)
    assert broken_after(START, rows) == (Head(4, rows[-1].link), None)


def test_it_can_be_followed_in_parts() -> None:
    rows = chain(4)
    head, broken = broken_after(START, rows[:2])
    assert broken is None
    assert broken_after(head, rows[2:]) == (Head(4, rows[-1].link), None)


def test_the_same_change_has_another_link_at_another_place() -> None:
    first, second = entry_after(START, change(1)), entry_after(Head(1, "0" * 64), change(1))
    assert first.link != second.link


@pytest.mark.parametrize("place", range(4))
def test_a_changed_entry_is_found_where_it_stands(place: int) -> None:
    rows = chain(4)
    rows[place] = replace(rows[place], content=rows[place].content.replace("opr_1", "opr_2"))
    assert broken_after(START, rows)[1] == place + 1


@pytest.mark.parametrize("place", range(3))
def test_an_entry_taken_away_is_found_at_the_next(place: int) -> None:
    rows = chain(4)
    del rows[place]
    assert broken_after(START, rows)[1] == place + 2


def test_entries_that_changed_places_are_found() -> None:
    rows = chain(4)
    rows[1], rows[2] = rows[2], rows[1]
    assert broken_after(START, rows)[1] == 3
