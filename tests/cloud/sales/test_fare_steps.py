"""What the pure step does with an order that has a price for each way to pay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.cloud.sales.purchase_rules import check_books, check_purchase
from tests.cloud.sales.purchases import AT, FIRST, PRICES, SECOND, TOTAL, added, new_purchase, paid, play, vend
from vendomat.cloud.orders import Closing, OrderState
from vendomat.cloud.sales.model import (
    CloseAsked,
    GiveCouponBack,
    PaymentAdded,
    PaymentClosed,
    Purchase,
    SettleUses,
    Tell,
    VendSaid,
)
from vendomat.pricing import Applied, Fare, PricedUnit, Quote


def _quote(mark: str, *offs: int) -> Quote:
    units = (
        PricedUnit(n, f"A{n}", "prd_" + "0" * 26, price - off, (Applied("prm_1", off),) if off else ())
        for n, (price, off) in enumerate(zip(PRICES, offs, strict=True), start=1)
    )
    return Quote(tuple(units), mark)


ANY, ALIPAY, GOLD = _quote("any", 0, 0), _quote("alipay", 50, 20), _quote("gold", 100, 0)
FARES = (Fare(ANY), Fare(ALIPAY, "alipay"), Fare(GOLD, "alipay", "gold"))
LESS = TOTAL - 70


def purchase() -> Purchase:
    return replace(new_purchase(), fares=FARES, price_mark="any")


def by_alipay(amount: int = LESS, tier: str = "") -> PaymentAdded:
    return PaymentAdded(replace(added().payment, amount_minor=amount, tier=tier), AT)


def test_each_way_has_its_amount() -> None:
    ways = [("wechat", ""), ("wechat", "gold"), ("alipay", ""), ("alipay", "silver"), ("alipay", "gold")]
    assert [purchase().amount_on(*way) for way in ways] == [TOTAL, TOTAL, LESS, LESS, TOTAL - 100]
    assert new_purchase().amount_on("alipay", "gold") == TOTAL


@pytest.mark.parametrize(
    ("tier", "quote", "prices"), [("", ALIPAY, (300, 180)), ("gold", GOLD, (250, 200)), ("silver", ALIPAY, (300, 180))]
)
def test_the_way_that_is_paid_gives_the_units_their_prices(tier: str, quote: Quote, prices: tuple[int, int]) -> None:
    total = quote.total_minor
    played = play([by_alipay(total, tier), paid(SECOND, amount=total)], purchase())
    after = played.purchase
    assert (after.state, after.total_minor, after.discount_minor) == (OrderState.PAID, total, TOTAL - total)
    assert tuple(unit.price_minor for unit in after.units) == prices
    assert tuple(unit.off_minor for unit in after.units) == tuple(
        was - now for was, now in zip(PRICES, prices, strict=True)
    )
    assert after.price_mark == quote.mark
    assert SettleUses(is_paid=True) in played.effects
    told = next(effect for effect in played.effects if isinstance(effect, Tell) and effect.kind == "order.paid")
    assert told.data["total_minor"] == total
    check_purchase(played.purchase)


def test_a_price_for_fewer_units_than_were_ordered_is_never_taken() -> None:
    short = replace(ALIPAY, units=ALIPAY.units[:1])
    order = replace(purchase(), fares=(Fare(ANY), Fare(short, "alipay")))
    with pytest.raises(ValueError, match="shorter"):
        play([by_alipay(short.total_minor), paid(SECOND, amount=short.total_minor)], order)


def test_what_goes_back_is_of_the_price_that_was_paid() -> None:
    facts = (vend(1, VendSaid.NOT_DELIVERED), vend(2, VendSaid.DELIVERED))
    played = play([by_alipay(), paid(SECOND, amount=LESS), *facts], purchase())
    assert [one.amount_minor for one in played.purchase.refunds] == [300]
    assert not any(isinstance(effect, GiveCouponBack) for effect in played.effects)
    check_books(played)


def test_any_other_way_costs_what_the_order_was_made_at() -> None:
    played = play([by_alipay(), paid(FIRST)], purchase())
    assert (played.purchase.total_minor, played.purchase.discount_minor, played.purchase.price_mark) == (
        TOTAL,
        0,
        "any",
    )
    assert SettleUses(is_paid=True) in played.effects


def test_a_second_payment_goes_back_as_it_came() -> None:
    played = play([by_alipay(), paid(SECOND, amount=LESS), paid(FIRST)], purchase())
    assert [one.amount_minor for one in played.purchase.refunds] == [TOTAL]
    assert played.purchase.total_minor == LESS


def test_unpaid_it_keeps_its_first_price_and_gives_everything_back() -> None:
    ends = (CloseAsked(Closing.EXPIRING, AT), PaymentClosed(FIRST, AT), PaymentClosed(SECOND, AT))
    played = play([by_alipay(), *ends], purchase())
    assert (played.purchase.state, played.purchase.total_minor) == (OrderState.EXPIRED, TOTAL)
    assert [effect for effect in played.effects if isinstance(effect, SettleUses | GiveCouponBack)] == [
        SettleUses(is_paid=False),
        GiveCouponBack(),
    ]


def test_an_order_with_one_price_and_no_discount_settles_no_uses() -> None:
    played = play([paid(FIRST)], new_purchase())
    assert not any(isinstance(effect, SettleUses) for effect in played.effects)


def test_a_discount_alone_has_uses_to_settle() -> None:
    played = play([paid(FIRST)], replace(new_purchase(), discount_minor=10))
    assert SettleUses(is_paid=True) in played.effects
