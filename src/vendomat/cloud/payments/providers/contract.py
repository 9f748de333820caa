"""The contract every payment platform is spoken to by: a few verbs and three answers.

A payment is either offered (`start`: a code that the buyer scans, or a page on the buyer's phone; `look_up`, `cancel`)
or charged (`charge`: a code that the buyer shows, or a face; `look_up_charge`, `reverse`). Refunds and notices are the
same for both.

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

from vendomat.cloud.payments.providers.held import Hold
from vendomat.kernel import ErrorCode, Money, VendomatError


class Presentation(StrEnum):
    """How an offered payment reaches the buyer. Every provider can CODE; one that cannot the others refuses them."""

    CODE = "code"  # on our screen, to be scanned: `code_url`
    IN_WALLET = "in_wallet"  # on a page inside the wallet's own browser: `parameters` for its script
    IN_BROWSER = "in_browser"  # in a phone's ordinary browser: `page_url` opens the wallet


class ChargeCredential(StrEnum):
    """What the buyer shows to be charged."""

    BAR_CODE = "bar_code"
    FACE = "face"  # what the platform's own device gave us for a face it recognised


class StartState(StrEnum):
    STARTED = "started"  # a code was issued; what the presentation needs is set
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


class ChargeState(StrEnum):
    PAID = "paid"  # `trade` is set, and verified
    WAITING = "waiting"  # the buyer is asked for a password; look it up
    REFUSED = "refused"  # definitely no money was taken; `reason` says why in our words
    UNKNOWN = "unknown"  # may have been taken: look it up, or reverse it; never charge again


class ChargeRefusal(StrEnum):
    """Why no money was taken, as far as the buyer can do something about it."""

    CODE_EXPIRED = "code_expired"  # too old, used before, or read wrongly: a fresh one may do
    NOT_ENOUGH = "not_enough"
    CARD_REFUSED = "card_refused"
    REFUSED = "refused"


class ReverseState(StrEnum):
    """What became of a charge that had to end. Only REVERSED and PAID are ends."""

    REVERSED = "reversed"  # not paid and never will be; what was taken a moment before is given back by the platform
    PAID = "paid"  # it can no longer be reversed: apply the payment and refund it
    NOT_FOUND = "not_found"  # no charge of this number has arrived; one still on its way may, until its expiry
    UNKNOWN = "unknown"  # no answer, or "again": repeat


class RefundState(StrEnum):
    PROCESSING = "processing"  # accepted, money not yet back
    SUCCEEDED = "succeeded"
    CLOSED = "closed"  # the platform gave up on this number; a person decides on the next ordinal
    ABNORMAL = "abnormal"  # the payer's account cannot take it; a person decides
    NOT_ACCEPTED = "not_accepted"  # the platform has no such refund: repeat the same number
    REFUSED = "refused"  # definite refusal for now (balance, rules): `error`; retry the same number with back-off
    NEVER = "never"  # definite refusal, whenever it is asked again: a person pays the buyer another way
    UNKNOWN = "unknown"


class NoticeKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who will pay, as far as a presentation asks for it. `payer` is the platform's id of them towards this account."""

    payer: str = ""  # IN_WALLET needs it
    ip: str = ""  # IN_BROWSER needs it
    browser: str = "Wap"  # IN_BROWSER: Wap, iOS or Android


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
    presentation: Presentation = Presentation.CODE
    buyer: Buyer = Buyer()
    is_shared: bool = False  # its money is frozen until it is shared out: only where a provider does that


@dataclass(frozen=True, slots=True)
class Started:
    """The answer to an offer. When STARTED, the one field that its presentation names is set."""

    state: StartState
    code_url: str = ""
    error: str = ""
    page_url: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """One payment to be taken by what the buyer shows. `number` as in `StartRequest`.

    `code` is the digits of a bar code or what a face device gave, with `payer` where it gave that too. It is as good as
    money for a minute: it is sent once, kept nowhere and shown in no log. After `expires_at` the platform must not take
    a charge any more, should it arrive that late.
    """

    number: str
    amount: Money
    description: str
    code: str = field(repr=False)
    expires_at: datetime
    notify_url: str
    machine_id: str = ""
    attach: str = ""
    credential: ChargeCredential = ChargeCredential.BAR_CODE
    payer: str = ""


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
    is_about_keys: bool = False  # UNKNOWN, though it answered: it refuses our keys, or ours of it does not fit


@dataclass(frozen=True, slots=True)
class Charged:
    """The answer to a charge. `trade` is set when PAID, `reason` when REFUSED."""

    state: ChargeState
    trade: Trade | None = None
    reason: ChargeRefusal | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Reversed:
    """The answer to a reverse. `has_given_back`: the platform said that it had taken money, and gave it back."""

    state: ReverseState
    error: str = ""
    has_given_back: bool = False


@dataclass(frozen=True, slots=True)
class Cancelled:
    state: CancelState
    error: str = ""


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """One refund row. `refund_number` is fixed before the first call and the same in all retries.

    `is_by_transaction`: the platform knows this payment by its own `transaction_id` only (a collected service order).
    `paid_at`: when the money was taken, where it is known; what is too old to be given back is told by it.
    """

    payment_number: str
    refund_number: str
    amount: Money
    payment_amount: Money
    reason: str
    notify_url: str
    transaction_id: str = ""
    is_by_transaction: bool = False
    paid_at: datetime | None = None


class CameBack(StrEnum):
    """Where a refund ended that did not reach the buyer but the merchant."""

    NO = ""
    BANK = "bank"  # the merchant's bank account
    BALANCE = "balance"  # the merchant's balance at the platform


@dataclass(frozen=True, slots=True)
class Refunded:
    """`came_back`: it succeeded, but not towards the buyer, who is owed it still."""

    state: RefundState
    refund_number: str
    refund_id: str = ""
    amount: Money | None = None
    error: str = ""
    raw: Mapping[str, object] = field(default_factory=dict)
    came_back: CameBack = CameBack.NO


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified notice. Exactly one of `trade`, `refund`, `hold` is set."""

    kind: NoticeKind
    notice_id: str
    trade: Trade | None = None
    refund: Refunded | None = None
    hold: Hold | None = None


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
    takes_codes: bool  # whether this account may charge: it takes keys of its own at some platforms

    async def start(self, request: StartRequest) -> Started: ...

    async def look_up(self, number: str) -> Trade: ...

    async def cancel(self, number: str) -> Cancelled: ...

    async def charge(self, request: ChargeRequest) -> Charged:
        """Take the money for what the buyer shows. To be called once for a number, and never again."""
        ...

    async def look_up_charge(self, number: str, credential: ChargeCredential = ChargeCredential.BAR_CODE) -> Trade:
        """What became of a charge. NOT_PAID with an `error`: it failed, and only a reverse makes that final."""
        ...

    async def reverse(self, number: str, credential: ChargeCredential = ChargeCredential.BAR_CODE) -> Reversed:
        """End a charge: not before fifteen seconds after it, and again until answered. A paid one is given back."""
        ...

    async def refund(self, request: RefundRequest) -> Refunded: ...

    async def look_up_refund(self, request: RefundRequest) -> Refunded: ...

    async def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Verify signature, age (300 s) and account, then decrypt. Raises `NoticeRefusedError`."""
        ...

    def answer_notice(self, *, accepted: bool) -> NoticeAnswer:
        """The platform's expected answer to a notice that was applied or refused."""
        ...

    async def aclose(self) -> None: ...


class TakesNoCodes:
    """A part for providers that offer codes and charge none."""

    takes_codes = False

    async def charge(self, request: ChargeRequest) -> Charged:
        raise no_codes()

    async def look_up_charge(self, number: str, credential: ChargeCredential = ChargeCredential.BAR_CODE) -> Trade:
        raise no_codes()

    async def reverse(self, number: str, credential: ChargeCredential = ChargeCredential.BAR_CODE) -> Reversed:
        raise no_codes()


def no_codes() -> VendomatError:
    return VendomatError(
        ErrorCode.METHOD_UNAVAILABLE,
        "this account cannot take codes that buyers show; no money was taken, scan the code on the screen",
    )
