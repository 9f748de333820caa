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
from dataclasses import dataclass, replace
from enum import StrEnum

from vendomat.kernel import Moves
from vendomat.protocol import Dispense, FactKind, FenceRequest, Refusal, VendResult


class VendState(StrEnum):
    ABSENT = "absent"  # never heard of
    INTENDING = "intending"  # INTENT handed to the journal
    TURNING = "turning"  # INTENT durable, motor started
    RECORDING = "recording"  # OUTCOME handed to the journal
    DONE = "done"
    REFUSING = "refusing"
    REFUSED = "refused"
    FENCING = "fencing"
    FENCED = "fenced"


class VendMove(StrEnum):
    ACCEPT = "accept"
    REFUSE = "refuse"
    FENCE = "fence"
    START = "start"
    END = "end"
    CUT = "cut"  # the program was restarted while the motor may have run
    RECORD = "record"


MOVES = Moves(
    "vend",
    VendState,
    {
        (VendState.ABSENT, VendMove.ACCEPT): VendState.INTENDING,
        (VendState.ABSENT, VendMove.REFUSE): VendState.REFUSING,
        (VendState.ABSENT, VendMove.FENCE): VendState.FENCING,
        (VendState.INTENDING, VendMove.START): VendState.TURNING,
        (VendState.INTENDING, VendMove.REFUSE): VendState.REFUSING,
        (VendState.TURNING, VendMove.END): VendState.RECORDING,
        (VendState.TURNING, VendMove.CUT): VendState.RECORDING,
        (VendState.RECORDING, VendMove.RECORD): VendState.DONE,
        (VendState.REFUSING, VendMove.RECORD): VendState.REFUSED,
        (VendState.FENCING, VendMove.RECORD): VendState.FENCED,
    },
    start=VendState.ABSENT,
    final=(VendState.DONE, VendState.REFUSED, VendState.FENCED),
)

IS_BUSY = frozenset({VendState.INTENDING, VendState.TURNING, VendState.RECORDING})
"""States in which no other motor may start."""


class SlotCheck(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the machine knows at the moment of a check. None is "not known" and refuses like "no"."""

    epoch: int
    lease_age_s: float | None
    lease_s: float
    slot: SlotCheck
    is_sensor_clear: bool | None
    is_door_shut: bool | None
    is_busy: bool
    is_journal_ok: bool


@dataclass(frozen=True, slots=True)
class Note:
    """A journalled fact of this command. `seq` is 0 while it is not durable."""

    kind: FactKind
    epoch: int = 0
    seq: int = 0
    result: VendResult | None = None
    reason: str = ""
    is_acked: bool = False


@dataclass(frozen=True, slots=True)
class Vend:
    """All that is known of one command. `notes` are durable facts, oldest first."""

    cmd_id: str
    state: VendState = VendState.ABSENT
    order_id: str = ""
    unit: int = 0
    slot: str = ""
    nonce: str = ""
    command_epoch: int = 0
    notes: tuple[Note, ...] = ()
    pending: Note | None = None
    has_fence_waiting: bool = False


@dataclass(frozen=True, slots=True)
class Safeguards:
    """All are on in production. A check turns one off and must find the harm that it prevents."""

    is_intent_first: bool = True
    is_deduplicating: bool = True
    is_fence_durable: bool = True
    is_unknown_after_restart: bool = True
    is_leased: bool = True
    is_fence_waiting: bool = True


PRODUCTION = Safeguards()

# --- events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CommandReceived:
    command: Dispense
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class FenceReceived:
    fence: FenceRequest


@dataclass(frozen=True, slots=True)
class Durable:
    """The pending fact is on the disk under `(epoch, seq)`. `conditions` are those of this moment."""

    epoch: int
    seq: int
    conditions: Conditions | None = None


@dataclass(frozen=True, slots=True)
class Unwritten:
    """The pending fact could not be written (disk full, I/O error)."""


@dataclass(frozen=True, slots=True)
class MotorEnded:
    result: VendResult


@dataclass(frozen=True, slots=True)
class ReportAcked:
    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class Restarted:
    """The program came up again and read this command from its journal."""


VendEvent = CommandReceived | FenceReceived | Durable | Unwritten | MotorEnded | ReportAcked | Restarted

# --- effects ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Write:
    """Make `vend.pending` durable, then say `Durable` or `Unwritten`. `is_again`: after a pause, it just failed."""

    note: Note
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class StartMotor:
    slot: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Give the known facts to whoever asked with a command, or (`to_fence`) with a fence."""

    to_fence: bool


@dataclass(frozen=True, slots=True)
class Report:
    """A new fact waits for upload; it is repeated until the cloud has acknowledged it."""

    note: Note


@dataclass(frozen=True, slots=True)
class Prune:
    """The fact is acknowledged: it need not be uploaded again."""

    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The unit's final outcome, for the screen and the slot, at once."""

    note: Note


VendEffect = Write | StartMotor | Answer | Report | Prune | Ended
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


def refusal_of(command: Dispense, conditions: Conditions, safeguards: Safeguards = PRODUCTION) -> Refusal | None:
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
    assert event.conditions is not None, "the motor is not started without a second look"
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
    note = Note(FactKind.OUTCOME, result=event.result)
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
