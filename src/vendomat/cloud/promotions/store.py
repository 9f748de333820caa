"""How promotions are kept, and what their editor reads of goods and places. Each function runs in the caller's
transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg
import msgspec

from vendomat.cloud.promotions.model import KeptPromotion, Limits, PromotionState
from vendomat.pricing import Promotion

_TAGS = "ARRAY(SELECT t.tag FROM machine_tag t WHERE (t.merchant_id, t.machine_id) = (m.merchant_id, m.machine_id))"
COLUMNS = "merchant_id, promotion_id, rule, state, version, money_max, uses_max, taken_minor, taken_uses"


def kept_of(row: asyncpg.Record) -> KeptPromotion:
    return KeptPromotion(
        rule=msgspec.convert(row["rule"], Promotion),
        state=PromotionState(row["state"]),
        version=row["version"],
        limits=Limits(row["money_max"], row["uses_max"]),
        taken_minor=row["taken_minor"],
        taken_uses=row["taken_uses"],
    )


async def insert(
    connection: asyncpg.Connection, merchant_id: str, kept: KeptPromotion, *, by: str, at: datetime
) -> None:
    rule = kept.rule
    await connection.execute(
        "INSERT INTO promotion (merchant_id, promotion_id, name, rule, state, version, starts_at, ends_at, money_max, "
        "uses_max, created_at, changed_at, changed_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)",
        merchant_id,
        rule.promotion_id,
        rule.name,
        msgspec.to_builtins(rule),
        kept.state,
        kept.version,
        rule.starts_at,
        rule.ends_at,
        kept.limits.money_max,
        kept.limits.uses_max,
        at,
        by,
    )


async def update(
    connection: asyncpg.Connection, merchant_id: str, kept: KeptPromotion, *, by: str, at: datetime
) -> None:
    """Everything but what was taken, which only orders change."""
    rule = kept.rule
    await connection.execute(
        "UPDATE promotion SET name = $3, rule = $4, state = $5, version = $6, starts_at = $7, ends_at = $8, "
        "money_max = $9, uses_max = $10, changed_at = $11, changed_by = $12 WHERE merchant_id = $1 AND promotion_id = $2",
        merchant_id,
        rule.promotion_id,
        rule.name,
        msgspec.to_builtins(rule),
        kept.state,
        kept.version,
        rule.starts_at,
        rule.ends_at,
        kept.limits.money_max,
        kept.limits.uses_max,
        at,
        by,
    )


async def lock(connection: asyncpg.Connection, merchant_id: str, promotion_id: str) -> KeptPromotion | None:
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM promotion WHERE merchant_id = $1 AND promotion_id = $2 FOR UPDATE",
        merchant_id,
        promotion_id,
    )
    return None if row is None else kept_of(row)


async def find_all(connection: asyncpg.Connection, merchant_id: str) -> list[asyncpg.Record]:
    """All of a merchant's, the newest first, with what each gave to orders that were paid or may still be."""
    rows: list[asyncpg.Record] = await connection.fetch(
        f"SELECT {COLUMNS}, changed_at, coalesce(g.minor, 0)::bigint AS given_minor, coalesce(g.uses, 0) AS given_uses "
        "FROM promotion p LEFT JOIN LATERAL (SELECT sum(off_minor) AS minor, count(*) AS uses FROM promotion_use u "
        "WHERE u.merchant_id = p.merchant_id AND u.promotion_id = p.promotion_id AND u.state <> 'released') g ON true "
        "WHERE merchant_id = $1 ORDER BY promotion_id DESC",
        merchant_id,
    )
    return rows


async def count_active(connection: asyncpg.Connection, merchant_id: str) -> int:
    count: int = await connection.fetchval(
        "SELECT count(*) FROM promotion WHERE merchant_id = $1 AND state = 'active'", merchant_id
    )
    return count


async def active(connection: asyncpg.Connection, merchant_id: str) -> list[KeptPromotion]:
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM promotion WHERE merchant_id = $1 AND state = 'active' ORDER BY promotion_id",
        merchant_id,
    )
    return [kept_of(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Place:
    """One slot of a machine as a tester sees it."""

    slot: str
    product_id: str
    name_zh: str
    name_en: str
    category: str
    price_minor: int
    currency: str
    time_zone: str
    tags: list[str]


async def places_of(connection: asyncpg.Connection, merchant_id: str, machine_id: str) -> list[Place]:
    rows = await connection.fetch(
        "SELECT p.slot, p.product_id, d.name_zh, d.name_en, d.category, p.price_minor, p.currency, m.time_zone, "
        f"{_TAGS} AS tags "
        "FROM planogram_slot p JOIN product d USING (merchant_id, product_id) "
        "JOIN machine m USING (merchant_id, machine_id) WHERE merchant_id = $1 AND machine_id = $2 ORDER BY p.slot",
        merchant_id,
        machine_id,
    )
    return [Place(**dict(row)) for row in rows]


async def goods_of(connection: asyncpg.Connection, merchant_id: str) -> list[asyncpg.Record]:
    """The products that promotions are about, at their usual price."""
    rows: list[asyncpg.Record] = await connection.fetch(
        "SELECT product_id, name_zh, name_en, category, price_minor FROM product WHERE merchant_id = $1 "
        "ORDER BY category, name_en, product_id LIMIT 1000",
        merchant_id,
    )
    return rows


async def currency_of(connection: asyncpg.Connection, merchant_id: str) -> tuple[str, str]:
    """The merchant's currency and time zone."""
    row = await connection.fetchrow("SELECT currency, time_zone FROM merchant WHERE merchant_id = $1", merchant_id)
    return row["currency"], row["time_zone"]


async def place_of(connection: asyncpg.Connection, merchant_id: str, machine_id: str) -> tuple[str, frozenset[str]]:
    """The machine's own clock, and its tags."""
    row = await connection.fetchrow(
        f"SELECT time_zone, {_TAGS} AS tags FROM machine m WHERE merchant_id = $1 AND machine_id = $2",
        merchant_id,
        machine_id,
    )
    return row["time_zone"], frozenset(row["tags"])


async def conditions_of(connection: asyncpg.Connection, merchant_id: str) -> tuple[list[str], list[str], list[str]]:
    """Tags of machines, tiers of members and ways to pay that a promotion may ask for."""
    row = await connection.fetchrow(
        "SELECT ARRAY(SELECT DISTINCT tag FROM machine_tag WHERE merchant_id = $1 ORDER BY 1) AS groups, "
        "ARRAY(SELECT tier FROM member_tier WHERE merchant_id = $1 ORDER BY from_minor, tier) AS tiers, "
        "ARRAY(SELECT DISTINCT channel FROM payment_account WHERE merchant_id = $1 AND is_active "
        "UNION SELECT 'wallet' ORDER BY 1) AS channels",
        merchant_id,
    )
    return row["groups"], row["tiers"], row["channels"]


async def tagged_machines(connection: asyncpg.Connection, merchant_id: str) -> list[tuple[str, frozenset[str]]]:
    """The machines that have tags."""
    rows = await connection.fetch(
        "SELECT machine_id, array_agg(tag) AS tags FROM machine_tag WHERE merchant_id = $1 GROUP BY machine_id",
        merchant_id,
    )
    return [(row["machine_id"], frozenset(row["tags"])) for row in rows]
