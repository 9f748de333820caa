"""Steps of a purchase: the end of a hold, money that a platform keeps for us and that is taken after the goods. Pure.

Once every unit is final, exactly what was delivered is taken, and with nothing delivered the hold is given up. What is
wanted is written into the payment before the platform is asked, and stays until it has answered; only then the order
settles. A doubtful unit is not taken, as it would be paid back.

A hold may be gone before it is taken: it lapsed, or the platform let go of it. Goods given for it are declared a loss
at once (`expense:uncollected`), with an alarm: the buyer is nobody we could ask, so there is no debt to wait for.
"""

from __future__ import annotations

from dataclasses import replace

from vendomat.cloud.ledger import Posting, funding, postings, receivable
from vendomat.cloud.orders import Unit, UnitOutcome
from vendomat.cloud.payments import PAYMENT_MOVES, Payment, PaymentMove, PaymentState
from vendomat.cloud.sales.model import Note, PaymentPaid, Post, Purchase, RaiseAlarm, SecurityAlert, Source, Step


def delivered_minor(purchase: Purchase) -> int:
    return sum(u.price_minor for u in purchase.units if u.is_final and u.outcome is UnitOutcome.DELIVERED)


def unit_posting(purchase: Purchase, unit: Unit) -> Posting | None:
    """What a unit's last word books in an order whose money is held: no liability, for nothing was taken."""
    winning = purchase.winning
    assert winning is not None  # units of an order without a payment are never booked
    order_id, price_minor = purchase.order_id, unit.price_minor
    if unit.outcome is UnitOutcome.DELIVERED:
        debtor = receivable(winning.channel, winning.account)
        return postings.unit_delivered_on_hold((order_id, unit.unit), purchase.merchant_id, debtor, price_minor)
    if unit.outcome is UnitOutcome.UNKNOWN:
        return postings.unit_ambiguous_on_hold(order_id, unit.unit, price_minor)
    return None


def capture_posting(payment: Payment) -> Posting:
    """The platform took money of a hold that won the order."""
    fund, debtor = funding(payment.channel, payment.account), receivable(payment.channel, payment.account)
    return postings.hold_captured(payment.payment_id, fund, debtor, payment.captured_minor)


def end_hold(now: Step, winning: Payment) -> Step:
    """Every unit is final: decide what is taken of a hold that stands, and declare what one that ended left unpaid."""
    delivered = delivered_minor(now.purchase)
    if winning.state is PaymentState.HELD:
        if winning.capture_minor or winning.close_wanted:
            return now  # decided, and the platform is being asked
        said = {"payment_id": winning.payment_id, "amount_minor": delivered, "held_minor": winning.amount_minor}
        decided = replace(winning, capture_minor=delivered, close_wanted=delivered == 0)
        word = "payment.capturing" if delivered else "payment.releasing"
        return now.set_payment(decided).plus(Note(Source.CLOUD, word, said))
    missing = delivered - winning.captured_minor
    if missing <= 0 or not now.purchase.is_open:
        return now
    debtor = receivable(winning.channel, winning.account)
    detail = f"{now.purchase.order_id}: {delivered} delivered on a hold, and {winning.captured_minor} came of it"
    return now.plus(
        Post(postings.hold_uncollected(winning.payment_id, debtor, missing)),
        RaiseAlarm("hold_uncollected", "critical", "", detail),
    )


def hold_taken(now: Step, payment: Payment, event: PaymentPaid) -> Step:
    """The winning hold was captured: booked. Money that stands elsewhere than the hold did is left to people."""
    said = {
        "payment_id": payment.payment_id,
        "channel": payment.channel,
        "amount_minor": event.amount_minor,
        "held_minor": payment.amount_minor,
        "transaction_id": event.transaction_id,
        "via": event.via,
    }
    if (event.account, event.currency) != (payment.account, now.purchase.currency):
        return mismatched(now, payment, said | {"account": event.account, "currency": event.currency})
    taken = replace(
        payment,
        state=PAYMENT_MOVES.next(payment.state, PaymentMove.PAY),
        captured_minor=event.amount_minor,
        transaction_id=event.transaction_id,
        paid_at=event.paid_at or event.at,
        close_wanted=False,
    )
    now = now.set_payment(taken).plus(Note(Source.PLATFORM, "payment.captured", said), Post(capture_posting(taken)))
    if now.purchase.is_open:
        return now
    debtor, lost = receivable(payment.channel, payment.account), delivered_minor(now.purchase)
    return now.plus(
        Post(postings.hold_recovered(payment.payment_id, debtor, taken_minor=event.amount_minor, lost_minor=lost))
    )


def mismatched(now: Step, payment: Payment, said: dict[str, object]) -> Step:
    """What the platform says of a hold is not what was offered."""
    detail = f"{payment.payment_id}: {said['amount_minor']} {said['currency']}"
    return now.plus(
        RaiseAlarm("hold_mismatch", "critical", "", detail),
        SecurityAlert("hold_mismatch", said),
    )
