"""The shapes in which wallets are shown. Amounts are minor units, times UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel

from vendomat.cloud.wallets.store import WalletEntry
from vendomat.kernel import reference_of


class WalletEntryView(BaseModel):
    """One movement; what came in is positive. `reference` is the order's, as its buyer knows it."""

    entry: int
    kind: str
    order_id: str
    reference: str
    amount_minor: int
    balance_minor: int
    at: datetime


class WalletStatementView(BaseModel):
    """Newest first. `next_before` asks for the older ones; null when there are none."""

    data: list[WalletEntryView]
    next_before: int | None


def statement_view(entries: Sequence[WalletEntry], limit: int) -> WalletStatementView:
    """`entries` are one more than `limit` when there are more."""
    data = [
        WalletEntryView(
            entry=e.entry,
            kind=e.kind,
            order_id=e.order_id,
            reference=reference_of(e.order_id) if e.order_id else "",
            amount_minor=e.amount_minor,
            balance_minor=e.balance_minor,
            at=e.at,
        )
        for e in entries[:limit]
    ]
    return WalletStatementView(data=data, next_before=data[-1].entry if len(entries) > limit else None)
