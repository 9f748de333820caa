"""Steps of a purchase: what people decide about money that did not fit its order. Pure.

Until then it stands in suspense. It goes back as a whole, or it is kept because the buyer has had goods for it.
Refuses to decide by itself, to split the sum, and to undo a verdict that was carried out.
"""

from __future__ import annotations

from dataclasses import replace

from vendomat.cloud.ledger import postings
from vendomat.cloud.payments import VERDICT_MOVES, Payment, Verdict, VerdictMove
from vendomat.cloud.sales.desk_model import MoneyJudged, VerdictAgreed, VerdictDeclined
from vendomat.cloud.sales.model import Note, Post, Source, Step, Tell
from vendomat.cloud.sales.refund_steps import request_refund

ASKED = (Verdict.GIVE_ASKED, Verdict.KEEP_ASKED)
"""A second person has to agree."""


def on_money_judged(now: Step, event: MoneyJudged) -> Step:
    """A small sum in the order's currency is decided by one person, any other waits for a second."""
    payment = now.purchase.payment(event.payment_id)
    if payment is None or not may_be_judged(payment):
        return now
    move = VerdictMove.ASK_TO_KEEP if event.is_kept else VerdictMove.ASK_TO_GIVE
    asked = replace(payment, verdict=VERDICT_MOVES.next(payment.verdict, move), verdict_by=event.by)
    said = {"payment_id": payment.payment_id, "verdict": asked.verdict.value, "by": event.by, "reason": event.reason}
    now = now.set_payment(asked).plus(Note(Source.OPERATOR, "payment.judged", said))
    is_alone = payment.captured_minor <= event.alone_minor and payment.currency in ("", now.purchase.currency)
    return _carry_out(now, asked, event.by) if is_alone else now.plus(Tell("payment.judged", said))


def may_be_judged(payment: Payment) -> bool:
    """Whether money of `payment` waits in suspense for somebody to decide."""
    return payment.is_frozen and payment.captured_minor > 0 and payment.verdict is Verdict.NONE


def on_verdict_agreed(now: Step, event: VerdictAgreed) -> Step:
    """Four eyes: who asked for it does not agree to it."""
    payment = now.purchase.payment(event.payment_id)
    asked = Verdict.KEEP_ASKED if event.is_kept else Verdict.GIVE_ASKED
    if payment is None or payment.verdict is not asked or payment.verdict_by == event.by:
        return now
    said = {"payment_id": payment.payment_id, "by": event.by, "reason": event.reason}
    return _carry_out(now.plus(Note(Source.OPERATOR, "payment.verdict_agreed", said)), payment, event.by)


def on_verdict_declined(now: Step, event: VerdictDeclined) -> Step:
    """Whoever asked may take it back too."""
    payment = now.purchase.payment(event.payment_id)
    if payment is None or payment.verdict not in ASKED:
        return now
    open_again = replace(payment, verdict=VERDICT_MOVES.next(payment.verdict, VerdictMove.DECLINE), verdict_by="")
    said = {"payment_id": payment.payment_id, "by": event.by, "reason": event.reason}
    return now.set_payment(open_again).plus(Note(Source.OPERATOR, "payment.verdict_declined", said))


def _carry_out(now: Step, payment: Payment, by: str) -> Step:
    ended = replace(payment, verdict=VERDICT_MOVES.next(payment.verdict, VerdictMove.AGREE))
    now = now.set_payment(ended)
    number, channel, amount = ended.payment_id, ended.channel, ended.captured_minor
    said = {"payment_id": number, "amount_minor": amount, "currency": ended.currency or now.purchase.currency}
    now = now.plus(Tell(f"payment.{ended.verdict}", said))
    if ended.verdict is Verdict.KEPT:
        return now.plus(Post(postings.frozen_kept(number, channel, now.purchase.merchant_id, amount), ended.currency))
    now = now.plus(Post(postings.frozen_given_back(number, channel, amount), ended.currency))
    return request_refund(now, ended, amount, "did not fit its order", approved_by=by)
