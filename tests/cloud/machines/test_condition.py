"""What machines say of themselves: the newest word of the newest run is kept, and every item gets its own answer."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from tests.cloud.shop_stage import Shop, key_of
from vendomat.cloud.machines import ConditionItem, Sender, apply_conditions
from vendomat.kernel import VendomatError
from vendomat.protocol import Condition, ConditionReply, Signal

pytestmark = pytest.mark.slow
_seqs = itertools.count(10)


def said(shop: Shop, machine: int = 0, *, epoch: int = 1, seq: int = 0, key: str = "", **words: Any) -> ConditionItem:
    machine_id = shop.seeded.machines[machine].machine_id
    sender = Sender(shop.merchant_id, machine_id, key or key_of(machine_id).public, epoch, seq or next(_seqs))
    return ConditionItem(sender, Condition(program="p", protocol=1, **words), shop.clock.now())


async def tell(shop: Shop, *items: ConditionItem) -> list[str]:
    async with shop.database.hot.acquire() as connection, connection.transaction():
        answers = await apply_conditions(connection, items)
    return [one.code.value if isinstance(one, VendomatError) else type(one).__name__ for one in answers]


async def kept(shop: Shop, machine: int = 0) -> dict[str, Any]:
    row = await shop.database.hot.fetchval(
        "SELECT condition FROM machine_condition WHERE machine_id = $1", shop.seeded.machines[machine].machine_id
    )
    return dict(row)


async def test_the_newest_word_of_each_machine_is_kept(shop: Shop) -> None:
    await shop.enrol_all()
    newest = said(shop, temperatures_c={"cabinet": 7.0}, signal=Signal(way="wifi", dbm=-60))
    older = ConditionItem(replace(newest.sender, seq=newest.sender.seq - 1), said(shop).condition, shop.clock.now())
    other = said(shop, 1, is_door_shut=False)
    done = ConditionReply.__name__
    assert await tell(shop, newest, other, older) == [done, done, "replayed"]
    assert (await kept(shop))["temperatures_c"] == {"cabinet": 7.0}
    assert (await kept(shop, 1))["is_door_shut"] is False
    assert await tell(shop, older) == ["replayed"]
    assert await tell(shop, said(shop, epoch=2)) == [done]
    assert (await kept(shop))["temperatures_c"] == {}


async def test_who_does_not_speak_for_a_machine_changes_nothing(shop: Shop) -> None:
    await shop.enrol_all()
    await tell(shop, said(shop, epoch=3, catalogue_version=9))
    await shop.as_hot_owner("UPDATE machine SET epoch = 3 WHERE machine_id = $1", shop.machine_id)
    strange, old = said(shop, epoch=3, key="another"), said(shop, epoch=2)
    unknown = ConditionItem(Sender("mer_x", shop.machine_id, "k", 3, 1), strange.condition, strange.at)
    assert await tell(shop, strange) == ["bad_signature"]
    assert await tell(shop, old, unknown) == ["old_epoch", "forbidden"]
    assert (await kept(shop))["catalogue_version"] == 9
