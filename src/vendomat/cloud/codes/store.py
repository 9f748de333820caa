"""How codes are kept for one merchant's people. Each function runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.codes.model import CodeKind, CodeState, PickupCode
from vendomat.cloud.platform.http import Cursor
from vendomat.kernel import Money

CODE = sa.table(
    "pickup_code",
    *map(
        sa.column,
        (
            "merchant_id",
            "code_id",
            "machine_id",
            "code_hash",
            "kind",
            "product_id",
            "value_minor",
            "currency",
            "state",
            "order_id",
            "issued_at",
            "expires_at",
        ),
    ),
)
SLOT = sa.table(
    "planogram_slot", *map(sa.column, ("merchant_id", "machine_id", "slot", "product_id", "price_minor", "currency"))
)
PRODUCT = sa.table("product", *map(sa.column, ("product_id", "age_min")))


async def price_at(connection: AsyncConnection, machine_id: str, product_id: str) -> Money | None:
    """What the machine sells the product for (the lowest, should slots differ); None when it does not sell it, or asks
    for an age that it cannot tell."""
    is_limited = sa.exists().where(PRODUCT.c.product_id == product_id, PRODUCT.c.age_min > 0)
    found = await connection.execute(
        sa.select(SLOT.c.price_minor, SLOT.c.currency)
        .where(SLOT.c.machine_id == machine_id, SLOT.c.product_id == product_id, ~is_limited)
        .order_by(SLOT.c.price_minor, SLOT.c.slot)
        .limit(1)
    )
    row = found.one_or_none()
    return None if row is None else Money(row.price_minor, row.currency)


async def insert_code(connection: AsyncConnection, code: PickupCode, hashed: bytes) -> bool:
    """False when these digits stand, or stood, for another code at the machine: draw others."""
    done = await connection.execute(
        upsert(CODE)
        .values(
            merchant_id=code.merchant_id,
            code_id=code.code_id,
            machine_id=code.machine_id,
            code_hash=hashed,
            kind=code.kind.value,
            product_id=code.product_id,
            value_minor=code.value.minor_units,
            currency=code.value.currency,
            state=code.state.value,
            order_id=code.order_id,
            issued_at=code.issued_at,
            expires_at=code.expires_at,
        )
        .on_conflict_do_nothing(index_elements=["merchant_id", "machine_id", "code_hash"])
    )
    return done.rowcount == 1


async def list_codes(
    connection: AsyncConnection, *, machine_id: str | None, after: Cursor | None, limit: int
) -> Sequence[PickupCode]:
    """Newest first."""
    query = sa.select(*CODE.c).order_by(CODE.c.issued_at.desc(), CODE.c.code_id.desc()).limit(limit)
    if machine_id is not None:
        query = query.where(CODE.c.machine_id == machine_id)
    if after is not None:
        query = query.where(sa.tuple_(CODE.c.issued_at, CODE.c.code_id) < sa.tuple_(after.at, after.id))
    return [_code(row) for row in (await connection.execute(query)).mappings()]


async def lock_code(connection: AsyncConnection, code_id: str) -> PickupCode | None:
    found = await connection.execute(sa.select(*CODE.c).where(CODE.c.code_id == code_id).with_for_update())
    row = found.mappings().one_or_none()
    return None if row is None else _code(row)


async def set_state(connection: AsyncConnection, code: PickupCode, state: CodeState) -> None:
    await connection.execute(
        sa.update(CODE)
        .where(CODE.c.merchant_id == code.merchant_id, CODE.c.code_id == code.code_id)
        .values(state=state.value)
    )


def _code(row: sa.RowMapping) -> PickupCode:
    return PickupCode(
        **{name: row[name] for name in ("merchant_id", "code_id", "machine_id", "product_id", "order_id")},
        kind=CodeKind(row["kind"]),
        value=Money(row["value_minor"], row["currency"]),
        state=CodeState(row["state"]),
        issued_at=row["issued_at"],
        expires_at=row["expires_at"],
    )
