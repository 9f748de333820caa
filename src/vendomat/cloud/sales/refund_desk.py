"""The refund desk: what a person may do about a buyer's money.

Each action is one event for the purchase, serialised on the order's row like every other, with the person and the
reason in the evidence. An action that has been done already is no error. Refuses to name an amount: it follows from the
order.
"""

from __future__ import annotations

from vendomat.cloud.merchants import Operator
from vendomat.cloud.orders import OrderState
from vendomat.cloud.payments import Refund, RefundStage
from vendomat.cloud.sales.model import Event, Purchase, RefundAsked, RefundReleased, RefundRetried
from vendomat.cloud.sales.till import Till
from vendomat.cloud.sales.use_cases import EventFor
from vendomat.cloud.sales.writer import Writer
from vendomat.kernel import Clock, ErrorCode, VendomatError


class RefundDesk:
    """Each method answers with the purchase as it stands committed, or raises `VendomatError`."""

    def __init__(self, writer: Writer, till: Till, clock: Clock) -> None:
        self._writer = writer
        self._till = till
        self._clock = clock

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
        event = RefundReleased(refund_id, operator.operator_id, reason, self._clock.now())
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
