"""Pricing: what a cart costs, unit by unit. Pure; the one place where prices are added up."""

from vendomat.pricing.engine import quote
from vendomat.pricing.model import Applied, Moment, PricedLine, PricedUnit, Quote
from vendomat.pricing.promotion import (
    GROUP_UNITS_MAX,
    RULES_VERSION,
    Budget,
    Goods,
    Kind,
    Offer,
    Promotion,
)
from vendomat.pricing.schedule import Window
from vendomat.pricing.telling import Meeting, Product, Tag, meetings, next_change, tag_of
from vendomat.pricing.ways import Fare, fare_of, fares

__all__ = [
    "GROUP_UNITS_MAX",
    "RULES_VERSION",
    "Applied",
    "Budget",
    "Fare",
    "Goods",
    "Kind",
    "Meeting",
    "Moment",
    "Offer",
    "PricedLine",
    "PricedUnit",
    "Product",
    "Promotion",
    "Quote",
    "Tag",
    "Window",
    "fare_of",
    "fares",
    "meetings",
    "next_change",
    "quote",
    "tag_of",
]
