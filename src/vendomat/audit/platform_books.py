"""Reads a payment platform's own books, as a file or from where the platform shows them.

Amounts are integer minor units. The platforms' words for how a refund stands become three: open, succeeded, failed.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from vendomat.kernel import ErrorCode, VendomatError

TIMEOUT_S = 30.0
ACCOUNT_COLUMNS = ("channel", "account")
TRADE_COLUMNS = ("channel", "account", "number", "is_paid", "amount_minor", "paid_at", "transaction_id")
REFUND_COLUMNS = ("channel", "account", "number", "refund_number", "state", "amount_minor", "created_at")
_STATES = {"SUCCESS": "succeeded", "PROCESSING": "open"}


class _Account(msgspec.Struct, frozen=True):
    account: str


class _Trade(msgspec.Struct, frozen=True):
    account: str
    number: str
    is_paid: bool
    amount_fen: int
    paid_at: datetime | None = None
    transaction_id: str | None = None


class _Refund(msgspec.Struct, frozen=True):
    account: str
    number: str
    refund_number: str
    state: str
    amount_fen: int
    created_at: datetime


class _Books(msgspec.Struct, frozen=True):
    accounts: list[_Account]
    trades: list[_Trade]
    refunds: list[_Refund]


@dataclass(frozen=True, slots=True)
class BookRows:
    """Rows of `ACCOUNT_COLUMNS`, `TRADE_COLUMNS` and `REFUND_COLUMNS`."""

    accounts: list[tuple[object, ...]]
    trades: list[tuple[object, ...]]
    refunds: list[tuple[object, ...]]


def read_books(channel: str, place: str) -> BookRows:
    """The books of `channel` at `place`. Raises `VendomatError` when they cannot be read."""
    try:
        books = msgspec.json.decode(_fetch(place), type=_Books)
    except (OSError, urllib.error.URLError, msgspec.MsgspecError) as error:
        raise VendomatError(
            ErrorCode.UNAVAILABLE, f"the books of {channel} cannot be read from {place}: {error}; nothing was audited"
        ) from error
    return BookRows(
        accounts=[(channel, a.account) for a in books.accounts],
        trades=[
            (channel, t.account, t.number, t.is_paid, t.amount_fen, t.paid_at, t.transaction_id or "")
            for t in books.trades
        ],
        refunds=[
            (channel, r.account, r.number, r.refund_number, _STATES.get(r.state, "failed"), r.amount_fen, r.created_at)
            for r in books.refunds
        ],
    )


def _fetch(place: str) -> bytes:
    if not place.startswith(("http://", "https://")):
        return Path(place).read_bytes()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(place, timeout=TIMEOUT_S) as answer:
        content: bytes = answer.read()
    return content
