"""Faults to order: what shall go wrong with which call or notice, and how often.

A fault is data that the servers consult; it never changes a book by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar


class CallFault(StrEnum):
    """`*_before`: nothing was done. `*_after`: it was done, and the answer is lost."""

    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    TIMEOUT_BEFORE = "timeout_before"
    TIMEOUT_AFTER = "timeout_after"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    ACCEPTED = "accepted"  # WeChat's 202, Alipay's retry_flag, Stripe's 409: not done, repeat
    FORGED_ANSWER = "forged_answer"  # done, and the answer is a stranger's (Stripe, which signs none: a proxy's page)
    SIGNTEST_ANSWER = "signtest_answer"  # done, and the answer carries WeChat's probe (Stripe: is another call's)


class NoticeFault(StrEnum):
    DROP = "drop"  # this sending is lost, the schedule goes on
    LOSE = "lose"  # never sent at all
    DUPLICATE = "duplicate"  # sent twice although accepted
    DELAY = "delay"  # first sent later
    REORDER = "reorder"  # sent after the account's next notice
    FORGED = "forged"  # a copy signed by a stranger comes first
    SIGNTEST = "signtest"  # a signature probe comes first (Stripe: a signature of a scheme not to be trusted)
    STALE = "stale"  # a well-signed copy with an old time stamp comes first
    WRONG_KEY = "wrong_key"  # a copy signed by the platform's other key comes first
    XML = "xml"  # a copy in the form of the older protocol comes first


BEFORE = frozenset(
    {
        CallFault.ERROR_BEFORE,
        CallFault.TIMEOUT_BEFORE,
        CallFault.RESET_BEFORE,
        CallFault.RATE_LIMITED,
        CallFault.UNAVAILABLE,
        CallFault.ACCEPTED,
    }
)

FaultName = TypeVar("FaultName", CallFault, NoticeFault)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule(Generic[FaultName]):
    """`fault` for the next `count` matches (below zero: until cleared). Empty fields match everything.

    `verb` is the call's or the notice's kind; `number` must occur in the request or be the notice's number.
    """

    fault: FaultName
    platform: str = ""
    verb: str = ""
    number: str = ""
    count: int = 1
    delay_s: float = 0.0

    def matches(self, platform: str, verb: str, text: str) -> bool:
        return self.platform in ("", platform) and self.verb in ("", verb) and self.number in text


class FaultBook(Generic[FaultName]):
    """The rules in force, oldest first; the first match is used up by one."""

    def __init__(self) -> None:
        self._rules: list[FaultRule[FaultName]] = []

    def add(self, rule: FaultRule[FaultName]) -> None:
        self._rules.append(rule)

    def take(self, platform: str, verb: str, text: str) -> FaultRule[FaultName] | None:
        for index, rule in enumerate(self._rules):
            if not rule.matches(platform, verb, text):
                continue
            if rule.count == 1:
                del self._rules[index]
            elif rule.count > 1:
                self._rules[index] = replace(rule, count=rule.count - 1)
            return rule
        return None

    def clear(self) -> None:
        self._rules.clear()

    @property
    def rules(self) -> tuple[FaultRule[FaultName], ...]:
        return tuple(self._rules)
