"""A quote is its units, and its total is their sum."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.pricing import PricedLine, PricedUnit, quote

LINES = st.lists(
    st.builds(PricedLine, st.sampled_from(["A1", "A2"]), st.just("p"), st.integers(1, 9), st.integers(0, 10**6))
)


@given(LINES)
def test_the_total_is_the_sum_of_its_units(lines: list[PricedLine]) -> None:
    priced = quote(lines)
    assert priced.total_minor == sum(line.quantity * line.price_minor for line in lines)
    assert [unit.unit for unit in priced.units] == list(range(1, sum(line.quantity for line in lines) + 1))


@pytest.mark.parametrize(
    "line", [PricedLine("A1", "p", 0, 100), PricedLine("A1", "p", -1, 100), PricedLine("A1", "p", 1, -1)]
)
def test_a_senseless_line_is_refused(line: PricedLine) -> None:
    with pytest.raises(VendomatError) as refused:
        quote([line])
    assert refused.value.code is ErrorCode.INVALID_AMOUNT


def test_every_unit_is_what_its_line_says() -> None:
    lines = [PricedLine("A1", "tea", 2, 350), PricedLine("B2", "nuts", 1, 0)]
    assert quote(lines).units == (
        PricedUnit(1, "A1", "tea", 350),
        PricedUnit(2, "A1", "tea", 350),
        PricedUnit(3, "B2", "nuts", 0),
    )


def test_the_refusal_names_the_line() -> None:
    with pytest.raises(VendomatError, match=r"^0 × 350 is no line of a cart$"):
        quote([PricedLine("A1", "tea", 0, 350)])
