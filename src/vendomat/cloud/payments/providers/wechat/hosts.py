"""The platform's two hosts: what the first does not answer is asked of the second, with the same number and content.

The one that answered last is asked first, and the platform's own first host again after a minute. Refuses to repeat a
charge: the code that a buyer shows is sent once.
"""

from __future__ import annotations

from collections.abc import Callable

from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.transport import HttpAnswer, Transport
from vendomat.kernel import Clock

SECOND_FOR_S = 60.0
FIRST_HOST, SECOND_HOST = "https://api.mch.weixin.qq.com", "https://api2.mch.weixin.qq.com"


def second_of(base_url: str, standby_url: str) -> str:
    """Where the second host is: as said, else the platform's own beside its own; nowhere beside another."""
    return standby_url or (SECOND_HOST if base_url.rstrip("/") == FIRST_HOST else "")


class Hosts:
    """Both hosts, or one where there is no `second`. Thread-safe."""

    def __init__(self, first: Transport, second: Transport | None, clock: Clock) -> None:
        self._first = first
        self._second = second
        self._clock = clock
        self._second_until_s = 0.0

    def exchange(self, send: Callable[[Transport], HttpAnswer], *, may_repeat: bool) -> HttpAnswer:
        """`send` makes one call, with a signature of its own. Raises `NotKnownError` when nobody answered."""
        is_second = self._second is not None and self._clock.elapsed() < self._second_until_s
        hosts = [self._second, self._first] if is_second else [self._first, self._second]
        asked = [host for host in hosts if host is not None]
        for host in asked[: -1 if may_repeat else 0]:
            try:
                answer = send(host)
            except NotKnownError:
                continue
            if not _is_turned_away(answer):
                return answer
        last = asked[-1 if may_repeat else 0]
        answer = send(last)
        if may_repeat and not _is_turned_away(answer):
            self._second_until_s = self._clock.elapsed() + SECOND_FOR_S if last is self._second else 0.0
        return answer

    def close(self) -> None:
        for host in (self._first, self._second):
            if host is not None:
                host.close()


def _is_turned_away(answer: HttpAnswer) -> bool:
    """202 asks for the same again, a 5xx says nothing."""
    return answer.status == 202 or answer.status >= 500
