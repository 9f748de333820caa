"""One vend: from a command to a durable outcome, as a pure step over frozen values.

The rules, in their order:

1. A known command is answered with its known facts; it never starts again.
2. Epoch, lease, slot, sensor, door, "one motor at a time" and the journal are checked on receipt.
3. INTENT is durable before the motor; lease, sensor and door are checked again at that moment.
4. The motor is started once. OUTCOME is durable before it is reported.
5. A fence before INTENT is a durable promise; between INTENT and OUTCOME its answer waits for the outcome.
6. After a restart, INTENT without OUTCOME is an outcome UNKNOWN. The motor is not started to find out.
7. What could not be written is written again; a command whose INTENT could not be written never starts in this run.

Refuses to know storage, motors, clocks and messages: they come as events and go as effects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from vendomat.protocol import Dispense, FactKind, OpenDoor, Refusal, VendResult
from vendomat.terminal.sale.terms import UnitOutcome
from vendomat.terminal.sale.vend_terms import (
    MOVES,
    PRODUCTION,
    Answer,
    CommandReceived,
    Conditions,
    Durable,
    Ended,
    FenceReceived,
    MotorEnded,
    Note,
    Prune,
    Report,
    ReportAcked,
    Restarted,
    Safeguards,
    SlotCheck,
    StartMotor,
    Unwritten,
    Vend,
    VendEffect,
    VendEvent,
    VendMove,
    VendState,
    Write,
)

Step = tuple[Vend, tuple[VendEffect, ...]]


def step(vend: Vend, event: VendEvent, safeguards: Safeguards = PRODUCTION) -> Step:
    """The command after `event`, and what is to be done. Raises `IllegalMoveError` and changes nothing otherwise."""
    return _STEPS[type(event)](vend, event, safeguards)


def restored(vend: Vend) -> Vend:
    """The state that follows from the durable facts alone: the newest decides, a final one stays."""
    kinds = {note.kind for note in vend.notes}
    if FactKind.OUTCOME in kinds:
        state = VendState.DONE
    elif FactKind.REFUSED in kinds:
        state = VendState.REFUSED
    elif FactKind.FENCED in kinds:
        state = VendState.FENCED
    else:
        state = VendState.TURNING if FactKind.INTENT in kinds else VendState.ABSENT
    return replace(vend, state=state, pending=None, has_fence_waiting=False)


def refusal_of(
    command: Dispense | OpenDoor, conditions: Conditions, safeguards: Safeguards = PRODUCTION
) -> Refusal | None:
    """The first reason not to start, in the order of the rules; None when the motor may start."""
    if conditions.epoch != command.epoch and safeguards.is_leased:
        return Refusal.OLD_EPOCH
    return _refusal_now(conditions, safeguards)


def _refusal_now(conditions: Conditions, safeguards: Safeguards) -> Refusal | None:
    age_s = conditions.lease_age_s
    checks: tuple[tuple[bool, Refusal], ...] = (
        (safeguards.is_leased and (age_s is None or not 0 <= age_s <= conditions.lease_s), Refusal.EXPIRED),
        (conditions.slot is SlotCheck.UNKNOWN, Refusal.UNKNOWN_SLOT),
        (conditions.slot is SlotCheck.CLOSED, Refusal.SLOT_CLOSED),
        (conditions.is_sensor_clear is not True, Refusal.SENSOR_BLOCKED),
        (conditions.is_door_shut is not True, Refusal.DOOR_OPEN),
        (conditions.is_busy, Refusal.BUSY),
        (not conditions.is_journal_ok, Refusal.JOURNAL_FAULT),
    )
    return next((reason for is_hit, reason in checks if is_hit), None)


def outcome_of(note: Note) -> UnitOutcome:
    """What a final fact means for the buyer: only DELIVERED* is goods, no report is not known, the rest is none."""
    if note.kind is not FactKind.OUTCOME or note.result is None:
        return UnitOutcome.NOT_DELIVERED
    if note.result in (VendResult.DELIVERED, VendResult.DELIVERED_DOUBLE):
        return UnitOutcome.DELIVERED
    return UnitOutcome.UNKNOWN if note.result in (VendResult.TIMEOUT, VendResult.UNKNOWN) else UnitOutcome.NOT_DELIVERED


# --- steps -----------------------------------------------------------------------------------------------------------


def _moved(vend: Vend, move: VendMove, **changes: object) -> Vend:
    return replace(vend, state=MOVES.next(vend.state, move), **changes)  # type: ignore[arg-type]


def _on_command(vend: Vend, event: CommandReceived, safeguards: Safeguards) -> Step:
    if vend.state is not VendState.ABSENT and safeguards.is_deduplicating:
        is_answerable = vend.state not in {VendState.INTENDING, VendState.REFUSING, VendState.FENCING}
        return vend, (Answer(to_fence=False),) if is_answerable else ()
    command = event.command
    vend = Vend(
        cmd_id=command.cmd_id,
        order_id=command.order_id,
        unit=command.unit,
        slot=command.slot,
        nonce=command.nonce,
        command_epoch=command.epoch,
    )
    reason = refusal_of(command, event.conditions, safeguards)
    if reason is not None:
        return _refuse(vend, reason)
    note = Note(FactKind.INTENT)
    vend = _moved(vend, VendMove.ACCEPT, pending=note)
    if not safeguards.is_intent_first:
        return vend, (StartMotor(vend.slot), Write(note))
    return vend, (Write(note),)


def _refuse(vend: Vend, reason: Refusal, *, is_again: bool = False) -> Step:
    note = Note(FactKind.REFUSED, reason=reason)
    return _moved(vend, VendMove.REFUSE, pending=note), (Write(note, is_again),)


def _on_fence(vend: Vend, event: FenceReceived, safeguards: Safeguards) -> Step:
    if vend.state is VendState.ABSENT:
        fence = event.fence
        note = Note(FactKind.FENCED)
        vend = replace(vend, order_id=fence.order_id, unit=fence.unit, slot=fence.slot)
        if not safeguards.is_fence_durable:
            vend = _moved(vend, VendMove.FENCE)
            return _moved(vend, VendMove.RECORD, notes=(note,)), (Answer(to_fence=True),)
        return _moved(vend, VendMove.FENCE, pending=note, has_fence_waiting=True), (Write(note),)
    if vend.state in MOVES.final or not safeguards.is_fence_waiting:
        return vend, (Answer(to_fence=True),)
    return replace(vend, has_fence_waiting=True), ()


def _on_durable(vend: Vend, event: Durable, safeguards: Safeguards) -> Step:
    assert vend.pending is not None, f"{vend.cmd_id}: nothing was being written"
    note = replace(vend.pending, epoch=event.epoch, seq=event.seq)
    vend = replace(vend, notes=(*vend.notes, note), pending=None)
    if note.kind is FactKind.INTENT:
        return _on_intent_durable(vend, note, (event, safeguards))
    answers: tuple[VendEffect, ...] = (Answer(to_fence=True),) if vend.has_fence_waiting else ()
    if vend.state is not VendState.RECORDING:
        answers += (Answer(to_fence=False),)
    return (
        _moved(vend, VendMove.RECORD, has_fence_waiting=False),
        (Report(note), Ended(note), *answers),
    )


def _on_intent_durable(vend: Vend, note: Note, given: tuple[Durable, Safeguards]) -> Step:
    event, safeguards = given
    if not safeguards.is_intent_first:
        return _moved(vend, VendMove.START), (Report(note), Answer(to_fence=False))
    assert event.conditions is not None  # the motor is not started without a second look
    reason = _refusal_now(event.conditions, safeguards)
    if reason is not None:
        vend, effects = _refuse(vend, reason)
        return vend, (Report(note), *effects)
    started = (StartMotor(vend.slot), Report(note), Answer(to_fence=False))
    return _moved(vend, VendMove.START), started


def _on_unwritten(vend: Vend, _: Unwritten, __: Safeguards) -> Step:
    assert vend.pending is not None, f"{vend.cmd_id}: nothing was being written"
    if vend.pending.kind is FactKind.INTENT:
        return _refuse(vend, Refusal.JOURNAL_FAULT, is_again=True)
    return vend, (Write(vend.pending, is_again=True),)


def _on_motor_ended(vend: Vend, event: MotorEnded, _: Safeguards) -> Step:
    note = Note(FactKind.OUTCOME, result=event.result, reason=event.reason)
    return _moved(vend, VendMove.END, pending=note), (Write(note),)


def _on_acked(vend: Vend, event: ReportAcked, _: Safeguards) -> Step:
    origin = (event.epoch, event.seq)
    if not any((note.epoch, note.seq) == origin for note in vend.notes):
        return vend, ()
    notes = tuple(replace(n, is_acked=True) if (n.epoch, n.seq) == origin else n for n in vend.notes)
    return replace(vend, notes=notes), (Prune(*origin),)


def _on_restarted(vend: Vend, _: Restarted, safeguards: Safeguards) -> Step:
    if vend.state is not VendState.TURNING:
        return vend, ()
    if not safeguards.is_unknown_after_restart:
        return vend, (StartMotor(vend.slot),)
    note = Note(FactKind.OUTCOME, result=VendResult.UNKNOWN, reason="restarted")
    return _moved(vend, VendMove.CUT, pending=note), (Write(note),)


_STEPS: dict[type, Callable[..., Step]] = {
    CommandReceived: _on_command,
    FenceReceived: _on_fence,
    Durable: _on_durable,
    Unwritten: _on_unwritten,
    MotorEnded: _on_motor_ended,
    ReportAcked: _on_acked,
    Restarted: _on_restarted,
}
