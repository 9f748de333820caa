"""The emulated Stripe: its books, its webhooks, its HTTP face. Knows no other platform and no client library."""

from vendomat.simulator.gateways.stripe.platform import StripePlatform
from vendomat.simulator.gateways.stripe.records import Account, RefundState
from vendomat.simulator.gateways.stripe.routes import StripeApi

CALLS = ("cancel", "capture", "close", "create", "query", "refund", "refund_query", "register")
"""What a fault can be ordered for."""

REFUND_ENDS = tuple(state for state in RefundState if state is not RefundState.PENDING)

__all__ = ["CALLS", "REFUND_ENDS", "Account", "StripeApi", "StripePlatform"]
