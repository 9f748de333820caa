"""What a screen and an editor are told: prices now, groups to be had, and where rules meet."""

from __future__ import annotations

from datetime import timedelta

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
