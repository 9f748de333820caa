"""Wallets: money that a member has stored with the merchant, and what may be done with it. Pure.

The ledger's account of the member is the truth, a debt of the merchant's; the wallet is its balance, kept beside it so
that it can be locked and never falls below nothing. A day is the last 24 hours, whatever the time zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from vendomat.kernel import ErrorCode, Money, VendomatError

DAY = timedelta(hours=24)


class WalletRefusal(StrEnum):
    """Why a wallet does not pay, as far as its member can do something about it."""

    SHORT = "wallet_short"
    BLOCKED = "wallet_blocked"
    DAY_LIMIT = "wallet_day_limit"


@dataclass(frozen=True, slots=True)
class WalletLimits:
    """In minor units of the merchant's currency."""

    top_up_min_minor: int
    top_up_max_minor: int
    top_up_day_max_minor: int
    balance_max_minor: int
    spend_day_max_minor: int


@dataclass(frozen=True, slots=True)
class Wallet:
    merchant_id: str
    member_id: str
    currency: str
    balance_minor: int
    is_blocked: bool


@dataclass(frozen=True, slots=True)
class OpenTopUps:
    """What a member has begun to top up: `waiting_minor` is not paid yet, `day_minor` is all of the last day."""

    waiting_minor: int
    day_minor: int


def refusal_of(wallet: Wallet | None, amount: Money, spent_minor: int, limits: WalletLimits) -> WalletRefusal | None:
    """Why this wallet (locked) may not pay `amount`; `spent_minor` is what it paid within the day."""
    if wallet is not None and wallet.is_blocked:
        return WalletRefusal.BLOCKED
    if wallet is None or wallet.currency != amount.currency or wallet.balance_minor < amount.minor_units:
        return WalletRefusal.SHORT
    if spent_minor + amount.minor_units > limits.spend_day_max_minor:
        return WalletRefusal.DAY_LIMIT
    return None


def check_top_up(wallet: Wallet, amount: Money, begun: OpenTopUps, limits: WalletLimits) -> None:
    """Raises `VendomatError` (invalid_amount with the amounts that would do, forbidden, invalid_value)."""
    if wallet.is_blocked:
        raise VendomatError(ErrorCode.FORBIDDEN, "this wallet is blocked; nothing was begun")
    if amount.currency != wallet.currency:
        raise VendomatError(ErrorCode.INVALID_VALUE, f"this wallet holds {wallet.currency}; nothing was begun")
    most = min(
        limits.top_up_max_minor,
        limits.balance_max_minor - wallet.balance_minor - begun.waiting_minor,
        limits.top_up_day_max_minor - begun.day_minor,
    )
    if not limits.top_up_min_minor <= amount.minor_units <= most:
        least = Money(limits.top_up_min_minor, wallet.currency)
        said = f"from {least} to {Money(most, wallet.currency)}" if most >= least.minor_units else "nothing"
        raise VendomatError(
            ErrorCode.INVALID_AMOUNT,
            f"{said} may be topped up now; nothing was begun",
            min_minor=least.minor_units,
            max_minor=max(0, most),
        )
