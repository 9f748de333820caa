"""Any order of messages, writes, failures and crashes: one start at most, and never after a promise not to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.terminal.sale.test_vend_model import CMD, COMMAND, FENCE, ORDER, READY
from vendomat.protocol import FactKind, VendResult
from vendomat.terminal.sale import (
    PRODUCTION,
    Answer,
    CommandReceived,
    Durable,
    FenceReceived,
    MotorEnded,
    Note,
    Restarted,
    Safeguards,
    StartMotor,
    Unwritten,
    Vend,
    VendState,
    Write,
    restored,
    step_vend,
)

ACTS = ("command", "fence", "written", "refused_by_disk", "motor_ends", "crash")


@dataclass
class Machine:
    """The step with a disk and a motor around it. A crash loses what is not on the disk; a running motor drops."""

    safeguards: Safeguards
    vend: Vend = field(default_factory=lambda: Vend(CMD))
    disk: list[Note] = field(default_factory=list)
    is_writing: bool = False
    is_turning: bool = False
    starts: int = 0
    has_promised: bool = False
    told: list[FactKind] = field(default_factory=list)

    def act(self, act: str) -> None:
        if act == "command":
            self.take(CommandReceived(COMMAND, READY))
        elif act == "fence":
            self.take(FenceReceived(FENCE))
        elif act == "written" and self.is_writing:
            assert self.vend.pending is not None
            self.is_writing = False
            self.disk.append(replace(self.vend.pending, epoch=5, seq=len(self.disk) + 1))
            self.take(Durable(5, len(self.disk), READY))
        elif act == "refused_by_disk" and self.is_writing:
            self.is_writing = False
            self.take(Unwritten())
        elif act == "motor_ends" and self.is_turning:
            self.is_turning = False
            if self.vend.state is VendState.TURNING:
                self.take(MotorEnded(VendResult.DELIVERED))
        elif act == "crash":
            self.is_writing = self.is_turning = False
            self.vend = restored(Vend(CMD, order_id=ORDER, unit=1, slot="A1", notes=tuple(self.disk)))
            self.take(Restarted())

    def take(self, event: object) -> None:
        self.vend, effects = step_vend(self.vend, event, self.safeguards)  # type: ignore[arg-type]
        for effect in effects:
            if isinstance(effect, StartMotor):
                assert not self.has_promised, "started after a promise not to"
                self.starts += 1
                self.is_turning = True
            elif isinstance(effect, Write):
                assert not self.is_writing, "two facts of one command at once"
                self.is_writing = True
            elif isinstance(effect, Answer):
                self.answer()

    def answer(self) -> None:
        kinds = [note.kind for note in self.vend.notes]
        assert kinds[: len(self.told)] == self.told, "an answer took back what an earlier one said"
        self.told = [note.kind for note in self.vend.notes if note.seq]
        if FactKind.FENCED in kinds or FactKind.REFUSED in kinds:
            self.has_promised = True


def played(acts: list[str], safeguards: Safeguards = PRODUCTION) -> Machine:
    machine = Machine(safeguards)
    for act in acts:
        machine.act(act)
        assert machine.starts <= 1, f"two starts after {acts}"
    return machine


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(ACTS), max_size=14))
def test_the_motor_starts_at_most_once_and_never_after_a_promise(acts: list[str]) -> None:
    machine = played(acts)
    if machine.starts:
        assert FactKind.INTENT in [note.kind for note in machine.disk]


@settings(deadline=None)
@given(st.lists(st.sampled_from(ACTS), max_size=14))
def test_once_the_faults_stop_every_command_ends(acts: list[str]) -> None:
    machine = played(acts)
    for _ in range(3):
        for act in ("fence", "written", "motor_ends", "written"):
            machine.act(act)
    assert machine.vend.state in (VendState.DONE, VendState.REFUSED, VendState.FENCED)
    assert [note.kind for note in machine.disk] == [note.kind for note in machine.vend.notes]


@pytest.mark.parametrize(
    ("safeguards", "acts"),
    [
        (Safeguards(is_intent_first=False), ["command", "crash", "command"]),
        (Safeguards(is_deduplicating=False), ["command", "written", "motor_ends", "written", "command", "written"]),
        (Safeguards(is_unknown_after_restart=False), ["command", "written", "crash"]),
        (Safeguards(is_fence_durable=False), ["fence", "crash", "command", "written"]),
    ],
)
def test_each_safeguard_taken_away_is_found(safeguards: Safeguards, acts: list[str]) -> None:
    with pytest.raises(AssertionError, match=r"two starts|after a promise"):
        played(acts, safeguards)
