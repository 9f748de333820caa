"""How alarms are read and moved for one merchant's people. Each function runs in the caller's transaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.alarms.entries import Entry
from vendomat.cloud.alarms.model import ACTIVE, Alarm, AlarmEntry, AlarmState, Severity
from vendomat.cloud.merchants import Permission, list_people_who_may
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
            "assigned_to",
            "snoozed_until",
        ),
    ),
)
MACHINE = sa.table("machine", *map(sa.column, ("merchant_id", "machine_id", "number", "catalogue_version")))
ENTRY = sa.table("alarm_entry", *map(sa.column, ("merchant_id", "alarm_id", "at", "what", "operator_id", "said")))
STOCK_SLOT = sa.table("stock_slot", *map(sa.column, ("merchant_id", "machine_id", "slot", "closed_reason")))
OUTBOX = sa.table("outbox", *map(sa.column, ("merchant_id", "kind", "subject", "at")), sa.column("data", sa.JSON))


OPERATOR = sa.table("operator", *map(sa.column, ("merchant_id", "operator_id", "name")))


def _select() -> sa.Select[tuple[object, ...]]:
    of_machine = sa.and_(MACHINE.c.merchant_id == ALARM.c.merchant_id, MACHINE.c.machine_id == ALARM.c.machine_id)
    of_person = sa.and_(OPERATOR.c.merchant_id == ALARM.c.merchant_id, OPERATOR.c.operator_id == ALARM.c.assigned_to)
    return sa.select(
        *ALARM.c, MACHINE.c.number.label("machine_number"), OPERATOR.c.name.label("assigned_name")
    ).select_from(ALARM.outerjoin(MACHINE, of_machine).outerjoin(OPERATOR, of_person))


@dataclass(frozen=True, slots=True)
class AlarmFilter:
    """None leaves a filter out. `states` are those shown; `snoozed_at`: whether snoozed at that moment ones are left
    out; `assigned_to` empty: those that are nobody's."""

    states: tuple[AlarmState, ...] | None = None
    machine_id: str | None = None
    kind: str | None = None
    severity: Severity | None = None
    assigned_to: str | None = None
    awake_at: datetime | None = None


async def list_alarms(
    connection: AsyncConnection, wanted: AlarmFilter, *, after: Cursor | None, limit: int
) -> list[Alarm]:
    """Newest first."""
    query = _select().order_by(ALARM.c.raised_at.desc(), ALARM.c.alarm_id.desc()).limit(limit)
    if wanted.states is not None:
        query = query.where(ALARM.c.state.in_([state.value for state in wanted.states]))
    equal = {"machine_id": wanted.machine_id, "kind": wanted.kind, "assigned_to": wanted.assigned_to}
    equal["severity"] = wanted.severity.value if wanted.severity is not None else None
    for name, value in equal.items():
        if value is not None:
            query = query.where(ALARM.c[name] == value)
    if wanted.awake_at is not None:
        is_awake = sa.or_(ALARM.c.snoozed_until.is_(None), ALARM.c.snoozed_until <= wanted.awake_at)
        query = query.where(is_awake)
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
    await change(connection, alarm, state=state.value, cleared_at=cleared_at)


async def change(connection: AsyncConnection, alarm: Alarm, **values: object) -> None:
    await connection.execute(
        sa.update(ALARM)
        .where(ALARM.c.merchant_id == alarm.merchant_id, ALARM.c.alarm_id == alarm.alarm_id)
        .values(**values)
    )


async def append_entry(connection: AsyncConnection, entry: Entry) -> None:
    """A line of the timeline."""
    await connection.execute(sa.insert(ENTRY).values(**asdict(entry)))


async def timeline(connection: AsyncConnection, merchant_id: str, alarm_id: str) -> list[AlarmEntry]:
    """All lines, the oldest first."""
    rows = await connection.execute(
        sa.text(
            "SELECT e.at, e.what, e.operator_id, coalesce(o.name, '') AS operator_name, e.said FROM alarm_entry e "
            "LEFT JOIN operator o ON (o.merchant_id, o.operator_id) = (e.merchant_id, e.operator_id) "
            "WHERE e.merchant_id = :merchant_id AND e.alarm_id = :alarm_id ORDER BY e.entry"
        ),
        {"merchant_id": merchant_id, "alarm_id": alarm_id},
    )
    return [AlarmEntry(**row) for row in rows.mappings()]


async def list_people(connection: AsyncConnection, merchant_id: str) -> list[tuple[str, str]]:
    """`(operator_id, name)` of everybody an alarm may be given to: who may see it."""
    return await list_people_who_may(connection, merchant_id, Permission.FLEET_READ)


async def has_open_slot_alarm(connection: AsyncConnection, alarm: Alarm) -> bool:
    """Whether another alarm still speaks for the slot being closed."""
    found = await connection.execute(
        sa.select(sa.literal(1))
        .where(
            ALARM.c.machine_id == alarm.machine_id,
            ALARM.c.slot == alarm.slot,
            ALARM.c.state.in_([state.value for state in ACTIVE]),
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
        assigned_to=row["assigned_to"],
        assigned_name=row["assigned_name"] or "",
        snoozed_until=row["snoozed_until"],
    )
