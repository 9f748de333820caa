"""What carts cost under promotions, by hand: each kind, who wins, how gifts are spread, and the price's fingerprint."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.pricing.rules import MONDAY_NOON, NOW, offers, rule
from vendomat.kernel import ErrorCode, VendomatError
from vendomat.pricing import Applied, Budget, Goods, Kind, Offer, PricedLine, Promotion, Quote, Window, quote

COLA = PricedLine("A1", "cola", 1, 350, "drinks")
TEA = PricedLine("A2", "tea", 1, 500, "drinks")
NUTS = PricedLine("B1", "nuts", 1, 600, "snacks")


def cost(*lines: PricedLine, by: tuple[Promotion, ...], **moment: object) -> list[int]:
    priced = quote(lines, replace(NOW, **moment), offers(*by))  # type: ignore[arg-type]
    return [unit.price_minor for unit in priced.units]


def of(line: PricedLine, quantity: int) -> PricedLine:
    return replace(line, quantity=quantity)


DRINKS = Goods(categories=("drinks",))


@pytest.mark.parametrize(
    ("promotion", "prices"),
    [
        (rule(Kind.FIXED_PRICE, value_minor=400), [350, 400, 400]),
        (rule(Kind.PERCENT, basis_points=2_000, goods=DRINKS), [280, 400, 600]),
        (rule(Kind.PERCENT, basis_points=10_000), [1, 1, 1]),
        (rule(Kind.AMOUNT_OFF, value_minor=400, goods=Goods(products=("cola", "nuts"))), [1, 500, 200]),
        (rule(Kind.CART_OFF, value_minor=145), [315, 450, 540]),
        (rule(Kind.N_FOR_M, take=2, pay=1, goods=DRINKS), [206, 294, 600]),
        (rule(Kind.BUNDLE, value_minor=800, parts=(DRINKS, Goods(products=("nuts",)))), [350, 364, 436]),
    ],
)
def test_each_kind_gives_what_it_says(promotion: Promotion, prices: list[int]) -> None:
    assert cost(COLA, TEA, NUTS, by=(promotion,)) == prices


def test_a_percentage_is_rounded_half_up_for_each_unit() -> None:
    half = rule(Kind.PERCENT, basis_points=5_000)
    assert cost(replace(COLA, price_minor=333), by=(half,)) == [166]  # 166.5 off is 167
    assert cost(replace(COLA, price_minor=332), by=(half,)) == [166]


def test_three_for_two_frees_the_cheapest_and_each_unit_has_its_share_to_the_cent() -> None:
    three_for_two = rule(Kind.N_FOR_M, take=3, pay=2)
    assert cost(of(COLA, 3), by=(three_for_two,)) == [233, 233, 234]
    assert cost(of(COLA, 4), by=(three_for_two,)) == [350, 233, 233, 234]
    assert sum(cost(of(COLA, 2), TEA, NUTS, by=(three_for_two,))) == 350 + 350 + 500 + 600 - 350


def test_a_dear_unit_is_not_wasted_on_a_group_that_saves_less() -> None:
    two_for_one = rule(Kind.N_FOR_M, take=2, pay=1)
    cart = (of(NUTS, 2), of(COLA, 2))
    assert cost(*cart, by=(two_for_one,)) == [300, 300, 175, 175]
    less_sure = rule(Kind.PERCENT, "prm_2", basis_points=6_000, goods=Goods(products=("nuts",)))
    assert cost(*cart, by=(two_for_one, less_sure)) == [240, 240, 175, 175]


def test_the_free_unit_costs_nothing_only_where_that_is_allowed() -> None:
    all_off = rule(Kind.AMOUNT_OFF, value_minor=900)
    assert cost(COLA, by=(all_off,)) == [1]
    assert cost(COLA, by=(all_off,), floor_minor=0) == [0]
    assert cost(replace(COLA, price_minor=0), by=(all_off,)) == [0]


def test_of_two_that_do_not_stack_the_buyer_has_the_better_one_and_only_one() -> None:
    small = rule(Kind.PERCENT, "prm_1", basis_points=1_000, priority=9)
    large = rule(Kind.AMOUNT_OFF, "prm_2", value_minor=100)
    priced = quote([COLA, replace(TEA, price_minor=2_000)], NOW, offers(small, large))
    assert [unit.applied for unit in priced.units] == [(Applied("prm_2", 100),), (Applied("prm_1", 200),)]


def test_those_that_stack_follow_by_priority_on_what_is_left() -> None:
    alone = rule(Kind.FIXED_PRICE, "prm_1", value_minor=300)
    first = rule(Kind.PERCENT, "prm_2", basis_points=5_000, priority=2, is_stackable=True)
    second = rule(Kind.AMOUNT_OFF, "prm_3", value_minor=40, priority=1, is_stackable=True)
    priced = quote([COLA], NOW, offers(second, first, alone))
    assert priced.units[0].applied == (Applied("prm_1", 50), Applied("prm_2", 150), Applied("prm_3", 40))
    assert (priced.total_minor, priced.list_minor, priced.off_minor) == (110, 350, 240)


def test_three_that_stack_each_begin_where_the_one_before_ended() -> None:
    them = (
        rule(Kind.PERCENT, f"prm_{n}", basis_points=1_000 * n, priority=9 - n, is_stackable=True) for n in (1, 2, 3)
    )
    (unit,) = quote([replace(COLA, price_minor=1_000)], NOW, offers(*them)).units
    assert [one.off_minor for one in unit.applied] == [100, 180, 216] and unit.price_minor == 504
    last = rule(Kind.AMOUNT_OFF, value_minor=1, is_stackable=True)
    assert cost(COLA, by=(last,)) == [349]


def test_of_amounts_off_the_cart_only_the_largest_that_does_not_stack() -> None:
    two = (rule(Kind.CART_OFF, "prm_1", value_minor=50), rule(Kind.CART_OFF, "prm_2", value_minor=70))
    assert sum(cost(COLA, TEA, by=two)) == 850 - 70
    third = rule(Kind.CART_OFF, "prm_3", value_minor=30, is_stackable=True)
    assert sum(cost(COLA, TEA, by=(*two, third))) == 850 - 100


def test_a_promotion_counts_only_in_its_time_at_its_place_and_for_its_people() -> None:
    half = {"basis_points": 5_000}
    is_cheap = {
        "always": rule(Kind.PERCENT, **half),
        "here": rule(Kind.PERCENT, machines=("mch_1",), **half),
        "there": rule(Kind.PERCENT, machines=("mch_2",), **half),
        "of the group": rule(Kind.PERCENT, groups=("campus",), **half),
        "gold": rule(Kind.PERCENT, tiers=("gold",), **half),
        "alipay": rule(Kind.PERCENT, channels=("alipay",), **half),
        "coupon": rule(Kind.PERCENT, coupon="NOV", **half),
        "not yet": rule(Kind.PERCENT, starts_at=MONDAY_NOON + timedelta(seconds=1), **half),
        "from now": rule(Kind.PERCENT, starts_at=MONDAY_NOON.astimezone(UTC), **half),
        "until now": rule(Kind.PERCENT, ends_at=MONDAY_NOON, **half),
        "at noon": rule(Kind.PERCENT, windows=(Window(days=(0,), start=720, end=721),), **half),
        "on Tuesdays": rule(Kind.PERCENT, windows=(Window(days=(1,), start=0, end=1440),), **half),
        "from 10": rule(Kind.PERCENT, from_minor=1_000, **half),
        "from 3.50": rule(Kind.PERCENT, from_minor=350, **half),
    }
    plain = {"always", "here", "from now", "at noon", "from 3.50"}
    assert {name for name, one in is_cheap.items() if cost(COLA, by=(one,)) == [175]} == plain
    told = {"groups": frozenset({"campus"}), "tier": "gold", "channel": "alipay", "coupons": frozenset({"NOV"})}
    more = {name for name, one in is_cheap.items() if cost(COLA, by=(one,), **told) == [175]}
    assert more == plain | {"of the group", "gold", "alipay", "coupon"}
    assert cost(of(COLA, 3), by=(is_cheap["from 10"],)) == [175, 175, 175]


def test_a_budget_carries_the_whole_cart_or_gives_nothing() -> None:
    half = rule(Kind.PERCENT, basis_points=5_000)
    for budget, price_minor in (
        (Budget(money_left_minor=175), 175),
        (Budget(money_left_minor=174), 350),
        (Budget(uses_left=1), 175),
        (Budget(uses_left=0), 350),
    ):
        assert quote([COLA], NOW, [Offer(half, budget)]).total_minor == price_minor, budget


def test_the_mark_says_what_was_priced_by_which_rules() -> None:
    half, third = rule(Kind.PERCENT, basis_points=5_000), rule(Kind.PERCENT, basis_points=3_333)

    def priced(*by: Promotion, lines: tuple[PricedLine, ...] = (COLA, TEA), **moment: object) -> Quote:
        return quote(lines, replace(NOW, **moment), offers(*by))  # type: ignore[arg-type]

    first = priced(half)
    assert len(first.mark) == 32
    assert first.mark == priced(half, lines=(TEA, COLA)).mark
    assert first.mark == priced(half, local=MONDAY_NOON + timedelta(hours=1)).mark
    assert first.mark not in {
        priced(third).mark, priced().mark, priced(half, machine_id="mch_2").mark, priced(half, lines=(COLA,)).mark
    }  # fmt: skip


AMOUNT = "a price or an amount off is more than nothing"
FREE = "of the units taken together at least one is paid and one is free"
TWO_TO_SIX = "a bundle has 2 to 6 units"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"kind": Kind.FIXED_PRICE}, AMOUNT),
        ({"kind": Kind.PERCENT}, "a percentage is more than nothing and at most the whole"),
        ({"kind": Kind.AMOUNT_OFF}, AMOUNT),
        ({"kind": Kind.CART_OFF}, AMOUNT),
        ({"kind": Kind.N_FOR_M, "take": 2, "pay": 2}, FREE),
        ({"kind": Kind.N_FOR_M, "take": 2, "pay": 0}, FREE),
        ({"kind": Kind.BUNDLE, "value_minor": 5, "parts": (Goods(),)}, TWO_TO_SIX),
        ({"kind": Kind.BUNDLE, "parts": (Goods(), Goods())}, AMOUNT),
        ({"kind": Kind.BUNDLE, "value_minor": 5, "parts": (Goods(quantity=6), Goods())}, TWO_TO_SIX),
        (
            {"kind": Kind.N_FOR_M, "take": 2, "pay": 1, "is_stackable": True},
            "n for m and bundles choose their goods together, so they do not stack",
        ),
        (
            {"kind": Kind.PERCENT, "basis_points": 1, "starts_at": MONDAY_NOON, "ends_at": MONDAY_NOON},
            "a promotion ends after its beginning",
        ),
        (
            {"kind": Kind.PERCENT, "basis_points": 1, "starts_at": datetime(2026, 1, 1)},  # noqa: DTZ001
            "a promotion begins and ends at a moment with its offset",
        ),
    ],
)
def test_a_rule_that_nobody_could_compute_is_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(VendomatError) as refused:
        rule(**wrong)  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.message) == (ErrorCode.INVALID_VALUE, f"{says}; nothing changed")


def test_a_bundle_may_have_as_many_units_as_can_be_computed() -> None:
    assert rule(Kind.BUNDLE, value_minor=5, parts=(Goods(quantity=5), Goods())).group_size == 6


@pytest.mark.parametrize(
    ("cart", "is_bundle"),
    [
        ((COLA, TEA, NUTS), True),
        ((NUTS, TEA, COLA), True),
        ((COLA, COLA, TEA), False),
        ((NUTS, COLA, NUTS), False),
    ],
)
def test_a_bundle_takes_just_as_many_of_each_part_as_it_names(cart: tuple[PricedLine, ...], is_bundle: bool) -> None:
    menu = rule(
        Kind.BUNDLE, value_minor=100, parts=(Goods(categories=("drinks",), quantity=2), Goods(products=("nuts",)))
    )
    assert (sum(cost(*cart, by=(menu,))) == 100) is is_bundle


def test_a_unit_that_fits_two_parts_of_a_bundle_makes_room_for_another() -> None:
    menu = rule(
        Kind.BUNDLE, value_minor=100, parts=(Goods(categories=("drinks",), quantity=2), Goods(products=("tea",)))
    )
    for cart in ((TEA, COLA, COLA), (COLA, TEA, COLA), (COLA, COLA, TEA), (TEA, TEA, COLA)):
        assert sum(cost(*cart, by=(menu,))) == 100
    assert sum(cost(COLA, COLA, COLA, by=(menu,))) == 3 * 350


def test_a_unit_that_was_tried_in_one_part_leaves_it_as_it_was() -> None:
    drink, tea, nuts = Goods(categories=("drinks",)), Goods(products=("tea",)), Goods(products=("nuts",))
    for cart, is_bundle in (((TEA, COLA, NUTS), True), ((TEA, COLA, COLA), False), ((COLA, NUTS, NUTS), False)):
        assert (
            sum(cost(*cart, by=(rule(Kind.BUNDLE, value_minor=100, parts=(drink, tea, nuts)),))) == 100
        ) is is_bundle


def test_goods_of_no_category_are_in_none() -> None:
    assert not Goods(categories=("",)).has("cola", "")


def test_an_exclusive_promotion_is_chosen_by_what_is_paid_after_those_that_stack() -> None:
    """After the third both come to the floor: the choice is a tie, and the first in order takes it."""
    first, second = (rule(Kind.AMOUNT_OFF, f"prm_{n}", value_minor=50 * n) for n in (1, 2))
    stacked = rule(Kind.AMOUNT_OFF, "prm_3", value_minor=300, is_stackable=True)
    (unit,) = quote([COLA], NOW, offers(first, second, stacked)).units
    assert [one.promotion_id for one in unit.applied] == ["prm_1", "prm_3"]


def test_one_that_stacks_is_for_its_own_goods() -> None:
    for goods in (Goods(products=("tea",)), Goods(categories=("snacks",))):
        some = rule(Kind.PERCENT, basis_points=5_000, goods=goods, is_stackable=True)
        assert cost(COLA, TEA, NUTS, by=(some,)) == ([350, 250, 600] if goods.products else [350, 500, 300])


def test_a_priced_unit_says_which_it_is() -> None:
    half = rule(Kind.PERCENT, basis_points=5_000)
    units = quote([NUTS, COLA], NOW, offers(half)).units
    assert [(one.unit, one.slot, one.product_id, one.price_minor) for one in units] == [
        (1, "B1", "nuts", 300),
        (2, "A1", "cola", 175),
    ]


def test_the_last_minor_unit_off_counts() -> None:
    (unit,) = quote([COLA], NOW, offers(rule(Kind.CART_OFF, value_minor=1))).units
    assert (unit.price_minor, unit.applied) == (349, (Applied("prm_1", 1),))
    assert cost(replace(COLA, price_minor=10_001), by=(rule(Kind.PERCENT, basis_points=4_999),)) == [5_002]


def test_of_equally_cheap_divisions_the_one_with_fewest_and_first_promotions_is_taken() -> None:
    """Nobody pays another total for it; it says whose gift it is, and so whose budget carries it."""
    first, second = (rule(Kind.AMOUNT_OFF, f"prm_{n}", value_minor=50) for n in (1, 2))
    assert [one.promotion_id for one in quote([COLA], NOW, offers(second, first)).units[0].applied] == ["prm_1"]
    to_the_floor = rule(Kind.AMOUNT_OFF, "prm_3", value_minor=400, is_stackable=True)
    assert [one.promotion_id for one in quote([COLA], NOW, offers(first, to_the_floor)).units[0].applied] == ["prm_3"]


def test_pairs_are_made_across_others() -> None:
    water = PricedLine("B2", "water", 1, 290, "drinks")
    cart = (replace(COLA, price_minor=600), replace(NUTS, price_minor=300), replace(TEA, price_minor=590), water)
    assert sum(cost(*cart, by=(rule(Kind.N_FOR_M, take=2, pay=1),))) == 600 + 300


def test_a_cart_too_large_for_the_exact_search_gets_nothing_that_takes_several_together() -> None:
    pairs = rule(Kind.N_FOR_M, take=2, pay=1)
    assert sum(cost(of(COLA, 12), by=(pairs,))) == 6 * 350
    assert sum(cost(of(COLA, 13), by=(pairs,))) == 13 * 350
