"""Hellos and heartbeats in batches: one answer each, old runs refused and reported."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import asyncpg
import pytest

from tests.cloud.shop_stage import Shop, key_of
from vendomat.cloud.alarms import clone_alarms
from vendomat.cloud.machines import Greeted, HeartbeatItem, HelloItem, apply_heartbeats, apply_hellos
from vendomat.kernel import ErrorCode, VendomatError

pytestmark = pytest.mark.slow


@pytest.fixture
async def enrolled(shop: Shop) -> Shop:
    await shop.enrol_all()
    return shop


_seqs = itertools.count(1)


def hello(shop: Shop, machine: int = 0, epoch: int = 2, boot: str = "boot-a", nonce: str = "n-1") -> HelloItem:
    machine_id = shop.seeded.machines[machine].machine_id
    return HelloItem(
        shop.merchant_id,
        machine_id,
        epoch,
        boot,
        nonce,
        shop.clock.now(),
        seq=next(_seqs),
        public_key=key_of(machine_id).public,
    )


def beat(shop: Shop, machine: int = 0, epoch: int = 2, nonce: str = "n-2", seq: int = 0) -> HeartbeatItem:
    machine_id = shop.seeded.machines[machine].machine_id
    return HeartbeatItem(
        shop.merchant_id,
        machine_id,
        epoch,
        nonce,
        shop.clock.now(),
        seq=seq or next(_seqs),
        public_key=key_of(machine_id).public,
        is_ready=True,
        reasons=("door,open", 'quote"s'),
        temperature_c=4.5,
        facts_waiting=3,
    )


async def say(shop: Shop, *items: HelloItem) -> Sequence[Greeted | VendomatError]:
    async with shop.database.hot.acquire() as connection, connection.transaction():
        return await apply_hellos(connection, items, raise_clone_alarms=clone_alarms(shop.ids))


async def live(shop: Shop, machine: int = 0) -> asyncpg.Record | None:
    return await shop.database.hot.fetchrow(
        "SELECT * FROM machine_live WHERE machine_id = $1", shop.seeded.machines[machine].machine_id
    )


def codes(answers: Sequence[Greeted | VendomatError]) -> list[str]:
    return [answer.code.value if isinstance(answer, VendomatError) else "greeted" for answer in answers]


async def test_a_hello_takes_the_run_and_the_nonce(enrolled: Shop) -> None:
    (answer,) = await say(enrolled, hello(enrolled))
    assert answer == Greeted(catalogue_version=2)
    row = await live(enrolled)
    assert row is not None
    assert (row["epoch"], row["nonce"], row["is_ready"], row["reasons"]) == (2, "n-1", False, ["starting"])


async def test_the_same_run_may_say_hello_again_and_keeps_what_it_said(enrolled: Shop) -> None:
    await say(enrolled, hello(enrolled))
    async with enrolled.database.hot.acquire() as connection:
        await apply_heartbeats(connection, [beat(enrolled)])
    assert codes(await say(enrolled, hello(enrolled, nonce="n-9"))) == ["greeted"]
    row = await live(enrolled)
    assert row is not None and (row["nonce"], row["is_ready"]) == ("n-9", True)


async def test_f30_a_run_of_the_same_epoch_from_elsewhere_is_refused_and_reported(enrolled: Shop) -> None:
    """F30: a clone with the same key is refused at its hello and reported."""
    await say(enrolled, hello(enrolled))
    (answer,) = await say(enrolled, hello(enrolled, boot="boot-b", nonce="n-clone"))
    assert isinstance(answer, VendomatError)
    assert (answer.code, answer.detail) == (ErrorCode.OLD_EPOCH, {"epoch": 2})
    row = await live(enrolled)
    assert row is not None and row["nonce"] == "n-1"
    alarm = await enrolled.database.hot.fetchrow("SELECT * FROM alarm WHERE merchant_id = $1", enrolled.merchant_id)
    assert (alarm["kind"], alarm["severity"], alarm["machine_id"]) == ("machine.clone", "critical", enrolled.machine_id)
    event = await enrolled.database.hot.fetchrow(
        "SELECT * FROM security_event WHERE merchant_id = $1", enrolled.merchant_id
    )
    assert (event["kind"], event["detail"]) == ("machine.old_epoch", {"epoch": 2, "known_epoch": 2})


async def test_a_batch_answers_each_item_in_its_place(enrolled: Shop) -> None:
    stranger = HelloItem(enrolled.merchant_id, "mch_unknown", 5, "b", "n", enrolled.clock.now())
    answers = await say(
        enrolled,
        hello(enrolled, 1, epoch=4, boot="b4"),
        stranger,
        hello(enrolled, 0, epoch=2, boot="b2"),
        hello(enrolled, 0, epoch=3, boot="b3", nonce="n-3"),
        hello(enrolled, 0, epoch=2, boot="b2"),
        hello(enrolled, 1, epoch=4, boot="b4"),
    )
    assert codes(answers) == ["greeted", "forbidden", "greeted", "greeted", "old_epoch", "greeted"]
    first, second = await live(enrolled, 0), await live(enrolled, 1)
    assert first is not None and (first["epoch"], first["nonce"]) == (3, "n-3")
    assert second is not None and second["epoch"] == 4


async def test_another_merchants_name_on_a_hello_is_refused(enrolled: Shop) -> None:
    item = HelloItem("mer_other", enrolled.machine_id, 9, "b", "n", enrolled.clock.now())
    assert codes(await say(enrolled, item)) == ["forbidden"]


async def test_a_machine_that_never_enrolled_is_refused(shop: Shop) -> None:
    assert codes(await say(shop, hello(shop))) == ["forbidden"]


async def test_heartbeats_keep_what_the_machine_says(enrolled: Shop) -> None:
    await say(enrolled, hello(enrolled))
    async with enrolled.database.hot.acquire() as connection:
        assert await apply_heartbeats(connection, [beat(enrolled)]) == [Greeted(2)]
    row = await live(enrolled)
    assert row is not None
    assert (row["nonce"], row["is_ready"], row["reasons"]) == ("n-2", True, ["door,open", 'quote"s'])
    assert (row["temperature_c"], row["facts_waiting"]) == (4.5, 3)


async def test_heartbeats_of_other_runs_change_nothing(enrolled: Shop) -> None:
    await say(enrolled, hello(enrolled, epoch=5))
    items = [beat(enrolled, epoch=4, nonce="old"), beat(enrolled, epoch=6, nonce="early"), beat(enrolled, 1, epoch=1)]
    async with enrolled.database.hot.acquire() as connection:
        assert codes(await apply_heartbeats(connection, items)) == ["old_epoch", "conflict", "greeted"]
    row = await live(enrolled)
    assert row is not None and row["nonce"] == "n-1"


async def test_of_several_heartbeats_the_newest_stays(enrolled: Shop) -> None:
    await say(enrolled, hello(enrolled))
    async with enrolled.database.hot.acquire() as connection:
        await apply_heartbeats(
            connection, [beat(enrolled, nonce="new", seq=1_005), beat(enrolled, nonce="older", seq=1_001)]
        )
        assert codes(await apply_heartbeats(connection, [beat(enrolled, nonce="late", seq=1_002)])) == ["replayed"]
    row = await live(enrolled)
    assert row is not None and row["nonce"] == "new"


async def test_after_a_crash_of_the_database_a_heartbeat_fills_the_row_again(enrolled: Shop) -> None:
    await say(enrolled, hello(enrolled))
    async with enrolled.database.merchant(enrolled.merchant_id) as connection:
        await connection.exec_driver_sql("UPDATE machine_live SET epoch = 0")
    async with enrolled.database.hot.acquire() as connection:
        await apply_heartbeats(connection, [beat(enrolled)])
    row = await live(enrolled)
    assert row is not None and (row["epoch"], row["nonce"]) == (2, "n-2")
