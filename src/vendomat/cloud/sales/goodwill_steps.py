"""Steps of a purchase that is over: what a person gives back although nothing is owed. Pure.

Goodwill is nobody's debt: nothing is booked until it has gone back, and what went back is the merchant's loss. Refuses
to give while another refund of the payment is under way, or more than was paid.
"""

from __future__ import annotations

from vendomat.cloud.orders import CASH, TOP_UP, OrderState
from vendomat.cloud.payments import CODE_CHANNEL, RefundStage
from vendomat.cloud.sales.desk_model import GoodwillGiven
from vendomat.cloud.sales.model import (
    Note,
    Purchase,
    RaiseAlarm,
    Source,
    Step,
)
from vendomat.cloud.sales.refund_steps import hold, pay_back_here, request_refund


def may_give_minor(purchase: Purchase) -> int:
    """How much more of it may be given back: what was paid less what went back; 0 of a pickup code, or before its end.

    Nothing of a top-up, whose money stands in the wallet, or of a cash sale, whose buyer nobody can reach.

    Nothing while a refund is under way either, so that no second number lives beside a first.
    """
    winning = purchase.winning
    if winning is None or winning.channel == CODE_CHANNEL or purchase.state is not OrderState.SETTLED:
        return 0
    if purchase.origin in (TOP_UP, CASH):
        return 0
    refunds = [r for r in purchase.refunds if r.payment_id == winning.payment_id]
    if any(r.is_open for r in refunds):
        return 0
    return winning.captured_minor - sum(r.amount_minor for r in refunds if r.stage is RefundStage.SUCCEEDED)


def next_ordinal(purchase: Purchase) -> int:
    """The place that the next refund of the winning payment takes."""
    return 1 + sum(1 for r in purchase.refunds if purchase.winning and r.payment_id == purchase.winning.payment_id)


def on_goodwill_given(now: Step, event: GoodwillGiven) -> Step:
    winning = now.purchase.winning
    is_next = event.ordinal == next_ordinal(now.purchase)
    if winning is None or not is_next or not 0 < event.amount_minor <= may_give_minor(now.purchase):
        return now
    now = now.plus(Note(Source.OPERATOR, "refund.goodwill", {"by": event.by, "reason": event.reason}))
    now = request_refund(now, winning, event.amount_minor, "goodwill", asked_by=event.by)
    given = now.purchase.refunds[-1]
    if event.amount_minor <= event.alone_minor:
        return pay_back_here(now, given)
    alarm = RaiseAlarm("refund_held", "warning", "", f"{given.refund_id}: a second person has to release it")
    return hold(now, given, alarm, limit_minor=event.alone_minor)
