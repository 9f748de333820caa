"""What is asked, which sums answer, and bands of usual days."""

from __future__ import annotations

import statistics as reference
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vendomat.cloud.statistics.formulas import FORMULAS
from vendomat.cloud.statistics.model import (
    By,
    Source,
    Wanted,
    band,
    months_within,
    quartile,
    share,
    source_of,
    usual_days,
    usual_so_far,
)
from vendomat.kernel import VendomatError

JUNE = (date(2026, 6, 1), date(2026, 6, 30))
MACHINE = "mch_" + "0" * 26


def test_the_days_asked_for_begin_and_end_at_midnight() -> None:
    wanted = Wanted(By.DAY, *JUNE)
    assert (wanted.begins.isoformat(), wanted.ends.isoformat()) == ("2026-06-01T00:00:00", "2026-07-01T00:00:00")


@pytest.mark.parametrize(
    ("by", "first", "last"),
    [
        (By.DAY, date(2026, 6, 2), date(2026, 6, 1)),
        (By.HOUR, date(2026, 6, 1), date(2026, 8, 2)),
        (By.DAY, date(2024, 1, 1), date(2026, 6, 1)),
    ],
)
def test_what_makes_no_table_is_refused(by: By, first: date, last: date) -> None:
    with pytest.raises(VendomatError):
        Wanted(by, first, last)


@pytest.mark.parametrize(
    ("wanted", "source"),
    [
        (Wanted(By.DAY, *JUNE), Source("day", "all")),
        (Wanted(By.HOUR, JUNE[0], JUNE[0]), Source("hour", "all")),
        (Wanted(By.MONTH, *JUNE), Source("month", "all")),
        (Wanted(By.MONTH, date(2026, 6, 5), date(2026, 7, 9)), Source("day", "all")),
        (Wanted(By.MACHINE, *JUNE), Source("month", "machine")),
        (Wanted(By.PRODUCT, date(2026, 2, 1), date(2026, 2, 28)), Source("month", "product")),
        (Wanted(By.PRODUCT, date(2026, 6, 2), JUNE[1]), Source("day", "product")),
        (Wanted(By.SITE, *JUNE), Source("day", "machine")),
        (Wanted(By.SLOT, *JUNE), Source()),
        (Wanted(By.PRODUCT, *JUNE, machine_id=MACHINE), Source()),
        (Wanted(By.DAY, *JUNE, channel="cash"), Source("day", "channel", "cash")),
        (Wanted(By.MONTH, *JUNE, machine_id=MACHINE), Source("month", "machine", MACHINE)),
        (Wanted(By.MONTH, date(2026, 6, 5), JUNE[1], product_id="prd_1"), Source("day", "product", "prd_1")),
        (Wanted(By.HOUR, JUNE[0], JUNE[0], channel="cash"), Source()),
        (Wanted(By.DAY, *JUNE, channel="cash", machine_id=MACHINE), Source()),
        (Wanted(By.DAY, *JUNE, site_id="sit_1"), Source("day", "machine")),
        (Wanted(By.MACHINE, *JUNE, site_id="sit_1"), Source("day", "machine")),
        (Wanted(By.PRODUCT, *JUNE, site_id="sit_1"), Source()),
    ],
)
def test_the_coarsest_sums_that_answer_exactly_are_read(wanted: Wanted, source: Source) -> None:
    assert source_of(wanted) == source


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        (date(2026, 6, 1), date(2026, 6, 30), ("06-01", "07-01")),
        (date(2026, 5, 20), date(2026, 8, 10), ("06-01", "08-01")),
        (date(2026, 6, 2), date(2026, 7, 30), ("07-31", "07-31")),  # no month is whole
        (date(2026, 5, 1), date(2026, 9, 9), ("05-01", "10-01")),  # nothing is sold after today
        (date(2026, 9, 1), date(2026, 9, 8), ("09-09", "09-09")),  # today is left out
    ],
)
def test_whole_months_are_read_from_the_sums_of_months(first: date, last: date, months: tuple[str, str]) -> None:
    found = months_within(Wanted(By.MACHINE, first, last), date(2026, 9, 9))
    assert tuple(f"{at:%m-%d}" for at in found) == months
    wanted = Wanted(By.DAY, first, last)
    assert months_within(wanted, date(2026, 9, 9)) == (wanted.ends, wanted.ends)


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=30))
def test_quartiles_are_those_of_the_books(values: list[int]) -> None:
    low, median, high = reference.quantiles(values, n=4, method="inclusive")
    assert [quartile(values, place) for place in (0.25, 0.5, 0.75)] == pytest.approx([low, median, high])


def test_usual_days_are_of_the_same_weekday_and_not_before_the_first_sale() -> None:
    days = usual_days(date(2026, 6, 22), date(2026, 6, 1))
    assert days == [date(2026, 6, 15), date(2026, 6, 8), date(2026, 6, 1)]
    assert usual_days(date(2026, 6, 22), None) == []
    assert len(usual_days(date(2026, 6, 22), date(2020, 1, 1))) == 8


def test_a_band_has_every_hour_and_tells_none_from_zero() -> None:
    usual = [{8: 2, 9: 4}, {8: 4}, {8: 6, 23: 1}]
    hours = band({8: 5}, usual, last_hour=9)
    assert [(h.hour, h.now, h.low, h.median, h.high) for h in hours[7:11]] == [
        (7, 0, 0.0, 0.0, 0.0),
        (8, 5, 3.0, 4.0, 5.0),
        (9, 0, 0.0, 0.0, 2.0),
        (10, None, 0.0, 0.0, 0.0),
    ]
    assert len(hours) == 24
    assert usual_so_far(usual, last_hour=9) == (5.0, 6.0, 6.0)
    assert usual_so_far(usual, last_hour=-1) == (0.0, 0.0, 0.0)


def test_two_days_are_not_yet_usual() -> None:
    hours = band({8: 5}, [{8: 2}, {8: 4}], last_hour=23)
    assert hours[8].now == 5 and hours[8].median is None
    assert usual_so_far([{8: 2}, {8: 4}], last_hour=23) is None


def test_a_share_of_nothing_is_not_known() -> None:
    assert share(0, 0) is None
    assert share(0, 3) == 0.0
    assert share(2, 3) == pytest.approx(0.666667)


def test_formulas_have_numbers_of_their_own_and_both_languages() -> None:
    assert len({one.id for one in FORMULAS}) == len({one.figure for one in FORMULAS}) == len(FORMULAS)
    assert all(one.en and one.zh for one in FORMULAS)
