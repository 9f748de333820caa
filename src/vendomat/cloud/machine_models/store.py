"""How machine models are kept for one merchant's people, in the caller's transaction.

Whoever needs both locks the model first, then machines by key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.machine_models.model import MachineModel, Mechanism, ModelSlot, NewModel
from vendomat.cloud.platform.http import Cursor

MODEL = sa.table(
    "machine_model",
    *map(
        sa.column,
        ("merchant_id", "model_id", "maker", "name", "mechanism", "is_cooled", "version", "created_at"),
    ),
    sa.column("slots", sa.JSON),
)
MACHINE = sa.table("machine", *map(sa.column, ("merchant_id", "machine_id", "number", "model_id")))
_SLOT = sa.table("planogram_slot", *map(sa.column, ("merchant_id", "machine_id", "slot", "capacity")))
_MACHINES = (
    sa.select(sa.func.count())
    .where(MACHINE.c.merchant_id == MODEL.c.merchant_id, MACHINE.c.model_id == MODEL.c.model_id)
    .scalar_subquery()
)
_WHOLE = sa.select(MODEL, _MACHINES.label("machines"))


async def list_models(connection: AsyncConnection, *, after: Cursor | None, limit: int) -> list[MachineModel]:
    """Newest first."""
    query = _WHOLE.order_by(MODEL.c.created_at.desc(), MODEL.c.model_id.desc()).limit(limit)
    if after is not None:
        query = query.where(sa.tuple_(MODEL.c.created_at, MODEL.c.model_id) < sa.tuple_(after.at, after.id))
    return [_model(row) for row in (await connection.execute(query)).mappings()]


async def count_models(connection: AsyncConnection) -> int:
    found: int = (await connection.execute(sa.select(sa.func.count()).select_from(MODEL))).scalar_one()
    return found


async def find_model(connection: AsyncConnection, model_id: str, *, is_locking: bool = False) -> MachineModel | None:
    query = _WHOLE.where(MODEL.c.model_id == model_id)
    row = (await connection.execute(query.with_for_update(of=MODEL) if is_locking else query)).mappings().one_or_none()
    return None if row is None else _model(row)


async def models_of(connection: AsyncConnection, machine_ids: Iterable[str]) -> dict[str, MachineModel]:
    """The models of those of `machine_ids` that have one."""
    found = await connection.execute(
        sa.select(MACHINE.c.machine_id, MODEL, sa.literal(0).label("machines"))
        .join(MODEL, (MODEL.c.merchant_id == MACHINE.c.merchant_id) & (MODEL.c.model_id == MACHINE.c.model_id))
        .where(MACHINE.c.machine_id.in_(sorted(set(machine_ids))))
    )
    return {row["machine_id"]: _model(row) for row in found.mappings()}


async def insert_model(
    connection: AsyncConnection, merchant_id: str, model_id: str, new: NewModel, *, at: datetime
) -> None:
    """Raises `IntegrityError` for a maker's name that is taken."""
    await connection.execute(
        sa.insert(MODEL).values(merchant_id=merchant_id, model_id=model_id, version=1, created_at=at, **columns_of(new))
    )


async def update_model(connection: AsyncConnection, model_id: str, new: NewModel) -> None:
    """As `insert_model`."""
    await connection.execute(
        sa.update(MODEL).where(MODEL.c.model_id == model_id).values(version=MODEL.c.version + 1, **columns_of(new))
    )


async def delete_model(connection: AsyncConnection, model_id: str) -> None:
    await connection.execute(sa.delete(MODEL).where(MODEL.c.model_id == model_id))


async def numbers_with(connection: AsyncConnection, model_id: str) -> list[str]:
    """The machines of a model by their labels; none becomes one until the transaction ends, as the model is locked."""
    found = await connection.execute(
        sa.select(MACHINE.c.number).where(MACHINE.c.model_id == model_id).order_by(MACHINE.c.number)
    )
    return list(found.scalars())


async def lock_machines(connection: AsyncConnection, machine_ids: Sequence[str]) -> dict[str, str | None]:
    """Which model those of `machine_ids` are of that are there."""
    query = (
        sa.select(MACHINE.c.machine_id, MACHINE.c.model_id)
        .where(MACHINE.c.machine_id.in_(machine_ids))
        .order_by(MACHINE.c.merchant_id, MACHINE.c.machine_id)
        .with_for_update(key_share=True)
    )
    return {row.machine_id: row.model_id for row in await connection.execute(query)}


async def set_model(connection: AsyncConnection, machine_ids: Sequence[str], model_id: str | None) -> None:
    await connection.execute(sa.update(MACHINE).where(MACHINE.c.machine_id.in_(machine_ids)).values(model_id=model_id))


async def sold_slots(connection: AsyncConnection, machine_id: str) -> list[ModelSlot]:
    """The slots that a machine's planogram names, in no order."""
    found = await connection.execute(sa.select(_SLOT.c.slot, _SLOT.c.capacity).where(_SLOT.c.machine_id == machine_id))
    return [ModelSlot(row.slot, row.capacity) for row in found]


def columns_of(new: NewModel) -> Mapping[str, object]:
    return asdict(new) | {"mechanism": new.mechanism.value, "slots": [asdict(one) for one in new.slots]}


def _model(row: sa.RowMapping) -> MachineModel:
    data = NewModel(
        name=row["name"],
        slots=tuple(ModelSlot(one["slot"], one["capacity"]) for one in row["slots"]),
        maker=row["maker"],
        mechanism=Mechanism(row["mechanism"]),
        is_cooled=row["is_cooled"],
    )
    return MachineModel(row["model_id"], data, row["version"], row["created_at"], row["machines"])
