"""What a buyer may do with the link to an order: see what became of it, and say that something is wrong.

Without the link an order is found by what the wallet's bill shows: a number (the platform's transaction, our payment
number on it, or the reference the machine showed), the amount, and the minute. The first two numbers cannot be guessed;
the short reference could be tried, so the amount and the minute have to fit too, and tries are counted by whoever
calls. Wrong, unknown and foreign are one answer. Refuses to give money: a claim is words for a person.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import asyncpg

from vendomat.cloud.claims import record_store, store
from vendomat.cloud.claims.evidence import Bar, OrderRecord, bar_of, goes_back_already
from vendomat.cloud.claims.model import MOVES, Claim, Said, What, Word, may_say, step
from vendomat.cloud.orders import BuyerLinks
from vendomat.cloud.orders import store as order_rows
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.outbox import OutboxEvent, append_events
from vendomat.kernel import Clock, ErrorCode, Money, VendomatError, derive_id

MINUTE_TOLERANCE = timedelta(seconds=150)
"""The bill shows the minute in which the platform booked; its clock, and the buyer's eye, may be one off."""

_REFERENCE = re.compile(r"([0-9a-z]{4})[- ]?([0-9a-z]{4})", re.ASCII)
_NUMBER = re.compile(r"[0-9A-Za-z_-]{10,64}", re.ASCII)
_BARRED = {
    Bar.NOT_PAID: "nothing was paid for this order",
    Bar.CODE: "this was paid with a pickup code, which has no money to give back; call the number on the machine",
    Bar.UNDER_WAY: "the machine is not done with this order yet; wait a moment",
    Bar.TOO_LATE: "this was too long ago; call the number on the machine",
}


@dataclass(frozen=True, slots=True)
class Bill:
    """What the wallet's bill says: a number, the amount as written (`5.50`), and when."""

    number: str
    amount: str
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class Saying:
    """`units` are those it is about; none means it is not said. The same `request_id` again says nothing new."""

    request_id: str
    what: What
    units: tuple[int, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Seen:
    """An order and its claim at one moment."""

    order: OrderRecord
    claim: Claim | None
    words: tuple[Word, ...]
    at: datetime

    @property
    def bar(self) -> Bar | None:
        return bar_of(self.order, self.at)

    @property
    def may_claim(self) -> bool:
        return self.bar is None and (self.claim is None or may_say(self.claim))


class BuyerDesk:
    """All merchants' buyers; each sees the order of their link."""

    def __init__(self, database: Database, links: BuyerLinks, clock: Clock) -> None:
        self._database = database
        self._links = links
        self._clock = clock

    async def see(self, token: str) -> Seen:
        """Raises `VendomatError(not_found)`, for any token that opens nothing."""
        key = self._links.order_of(token)
        if key is None:
            raise no_order()
        async with self._database.merchant(key[0], is_snapshot=True) as connection:
            order = await record_store.read_order(connection, *key)
            claimed = await record_store.read_claim(connection, *key)
        if order is None:
            raise no_order()
        claim, words = claimed or (None, [])
        return Seen(order, claim, tuple(words), self._clock.now())

    async def find(self, bill: Bill) -> str:
        """The token of the one order that fits the bill. Raises `VendomatError(not_found)`."""
        number, found = bill.number.strip(), []
        reference = _REFERENCE.fullmatch(number.lower())
        async with self._database.hot.acquire() as connection:
            if reference is not None:
                found = await store.find_paid_by_reference(connection, reference[1] + reference[2], bill.paid_at)
            elif _NUMBER.fullmatch(number) is not None:
                found = await store.find_paid_by_number(connection, number)
        fitting = {(paid.merchant_id, paid.order_id) for paid in found if _fits(paid, bill)}
        if len(fitting) != 1:
            raise no_order()
        return self._links.token_of(*fitting.pop())

    async def say(self, token: str, saying: Saying) -> bool:
        """Whether it is now a claim that a person reads; False when the money goes back already, and nothing is kept.

        Raises `VendomatError` (not_found; conflict when nothing can be claimed; illegal_move when it was decided).
        """
        seen = await self.see(token)
        if seen.bar is not None:
            raise VendomatError(ErrorCode.CONFLICT, f"{_BARRED[seen.bar]}; nothing was sent")
        if not set(saying.units) <= {unit.unit for unit in seen.order.units}:
            raise VendomatError(ErrorCode.INVALID_VALUE, "this order has no such piece; nothing was sent")
        if goes_back_already(seen.order, saying.what, saying.units):
            return False
        await self._database.write(partial(self._say, order=seen.order, saying=saying, at=seen.at))
        return True

    async def _say(self, connection: asyncpg.Connection, *, order: OrderRecord, saying: Saying, at: datetime) -> None:
        word_id = derive_id("clw", order.order_id, saying.request_id)
        word = Word(word_id, saying.what, tuple(sorted(set(saying.units))), saying.text, at)
        payer = order.winning.payer if order.winning is not None else ""
        claim = Claim(order.merchant_id, order.order_id, order.machine_id, payer, MOVES.start, at, at)
        is_new = await store.insert_claim(connection, claim)
        before = claim if is_new else await store.lock_claim(connection, claim.merchant_id, claim.order_id)
        assert before is not None, "it was there when ours was refused, and claims are never deleted"
        if not await store.insert_word(connection, claim, word):
            return
        after = before if is_new else step(before, Said(at))
        if not is_new:
            await store.update_claim(connection, after)
        await _tell(connection, after, word, is_new=is_new, is_reopened=after.state is not before.state)


async def _tell(connection: asyncpg.Connection, claim: Claim, word: Word, *, is_new: bool, is_reopened: bool) -> None:
    """The order's evidence and whoever listens; the buyer's own text stays with the claim."""
    kind = "claim.opened" if is_new else "claim.reopened" if is_reopened else "claim.added"
    data = {"what": word.what.value, "units": list(word.units), "word_id": word.word_id}
    await order_rows.append_evidence(connection, [(claim.merchant_id, claim.order_id, word.at, "cloud", kind, data)])
    told: dict[str, object] = {"machine_id": claim.machine_id, "state": claim.state.value}
    await append_events(connection, [OutboxEvent(claim.merchant_id, kind, claim.order_id, told, word.at)])


def no_order() -> VendomatError:
    return VendomatError(ErrorCode.NOT_FOUND, "no order fits this; look at the number, the amount and the time again")


def _fits(paid: store.Paid, bill: Bill) -> bool:
    try:
        amount = Money.from_decimal_text(bill.amount, paid.currency)
    except VendomatError:
        return False  # no amount of this currency is written so
    is_near = abs(paid.paid_at - bill.paid_at) <= MINUTE_TOLERANCE
    return is_near and amount.minor_units == paid.captured_minor
