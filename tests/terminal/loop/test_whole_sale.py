"""A whole terminal, from the button to the goods, against a cloud that can be told to fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from tests.terminal.bench import Bench
from tests.terminal.fake_cloud import catalogue_of
from tests.terminal.journal.faulty_disk import FaultyDisk
from vendomat.kernel import derive_id
from vendomat.protocol import FactKind, OrderLine, Settings, SlotState, VendResult
from vendomat.terminal.drivers import Fault, SimulatedCabinet, VendReport
from vendomat.terminal.loop.watching import RETEST_EVERY_S


def lines_of(slot: str) -> list[OrderLine]:
    return [OrderLine(slot=slot, quantity=1, price_minor=350)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    await bench.start()
    yield bench
    await bench.stop()


async def test_a_sale_ends_with_goods(bench: Bench) -> None:
    order_id = await bench.order("A1")
    sale = bench.snapshot["sale"]
    assert sale["payment"]["state"] == "waiting" and sale["payment"]["qr_svg"].startswith("<svg")
    bench.cloud.pay(order_id)
    await bench.until_screen("delivering")
    result = await bench.until_screen("result")
    assert [unit["outcome"] for unit in result["sale"]["units"]] == ["delivered"]
    assert result["sale"]["refund"] is None
    assert len(bench.starts) == 1
    await bench.until(lambda: bench.terminal.machine.facts_waiting == 0)
    kinds = [kind for kind, _, _ in bench.cloud.results()]
    assert kinds == [FactKind.INTENT, FactKind.OUTCOME]
    bench.terminal.done()
    assert bench.snapshot["screen"] == "browse"


async def test_units_of_an_order_are_dispensed_one_by_one(bench: Bench) -> None:
    bench.cabinet.set_fault("A2", Fault.JAM)
    order_id = await bench.order("A1", "A2", "A3")
    bench.cloud.pay(order_id)
    result = await bench.until_screen("result")
    assert [unit["outcome"] for unit in result["sale"]["units"]] == ["delivered", "not_delivered", "delivered"]
    assert result["sale"]["refund"]["amount_minor"] == 350
    assert len(bench.starts) == 3


async def test_a_failed_vend_is_shown_as_being_returned_while_the_cloud_is_gone(bench: Bench) -> None:
    bench.cabinet.set_fault("A1", Fault.JAM)
    order_id = await bench.order("A1")
    bench.cloud.mute |= {"facts", "order_status"}
    bench.cloud.pay(order_id)
    result = await bench.until_screen("result")
    assert result["sale"]["refund"] == {"state": "refunding", "amount_minor": 350, "channel": "wechat"}
    assert result["products"][0]["state"] == "closed"


@pytest.mark.parametrize(
    ("fault", "result"),
    [
        (Fault.JAM, VendResult.NOT_DETECTED),
        (Fault.MISS, VendResult.NOT_DETECTED),
        (Fault.STALL, VendResult.OVERCURRENT),
        (Fault.NO_MOTOR, VendResult.NO_MOTOR),
        (Fault.NOT_HOME, VendResult.NOT_HOME),
        (Fault.HANG, VendResult.TIMEOUT),
        (Fault.HANG_DROP, VendResult.TIMEOUT),
        (Fault.DOUBLE, VendResult.DELIVERED_DOUBLE),
        (Fault.STUCK, VendResult.DELIVERED),
    ],
)
async def test_f44_each_fault_of_the_cabinet_is_told_as_it_is(bench: Bench, fault: Fault, result: VendResult) -> None:
    """F44: a jam (and each other fault) ends as itself, within the one start."""
    order_id = await bench.order("A1")
    bench.cabinet.set_fault("A1", fault)
    bench.cloud.pay(order_id)
    await bench.until_screen("result")
    await bench.until(lambda: len(bench.cloud.results()) == 2)
    assert bench.cloud.results()[-1] == (FactKind.OUTCOME, result, "")
    assert len(bench.starts) == 1


async def test_f25_the_same_command_twice_turns_the_motor_once(bench: Bench) -> None:
    """F25: a command that comes twice starts the motor once."""
    bench.cloud.is_auto_dispensing = False
    order_id = await bench.order("A1")
    bench.cloud.pay(order_id)
    replies = await asyncio.gather(*(bench.cloud.dispense(order_id, 1) for _ in range(5)))
    assert all(reply is not None and reply.facts[0].kind is FactKind.INTENT for reply in replies)
    await bench.until_screen("result")
    late = await bench.cloud.dispense(order_id, 1)
    assert late is not None and [fact.kind for fact in late.facts] == [FactKind.INTENT, FactKind.OUTCOME]
    assert len(bench.starts) == 1


async def test_f25_the_order_of_commands_starts_nothing_twice_and_nothing_old(bench: Bench) -> None:
    """F25: duplicated and reordered, an older epoch last: one start each; what is stale is refused."""
    bench.cloud.is_auto_dispensing = False
    order_id = await bench.order("A1", "A2")
    bench.cloud.pay(order_id)
    await bench.cloud.dispense(order_id, 2)
    await bench.until(lambda: len(bench.cloud.results()) == 2)
    await bench.cloud.dispense(order_id, 1)
    await bench.until(lambda: len(bench.cloud.results()) == 4)
    for unit in (2, 1, 2):
        await bench.cloud.dispense(order_id, unit)
    stale = await bench.cloud.dispense(order_id, 1, cmd_id=derive_id("cmd", "stale"), epoch=bench.cloud.epoch - 1)
    assert stale is not None and stale.facts[-1].kind is FactKind.REFUSED
    assert sorted(bench.starts) == sorted(derive_id("cmd", order_id, unit) for unit in (1, 2))


async def test_f26_a_command_hours_late_starts_nothing(tmp_path: Path) -> None:
    """F26: kept back somewhere on the way until its lease is long over, it is refused as expired; no motor."""
    bench = Bench(tmp_path)
    bench.cloud.settings = Settings(heartbeat_s=0.1, lease_s=0.5)
    bench.cloud.is_auto_dispensing = False
    await bench.start()
    order_id = await bench.order("A1")
    bench.cloud.pay(order_id)
    captured = bench.cloud.command(order_id, 1)
    heard = len(bench.cloud.nonces)
    await bench.until(lambda: len(bench.cloud.nonces) > heard + 8)
    assert bench.cloud.down is not None
    late = await bench.cloud.down("dispense", captured)
    assert late is not None and late.facts[-1].kind is FactKind.REFUSED
    await bench.until(lambda: len(bench.cloud.results()) == 1)
    assert bench.cloud.results()[0][2] == "expired" and bench.starts == []
    await bench.stop()


async def test_a_fence_before_the_command_stops_it_for_ever(bench: Bench) -> None:
    bench.cloud.is_auto_dispensing = False
    order_id = await bench.order("A1")
    fenced = await bench.cloud.fence(order_id, 1)
    assert fenced is not None and fenced.facts[-1].kind is FactKind.FENCED
    reply = await bench.cloud.dispense(order_id, 1)
    assert reply is not None and reply.facts[-1].kind is FactKind.FENCED
    assert bench.starts == []


async def test_a_fence_while_the_motor_runs_waits_for_the_outcome(bench: Bench) -> None:
    bench.cloud.is_auto_dispensing = False
    order_id = await bench.order("A1")
    await bench.cloud.dispense(order_id, 1)
    fenced = await bench.cloud.fence(order_id, 1)
    assert fenced is not None and [fact.kind for fact in fenced.facts] == [FactKind.INTENT, FactKind.OUTCOME]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"nonce": "never-made-here-0123"}, "expired"),
        ({"epoch": 999}, "old_epoch"),
        ({"slot": "Z9"}, "unknown_slot"),
    ],
)
async def test_a_command_that_may_not_start_is_refused_durably(
    bench: Bench, change: dict[str, object], reason: str
) -> None:
    bench.cloud.is_auto_dispensing = False
    order_id = await bench.order("A1")
    reply = await bench.cloud.dispense(order_id, 1, **change)
    assert reply is not None and reply.facts[-1].kind is FactKind.REFUSED
    again = await bench.cloud.dispense(order_id, 1)
    assert again is not None and again.facts == reply.facts
    await bench.until(lambda: len(bench.cloud.results()) == 1)
    assert bench.cloud.results()[0][2] == reason and bench.starts == []


async def test_killed_while_the_motor_runs_the_outcome_is_unknown_and_nothing_runs_again(tmp_path: Path) -> None:
    first = Bench(tmp_path, speed=4.0)
    await first.start()
    first.cloud.is_auto_dispensing = False
    order_id = await first.order("A1")
    first.cloud.pay(order_id)
    await first.cloud.dispense(order_id, 1)
    await first.until(lambda: len(first.starts) == 1)
    await first.kill()

    second = Bench(tmp_path)
    second.cloud = first.cloud
    await second.start()
    result = await second.until_screen("result")
    assert result["sale"]["units"][0]["outcome"] == "unknown"
    await second.until(lambda: len(second.cloud.results()) == 2)
    assert second.cloud.results()[-1] == (FactKind.OUTCOME, VendResult.UNKNOWN, "restarted")
    await second.until(lambda: second.terminal.machine.is_online)
    reply = await second.cloud.dispense(order_id, 1)
    assert reply is not None and reply.facts[-1].kind is FactKind.OUTCOME
    assert second.cabinet.state()["drops"] == [second.starts[0]]  # the board finished its turn
    assert len(second.starts) == 1
    await second.stop()


async def test_killed_after_the_outcome_it_is_reported_under_its_origin(tmp_path: Path) -> None:
    first = Bench(tmp_path)
    await first.start()
    first.cloud.is_auto_dispensing = False
    order_id = await first.order("A1")
    await first.until(lambda: first.terminal.machine.facts_waiting == 0)
    first.cloud.mute.add("facts")
    first.cloud.pay(order_id)
    await first.cloud.dispense(order_id, 1)
    await first.until_screen("result")
    origin = first.journal.epoch
    await first.kill()
    assert first.cloud.results() == []

    second = Bench(tmp_path)
    second.cloud = first.cloud
    second.cloud.mute.clear()
    await second.start()
    await second.until(lambda: len(second.cloud.results()) == 2)
    assert second.cloud.results()[-1] == (FactKind.OUTCOME, VendResult.DELIVERED, "")
    assert {epoch for epoch, _ in second.cloud.facts} == {origin, origin + 1}
    assert len(second.starts) == 1 and second.cloud.conflicts == []
    await second.stop()


async def test_f27_replies_that_are_lost_make_no_second_effect(bench: Bench) -> None:
    """F27: a result is told until it is acknowledged, and counts once."""
    order_id = await bench.order("A1")
    bench.wire.is_deaf = True
    bench.cloud.pay(order_id)
    await bench.until_screen("result")
    await asyncio.sleep(0.5)
    bench.wire.is_deaf = False
    await bench.until(lambda: bench.terminal.machine.facts_waiting == 0, 15)
    assert bench.cloud.conflicts == [] and len(bench.starts) == 1


async def test_no_qr_while_the_machine_is_not_ready(bench: Bench) -> None:
    await bench.until(lambda: bench.terminal.selling.sale.is_online)
    bench.cabinet.set_fault("A1", Fault.NO_MOTOR)
    bench.terminal.order("r1", lines_of("A1"), "wechat")
    await bench.until(lambda: bench.snapshot["notice"] is not None)
    assert bench.snapshot["notice"] == {"code": "slot_closed", "detail": "A1"}
    assert bench.cloud.orders == {}


@pytest.mark.parametrize("fault", [Fault.DOOR_OPEN, Fault.SENSOR_BLOCKED, Fault.SILENT])
async def test_a_machine_fault_takes_it_out_of_order_and_back(bench: Bench, fault: Fault) -> None:
    bench.cabinet.set_fault("*", fault)
    await bench.until_screen("out_of_order")
    await bench.until(lambda: not bench.cloud.last_beat.is_ready)
    bench.cabinet.set_fault("*", fault, is_on=False)
    await bench.until_screen("browse")


async def test_a_fault_while_paying_cancels_the_order(bench: Bench) -> None:
    order_id = await bench.order("A1")
    bench.cabinet.set_fault("*", Fault.SENSOR_BLOCKED)
    await bench.until_screen("out_of_order")
    await bench.until(lambda: bench.cloud.orders[order_id].state == "cancelled")


async def test_a_pickup_code_delivers_and_a_wrong_one_says_so(bench: Bench) -> None:
    await bench.until(lambda: bench.terminal.selling.sale.is_online)
    bench.terminal.enter_code("00000000")
    await bench.until(lambda: bench.snapshot["code_entry"]["state"] == "refused")
    bench.terminal.enter_code("12345678")
    result = await bench.until_screen("result")
    assert result["sale"]["kind"] == "code" and result["sale"]["units"][0]["outcome"] == "delivered"


async def test_a_code_names_the_slots_that_the_machine_holds_closed(bench: Bench) -> None:
    bench.cabinet.set_fault("A1", Fault.JAM)
    bench.cloud.pay(await bench.order("A1"))
    await bench.until_screen("result")
    bench.terminal.done()
    bench.terminal.enter_code("12345678")
    await bench.until(lambda: bench.cloud.closed_slots == ["A1"])


async def test_a_slot_that_the_new_catalogue_has_open_is_tested_at_once(bench: Bench) -> None:
    for request_id, slot in (("r1", "A1"), ("r2", "A2")):
        bench.cabinet.set_fault(slot, Fault.JAM)
        bench.cloud.pay(await bench.order(slot, request_id=request_id))
        await bench.until_screen("result")
        bench.terminal.done()
    assert bench.terminal.machine.slots.closed() == ["A1", "A2"]
    told = catalogue_of(version=2)
    still_closed = [
        msgspec.structs.replace(slot, state=SlotState.CLOSED) if slot.slot == "A2" else slot for slot in told.slots
    ]
    bench.cloud.catalogue = msgspec.structs.replace(told, slots=still_closed)
    await bench.terminal.session.fetch_catalogue(2)
    await bench.until(lambda: bench.terminal.machine.slots.closed() == ["A2"], RETEST_EVERY_S / 10)


async def test_an_order_paid_on_a_phone_is_shown_when_its_command_comes(bench: Bench) -> None:
    order_id = await bench.order("A1")
    bench.terminal.cancel()
    await bench.until_screen("browse")
    bench.cloud.orders[order_id].state = "awaiting_payment"
    bench.cloud.pay(order_id)
    result = await bench.until_screen("result")
    assert result["sale"]["order_id"] == order_id


async def test_offline_is_shown_and_sells_nothing(bench: Bench) -> None:
    await bench.until(lambda: bench.snapshot["link"] == "online")
    bench.wire.set_up(False)
    await bench.until(lambda: bench.snapshot["link"] == "offline")
    bench.terminal.order("r1", lines_of("A1"), "wechat")
    await bench.until(lambda: bench.snapshot["notice"] is not None)
    assert bench.snapshot["notice"]["detail"] == "offline"
    bench.wire.set_up(True)
    await bench.until(lambda: bench.snapshot["link"] == "online")


async def test_a_driver_that_dies_in_a_vend_leaves_an_unknown_outcome(bench: Bench) -> None:
    order_id = await bench.order("A1")

    class Broken(SimulatedCabinet):
        """A driver with a defect: it dies in the middle of a vend."""

        async def dispense(self, slot: str, cmd_id: str) -> VendReport:
            raise RuntimeError("a defect")

    bench.cabinet.__class__ = Broken
    bench.cloud.pay(order_id)
    result = await bench.until_screen("result")
    assert result["sale"]["units"][0]["outcome"] == "unknown"
    bench.cabinet.__class__ = SimulatedCabinet


async def test_a_full_disk_stops_selling_before_money_and_starts_no_motor(tmp_path: Path) -> None:
    disk = FaultyDisk("full-under-a-sale")
    bench = Bench(tmp_path, vfs=disk.name)
    await bench.start()
    bench.cloud.is_auto_dispensing = False
    order_id = await bench.order("A1")
    bench.cloud.pay(order_id)
    disk.is_full = True
    asking = asyncio.create_task(bench.cloud.dispense(order_id, 1))
    await bench.until(lambda: not bench.terminal.machine.is_journal_ok)
    await asyncio.sleep(1.5)  # at least one more try to write
    assert bench.starts == [] and not asking.done()
    assert "journal_fault" in bench.terminal.machine.faults()
    disk.is_full = False
    reply = await asyncio.wait_for(asking, 30)
    assert reply is not None and reply.facts[-1].kind is FactKind.REFUSED
    await bench.until(lambda: len(bench.cloud.results()) == 1)
    assert bench.cloud.results()[0][2] == "journal_fault" and bench.starts == []
    await bench.stop()


async def test_an_outcome_that_the_disk_refused_is_written_later_and_reported(tmp_path: Path) -> None:
    disk = FaultyDisk("refusing-an-outcome")
    bench = Bench(tmp_path, vfs=disk.name, speed=10.0)
    await bench.start()
    bench.cloud.is_auto_dispensing = False
    order_id = await bench.order("A1")
    bench.cloud.pay(order_id)
    await bench.cloud.dispense(order_id, 1)
    disk.is_sync_failing = True
    await bench.until(lambda: not bench.terminal.machine.is_journal_ok)
    disk.is_sync_failing = False
    await bench.until_screen("result")
    await bench.until(lambda: len(bench.cloud.results()) == 2)
    assert bench.cloud.results()[-1][1] is VendResult.DELIVERED and len(bench.starts) == 1
    await bench.stop()


async def test_a_disk_that_works_again_opens_the_machine_by_itself(tmp_path: Path) -> None:
    disk = FaultyDisk("full-for-a-while")
    bench = Bench(tmp_path, vfs=disk.name)
    await bench.start()
    await bench.until(lambda: bench.terminal.selling.sale.is_online)
    disk.is_full = True
    bench.cloud.catalogue = catalogue_of(version=2)
    state = await bench.until_screen("out_of_order")
    assert state["out_of_order_reason"] == "journal_fault"
    disk.is_full = False
    await bench.until_screen("browse")
    await bench.stop()
