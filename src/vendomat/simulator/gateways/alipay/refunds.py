"""Alipay's refunds: once per request number, never beyond what was paid. Pure rules over a given time."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from vendomat.simulator.gateways.alipay.records import (
    REFUND_MOVES,
    Refund,
    RefundAsked,
    RefundEvent,
    RefundState,
    Trade,
    key_of,
)
from vendomat.simulator.gateways.alipay.refusals import AlipayRefusedError, Refusals
from vendomat.simulator.gateways.funds import fee_back_of
from vendomat.simulator.gateways.settings import GatewaySettings

REFUNDABLE = timedelta(days=365)


class RefundBook:
    """Refunds by (app_id, out_trade_no, out_request_no)."""

    def __init__(self, settings: GatewaySettings, keep: Callable[[Refund], None]) -> None:
        self._settings = settings
        self._keep = keep
        self._refunds: dict[str, Refund] = {}
        self._of_trade: defaultdict[str, list[str]] = defaultdict(list)
        self._due: list[tuple[datetime, str]] = []
        self._ordered_outcomes: list[RefundState] = []

    def restore(self, refunds: Iterable[Refund]) -> None:
        for refund in refunds:
            self._add(refund)

    def settle_next_as(self, outcome: RefundState, count: int) -> None:
        """The next `count` accepted refunds end as `outcome`."""
        self._ordered_outcomes += [outcome] * count

    def find(self, trade: Trade, out_request_no: str) -> Refund | None:
        return self._refunds.get(f"{trade.key}/{out_request_no}")

    def all(self) -> list[Refund]:
        return list(self._refunds.values())

    def of(self, trade: Trade) -> list[Refund]:
        return [self._refunds[key] for key in self._of_trade[trade.key]]

    def taken_fen(self, trade: Trade) -> int:
        """What was refunded or is on its way."""
        return sum(refund.amount_fen for refund in self.of(trade) if refund.state != RefundState.FAILED)

    def succeeded_fen(self, trade: Trade) -> int:
        return sum(refund.amount_fen for refund in self.of(trade) if refund.state == RefundState.SUCCESS)

    def accept(self, trade: Trade, asked: RefundAsked, balance_fen: int, now: datetime) -> tuple[Refund, bool]:
        """The refund, and whether it is new; a repetition answers the one accepted before."""
        known = self.find(trade, asked.out_request_no)
        if known is not None and known.state != RefundState.FAILED:
            if known.amount_fen != asked.amount_fen:
                raise AlipayRefusedError(Refusals.REPEAT_DIFFERS)
            return known, False
        fee_fen = self._fee_back(trade, asked.amount_fen)
        if refusal := self._refusal(trade, asked.amount_fen, balance_fen + fee_fen, now):
            raise AlipayRefusedError(refusal)
        delay = timedelta(seconds=self._settings.alipay_refund_delay_s)
        refund = Refund(
            app_id=trade.terms.app_id,
            out_trade_no=trade.terms.out_trade_no,
            out_request_no=asked.out_request_no,
            amount_fen=asked.amount_fen,
            reason=asked.reason,
            created_at=now,
            settles_at=now + delay,
            fee_fen=fee_fen,
            failed=_failures(known),
            settles_as=self._ordered_outcomes.pop(0) if self._ordered_outcomes else RefundState.SUCCESS,
        )
        if not delay and refund.settles_as == RefundState.SUCCESS:
            refund = replace(refund, state=REFUND_MOVES.next(refund.state, RefundEvent.SETTLE), settled_at=now)
        self._add(refund)
        self._keep(refund)
        return refund, True

    def _refusal(self, trade: Trade, amount_fen: int, balance_fen: int, now: datetime) -> Refusals | None:
        if trade.paid_at is None:
            return Refusals.TRADE_STATUS_ERROR
        if now > trade.paid_at + REFUNDABLE:
            return Refusals.TRADE_FINISHED
        if self.taken_fen(trade) + amount_fen > trade.terms.total_fen:
            return Refusals.REFUND_FEE_ERROR
        return Refusals.BALANCE_NOT_ENOUGH if amount_fen > balance_fen else None

    def _fee_back(self, trade: Trade, amount_fen: int) -> int:
        live = [refund for refund in self.of(trade) if refund.state != RefundState.FAILED]
        return fee_back_of(
            amount_fen,
            trade.fee_basis_points,
            rest_fen=trade.fee_fen - sum(refund.fee_fen for refund in live),
            is_last=sum(refund.amount_fen for refund in live) + amount_fen == trade.terms.total_fen,
        )

    def settle_due(self, now: datetime) -> list[Refund]:
        """Bring every refund due by `now` to its end."""
        settled = []
        while self._due and self._due[0][0] <= now:
            _, key = heapq.heappop(self._due)
            refund = self._refunds[key]
            event = RefundEvent.SETTLE if refund.settles_as == RefundState.SUCCESS else RefundEvent.FAIL
            refund = replace(refund, state=REFUND_MOVES.next(refund.state, event), settled_at=now)
            self._refunds[key] = refund
            self._keep(refund)
            settled.append(refund)
        return settled

    def _add(self, refund: Refund) -> None:
        if refund.key not in self._refunds:
            self._of_trade[key_of(refund.app_id, refund.out_trade_no)].append(refund.key)
        self._refunds[refund.key] = refund
        if refund.state == RefundState.PROCESSING:
            heapq.heappush(self._due, (refund.settles_at, refund.key))


def _failures(known: Refund | None) -> tuple[tuple[datetime, datetime, int], ...]:
    """The failed tries of a number that is asked for again."""
    if known is None or known.settled_at is None:
        return ()
    return (*known.failed, (known.created_at, known.settled_at, known.net_fen))
