"""Steps of a purchase: money that came or is held, payments that closed, an order given up. Pure.

Money that came is booked before anything is decided about it. The first payment in time wins; any other goes back.
Money that is only held wins as well, and is given up where it would go back: it is nobody's yet, and nothing is booked.
"""

from __future__ import annotations

from dataclasses import replace

from vendomat.cloud.ledger import funding, postings
from vendomat.cloud.orders import (
    TOP_UP,
    Closing,
    OrderMove,
    OrderState,
    UnitMove,
)
from vendomat.cloud.payments import (
    PAYMENT_MOVES,
    Payment,
    PaymentMove,
    PaymentState,
    PaymentWay,
)
from vendomat.cloud.sales.hold_steps import capture_posting, hold_taken, mismatched
from vendomat.cloud.sales.model import (
    ChargeAnswered,
    CloseAsked,
    MoveStock,
    Note,
    PaymentAdded,
    PaymentClosed,
    PaymentHeld,
    PaymentPaid,
    PaymentUncertain,
    Post,
    Purchase,
    RaiseAlarm,
    ReverseWanted,
    SecurityAlert,
    Source,
    Step,
    Tell,
)
from vendomat.cloud.sales.refund_steps import request_refund, settle
from vendomat.cloud.sales.top_up_steps import credit
from vendomat.cloud.sales.vend_steps import call_off, final_unit, queue_next
from vendomat.pricing import fare_of

REVERSED = "reversed"
"""The buyer's word for a charge that was ended: nothing is taken, or it was given back."""


def on_payment_paid(now: Step, event: PaymentPaid) -> Step:
    payment = now.purchase.payment(event.payment_id)
    if payment is None or payment.state is PaymentState.PAID:
        return now  # known already: notice, look-up and close all tell the same story
    if payment.is_winning:
        return settle(hold_taken(now, payment, event))
    now = now.plus(
        Note(
            Source.PLATFORM,
            "payment.paid",
            {
                "payment_id": payment.payment_id,
                "channel": payment.channel,
                "amount_minor": event.amount_minor,
                "transaction_id": event.transaction_id,
                "via": event.via,
                **({} if event.currency == now.purchase.currency else {"currency": event.currency}),
            },
        )
    )
    paid = replace(
        payment,
        state=PAYMENT_MOVES.next(payment.state, PaymentMove.PAY),
        captured_minor=event.amount_minor,
        transaction_id=event.transaction_id,
        paid_at=event.paid_at or event.at,
        payer=event.payer,
        close_wanted=False,
    )
    fits = event.amount_minor == payment.amount_minor and event.currency == now.purchase.currency
    if not fits or event.account != payment.account:
        return _unexplained(now, paid, event)
    return _win(now, paid) if _may_vend(now.purchase, payment, event) else _late(now, paid)


def _may_vend(purchase: Purchase, payment: Payment, event: PaymentPaid | PaymentHeld) -> bool:
    return (
        payment.may_buy  # of a charge or a hold: the platform may be giving this very money back
        and purchase.state is OrderState.AWAITING_PAYMENT
        and purchase.closing is not Closing.CANCELLING
        and event.at <= purchase.expires_at + event.grace
        and not any(unit.is_final for unit in purchase.units)  # its goods were given free: too late on any clock
    )


def on_payment_held(now: Step, event: PaymentHeld) -> Step:
    """The money is there and not ours: the order goes on with it, or it is given up."""
    payment = now.purchase.payment(event.payment_id)
    if payment is None or not payment.is_hold or payment.is_winning or payment.state is PaymentState.PAID:
        return now  # known already; what won and is gone does not come back
    if payment.state is PaymentState.HELD:
        return now
    said: dict[str, object] = {
        "payment_id": payment.payment_id,
        "channel": payment.channel,
        "amount_minor": event.amount_minor,
        "transaction_id": event.transaction_id,
        "via": event.via,
    }
    now = now.plus(Note(Source.PLATFORM, "payment.held", said))
    state = PAYMENT_MOVES.next(payment.state, PaymentMove.HOLD)
    held = replace(payment, state=state, transaction_id=event.transaction_id)
    told = (event.amount_minor, event.account, event.currency)
    if told != (payment.amount_minor, payment.account, now.purchase.currency):
        now = mismatched(now, payment, said | {"account": event.account, "currency": event.currency})
    elif _may_vend(now.purchase, payment, event):
        return _win(now, held)
    return now.set_payment(replace(held, close_wanted=True))


def _win(now: Step, paid: Payment) -> Step:
    """The first payment in time: booked unless it is only held, the siblings to be closed and the first unit's command
    queued."""
    now = _at_fare(now, paid).set_payment(replace(paid, is_winning=True))
    for sibling in now.purchase.payments:
        if sibling.is_open and not sibling.is_winning:
            now = now.set_payment(replace(sibling, close_wanted=True))
    if paid.state is PaymentState.PAID:
        fund = funding(paid.channel, paid.account)
        confirmed = postings.payment_confirmed(paid.payment_id, fund, paid.captured_minor)
        now = now.plus(Post(capture_posting(paid) if paid.is_hold else confirmed))
    now = now.move_order(OrderMove.PAY)
    return credit(now) if now.purchase.origin == TOP_UP else queue_next(now)


def _at_fare(now: Step, paid: Payment) -> Step:
    """From here on each unit has the price of the way the order was paid, and so has what goes back for it."""
    purchase = now.purchase
    if not purchase.fares:
        return now
    priced = fare_of(purchase.fares, paid.channel, paid.tier).quote
    units = tuple(
        replace(unit, price_minor=one.price_minor, off_minor=one.list_minor - one.price_minor)
        for unit, one in zip(purchase.units, priced.units, strict=True)
    )
    total_minor, discount_minor = priced.total_minor, priced.off_minor
    assert total_minor == paid.amount_minor
    repriced = replace(
        purchase, units=units, total_minor=total_minor, discount_minor=discount_minor, price_mark=priced.mark
    )
    return replace(now, purchase=repriced)


def _late(now: Step, paid: Payment) -> Step:
    """Too late or a second time: never vends, goes back in full."""
    fund = funding(paid.channel, paid.account)
    now = now.set_payment(paid).plus(
        Post(postings.payment_late(paid.payment_id, fund, paid.captured_minor)),
        Tell("payment.late", {"payment_id": paid.payment_id, "amount_minor": paid.captured_minor}),
    )
    reason = "second payment of the order" if now.purchase.winning else "paid after the order had ended"
    return _end_unpaid(request_refund(now, paid, paid.captured_minor, reason))


def _unexplained(now: Step, paid: Payment, event: PaymentPaid) -> Step:
    """Amount, currency or account are not the order's: nothing vends and nothing goes back by itself.

    It is booked where and in the currency it came in, and waits for people to decide.
    """
    fund = funding(paid.channel, event.account)
    said = {
        "payment_id": paid.payment_id,
        "expected_minor": paid.amount_minor,
        "expected_account": paid.account,
        "amount_minor": event.amount_minor,
        "currency": event.currency,
        "account": event.account,
    }
    frozen = replace(paid, is_frozen=True, account=event.account, currency=event.currency)
    now = now.set_payment(frozen).plus(
        RaiseAlarm("payment_mismatch", "critical", "", f"{paid.payment_id}: {event.amount_minor} {event.currency}"),
        SecurityAlert("payment_mismatch", said),
    )
    if event.amount_minor > 0:
        posting = postings.payment_unexplained(paid.payment_id, fund, paid.channel, event.amount_minor)
        now = now.plus(Post(posting, event.currency))
    return _end_unpaid(now)


def on_payment_closed(now: Step, event: PaymentClosed) -> Step:
    payment = now.purchase.payment(event.payment_id)
    if payment is None or not payment.is_open:
        return now
    if payment.state is PaymentState.HELD:
        return _hold_gone(now, payment)
    is_charge = payment.way is PaymentWay.CODE_SCAN
    closed = replace(payment, state=PAYMENT_MOVES.next(payment.state, PaymentMove.CLOSE), close_wanted=False)
    if is_charge:
        closed = replace(closed, said=REVERSED)
    now = now.set_payment(closed).plus(Note(Source.PLATFORM, "payment.closed", {"payment_id": payment.payment_id}))
    is_waiting = now.purchase.state is OrderState.AWAITING_PAYMENT and now.purchase.closing is Closing.NO
    if (
        is_waiting and not is_charge and not any(p.is_open for p in now.purchase.payments)
    ):  # the platform's own expiry came before ours
        now = replace(now, purchase=replace(now.purchase, closing=Closing.EXPIRING))
    return _end_unpaid(now)


def _hold_gone(now: Step, payment: Payment) -> Step:
    """Nothing of a hold was taken, and nothing can be: we gave it up, it lapsed, or the platform let go of it."""
    word = "payment.released" if payment.close_wanted else "payment.lapsed"
    gone = replace(payment, state=PAYMENT_MOVES.next(payment.state, PaymentMove.CLOSE), close_wanted=False)
    said = {"payment_id": payment.payment_id, "held_minor": payment.amount_minor}
    now = now.set_payment(gone).plus(Note(Source.PLATFORM, word, said))
    return call_off(now, "hold gone") if payment.is_winning else _end_unpaid(now)


def on_payment_uncertain(now: Step, event: PaymentUncertain) -> Step:
    payment = now.purchase.payment(event.payment_id)
    if payment is None or not payment.is_open:
        return now
    is_expiring = now.purchase.state is OrderState.AWAITING_PAYMENT and now.purchase.closing is Closing.EXPIRING
    if is_expiring and event.at > now.purchase.expires_at + event.grace:
        now = _give_goods_free(now)
    if payment.state in (PaymentState.UNKNOWN, PaymentState.HELD):
        return now
    unsure = replace(payment, state=PAYMENT_MOVES.next(payment.state, PaymentMove.LOSE_SIGHT))
    said = {"payment_id": payment.payment_id, "error": event.error}
    return now.set_payment(unsure).plus(Note(Source.PLATFORM, "payment.unknown", said))


def on_close_asked(now: Step, event: CloseAsked) -> Step:
    purchase = now.purchase
    if purchase.state is not OrderState.AWAITING_PAYMENT or purchase.closing in (event.closing, Closing.CANCELLING):
        return now
    payments = tuple(replace(p, close_wanted=True) if p.is_open else p for p in purchase.payments)
    now = replace(now, purchase=replace(purchase, closing=event.closing, payments=payments))
    now = now.plus(Note(Source.CLOUD, f"order.{event.closing}", {}))
    if event.closing is Closing.CANCELLING:
        now = _give_goods_free(now)
    return _end_unpaid(now)


def _give_goods_free(now: Step) -> Step:
    """Nothing of this order vends any more: its goods are others' to buy, however long its payments take to close."""
    reason = "order cancelled" if now.purchase.closing is Closing.CANCELLING else "order expired"
    for unit in now.purchase.units:
        if not unit.is_final:
            now = now.set_unit(final_unit(unit, UnitMove.FAIL, "", reason))
            if now.purchase.origin != TOP_UP:
                now = now.plus(MoveStock(unit.slot, unit.unit, 0, 1))
    return now


def _end_unpaid(now: Step) -> Step:
    """An order being given up ends when no payment of it can bring money any more."""
    purchase = now.purchase
    if purchase.state is not OrderState.AWAITING_PAYMENT or purchase.closing is Closing.NO:
        return now
    if any(p.is_open for p in purchase.payments):
        return now
    now = _give_goods_free(now)
    return now.move_order(OrderMove.CANCEL if purchase.closing is Closing.CANCELLING else OrderMove.EXPIRE)


def on_payment_added(now: Step, event: PaymentAdded) -> Step:
    purchase = now.purchase
    if purchase.state is not OrderState.AWAITING_PAYMENT or purchase.closing is not Closing.NO:
        return now
    if purchase.payment(event.payment.payment_id) is not None:
        return now  # asked twice at once: the number stands for the payment that has it
    if any(p.is_open and _is_in_the_way(p, event.payment) for p in purchase.payments):
        return now
    said = {"payment_id": event.payment.payment_id, "channel": event.payment.channel}
    if event.payment.way is not PaymentWay.QR:
        said["way"] = event.payment.way.value
    added = replace(purchase, payments=(*purchase.payments, event.payment))
    return replace(now, purchase=added).plus(Note(Source.CLOUD, "payment.created", said))


def _is_in_the_way(known: Payment, new: Payment) -> bool:
    """One code to scan per channel; one charge at a time, whatever the channel: the buyer may be paying it now."""
    if known.way is not new.way:
        return False
    return new.way is PaymentWay.CODE_SCAN or known.channel == new.channel


def on_charge_answered(now: Step, event: ChargeAnswered) -> Step:
    payment = now.purchase.payment(event.payment_id)
    if payment is None or not payment.is_open:
        return now
    said = {"payment_id": payment.payment_id, "said": event.said, "error": event.error}
    if event.is_refused:
        refused = replace(
            payment,
            state=PAYMENT_MOVES.next(payment.state, PaymentMove.CLOSE),
            close_wanted=False,
            said=event.said,
        )
        return _end_unpaid(now.set_payment(refused).plus(Note(Source.PLATFORM, "payment.refused", said)))
    if payment.said == event.said:
        return now
    return now.set_payment(replace(payment, said=event.said)).plus(Note(Source.PLATFORM, "payment.waiting", said))


def on_reverse_wanted(now: Step, event: ReverseWanted) -> Step:
    payment = now.purchase.payment(event.payment_id)
    if payment is None or not payment.is_open or payment.way is not PaymentWay.CODE_SCAN or payment.close_wanted:
        return now
    said = {"payment_id": payment.payment_id, "error": event.error}
    return now.set_payment(replace(payment, close_wanted=True)).plus(Note(Source.CLOUD, "payment.reversing", said))
