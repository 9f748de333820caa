"""How the effects of steps are kept: ledger, stock, events, evidence, alarms; a fixed number of statements per list.

A slot whose vends end unknown too often is locked here, because its record spans orders: no single purchase knows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from vendomat.cloud import alarms, codes, promotions, wallets
from vendomat.cloud.catalog import bump_catalogue_versions
from vendomat.cloud.ledger import Entry, post
from vendomat.cloud.orders import note_said
from vendomat.cloud.orders import store as order_rows
from vendomat.cloud.platform.outbox import OutboxEvent, append_events
from vendomat.cloud.platform.rows import AtOnce, execute_rows
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.model import (
    Effect,
    GiveCouponBack,
    MoveStock,
    Note,
    Post,
    Purchase,
    RaiseAlarm,
    RestoreCode,
    SecurityAlert,
    SettleUses,
    Tell,
    VendEnd,
)
from vendomat.cloud.stock import RECORD_VENDS, SlotKey, SlotRecord, append_moves, change_slots
from vendomat.kernel import Ids
from vendomat.pricing import Quote


@dataclass(frozen=True, slots=True)
class Change:
    """A purchase before and after a batch of steps (`before` None: new), with their effects and the time."""

    before: Purchase | None
    after: Purchase
    effects: tuple[Effect, ...]
    at: datetime


async def gather_effects(
    connection: asyncpg.Connection, at_once: AtOnce, every: Sequence[tuple[Change, Effect]], settings: CloudSettings
) -> list[tuple[Change, Effect]]:
    """Gather what the steps caused, in their order. Returns what is left for `save_rare_effects` once that was sent."""
    entries = [
        Entry(c.after.merchant_id, c.after.order_id, e.currency or c.after.currency, c.at, e.posting)
        for c, e in every
        if isinstance(e, Post)
    ]
    await post(at_once, entries)
    await wallets.follow(at_once, entries)
    locked = await _save_moves(connection, at_once, [(c, e) for c, e in every if isinstance(e, MoveStock)], settings)
    await append_events(
        at_once,
        [
            OutboxEvent(c.after.merchant_id, e.kind, c.after.order_id, dict(e.data), c.at)
            for c, e in every
            if isinstance(e, Tell)
        ],
    )
    await order_rows.append_evidence(at_once, _words(every))
    await _settle_uses(at_once, [(c.after, e.is_paid) for c, e in every if isinstance(e, SettleUses)])
    await promotions.give_coupons_back(
        at_once, [(c.after.merchant_id, c.after.order_id) for c, e in every if isinstance(e, GiveCouponBack)]
    )
    return [*every, *locked]


def _words(every: Sequence[tuple[Change, Effect]]) -> list[tuple[object, ...]]:
    return [
        (c.after.merchant_id, c.after.order_id, c.at, e.source, e.kind, dict(e.data))
        for c, e in every
        if isinstance(e, Note)
    ]


async def _settle_uses(at_once: AtOnce, settled: Sequence[tuple[Purchase, bool]]) -> None:
    paid = [purchase for purchase, is_paid in settled if is_paid]
    await promotions.confirm_uses(at_once, [(p.merchant_id, p.order_id) for p in paid if not p.fares])
    await promotions.confirm_fares(
        at_once, [(p.merchant_id, p.order_id, _fare_paid(p).gifts_by_unit()) for p in paid if p.fares]
    )
    await promotions.release_uses(at_once, [(p.merchant_id, p.order_id) for p, is_paid in settled if not is_paid])


def _fare_paid(purchase: Purchase) -> Quote:
    """The one of its prices that it was paid at."""
    return next(fare.quote for fare in purchase.fares if fare.quote.mark == purchase.price_mark)


async def _save_moves(
    connection: asyncpg.Connection, at_once: AtOnce, moves: Sequence[tuple[Change, MoveStock]], settings: CloudSettings
) -> list[tuple[Change, Effect]]:
    """Write the stock; returns the alarm of each slot that is locked by it."""
    doubts: dict[SlotKey, list[bool]] = {}
    last_doubt: dict[SlotKey, Change] = {}
    for c, e in moves:
        key = (c.after.merchant_id, c.after.machine_id, e.slot)
        if e.vend is not None:
            doubts.setdefault(key, []).append(e.vend is VendEnd.NOT_KNOWN)
        if e.vend is VendEnd.NOT_KNOWN:
            last_doubt[key] = c
    locked = await change_slots(
        connection,
        [
            ((c.after.merchant_id, c.after.machine_id, e.slot), -e.delivered, -e.released, e.close_reason)
            for c, e in moves
        ],
        SlotRecord(doubts, settings.slot_lock_after),
    )
    closed = {(c.after.merchant_id, c.after.machine_id) for c, e in moves if e.close_reason}
    await bump_catalogue_versions(connection, sorted(closed))
    await append_moves(
        at_once,
        [
            (c.after.merchant_id, c.after.machine_id, e.slot, "delivered", e.delivered, c.after.order_id, e.unit, c.at)
            for c, e in moves
            if e.delivered
        ],
    )
    detail = f"{settings.slot_lock_after} of its last {RECORD_VENDS} vends ended unknown: jam, blind sensor or fraud"
    return [(last_doubt[key], RaiseAlarm(alarms.SLOT_LOCKED, "critical", key[2], detail)) for key in locked]


async def save_rare_effects(connection: asyncpg.Connection, every: Sequence[tuple[Change, Effect]], ids: Ids) -> None:
    """Write what follows the rest: alarms, codes that are good again, attacks, and what machines said."""
    await alarms.raise_alarms(
        connection,
        [
            alarms.AlarmRow(
                merchant_id=c.after.merchant_id,
                machine_id=c.after.machine_id,
                kind=e.kind,
                severity=alarms.Severity(e.severity),
                at=c.at,
                slot=e.slot,
                order_id=c.after.order_id,
                detail=e.detail,
            )
            for c, e in every
            if isinstance(e, RaiseAlarm)
        ],
        ids=ids,
    )
    await codes.restore(
        connection,
        [(c.after.merchant_id, e.code_id) for c, e in every if isinstance(e, RestoreCode)],
    )
    await execute_rows(
        connection,
        "INSERT INTO security_event (merchant_id, at, kind, source, detail) SELECT * FROM "
        "unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::jsonb[])",
        [
            (c.after.merchant_id, c.at, e.kind, c.after.machine_id, dict(e.data))
            for c, e in every
            if isinstance(e, SecurityAlert)
        ],
    )
    await note_said(connection, _words(every))
