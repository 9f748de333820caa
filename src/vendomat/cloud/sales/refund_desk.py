"""The refund desk: what a person may do about a buyer's money.

Each action is one event for the purchase, serialised on the order's row like every other, with the person and the
reason in the evidence. An action that has been done already is no error. Refuses to name an amount that is owed: it
follows from the order; only goodwill has an amount of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from vendomat.cloud.merchants import Operator
from vendomat.cloud.orders import OrderState
from vendomat.cloud.payments import Refund, RefundStage
from vendomat.cloud.sales.goodwill_steps import may_give_minor, next_ordinal
from vendomat.cloud.sales.model import (
    Event,
    GoodwillDeclined,
    GoodwillGiven,
    Purchase,
    RefundAsked,
    RefundReleased,
    RefundRetried,
)
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


def _is_given(purchase: Purchase, operator: Operator, gift: Gift) -> bool:
    wanted = (purchase.winning and purchase.winning.payment_id, gift.ordinal, operator.operator_id, gift.amount_minor)
    return any((r.payment_id, r.ordinal, r.asked_by, r.amount_minor) == wanted for r in purchase.refunds)


class RefundDesk:
    """Each method answers with the purchase as it stands committed, or raises `VendomatError`."""

    def __init__(self, writer: Writer, till: Till, clock: Clock, *, alone_minor: int) -> None:
        """Goodwill above `alone_minor` waits for a second person."""
        self._writer = writer
        self._till = till
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
        if refund.stage is not RefundStage.FAILED:
            raise VendomatError(
                ErrorCode.CONFLICT, "this refund was not given up; its number may still pay, so there is no second one"
            )
        await self._till.look_up_given_up(operator.merchant_id, refund_id)
        event = RefundRetried(refund_id, operator.operator_id, reason, self._clock.now())
        return await self._apply(operator, order_id, event)

    async def release(self, operator: Operator, order_id: str, refund_id: str, reason: str) -> Purchase:
        """Let a held refund go."""
        _, refund = await self._find(operator, order_id, refund_id)
        if refund.stage is not RefundStage.HELD and not refund.approved_by:
            raise VendomatError(ErrorCode.CONFLICT, "this refund is not held; nothing changed")
        if refund.asked_by == operator.operator_id:
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
        """Refuse goodwill that is held. What is owed cannot be refused."""
        purchase, refund = await self._find(operator, order_id, refund_id)
        if not refund.is_goodwill:
            raise VendomatError(ErrorCode.CONFLICT, "this money is owed to the buyer; it cannot be refused")
        if refund.stage is RefundStage.FAILED:
            return purchase
        if refund.stage is not RefundStage.HELD:
            raise VendomatError(ErrorCode.CONFLICT, "this refund is not held; nothing changed")
        event = GoodwillDeclined(refund_id, operator.operator_id, reason, self._clock.now())
        return await self._apply(operator, order_id, event)

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
