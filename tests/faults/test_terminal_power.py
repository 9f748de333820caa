"""The power goes at every moment of a vend: in and between the writes, and while the motor turns. F33 to F37.

Each history is one vend with a cut in it, the next start, and the command once more. What the disk kept of the first
run decides which of the named faults it is; every one of them must occur.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.vend_stage import CMD, VEND_S, VendStage
from vendomat.protocol import FactKind, VendResult
from vendomat.simulator.disk import Disk

WRITES_MAX = 100
MOMENTS_S = [0.25 * number for number in range(1, 24)]
INTENT, OUTCOME = FactKind.INTENT, FactKind.OUTCOME


@dataclass(frozen=True, slots=True)
class History:
    """`durable` is what the first run left of the command; `was_told`: the cloud had its outcome before the cut."""

    name: str
    starts_before: int
    drops_before: int
    was_told: bool
    durable: tuple[FactKind, ...]
    starts: int
    drops: int
    heard: tuple[tuple[FactKind, VendResult | None], ...]


async def history_of(
    name: str, folder: Path, plan: Callable[[VendStage], None], *, moment_s: float = VEND_S, keep: float = 0.0
) -> History | None:
    """None when the vend was over before the cut that was planned."""
    folder.mkdir()
    stage = VendStage(folder, Disk(random.Random(name).random))
    await stage.start()
    await stage.pass_time(1)
    plan(stage)
    stage.dispense()
    await stage.pass_time(moment_s)
    if stage.is_running and stage.disk.is_pending:
        await stage.close()
        return None
    if stage.is_running:
        stage.cut(keep=keep)
    before = stage.starts, stage.drops, OUTCOME in [kind for kind, _ in stage.heard()]
    await stage.end()
    stage.cloud.mute.clear()
    await stage.start()
    assert stage.journal.damage == "", name
    known = stage.journal.find(CMD)
    durable = tuple(fact.kind for fact in known.facts if fact.epoch == 1) if known else ()
    stage.dispense()
    await stage.pass_time(VEND_S + 3)
    history = History(name, *before, durable, stage.starts, stage.drops, tuple(stage.heard()))
    await stage.close()
    return history


async def all_histories(folder: Path) -> list[History]:
    found = []
    for keep in (0.0, 0.5):
        for number in range(1, WRITES_MAX):
            name = f"write {number}, {keep} kept"
            history = await history_of(name, folder / name, lambda s: s.disk.cut_at(number, keep=keep))  # noqa: B023
            if history is None:
                break
            found.append(history)
        else:
            raise AssertionError("a vend makes more writes than were tried")
    for moment_s in MOMENTS_S:
        name = f"after {moment_s} s"
        history = await history_of(name, folder / name, lambda _: None, moment_s=moment_s)
        assert history is not None
        found.append(history)

    def cut_before_start(stage: VendStage) -> None:
        stage.cabinet.before_start = stage.cut

    history = await history_of("before the motor", folder / "motor", cut_before_start)
    silent = await history_of("nothing sent", folder / "sent", lambda stage: stage.cloud.mute.add("facts"))
    assert history is not None and silent is not None
    return [*found, history, silent]


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> list[History]:
    return asyncio.run(all_histories(tmp_path_factory.mktemp("power")))


def chosen(histories: list[History], durable: tuple[FactKind, ...], is_it: Callable[[History], bool]) -> list[History]:
    found = [history for history in histories if history.durable == durable and is_it(history)]
    assert found, "no cut made this happen: the test has lost its subject"
    return found


def test_a_vend_cut_anywhere_starts_the_motor_at_most_once_and_ends(histories: list[History]) -> None:
    assert len(histories) > 40
    for history in histories:
        assert history.starts <= 1 and history.drops <= 1, history
        outcomes = [result for kind, result in history.heard if kind is OUTCOME]
        assert len(outcomes) == 1, history
        assert outcomes != [VendResult.DELIVERED] or history.drops == 1, history


def test_f33_power_cut_before_intent_is_durable(histories: list[History]) -> None:
    """The redelivered command vends, once."""
    for history in chosen(histories, (), lambda h: True):
        assert history.starts_before == 0 and (history.starts, history.drops) == (1, 1), history
        assert history.heard == ((INTENT, None), (OUTCOME, VendResult.DELIVERED)), history


def test_f34_power_cut_after_intent_before_the_motor(histories: list[History]) -> None:
    """The outcome is unknown, and the motor never starts."""
    for history in chosen(histories, (INTENT,), lambda h: h.starts_before == 0):
        assert history.starts == 0 and history.heard[-1] == (OUTCOME, VendResult.UNKNOWN), history


def test_f35_power_cut_while_the_motor_turns(histories: list[History]) -> None:
    """The outcome is unknown; the motor is not started again."""
    for history in chosen(histories, (INTENT,), lambda h: h.starts_before == 1 and h.drops_before == 0):
        assert history.starts == 1 and history.heard[-1] == (OUTCOME, VendResult.UNKNOWN), history


def test_f36_power_cut_after_the_drop_before_outcome_is_durable(histories: list[History]) -> None:
    """As while the motor turns: unknown, for the goods fell and nobody wrote it down."""
    for history in chosen(histories, (INTENT,), lambda h: h.drops_before == 1):
        assert (history.starts, history.drops) == (1, 1), history
        assert history.heard[-1] == (OUTCOME, VendResult.UNKNOWN), history


def test_f37_power_cut_after_outcome_before_it_is_sent(histories: list[History]) -> None:
    """The outcome is told after the start, under its origin; the motor is not started again."""
    for history in chosen(histories, (INTENT, OUTCOME), lambda h: not h.was_told):
        assert (history.starts, history.drops) == (1, 1), history
        assert history.heard == ((INTENT, None), (OUTCOME, VendResult.DELIVERED)), history
