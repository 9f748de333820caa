"""Steps of a purchase: its refunds and its end. Pure.

Once every unit is final, what was not delivered is asked back in one sum, or not taken of a hold; the order settles
when nothing is owed and nothing is held.
"""

from __future__ import annotations

from dataclasses import replace

from vendomat.cloud.ledger import funding, postings, receivable
from vendomat.cloud.orders import (
    OrderMove,
    UnitOutcome,
)
from vendomat.cloud.payments import (
    CASH_CHANNEL,
    CODE_CHANNEL,
    REFUND_MOVES,
    WALLET_CHANNEL,
    CameBack,
    Payment,
    PaymentState,
    Refund,
    RefundMove,
    RefundStage,
    Verdict,
    refund_number,
)
from vendomat.cloud.sales.desk_model import HeldFor, RefundDeclined, RefundHeld, RefundReleased, RefundRetried
from vendomat.cloud.sales.hold_steps import end_hold
from vendomat.cloud.sales.model import (
    Note,
    Post,
    Purchase,
    RaiseAlarm,
    RefundSaid,
    RefundSeen,
    RestoreCode,
    Source,
    Step,
    Tell,
)

BY_HAND = "by_hand"
"""The way of money that came back beside the platform, as the buyer and whoever listens are told it."""


def settle(now: Step) -> Step:
    """Once every unit is final: take what is held for it, ask back what was not delivered, in one sum; settle when
    nothing is owed."""
    purchase = now.purchase
    winning = purchase.winning
    if winning is None or not all(unit.is_final for unit in purchase.units):
        return now
    if winning.is_hold:
        now = end_hold(now, winning)
        if winning.state is PaymentState.HELD:
            return now
    owed = owed_minor(purchase, winning)
    if owed and not any(r.payment_id == winning.payment_id for r in purchase.refunds):
        if winning.is_hold and purchase.is_open:
            debtor = receivable(winning.channel, winning.account)
            now = now.plus(Post(postings.hold_overtaken(winning.payment_id, debtor, owed)))
        now = request_refund(now, winning, owed, "not delivered")
    if now.purchase.is_open and paid_back_minor(now.purchase, winning) >= owed:
        now = now.move_order(OrderMove.SETTLE)
    return now


def owed_minor(purchase: Purchase, payment: Payment) -> int:
    """What of `payment` has to go back: the undelivered units, or all of a payment that was late or a second one.

    Of money that did not fit its order nothing, until people decide that it goes back. What of a top-up leaves the
    wallet is owed, too.
    """
    if payment.is_frozen and payment.verdict is not Verdict.GIVEN_BACK:
        return 0
    if not payment.is_winning:
        return payment.captured_minor
    kept = sum(u.price_minor for u in purchase.units if not u.is_final or u.outcome is UnitOutcome.DELIVERED)
    undelivered = max(0, payment.captured_minor - kept)  # a hold may have brought less than its goods: nobody is owed
    return undelivered + payment.paid_out_minor


def paid_back_minor(purchase: Purchase, payment: Payment) -> int:
    """What of `payment` has gone back, as its platform confirmed or a person recorded."""
    done = (r for r in purchase.refunds if r.payment_id == payment.payment_id and r.stage is RefundStage.SUCCEEDED)
    return sum(r.amount_minor for r in done)


def request_refund(
    now: Step, payment: Payment, amount_minor: int, reason: str, *, approved_by: str = "", asked_by: str = ""
) -> Step:
    """Number a refund; whoever keeps it asks the platform for it."""
    now = number_refund(now, payment, amount_minor, reason, approved_by=approved_by, asked_by=asked_by)
    if payment.channel == CODE_CHANNEL:
        return refund_succeeded(now.plus(RestoreCode(now.purchase.code_id)), now.purchase.refunds[-1], payment)
    return now if asked_by else pay_back_here(now, now.purchase.refunds[-1])


def pay_back_here(now: Step, refund: Refund) -> Step:
    """What came from a wallet goes back into it at once, and a machine has paid cash back itself: nobody is asked."""
    payment = payment_of(now, refund)
    if payment.channel not in (WALLET_CHANNEL, CASH_CHANNEL) or refund.stage is not RefundStage.REQUESTED:
        return now
    return _book_what_is_on_top(refund_succeeded(now, refund, payment), refund, payment)


def foreign(purchase: Purchase, payment: Payment) -> dict[str, str]:
    """What a telling of an amount has to add: the currency, where it is not the order's."""
    return {} if payment.currency in ("", purchase.currency) else {"currency": payment.currency}


def number_refund(now: Step, payment: Payment, amount_minor: int, reason: str, **more: str) -> Step:
    """A refund under the payment's next ordinal, with the number that follows from it. `more`: other fields of it."""
    ordinal = 1 + sum(1 for r in now.purchase.refunds if r.payment_id == payment.payment_id)
    number = refund_number(payment.payment_id, ordinal)
    refund = Refund(payment.payment_id, ordinal, number, amount_minor, reason, RefundStage.REQUESTED, **more)
    said = {
        "refund_id": number,
        "payment_id": payment.payment_id,
        "amount_minor": amount_minor,
        "reason": reason,
        **foreign(now.purchase, payment),
    }
    return now.set_refund(refund).plus(Note(Source.CLOUD, "refund.requested", said), Tell("refund.requested", said))


def refund_succeeded(now: Step, refund: Refund, payment: Payment) -> Step:
    """The money has gone: from the platform, or by hand from the bank."""
    stage = REFUND_MOVES.next(refund.stage, RefundMove.SUCCEED)
    done = replace(refund, stage=stage, error="", send_to="", send_asked_by="")
    fund = postings.BANK if refund.is_by_hand else funding(payment.channel, payment.account)
    said = {"refund_id": refund.refund_id, "amount_minor": refund.amount_minor, "channel": payment.channel}
    said |= foreign(now.purchase, payment)
    source = Source.PLATFORM
    if refund.is_by_hand:
        source, said["channel"] = Source.OPERATOR, BY_HAND
    return now.set_refund(done).plus(
        Post(postings.refund_succeeded(refund.refund_id, fund, refund.amount_minor), payment.currency),
        Note(source, "refund.succeeded", said),
        Tell("refund.succeeded", said),
    )


_CAME_BACK = {RefundSaid.TO_OUR_BANK: CameBack.BANK, RefundSaid.TO_OUR_BALANCE: CameBack.BALANCE}
_REFUND_MOVE_OF = {
    RefundSaid.ACCEPTED: RefundMove.ACCEPT,
    RefundSaid.NOT_ACCEPTED: RefundMove.DENY,
    RefundSaid.REFUSED: RefundMove.DENY,
    RefundSaid.GIVEN_UP: RefundMove.FAIL,
    RefundSaid.NEVER: RefundMove.FAIL,
    RefundSaid.UNKNOWN: RefundMove.LOSE_SIGHT,
}


def on_refund_seen(now: Step, event: RefundSeen) -> Step:
    refund = refund_of(now, event.refund_id)
    if refund is None or refund.is_by_hand or refund.came_back:  # no platform pays these numbers to a buyer any more
        return now
    payment = payment_of(now, refund)
    if event.said in _CAME_BACK:
        return _came_back(now, refund, payment, _CAME_BACK[event.said])
    if not refund.is_open:
        return _after_end(now, refund, payment, event)
    if event.said is RefundSaid.SUCCEEDED:
        return gone(now, refund, payment)
    move = _REFUND_MOVE_OF[event.said]
    is_paid_back = paid_back_minor(now.purchase, payment) >= owed_minor(now.purchase, payment)
    is_not_taken = move is RefundMove.DENY or event.said is RefundSaid.NEVER
    if is_not_taken and is_paid_back and not refund.is_goodwill:
        return _no_longer_needed(now, refund)
    if not REFUND_MOVES.may(refund.stage, move):
        return now  # an older answer than what is known
    moved = replace(refund, stage=REFUND_MOVES.next(refund.stage, move), error=event.error)
    if moved == refund:
        return now
    said = {"refund_id": refund.refund_id, "error": event.error}
    now = now.set_refund(moved).plus(Note(Source.PLATFORM, f"refund.{event.said}", said))
    if event.said in (RefundSaid.REFUSED, RefundSaid.GIVEN_UP, RefundSaid.NEVER):
        detail = f"{refund.refund_id}: {event.error}"
        severity = "warning" if event.said is RefundSaid.REFUSED else "critical"
        now = now.plus(RaiseAlarm("refund_stuck", severity, "", detail))
    return now


def _came_back(now: Step, refund: Refund, payment: Payment, to: CameBack) -> Step:
    """The platform paid it to the merchant: the buyer is owed it by other means. What was booked as paid stays."""
    if refund.stage is RefundStage.SUCCEEDED:
        return now
    stage = REFUND_MOVES.next(refund.stage, RefundMove.FAIL) if refund.is_open else refund.stage
    ended = replace(refund, stage=stage, error=f"came back to our {to}", came_back=to, send_to="", send_asked_by="")
    said = {"refund_id": refund.refund_id, "amount_minor": refund.amount_minor, "to": to.value}
    now = now.set_refund(ended).plus(Note(Source.PLATFORM, "refund.came_back", said))
    if to is CameBack.BANK:
        fund = funding(payment.channel, payment.account)
        now = now.plus(Post(postings.refund_came_back(refund.refund_id, fund, refund.amount_minor), payment.currency))
    detail = f"{refund.refund_id}: the platform paid it to us; the buyer is owed it by other means"
    return now.plus(RaiseAlarm("refund_stuck", "critical", "", detail))


def _after_end(now: Step, refund: Refund, payment: Payment, event: RefundSeen) -> Step:
    """What succeeded stays. A number that was given up and paid all the same is booked: its money went."""
    if refund.stage is RefundStage.SUCCEEDED or event.said is not RefundSaid.SUCCEEDED:
        return now
    return gone(now, refund, payment)


def gone(now: Step, refund: Refund, payment: Payment) -> Step:
    """The money of `refund` has reached the buyer: booked, and what waited for it ends."""
    now = _book_what_is_on_top(refund_succeeded(now, refund, payment), refund, payment)
    for other in now.purchase.refunds:
        is_waiting = other.is_by_hand and other.stage is RefundStage.HELD and other.payment_id == payment.payment_id
        if is_waiting and paid_back_minor(now.purchase, payment) >= owed_minor(now.purchase, payment):
            now = _no_longer_needed(now, other)
    return settle(now)


def _book_what_is_on_top(now: Step, refund: Refund, payment: Payment) -> Step:
    """What went back beyond what was owed is a loss: as goodwill, or because two numbers were paid, said aloud."""
    before = paid_back_minor(now.purchase, payment) - refund.amount_minor
    on_top = min(refund.amount_minor, before + refund.amount_minor - owed_minor(now.purchase, payment))
    if on_top <= 0:
        return now
    now = now.plus(Post(postings.refund_paid_on_top(refund.refund_id, on_top), payment.currency))
    if refund.is_goodwill:
        return now
    detail = f"{refund.refund_id}: {on_top} went back beyond what was owed"
    return now.plus(RaiseAlarm("refund_paid_twice", "critical", "", detail))


def _no_longer_needed(now: Step, refund: Refund) -> Step:
    """Nobody has paid under this number, and another has brought the money: it is not asked for again."""
    ended = replace(refund, stage=REFUND_MOVES.next(refund.stage, RefundMove.FAIL), error="no longer needed")
    said = {"refund_id": refund.refund_id, "error": ended.error}
    return settle(now.set_refund(ended).plus(Note(Source.CLOUD, "refund.given_up", said)))


def refund_of(now: Step, refund_id: str) -> Refund | None:
    return next((r for r in now.purchase.refunds if r.refund_id == refund_id), None)


def payment_of(now: Step, refund: Refund) -> Payment:
    payment = now.purchase.payment(refund.payment_id)
    assert payment is not None  # a refund is kept with the order of its payment
    return payment


def on_refund_held(now: Step, event: RefundHeld) -> Step:
    refund = refund_of(now, event.refund_id)
    if refund is None or refund.stage is not RefundStage.REQUESTED or refund.approved_by:
        return now
    detail = f"{refund.refund_id}: {event.earlier} refunds of this machine within the hour before it"
    why: dict[str, int | str] = {"earlier": event.earlier, "reason": f"many refunds of one {event.because}"}
    if event.because is HeldFor.PAYER:
        detail = f"{refund.refund_id}: {event.earlier} refunds to this payer within {event.payer_days} days before it"
        why["payer_days"] = event.payer_days
    return hold(now, refund, RaiseAlarm("refund_held", "critical", "", detail), **why)


def hold(now: Step, refund: Refund, alarm: RaiseAlarm, **why: int | str) -> Step:
    """Nothing is asked of the platform until a person lets it go."""
    held = replace(refund, stage=REFUND_MOVES.next(refund.stage, RefundMove.HOLD))
    said = {"refund_id": refund.refund_id, "amount_minor": refund.amount_minor, **why}
    return now.set_refund(held).plus(Note(Source.CLOUD, "refund.held", said), Tell("refund.held", said), alarm)


def on_refund_released(now: Step, event: RefundReleased) -> Step:
    """Goodwill, and money paid by hand, take four eyes: who asked for it does not release it."""
    refund = refund_of(now, event.refund_id)
    if refund is None or refund.stage is not RefundStage.HELD or event.by in (refund.asked_by, refund.recorded_by):
        return now
    released = replace(refund, stage=REFUND_MOVES.next(refund.stage, RefundMove.RELEASE), approved_by=event.by)
    said = {"refund_id": refund.refund_id, "by": event.by, "reason": event.reason}
    now = now.set_refund(released)
    now = now.plus(Note(Source.OPERATOR, "refund.released", said), Tell("refund.released", said))
    if released.is_by_hand:
        return gone(now, released, payment_of(now, released))
    return pay_back_here(now, released)


def on_refund_declined(now: Step, event: RefundDeclined) -> Step:
    """Nothing has been booked, and nothing goes out. What is owed stays owed."""
    refund = refund_of(now, event.refund_id)
    if refund is None or refund.stage is not RefundStage.HELD or not (refund.is_goodwill or refund.is_by_hand):
        return now
    ended = replace(refund, stage=REFUND_MOVES.next(refund.stage, RefundMove.FAIL), error="declined")
    said = {"refund_id": refund.refund_id, "by": event.by, "reason": event.reason}
    return now.set_refund(ended).plus(Note(Source.OPERATOR, "refund.declined", said), Tell("refund.declined", said))


def on_refund_retried(now: Step, event: RefundRetried) -> Step:
    """The next ordinal, with its own constant number, for the same sum. A person answers for it."""
    refund = refund_of(now, event.refund_id)
    if refund is None or refund.stage is not RefundStage.FAILED or refund.came_back:
        return now  # of one that came back, a second number would ask for money that is paid out already
    if refund.is_replaced_in(now.purchase.refunds):
        return now
    said = {"refund_id": refund.refund_id, "by": event.by, "reason": event.reason}
    now = now.plus(Note(Source.OPERATOR, "refund.retried", said))
    payment = payment_of(now, refund)
    return request_refund(now, payment, refund.amount_minor, refund.reason, approved_by=event.by)
