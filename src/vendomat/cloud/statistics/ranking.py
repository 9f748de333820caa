"""Which products sell well where they stand, and how sure that is. Pure; the same figures give the same answer.

*Method.* What a product sells in a day in which it is offered and in stock (its rate) is not what its count says: a
few sales in a few days are mostly chance, and days out of stock are not days without demand. So a rate is estimated
from units sold over **in-stock days** only, and drawn towards what products of this merchant sell on the whole: the
rates are taken to be Gamma-distributed, with mean and spread found from all products by moments, and the sales of a
product to be Poisson with its rate; then its rate, given its sales, is Gamma again. From these 2,000 whole worlds are
drawn with a fixed seed, and the share of worlds in which a product is among the lowest quarter is the probability that
it truly is. A rank is never shown without it.

A product is *judged* only when the merchant's average product would have sold ten in its in-stock days: below that the
error is above 30 %. Refuses to advise anything about one that is not judged, and to rank fewer than four.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

DRAWS = 2_000
SEED = 20_261_122
PRODUCTS_MIN = 4
EXPECTED_MIN = 10.0
SURE, LIKELY = 0.9, 0.6
_NO_SPREAD = 1e-3
"""Of the mean's square: rates that differ less than this are taken for one."""


class Advice(StrEnum):
    """What the figures say; a person decides."""

    KEEP = "keep"
    WATCH = "watch"
    DROP = "drop"
    TOO_SOON = "too_soon"


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a product sold in the days it stood in stock; `days` are of all its slots together, where machines sold."""

    product_id: str
    units: int
    days: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """`rate` per in-stock day with the bounds between which it lies with 80 %; `bottom` the probability of being among
    the lowest quarter, None where nothing is ranked."""

    product_id: str
    units: int
    days: float
    rate: float
    low: float
    high: float
    bottom: float | None
    advice: Advice


def prior_of(products: Sequence[Exposure]) -> tuple[float, float]:
    """Shape and inverse scale of the Gamma distribution of the rates: pooled mean, variance beyond chance."""
    units, days = sum(p.units for p in products), sum(p.days for p in products)
    mean = (units + 0.5) / days
    spread = sum(p.days * (p.units / p.days - mean) ** 2 for p in products) / days
    by_chance = mean * len(products) / days
    variance = max(spread - by_chance, _NO_SPREAD * mean * mean)
    return mean * mean / variance, mean / variance


def rank(products: Sequence[Exposure], *, draws: int = DRAWS) -> list[Ranked]:
    """The best first. Products without an in-stock day have no rate and are left out."""
    shown = sorted((p for p in products if p.days > 0), key=lambda p: p.product_id)
    if not shown:
        return []
    shape, inverse = prior_of(shown)
    mean = shape / inverse
    draw = random.Random(SEED)  # noqa: S311 - the same figures shall give the same answer
    worlds = [[draw.gammavariate(shape + p.units, 1.0 / (inverse + p.days)) for p in shown] for _ in range(draws)]
    bottoms = _bottoms(worlds) if len(shown) >= PRODUCTS_MIN else [None] * len(shown)
    ranked = []
    for index, product in enumerate(shown):
        rates = sorted(world[index] for world in worlds)
        bottom = bottoms[index]
        ranked.append(
            Ranked(
                product.product_id,
                product.units,
                round(product.days, 3),
                rate=round((shape + product.units) / (inverse + product.days), 4),
                low=round(rates[math.floor(0.1 * draws)], 4),
                high=round(rates[math.ceil(0.9 * draws) - 1], 4),
                bottom=bottom,
                advice=_advice(bottom, mean * product.days),
            )
        )
    return sorted(ranked, key=lambda one: (-one.rate, one.product_id))


def _bottoms(worlds: Sequence[Sequence[float]]) -> list[float | None]:
    """In which share of worlds each is among the lowest quarter."""
    counts = [0] * len(worlds[0])
    lowest = len(counts) // 4
    for world in worlds:
        for index in sorted(range(len(world)), key=world.__getitem__)[:lowest]:
            counts[index] += 1
    return [round(count / len(worlds), 4) for count in counts]


def _advice(bottom: float | None, expected: float) -> Advice:
    if bottom is None or expected < EXPECTED_MIN:
        return Advice.TOO_SOON
    if bottom >= SURE:
        return Advice.DROP
    return Advice.WATCH if bottom >= LIKELY else Advice.KEEP


@dataclass(frozen=True, slots=True)
class Lost:
    """An estimate of sales that were not made: units and minor units, with the bounds of an 80 % interval."""

    units: float
    minor: int
    low_minor: int
    high_minor: int


def lost(days: float, price_minor: int, rate: Ranked) -> Lost:
    """What `days` without goods, or without a machine that sells, cost at the product's rate. Every hour counts alike,
    and nothing is taken off for buyers who took something else: so it is more an upper than a lower estimate."""
    return Lost(
        round(days * rate.rate, 2),
        round(days * rate.rate * price_minor),
        round(days * rate.low * price_minor),
        round(days * rate.high * price_minor),
    )


def median_rate(rates: Sequence[float]) -> float:
    """What the middle product sells per in-stock day; 0 without any."""
    return round(median(rates), 4) if rates else 0.0
