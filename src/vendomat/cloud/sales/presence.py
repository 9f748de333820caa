"""Hellos, heartbeats and conditions of machines, batched like the sale itself: a fresh nonce is what a command may
quote. Conditions have one writer of their own and wait longest: nobody at a machine waits for them."""

from __future__ import annotations

from collections.abc import Sequence

from vendomat.cloud.alarms import clone_alarms
from vendomat.cloud.machines import (
    ConditionItem,
    Greeted,
    HeartbeatItem,
    HelloItem,
    apply_conditions,
    apply_heartbeats,
    apply_hellos,
)
from vendomat.cloud.platform.batcher import Batcher
from vendomat.cloud.platform.database import Database, is_of_the_server
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.kernel import Ids
from vendomat.protocol import ConditionReply


class Presence:
    """`greet`, `hear` and `learn` answer after the commit; they raise `VendomatError` for a machine that may not."""

    def __init__(self, database: Database, settings: CloudSettings, ids: Ids) -> None:
        self._database = database
        self._raise_clone_alarms = clone_alarms(ids)
        size, wait_s = settings.batch_items_max, settings.batch_wait_s
        self._hellos: Batcher[HelloItem, Greeted] = Batcher(
            self._write_hellos, items_max=size, wait_s=wait_s, is_shared=is_of_the_server
        )
        self._beats: Batcher[HeartbeatItem, Greeted] = Batcher(
            self._write_beats, items_max=4 * size, wait_s=10 * wait_s, writers=1, is_shared=is_of_the_server
        )

        self._conditions: Batcher[ConditionItem, ConditionReply] = Batcher(
            self._write_conditions, items_max=4 * size, wait_s=50 * wait_s, writers=1, is_shared=is_of_the_server
        )

    async def greet(self, item: HelloItem) -> Greeted:
        return await self._hellos.submit(item)

    async def hear(self, item: HeartbeatItem) -> Greeted:
        return await self._beats.submit(item)

    async def learn(self, item: ConditionItem) -> ConditionReply:
        return await self._conditions.submit(item)

    async def aclose(self) -> None:
        await self._hellos.aclose()
        await self._beats.aclose()
        await self._conditions.aclose()

    async def _write_hellos(self, items: Sequence[HelloItem]) -> Sequence[Greeted | Exception]:
        return await self._database.write(lambda c: apply_hellos(c, items, raise_clone_alarms=self._raise_clone_alarms))

    async def _write_beats(self, items: Sequence[HeartbeatItem]) -> Sequence[Greeted | Exception]:
        return await self._database.write(lambda c: apply_heartbeats(c, items))

    async def _write_conditions(self, items: Sequence[ConditionItem]) -> Sequence[ConditionReply | Exception]:
        return await self._database.write(lambda c: apply_conditions(c, items))
