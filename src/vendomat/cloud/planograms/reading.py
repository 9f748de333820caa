"""Reading planograms: one machine's with all that is known of it, and the list of machines with what they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.catalog import PlannedSlot
from vendomat.cloud.machine_models import MachineModel, models_of
from vendomat.cloud.machines import is_online
from vendomat.cloud.merchants import Operator
from vendomat.cloud.planograms import store
from vendomat.cloud.planograms.model import (
    Misfit,
    Planogram,
    Shown,
    SlotChange,
    SlotStock,
    changes_between,
    misfits,
    shown_state,
    unpacked,
)
from vendomat.cloud.planograms.service import no_machine
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Cursor
from vendomat.kernel import Clock, ErrorCode, VendomatError

_MACHINES = """
SELECT m.machine_id, m.number, m.name_zh, m.name_en, m.created_at, coalesce(p.version, 0) AS version,
    coalesce(p.wanted, 0) AS wanted, coalesce(p.edit, 1) AS edit, p.published_at, p.draft_at, p.due_at,
    CAST(p.draft AS text) AS draft,
    coalesce(o.name, '') AS published_by_name, coalesce(d.name, '') AS draft_by_name,
    coalesce(u.name, '') AS due_by_name, l.seen_at, l.shown_version,
    (SELECT max(v.version) FROM planogram_version v WHERE (v.merchant_id, v.machine_id) = (m.merchant_id, m.machine_id)
        AND v.wanted <= l.shown_version AND l.shown_version > 0) AS shown_plan,
    (SELECT min(v.published_at) FROM planogram_version v WHERE (v.merchant_id, v.machine_id)
        = (m.merchant_id, m.machine_id) AND v.wanted > coalesce(l.shown_version, 0)) AS differs_since
FROM machine m LEFT JOIN planogram p USING (merchant_id, machine_id)
LEFT JOIN machine_live l USING (merchant_id, machine_id)
LEFT JOIN operator o ON (o.merchant_id, o.operator_id) = (p.merchant_id, p.published_by)
LEFT JOIN operator d ON (d.merchant_id, d.operator_id) = (p.merchant_id, p.draft_by)
LEFT JOIN operator u ON (u.merchant_id, u.operator_id) = (p.merchant_id, p.due_by)
WHERE m.merchant_id = :merchant_id AND m.state <> 'retired' {where}
ORDER BY m.created_at, m.machine_id LIMIT :limit
"""
_TAGGED = (
    " AND EXISTS (SELECT FROM machine_tag t "
    "WHERE (t.merchant_id, t.machine_id, t.tag) = (m.merchant_id, m.machine_id, :tag))"
)
_AFTER = " AND (m.created_at, m.machine_id) > (CAST(:at AS timestamptz), CAST(:id AS text))"
_WHERE = {
    "all": "",
    "differs": " AND p.wanted > coalesce(l.shown_version, 0)",
    "drafts": " AND p.draft IS NOT NULL",
    "due": " AND p.due_at IS NOT NULL",
}
FILTERS = tuple(_WHERE)
_GOODS = sa.text(
    "SELECT product_id, sku, name_zh, name_en, image, price_minor, is_perishable, "
    "archived_at IS NOT NULL AS is_archived FROM product WHERE product_id = ANY(CAST(:products AS text[]))"
)
_PERISHABLE = sa.text(
    "SELECT product_id FROM product WHERE is_perishable AND product_id = ANY(CAST(:products AS text[]))"
)
_PLACES = sa.text(
    "SELECT s.machine_id, m.number, m.name_zh, m.name_en, s.slot, s.price_minor, coalesce(p.edit, 1) AS edit, "
    "p.draft IS NOT NULL AS has_draft FROM planogram_slot s JOIN machine m USING (merchant_id, machine_id) "
    "LEFT JOIN planogram p USING (merchant_id, machine_id) "
    "WHERE s.product_id = :product_id AND m.state <> 'retired' ORDER BY m.number, s.slot"
)


@dataclass(frozen=True, slots=True)
class MachinePlan:
    """A machine in the list. `shown_plan` is the version its screen shows, None when it is not known; `since` is when
    what it shows was first another than what is wanted; `misfits` of its draft do not fit its model."""

    machine_id: str
    number: str
    name_zh: str
    name_en: str
    created_at: datetime
    version: int
    edit: int
    published_at: datetime | None
    published_by_name: str
    draft_at: datetime | None
    draft_by_name: str
    due_at: datetime | None
    due_by_name: str
    shown: Shown
    shown_plan: int | None
    since: datetime | None
    seen_at: datetime | None
    is_online: bool
    misfits: int


@dataclass(frozen=True, slots=True)
class PlannedProduct:
    product_id: str
    sku: str
    name_zh: str
    name_en: str
    image: str
    price_minor: int
    is_perishable: bool
    is_archived: bool


@dataclass(frozen=True, slots=True)
class PlanogramFile:
    """One machine's planogram. `unpublished` stands between what is sold and the draft, `unshown` between what the
    screen shows and what is sold; `misfits` are of the draft or, without one, of what is sold."""

    machine: MachinePlan
    planogram: Planogram
    slots: tuple[PlannedSlot, ...]
    stock: dict[str, SlotStock]
    unpublished: list[SlotChange]
    unshown: list[SlotChange]
    products: list[PlannedProduct]
    model: MachineModel | None
    misfits: list[Misfit]


class PlanogramReport:
    """One merchant's planograms. `heartbeat_s` decides what counts as online."""

    def __init__(self, database: Database, clock: Clock, *, heartbeat_s: float) -> None:
        self._database = database
        self._clock = clock
        self._heartbeat_s = heartbeat_s

    async def machines(
        self, operator: Operator, wanted: str, *, after: Cursor | None, limit: int, tag: str = ""
    ) -> list[MachinePlan]:
        """Oldest machine first; `wanted` is one of `FILTERS`; with a `tag` only those that have it."""
        values: dict[str, object] = {"merchant_id": operator.merchant_id, "limit": limit}
        where = _WHERE[wanted]
        if tag:
            where, values = where + _TAGGED, values | {"tag": tag}
        if after is not None:
            where, values = where + _AFTER, values | {"at": after.at, "id": after.id}
        async with self._database.merchant(operator.merchant_id) as connection:
            return await self._machines(connection, where, values, operator.currency)

    async def places(self, operator: Operator, product_id: str) -> Sequence[sa.RowMapping]:
        """Every slot that sells a product, with its price and the edit that its machine's planogram stands at.

        Raises `VendomatError(not_found)`.
        """
        async with self._database.merchant(operator.merchant_id) as connection:
            if not (await connection.execute(_GOODS, {"products": [product_id]})).all():
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such product")
            return (await connection.execute(_PLACES, {"product_id": product_id})).mappings().all()

    async def find(self, operator: Operator, machine_id: str) -> PlanogramFile:
        """Raises `VendomatError(not_found)`."""
        values: dict[str, object] = {"merchant_id": operator.merchant_id, "limit": 1, "machine_id": machine_id}
        async with self._database.merchant(operator.merchant_id, is_snapshot=True) as connection:
            machines = await self._machines(connection, " AND m.machine_id = :machine_id", values, operator.currency)
            if not machines:
                raise no_machine()
            planogram = await store.find_planogram(connection, machine_id, operator.currency)
            slots = (await store.planned_slots(connection, [machine_id]))[machine_id]
            stock = (await store.stock_of(connection, [machine_id], is_locking=False))[machine_id]
            unpublished = [] if planogram.draft is None else changes_between(slots, planogram.draft, stock)
            unshown: list[SlotChange] = []
            shown_plan = machines[0].shown_plan
            if machines[0].shown is Shown.OLDER and shown_plan is not None:
                before = await store.version_slots(connection, machine_id, shown_plan, operator.currency)
                unshown = changes_between(before or (), slots, stock)
            named = {planned.product_id for planned in (*slots, *(planogram.draft or ()))}
            named |= {change.before.product_id for change in unshown if change.before is not None}
            goods = await connection.execute(_GOODS, {"products": sorted(named)})
            products = [PlannedProduct(**row) for row in goods.mappings()]
            model = (await models_of(connection, [machine_id])).get(machine_id)
        perishable = {one.product_id for one in products if one.is_perishable}
        odd = misfits(
            slots if planogram.draft is None else planogram.draft, None if model is None else model.data, perishable
        )
        return PlanogramFile(machines[0], planogram, slots, stock, unpublished, unshown, products, model, odd)

    async def _machines(
        self, connection: AsyncConnection, where: str, values: dict[str, object], currency: str
    ) -> list[MachinePlan]:
        rows = (await connection.execute(sa.text(_MACHINES.format(where=where)), values)).mappings().all()
        drafts = {
            row["machine_id"]: unpacked(msgspec.json.decode(row["draft"]), currency) for row in rows if row["draft"]
        }
        odd = await _odd_in_drafts(connection, drafts)
        return [self._machine(row, odd.get(row["machine_id"], 0)) for row in rows]

    def _machine(self, row: sa.RowMapping, odd: int) -> MachinePlan:
        shown = shown_state(row["wanted"], row["shown_version"])
        plain = [
            "machine_id",
            "number",
            "name_zh",
            "name_en",
            "created_at",
            "version",
            "edit",
            "published_at",
            "published_by_name",
            "draft_at",
            "draft_by_name",
            "due_at",
            "due_by_name",
            "shown_plan",
            "seen_at",
        ]
        return MachinePlan(
            **{name: row[name] for name in plain},
            shown=shown,
            since=row["differs_since"] if shown is Shown.OLDER else None,
            is_online=is_online(row["seen_at"], self._clock.now(), self._heartbeat_s),
            misfits=odd,
        )


async def _odd_in_drafts(connection: AsyncConnection, drafts: Mapping[str, Sequence[PlannedSlot]]) -> dict[str, int]:
    """How many slots of each machine's draft do not fit its model."""
    models = await models_of(connection, drafts) if drafts else {}
    if not models:
        return {}
    goods = {planned.product_id for machine_id in models for planned in drafts[machine_id]}
    perishable = set((await connection.execute(_PERISHABLE, {"products": sorted(goods)})).scalars())
    return {
        machine_id: len({odd.slot for odd in misfits(drafts[machine_id], model.data, perishable)})
        for machine_id, model in models.items()
    }
