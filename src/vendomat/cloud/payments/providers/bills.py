"""What a platform's bill of a day says, whatever its file looks like.

A bill is fetched whole into a file, its hash checked, and read row by row: a day may have a million rows. A reader that
meets a row it does not understand, or whose own sums are not those at the bill's end, raises `BillError`: a bill is
taken whole or not at all. Days are the platform's (Asia/Shanghai for WeChat Pay and Alipay).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class BillKind(StrEnum):
    TRADE = "trade"  # what was paid and refunded, with fees
    FUND_FLOW = "fund_flow"  # what moved on our account at the platform


class BillState(StrEnum):
    READY = "ready"  # the file is there, its hash was right
    EMPTY = "empty"  # definite: nothing happened on that day
    NOT_YET = "not_yet"  # not made yet: ask later
    REFUSED = "refused"  # definite: `error` says why (no right, day out of range)
    UNKNOWN = "unknown"  # no answer, a broken download, a hash that is not the promised one: ask again


class BillRowKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"


class BillRowStatus(StrEnum):
    SUCCEEDED = "succeeded"
    PROCESSING = "processing"  # as of the making of the bill: never updated there
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FetchedBill:
    """`sha256` is the hex digest of the file as it lies on our disk; both are empty unless READY."""

    state: BillState
    sha256: str = ""
    size_bytes: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One payment or refund. `row` counts from 1 in the file; amounts are minor units and not negative.

    `amount_minor` is what the order cost the payer, or what was asked back; `fee_minor` is positive when the platform
    took it and negative when it gave it back.
    """

    row: int
    kind: BillRowKind
    status: BillRowStatus
    at: datetime
    payment_number: str
    transaction_id: str
    amount_minor: int
    currency: str
    fee_minor: int = 0
    refund_number: str = ""
    refund_id: str = ""


@dataclass(frozen=True, slots=True)
class FundRow:
    """One movement on our account. `amount_minor` is positive when it came in; `balance_minor` stands after it."""

    row: int
    at: datetime
    flow_id: str
    business: str
    amount_minor: int
    balance_minor: int
    reference: str = ""  # the platform's or our number of what moved it


class BillError(Exception):
    """The file is not a bill as agreed: nothing of it may be used. `reason` names the row or the sum."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ForeignBillError(BillError):
    """A bill, but of another account."""


class BillSource(Protocol):
    """What a provider with bills also does."""

    channel: str
    account: str

    async def fetch_bill(self, kind: BillKind, day: date, into: Path) -> FetchedBill:
        """The file of `day` at `into`, replaced whole. Never raises for what the platform says."""
        ...

    def read_trades(self, path: Path) -> Iterator[TradeRow]:
        """Row by row, in flat memory. Raises `BillError`, at the latest after the last row."""
        ...

    def read_funds(self, path: Path) -> Iterator[FundRow]:
        """As `read_trades`."""
        ...
