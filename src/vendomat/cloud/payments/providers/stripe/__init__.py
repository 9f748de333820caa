"""Stripe (Checkout sessions, refunds, webhooks) behind the contract of payment providers."""

from vendomat.cloud.payments.providers.stripe.provider import StripeProvider
from vendomat.cloud.payments.providers.stripe.settings import StripeSettings

__all__ = ["StripeProvider", "StripeSettings"]
