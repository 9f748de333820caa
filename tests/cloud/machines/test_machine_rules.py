"""The pure rules of machines: which run may speak, when a machine is online, which moves exist."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from vendomat.cloud.machines.model import MOVES, MachineEvent, MachineState, Run, is_online, may_speak
from vendomat.kernel import IllegalMoveError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("known", "epoch", "nonce", "expected"),
    [
        (Run(0, ""), 1, "a", True),
        (Run(3, "a"), 4, "b", True),
        (Run(3, "a"), 3, "a", True),
        (Run(3, ""), 3, "b", True),
        (Run(3, "a"), 3, "b", False),
        (Run(3, "a"), 2, "a", False),
        (Run(3, ""), 2, "a", False),
    ],
)
def test_which_run_may_speak(known: Run, epoch: int, nonce: str, expected: bool) -> None:
    assert may_speak(known, epoch, nonce) is expected


@pytest.mark.parametrize(("age_s", "expected"), [(0, True), (7.5, True), (7.51, False), (3600, False)])
def test_online_is_one_and_a_half_heartbeats(age_s: float, expected: bool) -> None:
    assert is_online(NOW - timedelta(seconds=age_s), NOW, 5.0) is expected


def test_a_machine_never_seen_is_not_online() -> None:
    assert is_online(None, NOW, 5.0) is False


@pytest.mark.parametrize(("state", "event"), list(product(MachineState, MachineEvent)))
def test_every_state_and_event(state: MachineState, event: MachineEvent) -> None:
    if MOVES.may(state, event):
        moved = MOVES.next(state, event)
        assert (moved is MachineState.QUARANTINED) <= (
            state is MachineState.QUARANTINED or event is MachineEvent.QUARANTINE
        )
    else:
        with pytest.raises(IllegalMoveError):
            MOVES.next(state, event)
    if state is MachineState.RETIRED:
        assert not MOVES.may(state, event)
