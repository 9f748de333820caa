"""Asking a platform about money it holds for us: take it, give it up, or only look. The row says which.

The same number every time, and never a second one: a capture or release that was not answered is asked for again, and
the provider looks before it acts. Refuses to decide anything: what the answers mean is the steps' business.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg

from vendomat.cloud.payments import Hold, HoldsMoney, HoldState, Provider, Trade, TradeState
from vendomat.cloud.sales.model import PaymentClosed, PaymentHeld
from vendomat.kernel import ErrorCode, Money, VendomatError


def takes_after_goods(provider: Provider) -> bool:
    """Whether payments of this account are held first."""
    return isinstance(provider, HoldsMoney) and provider.is_holding


def holder(provider: Provider) -> HoldsMoney:
    """`provider` as one that can hold. Raises `VendomatError(method_unavailable)`: the row stays due."""
    if not isinstance(provider, HoldsMoney):
        raise VendomatError(ErrorCode.METHOD_UNAVAILABLE, "this platform holds no money; nothing was asked")
    return provider


async def ask_hold(provider: Provider, row: asyncpg.Record) -> Hold:
    """One question about the hold of a due row."""
    holds, number = holder(provider), row["payment_id"]
    if row["capture_minor"]:
        return await holds.capture(number, Money(row["capture_minor"], row["currency"]))
    if row["close_wanted"]:
        return await holds.release(number)
    return await holds.look_up_hold(number)


def taken(hold: Hold) -> Trade:
    """A captured hold as the payment that it is from now on."""
    return Trade(
        TradeState.PAID,
        hold.number,
        transaction_id=hold.transaction_id,
        amount=hold.amount,
        account=hold.account,
    )


def event_of(hold: Hold, *, via: str, grace: timedelta, at: datetime) -> PaymentHeld | PaymentClosed | None:
    """What an answer tells of money that was not taken; None when it tells nothing new."""
    if hold.state is HoldState.RELEASED:
        return PaymentClosed(hold.number, at)
    if hold.state is not HoldState.HELD or hold.amount is None:
        return None
    return PaymentHeld(
        payment_id=hold.number,
        account=hold.account,
        amount_minor=hold.amount.minor_units,
        currency=hold.amount.currency,
        transaction_id=hold.transaction_id,
        via=via,
        grace=grace,
        at=at,
    )
