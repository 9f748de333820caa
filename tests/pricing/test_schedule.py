"""Weekly windows: over midnight, over Sunday, their next edge, and whether two of them ever meet."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pricing.rules import MONDAY_NOON, rule
from vendomat.pricing import Kind, Offer, Window, next_change
from vendomat.pricing.schedule import do_overlap, is_within, next_edge

NIGHT = Window(days=(6,), start=23 * 60, end=60)  # Sunday 23:00 to Monday 01:00
OFFICE = Window(days=(0, 1, 2, 3, 4), start=14 * 60, end=16 * 60)
WINDOWS = st.builds(
    Window,
    days=st.sets(st.integers(0, 6), min_size=1).map(tuple),
    start=st.integers(0, 1439),
    end=st.integers(1, 1440),
)


@pytest.mark.parametrize(
    ("local", "is_open"),
    [
        ("2026-11-23T13:59", False),
        ("2026-11-23T14:00", True),
        ("2026-11-23T15:59", True),
        ("2026-11-23T16:00", False),
        ("2026-11-28T15:00", False),  # a Saturday
        ("2026-11-22T22:59", False),
        ("2026-11-22T23:00", True),
        ("2026-11-23T00:59", True),
        ("2026-11-23T01:00", False),
    ],
)
def test_a_window_is_open_from_its_first_minute_until_its_last(local: str, is_open: bool) -> None:
    assert is_within((OFFICE, NIGHT), datetime.fromisoformat(local)) is is_open


@given(WINDOWS, st.integers(0, 7 * 1440 - 1))
def test_nothing_changes_before_the_next_edge(window: Window, minutes: int) -> None:
    local = MONDAY_NOON + timedelta(minutes=minutes)
    edge = next_edge([window], local)
    assert edge is not None and local < edge <= local + timedelta(days=7)
    until = local
    while until < edge:
        assert is_within([window], until) is is_within([window], local)
        until += timedelta(minutes=37)


@given(WINDOWS, WINDOWS)
def test_windows_overlap_when_some_minute_is_in_both(one: Window, other: Window) -> None:
    is_any = any(
        is_within([one], MONDAY_NOON + timedelta(minutes=minute))
        and is_within([other], MONDAY_NOON + timedelta(minutes=minute))
        for minute in {edge for window in (one, other) for span in window.spans() for edge in (span[0] - 720,)}
    )
    assert do_overlap([one], [other]) is is_any
    assert do_overlap([], [one]) and do_overlap([one], [])


def test_hours_are_the_machines_own() -> None:
    happy = rule(Kind.PERCENT, basis_points=1_000, windows=(OFFICE,))
    utc_morning = datetime.fromisoformat("2026-11-23T06:30:00+00:00")
    assert happy.is_on(utc_morning.astimezone(ZoneInfo("Asia/Shanghai")))
    assert not happy.is_on(utc_morning.astimezone(ZoneInfo("Europe/Berlin")))


def test_the_next_change_is_the_nearest_of_all() -> None:
    happy = rule(Kind.PERCENT, basis_points=1_000, windows=(OFFICE,))
    soon = rule(Kind.PERCENT, "prm_2", basis_points=1_000, starts_at=MONDAY_NOON + timedelta(minutes=5))
    assert next_change([Offer(happy)], MONDAY_NOON) == MONDAY_NOON + timedelta(hours=2)
    assert next_change([Offer(happy), Offer(soon)], MONDAY_NOON) == MONDAY_NOON + timedelta(minutes=5)
    assert next_change([Offer(rule(Kind.PERCENT, basis_points=1))], MONDAY_NOON) is None


def test_windows_that_only_touch_do_not_overlap() -> None:
    before = Window(days=(0,), start=12 * 60, end=14 * 60)
    assert not do_overlap([before], [OFFICE])
    assert not do_overlap([OFFICE], [before])


def test_an_edge_is_a_whole_minute() -> None:
    local = datetime.fromisoformat("2026-11-23T13:59:30.250000")
    assert next_edge([OFFICE], local) == datetime.fromisoformat("2026-11-23T14:00:00")


def test_a_window_over_sundays_midnight_is_two_spans_and_one_up_to_it_is_one() -> None:
    sunday = 6 * 1440
    assert NIGHT.spans() == [(sunday + 23 * 60, sunday + 1440), (0, 60)]
    assert Window(days=(6,), start=0, end=1440).spans() == [(sunday, sunday + 1440)]
