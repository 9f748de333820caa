"""A disk that is full, sick, read-only, damaged, old or of another program's version. F38, F39, F42, F43."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.vend_stage import CMD, KEY, VEND_S, VendStage
from tests.terminal.bench import Bench
from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import FactKind, Settings, VendResult
from vendomat.simulator.disk import Disk, DiskFault
from vendomat.terminal.journal import Journal, JournalError
from vendomat.terminal.loop.watching import Watching

INTENT, OUTCOME, REFUSED = FactKind.INTENT, FactKind.OUTCOME, FactKind.REFUSED
JOURNAL = "journal.db"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[VendStage]:
    stage = VendStage(tmp_path)
    await stage.start()
    await stage.pass_time(1)
    yield stage
    await stage.close()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    disk = Disk()
    bench = Bench(tmp_path, disk=disk)
    await bench.start()
    await bench.until(lambda: bench.terminal.selling.sale.is_online and "heartbeat" in bench.cloud.heard)
    yield bench
    disk.clear()
    await bench.stop()
    disk.close()


# --- F38 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", list(DiskFault))
async def test_f38_a_disk_that_refuses_stops_selling_before_money(bench: Bench, fault: DiskFault) -> None:
    """No order is asked for, the screen says why, and selling goes on by itself once the disk is well."""
    disk = bench.disk
    assert disk is not None
    disk.fault = fault
    bench.press("A1")
    await bench.until_screen("out_of_order")
    assert bench.snapshot["out_of_order_reason"] in ("journal_fault", "disk_full")
    assert bench.cloud.orders == {} and bench.starts == []
    await bench.until(lambda: not bench.cloud.last_beat.is_ready)
    disk.clear()
    await bench.until_screen("browse")
    order_id = await bench.order("A1")
    bench.cloud.pay(order_id)
    result = await bench.until_screen("result")
    assert result["sale"]["units"][0]["outcome"] == "delivered"


async def test_f38_a_disk_that_gets_full_stops_selling_while_there_is_room_to_record(bench: Bench) -> None:
    """Selling stops first: what was sold before is still recorded to its end."""
    disk = bench.disk
    assert disk is not None
    bench.cloud.is_auto_dispensing = False
    order_id = await bench.order("A1")
    bench.cloud.pay(order_id)
    await bench.cloud.dispense(order_id, 1)
    disk.free_bytes = 1_000_000
    await bench.until(lambda: "disk_full" in bench.terminal.machine.faults())
    await bench.until_screen("result")
    await bench.until(lambda: bench.cloud.results()[-1][:2] == (OUTCOME, VendResult.DELIVERED))
    bench.terminal.done()
    assert bench.snapshot["screen"] == "out_of_order"
    disk.free_bytes = 2**30
    await bench.until_screen("browse")


async def test_f38_the_disk_fails_at_any_call_of_a_vend_and_no_more_than_one_motor_starts(tmp_path: Path) -> None:
    """Each call of a vend refused once: the vend ends with goods, or with a durable refusal and no motor."""
    results = set()
    for fault in DiskFault:
        for number in itertools.count(1):
            folder = tmp_path / f"{fault.value}-{number}"
            folder.mkdir()
            stage = VendStage(folder)
            await stage.start()
            await stage.pass_time(1)
            stage.disk.fail_at(number, fault)
            stage.dispense()
            await stage.pass_time(VEND_S + 4)
            is_over = stage.disk.is_pending
            found = (tuple(stage.heard()), stage.starts, stage.drops)
            assert found in (
                (((INTENT, None), (OUTCOME, VendResult.DELIVERED)), 1, 1),
                (((REFUSED, None),), 0, 0),
                (((INTENT, None), (REFUSED, None)), 0, 0),  # a commit that said no and was kept
                (((INTENT, None), (OUTCOME, VendResult.DELIVERED), (OUTCOME, VendResult.DELIVERED)), 1, 1),
            ), f"{fault} at call {number}"
            results.add(found)
            await stage.close()
            if is_over:
                break
    assert len(results) >= 2, "no fault hit the intent: the test has lost its subject"


async def test_f38_an_outcome_waits_for_the_disk_and_is_told_when_it_is_well(stage: VendStage) -> None:
    """Recording is tried again until it works; the motor started once."""
    stage.dispense()
    await stage.pass_time(2)
    stage.disk.fault = DiskFault.READ_ONLY
    await stage.pass_time(30)
    assert stage.durable() == [INTENT] and not stage.machine.is_journal_ok
    assert "journal_fault" in stage.machine.faults()
    stage.disk.clear()
    await stage.pass_time(3)
    assert stage.heard() == [(INTENT, None), (OUTCOME, VendResult.DELIVERED)] and stage.starts == 1


# --- F39 -------------------------------------------------------------------------------------------------------------


def spoil(disk: Disk, text: bytes) -> None:
    """Change one byte in the middle of the page that holds `text`."""
    for name in (JOURNAL, JOURNAL + "-wal"):
        data = disk.files.get(name, b"")
        at = data.rfind(text)
        if at >= 0:
            disk.put(name, data[: at + 2] + bytes([data[at + 2] ^ 1]) + data[at + 3 :])
            if name == JOURNAL:
                return
    assert name == JOURNAL + "-wal", "there was nothing to spoil"


async def test_f39_a_damaged_journal_is_put_aside_and_never_read_as_empty(stage: VendStage) -> None:
    """Quarantine, an epoch above all before, a start that tells of it, and no word on commands of before."""
    stage.dispense()
    await stage.pass_time(2)  # the motor has started
    epoch = stage.journal.epoch
    stage.journal.close()  # everything is in the database, nothing in the log
    await stage.end()
    spoil(stage.disk, CMD.encode())
    await stage.start()
    assert stage.journal.damage and stage.journal.epoch > epoch + 100
    assert f"{JOURNAL}.damaged-1" in stage.disk.files and "journal_halted" in stage.machine.faults()
    stage.dispense()
    stage.fence()
    await stage.pass_time(VEND_S)
    assert all(isinstance(answer, VendomatError) for answer in stage.answers) and len(stage.answers) == 2
    assert stage.starts == 1 and stage.durable() == []  # neither started again, nor promised, nor refused


async def test_f39_selling_goes_on_when_no_command_of_before_can_be_open(stage: VendStage) -> None:
    """Only after the cloud heard of the loss and the longest life of a command is over."""
    await stage.end()
    stage.disk.put(JOURNAL, None)
    stage.cloud.mute.add("facts")
    await stage.start()
    watching = Watching(stage.machine)
    settings = stage.machine.settings
    await stage.pass_time(settings.ttl_s + settings.lease_s + settings.deadline_s + 1, 5)
    await watching.look()
    assert "journal_halted" in stage.machine.faults()  # the cloud has not heard of it
    stage.cloud.mute.clear()
    await stage.pass_time(30)
    await watching.look()
    assert stage.machine.faults() == ()
    stage.dispense()
    await stage.pass_time(VEND_S)
    assert stage.heard()[-1] == (OUTCOME, VendResult.DELIVERED)


async def test_f39_a_torn_tail_is_cut_and_the_rest_stays(stage: VendStage) -> None:
    """What was acknowledged stays; the half of a write that was not is no damage."""
    stage.disk.cut_at(2, keep=0.5)
    stage.dispense()
    await stage.pass_time(1)
    await stage.end()
    await stage.start()
    assert stage.journal.damage == ""
    assert [fact.epoch for fact in stage.journal.unacked(9)] == [2] or stage.journal.count_unacked() >= 1


async def test_f39_damage_met_while_running_ends_the_program(stage: VendStage) -> None:
    """The run that meets it stops; the next start looks at the whole and puts it aside."""
    stage.cloud.mute.add("facts")
    stage.dispense()
    await stage.pass_time(VEND_S)
    with stage.journal._transaction():
        stage.journal._db.execute("UPDATE facts SET body = '{}' WHERE seq = 2")
    stage.cloud.mute.clear()
    await stage.pass_time(30)
    assert stage.failures > 0 and stage.heard() == []
    await stage.end()
    await stage.start()
    assert "mark" in stage.journal.damage


# --- F42 -------------------------------------------------------------------------------------------------------------


async def test_f42_a_newer_programs_journal_is_refused_and_untouched(stage: VendStage) -> None:
    """The program says so and sells nothing; not a byte of the facts is changed."""
    stage.journal._db.execute("PRAGMA user_version = 99")
    await stage.end()
    before = stage.disk.files[JOURNAL]
    with pytest.raises(JournalError, match="newer program"):
        await stage.start()
    assert stage.disk.files[JOURNAL] == before and f"{JOURNAL}.damaged-1" not in stage.disk.files


async def test_f42_an_older_programs_journal_is_taken_over_at_any_cut(stage: VendStage) -> None:
    """The power may go at any write of the change: all facts are there afterwards."""
    stage.cloud.mute.add("facts")
    stage.dispense()
    await stage.pass_time(VEND_S)
    facts = stage.journal.unacked(50)
    stage.journal._db.execute("DELETE FROM meta WHERE key = 'facts'")
    stage.journal._db.execute("PRAGMA user_version = 1")
    await stage.end()
    for number in itertools.count(1):
        disk = stage.disk.copy()
        disk.cut_at(number)
        with contextlib.suppress(JournalError):
            opened_on(disk).close()
        is_over = disk.is_pending
        disk.clear()
        journal = opened_on(disk)
        assert journal.damage == "" and journal.unacked(50) == facts and journal.count_unacked() == len(facts)
        journal.close()
        disk.close()
        if is_over:
            break
    assert number > 3


def opened_on(disk: Disk) -> Journal:
    disk.crash()
    return Journal(Path(JOURNAL), KEY, vfs=disk.vfs_name, files=disk.folder)


# --- F43 -------------------------------------------------------------------------------------------------------------


async def test_f43_an_old_disk_image_is_told_so_and_forgets_nothing_twice(tmp_path: Path) -> None:
    """The next start is above the cloud's epoch, and a command that came before is neither started nor promised."""
    disk = Disk()
    first = Bench(tmp_path, disk=disk)
    await first.start()
    await first.until(lambda: first.terminal.selling.sale.is_online)
    await first.stop()
    image = disk.copy()
    for _ in range(2):  # the machine lives on, and sells
        await first.start()
        first.cloud.is_auto_dispensing = False
        order_id = await first.order("A1", request_id=f"r{first.journal.epoch}")
        first.cloud.pay(order_id)
        await first.cloud.dispense(order_id, 1)
        await first.until_screen("result")
        await first.stop()
    known = first.cloud.epoch

    second = Bench(tmp_path, disk=image)
    second.cloud = first.cloud
    second.cloud.settings = Settings(heartbeat_s=0.3, ttl_s=0.3, lease_s=20.0, deadline_s=0.3)
    second.cloud.refusals["hello"] = VendomatError(ErrorCode.OLD_EPOCH, "newer run", epoch=known)
    await second.start()
    assert second.journal.epoch <= known
    await second.until(lambda: second.terminal.machine.has_failed)
    await second.stop()

    second.cloud.refusals.clear()
    await second.start()
    await second.until(lambda: second.terminal.machine.is_online)
    assert second.journal.epoch > known and "journal_halted" in second.terminal.machine.faults()
    with pytest.raises(VendomatError, match="lost its memory"):
        await second.cloud.dispense(order_id, 1)
    with pytest.raises(VendomatError, match="lost its memory"):
        await second.cloud.fence(order_id, 1)
    await second.until(lambda: any(b"the cloud knows run" in bytes(f.body) for f in second.cloud.facts.values()))
    assert len(second.starts) == 2  # those of the machine's later life, and none since
    await second.stop()
    image.close()
    disk.close()
