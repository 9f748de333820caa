"""Slots close after a failed vend, open after a passed test, and stay closed after two failures in a row."""

from __future__ import annotations

import msgspec
import pytest

from vendomat.protocol import VendResult
from vendomat.terminal.stock import SlotBook

GOOD = (VendResult.DELIVERED, VendResult.DELIVERED_DOUBLE)
NOT_THE_SLOT = (VendResult.SENSOR_BLOCKED, VendResult.DOOR_FAULT, VendResult.HEALTH_LOCK)


@pytest.mark.parametrize("result", [r for r in VendResult if r not in GOOD + NOT_THE_SLOT])
def test_a_failed_or_unknown_vend_closes_its_slot_only(result: VendResult) -> None:
    book = SlotBook().after_vend("A1", result)
    assert not book.is_open("A1") and book.is_open("A2") and book.closed() == ["A1"]


@pytest.mark.parametrize("result", NOT_THE_SLOT)
def test_what_is_not_the_slots_fault_leaves_it_open(result: VendResult) -> None:
    assert SlotBook().after_vend("A1", result).is_open("A1")


def test_one_failure_may_be_tested_two_need_a_visit() -> None:
    once = SlotBook().after_vend("A1", VendResult.JAM)
    assert once.to_retest() == ["A1"]
    assert not once.after_test("A1", has_passed=False).is_open("A1")
    tested = once.after_test("A1", has_passed=True)
    assert tested.is_open("A1")
    twice = tested.after_vend("A1", VendResult.JAM)
    assert twice.to_retest() == [] and not twice.after_test("A1", has_passed=True).is_open("A1")
    assert twice.after_service().is_open("A1")


def test_a_delivery_between_two_failures_begins_anew() -> None:
    book = SlotBook().after_vend("A1", VendResult.JAM).after_test("A1", has_passed=True)
    book = book.after_vend("A1", VendResult.DELIVERED).after_vend("A1", VendResult.JAM)
    assert book.to_retest() == ["A1"]


def test_what_was_taken_counts_until_the_next_catalogue() -> None:
    book = SlotBook().after_vend("A1", VendResult.DELIVERED).after_vend("A1", VendResult.DELIVERED_DOUBLE)
    assert book.note("A1").taken == 3 and book.after_catalogue().note("A1").taken == 0


def test_it_is_kept_as_json() -> None:
    book = SlotBook().after_vend("A1", VendResult.JAM)
    assert msgspec.json.decode(msgspec.json.encode(book), type=SlotBook) == book
