"""Ranking by what sells per in-stock day: what is sure, what is chance, and what may not be said yet."""

from __future__ import annotations

import random

import pytest

from vendomat.cloud.statistics.ranking import (
    Advice,
    Exposure,
    Ranked,
    lost,
    median_rate,
    prior_of,
    rank,
)


def _by_product(products: list[Exposure]) -> dict[str, Ranked]:
    return {one.product_id: one for one in rank(products)}


def test_days_without_stock_do_not_make_a_slow_seller() -> None:
    """Both sold twenty; one of them had only five days to do so."""
    often = [Exposure(f"p{n}", 60, 30.0) for n in range(6)]
    found = _by_product([*often, Exposure("rare", 20, 5.0), Exposure("slow", 20, 30.0)])
    assert found["rare"].rate > found["p0"].rate > found["slow"].rate
    assert found["slow"].bottom is not None and found["slow"].bottom > 0.99
    assert (found["slow"].advice, found["p0"].advice) == (Advice.DROP, Advice.KEEP)


def test_few_days_are_drawn_towards_the_others_and_not_judged() -> None:
    found = _by_product([*(Exposure(f"p{n}", 40 + n, 30.0) for n in range(8)), Exposure("new", 0, 1.5)])
    assert found["new"].advice is Advice.TOO_SOON
    assert found["new"].rate > 0.5  # none sold in a day and a half says little against one and a half a day


def test_the_probabilities_of_a_quarter_are_a_quarter() -> None:
    ranked = rank([Exposure(f"p{n}", 3 * n + 5, 20.0) for n in range(12)])
    assert sum(one.bottom or 0 for one in ranked) == pytest.approx(3, abs=1e-3)
    assert [one.rate for one in ranked] == sorted((one.rate for one in ranked), reverse=True)
    assert all(one.low < one.rate < one.high for one in ranked)


def test_fewer_than_four_are_not_ranked_and_none_is_nothing() -> None:
    three = rank([Exposure(f"p{n}", 30, 20.0) for n in range(3)])
    assert [(one.bottom, one.advice) for one in three] == [(None, Advice.TOO_SOON)] * 3
    assert rank([]) == rank([Exposure("p", 3, 0.0)]) == []


def test_the_same_figures_give_the_same_answer_in_any_order() -> None:
    products = [Exposure(f"p{n}", 7 * n, 15.0 + n) for n in range(9)]
    assert rank(products) == rank(products[::-1])


def test_equal_products_are_one_rate_with_a_strong_prior() -> None:
    shape, inverse = prior_of([Exposure(f"p{n}", 30, 30.0) for n in range(10)])
    assert shape / inverse == pytest.approx(1.0, rel=0.01) and shape > 100


def test_those_called_slow_mostly_are() -> None:
    """Worlds whose truth is known: of the products flagged with 90 % at least 85 % belong to the lowest quarter."""
    draw = random.Random(5)
    right = flagged = 0
    for _ in range(6):
        rates = [draw.gammavariate(2.0, 0.5) for _ in range(24)]
        bottom = set(sorted(range(24), key=rates.__getitem__)[:6])
        products = []
        for index, rate in enumerate(rates):
            days = draw.uniform(8, 40)
            expected = rate * days
            units = sum(draw.random() < expected / 150 for _ in range(150))
            products.append(Exposure(f"p{index:02}", units, days))
        for one in rank(products, draws=300):
            if one.advice is Advice.DROP:
                flagged += 1
                right += int(one.product_id[1:]) in bottom
    assert flagged > 6 and right >= 0.85 * flagged


def test_what_was_not_sold_has_a_price_and_bounds() -> None:
    one = Ranked("p", 30, 30.0, rate=1.0, low=0.8, high=1.2, bottom=None, advice=Advice.KEEP)
    estimate = lost(2.5, 350, one)
    assert (estimate.units, estimate.minor, estimate.low_minor, estimate.high_minor) == (2.5, 875, 700, 1050)


def test_the_middle_rate() -> None:
    assert median_rate([4.0, 1.0, 2.0]) == 2.0
    assert median_rate([4.0, 1.0]) == 2.5
    assert median_rate([]) == 0.0
