"""How every part of a provider calls the platform: in bounded threads, with one word for whatever goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import structlog

from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.threads import CallThreads

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")


class Asking:
    """`await asking(work)` is what the blocking `work()` gives. Raises `NotKnownError`, and nothing else."""

    def __init__(self, threads: CallThreads, *, channel: str, account: str) -> None:
        self._threads = threads
        self._channel = channel
        self._account = account

    async def __call__(self, work: Callable[[], Answer]) -> Answer:
        try:
            return await self._threads.call(work)
        except NotKnownError:
            raise
        except Exception as error:  # the library raises bare `Exception`: for money that means "not known"
            log.warning("payment_client_failed", channel=self._channel, account=self._account, exc_info=True)
            raise NotKnownError(f"{type(error).__name__}: {error}"[:200]) from error
