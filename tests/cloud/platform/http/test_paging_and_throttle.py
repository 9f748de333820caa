"""Pages, cursors and the throttle in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vendomat.cloud.platform.http import Cursor, Throttle, page_of
from vendomat.kernel import ErrorCode, ManualClock, VendomatError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)), st.from_regex(r"[a-z]{3}_[0-9a-z]{26}", fullmatch=True))
def test_a_cursor_is_read_as_it_was_written(at: datetime, identifier: str) -> None:
    assert Cursor.from_text(Cursor(at, identifier).to_text()) == Cursor(at, identifier)


@given(st.text(max_size=210))
def test_any_other_text_is_refused_or_a_cursor(text: str) -> None:
    try:
        cursor = Cursor.from_text(text)
    except VendomatError as error:
        assert error.code is ErrorCode.INVALID_VALUE
    else:
        assert cursor.at.tzinfo is not None


@pytest.mark.parametrize(("rows", "shown", "has_more"), [(0, 0, False), (1, 1, False), (2, 2, False), (3, 2, True)])
def test_the_extra_row_only_says_that_there_is_more(rows: int, shown: int, has_more: bool) -> None:
    places = [Cursor(NOW + timedelta(seconds=n), f"id{n}") for n in range(rows)]
    page = page_of(places, 2, lambda place: place.id, lambda place: place)
    assert page.data == [f"id{n}" for n in range(shown)]
    assert page.has_more is has_more
    assert page.next_cursor == (places[1].to_text() if has_more else None)


async def test_failures_close_the_subject_until_the_window_has_passed() -> None:
    clock = ManualClock()
    throttle = Throttle(clock, failures_max=3, window_s=60)
    for _ in range(3):
        throttle.check("a")
        throttle.note_failure("a")
        await clock.advance(10)
    with pytest.raises(VendomatError) as caught:
        throttle.check("a")
    assert caught.value.code is ErrorCode.RATE_LIMITED
    assert caught.value.detail == {"retry_after_s": 31}
    throttle.check("b")
    await clock.advance(30)
    throttle.check("a")


def test_a_flood_of_subjects_does_not_grow_the_memory() -> None:
    throttle = Throttle(ManualClock(), failures_max=1, window_s=60, subjects_max=100)
    for number in range(1000):
        throttle.note_failure(f"s{number}")
    assert len(throttle._failures) == 100
    with pytest.raises(VendomatError):
        throttle.check("s999")
