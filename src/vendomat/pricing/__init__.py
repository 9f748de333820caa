"""Pricing: what a cart costs, unit by unit. Pure; the one place where prices are added up."""

from vendomat.pricing.model import PricedLine, PricedUnit, Quote, quote

__all__ = ["PricedLine", "PricedUnit", "Quote", "quote"]
