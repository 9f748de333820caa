"""S13: the key that signs for the cloud changes while it runs, and nothing that machines do not trust is signed by."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from tests.cloud.sales.conftest import MACHINE
from tests.cloud.sales.selling_stage import Stage
from vendomat.cloud.app import Rotation, rotate_key
from vendomat.cloud.machines import spread_of
from vendomat.cloud.platform.identity import CommandKeys, signed_by
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.kernel import ErrorCode, ManualClock, VendomatError

HELLO = {"program": "x", "boot_nonce": "b" * 16, "nonce": "n" * 16}


def test_s13_the_three_steps_of_a_rotation(tmp_path: Path) -> None:
    keys, worker = CommandKeys(tmp_path / "keys.json"), CommandKeys(tmp_path / "keys.json")
    first = keys.key_id
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    with pytest.raises(VendomatError) as caught:
        keys.switch()
    assert caught.value.code is ErrorCode.CONFLICT and keys.key_id == first
    keys.prepare()
    second = keys.next_key_id
    keys.prepare()
    assert keys.next_key_id == second and keys.key_id == first, "told, not signed by; and made once"
    worker.refresh()
    assert set(worker.key_ids()) == {first, second} and worker.key_id == first
    keys.switch()
    with pytest.raises(VendomatError):
        keys.prepare()
    worker.refresh()
    assert (worker.key_id, worker.old_key_id, set(worker.key_ids())) == (second, first, {first, second})
    assert signed_by(worker.public_key, b"x", keys.sign(b"x"))
    keys.retire()
    worker.refresh()
    assert worker.key_ids() == (second,) and worker.public_keys() == {second: worker.public_base64}
    assert CommandKeys(tmp_path / "keys.json").key_id == second


async def test_s13_a_worker_follows_the_file_and_keeps_its_keys_when_it_cannot_be_read(tmp_path: Path) -> None:
    keys, clock = CommandKeys(tmp_path / "keys.json"), ManualClock()
    worker = CommandKeys(tmp_path / "keys.json")
    following = asyncio.create_task(worker.keep_fresh(clock))
    keys.prepare()
    whole = (tmp_path / "keys.json").read_bytes()
    (tmp_path / "keys.json").write_bytes(b"{")
    await clock.advance(1)
    assert worker.next_key_id == "" and worker.sign(b"x")
    (tmp_path / "keys.json").write_bytes(whole)
    await clock.advance(1)
    assert worker.next_key_id == keys.next_key_id
    following.cancel()


async def advanced(clock: ManualClock, seconds: int) -> None:
    """Let time pass in steps, and the database answer in each."""
    for _ in range(seconds):
        await asyncio.sleep(0.05)
        await clock.advance(1)


@pytest.mark.slow
async def test_s13_a_rotation_waits_for_every_machine_to_confirm(stage: Stage, tmp_path: Path) -> None:
    keys, clock, said = CommandKeys(tmp_path / "keys.json"), stage.clock, list[str]()
    first = keys.key_id
    rotation = Rotation(keys, stage.world.database, clock, said.append)
    running = asyncio.create_task(rotation.run(wait_s=5))
    await advanced(clock, 8)
    assert await asyncio.wait_for(running, 30) is False and keys.key_id == first, (
        "a machine is missing: nothing was switched"
    )
    assert any("0 of 1 machines" in line and "missing: T-1" in line for line in said)
    second = keys.next_key_id
    await stage.say("hello", HELLO | {"key_ids": [first]})
    await stage.say("hello", HELLO | {"key_ids": [first, second]})
    async with stage.world.database.hot.acquire() as connection:
        assert (await spread_of(connection, second)).is_everywhere
        assert not (await spread_of(connection, "c_other")).is_everywhere
    again = asyncio.create_task(rotation.run(wait_s=5))
    await advanced(clock, 10)
    assert (keys.key_id, keys.old_key_id) == (second, first), "switched; the old key counts for a while"
    await advanced(clock, 25)
    assert await asyncio.wait_for(again, 30) is True and keys.key_ids() == (second,)


@pytest.mark.slow
async def test_s13_a_stolen_key_ends_at_once(stage: Stage, tmp_path: Path) -> None:
    keys = CommandKeys(tmp_path / "keys.json")
    stolen = keys.key_id
    rotation = Rotation(keys, stage.world.database, stage.clock, lambda _: None)
    assert await rotation.run(wait_s=0, at_once=True)
    assert stolen not in keys.key_ids() and len(keys.key_ids()) == 1


@pytest.mark.slow
async def test_s13_machines_are_told_which_keys_to_trust_in_signed_answers(stage: Stage) -> None:
    stage.messages._key_ids = lambda: ("c_1", "c_2")
    kind, answer = await stage.say("hello", HELLO | {"key_ids": ["c_1"]})
    assert (kind, answer["key_ids"]) == ("hello.reply", ["c_1", "c_2"])
    kind, answer = await stage.say("heartbeat", {"nonce": "m" * 16, "is_ready": True})
    assert (kind, answer["key_ids"]) == ("heartbeat.reply", ["c_1", "c_2"])
    trusted = "SELECT trusted_keys FROM machine WHERE machine_id = '" + MACHINE + "'"
    assert await stage.one(trusted) == "c_1"


async def test_s13_a_rotation_where_no_cloud_is_changes_nothing(tmp_path: Path) -> None:
    settings = CloudSettings(data_dir=tmp_path)
    for code in (ErrorCode.NOT_FOUND, ErrorCode.UNAVAILABLE):
        with pytest.raises(VendomatError) as caught:
            await rotate_key(settings, ManualClock(), lambda _: None, wait_s=0, at_once=True)
        assert caught.value.code is code
        kept = CommandKeys(tmp_path / "identity" / "command_keys.json").key_ids()  # a cloud that does not run
    assert CommandKeys(tmp_path / "identity" / "command_keys.json").key_ids() == kept
