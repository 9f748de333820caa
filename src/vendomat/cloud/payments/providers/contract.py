"""The contract every payment platform is spoken to by: five verbs and three answers.

A verb never raises for what the platform says; it answers with a value. A time-out, a broken connection, a 5xx or an
answer that cannot be verified is `UNKNOWN`, which is neither yes nor no: it is resolved later by looking up the same
number, never by a new one. Only a wrong set-up (unusable key, missing setting) or a number of the wrong form raises
`VendomatError`. A cancelled coroutine counts as UNKNOWN: its request may still be on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from vendomat.kernel import Money


class StartState(StrEnum):
    STARTED = "started"  # a code was issued; `code_url` is set
    REFUSED = "refused"  # definitely not created and not payable; `error` says why
    UNKNOWN = "unknown"  # may exist: repeat the same number with the same parameters, or cancel it; no new number yet


class TradeState(StrEnum):
    """What the platform says of one payment number.

    NOT_FOUND means "no trade; a code already issued may still be payable until its expiry": some platforms make the
    trade only when the buyer scans. Only CLOSED, or `cancel` answering CLOSED, or the platform's expiry (at most a
    minute after `expires_at`) plus two minutes, ends a payment.
    """

    NOT_PAID = "not_paid"  # exists (or is payable though not scanned yet), no money so far
    PAID = "paid"  # money was taken, whatever was refunded since
    CLOSED = "closed"  # can no longer be paid and was never paid
    NOT_FOUND = "not_found"  # no trade of this number; not an end, see above
    UNKNOWN = "unknown"


class CancelState(StrEnum):
    CLOSED = "closed"  # confirmed: can no longer be paid and never was
    PAID = "paid"  # refused because it was paid: apply the payment instead
    UNKNOWN = "unknown"  # look up and try again


class RefundState(StrEnum):
    PROCESSING = "processing"  # accepted, money not yet back
    SUCCEEDED = "succeeded"
    CLOSED = "closed"  # the platform gave up on this number; a person decides on the next ordinal
    ABNORMAL = "abnormal"  # the payer's account cannot take it; a person decides
    NOT_ACCEPTED = "not_accepted"  # the platform has no such refund: repeat the same number
    REFUSED = "refused"  # definite refusal for now (balance, rules): `error`; retry the same number with back-off
    UNKNOWN = "unknown"


class NoticeKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class StartRequest:
    """One payment to be offered. `number` is ours, fixed before the first call, `[0-9A-Za-z_]{6,32}`."""

    number: str
    amount: Money
    description: str
    expires_at: datetime
    notify_url: str
    machine_id: str = ""
    attach: str = ""


@dataclass(frozen=True, slots=True)
class Started:
    state: StartState
    code_url: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Trade:
    """The platform's view of a payment. When PAID, amount, account and transaction id are set and verified data."""

    state: TradeState
    number: str
    transaction_id: str = ""
    amount: Money | None = None
    account: str = ""  # mchid, app_id ... that received the money
    paid_at: datetime | None = None
    payer: str = ""  # the platform's opaque payer id
    error: str = ""
    raw: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cancelled:
    state: CancelState
    error: str = ""


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """One refund row. `refund_number` is fixed before the first call and the same in all retries."""

    payment_number: str
    refund_number: str
    amount: Money
    payment_amount: Money
    reason: str
    notify_url: str
    transaction_id: str = ""


@dataclass(frozen=True, slots=True)
class Refunded:
    state: RefundState
    refund_number: str
    refund_id: str = ""
    amount: Money | None = None
    error: str = ""
    raw: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified notice. Exactly one of `trade`, `refund` is set."""

    kind: NoticeKind
    notice_id: str
    trade: Trade | None = None
    refund: Refunded | None = None


@dataclass(frozen=True, slots=True)
class NoticeAnswer:
    """What the platform expects back over HTTP."""

    status: int
    body: bytes
    media_type: str


class NoticeRefusedError(Exception):
    """The notice is forged, stale, malformed or not for this account. Nothing may change. `reason` is for the log.

    `is_probe` marks the platform's own test of our signature check: refuse it, but raise no alarm.
    """

    def __init__(self, reason: str, *, is_probe: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_probe = is_probe


class Provider(Protocol):
    """One account at one platform. Verbs are coroutines; blocking clients run in a bounded thread pool inside."""

    channel: str
    account: str

    async def start(self, request: StartRequest) -> Started: ...

    async def look_up(self, number: str) -> Trade: ...

    async def cancel(self, number: str) -> Cancelled: ...

    async def refund(self, request: RefundRequest) -> Refunded: ...

    async def look_up_refund(self, request: RefundRequest) -> Refunded: ...

    async def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Verify signature, age (300 s) and account, then decrypt. Raises `NoticeRefusedError`."""
        ...

    def answer_notice(self, *, accepted: bool) -> NoticeAnswer:
        """The platform's expected answer to a notice that was applied or refused."""
        ...

    async def aclose(self) -> None: ...
