"""Steps of a purchase: a refund that the buyer's account could not take is sent on to another one. Pure.

It is the same refund under the same number, which only becomes open again: nothing is booked here. A large sum takes a
second person, who names the same target. Refuses to keep a card's number: of a target only the last digits are known.
"""

from __future__ import annotations

from dataclasses import replace

from vendomat.cloud.payments import REFUND_MOVES, Refund, RefundMove
from vendomat.cloud.sales.by_hand_steps import may_be_paid_by_hand
from vendomat.cloud.sales.desk_model import SendOnWanted
from vendomat.cloud.sales.model import Note, Purchase, RaiseAlarm, Source, Step, Tell
from vendomat.cloud.sales.refund_steps import payment_of, refund_of


def may_be_sent_on(purchase: Purchase, refund: Refund) -> bool:
    """Whether `refund` reached nobody, and nothing else carries what it owes."""
    return refund.is_stranded and may_be_paid_by_hand(purchase, refund)


def on_send_on_wanted(now: Step, event: SendOnWanted) -> Step:
    """Open again when one person may say so, or when a second one says the same."""
    refund = refund_of(now, event.refund_id)
    if refund is None or not may_be_sent_on(now.purchase, refund):
        return now
    said = {"refund_id": refund.refund_id, "to": event.to, "by": event.by, "reason": event.reason}
    is_small = refund.amount_minor <= event.alone_minor
    is_own = payment_of(now, refund).currency in ("", now.purchase.currency)
    is_second = refund.send_to == event.to and refund.send_asked_by != event.by
    if (is_small and is_own) or is_second:
        stage = REFUND_MOVES.next(refund.stage, RefundMove.SEND_ON)
        sent = replace(refund, stage=stage, error="", send_to="", send_asked_by="")
        return now.set_refund(sent).plus(Note(Source.OPERATOR, "refund.sent_on", said), Tell("refund.sent_on", said))
    asked = replace(refund, send_to=event.to, send_asked_by=event.by)
    if asked == refund:
        return now
    alarm = RaiseAlarm("refund_held", "warning", "", f"{refund.refund_id}: a second person has to agree to {event.to}")
    return now.set_refund(asked).plus(Note(Source.OPERATOR, "refund.send_on_asked", said), alarm)
