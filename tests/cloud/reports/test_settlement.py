"""The settlement objective: every way an order can meet or miss it, whatever the order of words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vendomat.cloud.reports.settlement import OrderClock, Verdict, heard, judged, slot_of

PAID = datetime(2026, 6, 1, 8, 3, tzinfo=UTC)
Word = tuple[str, int] | tuple[str, int, str]


def clock(units: int = 1) -> OrderClock:
    return OrderClock("mer", "ord", "mch", PAID, units)


def after(words: tuple[Word, ...], now_s: int, units: int = 1) -> OrderClock:
    told = clock(units)
    for kind, at_s, *reason in words:
        told = heard(told, kind, str(reason[0]) if reason else "", PAID + timedelta(seconds=at_s))
    return judged(told, PAID + timedelta(seconds=now_s))


@pytest.mark.parametrize(
    ("words", "now_s", "verdict"),
    [
        ((), 899, Verdict.OPEN),
        ((), 921, Verdict.MISSED),
        ((("vend.delivered", 10), ("order.settled", 10)), 11, Verdict.IN_TIME),
        ((("vend.not_delivered", 10), ("order.settled", 70)), 71, Verdict.IN_TIME),
        ((("vend.not_delivered", 10), ("order.settled", 71)), 72, Verdict.LATE),
        ((("vend.not_delivered", 10),), 69, Verdict.OPEN),
        ((("vend.not_delivered", 10),), 91, Verdict.LATE),
        ((("vend.unknown", 10), ("order.settled", 11)), 12, Verdict.MISSED),
        ((("vend.not_delivered", 10, "machine unreachable"), ("order.settled", 11)), 12, Verdict.MISSED),
        ((("vend.not_delivered", 10, "fenced"), ("order.settled", 11)), 12, Verdict.IN_TIME),
    ],
)
def test_each_ending_has_its_verdict(words: tuple[Word, ...], now_s: int, verdict: Verdict) -> None:
    assert after(words, now_s).verdict is verdict


def test_the_clock_starts_at_the_last_outcome() -> None:
    words = (("vend.delivered", 10), ("vend.not_delivered", 200), ("order.settled", 255))
    assert after(words[:1], 190, units=2).verdict is Verdict.OPEN
    assert after(words, 256, units=2).verdict is Verdict.IN_TIME


def test_one_unreachable_unit_makes_the_order_a_miss() -> None:
    words = (("vend.unknown", 10), ("vend.delivered", 20), ("order.settled", 21))
    assert after(words, 22, units=2).verdict is Verdict.MISSED


def test_a_word_on_its_way_corrects_what_was_called_late_and_nothing_corrects_a_miss() -> None:
    late = after((("vend.not_delivered", 10),), 91)
    told = heard(late, "order.settled", "", PAID + timedelta(seconds=60))
    corrected = judged(told, PAID + timedelta(seconds=95))
    assert (corrected.verdict, corrected.slot_at) == (Verdict.IN_TIME, late.slot_at)
    missed = after((), 921)
    settled = heard(heard(missed, "vend.delivered", "", PAID), "order.settled", "", PAID)
    assert judged(settled, PAID + timedelta(seconds=922)).verdict is Verdict.MISSED


def test_an_order_counts_in_the_five_minutes_of_its_outcome() -> None:
    assert slot_of(PAID) == PAID.replace(minute=0)
    told = after((("vend.delivered", 150), ("order.settled", 150)), 151)
    assert told.slot_at == PAID.replace(minute=5)
    assert after((), 921).slot_at == slot_of(PAID + timedelta(minutes=15))
