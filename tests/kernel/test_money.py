"""Money adds up, splits exactly, and refuses what is not an amount."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vendomat.kernel import ErrorCode, Money, VendomatError, total

AMOUNTS = st.integers(-(10**12), 10**12)


@given(AMOUNTS, st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(any))
def test_a_split_sums_to_the_whole_and_is_near_its_share(amount: int, weights: list[int]) -> None:
    parts = Money(amount, "CNY").split(weights)
    assert total(parts, "CNY") == Money(amount, "CNY")
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.minor_units * sum(weights) - amount * weight) < sum(weights)
        assert weight or part.minor_units == 0


@given(AMOUNTS, st.sampled_from(["CNY", "JPY", "KWD"]))
def test_decimal_text_goes_there_and_back(amount: int, currency: str) -> None:
    money = Money(amount, currency)
    assert Money.from_decimal_text(money.to_decimal_text(), currency) == money


def test_decimal_text_has_the_currency_s_digits() -> None:
    assert Money(550, "CNY").to_decimal_text() == "5.50"
    assert Money(550, "JPY").to_decimal_text() == "550"
    assert Money(-5, "KWD").to_decimal_text() == "-0.005"


@pytest.mark.parametrize("text", ["5.505", "", "5,50", "NaN", "Infinity", "1e999999", "0x10", "五元", " "])
def test_text_that_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(VendomatError) as refused:
        Money.from_decimal_text(text, "CNY")
    assert refused.value.code is ErrorCode.INVALID_AMOUNT


@pytest.mark.parametrize("amount", [1.0, True, "5", None, 10**16])
def test_what_is_no_integer_of_minor_units_is_refused(amount: object) -> None:
    with pytest.raises(VendomatError):
        Money(amount, "CNY")  # type: ignore[arg-type]


def test_currencies_do_not_mix() -> None:
    for operation in (lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a < b):
        with pytest.raises(VendomatError, match="do not mix"):
            operation(Money(1, "CNY"), Money(1, "USD"))
    with pytest.raises(VendomatError):
        Money(1, "XXX")


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [-1, 2]])
def test_a_senseless_split_is_refused(weights: list[int]) -> None:
    with pytest.raises(VendomatError):
        Money(100, "CNY").split(weights)


def _refusal(what: Callable[[], object]) -> str:
    with pytest.raises(VendomatError) as refused:
        what()
    assert refused.value.code is ErrorCode.INVALID_AMOUNT
    return refused.value.message


def test_every_refusal_says_what_was_refused() -> None:
    yuan = Money(1, "CNY")
    assert _refusal(lambda: Money(10**15 + 1, "CNY")) == "1000000000000001 is not an amount in minor units"
    assert _refusal(lambda: Money(1, "XXX")) == "'XXX' is not a currency we know"
    assert _refusal(lambda: yuan + Money(1, "USD")) == "CNY and USD do not mix"
    assert _refusal(lambda: yuan.split([])) == "a split needs non-negative weights with a positive sum"
    assert _refusal(lambda: Money.from_decimal_text("x", "CNY")) == "'x' 'CNY' is not an amount"
    assert _refusal(lambda: Money.from_decimal_text("5.505", "CNY")) == "'5.505' has more digits than CNY has"


def test_amounts_are_counted_compared_and_written() -> None:
    five, two = Money(5, "CNY"), Money(2, "CNY")
    assert Money(10**15, "CNY").minor_units == 10**15
    assert (five + two, five - two, -five, two * 3) == tuple(Money(n, "CNY") for n in (7, 3, -5, 6))
    assert two < five and not five < five and five <= five and not five <= two
    assert bool(five) and not Money(0, "CNY")
    assert str(five) == "0.05 CNY"
    assert total([], "JPY") == Money(0, "JPY")


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [
        (10, [1, 1, 1], [4, 3, 3]),  # equals: the earlier share first
        (-10, [1, 1, 1], [-4, -3, -3]),
        (1, [1], [1]),
        (7, [0, 1], [0, 7]),
        (100, [33, 33, 34], [33, 33, 34]),
        (9, [1, 3, 2], [2, 4, 3]),
        (10, [2, 3, 1], [3, 5, 2]),  # the largest remainder first
        (0, [1, 2], [0, 0]),
    ],
)
def test_a_split_is_the_same_everywhere(amount: int, weights: list[int], shares: list[int]) -> None:
    assert [part.minor_units for part in Money(amount, "CNY").split(weights)] == shares
