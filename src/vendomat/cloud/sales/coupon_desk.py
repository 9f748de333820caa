"""A coupon typed at a machine: looked up, answered with what it lets count. Takes nothing: the order that names it
does.

Wrong ones are counted with the wrong codes of the machine, so that two keypads give nobody twice the guesses. What is
wrong with a coupon is not said.
"""

from __future__ import annotations

import asyncpg

from vendomat.cloud.codes import CodeEntry, count_wrong, take_turn
from vendomat.cloud.machines import DirectoryEntry, Sender
from vendomat.cloud.platform.database import Database
from vendomat.cloud.promotions import coupon_hash, coupon_refused, find_coupon, place_of, told_offer
from vendomat.cloud.sales.redeem import check_waiting
from vendomat.kernel import Clock, Ids, VendomatError
from vendomat.protocol import CouponReply, CouponRequest


class CouponDesk:
    """`key` is `coupons_key(master_key)`."""

    def __init__(self, database: Database, *, key: bytes, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._key = key
        self._clock = clock
        self._ids = ids

    async def check(self, machine: DirectoryEntry, sender: Sender, request: CouponRequest) -> CouponReply:
        """Raises `VendomatError` (coupon_refused, code_locked, machine_not_ready, …)."""
        answer = await self._database.write(lambda c: self._check(c, machine, sender, request))
        if isinstance(answer, VendomatError):  # raised after the commit: the failed try stays counted
            raise answer
        return answer

    async def _check(
        self, connection: asyncpg.Connection, machine: DirectoryEntry, sender: Sender, request: CouponRequest
    ) -> CouponReply | VendomatError:
        await check_waiting(connection, sender)
        merchant_id, machine_id, now = machine.merchant_id, machine.machine_id, self._clock.now()
        entry = CodeEntry(merchant_id, machine_id, request.code, now)
        turn = await take_turn(connection, entry)
        if isinstance(turn, VendomatError):
            return turn
        hashed = coupon_hash(self._key, merchant_id, request.code)
        time_zone, groups = await place_of(connection, merchant_id, machine_id)
        found = await find_coupon(connection, (merchant_id, machine_id, groups), hashed, now)
        if found is None:
            await count_wrong(connection, entry, turn, self._ids)
            return coupon_refused()
        coupon, kept = found
        return CouponReply(
            coupon_id=coupon.coupon_id, offer=told_offer(kept), time_zone=time_zone, groups=sorted(groups)
        )
