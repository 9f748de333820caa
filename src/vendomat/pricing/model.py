"""What a cart costs. Pure.

Every unit carries its own price, because a unit is what is delivered or paid back; the total is their sum and nothing
else. Promotions will change unit prices here, so that a refund of one unit is always its exact share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vendomat.kernel import ErrorCode, VendomatError


@dataclass(frozen=True, slots=True)
class PricedLine:
    """`quantity` of what is in `slot`, each at `price_minor`."""

    slot: str
    product_id: str
    quantity: int
    price_minor: int


@dataclass(frozen=True, slots=True)
class PricedUnit:
    """One unit of the cart; `unit` counts from 1 in the order of the lines."""

    unit: int
    slot: str
    product_id: str
    price_minor: int


@dataclass(frozen=True, slots=True)
class Quote:
    units: tuple[PricedUnit, ...]

    @property
    def total_minor(self) -> int:
        return sum(unit.price_minor for unit in self.units)


def quote(lines: Sequence[PricedLine]) -> Quote:
    """Price `lines`. Raises `VendomatError(invalid_amount)` for a quantity below 1 or a negative price."""
    units: list[PricedUnit] = []
    for line in lines:
        if line.quantity < 1 or line.price_minor < 0:
            raise VendomatError(ErrorCode.INVALID_AMOUNT, f"{line.quantity} × {line.price_minor} is no line of a cart")
        for _ in range(line.quantity):
            units.append(PricedUnit(len(units) + 1, line.slot, line.product_id, line.price_minor))
    return Quote(tuple(units))
