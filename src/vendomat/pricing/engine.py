"""The one engine of prices: which promotions count for a cart, and what each unit costs. Pure.

The rule, exactly:

1. A promotion counts when its time has come in the machine's zone, the machine, tier, way to pay and coupon are among
   its own, the cart costs at least `from_minor` at list prices, and its budget carries all that it could give this
   cart if it were alone. One whose budget does not is left out as a whole: nobody gets half of a promotion.
2. Of those that do not stack, each unit gets at most one. Units are divided among them so that the total at the end is
   the least possible (grouping.py); among equals no promotion goes before any, then the higher priority, then the
   older id. What n units or a bundle save is spread over their units in proportion to their prices, to the cent.
3. Those that stack then apply to each unit, one after the other: the higher priority first, then the older id.
4. At last the amounts off the whole cart: of those that do not stack the largest, and then each that stacks. They are
   spread as in 2.

No unit falls below its floor. Every step gives a dearer unit a price at least as high, and step 2 is an exact minimum,
so one more promotion never raises a total, and the order of lines or promotions does not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from vendomat.pricing.grouping import divide, floor_of, off_each, shares
from vendomat.pricing.model import Applied, CartUnit, Moment, PricedLine, PricedUnit, Quote, units_of
from vendomat.pricing.promotion import RULES_VERSION, Budget, Kind, Offer, Promotion

_UNLIMITED = Budget()


def quote(lines: Sequence[PricedLine], moment: Moment | None = None, offers: Sequence[Offer] = ()) -> Quote:
    """Price `lines`. Without a moment, or without offers, everything costs its list price.

    Raises `VendomatError(invalid_amount)` for a quantity below 1 or a negative price.
    """
    units = units_of(lines)
    counting = [] if moment is None else counting_offers(units, moment, offers)
    priced = _at_list(units) if moment is None else price_units(units, moment, counting)
    return Quote(priced, _mark(units, moment, counting, priced))


def counting_offers(units: Sequence[CartUnit], moment: Moment, offers: Sequence[Offer]) -> list[Promotion]:
    """The promotions that count for this cart at this moment, in their order."""
    list_minor = sum(unit.list_minor for unit in units)
    found = [
        offer
        for offer in offers
        if is_meant(offer.promotion, moment)
        and list_minor >= offer.promotion.from_minor
        and any(offer.promotion.has(unit.product_id, unit.category) for unit in units)
    ]
    carried = [
        offer.promotion
        for offer in found
        if offer.budget == _UNLIMITED or offer.budget.carries(_off(price_units(units, moment, [offer.promotion])))
    ]
    return sorted(carried, key=lambda promotion: promotion.rank)


def is_meant(promotion: Promotion, moment: Moment) -> bool:
    """Whether time, machine, tier, way to pay and coupon are its own."""
    return (
        promotion.is_on(moment.local)
        and promotion.is_for(moment.machine_id, moment.groups)
        and (not promotion.tiers or moment.tier in promotion.tiers)
        and (not promotion.channels or moment.channel in promotion.channels)
        and (not promotion.coupon or promotion.coupon in moment.coupons)
    )


def price_units(units: Sequence[CartUnit], moment: Moment, promotions: Sequence[Promotion]) -> tuple[PricedUnit, ...]:
    """The units at their prices, by `promotions` that count and come in their order."""
    units = sorted(units, key=lambda unit: (unit.product_id, unit.slot, unit.category, unit.list_minor, unit.unit))
    of_units = [promotion for promotion in promotions if promotion.kind is not Kind.CART_OFF]
    stacking = [promotion for promotion in of_units if promotion.is_stackable]

    def finish(index: int, price_minor: int) -> int:
        return price_minor - sum(one.off_minor for one in _stacked(units[index], price_minor, stacking, moment))

    applied: list[list[Applied]] = [[] for _ in units]
    for group in divide(units, [one for one in of_units if not one.is_stackable], moment, finish):
        for place, index in enumerate(group.members()):
            price_minor = group.prices[place]
            if group.promotion is not None and price_minor < units[index].list_minor:
                off_minor = units[index].list_minor - price_minor
                applied[index].append(Applied(group.promotion.promotion_id, off_minor))
            applied[index] += _stacked(units[index], price_minor, stacking, moment)
    _take_off_cart(units, applied, [one for one in promotions if one.kind is Kind.CART_OFF], moment)
    priced = [
        PricedUnit(unit.unit, unit.slot, unit.product_id, _left(unit, applied[index]), tuple(applied[index]))
        for index, unit in enumerate(units)
    ]
    return tuple(sorted(priced, key=lambda unit: unit.unit))


def _at_list(units: Sequence[CartUnit]) -> tuple[PricedUnit, ...]:
    return tuple(PricedUnit(unit.unit, unit.slot, unit.product_id, unit.list_minor) for unit in units)


def _off(units: Sequence[PricedUnit]) -> int:
    return sum(one.off_minor for unit in units for one in unit.applied)


def _left(unit: CartUnit, applied: Sequence[Applied]) -> int:
    return unit.list_minor - sum(one.off_minor for one in applied)


def _stacked(unit: CartUnit, price_minor: int, stacking: Sequence[Promotion], moment: Moment) -> list[Applied]:
    found = []
    for promotion in stacking:
        if promotion.has(unit.product_id, unit.category):
            off_minor = min(off_each(promotion, price_minor), price_minor - floor_of(unit, moment))
            if off_minor > 0:
                found.append(Applied(promotion.promotion_id, off_minor))
                price_minor -= off_minor
    return found


def _take_off_cart(
    units: Sequence[CartUnit], applied: list[list[Applied]], off_cart: Sequence[Promotion], moment: Moment
) -> None:
    alone = [one for one in off_cart if not one.is_stackable]
    first = [min(alone, key=lambda one: (-one.value_minor, one.rank))] if alone else []
    for promotion in (*first, *(one for one in off_cart if one.is_stackable)):
        prices = list(map(_left, units, applied))
        floors = [floor_of(unit, moment) for unit in units]
        for index, off_minor in enumerate(shares(promotion.value_minor, prices, floors, moment.currency)):
            if off_minor > 0:
                applied[index].append(Applied(promotion.promotion_id, off_minor))


def _mark(
    units: Sequence[CartUnit],
    moment: Moment | None,
    counting: Sequence[Promotion],
    priced: Sequence[PricedUnit],
) -> str:
    """32 hex digits over the cart, who bought where, the promotions that counted, the rules' version and the prices.

    The time itself is not in it, only what counted then: a machine and the cloud that price alike say the same.
    """
    who = (
        None
        if moment is None
        else (
            moment.currency,
            moment.machine_id,
            sorted(moment.groups),
            moment.tier,
            moment.channel,
            sorted(moment.coupons),
            moment.floor_minor,
        )
    )
    rows = sorted(
        (unit.slot, unit.product_id, unit.category, unit.list_minor, priced[index].price_minor, _told(priced[index]))
        for index, unit in enumerate(units)
    )
    said = msgspec.json.encode((RULES_VERSION, who, list(counting), rows))
    return hashlib.sha256(said).hexdigest()[:32]


def _told(unit: PricedUnit) -> list[tuple[str, int]]:
    return [(one.promotion_id, one.off_minor) for one in unit.applied]
