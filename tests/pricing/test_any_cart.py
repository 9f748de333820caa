"""What holds for every cart and all promotions, drawn at random."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pricing.rules import CARTS, NOW, offered, promotions
from vendomat.pricing import Offer, PricedLine, Promotion, Quote, quote

ANY = settings(max_examples=100, deadline=None)
FLOORS = st.sampled_from([0, 1, 1, 20])


@ANY
@given(CARTS, offered(), FLOORS)
def test_every_unit_is_its_list_price_less_what_was_taken_off_and_not_below_its_floor(
    cart: list[PricedLine], them: list[Offer], floor_minor: int
) -> None:
    priced = quote(cart, replace(NOW, floor_minor=floor_minor), them)
    prices = [line.price_minor for line in cart for _ in range(line.quantity)]
    assert [unit.list_minor for unit in priced.units] == prices
    assert all(unit.price_minor >= min(unit.list_minor, floor_minor) for unit in priced.units)
    assert all(one.off_minor > 0 for unit in priced.units for one in unit.applied)
    assert priced.total_minor == sum(unit.price_minor for unit in priced.units)
    assert sum(priced.gifts().values()) == priced.list_minor - priced.total_minor


@ANY
@given(CARTS, offered(), promotions("prm_9"), FLOORS)
def test_one_more_promotion_never_raises_the_total(
    cart: list[PricedLine], them: list[Offer], one_more: Promotion, floor_minor: int
) -> None:
    moment = replace(NOW, floor_minor=floor_minor)
    assert quote(cart, moment, [*them, Offer(one_more)]).total_minor <= quote(cart, moment, them).total_minor


@ANY
@given(CARTS, offered(), st.randoms(use_true_random=False))
def test_the_order_of_lines_and_of_promotions_does_not_matter(
    cart: list[PricedLine], them: list[Offer], chance: Random
) -> None:
    mixed_cart = chance.sample(cart, len(cart))
    mixed = chance.sample(them, len(them))
    assert _told(quote(cart, NOW, them)) == _told(quote(mixed_cart, NOW, mixed))


@ANY
@given(CARTS, offered(), FLOORS)
def test_no_promotion_gives_more_than_its_budget(cart: list[PricedLine], them: list[Offer], floor_minor: int) -> None:
    gifts = quote(cart, replace(NOW, floor_minor=floor_minor), them).gifts()
    for offer in them:
        assert offer.budget.carries(gifts.get(offer.promotion.promotion_id, 0)) or (
            offer.promotion.promotion_id not in gifts
        )


@ANY
@given(CARTS, offered())
def test_no_unit_has_two_that_do_not_stack_except_one_off_the_whole_cart(
    cart: list[PricedLine], them: list[Offer]
) -> None:
    alone = {
        offer.promotion.promotion_id
        for offer in them
        if not offer.promotion.is_stackable and offer.promotion.kind.value != "cart_off"
    }
    for unit in quote(cart, NOW, them).units:
        assert len([one for one in unit.applied if one.promotion_id in alone]) <= 1


def _told(priced: Quote) -> tuple[object, ...]:
    rows = sorted((unit.slot, unit.product_id, unit.list_minor, unit.price_minor) for unit in priced.units)
    return (priced.mark, priced.total_minor, rows)
