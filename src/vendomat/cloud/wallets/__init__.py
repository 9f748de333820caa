"""Wallets: what members have stored with a merchant, beside the ledger that says so."""

from vendomat.cloud.wallets.api import MemberViews, members_router
from vendomat.cloud.wallets.hot import (
    follow,
    keep_payout,
    lock_payout,
    lock_wallet,
    open_wallet,
    payouts_of,
    spent_since,
)
from vendomat.cloud.wallets.model import (
    DAY,
    OpenTopUps,
    Wallet,
    WalletLimits,
    WalletRefusal,
    check_top_up,
    refusal_of,
)
from vendomat.cloud.wallets.payouts import (
    GIVES_BACK,
    PAYOUT_MOVES,
    Division,
    Part,
    Payout,
    PayoutMove,
    PayoutState,
    ToppedUp,
    divide,
)
from vendomat.cloud.wallets.service import NEWEST, Offer, WalletBook
from vendomat.cloud.wallets.store import WalletEntry
from vendomat.cloud.wallets.views import WalletStatementView, statement_view

__all__ = [
    "DAY",
    "GIVES_BACK",
    "NEWEST",
    "PAYOUT_MOVES",
    "Division",
    "MemberViews",
    "Offer",
    "OpenTopUps",
    "Part",
    "Payout",
    "PayoutMove",
    "PayoutState",
    "ToppedUp",
    "Wallet",
    "WalletBook",
    "WalletEntry",
    "WalletLimits",
    "WalletRefusal",
    "WalletStatementView",
    "check_top_up",
    "divide",
    "follow",
    "keep_payout",
    "lock_payout",
    "lock_wallet",
    "members_router",
    "open_wallet",
    "payouts_of",
    "refusal_of",
    "spent_since",
    "statement_view",
]
