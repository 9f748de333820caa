"""Coupons: codes that let a promotion count, issued by the merchant, typed at a machine, held by orders."""

from vendomat.cloud.promotions.coupons.api import coupons_router
from vendomat.cloud.promotions.coupons.hot import (
    find_coupon,
    give_coupons_back,
    give_unused_back,
    open_coupons,
    take_coupons,
)
from vendomat.cloud.promotions.coupons.model import Coupon, CouponBatch, NewCoupons, coupon_hash, coupon_refused
from vendomat.cloud.promotions.coupons.service import Coupons, coupons_key

__all__ = [
    "Coupon",
    "CouponBatch",
    "Coupons",
    "NewCoupons",
    "coupon_hash",
    "coupon_refused",
    "coupons_key",
    "coupons_router",
    "find_coupon",
    "give_coupons_back",
    "give_unused_back",
    "open_coupons",
    "take_coupons",
]
