"""A cooler's door: one release a run, an end in any case, and no guess about what was taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from vendomat.kernel import ManualClock, VendomatError
from vendomat.protocol import DOOR, VendResult
from vendomat.terminal.drivers import CoolerDoor, CoolerFault, SimulatedCooler, VendReport


class Bench:
    """`await run(*deeds)`: a run of the door, with a deed at each half second from its start."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, ManualClock()
        self.open()

    def open(self) -> None:
        self.cooler = SimulatedCooler(self.folder / "cooler.jsonl", {"A1": 5, "A2": 3}, clock=self.clock)
        self.door = CoolerDoor(self.cooler, self.clock)

    async def run(self, *deeds: Callable[[], object], until_s: float = 200.0) -> VendReport:
        running = asyncio.ensure_future(self.door.dispense(DOOR, "cmd_1"))
        await self.clock.advance(0.5)
        for deed in deeds:
            deed()
            await self.clock.advance(0.5)
        passed_s = 0.0
        while not running.done() and passed_s < until_s:
            await self.clock.advance(0.5)
            passed_s += 0.5
        assert running.done(), "a run ends by itself"
        return running.result()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    await made.door.start()
    yield made
    await made.door.stop()


def pieces(report: VendReport) -> dict[str, int]:
    return {row.slot: row.pieces for row in report.goods}


async def test_what_was_taken_is_what_the_shelves_lost(bench: Bench):
    cooler = bench.cooler
    report = await bench.run(cooler.pull, lambda: cooler.take("A1", 2), lambda: cooler.take("A2", -1), cooler.shut)
    assert (report.result, pieces(report), report.goods[0].evidence) == (
        VendResult.DOOR_SHUT,
        {"A1": 2, "A2": -1},
        "weight",
    )
    assert cooler.releases == ["cmd_1"]
    assert not cooler.pull()


async def test_nobody_pulls_and_nobody_can_afterwards(bench: Bench):
    report = await bench.run()
    assert (report.result, report.goods) == (VendResult.DOOR_NOT_OPENED, ())
    assert not bench.cooler.pull()


async def test_a_door_that_opened_and_shut_between_two_looks_is_seen_by_the_goods(bench: Bench):
    def in_a_blink() -> None:
        assert bench.cooler.pull()
        bench.cooler.take("A1")
        assert bench.cooler.shut()

    report = await bench.run(in_a_blink)
    assert (report.result, pieces(report)) == (VendResult.DOOR_SHUT, {"A1": 1})


async def test_a_door_left_open_ends_with_what_was_taken_so_far(bench: Bench):
    report = await bench.run(bench.cooler.pull, lambda: bench.cooler.take("A1"))
    assert (report.result, pieces(report)) == (VendResult.DOOR_LEFT_OPEN, {"A1": 1})
    assert (await bench.door.read()).is_door_shut is False


@pytest.mark.parametrize("fault", [CoolerFault.LOCK_STUCK, CoolerFault.BLIND])
async def test_no_door_without_a_lock_and_a_count(bench: Bench, fault: CoolerFault):
    bench.cooler.faults.add(fault)
    report = await bench.run()
    assert (report.result, bench.cooler.releases) == (VendResult.DOOR_NOT_OPENED, [])


async def test_what_cannot_be_counted_afterwards_is_not_known(bench: Bench):
    blind = lambda: bench.cooler.faults.add(CoolerFault.BLIND)  # noqa: E731 - a deed
    report = await bench.run(bench.cooler.pull, lambda: bench.cooler.take("A1"), blind, bench.cooler.shut)
    assert (report.result, report.goods) == (VendResult.UNKNOWN, ())


async def test_a_sensor_that_falls_silent_makes_the_end_unknown(bench: Bench):
    report = await bench.run(lambda: bench.cooler.faults.add(CoolerFault.SILENT))
    assert report.result is VendResult.UNKNOWN


async def test_only_the_door_runs_and_only_one_run_at_a_time(bench: Bench):
    assert (await bench.door.dispense("A1", "cmd_2")).result is VendResult.NO_MOTOR
    first = asyncio.ensure_future(bench.door.dispense(DOOR, "cmd_1"))
    await bench.clock.advance(0.1)
    assert (await bench.door.dispense(DOOR, "cmd_2")).result is VendResult.NO_MOTOR
    await bench.clock.advance(60.0)
    assert (await first).result is VendResult.DOOR_NOT_OPENED
    assert bench.cooler.releases == ["cmd_1"]


async def test_power_comes_back_to_the_door_as_it_was(bench: Bench):
    running = asyncio.ensure_future(bench.door.dispense(DOOR, "cmd_1"))
    await bench.clock.advance(0.5)
    assert bench.cooler.pull()
    bench.cooler.take("A1")
    running.cancel()
    await bench.cooler.stop()
    bench.open()
    await bench.door.start()
    assert (bench.cooler.is_door_open, bench.cooler.stock["A1"]) == (True, 4)
    assert bench.cooler.shut()
    with pytest.raises(VendomatError):
        bench.cooler.take("A1")


async def test_what_is_seen_late_is_told_under_its_command(bench: Bench):
    heard: list[tuple[str, dict[str, int]]] = []
    bench.door.recounted = lambda cmd_id, goods: heard.append((cmd_id, {row.slot: row.pieces for row in goods}))
    bench.cooler.faults.add(CoolerFault.SEES_LATE)
    report = await bench.run(bench.cooler.pull, lambda: bench.cooler.take("A1"), bench.cooler.shut)
    assert (report.result, report.goods) == (VendResult.DOOR_SHUT, ())
    bench.cooler.recount({"A1": 1})
    assert heard == [("cmd_1", {"A1": 1})]
