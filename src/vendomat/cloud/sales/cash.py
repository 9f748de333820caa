"""Cash that machines tell of: sales they made by themselves, and counts of a box that somebody emptied.

A fact is booked with its place in the inbox, in one transaction, so it is booked once, whatever is repeated and in
whatever order facts arrive: no booking looks at a balance. A count says itself what the machine had expected; the
difference is a loss or a gain with an alarm. Refuses to doubt a machine's word about its own cash box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from vendomat.cloud.alarms import AlarmRow, Severity, raise_alarms
from vendomat.cloud.ledger import Entry, post, postings
from vendomat.cloud.orders import CASH, Key, OrderState, Unit
from vendomat.cloud.payments import CASH_CHANNEL, Payment, PaymentState
from vendomat.cloud.platform.rows import execute_rows
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.effects import Change
from vendomat.cloud.sales.model import CashEnd, CashSold, Purchase
from vendomat.cloud.sales.steps import step
from vendomat.cloud.sales.store import insert_purchases, save
from vendomat.cloud.stock import change_slots, lock_offers
from vendomat.kernel import Ids, Money, derive_id
from vendomat.protocol import CashCount


@dataclass(frozen=True, slots=True)
class CashPiece:
    """One piece that was sold for cash, and how its vend ended."""

    slot: str
    price_minor: int
    end: CashEnd


@dataclass(frozen=True, slots=True)
class CashWord:
    """A cash fact under its origin (`epoch`, `seq`): `pieces` of a sale, or a `count` of the box."""

    merchant_id: str
    machine_id: str
    epoch: int
    seq: int
    currency: str
    at: datetime
    pieces: tuple[CashPiece, ...] = ()
    count: CashCount | None = None

    @property
    def origin(self) -> str:
        return f"{self.epoch}/{self.seq}"

    @property
    def order_key(self) -> Key:
        return (self.merchant_id, derive_id("ord", "cash", self.machine_id, self.epoch, self.seq))


async def book_cash(
    connection: asyncpg.Connection, words: Sequence[CashWord], settings: CloudSettings, ids: Ids
) -> None:
    """Book what is new in the inbox. A sale from a slot that the planogram does not know cannot be booked: alarm."""
    sales = [word for word in words if word.pieces]
    slots = sorted({(w.merchant_id, w.machine_id, piece.slot) for w in sales for piece in w.pieces})
    offers = await lock_offers(connection, slots)
    good = [w for w in sales if all((w.merchant_id, w.machine_id, p.slot) in offers for p in w.pieces)]
    lost = [w for w in sales if w not in good]
    purchases = [
        _purchase(w, [offers[w.merchant_id, w.machine_id, piece.slot].product_id for piece in w.pieces]) for w in good
    ]
    await insert_purchases(connection, purchases, settings)
    # As for every order its units are reserved first: the step that ends a unit frees its place.
    await change_slots(
        connection, [((p.merchant_id, p.machine_id, u.slot), 0, 1, "") for p in purchases for u in p.units]
    )
    changes = []
    for word, purchase in zip(good, purchases, strict=True):
        ends = tuple(piece.end for piece in word.pieces)
        after, effects = step(purchase, CashSold(purchase.payments[0].payment_id, ends, word.origin, word.at))
        changes.append(Change(purchase, after, effects, word.at))
    await save(connection, changes, settings, ids=ids)
    counts = [(word, word.count) for word in words if word.count is not None]
    await _book_counts(connection, counts)
    await raise_alarms(connection, [*_lost(lost), *_differences(counts)], ids=ids)


def _purchase(word: CashWord, products: Sequence[str]) -> Purchase:
    merchant_id, order_id = word.order_key
    total_minor = sum(piece.price_minor for piece in word.pieces)
    payment_id = derive_id("pay", order_id, CASH_CHANNEL)
    return Purchase(
        merchant_id=merchant_id,
        order_id=order_id,
        machine_id=word.machine_id,
        request_id=derive_id("req", order_id),
        origin=CASH,
        state=OrderState.AWAITING_PAYMENT,
        version=1,
        currency=word.currency,
        total_minor=total_minor,
        created_at=word.at,
        expires_at=word.at,
        units=tuple(
            Unit(n, piece.slot, product_id, piece.price_minor)
            for n, (piece, product_id) in enumerate(zip(word.pieces, products, strict=True), start=1)
        ),
        payments=(Payment(payment_id, CASH_CHANNEL, word.machine_id, total_minor, PaymentState.CREATED),),
    )


async def _book_counts(connection: asyncpg.Connection, counts: Sequence[tuple[CashWord, CashCount]]) -> None:
    await execute_rows(
        connection,
        "INSERT INTO cash_count (merchant_id, machine_id, epoch, seq, expected_minor, counted_minor, currency, at) "
        "SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], "
        "$7::text[], $8::timestamptz[])",
        [
            (w.merchant_id, w.machine_id, w.epoch, w.seq, c.expected_minor, c.counted_minor, w.currency, w.at)
            for w, c in counts
        ],
    )
    booked = [
        (word, postings.cash_counted(word.machine_id, word.origin, count.expected_minor, count.counted_minor))
        for word, count in counts
    ]
    await post(
        connection,
        [Entry(w.merchant_id, "", w.currency, w.at, posting) for w, posting in booked if posting is not None],
    )


def _lost(words: Sequence[CashWord]) -> list[AlarmRow]:
    return [
        AlarmRow(
            merchant_id=w.merchant_id,
            machine_id=w.machine_id,
            kind="cash.not_booked",
            severity=Severity.CRITICAL,
            at=w.at,
            detail=f"fact {w.origin}: sold for cash from {', '.join(p.slot for p in w.pieces)}: not in the planogram",
        )
        for w in words
    ]


def _differences(counts: Sequence[tuple[CashWord, CashCount]]) -> list[AlarmRow]:
    return [
        AlarmRow(
            merchant_id=w.merchant_id,
            machine_id=w.machine_id,
            kind="cash.difference",
            severity=Severity.WARNING,
            at=w.at,
            detail=f"fact {w.origin}: counted {Money(c.counted_minor, w.currency)}, "
            f"expected {Money(c.expected_minor, w.currency)}",
        )
        for w, c in counts
        if c.counted_minor != c.expected_minor
    ]
