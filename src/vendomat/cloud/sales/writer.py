"""The writer: the hot use cases behind their batchers, and what follows a commit.

Everything that changes a purchase goes through here. What a commit allows (publish a command, tell the machine, try a
refund) is handed to `followers` after it, never inside the transaction; a follower that is lost is made up for by the
sweeps.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import asyncpg
import structlog

from vendomat.cloud.catalog import bump_catalogue_versions
from vendomat.cloud.orders import Key
from vendomat.cloud.platform.batcher import Batcher
from vendomat.cloud.platform.database import Database, is_of_the_server
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.loading import load_purchases
from vendomat.cloud.sales.model import Purchase
from vendomat.cloud.sales.new_order import NewOrder
from vendomat.cloud.sales.use_cases import (
    Applied,
    EventFor,
    IssuedCode,
    VendApplied,
    VendItem,
    apply_payment_facts,
    apply_vend_facts,
    create_orders,
    keep_codes,
)
from vendomat.kernel import ErrorCode, Ids, VendomatError

log = structlog.get_logger(__name__)

Follow = Callable[[Applied], None]
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_UseCase = Callable[[asyncpg.Connection, Sequence[_Item], CloudSettings, Ids], Awaitable[list[_Result | Exception]]]


WatchBatches = Callable[[str], Callable[[int, float], None]]
"""Given a batch's name, what is told `(items, seconds)` of each."""


class Writer:
    """`followers` are called with each `Applied` that changed something, after its commit; they must not block."""

    def __init__(
        self,
        database: Database,
        settings: CloudSettings,
        ids: Ids,
        *,
        followers: Sequence[Follow] = (),
        watch: WatchBatches | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._ids = ids
        self.followers = list(followers)
        self._watch = watch
        self._create = self._batcher(create_orders)
        self._pay = self._batcher(apply_payment_facts)
        self._vend = self._batcher(apply_vend_facts)
        self._codes = self._batcher(keep_codes)

    async def create(self, order: NewOrder) -> Applied:
        """Raises `VendomatError` when the order cannot be (nothing reserved, no money asked)."""
        return self._followed(await self._create.submit(order))

    async def apply(self, event: EventFor) -> Applied:
        """Raises `VendomatError(not_found)` for an unknown order."""
        return self._followed(await self._pay.submit(event))

    async def keep_code(self, code: IssuedCode) -> None:
        """Keep the code of a payment, so that whoever asks again is shown it."""
        await self._codes.submit(code)

    async def take(self, item: VendItem) -> VendApplied:
        result = await self._vend.submit(item)
        self._followed(result.applied)
        return result

    async def tell_catalogue_again(self, merchant_id: str, machine_id: str) -> None:
        """Let the machine ask for its catalogue anew: what it showed is no longer true."""
        await self._database.write(lambda c: bump_catalogue_versions(c, [(merchant_id, machine_id)]))

    def follow(self, applied: Applied) -> Applied:
        """Hand on what another transaction committed."""
        return self._followed(applied)

    async def find(self, key: Key) -> Purchase:
        """What stands committed now. Raises `VendomatError(not_found)`."""
        async with self._database.hot.acquire() as connection:
            found = await load_purchases(connection, [key], is_locking=False)
        if key not in found:
            raise VendomatError(ErrorCode.NOT_FOUND, "there is no such order")
        return found[key]

    async def aclose(self) -> None:
        for batcher in (self._create, self._codes, self._pay, self._vend):
            await batcher.aclose()

    def _followed(self, applied: Applied) -> Applied:
        if applied.is_changed:
            for follow in self.followers:
                follow(applied)
        return applied

    def _batcher(self, use_case: _UseCase[_Item, _Result]) -> Batcher[_Item, _Result]:
        async def write(items: Sequence[_Item]) -> list[_Result | Exception]:
            return await self._database.write(lambda c: use_case(c, items, self._settings, self._ids))

        return Batcher(
            write,
            items_max=self._settings.batch_items_max,
            wait_s=self._settings.batch_wait_s,
            is_shared=is_of_the_server,
            told=None if self._watch is None else self._watch(use_case.__name__),
        )
