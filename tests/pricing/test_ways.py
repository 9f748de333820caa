"""What a cart costs by how it is paid: never more than otherwise, and told only where it is less."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pricing.rules import CARTS, NOW, offered, offers, promotions, rule
from vendomat.pricing import Fare, Kind, Offer, PricedLine, fare_of, fares, quote

TEA = [PricedLine("A1", "tea", 2, 500, "drinks")]
ANYHOW = rule(Kind.PERCENT, "prm_1", basis_points=1_000)
BY_ALIPAY = rule(Kind.PERCENT, "prm_2", basis_points=2_000, channels=("alipay", "stripe"))
GOLD = rule(Kind.AMOUNT_OFF, "prm_3", value_minor=150, tiers=("gold",))
GOLD_BY_WALLET = rule(Kind.CART_OFF, "prm_4", value_minor=10, tiers=("gold",), channels=("wallet",), is_stackable=True)


def told(found: tuple[Fare, ...]) -> list[tuple[str, str, int]]:
    return [(fare.channel, fare.tier, fare.quote.total_minor) for fare in found]


def test_without_conditions_there_is_one_price() -> None:
    found = fares(TEA, NOW, offers(ANYHOW), tier_channel="wallet")
    assert told(found) == [("", "", 900)]
    assert found[0].quote == quote(TEA, NOW, offers(ANYHOW))
    assert told(fares(TEA, NOW, [])) == [("", "", 1000)]


def test_each_way_and_tier_that_costs_less_is_told_once() -> None:
    them = offers(GOLD_BY_WALLET, BY_ALIPAY, ANYHOW, GOLD)
    assert told(fares(TEA, NOW, them, tier_channel="wallet")) == [
        ("", "", 900),
        ("alipay", "", 800),
        ("stripe", "", 800),
        ("wallet", "gold", 690),
    ]
    assert told(fares(TEA, NOW, them)) == [("", "", 900), ("alipay", "", 800), ("stripe", "", 800)]


def test_a_tier_of_a_way_that_is_cheaper_for_everybody_is_told_only_when_it_gives_more() -> None:
    by_wallet = rule(Kind.PERCENT, "prm_5", basis_points=3_000, channels=("wallet",))
    assert told(fares(TEA, NOW, offers(by_wallet, GOLD), tier_channel="wallet")) == [
        ("", "", 1000),
        ("wallet", "", 700),
    ]
    better = rule(Kind.AMOUNT_OFF, "prm_6", value_minor=151, tiers=("silver",))
    assert told(fares(TEA, NOW, offers(by_wallet, better), tier_channel="wallet"))[1:] == [
        ("wallet", "", 700),
        ("wallet", "silver", 698),
    ]


def test_the_price_of_a_moment_is_of_no_way_whatever_the_moment_says() -> None:
    moment = replace(NOW, channel="alipay", tier="gold")
    assert told(fares(TEA, moment, offers(BY_ALIPAY, GOLD), tier_channel="wallet")) == told(
        fares(TEA, NOW, offers(BY_ALIPAY, GOLD), tier_channel="wallet")
    )


def test_who_pays_has_the_least_that_fits() -> None:
    found = fares(TEA, NOW, offers(ANYHOW, BY_ALIPAY, GOLD, GOLD_BY_WALLET), tier_channel="wallet")
    totals = {
        (channel, tier): fare_of(found, channel, tier).quote.total_minor
        for channel in ("wechat", "alipay", "wallet")
        for tier in ("", "gold", "silver")
    }
    assert totals == {
        **{("wechat", tier): 900 for tier in ("", "gold", "silver")},
        **{("alipay", tier): 800 for tier in ("", "gold", "silver")},
        ("wallet", ""): 900,
        ("wallet", "gold"): 690,
        ("wallet", "silver"): 900,
    }
    assert fare_of(found, "wechat") is found[0]


@st.composite
def conditional(draw: st.DrawFn) -> list[Offer]:
    some = draw(offered())
    asked = [draw(promotions(f"prm_8{number}")) for number in range(draw(st.integers(1, 2)))]
    channels, tiers = st.sampled_from([(), ("alipay",), ("wallet",)]), st.sampled_from([(), ("gold",)])
    return [
        *some,
        *(Offer(msgspec.structs.replace(one, channels=draw(channels), tiers=draw(tiers))) for one in asked),
    ]


@settings(max_examples=100, deadline=None)
@given(CARTS, conditional())
def test_a_way_never_costs_more_and_is_what_the_engine_says(cart: list[PricedLine], them: list[Offer]) -> None:
    found = fares(cart, NOW, them, tier_channel="wallet")
    for channel in ("", "alipay", "wallet"):
        for tier in ("", "gold") if channel == "wallet" else ("",):
            asked = quote(cart, replace(NOW, channel=channel, tier=tier), them)
            had = fare_of(found, channel, tier).quote
            assert had.total_minor == asked.total_minor <= found[0].quote.total_minor
            assert had.total_minor == sum(unit.price_minor for unit in had.units)
            assert had.list_minor == found[0].quote.list_minor
