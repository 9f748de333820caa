"""Promotions: the rules a merchant makes about prices, their budgets, and what each order was given."""

from vendomat.cloud.promotions.api import promotions_router
from vendomat.cloud.promotions.coupons import (
    Coupon,
    CouponBatch,
    Coupons,
    NewCoupons,
    coupon_hash,
    coupon_refused,
    coupons_key,
    coupons_router,
    find_coupon,
    give_coupons_back,
    open_coupons,
    take_coupons,
)
from vendomat.cloud.promotions.hot import (
    OpenOffers,
    confirm_fares,
    confirm_uses,
    keep_uses,
    open_offers,
    release_uses,
)
from vendomat.cloud.promotions.model import KeptPromotion, Limits, PromotionState, Use, UseState
from vendomat.cloud.promotions.service import CartLine, Promotions, TestedCart, Trying
from vendomat.cloud.promotions.store import place_of
from vendomat.cloud.promotions.telling import Told, told_offer, told_promotions

__all__ = [
    "CartLine",
    "Coupon",
    "CouponBatch",
    "Coupons",
    "KeptPromotion",
    "Limits",
    "NewCoupons",
    "OpenOffers",
    "PromotionState",
    "Promotions",
    "TestedCart",
    "Told",
    "Trying",
    "Use",
    "UseState",
    "confirm_fares",
    "confirm_uses",
    "coupon_hash",
    "coupon_refused",
    "coupons_key",
    "coupons_router",
    "find_coupon",
    "give_coupons_back",
    "keep_uses",
    "open_coupons",
    "open_offers",
    "place_of",
    "promotions_router",
    "release_uses",
    "take_coupons",
    "told_offer",
    "told_promotions",
]
