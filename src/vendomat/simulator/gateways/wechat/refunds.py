"""WeChat Pay's refunds: accepted at once, settled later, never beyond what was paid. Pure rules over a given time."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from vendomat.simulator.gateways.funds import fee_back_of
from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.settings import GatewaySettings
from vendomat.simulator.gateways.wechat.records import (
    REFUND_EVENT_OF,
    REFUND_MOVES,
    Order,
    Refund,
    RefundEvent,
    RefundState,
    key_of,
)
from vendomat.simulator.gateways.wechat.refusals import Refusals, WechatRefusedError

REFUNDABLE = timedelta(days=365)
PARTIAL_REFUNDS_MAX = 50
WAITS_FOR_FUNDS = timedelta(days=7)


class RefundBook:
    """Refunds by (mchid, out_refund_no)."""

    def __init__(self, settings: GatewaySettings, numbers: Numbers, keep: Callable[[Refund], None]) -> None:
        self._settings = settings
        self._numbers = numbers
        self._keep = keep
        self._refunds: dict[str, Refund] = {}
        self._of_order: defaultdict[str, list[str]] = defaultdict(list)
        self._due: list[tuple[datetime, str]] = []
        self._ordered_outcomes: list[RefundState] = []
        self._on_credit = 0

    def restore(self, refunds: Iterable[Refund]) -> None:
        for refund in refunds:
            self._add(refund)

    def settle_next_as(self, outcome: RefundState, count: int) -> None:
        """The next `count` accepted refunds end as `outcome`."""
        self._ordered_outcomes += [outcome] * count

    def take_next_on_credit(self, count: int) -> None:
        """The next `count` refunds are accepted although the balance is too low, and wait for money for a week."""
        self._on_credit += count

    def look_up(self, mchid: str, out_refund_no: str) -> Refund:
        refund = self._refunds.get(key_of(mchid, out_refund_no))
        if refund is None:
            raise WechatRefusedError(Refusals.REFUND_NOT_EXISTS)
        return refund

    def has(self, key: str) -> bool:
        return key in self._refunds

    def all(self) -> list[Refund]:
        return list(self._refunds.values())

    def of(self, order: Order) -> list[Refund]:
        return [self._refunds[key] for key in self._of_order[order.key]]

    def taken_fen(self, order: Order) -> int:
        """What was refunded or is on its way."""
        return sum(refund.amount_fen for refund in self.of(order) if not refund.is_void)

    def accept(self, order: Order, asked: Refund, balance_fen: int, now: datetime) -> Refund:
        """The accepted refund; the one accepted before when the call is a repetition."""
        known = self._refunds.get(asked.key)
        if known is not None:
            same = (known.out_trade_no, known.amount_fen, known.total_fen)
            if same != (asked.out_trade_no, asked.amount_fen, asked.total_fen):
                raise WechatRefusedError(Refusals.REFUND_OTHER_PARAMETERS)
            return known
        asked = replace(asked, fee_fen=self._fee_back(order, asked))
        if refusal := self._refusal(order, asked, now):
            raise WechatRefusedError(refusal)
        if asked.net_fen > balance_fen:
            return self._accept_on_credit(asked, now)
        outcome = self._ordered_outcomes.pop(0) if self._ordered_outcomes else RefundState.SUCCESS
        return self._put(
            replace(
                asked,
                refund_id=self._new_id(now),
                settles_at=now + timedelta(seconds=self._settings.refund_delay_s),
                settles_as=outcome,
            )
        )

    def _accept_on_credit(self, asked: Refund, now: datetime) -> Refund:
        if not self._on_credit:
            raise WechatRefusedError(Refusals.REFUND_NOT_ENOUGH)
        self._on_credit -= 1
        waits = {"settles_at": now + WAITS_FOR_FUNDS, "settles_as": RefundState.CLOSED, "waits_for_funds": True}
        return self._put(replace(asked, refund_id=self._new_id(now), **waits))  # type: ignore[arg-type]

    def waiting(self, mchid: str) -> list[Refund]:
        """Refunds that wait for money of `mchid`, oldest first."""
        return [
            refund
            for refund in self._refunds.values()
            if refund.mchid == mchid and refund.waits_for_funds and refund.state == RefundState.PROCESSING
        ]

    def fund(self, refund: Refund, now: datetime) -> Refund:
        """Its money has left the merchant now: it goes on like any other."""
        settles_at = now + timedelta(seconds=self._settings.refund_delay_s)
        return self._put(
            replace(
                refund,
                waits_for_funds=False,
                funded_at=now,
                settles_at=settles_at,
                settles_as=RefundState.SUCCESS,
            )
        )

    def send_on(self, mchid: str, refund_id: str, out_refund_no: str, *, to: str, now: datetime) -> Refund:
        """An abnormal refund goes to another account; the same again is the same as once."""
        refund = self.look_up(mchid, out_refund_no)
        if refund.refund_id != refund_id:
            raise WechatRefusedError(Refusals.REFUND_NOT_EXISTS)
        if refund.sent_to:
            if refund.sent_to != to:
                raise WechatRefusedError(Refusals.REFUND_SENT_ELSEWHERE)
            return refund
        if refund.state != RefundState.ABNORMAL:
            raise WechatRefusedError(Refusals.REFUND_NOT_ABNORMAL)
        return self._put(
            replace(
                refund,
                state=REFUND_MOVES.next(refund.state, RefundEvent.SEND_ON),
                sent_to=to,
                settles_at=now + timedelta(seconds=self._settings.refund_delay_s),
                settles_as=RefundState.SUCCESS,
                settled_at=None,
            )
        )

    def _new_id(self, now: datetime) -> str:
        return f"5030{now:%Y%m%d}{self._numbers.digits(17)}"

    def _refusal(self, order: Order, asked: Refund, now: datetime) -> Refusals | None:
        if not order.is_paid or order.paid_at is None:
            return Refusals.REFUND_NOT_PAID
        if asked.total_fen != order.terms.total_fen:
            return Refusals.REFUND_OTHER_TOTAL
        if now > order.paid_at + REFUNDABLE:
            return Refusals.REFUND_TOO_OLD
        others = self.of(order)
        if self.taken_fen(order) + asked.amount_fen > order.terms.total_fen:
            return Refusals.REFUND_TOO_LARGE
        if len(others) >= PARTIAL_REFUNDS_MAX:
            return Refusals.REFUND_TOO_MANY
        gap = timedelta(seconds=self._settings.partial_refund_gap_s)
        if others and now < max(refund.created_at for refund in others) + gap:
            return Refusals.REFUND_TOO_SOON
        return None

    def _fee_back(self, order: Order, asked: Refund) -> int:
        live = [refund for refund in self.of(order) if not refund.is_void]
        return fee_back_of(
            asked.amount_fen,
            order.fee_basis_points,
            rest_fen=order.fee_fen - sum(refund.fee_fen for refund in live),
            is_last=sum(refund.amount_fen for refund in live) + asked.amount_fen == order.terms.total_fen,
        )

    def settle_due(self, now: datetime) -> list[Refund]:
        """Bring every refund due by `now` to its end."""
        settled = []
        while self._due and self._due[0][0] <= now:
            due_at, key = heapq.heappop(self._due)
            refund = self._refunds[key]
            if refund.settles_at != due_at or refund.state != RefundState.PROCESSING:
                continue  # it has another end by now
            moved = REFUND_MOVES.next(refund.state, REFUND_EVENT_OF[refund.settles_as])
            refund = replace(refund, state=moved, settled_at=now)
            self._refunds[key] = refund
            self._keep(refund)
            settled.append(refund)
        return settled

    def next_due_at(self) -> datetime | None:
        return self._due[0][0] if self._due else None

    def _put(self, refund: Refund) -> Refund:
        self._add(refund)
        self._keep(refund)
        return refund

    def _add(self, refund: Refund) -> None:
        if refund.key not in self._refunds:
            self._of_order[key_of(refund.mchid, refund.out_trade_no)].append(refund.key)
        self._refunds[refund.key] = refund
        if refund.state == RefundState.PROCESSING and refund.settles_at is not None:
            heapq.heappush(self._due, (refund.settles_at, refund.key))
