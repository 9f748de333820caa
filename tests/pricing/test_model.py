"""A quote is its units, and its total is their sum."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.pricing import PricedLine, quote

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
