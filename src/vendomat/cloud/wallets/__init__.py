"""Wallets: what members have stored with a merchant, beside the ledger that says so."""

from vendomat.cloud.wallets.api import members_router
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
from vendomat.cloud.wallets.service import NEWEST, Offer, WalletBook
from vendomat.cloud.wallets.store import WalletEntry
from vendomat.cloud.wallets.views import StatementView, statement_view

__all__ = [
    "DAY",
    "NEWEST",
    "Offer",
    "OpenTopUps",
    "StatementView",
    "Wallet",
    "WalletBook",
    "WalletEntry",
    "WalletLimits",
    "WalletRefusal",
    "check_top_up",
    "follow",
    "lock_wallet",
    "members_router",
    "open_wallet",
    "refusal_of",
    "spent_since",
    "statement_view",
]
