"""What people are told of promotions: what one product costs now, what changes when, and where two rules meet. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from vendomat.pricing.engine import counting_offers, is_meant, price_units, quote
from vendomat.pricing.model import Moment, PricedLine, units_of
from vendomat.pricing.promotion import GROUPING, Budget, Kind, Offer, Promotion
from vendomat.pricing.schedule import do_overlap, next_edge


@dataclass(frozen=True, slots=True)
class Tag:
    """What one unit costs now, until when if that ends, and which promotions of several units could be had with it."""

    price_minor: int
    until: datetime | None = None
    groups: tuple[Promotion, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    product_id: str
    category: str
    price_minor: int


@dataclass(frozen=True, slots=True)
class Meeting:
    """Promotions that count for the same product at the same time; `winners` are those that then take something off
    `quantity` of it, which come to `total_minor` instead of `list_minor`."""

    product_id: str
    promotion_ids: tuple[str, ...]
    winners: tuple[str, ...]
    quantity: int
    list_minor: int
    total_minor: int


def tag_of(product: Product, moment: Moment, offers: Sequence[Offer]) -> Tag:
    """What a screen says of one product now. Amounts off a whole cart are for the cart to say."""
    line = PricedLine("", product.product_id, 1, product.price_minor, product.category)
    singles = [offer for offer in offers if offer.promotion.kind not in (*GROUPING, Kind.CART_OFF)]
    groups = sorted(
        (
            offer.promotion
            for offer in offers
            if offer.promotion.kind in GROUPING
            and offer.promotion.has(product.product_id, product.category)
            and is_meant(offer.promotion, moment)
            and offer.budget.carries(0)
        ),
        key=lambda promotion: promotion.rank,
    )
    priced = quote([line], moment, singles)
    given = [offer for offer in singles if offer.promotion.promotion_id in priced.gifts()]
    return Tag(priced.total_minor, next_change(given, moment.local), tuple(groups))


def next_change(offers: Iterable[Offer], local: datetime) -> datetime | None:
    """When, within a week, one of the promotions begins or ends to count; None: none does."""
    edges = []
    for offer in offers:
        promotion = offer.promotion
        edges += [edge for edge in (promotion.starts_at, promotion.ends_at) if edge is not None and edge > local]
        edge = next_edge(promotion.windows, local)
        if edge is not None:
            edges.append(edge)
    return min(edges, default=None)


def meetings(promotions: Sequence[Promotion], products: Sequence[Product], moment: Moment) -> list[Meeting]:
    """Where two or more of `promotions` count for the same product at the same place in the same minute of some week.

    Who wins is computed by the engine for as many of the product as the largest group takes, with the time, the
    coupons and the others' conditions met; `moment` gives the currency and the floor.
    """
    found = []
    for product in products:
        fitting = [one for one in promotions if one.kind is not Kind.CART_OFF and one.has(*_names(product))]
        meeting = [one for one in fitting if any(one is not other and _meet(one, other) for other in fitting)]
        if len(meeting) >= 2:
            found.append(_decided(product, sorted(meeting, key=lambda one: one.rank), moment))
    return found


def _names(product: Product) -> tuple[str, str]:
    return (product.product_id, product.category)


def _meet(one: Promotion, other: Promotion) -> bool:
    return (
        _share(one.machines + one.groups, other.machines + other.groups)
        and _share(one.tiers, other.tiers)
        and _share(one.channels, other.channels)
        and (one.ends_at is None or other.starts_at is None or other.starts_at < one.ends_at)
        and (other.ends_at is None or one.starts_at is None or one.starts_at < other.ends_at)
        and do_overlap(one.windows, other.windows)
    )


def _share(one: Sequence[str], other: Sequence[str]) -> bool:
    return not one or not other or not set(one).isdisjoint(other)


def _decided(product: Product, meeting: Sequence[Promotion], moment: Moment) -> Meeting:
    quantity = max(promotion.group_size for promotion in meeting)
    units = units_of([PricedLine("", product.product_id, quantity, product.price_minor, product.category)])
    always = [_unconditional(promotion) for promotion in meeting]
    counting = counting_offers(units, moment, [Offer(promotion, Budget()) for promotion in always])
    priced = price_units(units, moment, counting)
    winners = {one.promotion_id for unit in priced for one in unit.applied}
    return Meeting(
        product_id=product.product_id,
        promotion_ids=tuple(promotion.promotion_id for promotion in meeting),
        winners=tuple(one.promotion_id for one in meeting if one.promotion_id in winners),
        quantity=quantity,
        list_minor=product.price_minor * quantity,
        total_minor=sum(unit.price_minor for unit in priced),
    )


def _unconditional(promotion: Promotion) -> Promotion:
    """The same rule, counting always and for everybody."""
    return msgspec.structs.replace(
        promotion,
        machines=(),
        groups=(),
        tiers=(),
        channels=(),
        coupon="",
        starts_at=None,
        ends_at=None,
        windows=(),
        from_minor=0,
    )
