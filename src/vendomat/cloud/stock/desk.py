"""The stock desk: what a person says they put into slots, took out, or counted; all of one visit, or nothing of it.

The books follow the person, each difference is a move of stock, and who said it stands in the change log. The machine
hears of it as a new catalogue. Opens no closed slot: that is the alarm's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from vendomat.cloud.catalog import bump_catalogue_versions
from vendomat.cloud.changes import Change, note_change
from vendomat.cloud.merchants import Operator
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.outbox import OutboxEvent, append_events
from vendomat.cloud.stock.model import Deed, Handled, Holding, pieces_after
from vendomat.cloud.stock.store import append_moves
from vendomat.kernel import Clock, ErrorCode, VendomatError

_DONE = {Deed.FILL: "stock.filled", Deed.REMOVE: "stock.removed", Deed.COUNT: "stock.counted"}
_HOLD = """
INSERT INTO stock_slot (merchant_id, machine_id, slot, on_hand)
SELECT merchant_id, machine_id, slot, 0 FROM planogram_slot
WHERE merchant_id = $1 AND machine_id = $2 AND slot = ANY($3) ORDER BY 1, 2, 3
ON CONFLICT (merchant_id, machine_id, slot) DO NOTHING
RETURNING slot
"""
_LOCK = """
SELECT s.slot, p.capacity, s.on_hand, s.reserved
FROM stock_slot s JOIN planogram_slot p USING (merchant_id, machine_id, slot)
WHERE s.merchant_id = $1 AND s.machine_id = $2 AND s.slot = ANY($3)
ORDER BY s.merchant_id, s.machine_id, s.slot FOR UPDATE OF s
"""
_SET = """
UPDATE stock_slot s SET on_hand = n.on_hand FROM unnest($3::text[], $4::int[]) AS n(slot, on_hand)
WHERE s.merchant_id = $1 AND s.machine_id = $2 AND s.slot = n.slot
"""


@dataclass(frozen=True, slots=True)
class Stocked:
    """A slot after it was handled. `before` None: it was never counted."""

    slot: str
    before: int | None
    on_hand: int


@dataclass(frozen=True, slots=True)
class _Visit:
    machine_id: str
    deed: Deed
    reason: str


class StockDesk:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def handle(
        self, operator: Operator, machine_id: str, deed: Deed, handled: Sequence[Handled], *, reason: str
    ) -> list[Stocked]:
        """Each slot once. Raises `VendomatError` (not_found, conflict, invalid_value); then nothing changed."""
        slots = sorted(one.slot for one in handled)
        if len(set(slots)) < len(slots):
            raise VendomatError(ErrorCode.INVALID_VALUE, "a slot is named twice; nothing changed")

        async def write(connection: asyncpg.Connection) -> list[Stocked]:
            held = await self._hold(connection, operator.merchant_id, machine_id, slots)
            if len(held) < len(slots):
                missing = sorted(set(slots) - held.keys())[0]
                raise VendomatError(ErrorCode.NOT_FOUND, f"this machine has no slot {missing}; nothing changed")
            done = [
                Stocked(one.slot, held[one.slot].on_hand, pieces_after(deed, one, held[one.slot])) for one in handled
            ]
            await self._keep(connection, operator, _Visit(machine_id, deed, reason), done)
            return done

        return await self._database.write(write)

    async def _hold(
        self, connection: asyncpg.Connection, merchant_id: str, machine_id: str, slots: Sequence[str]
    ) -> dict[str, Holding]:
        """The slots, locked in key order; those that nobody has counted yet begin here."""
        fresh = {row["slot"] for row in await connection.fetch(_HOLD, merchant_id, machine_id, slots)}
        rows = await connection.fetch(_LOCK, merchant_id, machine_id, slots)
        return {
            row["slot"]: Holding(row["capacity"], None if row["slot"] in fresh else row["on_hand"], row["reserved"])
            for row in rows
        }

    async def _keep(
        self, connection: asyncpg.Connection, operator: Operator, visit: _Visit, done: Sequence[Stocked]
    ) -> None:
        merchant_id, machine_id, deed, now = operator.merchant_id, visit.machine_id, visit.deed, self._clock.now()
        slots, pieces = [one.slot for one in done], [one.on_hand for one in done]
        await connection.execute(_SET, merchant_id, machine_id, slots, pieces)
        kind = "loaded" if deed is Deed.FILL else "adjusted"
        moves = [
            (merchant_id, machine_id, one.slot, kind, one.on_hand - (one.before or 0), "", 0, now)
            for one in done
            if one.on_hand != (one.before or 0)
        ]
        await append_moves(connection, moves)
        await bump_catalogue_versions(connection, [(merchant_id, machine_id)])
        counts = {one.slot: one.on_hand for one in done}
        said: dict[str, object] = {"machine_id": machine_id, "deed": deed.value, "slots": counts}
        await append_events(connection, [OutboxEvent(merchant_id, _DONE[deed], machine_id, said, now)])
        change = Change(
            merchant_id=merchant_id,
            actor=operator.operator_id,
            action=_DONE[deed],
            subject=machine_id,
            at=now,
            reason=visit.reason,
            before={one.slot: one.before for one in done},
            after={one.slot: one.on_hand for one in done},
        )
        await note_change(connection, change)
