"""The machine's own hardware lies, dies or is opened; and a program that keeps dying. F41, F46, F47, F48."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.vend_stage import VendStage
from tests.terminal.bench import Bench
from vendomat.protocol import FactKind, VendResult
from vendomat.terminal.drivers import Fault, Readings, VendReport
from vendomat.terminal.loop import CrashRule

INTENT, OUTCOME = FactKind.INTENT, FactKind.OUTCOME


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[VendStage]:
    stage = VendStage(tmp_path)
    await stage.start()
    await stage.pass_time(1)
    yield stage
    await stage.close()


# --- F41 -------------------------------------------------------------------------------------------------------------


async def test_f41_ten_starts_in_a_row_repeat_nothing_and_lock_the_machine(tmp_path: Path) -> None:
    """The motor started once; selling is locked with a reason, until somebody opened and shut the door."""
    bench = Bench(tmp_path)
    await bench.start()
    bench.cloud.is_auto_dispensing = False
    order_id = await bench.order("A1")
    bench.cloud.pay(order_id)
    await bench.cloud.dispense(order_id, 1)
    for _ in range(10):
        await bench.kill()
        await bench.start()
    await bench.until(lambda: len(bench.cloud.results()) >= 2)
    assert bench.cloud.results()[:2] == [(INTENT, None, ""), (OUTCOME, VendResult.UNKNOWN, "restarted")]
    assert len(bench.starts) == 1 and bench.terminal.machine.faults() == ("crash_loop",)
    await bench.until(lambda: "heartbeat" in bench.cloud.heard and "crash_loop" in bench.cloud.last_beat.reasons)
    bench.terminal.done()
    await bench.until_screen("out_of_order")
    bench.cabinet.set_fault("*", Fault.DOOR_OPEN)
    await bench.until(lambda: "door_open" in bench.terminal.machine.faults())
    bench.cabinet.set_fault("*", Fault.DOOR_OPEN, is_on=False)
    await bench.until_screen("browse")
    await bench.kill()
    await bench.start()
    assert bench.terminal.machine.faults() == ()  # counted from one again
    await bench.stop()


async def test_f41_a_locked_machine_sells_again_after_a_long_quiet(tmp_path: Path) -> None:
    """Time alone unlocks it, too: counted on the elapsed clock of the run that lasts."""
    bench = Bench(tmp_path)
    bench.crash_rule = CrashRule(starts_max=3, quiet_s=60, locked_s=1.5)
    for _ in range(3):
        await bench.start()
        await bench.kill()
    await bench.start()
    assert "crash_loop" in bench.terminal.machine.faults()
    await bench.until_screen("browse")
    await bench.stop()


@pytest.mark.parametrize("is_good", [True, False])
async def test_f41_good_starts_and_stops_on_purpose_do_not_lock(tmp_path: Path, is_good: bool) -> None:
    """A start that lasted, and a program that was told to stop, are no part of a loop."""
    bench = Bench(tmp_path)
    bench.crash_rule = CrashRule(starts_max=3, quiet_s=0.0 if is_good else 60.0)
    for _ in range(5):
        await bench.start()
        await bench.until(lambda: not is_good or bench.terminal.machine.caution.starts == 0)
        await (bench.kill() if is_good else bench.stop())
    await bench.start()
    assert "crash_loop" not in bench.terminal.machine.faults()
    await bench.stop()


# --- F46 -------------------------------------------------------------------------------------------------------------


async def test_f46_a_sensor_that_is_stuck_fails_its_test_and_nothing_is_offered(tmp_path: Path) -> None:
    """A sensor that always says "clear" is found before the buyer pays: no order, no motor."""
    bench = Bench(tmp_path)
    await bench.start()
    await bench.until(lambda: bench.terminal.selling.sale.is_online and bench.terminal.machine.catalogue is not None)
    bench.cabinet.set_fault("*", Fault.SENSOR_STUCK)
    bench.press("A1")
    await bench.until(lambda: bench.snapshot["notice"] is not None)
    assert bench.snapshot["notice"]["code"] == "slot_closed"
    assert bench.cloud.orders == {} and bench.starts == []
    bench.cabinet.set_fault("*", Fault.SENSOR_STUCK, is_on=False)
    await bench.order("A1", request_id="r2")
    await bench.stop()


async def test_f46_a_sensor_that_is_blocked_refuses_the_command_too(stage: VendStage) -> None:
    """Blocked between payment and motor: refused durably, so that the money goes back."""
    stage.cabinet.set_fault("*", Fault.SENSOR_BLOCKED)
    stage.dispense()
    await stage.pass_time(2)
    assert stage.cloud.results() == [(FactKind.REFUSED, None, "sensor_blocked")] and stage.starts == 0


# --- F47 -------------------------------------------------------------------------------------------------------------


async def test_f47_a_board_that_falls_silent_after_the_start_is_asked_once(stage: VendStage) -> None:
    """A bounded wait, then the outcome is not known; the motor programme is not sent again."""
    stage.cabinet.set_fault("A1", Fault.HANG_DROP)
    stage.dispense()
    await stage.pass_time(30)
    assert stage.heard() == [(INTENT, None), (OUTCOME, VendResult.TIMEOUT)]
    assert (stage.starts, stage.drops) == (1, 1) and stage.machine.slots.closed() == ["A1"]


async def test_f47_a_driver_that_never_returns_is_given_up_after_a_minute(stage: VendStage) -> None:
    """The loop does not trust a driver to end: unknown, and the next sale is not held up."""
    asked: list[str] = []

    class Stuck(type(stage.cabinet)):  # type: ignore[misc]
        """A driver with a defect: it waits for ever."""

        async def dispense(self, slot: str, cmd_id: str) -> VendReport:
            asked.append(cmd_id)
            await asyncio.Event().wait()
            raise AssertionError

    stage.cabinet.__class__ = Stuck
    stage.dispense()
    await stage.pass_time(59, 1)
    assert stage.vending.is_busy
    await stage.pass_time(5, 1)
    assert stage.cloud.results()[-1] == (OUTCOME, VendResult.UNKNOWN, "driver_silent")
    assert len(asked) == 1 and not stage.vending.is_busy


async def test_f47_a_controller_that_does_not_say_how_it_is_starts_nothing(stage: VendStage) -> None:
    """Readings that never come count as "not known", which refuses like "no"."""

    class Mute(type(stage.cabinet)):  # type: ignore[misc]
        """A driver with a defect: its readings never come."""

        async def read(self) -> Readings:
            await asyncio.Event().wait()
            raise AssertionError

    stage.cabinet.__class__ = Mute
    stage.dispense()
    await stage.pass_time(12, 1)
    assert stage.cloud.results()[-1][0] is FactKind.REFUSED and stage.starts == 0


# --- F48 -------------------------------------------------------------------------------------------------------------


async def test_f48_a_door_opened_in_mid_vend_stops_the_motor(stage: VendStage) -> None:
    """The outcome is unknown and says why; the slot is closed, and no second motor starts."""
    stage.dispense()
    await stage.pass_time(1.5)
    assert stage.starts == 1
    stage.cabinet.set_fault("*", Fault.DOOR_OPEN)
    await stage.pass_time(2)
    assert not stage.cabinet.state()["is_turning"]
    await stage.pass_time(8)
    assert stage.cloud.results() == [(INTENT, None, ""), (OUTCOME, VendResult.UNKNOWN, "door_opened")]
    assert stage.starts == 1 and "A1" in stage.machine.slots.closed()
    stage.dispense()
    await stage.pass_time(8)
    assert stage.starts == 1
