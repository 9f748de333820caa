"""Carts, moments and promotions for the tests of prices: built by hand, and drawn."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from vendomat.pricing import Budget, Goods, Kind, Moment, Offer, PricedLine, Promotion, Window

SHANGHAI = timezone(timedelta(hours=8))
MONDAY_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=SHANGHAI)
NOW = Moment(local=MONDAY_NOON, currency="CNY", machine_id="mch_1")


def rule(kind: Kind, promotion_id: str = "prm_1", **more: Any) -> Promotion:
    return Promotion(promotion_id=promotion_id, name=promotion_id, kind=kind, **more).check()


def offers(*promotions: Promotion) -> list[Offer]:
    return [Offer(promotion) for promotion in promotions]


PRODUCTS = ("cola", "tea", "nuts", "gum")
CATEGORIES = {"cola": "drinks", "tea": "drinks", "nuts": "snacks", "gum": "snacks"}

_LINE = st.builds(
    lambda product, slot, quantity, price: PricedLine(slot, product, quantity, price, CATEGORIES[product]),
    st.sampled_from(PRODUCTS),
    st.sampled_from(["A1", "A2", "B1"]),
    st.integers(1, 3),
    st.one_of(st.integers(0, 12), st.integers(0, 900)),
)
CARTS = st.lists(_LINE, min_size=1, max_size=4)

_GOODS = st.builds(
    Goods,
    products=st.sets(st.sampled_from(PRODUCTS), max_size=2).map(lambda them: tuple(sorted(them))),
    categories=st.sets(st.sampled_from(["drinks", "snacks"]), max_size=1).map(tuple),
)
_PARTS = st.lists(_GOODS, min_size=2, max_size=3).map(tuple)
_WINDOWS = st.lists(
    st.builds(
        Window, days=st.just((0, 2)), start=st.sampled_from([600, 720, 1380]), end=st.sampled_from([60, 720, 840])
    ),
    max_size=2,
).map(tuple)


@st.composite
def promotions(draw: st.DrawFn, promotion_id: str) -> Promotion:
    kind = draw(st.sampled_from(list(Kind)))
    take = draw(st.integers(2, 4))
    is_group = kind in (Kind.N_FOR_M, Kind.BUNDLE)
    return Promotion(
        promotion_id=promotion_id,
        name=promotion_id,
        kind=kind,
        goods=draw(_GOODS),
        value_minor=draw(st.integers(1, 900)),
        basis_points=draw(st.integers(1, 10_000)),
        take=take,
        pay=draw(st.integers(1, take - 1)),
        parts=draw(_PARTS) if kind is Kind.BUNDLE else (),
        windows=draw(_WINDOWS),
        from_minor=draw(st.sampled_from([0, 0, 300])),
        priority=draw(st.integers(-1, 1)),
        is_stackable=not is_group and draw(st.booleans()),
    ).check()


_BUDGETS = st.one_of(
    st.just(Budget()),
    st.builds(Budget, money_left_minor=st.integers(0, 400), uses_left=st.one_of(st.none(), st.integers(0, 2))),
)


@st.composite
def offered(draw: st.DrawFn) -> list[Offer]:
    count = draw(st.integers(0, 4))
    return [Offer(draw(promotions(f"prm_{number}")), draw(_BUDGETS)) for number in range(count)]
