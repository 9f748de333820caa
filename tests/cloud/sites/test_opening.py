"""Opening hours: whole weeks, hours that end on the next day, and what makes no week."""

from __future__ import annotations

import pytest

from vendomat.cloud.sites import Opening, Site, open_share
from vendomat.kernel import ErrorCode, VendomatError

DAY = Opening(8 * 60 + 30, 22 * 60)
NIGHT = Opening(18 * 60, 2 * 60)
WEEK = (DAY, DAY, DAY, DAY, NIGHT, NIGHT, None)


def test_a_site_without_hours_is_always_open() -> None:
    assert {open_share((), weekday, hour) for weekday in range(7) for hour in range(24)} == {1.0}


@pytest.mark.parametrize(
    ("weekday", "hour", "share"),
    [
        (0, 7, 0),
        (0, 8, 0.5),
        (0, 9, 1),
        (0, 21, 1),
        (0, 22, 0),
        (4, 0, 0),  # the day before ended at ten
        (4, 17, 0),
        (4, 23, 1),
        (5, 1, 1),  # of the night before
        (5, 2, 0),
        (6, 1, 1),
        (6, 12, 0),
        (0, 1, 0),  # Sunday is closed
    ],
)
def test_an_hour_is_open_as_far_as_it_lies_within(weekday: int, hour: int, share: float) -> None:
    assert open_share(WEEK, weekday, hour) == share


def test_a_whole_day_ends_at_midnight() -> None:
    week = (Opening(0, 24 * 60),) * 7
    assert {open_share(week, weekday, hour) for weekday in range(7) for hour in range(24)} == {1.0}


@pytest.mark.parametrize("opening", [(DAY,), (None,) * 6, (Opening(-1, 60),) * 7, (Opening(0, 1441),) * 7])
def test_what_makes_no_week_is_refused(opening: tuple[Opening | None, ...]) -> None:
    with pytest.raises(VendomatError) as refused:
        Site("sit_1", "n", "o", "", opening).check()
    assert refused.value.code is ErrorCode.INVALID_VALUE
