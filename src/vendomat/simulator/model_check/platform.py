"""The moves of payers and payment platforms, and what the cloud makes of their answers.

Truth only grows (open, then paid or closed; taken, then paid back), and an answer may be lost, late or repeated: every
answer that was true once may arrive at any time, and "no answer" always.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from vendomat.cloud.payments import Payment, PaymentState, Refund, RefundStage
from vendomat.cloud.sales import desk_model
from vendomat.cloud.sales import model as sales
from vendomat.simulator.model_check.cloud import OPERATOR, PHASES, Applied, CloudMoves
from vendomat.simulator.model_check.parts import (
    AT,
    Bounds,
    Cloud,
    JointMove,
    Platform,
    PlatformRefund,
    RefundEnd,
    Table,
    Truth,
)

GRACE = timedelta(seconds=30)
FOR_EVER = timedelta(days=10_000)
ALONE_MINOR = 1_000_000
"""One person may pay any sum of the model by hand."""
ORDINALS_MAX = 2
"""How often a person has a refund tried that the platform gives up."""

ATTEMPTS_MAX = 2
"""How many numbers one refund row may use up when the constant number is removed."""


class PlatformMoves:
    """Moves by the numbers of a cloud and a platform."""

    def __init__(self, bounds: Bounds, clouds: CloudMoves) -> None:
        self._bounds = bounds
        self._clouds = clouds
        self.table: Table[Platform] = Table()

    def start(self) -> int:
        return self.table.number(Platform((Truth.OPEN,) * len(self._bounds.channels)))

    def joint(self, cloud_number: int, number: int) -> list[JointMove]:
        cloud, platform = self._clouds.table.values[cloud_number], self.table.values[number]
        moves: list[JointMove] = []
        for index, payment in enumerate(cloud.purchase.payments):
            for label, after in self._truths(cloud, platform, index):
                moves.append(JointMove(label, cloud_number, self.table.number(after), 0, ""))
            moves += self._told(cloud, number, self._payment_answers(cloud, platform, index))
            for refund in cloud.purchase.refunds:
                if refund.payment_id == payment.payment_id and refund.stage is not RefundStage.SUCCEEDED:
                    for label, after in self._refund_truths(platform, index, refund):
                        moves.append(JointMove(label, cloud_number, self.table.number(after), 0, ""))
                    moves += self._told(cloud, number, self._refund_answers(platform, refund))
        for label, after in self._payouts(platform):
            moves.append(JointMove(label, cloud_number, self.table.number(after), 0, ""))
        return [move for move in moves if (move.cloud, move.platform) != (cloud_number, number) or move.broken]

    def _told(self, cloud: Cloud, number: int, answers: Iterator[tuple[str, sales.Event]]) -> Iterator[JointMove]:
        for label, event in answers:
            for applied in self._clouds.apply(cloud, event):
                told = Applied(applied.cloud, applied.says, applied.broken, label + applied.words)
                move = self._clouds.settled_move(told)
                yield JointMove(move.label, move.after, number, move.says, move.broken)

    # --- payments ----------------------------------------------------------------------------------------------------

    def _truths(self, cloud: Cloud, platform: Platform, index: int) -> Iterator[tuple[str, Platform]]:
        channel, truth = self._bounds.channels[index], platform.payments[index]
        payment = cloud.purchase.payments[index]
        if truth is Truth.HELD:
            yield from self._hold_ends(payment, platform, index)
        if truth is Truth.OPEN:
            if payment.is_hold:
                yield f"THE BUYER'S MONEY IS HELD by {channel}", _with_truth(platform, index, Truth.HELD)
            else:
                yield f"THE BUYER PAYS with {channel}", _with_truth(platform, index, Truth.PAID)
            if cloud.phase:
                yield f"{channel}'s code ends by itself", _with_truth(platform, index, Truth.CLOSED)
            elif payment.close_wanted and payment.is_open:
                yield f"{channel} is asked to close the code, and does", _with_truth(platform, index, Truth.CLOSED)
        if truth is Truth.CLOSED and self._bounds.may_pay_after_close:
            late = _with_truth(platform, index, Truth.PAID_AFTER_CLOSE)
            yield f"{channel} takes money for a code that it had called closed", late

    def _hold_ends(self, payment: Payment, platform: Platform, index: int) -> Iterator[tuple[str, Platform]]:
        """A call whose row was committed reaches the platform at any time, answered or not."""
        if payment.capture_minor:
            taken = _with_truth(platform, index, Truth.CAPTURED)
            yield f"{payment.channel} TAKES {payment.capture_minor} of what it holds", taken
        if payment.close_wanted:
            yield f"{payment.channel} gives the hold up", _with_truth(platform, index, Truth.RELEASED)
        if self._bounds.may_hold_lapse:
            yield f"{payment.channel}'s hold lapses", _with_truth(platform, index, Truth.LAPSED)

    def _payment_answers(self, cloud: Cloud, platform: Platform, index: int) -> Iterator[tuple[str, sales.Event]]:
        channel, truth, payment = self._bounds.channels[index], platform.payments[index], cloud.purchase.payments[index]
        at, grace = PHASES[cloud.phase], GRACE if self._bounds.guards.is_late_money_returned else FOR_EVER
        if truth.is_paid and payment.state is not PaymentState.PAID:
            yield f"{channel}'s notice (or a look-up) tells of the payment", _paid(payment, cloud, grace)
        if truth.was_held and payment.state not in (PaymentState.HELD, PaymentState.PAID):
            yield f"{channel}'s notice (or a look-up) tells of the hold", _held(payment, cloud, grace)
        if truth in (Truth.CLOSED, Truth.PAID_AFTER_CLOSE, Truth.RELEASED, Truth.LAPSED) and payment.is_open:
            yield f"{channel} tells that the code is closed", sales.PaymentClosed(payment.payment_id, at)
        if (payment.close_wanted or payment.capture_minor) and payment.is_open:
            uncertain = sales.PaymentUncertain(payment.payment_id, "time-out", grace, at)
            yield f"{channel} does not answer what became of the code", uncertain

    # --- refunds -----------------------------------------------------------------------------------------------------

    def _refund_truths(self, platform: Platform, index: int, refund: Refund) -> Iterator[tuple[str, Platform]]:
        channel = self._bounds.channels[index]
        if not refund.is_open or refund.stage is RefundStage.HELD:
            return
        for number in self._numbers(platform, refund):
            taken = PlatformRefund(number, index, refund.amount_minor)
            yield f"{channel} takes the refund {_short(number)}", replace(platform, refunds=(*platform.refunds, taken))

    def _numbers(self, platform: Platform, refund: Refund) -> list[str]:
        known = [r.number for r in platform.refunds if r.number.startswith(refund.refund_id)]
        if self._bounds.guards.is_refund_number_constant:
            return [] if known else [refund.refund_id]
        return [f"{refund.refund_id}#{len(known) + 1}"] if len(known) < ATTEMPTS_MAX else []

    def _refund_answers(self, platform: Platform, refund: Refund) -> Iterator[tuple[str, sales.Event]]:
        def said(what: sales.RefundSaid) -> sales.Event:
            return sales.RefundSeen(refund.refund_id, what, "", AT)

        known = [r for r in platform.refunds if r.number.startswith(refund.refund_id)]
        if known:
            yield "the platform tells that it has taken the refund", said(sales.RefundSaid.ACCEPTED)
        if any(r.end is RefundEnd.PAID for r in known):
            yield "the platform tells that the refund was paid", said(sales.RefundSaid.SUCCEEDED)
        if any(r.end is RefundEnd.GIVEN_UP for r in known):
            yield "the platform tells that it has given the refund up", said(sales.RefundSaid.GIVEN_UP)
            if refund.stage is RefundStage.FAILED and refund.ordinal < ORDINALS_MAX:
                retried = desk_model.RefundRetried(refund.refund_id, OPERATOR, "given up", AT)
                yield "an operator has the platform asked again, under the next number", retried
                slip = (refund.refund_id, "cash", "slip 1", OPERATOR, "given up")
                yield "an operator pays the buyer by hand", desk_model.PaidByHand(*slip, ALONE_MINOR, AT)
        if self._bounds.may_refund_be_unclear:
            yield "no answer to the refund: not known", said(sales.RefundSaid.UNKNOWN)
            yield "the platform refuses the refund for now", said(sales.RefundSaid.REFUSED)
            yield "the platform does not know the refund", said(sales.RefundSaid.NOT_ACCEPTED)

    def _payouts(self, platform: Platform) -> Iterator[tuple[str, Platform]]:
        for index, refund in enumerate(platform.refunds):
            if refund.end is RefundEnd.OPEN:
                number = _short(refund.number)
                yield f"THE MONEY of refund {number} GOES BACK", _ended(platform, index, RefundEnd.PAID)
                if self._bounds.may_refund_stop and len(platform.refunds) < ORDINALS_MAX:
                    yield f"the platform gives refund {number} up", _ended(platform, index, RefundEnd.GIVEN_UP)


def _ended(platform: Platform, index: int, end: RefundEnd) -> Platform:
    ended = replace(platform.refunds[index], end=end)
    return replace(platform, refunds=(*platform.refunds[:index], ended, *platform.refunds[index + 1 :]))


def _held(payment: Payment, cloud: Cloud, grace: timedelta) -> sales.Event:
    return sales.PaymentHeld(
        payment_id=payment.payment_id,
        account=payment.account,
        amount_minor=payment.amount_minor,
        currency=cloud.purchase.currency,
        transaction_id="transaction",
        via="notice",
        grace=grace,
        at=PHASES[cloud.phase],
    )


def _paid(payment: Payment, cloud: Cloud, grace: timedelta) -> sales.Event:
    return sales.PaymentPaid(
        payment_id=payment.payment_id,
        account=payment.account,
        amount_minor=payment.capture_minor if payment.is_hold else payment.amount_minor,
        currency=cloud.purchase.currency,
        transaction_id="transaction",
        paid_at=AT,
        via="notice",
        grace=grace,
        at=PHASES[cloud.phase],
    )


def _with_truth(platform: Platform, index: int, truth: Truth) -> Platform:
    payments = (*platform.payments[:index], truth, *platform.payments[index + 1 :])
    return replace(platform, payments=payments)


def _short(number: str) -> str:
    """The number's last characters: enough to tell two of them apart in a story."""
    return number[-8:]
