"""The objects Stripe answers and tells: products, sessions, refunds, events, and its books for the audit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from vendomat.simulator.gateways.stripe import wire
from vendomat.simulator.gateways.stripe.books import StripeBooks
from vendomat.simulator.gateways.stripe.records import (
    RETURNED,
    Account,
    Product,
    Refund,
    RefundState,
    Session,
    SessionState,
)

_AUDITED = {RefundState.SUCCEEDED: "SUCCESS", **dict.fromkeys(RETURNED, "FAILED")}


def seconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None


def product_object(product: Product) -> dict[str, object]:
    return {
        "id": product.product_id,
        "object": "product",
        "active": True,
        "created": seconds(product.created_at),
        "livemode": False,
        "metadata": msgspec.json.decode(product.metadata),
        "name": product.name,
    }


def charge_object(session: Session) -> dict[str, object]:
    return {
        "id": session.charge_id,
        "object": "charge",
        "amount": session.terms.amount,
        "amount_captured": session.taken,
        "captured": session.paid_at is not None,
        "created": seconds(session.held_at or session.paid_at),
        "currency": session.terms.currency,
        "livemode": False,
        "metadata": msgspec.json.decode(session.terms.intent_metadata),
        "paid": True,
        "payment_intent": session.intent_id,
        "status": "succeeded",
    }


def intent_object(session: Session, expand: Sequence[str]) -> dict[str, object]:
    is_whole = "payment_intent.latest_charge" in expand
    return {
        "id": session.intent_id,
        "object": "payment_intent",
        "amount": session.terms.amount,
        "amount_capturable": session.terms.amount if session.is_held else 0,
        "amount_received": session.taken,
        "capture_method": "manual" if session.terms.is_manual else "automatic",
        "created": seconds(session.held_at or session.paid_at),
        "currency": session.terms.currency,
        "latest_charge": charge_object(session) if is_whole else session.charge_id,
        "livemode": False,
        "metadata": msgspec.json.decode(session.terms.intent_metadata),
        "status": _intent_status(session),
    }


def _intent_status(session: Session) -> str:
    if session.is_held:
        return "requires_capture"
    return "canceled" if session.released_at is not None else "succeeded"


def session_object(session: Session, url: str, expand: Sequence[str] = ()) -> dict[str, object]:
    """A session; its payment intent is an id, or whole where `expand` asks for it, and null before anybody paid."""
    terms, is_paid, is_complete = session.terms, session.paid_at is not None, session.state == SessionState.COMPLETE
    intent: object = session.intent_id or None
    if session.intent_id and any(name.startswith("payment_intent") for name in expand):
        intent = intent_object(session, expand)
    return {
        "id": session.session_id,
        "object": "checkout.session",
        "amount_subtotal": terms.amount,
        "amount_total": terms.amount,
        "client_reference_id": terms.number or None,
        "created": seconds(session.created_at),
        "currency": terms.currency,
        "customer_details": {"email": f"{session.payer}@example.com", "name": session.payer} if is_complete else None,
        "expires_at": seconds(terms.expires_at),
        "livemode": False,
        "metadata": msgspec.json.decode(terms.metadata),
        "mode": "payment",
        "payment_intent": intent,
        "payment_method_types": list(terms.payment_method_types),
        "payment_status": "paid" if is_paid else "unpaid",
        "status": session.state.value,
        "success_url": terms.success_url,
        "url": url if session.state == SessionState.OPEN else None,
    }


def refund_object(refund: Refund) -> dict[str, object]:
    answer: dict[str, object] = {
        "id": refund.refund_id,
        "object": "refund",
        "amount": refund.amount,
        "charge": refund.charge_id,
        "created": seconds(refund.created_at),
        "currency": refund.currency,
        "metadata": msgspec.json.decode(refund.metadata),
        "payment_intent": refund.intent_id,
        "reason": refund.reason or None,
        "status": refund.state.value,
    }
    if refund.state == RefundState.FAILED:
        answer["failure_reason"] = "unknown"
    return answer


def balance(account: Account) -> dict[str, object]:
    return {
        "object": "balance",
        "available": [{"amount": account.balance_fen, "currency": account.currency}],
        "livemode": False,
        "pending": [{"amount": 0, "currency": account.currency}],
    }


def page(path: str, objects: Sequence[dict[str, object]], *, has_more: bool) -> dict[str, object]:
    return {"object": "list", "data": list(objects), "has_more": has_more, "url": path}


def event(event_id: str, kind: str, told: dict[str, object], at: datetime) -> dict[str, object]:
    return {
        "id": event_id,
        "object": "event",
        "api_version": wire.API_VERSION,
        "created": seconds(at),
        "data": {"object": told},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }


def books_answer(books: StripeBooks) -> dict[str, object]:
    """The platform's own books for an audit: integers of the smallest unit, every session and refund with its end."""
    return {
        "accounts": [
            {"account": one.account, "name": one.name, "balance_fen": one.balance_fen}
            for one in books.accounts.values()
        ],
        "trades": [
            {
                "account": session.terms.account,
                "number": session.terms.number,
                "transaction_id": session.intent_id,
                "state": session.state,
                "is_paid": session.paid_at is not None,
                "amount_fen": session.taken or session.terms.amount,
                "currency": session.terms.currency.upper(),
                "payer": session.payer,
                "created_at": session.created_at,
                "paid_at": session.paid_at,
                "closed_at": session.ended_at,
                "refunded_fen": books.refunds.taken(session),
            }
            for session in books.sessions.values()
        ],
        "refunds": [
            {
                "account": refund.account,
                "number": refund.number,
                "refund_number": msgspec.json.decode(refund.metadata).get("refund_number", ""),
                "refund_id": refund.refund_id,
                "state": _AUDITED.get(refund.state, "PROCESSING"),
                "amount_fen": refund.amount,
                "created_at": refund.created_at,
                "settled_at": refund.settled_at,
            }
            for refund in books.refunds.all()
        ],
    }
