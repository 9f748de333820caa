"""Wallets: what members have stored with a merchant, beside the ledger that says so."""

from vendomat.cloud.wallets.hot import follow, lock_wallet, open_wallet, spent_since
from vendomat.cloud.wallets.model import (
    DAY,
    OpenTopUps,
    Wallet,
    WalletLimits,
    WalletRefusal,
    check_top_up,
    refusal_of,
)

__all__ = [
    "DAY",
    "OpenTopUps",
    "Wallet",
    "WalletLimits",
    "WalletRefusal",
    "check_top_up",
    "follow",
    "lock_wallet",
    "open_wallet",
    "refusal_of",
    "spent_since",
]
