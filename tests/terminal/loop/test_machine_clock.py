"""When the time on a record may be believed: after agreement with the cloud, and until somebody sets the clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from vendomat.kernel import ManualClock
from vendomat.terminal.loop import Machine, Ports


class SettableClock(ManualClock):
    """A clock whose wall time can be set, as by a person or by a time server."""

    def __init__(self) -> None:
        super().__init__()
        self.off = timedelta()

    def now(self) -> datetime:
        return super().now() + self.off


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def machine(clock: SettableClock) -> Machine:
    unused: Any = None
    ports = Ports(
        clock=clock,
        ids=unused,
        journal=unused,
        dispenser=unused,
        wire=unused,
        new_nonce=lambda: "",
        chance=lambda: 0.5,
        log=cast(Any, None),
    )
    return Machine(ports, "m1", "boot")


async def test_a_clock_that_agreed_with_the_cloud_is_trusted_while_time_passes(
    machine: Machine, clock: SettableClock
) -> None:
    assert not machine.is_time_trusted
    machine.note_cloud_time(clock.now().isoformat())
    await clock.advance(86_400)
    assert machine.is_time_trusted


@pytest.mark.parametrize("step_s", [-56 * 365 * 86_400, -3_600, -2, 2, 3_600])
async def test_a_step_of_the_clock_takes_the_trust_at_once(machine: Machine, clock: SettableClock, step_s: int) -> None:
    machine.note_cloud_time(clock.now().isoformat())
    clock.off = timedelta(seconds=step_s)
    assert not machine.is_time_trusted
    clock.off = timedelta()
    assert machine.is_time_trusted, "it was set back: the records are right again"


@pytest.mark.parametrize("said", ["", "yesterday", "2026-01-01T00:00:00"])
async def test_an_answer_without_a_time_gives_no_trust(machine: Machine, clock: SettableClock, said: str) -> None:
    machine.note_cloud_time(clock.now().isoformat())
    machine.note_cloud_time(said)
    assert not machine.is_time_trusted


async def test_a_clock_far_from_the_clouds_is_not_trusted(machine: Machine, clock: SettableClock) -> None:
    machine.note_cloud_time((clock.now() + timedelta(seconds=301)).isoformat())
    assert not machine.is_time_trusted
