"""The refund desk: what a person may do about a buyer's money.

Each action is one event for the purchase, serialised on the order's row like every other, with the person and the
reason in the evidence. An action that has been done already is no error. Refuses to name an amount that is owed: it
follows from the order; only goodwill has an amount of its own, and money paid by hand must be the amount that is owed.
"""

from __future__ import annotations

from dataclasses import dataclass

from vendomat.cloud.merchants import Operator
from vendomat.cloud.orders import OrderState
from vendomat.cloud.payments import BankCard, Payment, Refund, RefundStage, Verdict
from vendomat.cloud.sales.by_hand_steps import may_be_paid_by_hand
from vendomat.cloud.sales.desk_model import (
    GoodwillGiven,
    MoneyJudged,
    PaidByHand,
    RefundAsked,
    RefundDeclined,
    RefundReleased,
    RefundRetried,
    SendOnWanted,
    VerdictAgreed,
    VerdictDeclined,
)
from vendomat.cloud.sales.goodwill_steps import may_give_minor, next_ordinal
from vendomat.cloud.sales.model import (
    Event,
    Purchase,
)
from vendomat.cloud.sales.send_on_steps import may_be_sent_on
from vendomat.cloud.sales.sending_on import SendingOn
from vendomat.cloud.sales.till import Till
from vendomat.cloud.sales.use_cases import EventFor
from vendomat.cloud.sales.writer import Writer
from vendomat.kernel import Clock, ErrorCode, Money, VendomatError


@dataclass(frozen=True, slots=True)
class Gift:
    """`ordinal` is its place among the payment's refunds, the next that its giver saw: sent twice, it is given once."""

    amount_minor: int
    ordinal: int
    reason: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is decided about money that did not fit its order. `is_kept`: the buyer has had goods for it."""

    is_kept: bool
    reason: str


@dataclass(frozen=True, slots=True)
class HandPayment:
    """Money paid outside the platform: how, and where it can be found again."""

    amount_minor: int
    way: str
    reference: str
    reason: str


@dataclass(frozen=True, slots=True)
class Onward:
    """Where a refund that reached nobody is sent: to a card the buyer named, or, without one, to the merchant."""

    card: BankCard | None
    reason: str

    @property
    def to(self) -> str:
        """As it is kept: of a card the last four digits."""
        return "merchant" if self.card is None else f"card:{self.card.account[-4:]}"


def _is_given(purchase: Purchase, operator: Operator, gift: Gift) -> bool:
    wanted = (purchase.winning and purchase.winning.payment_id, gift.ordinal, operator.operator_id, gift.amount_minor)
    return any((r.payment_id, r.ordinal, r.asked_by, r.amount_minor) == wanted for r in purchase.refunds)


def _is_recorded(purchase: Purchase, given_up: Refund, paid: HandPayment) -> bool:
    wanted = (given_up.payment_id, paid.way, paid.reference)
    later = [r for r in purchase.refunds if r.ordinal > given_up.ordinal and r.stage is not RefundStage.FAILED]
    return any((r.payment_id, r.hand_way, r.hand_reference) == wanted for r in later)


class RefundDesk:
    """Each method answers with the purchase as it stands committed, or raises `VendomatError`."""

    def __init__(self, writer: Writer, till: Till, clock: Clock, *, alone_minor: int) -> None:
        """What is given, kept or paid by hand above `alone_minor` waits for a second person."""
        self._writer = writer
        self._till = till
        self._sending_on = SendingOn(till)
        self._clock = clock
        self._alone_minor = alone_minor

    async def ask(self, operator: Operator, order_id: str, reason: str) -> Purchase:
        """The money of a paid order back: nothing more is begun; what may be under way is waited for."""
        purchase = await self._apply(operator, order_id, RefundAsked(operator.operator_id, reason, self._clock.now()))
        is_under_way = purchase.state in (OrderState.PAID, OrderState.DISPENSING)
        if is_under_way or (purchase.state is OrderState.SETTLED and purchase.refunds):
            return purchase
        raise VendomatError(ErrorCode.ORDER_NOT_OPEN, "nothing of this order is left to be given back; nothing changed")

    async def try_again(self, operator: Operator, order_id: str, refund_id: str, reason: str) -> Purchase:
        """The next number for a refund that the platform gave up, after asking once more what became of the first."""
        purchase, refund = await self._find(operator, order_id, refund_id)
        if refund.is_replaced_in(purchase.refunds):
            return purchase
        if refund.came_back:
            raise VendomatError(ErrorCode.CONFLICT, "the platform paid this refund to you; pay the buyer by hand")
        if refund.stage is not RefundStage.FAILED:
            raise VendomatError(
                ErrorCode.CONFLICT, "this refund was not given up; its number may still pay, so there is no second one"
            )
        await self._look_up_given_up(purchase, refund.payment_id)
        event = RefundRetried(refund_id, operator.operator_id, reason, self._clock.now())
        return await self._apply(operator, order_id, event)

    async def release(self, operator: Operator, order_id: str, refund_id: str, reason: str) -> Purchase:
        """Let a held refund go."""
        _, refund = await self._find(operator, order_id, refund_id)
        if refund.stage is not RefundStage.HELD and not refund.approved_by:
            raise VendomatError(ErrorCode.CONFLICT, "this refund is not held; nothing changed")
        if operator.operator_id in (refund.asked_by, refund.recorded_by):
            raise VendomatError(
                ErrorCode.CONFLICT, "you gave this money yourself; another person has to release it; nothing changed"
            )
        event = RefundReleased(refund_id, operator.operator_id, reason, self._clock.now())
        return await self._apply(operator, order_id, event)

    async def give(self, operator: Operator, order_id: str, gift: Gift) -> Purchase:
        """Money of an order that is over back to its buyer, although nothing is owed."""
        before = await self._writer.find((operator.merchant_id, order_id))
        if _is_given(before, operator, gift):
            return before
        if gift.ordinal != next_ordinal(before):
            raise VendomatError(
                ErrorCode.CONFLICT, "the refunds of this order changed meanwhile; look at them first; nothing changed"
            )
        left = may_give_minor(before)
        if not 0 < gift.amount_minor <= left:
            raise VendomatError(
                ErrorCode.INVALID_AMOUNT,
                f"at most {Money(left, before.currency)} of this order can be given back now; nothing changed",
                left_minor=left,
            )
        event = GoodwillGiven(
            operator.operator_id, gift.reason, gift.amount_minor, gift.ordinal, self._alone_minor, self._clock.now()
        )
        after = await self._apply(operator, order_id, event)
        if not _is_given(after, operator, gift):
            raise VendomatError(ErrorCode.CONFLICT, "this order changed in the same moment; nothing was given")
        return after

    async def decline(self, operator: Operator, order_id: str, refund_id: str, reason: str) -> Purchase:
        """Refuse goodwill, or money by hand, that is held. What is owed stays owed."""
        purchase, refund = await self._find(operator, order_id, refund_id)
        if not (refund.is_goodwill or refund.is_by_hand):
            raise VendomatError(ErrorCode.CONFLICT, "this money is owed to the buyer; it cannot be refused")
        if refund.stage is RefundStage.FAILED:
            return purchase
        if refund.stage is not RefundStage.HELD:
            raise VendomatError(ErrorCode.CONFLICT, "this refund is not held; nothing changed")
        event = RefundDeclined(refund_id, operator.operator_id, reason, self._clock.now())
        return await self._apply(operator, order_id, event)

    async def pay_by_hand(self, operator: Operator, order_id: str, refund_id: str, paid: HandPayment) -> Purchase:
        """Record what a person pays outside the platform, which gave the refund up and is asked once more first."""
        purchase, refund = await self._find(operator, order_id, refund_id)
        if _is_recorded(purchase, refund, paid):
            return purchase
        if not may_be_paid_by_hand(purchase, refund):
            raise VendomatError(
                ErrorCode.CONFLICT, "this refund was not given up, or another carries its money; nothing was recorded"
            )
        if paid.amount_minor != refund.amount_minor:
            owed = Money(refund.amount_minor, self._currency(purchase, refund))
            raise VendomatError(ErrorCode.INVALID_AMOUNT, f"exactly {owed} is owed here; nothing was recorded")
        await self._look_up_given_up(purchase, refund.payment_id)
        event = PaidByHand(
            refund_id,
            paid.way,
            paid.reference,
            operator.operator_id,
            paid.reason,
            self._alone_minor,
            self._clock.now(),
        )
        after = await self._apply(operator, order_id, event)
        if not _is_recorded(after, refund, paid):
            raise VendomatError(
                ErrorCode.CONFLICT,
                "the platform has paid it after all, or someone else was faster; nothing was recorded",
            )
        return after

    async def send_on(self, operator: Operator, order_id: str, refund_id: str, onward: Onward) -> Purchase:
        """Have the platform send a refund on that the buyer's account could not take; a large one when a second person
        says the same."""
        purchase, refund = await self._find(operator, order_id, refund_id)
        if not may_be_sent_on(purchase, refund):
            raise VendomatError(
                ErrorCode.CONFLICT, "the buyer's account did not refuse this refund, or another carries its money"
            )
        stranded = await self._sending_on.find(operator.merchant_id, refund_id)
        event = SendOnWanted(
            refund_id, onward.to, operator.operator_id, onward.reason, self._alone_minor, self._clock.now()
        )
        applied = await self._writer.apply(EventFor((operator.merchant_id, order_id), event))
        after = applied.purchase
        assert after is not None
        sent = next(r for r in after.refunds if r.refund_id == refund_id)
        if not (applied.is_changed and sent.stage is RefundStage.UNKNOWN):
            return after
        return await self._sending_on.send(operator.merchant_id, stranded, onward.card) or after

    async def judge(self, operator: Operator, order_id: str, payment_id: str, verdict: Judgement) -> Purchase:
        """Decide about money that did not fit its order: it goes back, or the buyer has had goods for it."""
        before = await self._find_frozen(operator, order_id, payment_id)
        wanted = (Verdict.KEEP_ASKED, Verdict.KEPT) if verdict.is_kept else (Verdict.GIVE_ASKED, Verdict.GIVEN_BACK)
        if before.verdict not in (Verdict.NONE, *wanted):
            raise VendomatError(ErrorCode.CONFLICT, "something else was decided about this money; nothing changed")
        now = self._clock.now()
        event = MoneyJudged(payment_id, verdict.is_kept, operator.operator_id, verdict.reason, self._alone_minor, now)
        after = await self._apply(operator, order_id, event)
        judged = after.payment(payment_id)
        if judged is None or judged.verdict not in wanted:
            raise VendomatError(ErrorCode.CONFLICT, "someone else was faster and decided otherwise; nothing changed")
        return after

    async def agree(self, operator: Operator, order_id: str, payment_id: str, verdict: Judgement) -> Purchase:
        """The second person's word for the verdict that was asked for."""
        before = await self._find_frozen(operator, order_id, payment_id)
        asked, done = (
            (Verdict.KEEP_ASKED, Verdict.KEPT) if verdict.is_kept else (Verdict.GIVE_ASKED, Verdict.GIVEN_BACK)
        )
        if before.verdict not in (asked, done):
            raise VendomatError(ErrorCode.CONFLICT, "this was not asked for; look at it again; nothing changed")
        if before.verdict is asked and before.verdict_by == operator.operator_id:
            raise VendomatError(ErrorCode.CONFLICT, "you asked for this; another person has to agree; nothing changed")
        event = VerdictAgreed(payment_id, verdict.is_kept, operator.operator_id, verdict.reason, self._clock.now())
        return await self._apply(operator, order_id, event)

    async def decline_verdict(self, operator: Operator, order_id: str, payment_id: str, reason: str) -> Purchase:
        """What was asked for is not done; the money waits for another verdict."""
        before = await self._find_frozen(operator, order_id, payment_id)
        if before.verdict in (Verdict.GIVEN_BACK, Verdict.KEPT):
            raise VendomatError(ErrorCode.CONFLICT, "this was carried out already; nothing changed")
        event = VerdictDeclined(payment_id, operator.operator_id, reason, self._clock.now())
        return await self._apply(operator, order_id, event)

    async def _find_frozen(self, operator: Operator, order_id: str, payment_id: str) -> Payment:
        payment = (await self._writer.find((operator.merchant_id, order_id))).payment(payment_id)
        if payment is None:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such payment")
        if not payment.is_frozen or payment.captured_minor <= 0:
            raise VendomatError(ErrorCode.CONFLICT, "this payment fits its order; there is nothing to decide")
        return payment

    async def _look_up_given_up(self, purchase: Purchase, payment_id: str) -> None:
        """Ask the platform once more about every number of the payment that it gave up."""
        for refund in purchase.refunds:
            if refund.payment_id == payment_id and refund.stage is RefundStage.FAILED:
                await self._till.look_up_given_up(purchase.merchant_id, refund.refund_id)

    @staticmethod
    def _currency(purchase: Purchase, refund: Refund) -> str:
        payment = purchase.payment(refund.payment_id)
        return payment.currency if payment is not None and payment.currency else purchase.currency

    async def _find(self, operator: Operator, order_id: str, refund_id: str) -> tuple[Purchase, Refund]:
        purchase = await self._writer.find((operator.merchant_id, order_id))
        refund = next((r for r in purchase.refunds if r.refund_id == refund_id), None)
        if refund is None:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such refund")
        return purchase, refund

    async def _apply(self, operator: Operator, order_id: str, event: Event) -> Purchase:
        purchase = (await self._writer.apply(EventFor((operator.merchant_id, order_id), event))).purchase
        assert purchase is not None
        return purchase
