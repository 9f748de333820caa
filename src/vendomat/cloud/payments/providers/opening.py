"""Opening a provider from a channel's name and plain settings: the one place that knows which channels there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from vendomat.cloud.payments.providers.alipay import AlipayProvider, AlipaySettings
from vendomat.cloud.payments.providers.contract import Provider
from vendomat.cloud.payments.providers.stripe import StripeProvider, StripeSettings
from vendomat.cloud.payments.providers.threads import CallThreads
from vendomat.cloud.payments.providers.wechat import WeChatPayProvider, WeChatSettings
from vendomat.kernel import Clock, ErrorCode, VendomatError

CHANNELS: Mapping[str, tuple[type[Any], Callable[..., Provider]]] = {
    WeChatPayProvider.channel: (WeChatSettings, WeChatPayProvider),
    AlipayProvider.channel: (AlipaySettings, AlipayProvider),
    StripeProvider.channel: (StripeSettings, StripeProvider),
}
"""Settings shape (its docstring says what each setting is) and provider by channel."""


def read_settings(channel: str, settings: Mapping[str, object]) -> Any:
    """`settings` in the shape of the channel. Raises `VendomatError`: unknown channel, missing or unknown setting."""
    if channel not in CHANNELS:
        known = ", ".join(sorted(CHANNELS))
        raise VendomatError(ErrorCode.INVALID_VALUE, f"{channel!r} is not a payment channel; there are: {known}")
    try:
        return msgspec.convert(dict(settings), CHANNELS[channel][0])
    except msgspec.ValidationError as error:  # says which setting, never its value
        raise VendomatError(ErrorCode.INVALID_VALUE, f"settings of a {channel} account: {error}") from error


def open_provider(
    channel: str,
    settings: Mapping[str, object],
    *,
    clock: Clock,
    pool_size: int = 8,
    threads: CallThreads | None = None,
) -> Provider:
    """The provider of one account; no call is made yet.

    With `threads` many accounts share one bounded pool, which then is not closed by `aclose`; without, this provider
    has `pool_size` of its own. Raises `VendomatError`: unknown channel, missing or unknown setting, unusable key.
    """
    read = read_settings(channel, settings)
    _, provider = CHANNELS[channel]
    return provider(read, clock=clock, threads=threads or CallThreads(pool_size), is_owner_of_threads=threads is None)
