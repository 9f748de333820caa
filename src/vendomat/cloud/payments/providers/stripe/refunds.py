"""Refunds at Stripe by our number, which stands in their metadata. Blocks; belongs in `CallThreads`.

A payment's refunds are listed by its payment intent, so one is found however its making was answered.
"""

from __future__ import annotations

from typing import Any

from vendomat.cloud.payments.providers.contract import Refunded, RefundRequest, RefundState, TradeState
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.stripe import wire
from vendomat.cloud.payments.providers.stripe.client import Answer, StripeCalls
from vendomat.cloud.payments.providers.stripe.sessions import Sessions

PATH = "/v1/refunds"
PAGES_MAX = 10


class Refunds:
    """The refunds of one account."""

    def __init__(self, calls: StripeCalls, sessions: Sessions) -> None:
        self._calls = calls
        self._sessions = sessions

    def refund(self, request: RefundRequest) -> Refunded:
        """One refund under `request.refund_number`, however often it is asked for. Raises `NotKnownError`."""
        intent_id = self._intent_of(request)
        if not intent_id:
            return Refunded(RefundState.REFUSED, request.refund_number, error="the payment was not made")
        known = self._listed(request, intent_id)  # first: the platform forgets keys after a day, refunds never
        if known is not None:
            return wire.refunded_of(known, request)
        made = self._calls.post_once(
            PATH, wire.refund(request, intent_id), request.refund_number, lambda: self._listed(request, intent_id)
        )
        if not isinstance(made, Answer):
            return wire.refunded_of(made, request)
        if made.status == 200 and not made.is_replayed:
            found: wire.Refund = wire.of_kind(made.body, wire.Refund, "refund")
            if found.metadata.get("refund_number") != request.refund_number:
                raise NotKnownError("the answer is about another refund")
            return wire.refunded_of(found, request)
        if made.status != 200 and not wire.is_definite(made.status):
            raise NotKnownError(wire.error_text(made.status, made.body))
        known = self._listed(request, intent_id)
        if known is not None:
            return wire.refunded_of(known, request)
        if made.status == 200:
            raise NotKnownError("a refund that was made is not in the list")
        return Refunded(RefundState.REFUSED, request.refund_number, error=wire.error_text(made.status, made.body))

    def look_up(self, request: RefundRequest) -> Refunded:
        intent_id = self._intent_of(request)
        found = self._listed(request, intent_id) if intent_id else None
        if found is None:
            return Refunded(RefundState.NOT_ACCEPTED, request.refund_number, error="the platform has no such refund")
        return wire.refunded_of(found, request)

    def _intent_of(self, request: RefundRequest) -> str:
        """The payment's intent, empty when it was definitely not paid."""
        if request.transaction_id.startswith("pi_"):
            return request.transaction_id
        trade = self._sessions.look_up(request.payment_number)
        return trade.transaction_id if trade.state is TradeState.PAID else ""

    def _listed(self, request: RefundRequest, intent_id: str) -> wire.Refund | None:
        parameters: dict[str, Any] = {"payment_intent": intent_id, "limit": 100}
        for _ in range(PAGES_MAX):
            answer = self._calls.get(PATH, parameters)
            if answer.status != 200:
                raise NotKnownError(wire.error_text(answer.status, answer.body))
            page: wire.RefundPage = wire.of_kind(answer.body, wire.RefundPage, "list")
            for found in page.data:
                if found.metadata.get("refund_number") == request.refund_number:
                    return found
            if not page.has_more or not page.data:
                return None
            parameters["starting_after"] = page.data[-1].id
        raise NotKnownError("too many refunds of this payment to find this one among them")
