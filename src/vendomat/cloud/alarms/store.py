"""How alarms are read and moved for one merchant's people. Each function runs in the caller's transaction."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.alarms.model import Alarm, AlarmState, Severity
from vendomat.cloud.platform.http import Cursor

ALARM = sa.table(
    "alarm",
    *map(
        sa.column,
        (
            "merchant_id",
            "alarm_id",
            "machine_id",
            "slot",
            "kind",
            "severity",
            "state",
            "order_id",
            "detail",
            "count",
            "raised_at",
            "cleared_at",
        ),
    ),
)
MACHINE = sa.table("machine", *map(sa.column, ("merchant_id", "machine_id", "number", "catalogue_version")))
STOCK_SLOT = sa.table("stock_slot", *map(sa.column, ("merchant_id", "machine_id", "slot", "closed_reason")))
OUTBOX = sa.table("outbox", *map(sa.column, ("merchant_id", "kind", "subject", "at")), sa.column("data", sa.JSON))


def _select() -> sa.Select[tuple[object, ...]]:
    return sa.select(*ALARM.c, MACHINE.c.number.label("machine_number")).select_from(
        ALARM.outerjoin(
            MACHINE,
            sa.and_(MACHINE.c.merchant_id == ALARM.c.merchant_id, MACHINE.c.machine_id == ALARM.c.machine_id),
        )
    )


async def list_alarms(
    connection: AsyncConnection, *, is_open: bool | None, machine_id: str | None, after: Cursor | None, limit: int
) -> list[Alarm]:
    """Newest first."""
    query = _select().order_by(ALARM.c.raised_at.desc(), ALARM.c.alarm_id.desc()).limit(limit)
    if is_open is not None:
        query = query.where((ALARM.c.state != AlarmState.CLEARED.value) == is_open)
    if machine_id is not None:
        query = query.where(ALARM.c.machine_id == machine_id)
    if after is not None:
        query = query.where(sa.tuple_(ALARM.c.raised_at, ALARM.c.alarm_id) < sa.tuple_(after.at, after.id))
    rows = await connection.execute(query)
    return [_alarm(row) for row in rows.mappings()]


async def lock_alarm(connection: AsyncConnection, alarm_id: str) -> Alarm | None:
    rows = await connection.execute(_select().where(ALARM.c.alarm_id == alarm_id).with_for_update(of=ALARM))
    row = rows.mappings().one_or_none()
    return None if row is None else _alarm(row)


async def set_state(
    connection: AsyncConnection, alarm: Alarm, state: AlarmState, *, cleared_at: datetime | None
) -> None:
    await connection.execute(
        sa.update(ALARM)
        .where(ALARM.c.merchant_id == alarm.merchant_id, ALARM.c.alarm_id == alarm.alarm_id)
        .values(state=state.value, cleared_at=cleared_at)
    )


async def has_open_slot_alarm(connection: AsyncConnection, alarm: Alarm) -> bool:
    """Whether another alarm still speaks for the slot being closed."""
    found = await connection.execute(
        sa.select(sa.literal(1))
        .where(
            ALARM.c.machine_id == alarm.machine_id,
            ALARM.c.slot == alarm.slot,
            ALARM.c.state != AlarmState.CLEARED.value,
            ALARM.c.alarm_id != alarm.alarm_id,
        )
        .limit(1)
    )
    return found.scalar() is not None


async def reopen_slot(connection: AsyncConnection, alarm: Alarm) -> bool:
    """The slot sells again, and the machine hears of it by a new catalogue version; false when it was not closed."""
    done = await connection.execute(
        sa.update(STOCK_SLOT)
        .where(
            STOCK_SLOT.c.merchant_id == alarm.merchant_id,
            STOCK_SLOT.c.machine_id == alarm.machine_id,
            STOCK_SLOT.c.slot == alarm.slot,
            STOCK_SLOT.c.closed_reason.not_in(("", "locked")),
        )
        .values(closed_reason="")
    )
    if done.rowcount == 0:
        return False
    await connection.execute(
        sa.update(MACHINE)
        .where(MACHINE.c.merchant_id == alarm.merchant_id, MACHINE.c.machine_id == alarm.machine_id)
        .values(catalogue_version=MACHINE.c.catalogue_version + 1)
    )
    return True


async def append_event(
    connection: AsyncConnection, alarm: Alarm, kind: str, *, at: datetime, data: dict[str, object]
) -> None:
    await connection.execute(
        sa.insert(OUTBOX).values(merchant_id=alarm.merchant_id, kind=kind, subject=alarm.alarm_id, data=data, at=at)
    )


def _alarm(row: sa.RowMapping) -> Alarm:
    return Alarm(
        **{name: row[name] for name in ("merchant_id", "alarm_id", "machine_id", "slot", "kind", "order_id", "detail")},
        severity=Severity(row["severity"]),
        state=AlarmState(row["state"]),
        count=row["count"],
        raised_at=row["raised_at"],
        cleared_at=row["cleared_at"],
        machine_number=row["machine_number"] or "",
    )
