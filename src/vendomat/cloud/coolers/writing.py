"""One event of one visit in one transaction: the row, the ledger, the stock, the evidence, the alarms.

Whether the door may open is decided here, in the transaction that would open it, and never on an older answer.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import asyncpg

from vendomat.cloud.alarms import AlarmRow, Severity, raise_alarms
from vendomat.cloud.coolers import store
from vendomat.cloud.coolers.model import (
    Alarm,
    MoveStock,
    Note,
    OrderSeen,
    Post,
    Step,
    Visit,
    VisitEvent,
    VisitKey,
)
from vendomat.cloud.coolers.steps import step
from vendomat.cloud.ledger import Entry, post
from vendomat.cloud.orders import note_said
from vendomat.cloud.orders import store as order_rows
from vendomat.cloud.payments import ServiceState
from vendomat.cloud.platform.outbox import OutboxEvent, append_events
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.stock import append_moves, change_slots
from vendomat.kernel import ErrorCode, Ids, VendomatError


async def apply_event(
    connection: asyncpg.Connection, key: VisitKey, event: VisitEvent, *, settings: CloudSettings, ids: Ids
) -> Visit:
    """The visit after `event`, written. Raises `VendomatError` (not_found, conflict)."""
    before = await store.load_visit(connection, key, is_locking=True)
    if before is None:
        raise VendomatError(ErrorCode.NOT_FOUND, "there is no such visit; nothing changed")
    if isinstance(event, OrderSeen) and event.order.state is ServiceState.OPEN:
        event = replace(event, may_open=await _may_open(connection, before, event.at, settings))
    done = step(before, event)
    if done.visit != before:
        await store.save_visit(connection, before, done.visit, event.at)
    await _save_effects(connection, done, event.at, ids)
    if done.visit.state is not before.state:
        data: dict[str, object] = {"state": done.visit.state.value, "machine_id": before.machine_id}
        await append_events(
            connection, [OutboxEvent(before.merchant_id, "visit.changed", before.visit_id, data, event.at)]
        )
    return done.visit


async def _may_open(connection: asyncpg.Connection, visit: Visit, at: datetime, settings: CloudSettings) -> bool:
    await store.lock_door(connection, visit.machine_id)
    fresh_s = settings.lease_s - settings.clock_margin_s
    place = await store.find_place(connection, visit.merchant_id, visit.machine_id, now=at, fresh_s=fresh_s)
    return place is not None and place.is_active and place.is_ready and not place.is_shopping


async def _save_effects(connection: asyncpg.Connection, done: Step, at: datetime, ids: Ids) -> None:
    visit = done.visit
    await post(
        connection,
        [
            Entry(visit.merchant_id, visit.visit_id, visit.currency, at, effect.posting)
            for effect in done.effects
            if isinstance(effect, Post)
        ],
    )
    moves = [effect for effect in done.effects if isinstance(effect, MoveStock)]
    place = (visit.merchant_id, visit.machine_id)
    await change_slots(connection, [((*place, move.slot), -move.pieces, 0, "") for move in moves])
    await append_moves(
        connection, [(*place, move.slot, "taken", -move.pieces, visit.visit_id, 0, at) for move in moves]
    )
    words = [
        (visit.merchant_id, visit.visit_id, at, effect.source, effect.kind, dict(effect.data))
        for effect in done.effects
        if isinstance(effect, Note)
    ]
    await order_rows.append_evidence(connection, words)
    await raise_alarms(
        connection,
        [
            AlarmRow(
                merchant_id=visit.merchant_id,
                machine_id=visit.machine_id,
                kind=effect.kind,
                severity=Severity.CRITICAL if effect.is_critical else Severity.WARNING,
                at=at,
                order_id=visit.visit_id,
                detail=effect.detail,
            )
            for effect in done.effects
            if isinstance(effect, Alarm)
        ],
        ids=ids,
    )
    await note_said(connection, words)
