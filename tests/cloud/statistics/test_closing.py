"""Closed months: what is frozen, what is said later, and which month is next."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vendomat.cloud.statistics.closing import (
    Close,
    LineKey,
    corrections_of,
    link_of,
    months_between,
    must_be_next,
    next_to_close,
    said_so_far,
)
from vendomat.kernel import VendomatError

ALL: LineKey = ("all", "", "CNY")
COLA: LineKey = ("product", "prd_1", "CNY")
MAY = Close("2026-05", 1, "", {ALL: (3, 1, 0, 0, 1050, 0), COLA: (3, 1, 0, 0, 1050, 0)}, {})


def test_a_close_is_read_as_it_was_written() -> None:
    june = Close("2026-06", 2, "link", {ALL: (1, 0, 0, 0, 350, 0)}, {"2026-05": {ALL: (0, 0, 0, 1, 0, 350)}})
    assert Close.from_content(june.content()) == june
    assert june.content() == Close.from_content(june.content()).content()
    assert "2026-05" not in Close("2026-06", 2, "l", {}, {"2026-05": {}}).content()


def test_what_is_found_later_is_said_once() -> None:
    living = {"2026-05": {ALL: (3, 1, 0, 0, 1050, 350), COLA: (3, 1, 0, 0, 1050, 350)}}
    found = corrections_of(living, [MAY])
    assert found == {"2026-05": {ALL: (0, 0, 0, 0, 0, 350), COLA: (0, 0, 0, 0, 0, 350)}}
    june = Close("2026-06", 2, "link", {}, found)
    assert corrections_of(living, [MAY, june]) == {}
    assert said_so_far("2026-05", [MAY, june]) == living["2026-05"]


@given(
    st.lists(st.dictionaries(st.sampled_from([ALL, COLA]), st.tuples(*[st.integers(0, 9)] * 6)), min_size=1, max_size=5)
)
def test_frozen_and_corrections_together_are_the_living_figures(states: list[dict[LineKey, tuple[int, ...]]]) -> None:
    """Each state is what May's sums were when the next month was closed."""
    closes: list[Close] = []
    months = months_between("2026-05", "2026-12")
    for position, (month, state) in enumerate(zip(months, states, strict=False), start=1):
        lines = state if month == "2026-05" else {}
        closes.append(Close(month, position, "", lines, corrections_of({"2026-05": state}, closes)))
    said = {key: figures for key, figures in said_so_far("2026-05", closes).items() if any(figures)}
    assert said == {key: figures for key, figures in states[-1].items() if any(figures)}


def test_months_are_closed_in_their_order_and_when_they_are_over() -> None:
    today = date(2026, 7, 1)
    assert next_to_close(None, today, []) is None
    assert next_to_close(date(2026, 5, 20), today, []) == "2026-05"
    assert next_to_close(date(2026, 5, 20), today, [MAY]) == "2026-06"
    assert next_to_close(date(2026, 5, 20), date(2026, 6, 30), [MAY]) is None
    assert next_to_close(None, date(2027, 2, 1), [Close("2026-12", 8, "l", {}, {})]) == "2027-01"


@pytest.mark.parametrize("wanted", [None, "2026-06"])
def test_another_month_is_refused(wanted: str | None) -> None:
    with pytest.raises(VendomatError):
        must_be_next("2026-07", wanted)
    must_be_next("2026-06", "2026-06")


def test_a_link_hangs_on_the_content_and_on_the_link_before() -> None:
    assert len({link_of("", "a"), link_of("", "b"), link_of("x", "a")}) == 3
