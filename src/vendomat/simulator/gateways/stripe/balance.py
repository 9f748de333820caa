"""Stripe's balance transactions: everything that moved an account's money, made from its books. Pure.

A payment stands with its fee, a refund without one, for Stripe keeps the fee; a refund that failed brings its money
back by a transaction of its own. Differences that a test orders change this list, and never a book.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from vendomat.simulator.gateways.daily_bills import BillChange, BillDifference, TradeLine, trade_lines
from vendomat.simulator.gateways.funds import Transfer, day_of, digits_of
from vendomat.simulator.gateways.stripe.books import PAYOUT, StripeBooks
from vendomat.simulator.gateways.stripe.records import RETURNED, Account, Refund, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """`source` is the object that moved it, as an answer shows it when it is asked for whole."""

    at: datetime
    name: str
    kind: str
    amount: int
    currency: str
    source: dict[str, object]
    fee: int = 0

    @property
    def transaction_id(self) -> str:
        return f"txn_3{digits_of(self.name, 22)}"

    def to_object(self, *, is_whole: bool) -> dict[str, object]:
        return {
            "id": self.transaction_id,
            "object": "balance_transaction",
            "amount": self.amount,
            "created": int(self.at.timestamp()),
            "currency": self.currency,
            "fee": self.fee,
            "net": self.amount - self.fee,
            "reporting_category": self.kind,
            "source": self.source if is_whole else self.source["id"],
            "status": "available",
            "type": self.kind,
        }


def movements_of(books: StripeBooks, account: Account, changes: Sequence[BillChange]) -> list[Movement]:
    """The newest first, under `changes`."""
    sessions = [one for one in books.sessions.values() if one.terms.account == account.account]
    refunds = [one for one in books.refunds.all() if one.account == account.account]
    lines = [_payment_line(one) for one in sessions if one.paid_at is not None] + [_refund_line(one) for one in refunds]
    found = list(_of_lines(_changed(lines, changes), account))
    found += [_failure(one) for one in refunds if one.state in RETURNED and one.settled_at is not None]
    found += [_transfer(one, account) for one in books.transfers.of(account.account) if one.amount_fen]
    return sorted(found, key=lambda one: one.at)[::-1]


def _payment_line(session: Session) -> TradeLine:
    assert session.paid_at is not None, "only what was paid moves money"
    return TradeLine(
        at=session.paid_at,
        number=session.terms.number,
        transaction_id=session.intent_id,
        amount_fen=session.taken,
        fee_fen=session.fee,
        state=session.terms.currency,
        attach=session.charge_id,
    )


def _refund_line(refund: Refund) -> TradeLine:
    return TradeLine(
        at=refund.created_at,
        number=refund.number,
        transaction_id=refund.intent_id,
        amount_fen=refund.amount,
        fee_fen=0,
        state=refund.currency,
        attach=refund.charge_id,
        is_refund=True,
        refund_number=str(msgspec.json.decode(refund.metadata).get("refund_number", "")),
        refund_id=refund.refund_id,
    )


def _changed(lines: Sequence[TradeLine], changes: Sequence[BillChange]) -> list[TradeLine]:
    """All days' lines, each day under its changes."""
    days = {day_of(line.at) for line in lines} | {change.day for change in changes}
    for change in changes:
        if change.difference is BillDifference.SHIFT:
            shift = timedelta(seconds=change.seconds)
            days |= {day_of(line.at + shift) for line in lines if line.own_number == change.number}
    return [line for day in sorted(days) for line in trade_lines(lines, day, changes)]


def _of_lines(lines: Iterable[TradeLine], account: Account) -> Iterator[Movement]:
    times: Counter[str] = Counter()
    for line in lines:
        currency = account.currency if line.state == "SUCCESS" else line.state  # of money nobody here knows
        common = {"amount": line.amount_fen, "currency": currency, "payment_intent": line.transaction_id}
        if line.is_refund:
            source = {"id": line.refund_id, "object": "refund", "charge": line.attach, **common}
            source["metadata"] = {"refund_number": line.refund_number}
        else:
            source = {"id": line.attach or f"ch_3{digits_of(line.number, 22)}", "object": "charge", **common}
            source["metadata"] = {"number": line.number}
        name = f"{source['id']}"
        times[name] += 1
        yield Movement(
            at=line.at,
            name=f"{name}/{times[name]}",
            kind="refund" if line.is_refund else "charge",
            amount=-line.amount_fen if line.is_refund else line.amount_fen,
            currency=currency,
            source=source,
            fee=line.fee_fen,
        )


def _failure(refund: Refund) -> Movement:
    assert refund.settled_at is not None
    source: dict[str, object] = {
        "id": refund.refund_id,
        "object": "refund",
        "amount": refund.amount,
        "currency": refund.currency,
        "payment_intent": refund.intent_id,
        "metadata": msgspec.json.decode(refund.metadata),
    }
    return Movement(
        at=refund.settled_at,
        name=f"{refund.refund_id}/failed",
        kind="refund_failure",
        amount=refund.amount,
        currency=refund.currency,
        source=source,
    )


def _transfer(transfer: Transfer, account: Account) -> Movement:
    kind = PAYOUT if transfer.name == PAYOUT else "topup" if transfer.amount_fen > 0 else "adjustment"
    return Movement(
        at=transfer.at,
        name=transfer.key,
        kind=kind,
        amount=transfer.amount_fen,
        currency=account.currency,
        source={"id": f"{kind[:2]}_1{digits_of(transfer.key, 22)}", "object": kind},
    )
