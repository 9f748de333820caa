"""Steps of a cash sale: an order that a machine sold by itself and tells of afterwards, perhaps long afterwards. Pure.

The machine took coins and notes, ran its motors and gave change before anybody was asked; the cloud books what it says
and commands nothing. What did not come out, or is not known to have, the machine has paid back in cash.
"""

from __future__ import annotations

from dataclasses import replace

from vendomat.cloud.ledger import funding, postings
from vendomat.cloud.orders import OrderMove, UnitMove
from vendomat.cloud.payments import PAYMENT_MOVES, PaymentMove, PaymentState
from vendomat.cloud.sales.model import CashSold, Note, Post, Source, Step, VendSaid
from vendomat.cloud.sales.vend_steps import finish_unit

_ENDS = {
    VendSaid.DELIVERED: (UnitMove.DELIVER, "vend.delivered"),
    VendSaid.NOT_DELIVERED: (UnitMove.FAIL, "vend.not_delivered"),
    VendSaid.UNKNOWN: (UnitMove.LOSE_SIGHT, "vend.declared_ambiguous"),
}


def on_cash_sold(now: Step, event: CashSold) -> Step:
    """The whole sale in one step: money, goods, and what went back."""
    payment = now.purchase.payment(event.payment_id)
    if payment is None or payment.state is PaymentState.PAID:
        return now
    said = {
        "payment_id": payment.payment_id,
        "channel": payment.channel,
        "amount_minor": payment.amount_minor,
        "origin": event.origin,
        "via": "cash",
    }
    paid = replace(
        payment,
        state=PAYMENT_MOVES.next(payment.state, PaymentMove.PAY),
        captured_minor=payment.amount_minor,
        paid_at=event.at,
        is_winning=True,
    )
    fund = funding(paid.channel, paid.account)
    now = now.set_payment(paid).plus(
        Note(Source.TERMINAL, "payment.paid", said),
        Post(postings.payment_confirmed(paid.payment_id, fund, paid.captured_minor)),
    )
    now = now.move_order(OrderMove.PAY)
    for unit, end in zip(now.purchase.units, event.ends, strict=True):
        move, kind = _ENDS[end.said]
        words = {"unit": unit.unit, "slot": unit.slot, "result": end.result, "origin": event.origin}
        now = finish_unit(now.plus(Note(Source.TERMINAL, kind, words)), unit, move, result=end.result, reason="")
    return now
