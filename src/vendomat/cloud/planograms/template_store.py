"""How planogram templates are kept for one merchant's people, in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.catalog import PlannedSlot
from vendomat.cloud.planograms.model import packed, unpacked

TEMPLATE = sa.table(
    "planogram_template",
    *map(sa.column, ("merchant_id", "template_id", "name", "version", "changed_at", "changed_by")),
    sa.column("slots", sa.JSON),
)


@dataclass(frozen=True, slots=True)
class Template:
    """A planogram without a machine. `version` rises with each change."""

    template_id: str
    name: str
    slots: tuple[PlannedSlot, ...]
    version: int
    changed_at: datetime


async def list_templates(connection: AsyncConnection, currency: str) -> list[Template]:
    """By name."""
    rows = (await connection.execute(sa.select(TEMPLATE).order_by(TEMPLATE.c.name))).mappings()
    return [_template(row, currency) for row in rows]


async def lock_template(connection: AsyncConnection, template_id: str, currency: str) -> Template | None:
    query = sa.select(TEMPLATE).where(TEMPLATE.c.template_id == template_id).with_for_update()
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else _template(row, currency)


async def insert_template(connection: AsyncConnection, merchant_id: str, template: Template, by: str) -> None:
    """Raises `IntegrityError` for a name that is taken."""
    await connection.execute(
        sa.insert(TEMPLATE).values(
            merchant_id=merchant_id,
            template_id=template.template_id,
            name=template.name,
            slots=packed(template.slots),
            version=template.version,
            changed_at=template.changed_at,
            changed_by=by,
        )
    )


async def update_template(connection: AsyncConnection, template: Template, by: str) -> None:
    """As `insert_template`."""
    await connection.execute(
        sa.update(TEMPLATE)
        .where(TEMPLATE.c.template_id == template.template_id)
        .values(
            name=template.name,
            slots=packed(template.slots),
            version=template.version,
            changed_at=template.changed_at,
            changed_by=by,
        )
    )


async def delete_template(connection: AsyncConnection, template_id: str) -> None:
    await connection.execute(sa.delete(TEMPLATE).where(TEMPLATE.c.template_id == template_id))


def _template(row: sa.RowMapping, currency: str) -> Template:
    return Template(
        row["template_id"], row["name"], unpacked(row["slots"], currency), row["version"], row["changed_at"]
    )
