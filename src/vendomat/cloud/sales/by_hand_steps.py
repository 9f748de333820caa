"""Steps of a purchase: money that a person pays back outside the platform, because the platform never will. Pure.

It is a refund under the payment's next ordinal that the platform is never asked for: the buyer is owed nothing more
once it stands, so it is recorded first and handed over then. Refuses it while a number may still pay, and of goodwill,
which nobody is owed.
"""

from __future__ import annotations

from vendomat.cloud.payments import Refund, RefundStage
from vendomat.cloud.sales.desk_model import PaidByHand
from vendomat.cloud.sales.model import Note, Purchase, RaiseAlarm, Source, Step
from vendomat.cloud.sales.refund_steps import gone, hold, number_refund, payment_of, refund_of


def may_be_paid_by_hand(purchase: Purchase, refund: Refund) -> bool:
    """Whether the platform gave `refund` up, and nothing else carries what it owes."""
    return refund.stage is RefundStage.FAILED and not refund.is_replaced_in(purchase.refunds)


def on_paid_by_hand(now: Step, event: PaidByHand) -> Step:
    """A large sum takes a second person before it counts."""
    given_up = refund_of(now, event.refund_id)
    if given_up is None or not may_be_paid_by_hand(now.purchase, given_up):
        return now
    payment = payment_of(now, given_up)
    said = {
        "refund_id": given_up.refund_id,
        "way": event.way,
        "reference": event.reference,
        "by": event.by,
        "reason": event.reason,
    }
    now = number_refund(
        now.plus(Note(Source.OPERATOR, "refund.by_hand", said)),
        payment,
        given_up.amount_minor,
        given_up.reason,
        hand_way=event.way,
        hand_reference=event.reference,
        recorded_by=event.by,
    )
    refund = now.purchase.refunds[-1]
    if refund.amount_minor <= event.alone_minor and payment.currency in ("", now.purchase.currency):
        return gone(now, refund, payment)
    alarm = RaiseAlarm("refund_held", "warning", "", f"{refund.refund_id}: a second person has to agree")
    return hold(now, refund, alarm, limit_minor=event.alone_minor)
