"""How products, pictures and planograms are kept. Each function runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.catalog.model import NewProduct, PlannedSlot
from vendomat.cloud.catalog.product_store import PRODUCT, columns_of

MEDIA = sa.table("media", *map(sa.column, ("merchant_id", "sha256", "media_type", "content")))
SLOT = sa.table(
    "planogram_slot",
    *map(sa.column, ("merchant_id", "machine_id", "slot", "product_id", "price_minor", "currency", "capacity")),
)
MACHINE = sa.table("machine", *map(sa.column, ("merchant_id", "machine_id", "catalogue_version")))


async def put_product(connection: AsyncConnection, merchant_id: str, product_id: str, new: NewProduct) -> str:
    """Insert, or change the product with this `sku`; returns its id, which stays."""
    row = dict(columns_of(new))
    changed = row | {"version": PRODUCT.c.version + 1}
    done = await connection.execute(
        upsert(PRODUCT)
        .values(merchant_id=merchant_id, product_id=product_id, **row)
        .on_conflict_do_update(index_elements=["merchant_id", "sku"], set_=changed)
        .returning(PRODUCT.c.product_id)
    )
    return str(done.scalar_one())


async def put_media(
    connection: AsyncConnection, merchant_id: str, sha256: str, *, media_type: str, content: bytes
) -> None:
    await connection.execute(
        upsert(MEDIA)
        .values(merchant_id=merchant_id, sha256=sha256, media_type=media_type, content=content)
        .on_conflict_do_nothing()
    )


async def find_media(connection: AsyncConnection, sha256: str) -> tuple[str, bytes] | None:
    """Media type and content, whoever owns it: the hash is the key to it."""
    found = await connection.execute(
        sa.select(MEDIA.c.media_type, MEDIA.c.content).where(MEDIA.c.sha256 == sha256).limit(1)
    )
    row = found.one_or_none()
    return None if row is None else (row.media_type, bytes(row.content))


async def put_slots(
    connection: AsyncConnection, merchant_id: str, machine_id: str, slots: Sequence[PlannedSlot]
) -> None:
    statement = upsert(SLOT)
    changed = {name: statement.excluded[name] for name in ("product_id", "price_minor", "currency", "capacity")}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["merchant_id", "machine_id", "slot"], set_=changed),
        [
            {
                "merchant_id": merchant_id,
                "machine_id": machine_id,
                "slot": planned.slot,
                "product_id": planned.product_id,
                "price_minor": planned.price.minor_units,
                "currency": planned.price.currency,
                "capacity": planned.capacity,
            }
            for planned in slots
        ],
    )


async def bump(connection: AsyncConnection, merchant_id: str, machine_id: str) -> int | None:
    """The machine's next catalogue version; None when there is no such machine."""
    done = await connection.execute(
        sa.update(MACHINE)
        .where(MACHINE.c.merchant_id == merchant_id, MACHINE.c.machine_id == machine_id)
        .values(catalogue_version=MACHINE.c.catalogue_version + 1)
        .returning(MACHINE.c.catalogue_version)
    )
    version: int | None = done.scalar_one_or_none()
    return version


BUMP_MERCHANT = (
    "WITH held AS (SELECT merchant_id, machine_id FROM machine WHERE merchant_id = {merchant} AND state <> 'retired' "
    "ORDER BY merchant_id, machine_id FOR NO KEY UPDATE) "
    "UPDATE machine m SET catalogue_version = m.catalogue_version + 1 FROM held h "
    "WHERE (m.merchant_id, m.machine_id) = (h.merchant_id, h.machine_id)"
)
"""The next catalogue version of every machine of `merchant` that is in use, locked in key order."""


async def bump_catalogue_versions(
    connection: asyncpg.Connection, machines: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """The next catalogue version of each `(merchant_id, machine_id)`, on the hot connection, locked in key order."""
    keys = sorted(set(machines))
    if not keys:
        return {}
    rows = await connection.fetch(
        "WITH held AS (SELECT merchant_id, machine_id FROM machine "
        "WHERE (merchant_id, machine_id) IN (SELECT * FROM unnest($1::text[], $2::text[])) "
        "ORDER BY merchant_id, machine_id FOR NO KEY UPDATE) "
        "UPDATE machine m SET catalogue_version = m.catalogue_version + 1 FROM held h "
        "WHERE (m.merchant_id, m.machine_id) = (h.merchant_id, h.machine_id) "
        "RETURNING m.merchant_id, m.machine_id, m.catalogue_version",
        [key[0] for key in keys],
        [key[1] for key in keys],
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def bump_merchant_catalogues(connection: asyncpg.Connection, merchant_id: str) -> None:
    """As `bump_catalogue_versions`, for all machines of a merchant that are in use."""
    await connection.execute(BUMP_MERCHANT.format(merchant="$1"), merchant_id)
