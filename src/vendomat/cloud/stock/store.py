"""How stock is kept: on hand, reserved, closed and the record of its last vends per slot, and a move for each change
of what is there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from vendomat.cloud.platform.rows import Executes, execute_rows, fetch_rows

SlotKey = tuple[str, str, str]
"""(merchant_id, machine_id, slot)"""

LOCKED = "locked"
"""The reason of a slot that only a person opens again, after too many vends that ended unknown."""
RECORD_VENDS = 20
"""How many vends a slot remembers."""


@dataclass(slots=True)
class SlotOffer:
    """A slot as it may be sold now, its row locked. `is_promoted`: its merchant has an active promotion; `age_min`: how
    old its buyer must be."""

    product_id: str
    price_minor: int
    currency: str
    on_hand: int
    reserved: int
    closed_reason: str
    is_promoted: bool = False
    age_min: int = 0

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


async def lock_offers(connection: asyncpg.Connection, keys: Sequence[SlotKey]) -> dict[SlotKey, SlotOffer]:
    """The slots of `keys` with product and price, locked in key order. Unknown slots are missing."""
    rows = await fetch_rows(
        connection,
        "SELECT s.merchant_id, s.machine_id, s.slot, p.product_id, p.price_minor, p.currency, s.on_hand, s.reserved, "
        "s.closed_reason, EXISTS (SELECT FROM promotion r WHERE r.merchant_id = s.merchant_id AND r.state = 'active'), "
        "(SELECT d.age_min FROM product d WHERE (d.merchant_id, d.product_id) = (p.merchant_id, p.product_id)) "
        "FROM stock_slot s JOIN planogram_slot p USING (merchant_id, machine_id, slot) "
        "JOIN unnest($1::text[], $2::text[], $3::text[]) AS k(merchant_id, machine_id, slot) "
        "USING (merchant_id, machine_id, slot) ORDER BY s.merchant_id, s.machine_id, s.slot FOR UPDATE OF s",
        keys,
    )
    return {(row[0], row[1], row[2]): SlotOffer(*row[3:]) for row in rows}


@dataclass(frozen=True, slots=True)
class SlotRecord:
    """How vends in a slot ended, oldest first (true: it is not known), and how many such lock it."""

    doubts: Mapping[SlotKey, Sequence[bool]]
    lock_after: int

    def packed(self, key: SlotKey) -> tuple[int, int]:
        """`(how many, their bits)`, the newest in the lowest bit; never more than are remembered."""
        ends = list(self.doubts.get(key, ()))[-RECORD_VENDS:]
        return len(ends), sum(is_doubt << place for place, is_doubt in enumerate(reversed(ends)))


_CHANGE = f"""
WITH n AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::int[], $6::text[], $7::int[], $8::int[])
        AS n(m, i, s, h, r, c, vends, doubts)
), locked AS (
    SELECT s.merchant_id, s.machine_id, s.slot, s.closed_reason AS was,
        ((s.vend_record << n.vends) | n.doubts) & {(1 << RECORD_VENDS) - 1} AS record
    FROM stock_slot s JOIN n ON (s.merchant_id, s.machine_id, s.slot) = (n.m, n.i, n.s)
    ORDER BY n.m, n.i, n.s FOR UPDATE OF s
), told AS (
    SELECT l.*, n.*, n.doubts > 0 AND bit_count(l.record::bit({RECORD_VENDS})) >= $9 AS is_too_often
    FROM n JOIN locked l ON (l.merchant_id, l.machine_id, l.slot) = (n.m, n.i, n.s)
), changed AS (
    UPDATE stock_slot s SET on_hand = s.on_hand + t.h, reserved = s.reserved + t.r, vend_record = t.record,
        closed_reason = CASE WHEN t.is_too_often THEN '{LOCKED}' WHEN s.closed_reason = '' THEN t.c
            ELSE s.closed_reason END
    FROM told t, (SELECT count(*) FROM locked) AS all_locked
    WHERE s.merchant_id = t.m AND s.machine_id = t.i AND s.slot = t.s
)
SELECT m, i, s FROM told WHERE is_too_often AND was <> '{LOCKED}'
"""


async def change_slots(
    connection: asyncpg.Connection,
    changes: Sequence[tuple[SlotKey, int, int, str]],
    record: SlotRecord = SlotRecord({}, RECORD_VENDS),
) -> list[SlotKey]:
    """Add up `(key, on_hand_delta, reserved_delta, close_reason)` per slot and apply each sum once, in key order.

    A slot's first reason to be closed stays, unless it is locked now: those are returned. The constraint refuses a
    negative reservation.
    """
    sums: dict[SlotKey, tuple[int, int, str]] = {}
    for key, on_hand, reserved, reason in changes:
        old = sums.get(key, (0, 0, ""))
        sums[key] = (old[0] + on_hand, old[1] + reserved, old[2] or reason)
    rows = [(*key, *sums[key], *record.packed(key)) for key in sorted(sums)]
    if not rows:
        return []
    columns = [list(column) for column in zip(*rows, strict=True)]
    return [tuple(row) for row in await connection.fetch(_CHANGE, *columns, record.lock_after)]


async def append_moves(connection: Executes, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of (merchant_id, machine_id, slot, kind, quantity, order_id, unit, at)."""
    await execute_rows(
        connection,
        "INSERT INTO stock_move (merchant_id, machine_id, slot, kind, quantity, order_id, unit, at) SELECT * FROM "
        "unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::int[], $8::timestamptz[])",
        rows,
    )


async def slot_holding(
    connection: asyncpg.Connection, merchant_id: str, machine_id: str, product_id: str, *, but_not: Collection[str] = ()
) -> str | None:
    """The slot of the machine, `but_not` one of these, that has most of `product_id` left to promise; None: no slot."""
    slot: str | None = await connection.fetchval(
        "SELECT slot FROM stock_slot s JOIN planogram_slot p USING (merchant_id, machine_id, slot) "
        "JOIN product d USING (merchant_id, product_id) "
        "WHERE merchant_id = $1 AND machine_id = $2 AND p.product_id = $3 AND s.closed_reason = '' AND d.age_min = 0 "
        "AND s.slot <> ALL($4::text[]) AND s.on_hand > s.reserved ORDER BY s.on_hand - s.reserved DESC, slot LIMIT 1",
        merchant_id,
        machine_id,
        product_id,
        list(but_not),
    )
    return slot
