"""Which non-stackable promotion takes which units: the cheapest choice of all. Pure.

Each unit goes to at most one non-stackable promotion. A group is a set of units that one promotion (or none) prices
together; the cart is divided into groups so that what is paid in the end, after everything that stacks, is least. The
search is exact: a greedy choice would let one more promotion raise the total.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from operator import itemgetter, sub

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

    def members(self) -> list[int]:
        return [index for index in range(self.mask.bit_length()) if self.mask >> index & 1]


def floor_of(unit: CartUnit, moment: Moment) -> int:
    """The least this unit may cost."""
    return min(unit.list_minor, moment.floor_minor)


def shares(off_minor: int, prices: Sequence[int], floors: Sequence[int], currency: str) -> list[int]:
    """`off_minor` spread over `prices` in proportion to what each is above its floor, exactly, and none below it."""
    rooms = list(map(sub, prices, floors))
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
        case _:
            return min(price_minor, promotion.value_minor)


def divide(units: Sequence[CartUnit], exclusive: Sequence[Promotion], moment: Moment, finish: Finish) -> list[Group]:
    """The groups of the cheapest division. `exclusive` come in their order, in which they go before each other, and no
    promotion before any, where nobody pays more or less for it."""
    best: dict[int, Group] = {}
    for index, unit in enumerate(units):
        best[1 << index] = Group(1 << index, (unit.list_minor,), None, finish(index, unit.list_minor))
    for promotion in exclusive:
        for members in _sets(units, promotion):
            group = _priced([units[index] for index in members], members, promotion, moment)
            cost = sum(map(finish, members, group.prices))
            known = best.get(group.mask)
            if known is None or cost < known.cost:
                best[group.mask] = replace(group, cost=cost)
    by_lowest: dict[int, list[Group]] = defaultdict(list)
    for group in best.values():
        by_lowest[group.mask & -group.mask].append(group)
    return _cheapest((1 << len(units)) - 1, by_lowest)


_Known = dict[int, tuple[int, Group]]
"""Of the units of a mask: what they come to at least, and the group of the lowest of them."""


def _cheapest(whole: int, by_lowest: Mapping[int, Sequence[Group]]) -> list[Group]:
    known: _Known = {}
    _solve(whole, by_lowest, known)
    chosen = []
    while whole:
        group = known[whole][1]
        chosen.append(group)
        whole &= ~group.mask
    return chosen


def _solve(mask: int, by_lowest: Mapping[int, Sequence[Group]], known: _Known) -> int:
    """What the units of `mask` come to at least; each of them can stand alone."""
    if not mask:
        return 0
    if mask not in known:
        known[mask] = min(
            (
                (group.cost + _solve(mask & ~group.mask, by_lowest, known), group)
                for group in by_lowest[mask & -mask]
                if not group.mask & ~mask
            ),
            key=itemgetter(0),
        )
    return known[mask][0]


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

    def place(position: int, wanted: tuple[int, ...]) -> bool:
        if position == len(units):
            return True
        unit = units[position]
        return any(
            wanted[number] > 0
            and part.has(unit.product_id, unit.category)
            and place(position + 1, (*wanted[:number], wanted[number] - 1, *wanted[number + 1 :]))
            for number, part in enumerate(parts)
        )

    return place(0, tuple(part.quantity for part in parts))


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
    return Group(sum(1 << index for index in members), tuple(map(sub, prices, offs)), promotion)
