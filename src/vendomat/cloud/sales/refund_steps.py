"""Steps of a purchase: its refunds and its end. Pure.

Once every unit is final, what was not delivered is asked back in one sum; the order settles when nothing is owed.
"""

from __future__ import annotations

from dataclasses import replace

from vendomat.cloud.ledger import funding, postings
from vendomat.cloud.orders import (
    OrderMove,
    UnitOutcome,
)
from vendomat.cloud.payments import (
    CODE_CHANNEL,
    REFUND_MOVES,
    Payment,
    Refund,
    RefundMove,
    RefundStage,
    refund_number,
)
from vendomat.cloud.sales.model import (
    Note,
    Post,
    RaiseAlarm,
    RefundSaid,
    RefundSeen,
    RestoreCode,
    Source,
    Step,
    Tell,
)


def settle(now: Step) -> Step:
    """Once every unit is final: ask back what was not delivered, in one sum; settle when nothing is owed."""
    purchase = now.purchase
    winning = purchase.winning
    if winning is None or not all(unit.is_final for unit in purchase.units):
        return now
    owed = sum(u.price_minor for u in purchase.units if u.outcome is not UnitOutcome.DELIVERED)
    asked = [r for r in purchase.refunds if r.payment_id == winning.payment_id]
    if owed and not asked:
        now = request_refund(now, winning, owed, "not delivered")
        asked = [r for r in now.purchase.refunds if r.payment_id == winning.payment_id]
    if now.purchase.is_open and sum(r.amount_minor for r in asked if r.stage is RefundStage.SUCCEEDED) >= owed:
        now = now.move_order(OrderMove.SETTLE)
    return now


def request_refund(now: Step, payment: Payment, amount_minor: int, reason: str) -> Step:
    ordinal = 1 + sum(1 for r in now.purchase.refunds if r.payment_id == payment.payment_id)
    number = refund_number(payment.payment_id, ordinal)
    refund = Refund(payment.payment_id, ordinal, number, amount_minor, reason, RefundStage.REQUESTED)
    said = {"refund_id": number, "payment_id": payment.payment_id, "amount_minor": amount_minor, "reason": reason}
    now = now.set_refund(refund).plus(Note(Source.CLOUD, "refund.requested", said), Tell("refund.requested", said))
    if payment.channel == CODE_CHANNEL:
        return _refund_succeeded(now.plus(RestoreCode(now.purchase.code_id)), refund, payment)
    return now


def _refund_succeeded(now: Step, refund: Refund, payment: Payment) -> Step:
    done = replace(refund, stage=REFUND_MOVES.next(refund.stage, RefundMove.SUCCEED), error="")
    fund = funding(payment.channel, payment.account)
    said = {"refund_id": refund.refund_id, "amount_minor": refund.amount_minor, "channel": payment.channel}
    return now.set_refund(done).plus(
        Post(postings.refund_succeeded(refund.refund_id, fund, refund.amount_minor)),
        Note(Source.PLATFORM, "refund.succeeded", said),
        Tell("refund.succeeded", said),
    )


_REFUND_MOVE_OF = {
    RefundSaid.ACCEPTED: RefundMove.ACCEPT,
    RefundSaid.NOT_ACCEPTED: RefundMove.DENY,
    RefundSaid.REFUSED: RefundMove.DENY,
    RefundSaid.GIVEN_UP: RefundMove.FAIL,
    RefundSaid.UNKNOWN: RefundMove.LOSE_SIGHT,
}


def on_refund_seen(now: Step, event: RefundSeen) -> Step:
    refund = next((r for r in now.purchase.refunds if r.refund_id == event.refund_id), None)
    payment = now.purchase.payment(refund.payment_id) if refund else None
    if refund is None or payment is None:
        return now
    if not refund.is_open:
        return _after_end(now, refund, event)
    if event.said is RefundSaid.SUCCEEDED:
        return settle(_refund_succeeded(now, refund, payment))
    move = _REFUND_MOVE_OF[event.said]
    if not REFUND_MOVES.may(refund.stage, move):
        return now  # an older answer than what is known
    moved = replace(refund, stage=REFUND_MOVES.next(refund.stage, move), error=event.error)
    if moved == refund:
        return now
    said = {"refund_id": refund.refund_id, "error": event.error}
    now = now.set_refund(moved).plus(Note(Source.PLATFORM, f"refund.{event.said}", said))
    if event.said in (RefundSaid.REFUSED, RefundSaid.GIVEN_UP):
        detail = f"{refund.refund_id}: {event.error}"
        severity = "critical" if event.said is RefundSaid.GIVEN_UP else "warning"
        now = now.plus(RaiseAlarm("refund_stuck", severity, "", detail))
    return now


def _after_end(now: Step, refund: Refund, event: RefundSeen) -> Step:
    """A late word changes no final stage. Money that went back after all is said aloud: a person books it."""
    if refund.stage is RefundStage.FAILED and event.said is RefundSaid.SUCCEEDED:
        detail = f"{refund.refund_id}: the platform paid {refund.amount_minor} back after it had given this refund up"
        said = {"refund_id": refund.refund_id, "amount_minor": refund.amount_minor}
        note = Note(Source.PLATFORM, "refund.paid_after_given_up", said)
        return now.plus(note, RaiseAlarm("refund_after_given_up", "critical", "", detail))
    return now
