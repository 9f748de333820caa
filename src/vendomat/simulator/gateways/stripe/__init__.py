"""The emulated Stripe: its books, its webhooks, its HTTP face. Knows no other platform and no client library."""

from vendomat.simulator.gateways.stripe.platform import StripePlatform
from vendomat.simulator.gateways.stripe.records import Account
from vendomat.simulator.gateways.stripe.routes import StripeApi

__all__ = ["Account", "StripeApi", "StripePlatform"]
