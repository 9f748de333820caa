"""Steps of a top-up whose member leaves: its money goes back the way it came. Pure.

What leaves the wallet is owed to the payer from the same step on, and a refund like every other carries it: asked for,
looked up, tried again or paid by hand. Refuses a top-up of which something went back, or more than was paid.
"""

from __future__ import annotations

from dataclasses import replace

from vendomat.cloud.ledger import postings
from vendomat.cloud.orders import TOP_UP, OrderState
from vendomat.cloud.payments import Payment
from vendomat.cloud.sales.desk_model import StoredMoneyReturned
from vendomat.cloud.sales.model import Note, Post, Purchase, Source, Step, Tell
from vendomat.cloud.sales.refund_steps import request_refund


def may_be_paid_out_minor(purchase: Purchase, payment: Payment) -> int:
    """How much of it may leave the wallet: all that was paid, once, of a top-up that was credited."""
    is_credited = purchase.origin == TOP_UP and purchase.state is OrderState.SETTLED and payment.is_winning
    is_touched = any(r.payment_id == payment.payment_id for r in purchase.refunds)  # paid out before, or otherwise
    return payment.captured_minor if is_credited and not is_touched else 0


def on_stored_money_returned(now: Step, event: StoredMoneyReturned) -> Step:
    payment = now.purchase.payment(event.payment_id)
    if payment is None or not 0 < event.amount_minor <= may_be_paid_out_minor(now.purchase, payment):
        return now
    paid_out = replace(payment, paid_out_minor=event.amount_minor)
    said = {
        "payment_id": event.payment_id,
        "amount_minor": event.amount_minor,
        "payout_id": event.payout_id,
        "by": event.by,
        "reason": event.reason,
    }
    booked = postings.paid_out_of_wallet(event.payment_id, now.purchase.member_id, event.amount_minor)
    now = now.set_payment(paid_out).plus(
        Post(booked), Note(Source.OPERATOR, "wallet.paid_out", said), Tell("wallet.paid_out", said)
    )
    return request_refund(now, paid_out, event.amount_minor, "paid out of the wallet", approved_by=event.by)
