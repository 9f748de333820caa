"""The claim desk: what waits for a person, and the person's word.

Granting gives money through the refund desk, with its limits and its second person, or names money that goes back
already; declining takes a reason, which the buyer reads. Each word stands in the order's evidence with the operator.
Refuses to move money itself: killed between the two, the money is given and the claim is granted by asking again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import asyncpg

from vendomat.cloud.claims import record_store, store
from vendomat.cloud.claims.model import Claim, ClaimEvent, Declined, FellThrough, Granted, step
from vendomat.cloud.claims.record_store import ClaimFilter
from vendomat.cloud.merchants import Operator
from vendomat.cloud.orders import note_said
from vendomat.cloud.orders import store as order_rows
from vendomat.cloud.payments import RefundStage, refund_number
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Cursor
from vendomat.cloud.platform.outbox import OutboxEvent, append_events
from vendomat.cloud.sales import Gift, RefundDesk
from vendomat.kernel import Clock, ErrorCode, VendomatError

Listed = tuple[Mapping[str, Any], list[Any]]
"""A claim as it is listed, and its words."""


class ClaimDesk:
    """One merchant's claims. `refunds` is None where this process does not sell: there no money is given."""

    def __init__(self, database: Database, refunds: RefundDesk | None, clock: Clock) -> None:
        self._database = database
        self._refunds = refunds
        self._clock = clock

    async def claims(self, merchant_id: str, wanted: ClaimFilter, *, after: Cursor | None, limit: int) -> list[Listed]:
        """Those that wait, oldest first; or those that were decided, newest first."""
        async with self._database.merchant(merchant_id) as connection:
            rows = await record_store.list_claims(connection, merchant_id, wanted, after=after, limit=limit)
            words = await record_store.read_words(connection, merchant_id, [row["order_id"] for row in rows])
        return [(row, words.get(row["order_id"], [])) for row in rows]

    async def claim(self, merchant_id: str, order_id: str) -> Listed:
        """Raises `VendomatError(not_found)`."""
        async with self._database.merchant(merchant_id) as connection:
            row = await record_store.find_listed(connection, merchant_id, order_id, self._clock.now())
            words = await record_store.read_words(connection, merchant_id, [order_id])
        if row is None:
            raise _no_claim()
        return row, words.get(order_id, [])

    async def grant(self, operator: Operator, order_id: str, gift: Gift) -> Claim:
        """Give `gift` by the refund desk and close the claim with it.

        Raises `VendomatError` (not_found, and whatever the refund desk refuses; then nothing changed).
        """
        await self.claim(operator.merchant_id, order_id)
        if self._refunds is None:
            raise VendomatError(ErrorCode.UNAVAILABLE, "no refund can be made here; nothing changed")
        purchase = await self._refunds.give(operator, order_id, gift)
        assert purchase.winning is not None, "the refund desk gives money of the winning payment"
        number = refund_number(purchase.winning.payment_id, gift.ordinal)
        if any(r.refund_id == number and r.stage is RefundStage.FAILED for r in purchase.refunds):
            raise VendomatError(ErrorCode.CONFLICT, "nothing came of that refund; look at the order again")
        event = Granted(operator.operator_id, gift.reason, number, self._clock.now())
        return await self._decide(operator, order_id, event)

    async def grant_by_standing(self, operator: Operator, order_id: str, reason: str) -> Claim:
        """Close the claim with the newest refund that goes back already.

        Raises `VendomatError` (not_found, conflict when none does, illegal_move).
        """
        await self.claim(operator.merchant_id, order_id)
        async with self._database.merchant(operator.merchant_id) as connection:
            order = await record_store.read_order(connection, operator.merchant_id, order_id)
        live = [r.refund for r in order.refunds if r.refund.stage is not RefundStage.FAILED] if order else []
        if not live:
            raise VendomatError(ErrorCode.CONFLICT, "no money of this order goes back; nothing changed")
        event = Granted(operator.operator_id, reason, live[-1].refund_id, self._clock.now())
        return await self._decide(operator, order_id, event)

    async def decline(self, operator: Operator, order_id: str, reason: str) -> Claim:
        """Raises `VendomatError` (not_found, illegal_move)."""
        return await self._decide(operator, order_id, Declined(operator.operator_id, reason, self._clock.now()))

    async def _decide(self, operator: Operator, order_id: str, event: Granted | Declined) -> Claim:
        return await self._database.write(
            partial(move_claim, merchant_id=operator.merchant_id, order_id=order_id, event=event)
        )


async def move_claim(
    connection: asyncpg.Connection, *, merchant_id: str, order_id: str, event: Granted | Declined | FellThrough
) -> Claim:
    """One event for a claim, in the caller's transaction, with its evidence. Raises `VendomatError(not_found)`."""
    before = await store.lock_claim(connection, merchant_id, order_id)
    if before is None:
        raise _no_claim()
    after = step(before, event)
    if after == before:
        return before
    await store.update_claim(connection, after)
    source, kind, data = _said(event)
    word = (merchant_id, order_id, event.at, source, kind, data)
    await order_rows.append_evidence(connection, [word])
    told: dict[str, object] = {"machine_id": after.machine_id, "state": after.state.value}
    await append_events(connection, [OutboxEvent(merchant_id, kind, order_id, told, event.at)])
    await note_said(connection, [word])
    return after


def _said(event: ClaimEvent) -> tuple[str, str, dict[str, object]]:
    match event:
        case Granted(by, reason, refund_id):
            return "operator", "claim.granted", {"by": by, "reason": reason, "refund_id": refund_id}
        case Declined(by, reason):
            return "operator", "claim.declined", {"by": by, "reason": reason}
        case _:
            return "cloud", "claim.fell_through", {}


def _no_claim() -> VendomatError:
    return VendomatError(ErrorCode.NOT_FOUND, "there is no such claim; nothing changed")
