"""Payments: one channel's attempt to take money, its refunds, and the platforms behind them."""

from vendomat.cloud.payments import store
from vendomat.cloud.payments.model import (
    CODE_CHANNEL,
    PAYMENT_MOVES,
    REFUND_MOVES,
    Payment,
    PaymentMove,
    PaymentState,
    Refund,
    RefundMove,
    RefundStage,
    refund_number,
)

__all__ = [
    "CODE_CHANNEL",
    "PAYMENT_MOVES",
    "REFUND_MOVES",
    "Payment",
    "PaymentMove",
    "PaymentState",
    "Refund",
    "RefundMove",
    "RefundStage",
    "refund_number",
    "store",
]
