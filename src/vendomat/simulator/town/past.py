"""Ninety days before a demo began: cash sales of its machines, booked by the code that books cash.

So every figure opens to its orders, the ledger balances and the audit agrees. All of it is cash: no platform's bill
lacks it. It is made up, and says so: in the change log, and by its run 0, which no machine has. No slot was ever empty.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from vendomat.cloud.app import CURRENCY, Seeded, load_stock
from vendomat.cloud.catalog import seed_products
from vendomat.cloud.changes import Change, note_change
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.outbox import InboxFact
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales import CashPiece, VendItem, apply_vend_facts, cash_word
from vendomat.kernel import Clock, Ids
from vendomat.protocol import CashCount, CashSale, CashUnit, Fact, FactKind, VendResult

DAYS = 90
RUN = 0
_ZONE = ZoneInfo("Asia/Shanghai")
_AT_ONCE = 256
_WEEKDAY = (1.0, 1.0, 1.05, 1.0, 1.2, 0.75, 0.6)
_HOURS = {8: 6, 9: 5, 10: 4, 11: 6, 12: 10, 13: 8, 14: 5, 15: 6, 16: 5, 17: 7, 18: 9, 19: 6, 20: 4, 21: 2, 22: 1}
_LIKED = {"water": 9, "cola": 8, "tea": 6, "coffee": 6, "snack": 5, "milk": 4, "juice": 4, "chocolate": 3}
_SPANS = (
    "INSERT INTO slot_span (merchant_id, machine_id, slot, since, until, product_id, state) "
    "SELECT merchant_id, machine_id, slot, $1, $2, product_id, 'selling' FROM planogram_slot WHERE merchant_id = $3"
)
_MACHINES_MAX = 10
_A_DAY = (16, 12, 9, 14, 7)


async def sell_past(database: Database, owner_url: str, seeded: Seeded, *, clock: Clock, ids: Ids) -> int:
    """Sell until now, at the first ten machines; how many pieces. It takes two seconds for three of them."""
    now = clock.now()
    items = list(_Past(seeded, random.Random(DAYS)).items(now))
    began = items[0].fact.at
    await _make_partitions(owner_url, began.date(), now.date())
    settings, sold = CloudSettings(), 0
    for week in _weeks(items):
        await _load(database, seeded, week)
        for first in range(0, len(week), _AT_ONCE):
            async with database.hot.acquire() as connection, connection.transaction():
                await apply_vend_facts(connection, week[first : first + _AT_ONCE], settings, ids)
        sold += sum(len(_pieces(item)) for item in week)
    await database.hot.execute(_SPANS, began, now, seeded.merchant_id)
    async with database.merchant(seeded.merchant_id) as connection:
        change = Change(
            merchant_id=seeded.merchant_id,
            actor=seeded.operator_id,
            action="demo.past",
            subject=seeded.merchant_id,
            at=now,
            after={"days": DAYS, "sales": sold},
        )
        await note_change(connection, change)
    return sold


class _Past:
    """What each machine would have told, in the order of time."""

    def __init__(self, seeded: Seeded, chance: random.Random) -> None:
        self._seeded = seeded
        self._chance = chance
        products = {product.key: product for product in seed_products()}
        self._slots = {slot: products[key] for slot, key in seeded.slots.items()}
        self._weights = [_LIKED.get(product.key, 2) for product in self._slots.values()]
        machine_ids = [machine.machine_id for machine in seeded.machines[:_MACHINES_MAX]]
        self._in_box = dict.fromkeys(machine_ids, 0)
        self._next = {machine_id: itertools.count(1) for machine_id in machine_ids}

    def items(self, now: datetime) -> Iterator[VendItem]:
        today = now.astimezone(_ZONE).date()
        for ago in range(DAYS, -1, -1):
            yield from (item for item in self._day(today - timedelta(days=ago)) if item.fact.at < now)

    def _day(self, day: date) -> Iterator[VendItem]:
        if day.weekday() == 0:
            for machine_id in self._in_box:
                yield self._count(machine_id, datetime.combine(day, time(7, 30), _ZONE))
        moments = sorted(
            (datetime.combine(day, time(hour), _ZONE) + timedelta(seconds=self._chance.randrange(3_600)), machine_id)
            for machine_id, a_day in zip(self._in_box, itertools.cycle(_A_DAY), strict=False)
            for hour in self._chance.choices(list(_HOURS), list(_HOURS.values()), k=self._many(a_day, day))
        )
        for at, machine_id in moments:
            yield self._sale(machine_id, at)

    def _many(self, a_day: int, day: date) -> int:
        return max(0, round(self._chance.gauss(a_day, a_day**0.5) * _WEEKDAY[day.weekday()]))

    def _sale(self, machine_id: str, at: datetime) -> VendItem:
        (slot,) = self._chance.choices(list(self._slots), self._weights)
        price_minor = self._slots[slot].price_fen
        self._in_box[machine_id] += price_minor
        unit = CashUnit(slot=slot, price_minor=price_minor, result=VendResult.DELIVERED)
        return self._item(machine_id, at, FactKind.CASH_SALE, CashSale(currency=CURRENCY, units=[unit]))

    def _count(self, machine_id: str, at: datetime) -> VendItem:
        inside, self._in_box[machine_id] = self._in_box[machine_id], 0
        count = CashCount(currency=CURRENCY, expected_minor=inside, counted_minor=inside)
        return self._item(machine_id, at, FactKind.CASH_COUNT, count)

    def _item(self, machine_id: str, at: datetime, kind: FactKind, body: CashSale | CashCount) -> VendItem:
        merchant_id, moment, seq = self._seeded.merchant_id, at.astimezone(UTC), next(self._next[machine_id])
        raw = msgspec.Raw(msgspec.json.encode(body))
        fact = Fact(epoch=RUN, seq=seq, kind=kind, at=moment.isoformat(), body=raw)
        inbox = InboxFact(merchant_id, machine_id, RUN, seq, fact.digest(), kind, moment)
        return VendItem(inbox, (merchant_id, ""), None, cash=cash_word(fact, merchant_id, machine_id, moment))


def _pieces(item: VendItem) -> tuple[CashPiece, ...]:
    return item.cash.pieces if item.cash is not None else ()


def _weeks(items: list[VendItem]) -> Iterator[list[VendItem]]:
    for _, week in itertools.groupby(items, lambda item: item.fact.at.isocalendar()[:2]):
        yield list(week)


async def _load(database: Database, seeded: Seeded, week: list[VendItem]) -> None:
    """What the week will sell, filled in at its beginning."""
    async with database.merchant(seeded.merchant_id) as connection:
        for machine in seeded.machines:
            ours = (item for item in week if item.fact.machine_id == machine.machine_id)
            loads = Counter(piece.slot for item in ours for piece in _pieces(item))
            if loads:
                await load_stock(connection, seeded.merchant_id, machine.machine_id, loads=loads, at=week[0].fact.at)


async def _make_partitions(owner_url: str, first: date, last: date) -> None:
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute(
            "SELECT make_month_partitions(m::date) FROM generate_series(date_trunc('month', $1::date), $2::date, "
            "interval '1 month') m",
            first - timedelta(days=1),
            last,
        )
    finally:
        await connection.close()
