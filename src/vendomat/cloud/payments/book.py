"""Which provider speaks for a merchant's channel, and how fast it may be asked.

Providers are opened on first need; their settings are read again every few seconds, so that a changed key is taken up
without a restart. An account that is switched off still speaks for what was begun through it. Look-ups go through one
token bucket per account: a platform's limits are kept by waiting, never by giving up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from vendomat.cloud.merchants import PaymentAccount, PaymentAccounts
from vendomat.cloud.payments.providers import CallThreads, Provider, open_provider
from vendomat.kernel import Clock, ErrorCode, VendomatError

log = structlog.get_logger(__name__)

KEPT_S = 10.0
OpenProvider = Callable[..., Provider]
"""Opens one account's provider; the shape of `open_provider`."""


class TokenBucket:
    """At most `rate` a second on average, `burst` at once. `wait_s()` takes a token and says how long that takes."""

    def __init__(self, clock: Clock, rate: float, burst: float) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = clock.elapsed()

    def wait_s(self) -> float:
        now = self._clock.elapsed()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate) - 1.0
        self._at = now
        return max(0.0, -self._tokens / self._rate)


@dataclass(slots=True)
class _Kept:
    """An open provider, the account it was opened for, and when that account was last seen unchanged."""

    account: PaymentAccount
    provider: Provider
    checked_at: float
    is_active: bool


def _not_offered() -> VendomatError:
    return VendomatError(
        ErrorCode.METHOD_UNAVAILABLE, "this way to pay is not offered here; no money was taken, choose another"
    )


class ProviderBook:
    """Provider by (merchant, channel), opened by `open_provider`.

    Each channel has `threads` of its own, so that a platform that hangs leaves the others theirs. `wall` is true time,
    which platforms check.
    """

    def __init__(
        self,
        accounts: PaymentAccounts,
        clock: Clock,
        *,
        threads: int,
        lookups_per_second: float,
        open_provider: OpenProvider = open_provider,
        wall: Clock | None = None,
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._wall = wall or clock
        self._threads_each = threads
        self._threads: dict[str, CallThreads] = {}
        self._open_provider = open_provider
        self._lookups_per_second = lookups_per_second
        self._open: dict[tuple[str, str], _Kept] = {}
        self._replaced: list[Provider] = []
        self._buckets: dict[tuple[str, str], TokenBucket] = {}

    async def offering(self, merchant_id: str, channel: str) -> Provider:
        """As `get`, for a new payment: an account that is switched off takes none."""
        provider = await self.get(merchant_id, channel)
        if not self._open[merchant_id, channel].is_active:
            raise _not_offered()
        return provider

    async def get(self, merchant_id: str, channel: str) -> Provider:
        """Raises `VendomatError(method_unavailable)` when the merchant has no such channel."""
        kept = self._open.get((merchant_id, channel))
        if kept is not None and self._clock.elapsed() - kept.checked_at < KEPT_S:
            return kept.provider
        account = await self._accounts.find(merchant_id, channel)
        if account is None:
            raise _not_offered()
        kept = self._open.get((merchant_id, channel))  # anew: somebody else may have opened it meanwhile
        if kept is not None and kept.account == account:
            kept.checked_at, kept.is_active = self._clock.elapsed(), account.is_active
            return kept.provider
        if channel not in self._threads:
            self._threads[channel] = CallThreads(self._threads_each)
        threads = self._threads[channel]
        provider = self._open_provider(channel, account.settings, clock=self._wall, threads=threads)
        if provider.account != account.account:
            log.error(
                "this payment account is kept under another number than its settings say: no new order goes through "
                "it, and its bills are not found; enter the account again under Ways to pay",
                merchant=merchant_id,
                channel=channel,
                kept=account.account,
                settings=provider.account,
            )
        if kept is not None:
            self._replaced.append(kept.provider)  # calls may be under way: closed at the end
        self._open[merchant_id, channel] = _Kept(account, provider, self._clock.elapsed(), account.is_active)
        return provider

    async def pace(self, merchant_id: str, channel: str) -> None:
        """Wait for the right to look something up."""
        key = (merchant_id, channel)
        if key not in self._buckets:
            rate = self._lookups_per_second
            self._buckets[key] = TokenBucket(self._clock, rate, max(1.0, rate))
        wait_s = self._buckets[key].wait_s()
        if wait_s > 0:
            await self._clock.sleep(wait_s)

    async def aclose(self) -> None:
        for provider in [*self._replaced, *(kept.provider for kept in self._open.values())]:
            await provider.aclose()
        for threads in self._threads.values():
            await threads.aclose()
