"""The vend as a conversation: what the machine answers to each event, and that nothing else moves it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vendomat.kernel import IllegalMoveError, derive_id
from vendomat.protocol import Dispense, FactKind, FenceRequest, Refusal, VendResult
from vendomat.terminal.sale import (
    VEND_MOVES,
    Answer,
    CommandReceived,
    Conditions,
    Durable,
    Ended,
    FenceReceived,
    Leases,
    MotorEnded,
    Note,
    Prune,
    Report,
    ReportAcked,
    Restarted,
    Safeguards,
    SlotCheck,
    StartMotor,
    UnitOutcome,
    Unwritten,
    Vend,
    VendEffect,
    VendMove,
    VendState,
    Write,
    outcome_of,
    refusal_of,
    restored,
    step_vend,
)

CMD, ORDER = derive_id("cmd", 1), derive_id("ord", 1)
COMMAND = Dispense(
    cmd_id=CMD, order_id=ORDER, unit=1, slot="A1", product_id=derive_id("prd", 1), nonce="n" * 20, epoch=5
)
FENCE = FenceRequest(cmd_id=CMD, order_id=ORDER, unit=1, slot="A1")
READY = Conditions(
    epoch=5,
    lease_age_s=1.0,
    lease_s=20.0,
    slot=SlotCheck.OPEN,
    is_sensor_clear=True,
    is_door_shut=True,
    is_busy=False,
    is_journal_ok=True,
)


class Talk:
    """A conversation with one command: `say(event)` gives the effects."""

    def __init__(self, safeguards: Safeguards | None = None) -> None:
        self.vend = Vend(CMD)
        self.safeguards = safeguards or Safeguards()
        self.seq = 0

    def say(self, event: object) -> tuple[VendEffect, ...]:
        self.vend, effects = step_vend(self.vend, event, self.safeguards)  # type: ignore[arg-type]
        return effects

    def command(self, **changes: object) -> tuple[VendEffect, ...]:
        return self.say(CommandReceived(COMMAND, replace(READY, **changes)))  # type: ignore[arg-type]

    def durable(self, **changes: object) -> tuple[VendEffect, ...]:
        self.seq += 1
        return self.say(Durable(5, self.seq, replace(READY, **changes)))  # type: ignore[arg-type]

    def crash(self) -> None:
        """Only durable notes survive."""
        durable = tuple(note for note in self.vend.notes if note.seq)
        self.vend = restored(Vend(CMD, order_id=ORDER, unit=1, slot="A1", notes=durable))


def test_the_good_vend() -> None:
    talk = Talk()
    assert talk.command() == (Write(Note(FactKind.INTENT)),)
    intent = Note(FactKind.INTENT, 5, 1)
    assert talk.durable() == (StartMotor("A1"), Report(intent), Answer(to_fence=False))
    assert talk.say(MotorEnded(VendResult.DELIVERED)) == (Write(Note(FactKind.OUTCOME, result=VendResult.DELIVERED)),)
    outcome = Note(FactKind.OUTCOME, 5, 2, VendResult.DELIVERED)
    assert talk.durable() == (Report(outcome), Ended(outcome))
    assert talk.vend.state is VendState.DONE
    assert talk.say(ReportAcked(5, 1)) == (Prune(5, 1),)
    assert talk.say(ReportAcked(5, 2)) == (Prune(5, 2),)
    assert talk.say(ReportAcked(4, 2)) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"epoch": 6}, Refusal.OLD_EPOCH),
        ({"lease_age_s": None}, Refusal.EXPIRED),
        ({"lease_age_s": 20.1}, Refusal.EXPIRED),
        ({"lease_age_s": -1.0}, Refusal.EXPIRED),
        ({"slot": SlotCheck.UNKNOWN}, Refusal.UNKNOWN_SLOT),
        ({"slot": SlotCheck.CLOSED}, Refusal.SLOT_CLOSED),
        ({"is_sensor_clear": False}, Refusal.SENSOR_BLOCKED),
        ({"is_sensor_clear": None}, Refusal.SENSOR_BLOCKED),
        ({"is_door_shut": False}, Refusal.DOOR_OPEN),
        ({"is_door_shut": None}, Refusal.DOOR_OPEN),
        ({"is_busy": True}, Refusal.BUSY),
        ({"is_journal_ok": False}, Refusal.JOURNAL_FAULT),
    ],
)
def test_each_reason_refuses_on_receipt_and_again_before_the_motor(changes: dict[str, object], reason: Refusal) -> None:
    at_once = Talk()
    assert at_once.command(**changes) == (Write(Note(FactKind.REFUSED, reason=reason)),)
    assert Answer(to_fence=False) in at_once.durable()
    assert at_once.vend.state is VendState.REFUSED
    if reason is Refusal.OLD_EPOCH:
        return  # the epoch cannot change while the program runs
    late = Talk()
    late.command()
    effects = late.durable(**changes)
    assert StartMotor("A1") not in effects and effects[-1] == Write(Note(FactKind.REFUSED, reason=reason))
    late.durable()
    assert late.vend.state is VendState.REFUSED
    assert [note.kind for note in late.vend.notes] == [FactKind.INTENT, FactKind.REFUSED]


def test_a_lease_that_is_just_as_old_as_allowed_still_holds() -> None:
    assert refusal_of(COMMAND, replace(READY, lease_age_s=20.0)) is None


@pytest.mark.parametrize("state", [state for state in VendState if state is not VendState.ABSENT])
def test_a_known_command_never_starts_again(state: VendState) -> None:
    vend = Vend(CMD, state=state, order_id=ORDER, unit=1, slot="A1")
    after, effects = step_vend(vend, CommandReceived(COMMAND, READY))
    assert after == vend
    assert not any(isinstance(effect, StartMotor | Write) for effect in effects)


def test_a_second_copy_while_intent_is_written_waits_for_the_same_answer() -> None:
    talk = Talk()
    talk.command()
    assert talk.command() == ()
    assert talk.durable().count(StartMotor("A1")) == 1


def test_a_fence_first_makes_a_durable_promise() -> None:
    talk = Talk()
    assert talk.say(FenceReceived(FENCE)) == (Write(Note(FactKind.FENCED)),)
    assert talk.command() == ()  # not answered before the promise is durable
    assert Answer(to_fence=True) in talk.durable()
    talk.crash()
    assert talk.vend.state is VendState.FENCED
    assert talk.command() == (Answer(to_fence=False),)


def test_a_fence_between_intent_and_outcome_waits_for_the_outcome() -> None:
    talk = Talk()
    talk.command()
    assert talk.say(FenceReceived(FENCE)) == ()
    talk.durable()
    assert talk.say(FenceReceived(FENCE)) == ()
    talk.say(MotorEnded(VendResult.JAM))
    assert talk.say(FenceReceived(FENCE)) == ()
    effects = talk.durable()
    assert effects[-1] == Answer(to_fence=True)
    assert talk.say(FenceReceived(FENCE)) == (Answer(to_fence=True),)


def test_a_restart_with_intent_and_no_outcome_is_unknown_and_starts_nothing() -> None:
    talk = Talk()
    talk.command()
    talk.durable()
    talk.crash()
    unknown = Note(FactKind.OUTCOME, result=VendResult.UNKNOWN, reason="restarted")
    assert talk.say(Restarted()) == (Write(unknown),)
    assert Ended(replace(unknown, epoch=5, seq=2)) in talk.durable()
    assert talk.command() == (Answer(to_fence=False),)


def test_a_restart_before_intent_was_durable_leaves_the_command_free() -> None:
    talk = Talk()
    talk.command()
    talk.crash()
    assert talk.vend.state is VendState.ABSENT and talk.say(Restarted()) == ()
    talk.command()
    assert StartMotor("A1") in talk.durable()


def test_a_restart_after_the_outcome_changes_nothing() -> None:
    talk = Talk()
    talk.command()
    talk.durable()
    talk.say(MotorEnded(VendResult.DELIVERED))
    talk.durable()
    talk.crash()
    assert talk.vend.state is VendState.DONE and talk.say(Restarted()) == ()


def test_an_intent_that_could_not_be_written_is_refused_and_never_starts() -> None:
    talk = Talk()
    talk.command()
    refused = Note(FactKind.REFUSED, reason=Refusal.JOURNAL_FAULT)
    assert talk.say(Unwritten()) == (Write(refused, is_again=True),)
    assert talk.say(Unwritten()) == (Write(refused, is_again=True),)
    assert not any(isinstance(effect, StartMotor) for effect in talk.durable())


def test_an_outcome_that_could_not_be_written_is_written_again() -> None:
    talk = Talk()
    talk.command()
    talk.durable()
    (write,) = talk.say(MotorEnded(VendResult.DELIVERED))
    assert isinstance(write, Write)
    assert talk.say(Unwritten()) == (replace(write, is_again=True),)


@pytest.mark.parametrize("state", list(VendState))
@pytest.mark.parametrize("move", list(VendMove))
def test_every_state_and_move_is_in_the_table_or_refused(state: VendState, move: VendMove) -> None:
    if VEND_MOVES.may(state, move):
        assert VEND_MOVES.next(state, move) in VendState
    else:
        with pytest.raises(IllegalMoveError):
            VEND_MOVES.next(state, move)


@pytest.mark.parametrize("state", [state for state in VendState if state is not VendState.TURNING])
def test_a_motor_that_was_not_started_cannot_end(state: VendState) -> None:
    with pytest.raises(IllegalMoveError):
        step_vend(Vend(CMD, state=state), MotorEnded(VendResult.DELIVERED))


@pytest.mark.parametrize("result", list(VendResult))
def test_only_delivered_is_goods_and_only_silence_is_unknown(result: VendResult) -> None:
    expected = {
        VendResult.DELIVERED: UnitOutcome.DELIVERED,
        VendResult.DELIVERED_DOUBLE: UnitOutcome.DELIVERED,
        VendResult.TIMEOUT: UnitOutcome.UNKNOWN,
        VendResult.UNKNOWN: UnitOutcome.UNKNOWN,
    }.get(result, UnitOutcome.NOT_DELIVERED)
    assert outcome_of(Note(FactKind.OUTCOME, result=result)) is expected
    assert outcome_of(Note(FactKind.FENCED)) is UnitOutcome.NOT_DELIVERED


def starts_after_a_crash(safeguards: Safeguards) -> int:
    """Start, crash before anything else is written, come back, get the command again: motor starts in all."""
    talk = Talk(safeguards)
    starts = talk.command().count(StartMotor("A1"))
    if not starts:
        starts += talk.durable().count(StartMotor("A1"))
    talk.crash()
    starts += talk.say(Restarted()).count(StartMotor("A1"))
    if talk.vend.pending is not None:
        talk.durable()
    starts += talk.command().count(StartMotor("A1"))
    if talk.vend.state is VendState.INTENDING and safeguards.is_intent_first:
        starts += talk.durable().count(StartMotor("A1"))
    return starts


@pytest.mark.parametrize(
    ("safeguards", "starts"),
    [
        (Safeguards(), 1),
        (Safeguards(is_intent_first=False), 2),
        (Safeguards(is_deduplicating=False), 2),
        (Safeguards(is_unknown_after_restart=False), 2),
    ],
)
def test_without_its_safeguard_a_crash_gives_two_items(safeguards: Safeguards, starts: int) -> None:
    assert starts_after_a_crash(safeguards) == starts


def test_without_a_durable_fence_a_crash_forgets_the_promise() -> None:
    talk = Talk(Safeguards(is_fence_durable=False))
    assert talk.say(FenceReceived(FENCE)) == (Answer(to_fence=True),)
    talk.crash()
    talk.command()
    assert StartMotor("A1") in talk.durable()


def test_a_lease_is_of_this_run_only_and_ages_on_its_own_clock() -> None:
    leases = Leases().with_new("a", 10.0).with_new("b", 12.0)
    assert leases.age_s("a", 15.0) == 5.0 and leases.age_s("b", 15.0) == 3.0
    assert Leases().age_s("a", 15.0) is None
    for number in range(100):
        leases = leases.with_new(f"n{number}", 20.0)
    assert leases.age_s("a", 20.0) is None and len(leases.made) == 64
