"""Which non-stackable promotion takes which units: the cheapest choice of all. Pure.

Each unit goes to at most one non-stackable promotion. A group is a set of units that one promotion (or none) prices
together; the cart is divided into groups so that what is paid in the end, after everything that stacks, is least. The
search is exact: a greedy choice would let one more promotion raise the total.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from vendomat.kernel import Money
from vendomat.pricing.model import CartUnit, Moment
from vendomat.pricing.promotion import GROUPING, Goods, Kind, Promotion

EXACT_UNITS_MAX = 12
"""Carts with more units get no promotion that takes several together: the exact search would take too long."""

Finish = Callable[[int, int], int]
"""What the unit at an index costs in the end, given what it costs after its group."""


@dataclass(frozen=True, slots=True)
class Group:
    """The units of `mask` (bits are indexes) at `prices`; `cost` is what they come to in the end."""

    mask: int
    prices: tuple[int, ...]
    promotion: Promotion | None
    cost: int = 0
    ties: int = 0  # among equal costs the least: no promotion before any, then the order of promotions

    @property
    def weight(self) -> tuple[int, int]:
        return (self.cost, self.ties)

    def members(self) -> list[int]:
        return [index for index in range(self.mask.bit_length()) if self.mask >> index & 1]


def floor_of(unit: CartUnit, moment: Moment) -> int:
    """The least this unit may cost."""
    return min(unit.list_minor, moment.floor_minor)


def shares(off_minor: int, prices: Sequence[int], floors: Sequence[int], currency: str) -> list[int]:
    """`off_minor` spread over `prices` in proportion to what each is above its floor, exactly, and none below it."""
    rooms = [price - floor for price, floor in zip(prices, floors, strict=True)]
    off_minor = min(off_minor, sum(rooms))
    if off_minor <= 0:
        return [0] * len(prices)
    return [share.minor_units for share in Money(off_minor, currency).split(rooms)]


def off_each(promotion: Promotion, price_minor: int) -> int:
    """What a promotion of single units takes off a price; a dearer unit never becomes the cheaper one."""
    match promotion.kind:
        case Kind.FIXED_PRICE:
            return max(0, price_minor - promotion.value_minor)
        case Kind.PERCENT:
            return (price_minor * promotion.basis_points + 5_000) // 10_000
        case Kind.AMOUNT_OFF:
            return min(price_minor, promotion.value_minor)
    return 0


def divide(units: Sequence[CartUnit], exclusive: Sequence[Promotion], moment: Moment, finish: Finish) -> list[Group]:
    """The groups of the cheapest division. `exclusive` come in their order."""
    best: dict[int, Group] = {}
    for index, unit in enumerate(units):
        best[1 << index] = Group(1 << index, (unit.list_minor,), None, finish(index, unit.list_minor), -1)
    for place, promotion in enumerate(exclusive):
        for members in _sets(units, promotion):
            group = _priced([units[index] for index in members], members, promotion, moment)
            cost = sum(finish(index, price) for index, price in zip(members, group.prices, strict=True))
            group = replace(group, cost=cost, ties=place * len(members))
            known = best.get(group.mask)
            if known is None or group.weight < known.weight:
                best[group.mask] = group
    by_lowest: list[list[Group]] = [[] for _ in units]
    for group in best.values():
        by_lowest[(group.mask & -group.mask).bit_length() - 1].append(group)
    return _cheapest((1 << len(units)) - 1, by_lowest, {0: (0, 0, None)})


_Known = dict[int, tuple[int, int, Group | None]]


def _cheapest(whole: int, by_lowest: Sequence[Sequence[Group]], known: _Known) -> list[Group]:
    _solve(whole, by_lowest, known)
    chosen = []
    while whole:
        group = known[whole][2]
        assert group is not None
        chosen.append(group)
        whole &= ~group.mask
    return chosen


def _solve(mask: int, by_lowest: Sequence[Sequence[Group]], known: _Known) -> tuple[int, int]:
    """The least `(cost, ties)` of the units of `mask`; each unit can stand alone, so there is one."""
    found = known.get(mask)
    if found is not None:
        return found[:2]
    best: tuple[int, int, Group] | None = None
    for group in by_lowest[(mask & -mask).bit_length() - 1]:
        if group.mask & ~mask:
            continue
        cost, ties = _solve(mask & ~group.mask, by_lowest, known)
        if best is None or (cost + group.cost, ties + group.ties) < best[:2]:
            best = (cost + group.cost, ties + group.ties, group)
    assert best is not None
    known[mask] = best
    return best[:2]


def _sets(units: Sequence[CartUnit], promotion: Promotion) -> Iterator[tuple[int, ...]]:
    """The sets of units that `promotion` may price together."""
    fitting = [index for index, unit in enumerate(units) if promotion.has(unit.product_id, unit.category)]
    if promotion.kind not in GROUPING:
        yield from ((index,) for index in fitting)
        return
    if len(units) > EXACT_UNITS_MAX:
        return
    for members in combinations(fitting, promotion.group_size):
        if promotion.kind is Kind.N_FOR_M or _fills(promotion.parts, [units[index] for index in members]):
            yield members


def _fills(parts: Sequence[Goods], units: Sequence[CartUnit]) -> bool:
    """Whether each unit has a place in a part, and each part as many as it wants."""
    wanted = [part.quantity for part in parts]

    def place(position: int) -> bool:
        if position == len(units):
            return True
        unit = units[position]
        for number, part in enumerate(parts):
            if wanted[number] and part.has(unit.product_id, unit.category):
                wanted[number] -= 1
                if place(position + 1):
                    return True
                wanted[number] += 1
        return False

    return place(0)


def _priced(units: Sequence[CartUnit], members: tuple[int, ...], promotion: Promotion, moment: Moment) -> Group:
    """What `units`, which stand at `members`, cost together; not yet what they cost in the end."""
    prices = [unit.list_minor for unit in units]
    match promotion.kind:
        case Kind.N_FOR_M:
            off_minor = sum(sorted(prices)[: promotion.take - promotion.pay])
        case Kind.BUNDLE:
            off_minor = sum(prices) - promotion.value_minor
        case _:
            off_minor = off_each(promotion, prices[0])
    offs = shares(off_minor, prices, [floor_of(unit, moment) for unit in units], moment.currency)
    paid = tuple(price - off for price, off in zip(prices, offs, strict=True))
    return Group(sum(1 << index for index in members), paid, promotion)
