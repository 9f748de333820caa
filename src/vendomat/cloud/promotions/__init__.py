"""Promotions: the rules a merchant makes about prices, their budgets, and what each order was given."""

from vendomat.cloud.promotions.api import promotions_router
from vendomat.cloud.promotions.hot import OpenOffers, keep_uses, open_offers, settle_uses
from vendomat.cloud.promotions.model import KeptPromotion, Limits, PromotionState, Use, UseState
from vendomat.cloud.promotions.service import CartLine, Promotions, TestedCart
from vendomat.cloud.promotions.telling import told_promotions

__all__ = [
    "CartLine",
    "KeptPromotion",
    "Limits",
    "OpenOffers",
    "PromotionState",
    "Promotions",
    "TestedCart",
    "Use",
    "UseState",
    "keep_uses",
    "open_offers",
    "promotions_router",
    "settle_uses",
    "told_promotions",
]
