"""Sending a refund on that the buyer's account could not take: the conversation with the platform about it.

It is asked first whether the refund is still ABNORMAL, and after the decision is committed it is asked to send it on.
Whatever is not answered is looked up later, like every refund. Refuses to keep the card: it is passed on sealed, and
whoever dies in between leaves a refund that is found ABNORMAL again.
"""

from __future__ import annotations

from dataclasses import replace

from vendomat.cloud.payments import (
    STRANDED,
    AbnormalRefund,
    BankCard,
    RefundState,
    SendsRefundsOn,
)
from vendomat.cloud.sales.model import Purchase
from vendomat.cloud.sales.till import Till
from vendomat.kernel import ErrorCode, VendomatError


class SendingOn:
    """All merchants' stranded refunds; speaks through the till."""

    def __init__(self, till: Till) -> None:
        self._till = till

    async def find(self, merchant_id: str, refund_id: str) -> AbnormalRefund:
        """The refund as its platform knows it now. What it says otherwise is applied.

        Raises `VendomatError` (not_found, method_unavailable, platform_unreachable, conflict); nothing was sent on.
        """
        row = await self._till.find_refund(merchant_id, refund_id)
        provider = await self._till.provider_of(row)
        if not isinstance(provider, SendsRefundsOn):
            raise VendomatError(
                ErrorCode.METHOD_UNAVAILABLE, "this platform sends no refund to another account; pay it by hand"
            )
        request = self._till.refund_request(row)
        answer = await provider.look_up_refund(request)
        if answer.state is RefundState.ABNORMAL:
            return AbnormalRefund(request, answer.refund_id)
        if answer.state is RefundState.UNKNOWN:
            raise VendomatError(
                ErrorCode.PLATFORM_UNREACHABLE,
                "the platform does not say what became of this refund; nothing was sent on, try later",
            )
        await self._till.apply_refund(merchant_id, answer, order_id=row["order_id"])
        raise VendomatError(
            ErrorCode.CONFLICT, "the platform says something else of this refund by now; nothing was sent on"
        )

    async def send(self, merchant_id: str, refund: AbnormalRefund, card: BankCard | None) -> Purchase | None:
        """Ask the platform, and apply what it says. A refusal leaves the refund where it was, with its reason."""
        row = await self._till.find_refund(merchant_id, refund.request.refund_number)
        provider = await self._till.provider_of(row)
        assert isinstance(provider, SendsRefundsOn)  # it was when the refund was found there
        answer = await provider.send_on(replace(refund, card=card))
        if answer.state is RefundState.REFUSED:
            answer = replace(answer, state=RefundState.ABNORMAL, error=f"{STRANDED}: not sent on: {answer.error}")
        return await self._till.apply_refund(merchant_id, answer, order_id=row["order_id"])
