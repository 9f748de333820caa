"""How often a merchant may call WeChat Pay's refunds and sharings, as published: calls in one second of the clock."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from vendomat.simulator.gateways.wechat.refusals import Refusals, WechatRefusedError

CALLS_A_SECOND = {"refund": 150, "refund_query": 300, "abnormal_refund": 150} | {
    "share": 300,
    "share_query": 500,
    "share_return": 100,
}
FAILED_REFUNDS_A_SECOND = 6


class CallRates:
    """The counts of the present second. Off, it counts nothing: for clocks that stand still."""

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on
        self._second = 0
        self._calls: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._failed: defaultdict[str, int] = defaultdict(int)

    def check(self, mchid: str, verb: str, now: datetime) -> None:
        """Count a call of `verb`; raises `WechatRefusedError` when it is one too many."""
        if not self._is_on or verb not in CALLS_A_SECOND:
            return
        self._turn_to(now)
        self._calls[mchid, verb] += 1
        has_failed = verb == "refund" and self._failed[mchid] >= FAILED_REFUNDS_A_SECOND
        if has_failed or self._calls[mchid, verb] > CALLS_A_SECOND[verb]:
            raise WechatRefusedError(Refusals.RATE_LIMITED)

    def note_failure(self, mchid: str, verb: str) -> None:
        """A call that was counted was refused."""
        if verb == "refund":
            self._failed[mchid] += 1

    def _turn_to(self, now: datetime) -> None:
        if (second := int(now.timestamp())) != self._second:
            self._second = second
            self._calls.clear()
            self._failed.clear()
