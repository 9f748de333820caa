"""What stands between two plans, and when nobody may publish without counting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vendomat.cloud.catalog import PlannedSlot
from vendomat.cloud.planograms.model import (
    ChangeKind,
    Shown,
    SlotStock,
    at_price,
    carried,
    changes_between,
    checked_counts,
    checked_moment,
    packed,
    shown_state,
    unpacked,
)
from vendomat.kernel import ErrorCode, Money, VendomatError


def planned(slot: str, product: str = "cola", price: int = 400, capacity: int = 8) -> PlannedSlot:
    return PlannedSlot(slot, product, Money(price, "CNY"), capacity)


BEFORE = (planned("A1"), planned("A2", "tea"), planned("A10", "bun"), planned("B1"))
AFTER = (planned("A1", price=450), planned("A2", "milk"), planned("B1"), planned("C1", "tea"))
FULL = {slot: SlotStock(5, 0) for slot in ("A1", "A2", "A10", "B1")}


def test_each_slot_that_differs_is_told_once_in_the_order_of_the_machine() -> None:
    found = changes_between(BEFORE, AFTER, FULL)
    assert [(one.slot, one.kind, one.asks_count) for one in found] == [
        ("A1", ChangeKind.CHANGED, False),
        ("A2", ChangeKind.SWAPPED, True),
        ("A10", ChangeKind.REMOVED, True),
        ("C1", ChangeKind.ADDED, False),
    ]
    assert changes_between(BEFORE, BEFORE, FULL) == []
    empty = changes_between(BEFORE, AFTER, {"A2": SlotStock(0, 0)})
    assert not any(one.asks_count for one in empty), "nothing is in there to be counted"


def test_counts_are_said_for_what_moves_and_for_nothing_else() -> None:
    changes = changes_between(BEFORE, AFTER, FULL)
    assert checked_counts("SH-1", changes, {"A2": 3, "A10": 0}) == {"A2": 3, "A10": 0, "C1": 0}
    assert checked_counts("SH-1", changes, {"A2": 3, "A10": 0, "C1": 8})["C1"] == 8


@pytest.mark.parametrize(
    ("counts", "code", "word"),
    [
        ({}, ErrorCode.CONFLICT, "A2, A10"),
        ({"A2": 1}, ErrorCode.CONFLICT, "in A10 now"),
        ({"A2": 9, "A10": 0}, ErrorCode.INVALID_VALUE, "A2 cannot hold 9"),
        ({"A2": 1, "A10": 1}, ErrorCode.INVALID_VALUE, "A10 cannot hold 1"),
        ({"A2": 1, "A10": 0, "A1": 1}, ErrorCode.INVALID_VALUE, "A1 are not changed"),
        ({"A2": 1, "A10": 0, "Z9": 1}, ErrorCode.INVALID_VALUE, "Z9"),
    ],
)
def test_a_count_that_is_missing_or_cannot_be_is_refused(counts: dict[str, int], code: ErrorCode, word: str) -> None:
    with pytest.raises(VendomatError, match=word) as caught:
        checked_counts("SH-1", changes_between(BEFORE, AFTER, FULL), counts)
    assert caught.value.code is code


def test_goods_of_an_open_order_are_not_swapped_but_their_price_may_change() -> None:
    busy = FULL | {"A1": SlotStock(5, 1)}
    assert checked_counts("SH-1", changes_between(BEFORE, AFTER, busy), {"A2": 1, "A10": 0})
    for slot in ("A2", "A10"):
        with pytest.raises(VendomatError, match=f"open for {slot}"):
            checked_counts("SH-1", changes_between(BEFORE, AFTER, FULL | {slot: SlotStock(5, 1)}), {"A2": 1, "A10": 0})


def test_a_draft_follows_where_it_left_things_as_they_were() -> None:
    before = (planned("A1"), planned("A2"), planned("A3"))
    draft = (planned("A1"), planned("A2", price=999), planned("A4"))
    after = at_price(before, "cola", Money(500, "CNY"))
    assert [one.price.minor_units for one in after] == [500, 500, 500]
    assert carried(draft, before, after) == (planned("A1", price=500), planned("A2", price=999), planned("A4"))
    assert carried(None, before, after) is None
    assert at_price(before, "tea", Money(1, "CNY")) == before


def test_silence_of_a_machine_is_not_known() -> None:
    assert [shown_state(7, shown) for shown in (None, 0, 6, 7, 8)] == [
        Shown.NOT_KNOWN,
        Shown.NOT_KNOWN,
        Shown.OLDER,
        Shown.AS_WANTED,
        Shown.AS_WANTED,
    ]


def test_what_is_packed_is_unpacked() -> None:
    assert unpacked(packed(BEFORE), "CNY") == BEFORE


NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def test_a_moment_lies_ahead_and_not_for_ever() -> None:
    prices = changes_between(BEFORE, (planned("A1", price=450, capacity=9), *BEFORE[1:]), FULL)
    for ahead in (timedelta(microseconds=1), timedelta(days=366)):
        checked_moment("SH-1", prices, NOW + ahead, NOW)
    for wrong in (timedelta(0), timedelta(days=-1), timedelta(days=366, microseconds=1)):
        with pytest.raises(VendomatError, match="lies ahead") as refused:
            checked_moment("SH-1", prices, NOW + wrong, NOW)
        assert refused.value.code is ErrorCode.INVALID_VALUE


def test_goods_wait_for_a_person_and_for_no_moment() -> None:
    with pytest.raises(VendomatError, match="A2, A10, C1 change") as refused:
        checked_moment("SH-1", changes_between(BEFORE, AFTER, {}), NOW + timedelta(hours=1), NOW)
    assert refused.value.code is ErrorCode.CONFLICT
