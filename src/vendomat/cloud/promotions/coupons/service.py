"""The merchant's side of coupons: issue, list, withdraw.

Drawn codes come from a secure source, are given to the merchant once and never kept. Refuses to issue for a promotion
that counts for everybody, or that has ended.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

import asyncpg

from vendomat.cloud.changes import Change, note_change
from vendomat.cloud.merchants import MasterKey
from vendomat.cloud.platform.database import Database
from vendomat.cloud.promotions.coupons import store
from vendomat.cloud.promotions.coupons.model import ALPHABET, CODE_LETTERS, CouponBatch, NewCoupons, coupon_hash
from vendomat.cloud.promotions.model import PromotionState
from vendomat.cloud.promotions.store import lock
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError

BATCHES_MAX = 200
"""How often coupons are issued for one promotion at most: its page lists them all."""
_DRAWS_MAX = 20


def coupons_key(master_key: MasterKey) -> bytes:
    """The key of the codes' hashes; without it a stolen database gives no code away."""
    return master_key.derive("coupon")


def random_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LETTERS))


class Coupons:
    """One merchant's coupons. `by` is the operator who asks."""

    def __init__(
        self,
        database: Database,
        master_key: MasterKey,
        *,
        ids: Ids,
        clock: Clock,
        new_code: Callable[[], str] = random_code,
    ) -> None:
        self._database = database
        self._key = coupons_key(master_key)
        self._ids = ids
        self._clock = clock
        self._new_code = new_code

    async def all_of(self, merchant_id: str, promotion_id: str) -> list[CouponBatch]:
        """What was issued for a promotion, the newest first; never the codes. Raises `VendomatError(not_found)`."""
        async with self._database.hot.acquire() as connection:
            if not await store.has_promotion(connection, merchant_id, promotion_id):
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such promotion")
            return await store.batches_of(connection, merchant_id, promotion_id)

    async def issue(self, merchant_id: str, new: NewCoupons, *, by: str) -> tuple[CouponBatch, list[str]]:
        """The batch and its codes. Raises `VendomatError` (invalid_value, not_found, conflict, unavailable)."""
        new.check()

        async def write(connection: asyncpg.Connection) -> tuple[CouponBatch, list[str]]:
            promotion = await lock(connection, merchant_id, new.promotion_id)
            if promotion is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such promotion; nothing was issued")
            if not promotion.rule.coupon or promotion.state is PromotionState.ENDED:
                raise VendomatError(
                    ErrorCode.CONFLICT, "this promotion has ended or counts without a coupon; nothing was issued"
                )
            if await store.count_batches(connection, merchant_id, new.promotion_id) >= BATCHES_MAX:
                raise VendomatError(
                    ErrorCode.CONFLICT, f"coupons were issued {BATCHES_MAX} times for this promotion; make a new one"
                )
            batch_id, now = self._ids.new("cpb"), self._clock.now()
            await store.insert_batch(connection, merchant_id, batch_id, new, by=by, at=now)
            codes = await self._draw(connection, merchant_id, batch_id, new)
            batch = CouponBatch(
                batch_id, new.promotion_id, new.word, new.count, new.uses_each, new.starts_at, new.ends_at, now
            )
            await self._note(connection, merchant_id, "coupon.issued", batch, by=by)
            return batch, codes

        return await self._database.write(write)

    async def withdraw(self, merchant_id: str, promotion_id: str, batch_id: str, *, by: str) -> CouponBatch:
        """Make what was issued worthless; orders that hold a use keep it. Raises `VendomatError(not_found)`."""

        async def write(connection: asyncpg.Connection) -> CouponBatch:
            batch = await store.lock_batch(connection, merchant_id, promotion_id, batch_id)
            if batch is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "there are no such coupons; nothing changed")
            if batch.withdrawn_at is not None:
                return batch
            now = self._clock.now()
            await store.withdraw_batch(connection, merchant_id, batch_id, now)
            await self._note(connection, merchant_id, "coupon.withdrawn", batch, by=by)
            return replace(batch, withdrawn_at=now)

        return await self._database.write(write)

    async def _draw(
        self, connection: asyncpg.Connection, merchant_id: str, batch_id: str, new: NewCoupons
    ) -> list[str]:
        codes: list[str] = []
        for _ in range(_DRAWS_MAX):
            wanted = [new.word] if new.word else [self._new_code() for _ in range(new.count - len(codes))]
            by_hash = {coupon_hash(self._key, merchant_id, code): code for code in wanted}
            hashed = [(self._ids.new("cpn"), hash_) for hash_ in by_hash]
            kept = await store.insert_coupons(connection, (merchant_id, batch_id), new.uses_each, hashed)
            codes += [by_hash[hash_] for hash_ in by_hash if hash_ in kept]
            if len(codes) == new.count:
                return codes
            if new.word:
                raise VendomatError(
                    ErrorCode.CONFLICT, "this word stands for a coupon already; withdraw that one, or take another word"
                )
        raise VendomatError(ErrorCode.UNAVAILABLE, "no free codes were found; nothing was issued")

    async def _note(
        self, connection: asyncpg.Connection, merchant_id: str, action: str, batch: CouponBatch, *, by: str
    ) -> None:
        said = {
            "promotion_id": batch.promotion_id,
            "word": batch.word,
            "count": batch.count,
            "uses_each": batch.uses_each,
        }
        change = Change(
            merchant_id=merchant_id,
            actor=by,
            action=action,
            subject=batch.batch_id,
            at=self._clock.now(),
            after=said,
        )
        await note_change(connection, change)
