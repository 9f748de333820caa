"""Stripe's refunds: never beyond what was charged, settled by time, back in the balance when they fail. Pure rules."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.settings import GatewaySettings
from vendomat.simulator.gateways.stripe.records import (
    REFUND_MOVES,
    RETURNED,
    Refund,
    RefundAsked,
    RefundEvent,
    RefundState,
    Session,
)
from vendomat.simulator.gateways.stripe.refusals import Refusals, StripeRefusedError

_EVENTS = {
    RefundState.SUCCEEDED: RefundEvent.SETTLE,
    RefundState.REQUIRES_ACTION: RefundEvent.ASK,
    RefundState.FAILED: RefundEvent.FAIL,
    RefundState.CANCELED: RefundEvent.CANCEL,
}


class RefundBook:
    """Refunds by their id, and by the payment intent they belong to."""

    def __init__(self, settings: GatewaySettings, numbers: Numbers, keep: Callable[[Refund], None]) -> None:
        self._settings = settings
        self._numbers = numbers
        self._keep = keep
        self._refunds: dict[str, Refund] = {}
        self._of_intent: defaultdict[str, list[str]] = defaultdict(list)
        self._due: list[tuple[datetime, str]] = []
        self._ordered_outcomes: list[RefundState] = []

    def restore(self, refunds: Iterable[Refund]) -> None:
        for refund in sorted(refunds, key=lambda one: one.ordinal):
            self._add(refund)

    def settle_next_as(self, outcome: RefundState, count: int) -> None:
        """The next `count` accepted refunds end as `outcome`."""
        self._ordered_outcomes += [outcome] * count

    def all(self) -> list[Refund]:
        return list(self._refunds.values())

    def find(self, refund_id: str) -> Refund | None:
        return self._refunds.get(refund_id)

    def of(self, intent_id: str) -> list[Refund]:
        """The newest first, as Stripe lists."""
        return [self._refunds[key] for key in reversed(self._of_intent[intent_id])] if intent_id else []

    def taken(self, session: Session) -> int:
        """What was refunded or is on its way."""
        return sum(refund.amount for refund in self.of(session.intent_id) if refund.state not in RETURNED)

    def accept(self, session: Session, asked: RefundAsked, balance: int, now: datetime) -> Refund:
        """A new refund. Raises `StripeRefusedError`."""
        if not session.taken:
            raise StripeRefusedError(Refusals.NOT_CHARGED, "payment_intent")
        left = session.taken - self.taken(session)
        if left == 0:
            raise StripeRefusedError(Refusals.ALREADY_REFUNDED)
        if asked.amount > left:
            raise StripeRefusedError(Refusals.TOO_MUCH, "amount")
        if asked.amount > balance:
            raise StripeRefusedError(Refusals.BALANCE)
        delay = timedelta(seconds=self._settings.refund_delay_s)
        refund = Refund(
            account=session.terms.account,
            number=session.terms.number,
            refund_id=f"re_3{self._numbers.text(22)}",
            intent_id=session.intent_id,
            charge_id=session.charge_id,
            amount=asked.amount,
            currency=session.terms.currency,
            reason=asked.reason,
            metadata=asked.metadata,
            created_at=now,
            settles_at=now + delay,
            ordinal=len(self._refunds),
            settles_as=self._ordered_outcomes.pop(0) if self._ordered_outcomes else RefundState.SUCCEEDED,
        )
        if not delay and refund.settles_as == RefundState.SUCCEEDED:
            refund = replace(refund, state=REFUND_MOVES.next(refund.state, RefundEvent.SETTLE), settled_at=now)
        self._add(refund)
        self._keep(refund)
        return refund

    def settle_due(self, now: datetime) -> list[Refund]:
        """Bring every refund due by `now` to its end."""
        settled = []
        while self._due and self._due[0][0] <= now:
            _, key = heapq.heappop(self._due)
            refund = self._refunds[key]
            state = REFUND_MOVES.next(refund.state, _EVENTS[refund.settles_as])
            refund = replace(refund, state=state, settled_at=now)
            self._refunds[key] = refund
            self._keep(refund)
            settled.append(refund)
        return settled

    def _add(self, refund: Refund) -> None:
        if refund.key not in self._refunds:
            self._of_intent[refund.intent_id].append(refund.key)
        self._refunds[refund.key] = refund
        if refund.state == RefundState.PENDING:
            heapq.heappush(self._due, (refund.settles_at, refund.key))
