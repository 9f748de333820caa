"""Where a typed code is checked: who may, which code, which slot gives the goods.

The check uses nothing up: the code is marked redeemed in the transaction that creates its order (`mark_redeemed`), so
that a code without an order, or two orders of one code, cannot exist.
"""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from vendomat.cloud.codes.hot import CodeEntry, enter_code
from vendomat.cloud.codes.model import PickupCode
from vendomat.cloud.codes.service import codes_key
from vendomat.cloud.merchants import MasterKey
from vendomat.cloud.platform.database import Database
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError

_SLOTS = """
SELECT p.slot, s.on_hand - s.reserved AS available, s.closed_reason
FROM planogram_slot p JOIN stock_slot s USING (merchant_id, machine_id, slot)
WHERE p.merchant_id = $1 AND p.machine_id = $2 AND p.product_id = $3
ORDER BY s.closed_reason <> '', s.on_hand - s.reserved DESC, p.slot LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class CheckedCode:
    """A good code and the slot to take its product from."""

    code: PickupCode
    slot: str

    @property
    def code_id(self) -> str:
        return self.code.code_id

    @property
    def kind(self) -> str:
        return self.code.kind.value

    @property
    def value_minor(self) -> int:
        return self.code.value.minor_units

    @property
    def currency(self) -> str:
        return self.code.value.currency


class CodeDesk:
    """One per worker; the count of wrong tries is the database's, shared by all."""

    def __init__(self, database: Database, master_key: MasterKey, *, ids: Ids, clock: Clock) -> None:
        self._database = database
        self._key = codes_key(master_key)
        self._ids = ids
        self._clock = clock

    async def check(self, merchant_id: str, machine_id: str, digits: str) -> CheckedCode:
        """Raises `VendomatError` (code_refused, code_locked; sold_out or slot_closed: the code stays good)."""
        entry = CodeEntry(merchant_id, machine_id, digits, self._clock.now())
        async with self._database.hot.acquire() as connection:
            async with connection.transaction():
                found = await enter_code(connection, entry, key=self._key, ids=self._ids)
            if isinstance(found, VendomatError):
                raise found  # after the commit: the failure stays counted
            return CheckedCode(found, await _slot_of(connection, found))


async def _slot_of(connection: asyncpg.Connection, code: PickupCode) -> str:
    """The open slot that holds most of the product."""
    row = await connection.fetchrow(_SLOTS, code.merchant_id, code.machine_id, code.product_id)
    if row is None or (row["available"] <= 0 and not row["closed_reason"]):
        raise VendomatError(ErrorCode.SOLD_OUT, "the goods of this code are sold out; the code stays good")
    if row["closed_reason"]:
        raise VendomatError(ErrorCode.SLOT_CLOSED, "the slot with the goods is closed; the code stays good")
    slot: str = row["slot"]
    return slot
