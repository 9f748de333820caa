"""Steps of a purchase: its units and their commands. Pure.

One command per unit, the next one after the previous unit's outcome. Silence proves nothing: it asks for a fence, and
only the declared deadline turns not knowing into a final, booked ambiguity.
"""

from __future__ import annotations

from dataclasses import replace

from vendomat.cloud.ledger import Posting, postings
from vendomat.cloud.orders import (
    CASH,
    COMMAND_MOVES,
    UNIT_MOVES,
    Command,
    CommandMove,
    CommandState,
    OrderMove,
    OrderState,
    Unit,
    UnitMove,
    UnitOutcome,
)
from vendomat.cloud.sales.desk_model import RefundAsked
from vendomat.cloud.sales.finding_steps import after_final, pieces_of
from vendomat.cloud.sales.hold_steps import unit_posting
from vendomat.cloud.sales.model import (
    CommandSilent,
    DeadlinePassed,
    MoveStock,
    Note,
    Post,
    Purchase,
    RaiseAlarm,
    SecurityAlert,
    Source,
    Step,
    Tell,
    VendEnd,
    VendFactSeen,
    VendSaid,
)
from vendomat.cloud.sales.refund_steps import settle
from vendomat.kernel import derive_id


def command_number(order_id: str, unit: int) -> str:
    """The unit's one command id: it follows from the unit, so there can never be a second one."""
    return derive_id("cmd", order_id, unit)


def queue_next(now: Step) -> Step:
    """Queue the command of the next unit that has none, unless one is still unanswered. A machine that sold by itself
    is commanded nothing."""
    if now.purchase.origin == CASH:
        return now
    for unit in now.purchase.units:
        if unit.is_final or (unit.command and unit.command.state is CommandState.WAITING):
            continue
        if unit.command is not None:
            return now
        cmd_id = command_number(now.purchase.order_id, unit.unit)
        command = Command(cmd_id, CommandState.QUEUED, queued_at=now.at, heard_at=now.at)
        said = {"cmd_id": cmd_id, "unit": unit.unit, "slot": unit.slot}
        return now.set_unit(replace(unit, command=command)).plus(Note(Source.CLOUD, "command.queued", said))
    return now


def _unit_of(purchase: Purchase, cmd_id: str) -> tuple[Unit, Command] | None:
    for unit in purchase.units:
        if unit.command is not None and unit.command.cmd_id == cmd_id:
            return unit, unit.command
    return None


_MOVE_OF = {
    VendSaid.STARTED: UnitMove.START,
    VendSaid.DELIVERED: UnitMove.DELIVER,
    VendSaid.NOT_DELIVERED: UnitMove.FAIL,
    VendSaid.UNKNOWN: UnitMove.LOSE_SIGHT,
}


def on_vend_fact(now: Step, event: VendFactSeen) -> Step:
    found = _unit_of(now.purchase, event.cmd_id)
    if found is None or event.machine_id != now.purchase.machine_id:
        claim = {"cmd_id": event.cmd_id, "machine_id": event.machine_id}
        return now.plus(SecurityAlert("vend_fact_of_foreign_command", claim))
    unit, command = found
    said = {"cmd_id": event.cmd_id, "unit": unit.unit, "slot": unit.slot, "origin": event.origin}
    words = said | {"result": event.result, "reason": event.reason} | _measured(event)
    now = now.plus(Note(Source.TERMINAL, f"vend.{event.said}", words))
    if unit.is_final:
        return after_final(now, unit, event)
    if event.said is VendSaid.STARTED:
        if unit.outcome is not UnitOutcome.PENDING:
            return now
        started = replace(unit, outcome=UNIT_MOVES.next(unit.outcome, UnitMove.START))
        now = now.set_unit(replace(started, command=replace(command, heard_at=event.at)))
        return now.move_order(OrderMove.START) if now.purchase.state is OrderState.PAID else now
    if event.said is VendSaid.UNKNOWN:
        waiting = command
        if command.state is not CommandState.WAITING:
            waiting = replace(command, state=COMMAND_MOVES.next(command.state, CommandMove.WAIT), heard_at=event.at)
        unsure = replace(unit, outcome=UNIT_MOVES.next(unit.outcome, UnitMove.LOSE_SIGHT), result=event.result)
        return queue_next(now.set_unit(replace(unsure, reason=event.reason, command=waiting)))
    return finish_unit(now, unit, _MOVE_OF[event.said], result=event.result, reason=event.reason)


def _measured(event: VendFactSeen) -> dict[str, object]:
    figures = {"motor_ms": event.motor_ms, "drop_ms": event.drop_ms, "turns": event.turns}
    return {name: figure for name, figure in figures.items() if figure is not None}


def final_unit(unit: Unit, move: UnitMove, result: str, reason: str) -> Unit:
    command = unit.command
    if command is not None and command.state is not CommandState.DONE:
        command = replace(command, state=COMMAND_MOVES.next(command.state, CommandMove.END))
    outcome = UNIT_MOVES.next(unit.outcome, move)
    return replace(unit, outcome=outcome, is_final=True, result=result, reason=reason, command=command)


def finish_unit(now: Step, unit: Unit, move: UnitMove, *, result: str, reason: str) -> Step:
    """The unit's last word: book it, free or take its stock, close a slot that failed, go on with the next."""
    done = final_unit(unit, move, result, reason)
    if done.outcome is UnitOutcome.DELIVERED:
        now = now.plus(MoveStock(unit.slot, unit.unit, pieces_of(result), 1, vend=VendEnd.KNOWN))
    elif done.outcome is UnitOutcome.NOT_DELIVERED:
        now = _quarantine(now, unit, result) if result else now.plus(MoveStock(unit.slot, unit.unit, 0, 1))
    else:
        now = _quarantine(now, unit, "unknown")
    said = {"unit": unit.unit, "slot": unit.slot, "outcome": done.outcome.value, "reason": reason or result}
    now = now.set_unit(done).plus(*_posts(now.purchase, done), Tell("vend." + done.outcome.value, said))
    return settle(queue_next(now))


def _posts(purchase: Purchase, done: Unit) -> tuple[Post, ...]:
    """What the last word about a unit books."""
    posting: Posting | None
    order_id, price_minor = purchase.order_id, done.price_minor
    if purchase.winning is not None and purchase.winning.is_hold:
        posting = unit_posting(purchase, done)
    elif done.outcome is UnitOutcome.DELIVERED:
        posting = postings.unit_delivered(order_id, done.unit, purchase.merchant_id, price_minor)
    elif done.outcome is UnitOutcome.NOT_DELIVERED:
        posting = postings.unit_not_delivered(order_id, done.unit, price_minor)
    else:
        posting = postings.unit_ambiguous(order_id, done.unit, price_minor)
    return () if posting is None else (Post(posting),)


def _quarantine(now: Step, unit: Unit, result: str) -> Step:
    """A slot that failed is not offered again until it was looked at."""
    detail = f"{now.purchase.order_id} unit {unit.unit}: {result}"
    vend = VendEnd.NOT_KNOWN if result == "unknown" else VendEnd.KNOWN
    return now.plus(
        MoveStock(unit.slot, unit.unit, 0, 1, close_reason=result, vend=vend),
        RaiseAlarm("vend_failed" if result != "unknown" else "vend_unknown", "critical", unit.slot, detail),
    )


def on_command_silent(now: Step, event: CommandSilent) -> Step:
    found = _unit_of(now.purchase, event.cmd_id)
    if found is None or found[1].state is not CommandState.QUEUED:
        return now
    unit, command = found
    if not event.was_sent and command.nonce_at is None:  # else another worker has sent it since the row was read
        said = {"cmd_id": event.cmd_id, "unit": unit.unit}
        return finish_unit(
            now.plus(Note(Source.CLOUD, "command.never_sent", said)),
            unit,
            UnitMove.FAIL,
            result="",
            reason="machine unreachable",
        )
    fencing = replace(command, state=COMMAND_MOVES.next(command.state, CommandMove.FALL_SILENT))
    said = {"cmd_id": event.cmd_id, "unit": unit.unit}
    return now.set_unit(replace(unit, command=fencing)).plus(Note(Source.CLOUD, "command.fencing", said))


def on_deadline(now: Step, event: DeadlinePassed) -> Step:
    found = _unit_of(now.purchase, event.cmd_id)
    if found is None or found[0].is_final:
        return now
    unit = found[0]
    said = {"cmd_id": event.cmd_id, "unit": unit.unit}
    now = now.plus(Note(Source.CLOUD, "vend.declared_ambiguous", said))
    return finish_unit(
        now, unit, UnitMove.LOSE_SIGHT, result=unit.result or "unknown", reason="not known at the deadline"
    )


def on_refund_asked(now: Step, event: RefundAsked) -> Step:
    """One outcome for each unit, whoever asks: what has not been begun ends, what may have been begun is fenced or
    waited for. A machine that answered is never contradicted."""
    if now.purchase.state not in (OrderState.PAID, OrderState.DISPENSING):
        return now
    return call_off(now.plus(Note(Source.OPERATOR, "refund.asked", {"by": event.by, "reason": event.reason})))


def call_off(now: Step, reason: str = "refund asked") -> Step:
    """End what has not begun, fence what may have."""
    for unit in now.purchase.units:
        if unit.is_final:
            continue
        if unit.command is None:
            now = _end_unbegun(now, unit, reason)
        elif unit.command.state is CommandState.QUEUED and unit.outcome is UnitOutcome.PENDING:
            fencing = replace(unit.command, state=COMMAND_MOVES.next(unit.command.state, CommandMove.FALL_SILENT))
            said = {"cmd_id": unit.command.cmd_id, "unit": unit.unit}
            now = now.set_unit(replace(unit, command=fencing)).plus(Note(Source.CLOUD, "command.fencing", said))
    return settle(now)


def _end_unbegun(now: Step, unit: Unit, reason: str) -> Step:
    """A unit without a command: no motor can have started for it."""
    done = final_unit(unit, UnitMove.FAIL, "", reason)
    said = {"unit": unit.unit, "slot": unit.slot, "outcome": done.outcome.value, "reason": done.reason}
    return now.set_unit(done).plus(
        Note(Source.CLOUD, "vend.called_off", {"unit": unit.unit, "slot": unit.slot}),
        MoveStock(unit.slot, unit.unit, 0, 1),
        *_posts(now.purchase, done),
        Tell("vend.not_delivered", said),
    )
