"""How planograms, their drafts and versions are kept for one merchant's people, in the caller's transaction.

Rows are locked in this order everywhere: planograms, products, stock, machines; within each by key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.catalog import PlannedSlot, Use, put_slots, slot_order
from vendomat.cloud.planograms.model import ChangeKind, Plan, Planogram, SlotStock, packed, unpacked
from vendomat.kernel import Money

MACHINE = sa.table("machine", *map(sa.column, ("merchant_id", "machine_id", "number", "state", "catalogue_version")))
PLANOGRAM = sa.table(
    "planogram",
    *map(
        sa.column,
        (
            "merchant_id",
            "machine_id",
            "version",
            "wanted",
            "edit",
            "published_at",
            "published_by",
            "draft_at",
            "draft_by",
            "due_at",
            "due_by",
        ),
    ),
    sa.column("draft", sa.JSON(none_as_null=True)),
)
VERSION = sa.table(
    "planogram_version",
    *map(sa.column, ("merchant_id", "machine_id", "version", "wanted", "published_at", "published_by")),
    sa.column("slots", sa.JSON),
)
SLOT = sa.table(
    "planogram_slot",
    *map(sa.column, ("merchant_id", "machine_id", "slot", "product_id", "price_minor", "currency", "capacity")),
)
STOCK = sa.table("stock_slot", *map(sa.column, ("merchant_id", "machine_id", "slot", "on_hand", "reserved")))
MOVE = sa.table(
    "stock_move", *map(sa.column, ("merchant_id", "machine_id", "slot", "kind", "quantity", "order_id", "unit", "at"))
)
PRODUCT = sa.table("product", *map(sa.column, ("merchant_id", "product_id", "archived_at", "age_min")))
_BUMP = sa.text(
    "UPDATE machine m SET catalogue_version = m.catalogue_version + 1 FROM (SELECT merchant_id, machine_id FROM machine "
    "WHERE machine_id = ANY(CAST(:machines AS text[])) ORDER BY merchant_id, machine_id FOR NO KEY UPDATE) h "
    "WHERE (m.merchant_id, m.machine_id) = (h.merchant_id, h.machine_id) RETURNING m.machine_id, m.catalogue_version"
)
_DRAFTED = sa.text(
    "SELECT p.machine_id, m.number AS name, d ->> 'slot' AS slot FROM planogram p "
    "JOIN machine m USING (merchant_id, machine_id) CROSS JOIN jsonb_array_elements(p.draft) d "
    "WHERE d ->> 'product_id' = :product_id UNION ALL "
    "SELECT '', t.name, d ->> 'slot' FROM planogram_template t CROSS JOIN jsonb_array_elements(t.slots) d "
    "WHERE d ->> 'product_id' = :product_id"
)


async def numbers_of(connection: AsyncConnection, machines: Iterable[str]) -> dict[str, str]:
    """The labels of those of `machines` that are in use."""
    found = await connection.execute(
        sa.select(MACHINE.c.machine_id, MACHINE.c.number).where(
            MACHINE.c.machine_id.in_(sorted(set(machines))), MACHINE.c.state != "retired"
        )
    )
    return {row[0]: row[1] for row in found}


async def lock_planograms(
    connection: AsyncConnection, merchant_id: str, machines: Iterable[str], currency: str
) -> dict[str, Planogram]:
    """Those of machines that are in use, begun where there is none yet."""
    known = sorted(await numbers_of(connection, machines))
    if not known:
        return {}
    await connection.execute(
        upsert(PLANOGRAM).on_conflict_do_nothing(),
        [{"merchant_id": merchant_id, "machine_id": machine_id} for machine_id in known],
    )
    query = sa.select(PLANOGRAM).where(PLANOGRAM.c.machine_id.in_(known)).order_by(PLANOGRAM.c.machine_id)
    rows = (await connection.execute(query.with_for_update())).mappings()
    return {row["machine_id"]: _planogram(row, currency) for row in rows}


async def find_planogram(connection: AsyncConnection, machine_id: str, currency: str) -> Planogram:
    """As it is kept, or as it begins."""
    query = sa.select(PLANOGRAM).where(PLANOGRAM.c.machine_id == machine_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    return Planogram(machine_id, 0, 0, 1) if row is None else _planogram(row, currency)


async def planned_slots(connection: AsyncConnection, machines: Iterable[str]) -> dict[str, tuple[PlannedSlot, ...]]:
    """What each of `machines` sells, in the order of its slots."""
    found: dict[str, list[PlannedSlot]] = {machine_id: [] for machine_id in machines}
    query = sa.select(SLOT).where(SLOT.c.machine_id.in_(sorted(found)))
    for row in (await connection.execute(query)).mappings():
        price = Money(row["price_minor"], row["currency"])
        found[row["machine_id"]].append(PlannedSlot(row["slot"], row["product_id"], price, row["capacity"]))
    return {
        machine_id: tuple(sorted(slots, key=lambda planned: slot_order(planned.slot)))
        for machine_id, slots in found.items()
    }


async def stock_of(
    connection: AsyncConnection, machines: Iterable[str], *, is_locking: bool
) -> dict[str, dict[str, SlotStock]]:
    """What is in the slots, by machine and slot."""
    found: dict[str, dict[str, SlotStock]] = {machine_id: {} for machine_id in machines}
    query = (
        sa.select(STOCK)
        .where(STOCK.c.machine_id.in_(sorted(found)))
        .order_by(STOCK.c.merchant_id, STOCK.c.machine_id, STOCK.c.slot)
    )
    for row in await connection.execute(query.with_for_update() if is_locking else query):
        found[row.machine_id][row.slot] = SlotStock(row.on_hand, row.reserved)
    return found


async def lock_products(connection: AsyncConnection, products: Iterable[str]) -> set[str]:
    """Those of `products` that are there and not put away; they stay so until the transaction ends."""
    query = (
        sa.select(PRODUCT.c.product_id)
        .where(PRODUCT.c.product_id.in_(sorted(set(products))), PRODUCT.c.archived_at.is_(None))
        .order_by(PRODUCT.c.product_id)
    )
    return set((await connection.execute(query.with_for_update(read=True))).scalars())


async def age_limited(connection: AsyncConnection, products: Iterable[str]) -> set[str]:
    """Those of `products` that are sold from an age on."""
    query = sa.select(PRODUCT.c.product_id).where(
        PRODUCT.c.product_id.in_(sorted(set(products))), PRODUCT.c.age_min > 0
    )
    return set((await connection.execute(query)).scalars())


async def save_draft(
    connection: AsyncConnection, planogram: Planogram, draft: Sequence[PlannedSlot] | None, *, at: datetime, by: str
) -> None:
    """Keep a draft, or drop it. A draft that is changed waits for no moment any more."""
    said: dict[str, object] = {"draft": None, "draft_at": None, "draft_by": "", "due_at": None, "due_by": ""}
    if draft is not None:
        said |= {"draft": packed(draft), "draft_at": at, "draft_by": by}
    await connection.execute(
        sa.update(PLANOGRAM)
        .where(PLANOGRAM.c.machine_id == planogram.machine_id)
        .values(edit=PLANOGRAM.c.edit + 1, **said)
    )


async def set_moment(connection: AsyncConnection, machine_id: str, due_at: datetime | None, by: str) -> None:
    """When the draft is published by itself; None: when somebody says so."""
    await connection.execute(
        sa.update(PLANOGRAM)
        .where(PLANOGRAM.c.machine_id == machine_id)
        .values(edit=PLANOGRAM.c.edit + 1, due_at=due_at, due_by=by)
    )


async def publish(
    connection: AsyncConnection, merchant_id: str, plans: Sequence[Plan], *, at: datetime, by: str
) -> dict[str, int]:
    """Write `plans`, all of them; the catalogue's version from which on each machine shows its own."""
    await _write_slots(connection, merchant_id, plans)
    await _write_stock(connection, merchant_id, plans, at)
    machines = [plan.planogram.machine_id for plan in plans]
    wanted = {row[0]: row[1] for row in await connection.execute(_BUMP, {"machines": machines})}
    versions = []
    for plan in plans:
        row = {"merchant_id": merchant_id, "machine_id": plan.planogram.machine_id, "published_at": at}
        if plan.planogram.version == 0:
            versions.append(row | {"version": 0, "wanted": 0, "slots": packed(plan.before), "published_by": ""})
        number = {"version": plan.planogram.version + 1, "wanted": wanted[plan.planogram.machine_id]}
        versions.append(row | number | {"slots": packed(plan.after), "published_by": by})
    await connection.execute(sa.insert(VERSION), versions)
    for plan in plans:
        is_kept = plan.draft is not None
        await connection.execute(
            sa.update(PLANOGRAM)
            .where(PLANOGRAM.c.machine_id == plan.planogram.machine_id)
            .values(
                version=PLANOGRAM.c.version + 1,
                wanted=wanted[plan.planogram.machine_id],
                edit=PLANOGRAM.c.edit + 1,
                published_at=at,
                published_by=by,
                draft=packed(plan.draft) if plan.draft is not None else None,
                draft_at=plan.planogram.draft_at if is_kept else None,
                draft_by=plan.planogram.draft_by if is_kept else "",
                due_at=plan.planogram.due_at if is_kept else None,
                due_by=plan.planogram.due_by if is_kept else "",
            )
        )
    return wanted


async def _write_slots(connection: AsyncConnection, merchant_id: str, plans: Sequence[Plan]) -> None:
    for plan in plans:
        machine_id = plan.planogram.machine_id
        gone = [change.slot for change in plan.changes if change.kind is ChangeKind.REMOVED]
        kept = [change.after for change in plan.changes if change.after is not None]
        if gone:
            for table in (STOCK, SLOT):
                await connection.execute(
                    sa.delete(table).where(table.c.machine_id == machine_id, table.c.slot.in_(gone))
                )
        if kept:
            await put_slots(connection, merchant_id, machine_id, kept)


async def _write_stock(connection: AsyncConnection, merchant_id: str, plans: Sequence[Plan], at: datetime) -> None:
    """What was counted, and a move for each piece that is there or not against the books."""
    rows, moves = [], []
    for plan in plans:
        changes = {change.slot: change for change in plan.changes}
        for slot, count in plan.counts.items():
            key = {"merchant_id": merchant_id, "machine_id": plan.planogram.machine_id, "slot": slot}
            if changes[slot].kind is not ChangeKind.REMOVED:
                rows.append(key | {"on_hand": count, "reserved": 0})
            difference = count - changes[slot].stock.on_hand
            if difference:
                moves.append(key | {"kind": "adjusted", "quantity": difference, "order_id": "", "unit": 0, "at": at})
    if rows:
        statement = upsert(STOCK)
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=["merchant_id", "machine_id", "slot"], set_={"on_hand": statement.excluded.on_hand}
            ),
            rows,
        )
    if moves:
        await connection.execute(sa.insert(MOVE), moves)


async def version_slots(
    connection: AsyncConnection, machine_id: str, version: int, currency: str
) -> tuple[PlannedSlot, ...] | None:
    found = await connection.execute(
        sa.select(VERSION.c.slots).where(VERSION.c.machine_id == machine_id, VERSION.c.version == version)
    )
    slots: Sequence[Mapping[str, object]] | None = found.scalar_one_or_none()
    return None if slots is None else unpacked(slots, currency)


async def drafts_naming(connection: AsyncConnection, product_id: str) -> list[Use]:
    """The drafts and templates that plan a product."""
    rows = (await connection.execute(_DRAFTED, {"product_id": product_id})).all()
    return [
        Use(row.machine_id, row.name, row.slot, is_draft=row.machine_id != "")
        for row in sorted(rows, key=lambda row: (row.name, slot_order(row.slot)))
    ]


def _planogram(row: sa.RowMapping, currency: str) -> Planogram:
    draft = row["draft"]
    plain = {name: value for name, value in row.items() if name not in ("merchant_id", "draft")}
    return Planogram(**plain, draft=None if draft is None else unpacked(draft, currency))
