"""How a purchase is loaded and saved: lists in, a fixed number of statements out, in the caller's transaction.

Rows are locked in key order, orders before slots, in every use case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import asyncpg
import msgspec

from vendomat.cloud.orders import CommandState, Unit, UnitOutcome
from vendomat.cloud.orders import store as order_rows
from vendomat.cloud.payments import Payment, PaymentState
from vendomat.cloud.payments import store as payment_rows
from vendomat.cloud.platform.jobs import enqueue
from vendomat.cloud.platform.rows import AtOnce, Executes
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.command_model import deadline_of
from vendomat.cloud.sales.effects import Change, gather_effects, save_rare_effects
from vendomat.cloud.sales.model import Purchase
from vendomat.kernel import Ids

CHARGE_LIFE = timedelta(seconds=60)
"""A charge that arrives at its platform later than its order's end, and than this, must not be taken any more."""

REFUND_JOB = "refund"
"""The wake-up that a refund was requested; its payload is the refund's number."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A command whose row quotes a nonce: it may be published now that the row is committed."""

    merchant_id: str
    cmd_id: str
    order_id: str
    unit: int
    machine_id: str
    slot: str
    product_id: str
    epoch: int
    nonce: str


async def insert_purchases(connection: Executes, purchases: Sequence[Purchase], settings: CloudSettings) -> None:
    """New orders with their units and payments, as they are before any step."""
    await order_rows.insert_orders(
        connection,
        [
            (
                p.merchant_id,
                p.order_id,
                p.machine_id,
                p.request_id,
                p.origin,
                p.total_minor,
                p.currency,
                _lines(p),
                p.code_id,
                p.member_id,
                p.created_at,
                p.expires_at,
                p.discount_minor,
                p.price_mark,
                msgspec.json.encode(p.fares).decode(),
            )
            for p in purchases
        ],
    )
    await order_rows.insert_units(
        connection,
        [
            (p.merchant_id, p.order_id, u.unit, p.machine_id, u.slot, u.product_id, u.price_minor, u.off_minor)
            for p in purchases
            for u in p.units
        ],
    )
    await _insert_payments(connection, [(p, pay) for p in purchases for pay in p.payments], settings)


def _lines(purchase: Purchase) -> str:
    lines: dict[tuple[str, str, int], int] = {}
    for unit in purchase.units:
        key = (unit.slot, unit.product_id, unit.price_minor + unit.off_minor)
        lines[key] = lines.get(key, 0) + 1
    rows = [
        {"slot": slot, "product_id": product_id, "quantity": quantity, "price_minor": price_minor}
        for (slot, product_id, price_minor), quantity in lines.items()
    ]
    return msgspec.json.encode(rows).decode()


async def _insert_payments(
    connection: Executes, rows: Sequence[tuple[Purchase, Payment]], settings: CloudSettings
) -> None:
    first_poll = timedelta(seconds=settings.payment_poll_first_s)
    first_charge_poll = timedelta(seconds=settings.charge_poll_s)
    await payment_rows.insert_payments(
        connection,
        [
            (
                p.merchant_id,
                pay.payment_id,
                p.order_id,
                pay.channel,
                pay.account,
                pay.amount_minor,
                p.currency,
                pay.began_at or p.created_at,
                max(p.expires_at, pay.began_at + CHARGE_LIFE) if pay.began_at else p.expires_at,
                pay.began_at + first_charge_poll if pay.began_at else p.created_at + first_poll,
                pay.way,
                pay.is_hold,
                p.machine_id,
                pay.tier,
            )
            for p, pay in rows
        ],
    )


async def save(
    connection: asyncpg.Connection,
    changes: Sequence[Change],
    settings: CloudSettings,
    *,
    ids: Ids,
    at_once: AtOnce | None = None,
) -> list[Dispatch]:
    """Write what the steps changed and their effects. Returns the commands to publish after the commit.

    Nearly everything goes in one round trip, and with it what `at_once` gathered before. Last come new commands, whose
    rows are the answer.
    """
    at_once = at_once or AtOnce(connection)
    moved = [c for c in changes if c.before is not None and c.after is not c.before]
    new_commands, moved_commands = _commands(moved, settings)
    await order_rows.update_commands(at_once, moved_commands)
    await order_rows.update_orders(
        at_once,
        [
            (c.after.merchant_id, c.after.order_id, c.after.state, c.after.closing, c.after.version, c.after.ended_at)
            for c in moved
        ],
    )
    await _save_units(at_once, moved)
    await _save_prices(at_once, [c.after for c in moved if c.before and c.after.price_mark != c.before.price_mark])
    await _save_payments(at_once, moved, settings)
    await _save_refunds(connection, at_once, moved)
    every = [(c, effect) for c in changes for effect in c.effects]
    rare = await gather_effects(connection, at_once, every, settings)
    rows = await order_rows.insert_commands(
        at_once, new_commands, fresh_s=settings.lease_s - settings.clock_margin_s, resend_s=settings.resend_s
    )
    await at_once.send()
    await save_rare_effects(connection, rare, ids)
    done = {cmd_id for _, cmd_id, *_, state, _, _ in new_commands if state is CommandState.DONE}
    return [Dispatch(*row) for row in rows if row["nonce"] is not None and row["cmd_id"] not in done]


async def _save_prices(connection: Executes, repriced: Sequence[Purchase]) -> None:
    """Orders that were paid at another of their prices."""
    await order_rows.reprice_orders(
        connection, [(p.merchant_id, p.order_id, p.total_minor, p.discount_minor, p.price_mark) for p in repriced]
    )
    await order_rows.reprice_units(
        connection,
        [(p.merchant_id, p.order_id, u.unit, u.price_minor, u.off_minor) for p in repriced for u in p.units],
    )


def _changed_units(changes: Sequence[Change]) -> Iterator[tuple[Change, Unit, Unit]]:
    for change in changes:
        assert change.before is not None
        for old, new in zip(change.before.units, change.after.units, strict=True):
            if old is not new and old != new:
                yield change, old, new


async def _save_units(connection: Executes, changes: Sequence[Change]) -> None:
    await order_rows.update_units(
        connection,
        [
            (c.after.merchant_id, c.after.order_id, u.unit, u.outcome, u.is_final, u.result, u.reason)
            for c, old, u in _changed_units(changes)
            # A change of the command alone has a row of its own, and so has what was found out later.
            if u != replace(old, command=u.command, finding=u.finding)
        ],
    )
    await order_rows.insert_ambiguities(
        connection,
        [
            (
                c.after.merchant_id,
                c.after.order_id,
                u.unit,
                c.after.machine_id,
                u.slot,
                u.product_id,
                u.price_minor,
                c.after.currency,
                c.at,
            )
            for c, old, u in _changed_units(changes)
            if u.is_final and not old.is_final and u.outcome is UnitOutcome.UNKNOWN
        ],
    )
    await order_rows.set_findings(
        connection,
        [
            (c.after.merchant_id, c.after.order_id, u.unit, u.finding, c.at)
            for c, old, u in _changed_units(changes)
            if u.finding is not old.finding
        ],
    )


def _commands(
    changes: Sequence[Change], settings: CloudSettings
) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """The rows of new commands, and of those that moved."""
    new: list[tuple[object, ...]] = []
    moved: list[tuple[object, ...]] = []
    for change, old, unit in _changed_units(changes):
        after, command = change.after, unit.command
        if command is None or command == old.command:
            continue
        if old.command is not None:
            next_try_at = next_try(unit, change.at, settings)
            moved.append((after.merchant_id, command.cmd_id, command.state, command.heard_at, next_try_at))
            continue
        is_queued = command.state is CommandState.QUEUED
        new.append(
            (
                *(after.merchant_id, command.cmd_id, after.order_id, unit.unit, after.machine_id),
                *(unit.slot, unit.product_id, command.queued_at, command.state, command.heard_at),
                None if is_queued else next_try(unit, change.at, settings),
            )
        )
    return new, moved


def next_try(unit: Unit, now: datetime, settings: CloudSettings) -> datetime:
    """When the unit's command wants attention next: its deadline, its fence, or the next send."""
    command = unit.command
    assert command is not None
    if command.state is CommandState.WAITING:
        return max(now, deadline_of(command, settings))
    if unit.outcome is UnitOutcome.STARTED and command.state is CommandState.QUEUED:
        return command.heard_at + timedelta(seconds=settings.silence_s)
    return now


async def _save_payments(connection: Executes, changes: Sequence[Change], settings: CloudSettings) -> None:
    added, updated, judged, paid_out = [], [], [], []
    for c in changes:
        assert c.before is not None
        old = {p.payment_id: p for p in c.before.payments}
        for p in c.after.payments:
            if p.is_frozen and p != old.get(p.payment_id):
                merchant_id, number = c.after.merchant_id, p.payment_id
                judged.append((merchant_id, number, p.account, p.currency, p.verdict, p.verdict_by))
            if p.payment_id not in old:
                added.append((c.after, p))
            elif p.paid_out_minor != old[p.payment_id].paid_out_minor:
                paid_out.append((c.after.merchant_id, p.payment_id, p.paid_out_minor))
            if p != old.get(p.payment_id, replace(p, state=PaymentState.CREATED, close_wanted=False)):
                updated.append(
                    (
                        c.after.merchant_id,
                        p.payment_id,
                        p.state,
                        p.is_winning,
                        p.is_frozen,
                        p.close_wanted,
                        p.transaction_id,
                        p.captured_minor,
                        p.paid_at,
                        p.said,
                        c.at,
                        p.payer,
                        p.capture_minor,
                    )
                )
    await _insert_payments(connection, added, settings)
    await payment_rows.update_payments(connection, updated)
    await payment_rows.judge_payments(connection, judged)
    await payment_rows.pay_out(connection, paid_out)


async def _save_refunds(connection: asyncpg.Connection, at_once: AtOnce, changes: Sequence[Change]) -> None:
    new_refunds, moved_refunds = [], []
    for c in changes:
        assert c.before is not None
        known = {r.refund_id: r for r in c.before.refunds}
        payers = {p.payment_id: p.payer for p in c.after.payments}
        for r in c.after.refunds:
            ended_at = None if r.is_open else c.at
            if r.refund_id not in known:
                new_refunds.append(
                    (
                        c.after.merchant_id,
                        r.payment_id,
                        r.ordinal,
                        r.refund_id,
                        c.after.order_id,
                        r.amount_minor,
                        r.reason,
                        r.stage,
                        r.approved_by,
                        r.asked_by,
                        c.at,
                        ended_at,
                        r.hand_way,
                        r.hand_reference,
                        r.recorded_by,
                        payers.get(r.payment_id, ""),
                    )
                )
            elif r != known[r.refund_id]:
                moved_refunds.append(
                    (
                        c.after.merchant_id,
                        r.refund_id,
                        r.stage,
                        r.error,
                        r.approved_by,
                        ended_at,
                        c.at,
                        r.send_to,
                        r.send_asked_by,
                        r.came_back,
                    )
                )
    await payment_rows.insert_refunds(at_once, new_refunds)
    await enqueue(connection, REFUND_JOB, [str(row[3]) for row in new_refunds if row[11] is None])
    await payment_rows.update_refunds(at_once, moved_refunds)
