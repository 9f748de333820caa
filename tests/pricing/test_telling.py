"""What a screen and an editor are told: prices now, groups to be had, and where rules meet."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.pricing.rules import MONDAY_NOON, NOW, offers, rule
from vendomat.pricing import Budget, Goods, Kind, Meeting, Offer, Product, Tag, Window, meetings, tag_of

TEA = Product("tea", "drinks", 500)
NUTS = Product("nuts", "snacks", 600)
HAPPY = rule(
    Kind.PERCENT,
    basis_points=2_000,
    goods=Goods(categories=("drinks",)),
    windows=(Window(days=(0,), start=11 * 60, end=13 * 60),),
)
TWO = rule(Kind.N_FOR_M, "prm_2", take=2, pay=1, goods=Goods(products=("tea",)))


def test_a_tag_says_the_price_now_until_when_and_what_more_there_is() -> None:
    them = offers(HAPPY, TWO)
    assert tag_of(TEA, NOW, them) == Tag(400, MONDAY_NOON + timedelta(hours=1), (TWO,))
    assert tag_of(NUTS, NOW, them) == Tag(600)
    assert tag_of(TEA, NOW, [Offer(TWO, Budget(uses_left=0))]) == Tag(500)


def test_rules_meet_where_goods_place_and_hours_do_and_the_engine_says_who_wins() -> None:
    assert meetings([HAPPY, TWO], [TEA, NUTS], NOW) == [Meeting("tea", ("prm_1", "prm_2"), ("prm_2",), 2, 1000, 500)]


def test_rules_of_other_hours_places_or_days_do_not_meet() -> None:
    late = rule(Kind.PERCENT, "prm_3", basis_points=9_000, windows=(Window(days=(0,), start=780, end=800),))
    assert meetings([HAPPY, late], [TEA], NOW) == []
    here = rule(Kind.PERCENT, "prm_4", basis_points=100, machines=("mch_1",))
    there = rule(Kind.PERCENT, "prm_5", basis_points=100, machines=("mch_2",))
    assert meetings([here, there], [TEA], NOW) == []
    before = rule(Kind.PERCENT, "prm_6", basis_points=100, ends_at=MONDAY_NOON)
    after = rule(Kind.PERCENT, "prm_7", basis_points=100, starts_at=MONDAY_NOON)
    assert meetings([before, after], [TEA], NOW) == []
    assert [one.promotion_ids for one in meetings([before, HAPPY], [TEA], NOW)] == [("prm_1", "prm_6")]


def test_those_that_stack_win_together() -> None:
    more = rule(Kind.AMOUNT_OFF, "prm_8", value_minor=50, is_stackable=True)
    (met,) = meetings([HAPPY, more], [TEA], NOW)
    assert (met.winners, met.total_minor) == (("prm_1", "prm_8"), 350)


@pytest.mark.parametrize(
    ("one", "other", "do_meet"),
    [
        ({"tiers": ("gold",)}, {"tiers": ("gold", "silver")}, True),
        ({"tiers": ("gold",)}, {"tiers": ("silver",)}, False),
        ({"tiers": ("gold",)}, {}, True),
        ({"channels": ("wechat",)}, {"channels": ("wechat",)}, True),
        ({"channels": ("wechat",)}, {"channels": ("alipay",)}, False),
        ({"channels": ("wechat",)}, {}, True),
        ({"groups": ("north",)}, {"machines": ("mch_1",)}, False),
        ({"ends_at": MONDAY_NOON}, {"starts_at": MONDAY_NOON}, False),
        ({"ends_at": MONDAY_NOON}, {"starts_at": MONDAY_NOON - timedelta(minutes=1)}, True),
        ({"starts_at": MONDAY_NOON}, {"starts_at": MONDAY_NOON}, True),
        ({"ends_at": MONDAY_NOON}, {"ends_at": MONDAY_NOON}, True),
    ],
)
def test_rules_meet_where_all_of_their_conditions_can_hold_together(
    one: dict[str, Any], other: dict[str, Any], do_meet: bool
) -> None:
    rules = [
        rule(Kind.PERCENT, f"prm_{place}", basis_points=100, **more) for place, more in enumerate((one, other), start=1)
    ]
    for pair in (rules, rules[::-1]):
        assert bool(meetings(pair, [TEA], NOW)) is do_meet


@pytest.mark.parametrize(
    "condition",
    [
        {"machines": ("mch_2",)},
        {"groups": ("north",)},
        {"tiers": ("gold",)},
        {"channels": ("wechat",)},
        {"coupon": "SPRING"},
        {"starts_at": MONDAY_NOON + timedelta(days=1)},
        {"ends_at": MONDAY_NOON - timedelta(days=1)},
        {"windows": (Window(days=(3,), start=600, end=660),)},
        {"from_minor": 100_000},
    ],
)
def test_who_wins_is_computed_as_if_every_condition_held(condition: dict[str, Any]) -> None:
    better = rule(Kind.PERCENT, "prm_9", basis_points=5_000, **condition)
    always = rule(Kind.PERCENT, "prm_1", basis_points=2_000)
    (met,) = meetings([always, better], [TEA], NOW)
    assert (met.winners, met.total_minor) == (("prm_9",), 250)


def test_groups_to_be_had_stand_in_their_order_and_only_those_of_the_product() -> None:
    three = rule(Kind.N_FOR_M, "prm_3", take=3, pay=2, goods=Goods(categories=("drinks",)))
    tag = tag_of(TEA, NOW, offers(three, TWO))
    assert tag.groups == tuple(sorted((three, TWO), key=lambda one: one.rank))
    assert tag_of(TEA, NOW, offers(TWO, three)).groups == tag.groups
    assert tag_of(NUTS, NOW, offers(three, TWO)).groups == ()
