"""How coupons are kept for the merchant's people. Each function runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from vendomat.cloud.promotions.coupons.model import CouponBatch, NewCoupons

_BATCH = (
    "SELECT b.batch_id, b.promotion_id, b.word, b.count, b.uses_each, b.starts_at, b.ends_at, b.created_at, "
    "b.withdrawn_at, (SELECT coalesce(sum(c.taken), 0) FROM coupon c "
    "WHERE c.merchant_id = b.merchant_id AND c.batch_id = b.batch_id)::bigint AS used FROM coupon_batch b "
)


async def insert_batch(
    connection: asyncpg.Connection, merchant_id: str, batch_id: str, new: NewCoupons, *, by: str, at: datetime
) -> None:
    await connection.execute(
        "INSERT INTO coupon_batch (merchant_id, batch_id, promotion_id, word, count, uses_each, starts_at, ends_at, "
        "created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        merchant_id,
        batch_id,
        new.promotion_id,
        new.word,
        new.count,
        new.uses_each,
        new.starts_at,
        new.ends_at,
        at,
        by,
    )


async def insert_coupons(
    connection: asyncpg.Connection, batch: tuple[str, str], uses_each: int, hashed: Sequence[tuple[str, bytes]]
) -> set[bytes]:
    """The hashes of `(coupon_id, hash)` that `batch` (merchant and its id) keeps now; the others stand for a coupon
    already."""
    rows = await connection.fetch(
        "INSERT INTO coupon (merchant_id, coupon_id, batch_id, code_hash, uses_max) "
        "SELECT $1, i, $2, h, $3 FROM unnest($4::text[], $5::bytea[]) AS n(i, h) "
        "ON CONFLICT (merchant_id, code_hash) DO NOTHING RETURNING code_hash",
        *batch,
        uses_each,
        [coupon_id for coupon_id, _ in hashed],
        [hash_ for _, hash_ in hashed],
    )
    return {bytes(row[0]) for row in rows}


async def has_promotion(connection: asyncpg.Connection, merchant_id: str, promotion_id: str) -> bool:
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM promotion WHERE merchant_id = $1 AND promotion_id = $2)", merchant_id, promotion_id
    )
    return found


async def batches_of(connection: asyncpg.Connection, merchant_id: str, promotion_id: str) -> list[CouponBatch]:
    """The newest first."""
    rows = await connection.fetch(
        _BATCH + "WHERE b.merchant_id = $1 AND b.promotion_id = $2 ORDER BY b.created_at DESC, b.batch_id DESC",
        merchant_id,
        promotion_id,
    )
    return [CouponBatch(**dict(row)) for row in rows]


async def count_batches(connection: asyncpg.Connection, merchant_id: str, promotion_id: str) -> int:
    count: int = await connection.fetchval(
        "SELECT count(*) FROM coupon_batch WHERE merchant_id = $1 AND promotion_id = $2", merchant_id, promotion_id
    )
    return count


async def lock_batch(
    connection: asyncpg.Connection, merchant_id: str, promotion_id: str, batch_id: str
) -> CouponBatch | None:
    row = await connection.fetchrow(
        _BATCH + "WHERE b.merchant_id = $1 AND b.promotion_id = $2 AND b.batch_id = $3 FOR UPDATE OF b",
        merchant_id,
        promotion_id,
        batch_id,
    )
    return None if row is None else CouponBatch(**dict(row))


async def withdraw_batch(connection: asyncpg.Connection, merchant_id: str, batch_id: str, at: datetime) -> None:
    """Its codes are forgotten: they open nothing, and a word may be given again."""
    await connection.execute(
        "WITH held AS (SELECT coupon_id FROM coupon WHERE merchant_id = $1 AND batch_id = $2 ORDER BY coupon_id "
        "FOR UPDATE) UPDATE coupon c SET code_hash = NULL FROM held h "
        "WHERE c.merchant_id = $1 AND c.coupon_id = h.coupon_id",
        merchant_id,
        batch_id,
    )
    await connection.execute(
        "UPDATE coupon_batch SET withdrawn_at = $3 WHERE merchant_id = $1 AND batch_id = $2", merchant_id, batch_id, at
    )
