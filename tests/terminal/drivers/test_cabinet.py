"""The simulated cabinet: its physics, its board's watch, and a world that outlives the program."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vendomat.kernel import ManualClock, VendomatError
from vendomat.protocol import VendResult
from vendomat.terminal.drivers import Fault, SimulatedCabinet, VendReport
from vendomat.terminal.drivers.cabinet.model import (
    MACHINE_FAULTS,
    Board,
    Happening,
    Phase,
    expire,
    observe,
    plan_of,
)

SLOT_FAULTS = [fault for fault in Fault if fault not in MACHINE_FAULTS]


def watched(plan: tuple[Happening, ...]) -> Board:
    """The board's whole watch of a plan, without time."""
    board, coming = Board(), list(plan)
    while board.result is None:
        if coming and coming[0].at_s <= board.until_s:
            happening = coming.pop(0)
            board = observe(board, happening.signal, happening.at_s) if happening.signal else board
        else:
            board = expire(board)
    return board


@settings(deadline=None)
@given(
    chances=st.lists(st.floats(0, 0.999), min_size=3, max_size=3),
    fault=st.sampled_from([fault for fault in SLOT_FAULTS if fault not in (Fault.HANG, Fault.HANG_DROP)]),
    stock=st.integers(0, 5),
)
def test_whatever_chance_says_the_board_tells_goods_from_none(chances: list[float], fault: Fault, stock: int) -> None:
    rolls = iter(chances)
    plan = plan_of(fault, stock, lambda: next(rolls))
    seen = sum(happening.drops for happening in plan if happening.signal)
    assert sum(happening.drops for happening in plan) <= stock
    assert list(plan) == sorted(plan, key=lambda happening: happening.at_s)
    board = watched(plan)
    expected = {0: None, 1: VendResult.DELIVERED, 2: VendResult.DELIVERED_DOUBLE}[seen]
    if expected is None:
        assert board.result not in (VendResult.DELIVERED, VendResult.DELIVERED_DOUBLE)
    else:
        assert board.result is expected
    assert board.turns <= 2


def test_the_times_are_those_of_a_real_spiral() -> None:
    for chance in (0.0, 0.5, 0.999):
        plan = plan_of(Fault.NONE, 1, lambda chance=chance: chance)
        opened, closed, fall = plan
        assert opened.at_s <= 0.5 and 2.0 <= closed.at_s <= 4.0 and 0.29 <= fall.at_s - closed.at_s <= 1.0


def test_a_board_that_has_ended_hears_nothing_more() -> None:
    from vendomat.terminal.drivers.cabinet.model import Signal

    ended = Board(phase=Phase.ENDED, result=VendResult.NOT_HOME)
    assert observe(ended, Signal.DROP_SEEN, 9.0) == ended


class Stage:
    """A cabinet on a clock that stands still until told."""

    def __init__(self, folder: Path, stock: int = 3) -> None:
        self.clock = ManualClock()
        self.path = folder / "cabinet.jsonl"
        self.stock = stock
        self.cabinet = self._made()

    def _made(self) -> SimulatedCabinet:
        return SimulatedCabinet(self.path, {"A1": self.stock, "A2": 1}, clock=self.clock, chance=lambda: 0.5)

    async def reopen(self) -> None:
        await self.cabinet.stop()
        self.cabinet = self._made()
        await self.cabinet.start()

    async def dispense(self, slot: str = "A1", cmd_id: str = "c1") -> VendReport:
        running = asyncio.create_task(self.cabinet.dispense(slot, cmd_id))
        for _ in range(200):
            await self.clock.advance(0.25)
            if running.done():
                break
        return await running

    def world(self, what: str) -> list[dict[str, object]]:
        records = [json.loads(line) for line in self.path.read_text().splitlines()]
        return [record for record in records if record["what"] == what]


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    await stage.cabinet.start()
    return stage


@pytest.mark.parametrize(
    ("fault", "result", "drops", "turns"),
    [
        (Fault.NONE, VendResult.DELIVERED, 1, 1),
        (Fault.JAM, VendResult.NOT_DETECTED, 0, 2),
        (Fault.STUCK, VendResult.DELIVERED, 1, 2),
        (Fault.MISS, VendResult.NOT_DETECTED, 1, 2),
        (Fault.DOUBLE, VendResult.DELIVERED_DOUBLE, 2, 1),
        (Fault.STALL, VendResult.OVERCURRENT, 0, 1),
        (Fault.NO_MOTOR, VendResult.NO_MOTOR, 0, 1),
        (Fault.NOT_HOME, VendResult.NOT_HOME, 0, 1),
        (Fault.HANG, VendResult.TIMEOUT, 0, None),
        (Fault.HANG_DROP, VendResult.TIMEOUT, 1, None),
    ],
)
async def test_each_fault_shows_in_the_report_and_in_the_world(
    stage: Stage, fault: Fault, result: VendResult, drops: int, turns: int | None
) -> None:
    stage.cabinet.set_fault("A1", fault)
    report = await stage.dispense()
    assert (report.result, report.turns) == (result, turns)
    assert len(stage.world("start")) == 1
    assert sum(int(str(drop["count"])) for drop in stage.world("drop")) == drops
    assert stage.cabinet.state()["stock"] == {"A1": 3 - drops, "A2": 1}
    await stage.cabinet.stop()


async def test_a_fault_for_once_is_over_after_one_vend(stage: Stage) -> None:
    stage.cabinet.set_fault("A1", Fault.JAM, is_once=True)
    assert (await stage.dispense()).result is VendResult.NOT_DETECTED
    assert (await stage.dispense(cmd_id="c2")).result is VendResult.DELIVERED
    await stage.cabinet.stop()


async def test_an_empty_spiral_turns_and_nothing_drops(stage: Stage) -> None:
    assert (await stage.dispense("A2")).result is VendResult.DELIVERED
    assert (await stage.dispense("A2", "c2")).result is VendResult.NOT_DETECTED
    stage.cabinet.fill("A2", 2)
    assert (await stage.dispense("A2", "c3")).result is VendResult.DELIVERED
    await stage.cabinet.stop()


@pytest.mark.parametrize(
    ("fault", "result"),
    [
        (Fault.DOOR_OPEN, VendResult.DOOR_FAULT),
        (Fault.SENSOR_BLOCKED, VendResult.SENSOR_BLOCKED),
        (Fault.SILENT, VendResult.TIMEOUT),
    ],
)
async def test_the_ports_own_interlocks_start_no_motor(stage: Stage, fault: Fault, result: VendResult) -> None:
    stage.cabinet.set_fault("*", fault)
    assert (await stage.dispense()).result is result
    assert stage.world("start") == []
    readings = await stage.cabinet.read()
    assert readings.is_answering is (fault is not Fault.SILENT)
    await stage.cabinet.stop()


async def test_the_door_opened_in_mid_vend_stops_the_motor_and_nobody_knows(stage: Stage) -> None:
    running = asyncio.create_task(stage.cabinet.dispense("A1", "c1"))
    await stage.clock.advance(1.0)
    stage.cabinet.set_fault("*", Fault.DOOR_OPEN)
    await stage.clock.advance(5.0)
    assert (await running).result is VendResult.UNKNOWN and stage.world("drop") == []
    await stage.cabinet.stop()


async def test_two_motors_never_run_at_once(stage: Stage) -> None:
    running = asyncio.create_task(stage.cabinet.dispense("A1", "c1"))
    await stage.clock.advance(1.0)
    assert (await stage.cabinet.dispense("A2", "c2")).turns == 0
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(stage.world("start")) == 1
    await stage.cabinet.stop()


async def test_a_program_that_dies_finds_the_same_world_and_the_board_has_finished(stage: Stage) -> None:
    running = asyncio.create_task(stage.cabinet.dispense("A1", "c1"))
    await stage.clock.advance(1.0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    with stage.path.open("ab") as file:
        file.write(b'{"what":"drop","sl')  # torn by the end
    await stage.reopen()
    (drop,) = stage.world("drop")
    assert drop["cmd_id"] == "c1" and drop["is_late"] is True
    await stage.reopen()
    assert len(stage.world("drop")) == 1
    assert stage.cabinet.state()["stock"] == {"A1": 2, "A2": 1}
    await stage.cabinet.stop()


async def test_a_slots_test_tells_the_electrical_faults(stage: Stage) -> None:
    assert await stage.cabinet.check("A1") is True and await stage.cabinet.check("Z1") is False
    stage.cabinet.set_fault("A1", Fault.NO_MOTOR)
    assert await stage.cabinet.check("A1") is False
    stage.cabinet.set_fault("*", Fault.SILENT)
    assert await stage.cabinet.check("A1") is None
    await stage.cabinet.stop()


@pytest.mark.parametrize(("slot", "fault"), [("*", Fault.JAM), ("A1", Fault.DOOR_OPEN), ("Z9", Fault.JAM)])
async def test_a_fault_that_makes_no_sense_is_refused(stage: Stage, slot: str, fault: Fault) -> None:
    with pytest.raises(VendomatError):
        stage.cabinet.set_fault(slot, fault)
    await stage.cabinet.stop()


async def test_without_cooling_it_grows_warm_and_with_it_cold_again_whoever_restarts(tmp_path: Path) -> None:
    clock = ManualClock()

    def cabinet() -> SimulatedCabinet:
        return SimulatedCabinet(tmp_path / "log", {"A1": 1}, clock=clock, chance=lambda: 0.5)

    first = cabinet()
    assert (await first.read()).temperature_c == 6.0
    first.set_fault("*", Fault.COOLING)
    await clock.advance(30)
    warmer = (await first.read()).temperature_c
    assert warmer is not None and 10 < warmer < 11
    first.release()
    second = cabinet()
    assert (await second.read()).temperature_c == warmer
    await clock.advance(3600)
    assert (await second.read()).temperature_c == 26.0
    second.set_fault("*", Fault.COOLING, is_on=False)
    await clock.advance(3600)
    assert (await second.read()).temperature_c == 6.0
    second.release()
