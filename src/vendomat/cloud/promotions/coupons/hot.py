"""Coupons on the way of an order: found by their hash when typed, locked when an order wants one, given back.

Set-based, in the caller's transaction. Rows are locked in key order, after those of promotions. That an order holds a
use stands with what the promotion gave it; the coupon's row counts them and refuses one too many.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from vendomat.cloud.platform.rows import Executes, execute_rows, fetch_rows
from vendomat.cloud.promotions.coupons.model import Coupon
from vendomat.cloud.promotions.model import KeptPromotion
from vendomat.cloud.promotions.store import active

_COUPON = (
    "SELECT c.merchant_id, c.coupon_id, b.promotion_id, c.uses_max - c.taken, b.starts_at, b.ends_at, "
    "b.withdrawn_at IS NOT NULL FROM coupon c JOIN coupon_batch b USING (merchant_id, batch_id) "
)


async def find_coupon(
    connection: asyncpg.Connection, machine: tuple[str, str, frozenset[str]], hashed: bytes, now: datetime
) -> tuple[Coupon, KeptPromotion] | None:
    """The coupon behind a typed code, with its promotion, when an order at `machine` (merchant, its id and its tags)
    could take it now."""
    merchant_id, machine_id, groups = machine
    row = await connection.fetchrow(_COUPON + "WHERE merchant_id = $1 AND c.code_hash = $2", merchant_id, hashed)
    coupon = None if row is None else Coupon(*row)
    if coupon is None or not coupon.is_good(now):
        return None
    for kept in await active(connection, merchant_id):
        if kept.rule.promotion_id == coupon.promotion_id and kept.rule.is_for(machine_id, groups):
            return None if kept.is_over(now) else (coupon, kept)
    return None


async def open_coupons(
    connection: asyncpg.Connection, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Coupon]:
    """The coupons of `(merchant_id, coupon_id)`, locked in key order; unknown ones are missing."""
    rows = await fetch_rows(
        connection,
        _COUPON + "JOIN unnest($1::text[], $2::text[]) AS k(merchant_id, coupon_id) USING (merchant_id, coupon_id) "
        "ORDER BY c.merchant_id, c.coupon_id FOR UPDATE OF c",
        sorted(set(keys)),
    )
    return {(row[0], row[1]): Coupon(*row) for row in rows}


async def take_coupons(connection: Executes, keys: Sequence[tuple[str, str]]) -> None:
    """One use of each of `(merchant_id, coupon_id)` is held by a new order; the rows are locked already."""
    await execute_rows(
        connection,
        "UPDATE coupon c SET taken = c.taken + n.uses FROM (SELECT m, i, count(*) AS uses "
        "FROM unnest($1::text[], $2::text[]) AS k(m, i) GROUP BY 1, 2) n "
        "WHERE c.merchant_id = n.m AND c.coupon_id = n.i",
        keys,
    )


async def give_coupons_back(connection: Executes, orders: Sequence[tuple[str, str]]) -> None:
    """Orders `(merchant_id, order_id)` that ended unpaid, or gave nothing out, hold no coupon any more."""
    await execute_rows(connection, _give_back("true"), orders)


async def give_unused_back(connection: Executes, orders: Sequence[tuple[str, str]]) -> None:
    """Orders that were paid at a price for which their coupon did not count hold it no more."""
    await execute_rows(connection, _give_back("u.state = 'released'"), orders)


def _give_back(condition: str) -> str:
    return f"""
WITH back AS (
    UPDATE promotion_use u SET is_coupon_back = true FROM unnest($1::text[], $2::text[]) AS n(m, o)
    WHERE u.merchant_id = n.m AND u.order_id = n.o AND u.coupon_id IS NOT NULL AND NOT u.is_coupon_back
        AND {condition}
    RETURNING u.merchant_id, u.coupon_id
), held AS (
    SELECT c.merchant_id, c.coupon_id, s.uses FROM coupon c
    JOIN (SELECT merchant_id, coupon_id, count(*) AS uses FROM back GROUP BY 1, 2) s USING (merchant_id, coupon_id)
    ORDER BY c.merchant_id, c.coupon_id FOR UPDATE OF c
)
UPDATE coupon c SET taken = c.taken - h.uses FROM held h
WHERE c.merchant_id = h.merchant_id AND c.coupon_id = h.coupon_id
"""
