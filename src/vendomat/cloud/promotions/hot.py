"""Promotions on the way of an order: which offers it meets, what they gave it, and what becomes of that.

Set-based, in the caller's transaction. Rows with a budget are locked in key order, after orders, slots and machines.
Refuses to count for promotions without a budget: their rows would make every order of a merchant wait for the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import asyncpg
import msgspec

from vendomat.cloud.platform.rows import Executes, execute_rows, fetch_rows
from vendomat.cloud.promotions.coupons import give_unused_back
from vendomat.cloud.promotions.model import Gifts, Use
from vendomat.cloud.promotions.store import COLUMNS, kept_of
from vendomat.cloud.stock import SlotKey
from vendomat.pricing import Offer

_LIVE = (
    "merchant_id = ANY($1::text[]) AND state = 'active' AND (starts_at IS NULL OR starts_at <= $3) "
    "AND (ends_at IS NULL OR ends_at > $2)"
)
_OFFERS = f"""
WITH held AS (
    SELECT {COLUMNS} FROM promotion WHERE {_LIVE} AND has_budget ORDER BY merchant_id, promotion_id FOR UPDATE
)
SELECT * FROM held UNION ALL SELECT {COLUMNS} FROM promotion WHERE {_LIVE} AND NOT has_budget
"""
_PLACES = """
SELECT merchant_id, machine_id, p.slot, m.time_zone, d.category,
    ARRAY(SELECT t.tag FROM machine_tag t WHERE (t.merchant_id, t.machine_id) = (m.merchant_id, m.machine_id))
FROM unnest($1::text[], $2::text[], $3::text[]) AS k(merchant_id, machine_id, slot)
JOIN planogram_slot p USING (merchant_id, machine_id, slot) JOIN machine m USING (merchant_id, machine_id)
JOIN product d USING (merchant_id, product_id)
"""
_GIVEN_BACK = """summed AS (
    SELECT merchant_id, promotion_id, sum(minor)::bigint AS minor, sum(uses) AS uses FROM freed GROUP BY 1, 2
), held AS (
    SELECT p.merchant_id, p.promotion_id, s.minor, s.uses
    FROM promotion p JOIN summed s USING (merchant_id, promotion_id)
    WHERE p.has_budget ORDER BY p.merchant_id, p.promotion_id FOR UPDATE OF p
)
UPDATE promotion p SET taken_minor = p.taken_minor - h.minor, taken_uses = p.taken_uses - h.uses
FROM held h WHERE p.merchant_id = h.merchant_id AND p.promotion_id = h.promotion_id
"""
_RELEASE = f"""
WITH freed AS (
    UPDATE promotion_use u SET state = 'released' FROM unnest($1::text[], $2::text[]) AS n(m, o)
    WHERE u.merchant_id = n.m AND u.order_id = n.o AND u.state = 'reserved'
    RETURNING u.merchant_id, u.promotion_id, u.off_minor + u.more_minor AS minor, 1 AS uses
), {_GIVEN_BACK}
"""
_CONFIRM = f"""
WITH before AS (
    SELECT u.merchant_id, u.order_id, u.promotion_id, u.off_minor + u.more_minor AS held_minor, a.units,
        coalesce(a.minor, 0) AS minor
    FROM promotion_use u JOIN (SELECT DISTINCT m, o FROM unnest($1::text[], $2::text[]) AS k(m, o)) k
        ON u.merchant_id = k.m AND u.order_id = k.o
    LEFT JOIN unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[]) AS a(m, o, p, minor, units)
        ON a.m = u.merchant_id AND a.o = u.order_id AND a.p = u.promotion_id
    WHERE u.state = 'reserved'
), freed AS (
    UPDATE promotion_use u SET state = CASE WHEN b.minor > 0 THEN 'confirmed' ELSE 'released' END,
        off_minor = b.minor, more_minor = 0, units = coalesce(b.units, '[]')::jsonb
    FROM before b WHERE (u.merchant_id, u.order_id, u.promotion_id) = (b.merchant_id, b.order_id, b.promotion_id)
    RETURNING b.merchant_id, b.promotion_id, b.held_minor - b.minor AS minor, (b.minor = 0)::int AS uses
), {_GIVEN_BACK}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """What promotions ask of a slot: its machine's clock and tags, its product's category."""

    time_zone: str = ""
    category: str = ""
    groups: frozenset[str] = frozenset()


NOWHERE = Place()


@dataclass(slots=True)
class OpenOffers:
    """The offers that a batch of orders meets; each order that takes one leaves less for the next."""

    by_merchant: dict[str, dict[str, Offer]]
    places: Mapping[SlotKey, Place]

    def of(self, merchant_id: str) -> list[Offer]:
        return list(self.by_merchant.get(merchant_id, {}).values())

    def has(self, merchant_id: str, promotion_id: str) -> bool:
        return promotion_id in self.by_merchant.get(merchant_id, {})

    def zone_of(self, key: SlotKey) -> str:
        """The clock of the slot's machine; "" where no promotion asks."""
        return self.places.get(key, NOWHERE).time_zone

    def category_of(self, key: SlotKey) -> str:
        return self.places.get(key, NOWHERE).category

    def groups_of(self, key: SlotKey) -> frozenset[str]:
        """The tags of the slot's machine."""
        return self.places.get(key, NOWHERE).groups

    def take(self, merchant_id: str, gifts: Mapping[str, int]) -> None:
        """One order holds `gifts` (by promotion)."""
        offers = self.by_merchant.get(merchant_id, {})
        for promotion_id, off_minor in gifts.items():
            budget = offers[promotion_id].budget
            money, uses = budget.money_left_minor, budget.uses_left
            less = replace(
                budget,
                money_left_minor=None if money is None else money - off_minor,
                uses_left=None if uses is None else uses - 1,
            )
            offers[promotion_id] = replace(offers[promotion_id], budget=less)


async def open_offers(
    connection: asyncpg.Connection, slots: Sequence[SlotKey], moments: Iterable[datetime], grace: timedelta
) -> OpenOffers:
    """The active offers of the merchants of `slots` around `moments`; asks nothing when there are no slots."""
    if not slots:
        return OpenOffers({}, {})
    times = list(moments)
    merchants = sorted({slot[0] for slot in slots})
    rows = await connection.fetch(_OFFERS, merchants, min(times) - grace, max(times) + grace)
    by_merchant: dict[str, dict[str, Offer]] = {}
    for row in rows:
        by_merchant.setdefault(row["merchant_id"], {})[row["promotion_id"]] = kept_of(row).offer()
    places = await fetch_rows(connection, _PLACES, sorted(set(slots)))
    return OpenOffers(
        by_merchant, {(row[0], row[1], row[2]): Place(row[3], row[4], frozenset(row[5])) for row in places}
    )


async def keep_uses(connection: Executes, uses: Sequence[Use]) -> None:
    """Reserve what new orders were given; the orders' rows are written before or with it."""
    await execute_rows(
        connection,
        "INSERT INTO promotion_use (merchant_id, order_id, promotion_id, off_minor, more_minor, units, state, at, "
        "coupon_id) SELECT m, o, p, f, h - f, u::jsonb, 'reserved', a, nullif(c, '') FROM unnest($1::text[], "
        "$2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::timestamptz[], $8::text[]) "
        "AS n(m, o, p, f, h, u, a, c)",
        [
            (u.merchant_id, u.order_id, u.promotion_id, u.off_minor, u.held_minor, _pairs(u.units), u.at, u.coupon_id)
            for u in uses
        ],
    )
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for use in uses:
        minor, count = sums.get((use.merchant_id, use.promotion_id), (0, 0))
        sums[use.merchant_id, use.promotion_id] = (minor + use.held_minor, count + 1)
    await execute_rows(
        connection,
        "UPDATE promotion p SET taken_minor = p.taken_minor + n.f, taken_uses = p.taken_uses + n.c "
        "FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS n(m, p, f, c) "
        "WHERE p.merchant_id = n.m AND p.promotion_id = n.p AND p.has_budget",
        [(*key, *sums[key]) for key in sorted(sums)],
    )


def _pairs(units: Gifts) -> str:
    return msgspec.json.encode(units).decode()


async def confirm_uses(connection: Executes, orders: Sequence[tuple[str, str]]) -> None:
    """Orders `(merchant_id, order_id)` were paid at the price that they were made at."""
    await execute_rows(
        connection,
        "UPDATE promotion_use u SET state = 'confirmed' FROM unnest($1::text[], $2::text[]) AS n(m, o) "
        "WHERE u.merchant_id = n.m AND u.order_id = n.o AND u.state = 'reserved'",
        orders,
    )


async def confirm_fares(connection: Executes, orders: Sequence[tuple[str, str, Mapping[str, Gifts]]]) -> None:
    """Orders `(merchant_id, order_id, what each promotion gave)` that have several prices were paid at one of them.
    Budgets have again what was kept for the others, and so has a coupon that counted only there."""
    await execute_rows(
        connection,
        _CONFIRM,
        [
            (merchant_id, order_id, promotion_id, sum(off_minor for _, off_minor in units), _pairs(units))
            for merchant_id, order_id, gifts in orders
            for promotion_id, units in (*gifts.items(), ("", ()))  # one without gifts is among them too
        ],
    )
    await give_unused_back(connection, [(merchant_id, order_id) for merchant_id, order_id, _ in orders])


async def release_uses(connection: Executes, orders: Sequence[tuple[str, str]]) -> None:
    """Orders `(merchant_id, order_id)` ended unpaid: budgets have again what was kept for them."""
    await execute_rows(connection, _RELEASE, orders)
