"""The shapes in which a buyer and the console see an order's claim. Amounts are minor units, times UTC.

What the buyer gets names nobody: no operator, no account, no mark of who paid, no transaction number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from vendomat.cloud.claims.buyer_desk import Seen
from vendomat.cloud.claims.evidence import Bar, OrderRecord, RefundRecord, Says, UnitRecord, what_records_say
from vendomat.cloud.claims.model import ClaimState, What, Word
from vendomat.cloud.orders import UnitOutcome
from vendomat.cloud.payments import RefundStage
from vendomat.kernel import reference_of

GoodsState = Literal["delivered", "not_delivered", "not_known", "checking"]
_ENDS: Mapping[UnitOutcome, GoodsState] = {
    UnitOutcome.DELIVERED: "delivered",
    UnitOutcome.NOT_DELIVERED: "not_delivered",
    UnitOutcome.UNKNOWN: "not_known",
}
BackState = Literal["returning", "returned", "waiting"]


class OrderGoodsView(BaseModel):
    """`state` is delivered, not_delivered, not_known (nobody could say; counted as not delivered) or checking."""

    unit: int
    name_zh: str
    name_en: str
    price_minor: int
    state: GoodsState


class MoneyBackView(BaseModel):
    """`state` is returning, returned or waiting (for a person). `by_hand`: it does not come through `channel`."""

    reference: str
    amount_minor: int
    channel: str
    state: BackState
    by_hand: bool
    at: datetime | None


class WordView(BaseModel):
    what: What
    units: list[int]
    text: str
    at: datetime


class BuyersClaimView(BaseModel):
    """`answer` is the reason of one that was declined."""

    state: ClaimState
    since: datetime
    answer: str
    answered_at: datetime | None
    words: list[WordView]


class BuyersOrderView(BaseModel):
    """`reserved_minor` is held and not taken yet, `not_taken_minor` was held and never will be. `bar` says why
    nothing can be claimed, when that is not the claim itself."""

    reference: str
    merchant: str
    service_phone: str
    machine_number: str
    machine_zh: str
    machine_en: str
    created_at: datetime
    paid_minor: int
    reserved_minor: int
    not_taken_minor: int
    currency: str
    channel: str
    goods: list[OrderGoodsView]
    money_back: list[MoneyBackView]
    claim: BuyersClaimView | None
    may_claim: bool
    bar: Bar | Literal[""]
    claim_until: datetime | None


class ClaimView(BaseModel):
    """`records` is what the order's own records say; `payer_claims` is null when it is not known who paid."""

    order_id: str
    reference: str
    machine_id: str
    machine_number: str
    state: ClaimState
    opened_at: datetime
    since: datetime
    total_minor: int
    returned_minor: int
    returning_minor: int
    currency: str
    units: int
    units_delivered: int
    records: Says
    machine_claims: int
    payer_claims: int | None
    words: list[WordView]
    refund_id: str
    decided_by: str
    decided_at: datetime | None
    reason: str


def buyers_view(seen: Seen) -> BuyersOrderView:
    order, claim = seen.order, seen.claim
    paid = order.winning or (order.payments[0] if order.payments else None)
    return BuyersOrderView(
        reference=reference_of(order.order_id),
        merchant=order.merchant,
        service_phone=order.service_phone,
        machine_number=order.machine_number,
        machine_zh=order.machine_zh,
        machine_en=order.machine_en,
        created_at=order.created_at,
        paid_minor=order.paid_minor,
        reserved_minor=sum(p.amount_minor for p in order.payments if p.is_held),
        not_taken_minor=sum(p.not_taken_minor for p in order.payments),
        currency=order.currency,
        channel=paid.channel if paid is not None else "",
        goods=[_goods(unit) for unit in order.units],
        money_back=_money_back(order),
        claim=None
        if claim is None
        else BuyersClaimView(
            state=claim.state,
            since=claim.since,
            answer=claim.reason if claim.state in (ClaimState.DECLINED, ClaimState.REFUSED) else "",
            answered_at=claim.decided_at,
            words=[word_view(word) for word in seen.words],
        ),
        may_claim=seen.may_claim,
        bar=seen.bar if seen.bar is not None else "",
        claim_until=order.claim_until,
    )


def word_view(word: Word) -> WordView:
    return WordView(what=word.what, units=list(word.units), text=word.text, at=word.at)


def _goods(unit: UnitRecord) -> OrderGoodsView:
    state: GoodsState = _ENDS[unit.outcome] if unit.is_final else "checking"
    return OrderGoodsView(
        unit=unit.unit, name_zh=unit.name_zh, name_en=unit.name_en, price_minor=unit.price_minor, state=state
    )


def _money_back(order: OrderRecord) -> list[MoneyBackView]:
    """What went back or will; of goodwill that a second person refused, or a number given up and replaced, nothing."""
    refunds = [record.refund for record in order.refunds]
    channels = {payment.payment_id: payment.channel for payment in order.payments}
    return [
        MoneyBackView(
            reference=reference_of(record.refund.refund_id),
            amount_minor=record.refund.amount_minor,
            channel=channels.get(record.refund.payment_id, ""),
            state=_back_state(record),
            by_hand=record.refund.is_by_hand,
            at=record.ended_at if record.refund.stage is RefundStage.SUCCEEDED else None,
        )
        for record in order.refunds
        if not record.refund.is_replaced_in(refunds)
    ]


def _back_state(record: RefundRecord) -> BackState:
    if record.refund.stage is RefundStage.SUCCEEDED:
        return "returned"
    return "waiting" if record.refund.stage in (RefundStage.HELD, RefundStage.FAILED) else "returning"


def claim_view(row: Mapping[str, Any], words: Sequence[Word]) -> ClaimView:
    """Of a row that `record_store` listed."""
    records = what_records_say(
        units=row["units"], delivered=row["delivered"], not_known=row["not_known"], payments=row["payments"]
    )
    return ClaimView(
        **{
            **row,
            "reference": reference_of(row["order_id"]),
            "units_delivered": row["delivered"],
            "records": records.value,
            "words": [word_view(word) for word in words],
            "decided_by": row["decided_by_name"] or row["decided_by"],
        }
    )
