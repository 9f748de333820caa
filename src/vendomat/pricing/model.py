"""What a cart is and what it costs, unit by unit. Pure.

Every unit carries its own price, because a unit is what is delivered or paid back; the total is their sum and nothing
else, so a refund of one unit is always its exact share of what was paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vendomat.kernel import ErrorCode, VendomatError


@dataclass(frozen=True, slots=True)
class PricedLine:
    """`quantity` of what is in `slot`, each at the list price `price_minor`."""

    slot: str
    product_id: str
    quantity: int
    price_minor: int
    category: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where, when and by whom a cart is bought. `local` is an aware time in the machine's own zone.

    `floor_minor` is the least a unit may cost after promotions (never above its list price): 1 where every unit has
    to be paid and booked, 0 where goods may be free.
    """

    local: datetime
    currency: str
    machine_id: str = ""
    groups: frozenset[str] = frozenset()
    tier: str = ""
    channel: str = ""
    coupons: frozenset[str] = frozenset()
    floor_minor: int = 1


@dataclass(frozen=True, slots=True)
class Applied:
    """What one promotion took off one unit."""

    promotion_id: str
    off_minor: int


@dataclass(frozen=True, slots=True)
class PricedUnit:
    """One unit of the cart; `unit` counts from 1 in the order of the lines. `price_minor` is what is paid for it: its
    list price less all that was `applied`."""

    unit: int
    slot: str
    product_id: str
    price_minor: int
    applied: tuple[Applied, ...] = ()

    @property
    def list_minor(self) -> int:
        return self.price_minor + sum(one.off_minor for one in self.applied)


@dataclass(frozen=True, slots=True)
class Quote:
    """`mark` is the fingerprint of what went in, of the rules' version and of what came out."""

    units: tuple[PricedUnit, ...]
    mark: str = ""

    @property
    def total_minor(self) -> int:
        return sum(unit.price_minor for unit in self.units)

    @property
    def list_minor(self) -> int:
        return sum(unit.list_minor for unit in self.units)

    @property
    def off_minor(self) -> int:
        return self.list_minor - self.total_minor

    def gifts(self) -> dict[str, int]:
        """What each promotion gave, by its id."""
        return {
            promotion_id: sum(off_minor for _, off_minor in them) for promotion_id, them in self.gifts_by_unit().items()
        }

    def gifts_by_unit(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """What each promotion took off which units: pairs of a unit's number and the amount."""
        found: dict[str, tuple[tuple[int, int], ...]] = {}
        for unit in self.units:
            for one in unit.applied:
                found[one.promotion_id] = (*found.get(one.promotion_id, ()), (unit.unit, one.off_minor))
        return found


@dataclass(frozen=True, slots=True)
class CartUnit:
    """One unit before it has a price: `unit` is its number in the cart."""

    unit: int
    slot: str
    product_id: str
    category: str
    list_minor: int


def units_of(lines: Sequence[PricedLine]) -> list[CartUnit]:
    """The cart's units. Raises `VendomatError(invalid_amount)` for a quantity below 1 or a negative price."""
    units: list[CartUnit] = []
    for line in lines:
        if line.quantity < 1 or line.price_minor < 0:
            raise VendomatError(ErrorCode.INVALID_AMOUNT, f"{line.quantity} × {line.price_minor} is no line of a cart")
        for _ in range(line.quantity):
            units.append(CartUnit(len(units) + 1, line.slot, line.product_id, line.category, line.price_minor))
    return units
