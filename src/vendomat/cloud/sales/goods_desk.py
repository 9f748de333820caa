"""The goods desk: what a person says about goods after looking: of an ambiguous unit, or of a locked slot.

Each word is kept in the evidence with the person and the reason. Said twice, it is done once. Moves no buyer's money.
"""

from __future__ import annotations

from datetime import datetime

import asyncpg

from vendomat.cloud.alarms import SLOT_LOCKED
from vendomat.cloud.changes import Change, note_change
from vendomat.cloud.merchants import Operator
from vendomat.cloud.orders import FINDING_MOVES, Finding, FindingMove, Unit, UnitOutcome
from vendomat.cloud.orders import store as order_rows
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.outbox import OutboxEvent, append_events
from vendomat.cloud.sales.model import AmbiguityResolved, Purchase, Source
from vendomat.cloud.sales.use_cases import EventFor
from vendomat.cloud.sales.writer import Writer
from vendomat.cloud.stock import LOCKED
from vendomat.kernel import Clock, ErrorCode, IllegalMoveError, VendomatError

_MOVE_TO = {
    Finding.CAME_OUT: FindingMove.SEE_OUT,
    Finding.STAYED_IN: FindingMove.SEE_IN,
    Finding.NOT_KNOWABLE: FindingMove.GIVE_UP,
}
_CLEAR = """
UPDATE alarm SET state = 'cleared', cleared_at = $4
WHERE merchant_id = $1 AND machine_id = $2 AND slot = $3 AND state <> 'cleared'
RETURNING alarm_id, kind, order_id
"""


class GoodsDesk:
    """Raises `VendomatError` (not_found, conflict, illegal_move); then nothing changed."""

    def __init__(self, database: Database, writer: Writer, clock: Clock) -> None:
        self._database = database
        self._writer = writer
        self._clock = clock

    async def resolve(self, operator: Operator, order_id: str, unit: int, finding: Finding, *, reason: str) -> Unit:
        """Say what became of an ambiguous unit; the unit as it stands committed."""
        key = (operator.merchant_id, order_id)
        before = _unit_of(await self._writer.find(key), unit)
        if before.finding is finding:
            return before
        move = _MOVE_TO[finding]
        FINDING_MOVES.next(before.finding, move)
        event = AmbiguityResolved(unit, move, operator.operator_id, reason, self._clock.now())
        purchase = (await self._writer.apply(EventFor(key, event))).purchase
        assert purchase is not None
        after = _unit_of(purchase, unit)
        if after.finding is not finding:  # somebody else was quicker, and said otherwise
            raise IllegalMoveError("somebody has just said otherwise; nothing changed", state=after.finding, event=move)
        return after

    async def unlock(self, operator: Operator, machine_id: str, slot: str, *, reason: str) -> None:
        """Open a locked slot: it begins with a clean record, and its alarms are cleared."""
        now, key = self._clock.now(), (operator.merchant_id, machine_id, slot)
        async with self._database.hot.acquire() as connection, connection.transaction():
            closed = await connection.fetchval(
                "SELECT closed_reason FROM stock_slot WHERE (merchant_id, machine_id, slot) = ($1, $2, $3) FOR UPDATE",
                *key,
            )
            if closed is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such slot")
            if closed != LOCKED:
                raise VendomatError(ErrorCode.CONFLICT, "this slot is not locked; nothing changed")
            await _open_slot(connection, key)
            alarms = await connection.fetch(_CLEAR, *key, now)
            said: dict[str, object] = {"machine_id": machine_id, "slot": slot}
            said |= {"operator_id": operator.operator_id, "reason": reason}
            await _keep(connection, operator.merchant_id, alarms, said=said, now=now)
            change = Change(
                merchant_id=operator.merchant_id,
                actor=operator.operator_id,
                action="slot.unlocked",
                subject=machine_id,
                at=now,
                reason=reason,
                before={"slot": slot, "closed_reason": closed},
                after={"slot": slot, "closed_reason": ""},
            )
            await note_change(connection, change)


async def _open_slot(connection: asyncpg.Connection, key: tuple[str, str, str]) -> None:
    await connection.execute(
        "UPDATE stock_slot SET closed_reason = '', vend_record = 0 "
        "WHERE (merchant_id, machine_id, slot) = ($1, $2, $3)",
        *key,
    )
    await connection.execute(
        "UPDATE machine SET catalogue_version = catalogue_version + 1 WHERE (merchant_id, machine_id) = ($1, $2)",
        *key[:2],
    )


async def _keep(
    connection: asyncpg.Connection,
    merchant_id: str,
    alarms: list[asyncpg.Record],
    *,
    said: dict[str, object],
    now: datetime,
) -> None:
    """The word as evidence of the order that locked the slot, and as events."""
    orders = [row["order_id"] for row in alarms if row["kind"] == SLOT_LOCKED]
    await order_rows.append_evidence(
        connection, [(merchant_id, order_id, now, Source.OPERATOR, "slot.unlocked", said) for order_id in orders]
    )
    cleared = [
        OutboxEvent(
            merchant_id,
            "alarm.cleared",
            row["alarm_id"],
            said | {"alarm_id": row["alarm_id"], "kind": row["kind"], "is_slot_reopened": True},
            now,
        )
        for row in alarms
    ]
    opened = OutboxEvent(merchant_id, "slot.unlocked", str(said["machine_id"]), said, now)
    await append_events(connection, [opened, *cleared])


def _unit_of(purchase: Purchase, number: int) -> Unit:
    unit = next((u for u in purchase.units if u.unit == number), None)
    if unit is None:
        raise VendomatError(ErrorCode.NOT_FOUND, "there is no such unit")
    if unit.outcome is not UnitOutcome.UNKNOWN or not unit.is_final:
        raise VendomatError(ErrorCode.CONFLICT, "this unit was not declared ambiguous; nothing changed")
    return unit
