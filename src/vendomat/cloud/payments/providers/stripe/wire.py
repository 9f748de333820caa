"""Stripe's API as values: what we send, and what its objects and errors mean. Pure; no signature is checked here.

Amounts are integers of the currency's smallest unit, as ours (zero-decimal currencies too); in currencies with three
decimals Stripe charges tens only. A word we do not know is never guessed at: it means UNKNOWN.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from vendomat.cloud.payments.providers.contract import (
    Refunded,
    RefundRequest,
    RefundState,
    StartRequest,
    Trade,
    TradeState,
)
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.held import Hold, HoldState
from vendomat.cloud.payments.providers.limits import cut_to_bytes
from vendomat.kernel import EXPONENTS, Money, VendomatError, derive_id

CURRENCIES = frozenset(EXPONENTS)
SESSION_LIFE = timedelta(minutes=31)
"""Stripe keeps a session open for 30 minutes at least: we end it, or it ends by itself this long after the offer."""

OFFER_LIFE_MAX = timedelta(hours=23)
SESSION_DETAIL = ["payment_intent.latest_charge"]
NAME_BYTES_MAX = 250

REFUND_STATES = {
    "pending": RefundState.PROCESSING,
    "requires_action": RefundState.PROCESSING,  # Stripe asks the buyer for an account to pay to
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.CLOSED,
    "canceled": RefundState.CLOSED,
}
PAYER_CANNOT_TAKE_IT = frozenset({"lost_or_stolen_card", "expired_or_canceled_card"})
"""`failure_reason` of a failed refund that no second try under another number would mend."""

PAID_EVENTS = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})
HOLD_EVENTS = frozenset(
    {"payment_intent.amount_capturable_updated", "payment_intent.succeeded", "payment_intent.canceled"}
)
REFUND_EVENTS = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})

_SIGNATURE = re.compile(r"t=([0-9]{1,11})((?:,v[0-9]=[0-9a-f]{1,128}){1,16})")


class Charge(msgspec.Struct):
    id: str
    created: int


class Intent(msgspec.Struct):
    id: str
    status: str
    latest_charge: Charge | str | None = None
    amount_capturable: int = 0
    amount_received: int = 0
    object: str = ""
    currency: str = ""
    capture_method: str = ""
    metadata: dict[str, str] = {}


class CustomerDetails(msgspec.Struct):
    email: str | None = None


class Session(msgspec.Struct):
    """A Checkout Session; `payment_intent` is whole when it was asked for, else its id."""

    id: str
    object: str
    status: str
    payment_status: str
    amount_total: int
    currency: str
    client_reference_id: str | None = None
    url: str | None = None
    payment_intent: Intent | str | None = None
    customer_details: CustomerDetails | None = None


class SessionPage(msgspec.Struct):
    object: str
    data: list[Session]
    has_more: bool


class Product(msgspec.Struct):
    """Ours of one payment: made before its session, so that without it there is none. `created` is Stripe's time."""

    id: str
    object: str
    created: int
    metadata: dict[str, str]


class Refund(msgspec.Struct):
    id: str
    object: str
    amount: int
    currency: str
    status: str
    metadata: dict[str, str]
    failure_reason: str | None = None


class RefundPage(msgspec.Struct):
    object: str
    data: list[Refund]
    has_more: bool


class _EventData(msgspec.Struct):
    object: msgspec.Raw


class Event(msgspec.Struct):
    id: str
    object: str
    type: str
    created: int
    livemode: bool
    data: _EventData
    account: str | None = None


class _ErrorDetail(msgspec.Struct):
    type: str = ""
    code: str = ""
    message: str = ""


class _ErrorAnswer(msgspec.Struct):
    error: _ErrorDetail


Shape = Any


def decode(body: bytes | msgspec.Raw, shape: type[Shape]) -> Shape:
    """Strict JSON into `shape`; anything else is `NotKnownError`."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotKnownError(f"malformed: {error}") from error


def of_kind(body: bytes | msgspec.Raw, shape: type[Shape], kind: str) -> Shape:
    """As `decode`, for an object that says of itself what it is."""
    value = decode(body, shape)
    if value.object != kind:
        raise NotKnownError(f"a {value.object[:64]!r} was answered where a {kind} was asked for")
    return value


def unfit_amount(amount: Money) -> str:
    """Why Stripe cannot charge or refund `amount`, or an empty text."""
    if EXPONENTS[amount.currency] == 3 and amount.minor_units % 10:
        return f"{amount} cannot be charged: of a currency with three decimals Stripe takes tens only"
    return ""


# what we send


def product(request: StartRequest) -> dict[str, Any]:
    """The product that a payment's session sells. The same request gives the same parameters."""
    return {
        "id": request.number,
        "name": cut_to_bytes(" ".join(request.description.split()), NAME_BYTES_MAX),
        "metadata": {"offered_until": str(int(request.expires_at.timestamp()))},
    }


def session(
    request: StartRequest, *, return_url: str, payment_method_types: tuple[str, ...], is_hold: bool = False
) -> dict[str, Any]:
    """A session for `request`. The same request gives the same parameters, whenever it is sent."""
    manual = {"capture_method": "manual"} if is_hold else {}
    return {
        "mode": "payment",
        "client_reference_id": request.number,
        "success_url": return_url,
        "expires_at": int((request.expires_at + SESSION_LIFE).timestamp()),
        "payment_method_types": list(payment_method_types),
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": request.amount.currency.lower(),
                    "unit_amount": request.amount.minor_units,
                    "product": request.number,
                },
            }
        ],
        "metadata": {"number": request.number, "machine": request.machine_id},
        "payment_intent_data": {"metadata": {"number": request.number, "machine": request.machine_id}, **manual},
    }


def refund(request: RefundRequest, intent_id: str) -> dict[str, Any]:
    return {
        "payment_intent": intent_id,
        "amount": request.amount.minor_units,
        "reason": "requested_by_customer",
        "metadata": {"refund_number": request.refund_number, "why": cut_to_bytes(request.reason, 250)},
    }


# what came back


def is_definite(status: int) -> bool:
    """Whether Stripe answered the question itself: a 4xx that is neither "slow down" nor "still at it"."""
    return 400 <= status < 500 and status not in (408, 409, 429)


def is_locked_out(status: int) -> bool:
    """Whether the key opens nothing: no business was looked at."""
    return status in (401, 403)


def error_code(body: bytes) -> str:
    try:
        return str(decode(body, _ErrorAnswer).error.code)
    except NotKnownError:
        return ""


def error_text(status: int, body: bytes) -> str:
    """Code and message for people, at most 200 characters."""
    try:
        error = decode(body, _ErrorAnswer).error
    except NotKnownError:
        return f"HTTP_{status}"
    return f"{error.code or error.type or f'HTTP_{status}'}: {error.message}"[:200]


def trade_of(found: Session, *, account: str, paid_at: datetime | None = None) -> Trade:
    """What a session says. Raises `NotKnownError` when it does not say it completely."""
    number = found.client_reference_id
    if not number:
        raise NotKnownError("the session carries no number of ours")
    intent_id, charged_at, intent_status = _intent_of(found)
    state = _state_of(found, intent_status)
    if state is TradeState.PAID and not intent_id:
        raise NotKnownError("paid, but without a payment intent")
    email = found.customer_details.email if found.customer_details else None
    return Trade(
        state,
        number,
        transaction_id=intent_id if state is TradeState.PAID else "",
        amount=_money(_received(found) or found.amount_total, found.currency),
        account=account,
        paid_at=(charged_at or paid_at) if state is TradeState.PAID else None,
        payer=derive_id("payer", email) if email else "",  # never an address: the same buyer, and no more
        raw={"session": found.id, "status": found.status, "payment_status": found.payment_status},
    )


_HOLDS = {"requires_capture": HoldState.HELD, "succeeded": HoldState.CAPTURED, "canceled": HoldState.RELEASED}


def hold_of(found: Session, number: str, *, account: str) -> Hold:
    """What a session says of a hold. Raises `NotKnownError` for a status that is none of a hold's."""
    if found.status != "complete":
        state = {"open": HoldState.OFFERED, "expired": HoldState.RELEASED}.get(found.status)
        if state is None:
            raise NotKnownError(f"a session that is {found.status!r} is not known")
        return Hold(state, number, account=account)
    intent = found.payment_intent
    if not isinstance(intent, Intent) or intent.status not in _HOLDS:
        raise NotKnownError("the session does not say what became of its hold")
    return _hold(intent, number, currency=found.currency, account=account)


def hold_told(event: Event, *, account: str) -> Hold | None:
    """The hold that an event about a payment intent tells of; None of one that took its money at once, or not ours."""
    intent = of_kind(event.data.object, Intent, "payment_intent")
    number = intent.metadata.get("number", "")
    if intent.capture_method != "manual" or not number or intent.status not in _HOLDS:
        return None
    return _hold(intent, number, currency=intent.currency, account=account)


def _hold(intent: Intent, number: str, *, currency: str, account: str) -> Hold:
    state = _HOLDS[intent.status]
    minor = {HoldState.HELD: intent.amount_capturable, HoldState.CAPTURED: intent.amount_received}.get(state, 0)
    amount = _money(minor, currency) if minor else None
    if state is not HoldState.RELEASED and amount is None:
        raise NotKnownError("held or captured, but no amount")
    return Hold(state, number, intent.id, amount, account)


def refunded_of(found: Refund, request: RefundRequest) -> Refunded:
    """A refund that carries our number. UNKNOWN with its own amount when that is not the one we meant."""
    said = refund_told(found)
    if said.amount != request.amount:
        error = f"the platform has this refund number with {said.amount}, not {request.amount}"
        return Refunded(RefundState.UNKNOWN, request.refund_number, found.id, said.amount, error, said.raw)
    return said


def refund_told(found: Refund) -> Refunded:
    """What a refund says of itself. Raises `NotKnownError` for a status nobody here knows, or without our number."""
    number = found.metadata.get("refund_number", "")
    if not number or found.status not in REFUND_STATES:
        raise NotKnownError(f"refund {found.id} with status {found.status!r} is not one we know")
    state = REFUND_STATES[found.status]
    if found.status == "failed" and found.failure_reason in PAYER_CANNOT_TAKE_IT:
        state = RefundState.ABNORMAL
    error = found.failure_reason or "" if state in (RefundState.CLOSED, RefundState.ABNORMAL) else ""
    raw = {"refund": found.id, "status": found.status}
    return Refunded(state, number, found.id, _money(found.amount, found.currency), error, raw)


def signed_at(header: str) -> datetime:
    """The time in a `Stripe-Signature` of the documented form."""
    match = _SIGNATURE.fullmatch(header)
    if match is None:
        raise NotKnownError("the signature header is missing or malformed")
    return datetime.fromtimestamp(int(match[1]), UTC)


def trade_told(event: Event, *, account: str) -> Trade:
    """The session in an event; an event of another kind tells of nothing."""
    if not event.type.startswith("checkout.session."):
        return Trade(TradeState.UNKNOWN, "", error=f"event {event.type[:64]!r} says nothing about a payment")
    found = of_kind(event.data.object, Session, "checkout.session")
    at = datetime.fromtimestamp(event.created, UTC) if event.type in PAID_EVENTS else None
    return trade_of(found, account=account, paid_at=at)


def offered_until(found: Product) -> int:
    """Until when the payment was offered, in seconds of UNIX time."""
    try:
        return int(found.metadata["offered_until"])
    except (KeyError, ValueError) as error:
        raise NotKnownError(f"product {found.id} is not one of ours") from error


def _received(found: Session) -> int:
    """What was taken, which of a hold may be less than was offered; 0 where the session does not tell."""
    return found.payment_intent.amount_received if isinstance(found.payment_intent, Intent) else 0


def _intent_of(found: Session) -> tuple[str, datetime | None, str]:
    """(id, when it was charged, status) as far as the session tells."""
    intent = found.payment_intent
    if not isinstance(intent, Intent):
        return intent or "", None, ""
    charge = intent.latest_charge
    return intent.id, datetime.fromtimestamp(charge.created, UTC) if isinstance(charge, Charge) else None, intent.status


def _state_of(found: Session, intent_status: str) -> TradeState:
    match found.status, found.payment_status:
        case "open", "unpaid":
            return TradeState.NOT_PAID
        case "complete", "paid":
            return TradeState.PAID
        case "complete", "unpaid":  # a slow means of payment: the money may come yet, or has failed for good
            is_over = intent_status in ("canceled", "requires_payment_method")
            return TradeState.CLOSED if is_over else TradeState.NOT_PAID
        case "expired", "unpaid":
            return TradeState.CLOSED
    raise NotKnownError(f"a session that is {found.status!r} and {found.payment_status!r} is not known")


def _money(amount: int, currency: str) -> Money:
    try:
        return Money(amount, currency.upper())
    except VendomatError as error:
        raise NotKnownError(error.message) from error


Parameters = Mapping[str, Any]
