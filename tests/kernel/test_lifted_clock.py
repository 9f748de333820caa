"""The clock of a machine that is told the time over a line that may take seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vendomat.kernel import LiftedClock, ManualClock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
A_SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("age_s", [0, 1.5, 4])
def test_a_right_clock_is_not_moved_by_an_answer_that_was_long_on_its_way(age_s: float) -> None:
    clock = LiftedClock(ManualClock(NOW))
    clock.hear(NOW - age_s * A_SECOND, 4.0)
    assert clock.now() == NOW


@pytest.mark.parametrize("off", [timedelta(days=-20_000), timedelta(seconds=-0.5), timedelta(seconds=4.5)])
def test_a_wrong_clock_is_at_most_half_of_the_question_wrong_afterwards(off: timedelta) -> None:
    clock = LiftedClock(ManualClock(NOW + off))
    clock.hear(NOW, 4.0)
    assert clock.now() == NOW + 2 * A_SECOND


async def test_a_quick_answer_makes_better_what_a_slow_one_left() -> None:
    base = ManualClock(NOW - timedelta(days=1))
    clock = LiftedClock(base)
    clock.hear(NOW, 4.0)
    await base.advance(60)
    clock.hear(NOW + 60 * A_SECOND, 0.1)
    assert clock.now() == NOW + 60.05 * A_SECOND
