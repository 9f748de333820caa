"""What Stripe's books hold: accounts, products, sessions, refunds, kept answers, and their moves. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from vendomat.kernel import Moves


class SessionState(StrEnum):
    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


class SessionEvent(StrEnum):
    PAY = "pay"
    EXPIRE = "expire"


SESSION_MOVES = Moves(
    "Stripe checkout session",
    SessionState,
    {
        (SessionState.OPEN, SessionEvent.PAY): SessionState.COMPLETE,
        (SessionState.OPEN, SessionEvent.EXPIRE): SessionState.EXPIRED,
    },
    start=SessionState.OPEN,
    final=(SessionState.COMPLETE, SessionState.EXPIRED),
)


class RefundState(StrEnum):
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"  # the buyer is asked where the money shall go
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # the money is the account's again
    CANCELED = "canceled"  # likewise


class RefundEvent(StrEnum):
    SETTLE = "settle"
    ASK = "ask"
    FAIL = "fail"
    CANCEL = "cancel"


REFUND_MOVES = Moves(
    "Stripe refund",
    RefundState,
    {
        (RefundState.PENDING, RefundEvent.SETTLE): RefundState.SUCCEEDED,
        (RefundState.PENDING, RefundEvent.ASK): RefundState.REQUIRES_ACTION,
        (RefundState.PENDING, RefundEvent.FAIL): RefundState.FAILED,
        (RefundState.PENDING, RefundEvent.CANCEL): RefundState.CANCELED,
        (RefundState.REQUIRES_ACTION, RefundEvent.SETTLE): RefundState.SUCCEEDED,
        (RefundState.REQUIRES_ACTION, RefundEvent.CANCEL): RefundState.CANCELED,
    },
    start=RefundState.PENDING,
    final=(RefundState.SUCCEEDED, RefundState.FAILED, RefundState.CANCELED),
)

RETURNED = (RefundState.FAILED, RefundState.CANCELED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account in test mode. `webhook_secrets` are two while one is rolled; `webhook_url` empty: nobody is told."""

    KIND: ClassVar[str] = "stripe_account"

    account: str
    name: str
    secret_key: str
    webhook_secrets: tuple[str, ...]
    balance_fen: int
    webhook_url: str = ""
    currency: str = "cny"
    """In which its balance is kept."""

    fee_basis_points: int = 0
    events: tuple[str, ...] = (
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
        "payment_intent.canceled",
        "refund.updated",
        "refund.failed",
    )

    @property
    def key(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """`metadata` here and below is its JSON text."""

    KIND: ClassVar[str] = "stripe_product"

    account: str
    product_id: str
    name: str
    metadata: str
    created_at: datetime

    @property
    def key(self) -> str:
        return f"{self.account}/{self.product_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a session was made with. `amount` is in the currency's smallest unit."""

    account: str
    number: str
    product_id: str
    name: str
    amount: int
    currency: str
    expires_at: datetime
    success_url: str
    payment_method_types: tuple[str, ...]
    metadata: str
    intent_metadata: str
    is_manual: bool = False
    """Whether a buyer's payment only holds the money until the merchant captures it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    KIND: ClassVar[str] = "stripe_session"

    terms: Terms
    session_id: str
    created_at: datetime
    ordinal: int
    state: SessionState = SessionState.OPEN
    intent_id: str = ""
    charge_id: str = ""
    payer: str = ""
    paid_at: datetime | None = None
    ended_at: datetime | None = None
    held_at: datetime | None = None
    released_at: datetime | None = None
    captured: int = 0
    fee: int = 0
    """What Stripe kept of it when it was taken."""

    @property
    def key(self) -> str:
        return self.session_id

    @property
    def is_held(self) -> bool:
        return self.held_at is not None and self.paid_at is None and self.released_at is None

    @property
    def taken(self) -> int:
        """What the buyer has paid."""
        return (self.captured or self.terms.amount) if self.paid_at is not None else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAsked:
    intent_id: str
    amount: int
    reason: str
    metadata: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """`number` is the session's client reference, for those who look into the books."""

    KIND: ClassVar[str] = "stripe_refund"

    account: str
    number: str
    refund_id: str
    intent_id: str
    charge_id: str
    amount: int
    currency: str
    reason: str
    metadata: str
    created_at: datetime
    settles_at: datetime
    ordinal: int
    settles_as: RefundState = RefundState.SUCCEEDED
    state: RefundState = RefundState.PENDING
    settled_at: datetime | None = None

    @property
    def key(self) -> str:
        return self.refund_id


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What was answered when an idempotency key was first used, a failure too, and to which request."""

    KIND: ClassVar[str] = "stripe_answer"

    account: str
    idempotency_key: str
    request: str
    status: int
    body: str
    kept_at: datetime

    @property
    def key(self) -> str:
        return f"{self.account}/{self.idempotency_key}"
