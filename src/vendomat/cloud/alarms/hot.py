"""Raising alarms, many at once, on the hot connection and in the transaction that found the cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from vendomat.cloud.alarms.model import DETAIL_CHARACTERS_MAX, AlarmRow, Severity, gather
from vendomat.cloud.machines import CloneSuspicion, RaiseCloneAlarms
from vendomat.cloud.platform.outbox import OutboxEvent, append_events
from vendomat.kernel import Ids

_RAISE = """
INSERT INTO alarm AS a
    (merchant_id, alarm_id, machine_id, slot, kind, severity, state, order_id, detail, count, raised_at)
SELECT merchant_id, alarm_id, machine_id, slot, kind, severity, 'raised', order_id, detail, count, at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::integer[], $10::timestamptz[])
    AS n(merchant_id, alarm_id, machine_id, slot, kind, severity, order_id, detail, count, at)
ORDER BY merchant_id, machine_id, slot, kind
ON CONFLICT (merchant_id, machine_id, slot, kind) WHERE state <> 'cleared' DO UPDATE SET
    count = a.count + excluded.count, order_id = excluded.order_id, detail = excluded.detail,
    severity = CASE WHEN 'critical' IN (a.severity, excluded.severity) THEN 'critical' ELSE 'warning' END
RETURNING merchant_id, alarm_id, machine_id, slot, kind, severity, count, raised_at
"""


async def raise_alarms(connection: asyncpg.Connection, rows: Sequence[AlarmRow], *, ids: Ids) -> list[str]:
    """Raise `rows`, or count them up on open alarms of the same thing and kind; the alarms' ids in key order."""
    gathered = gather(list(rows))
    if not gathered:
        return []
    alarms = [row for row, _ in gathered]
    made = [ids.new("alm") for _ in alarms]
    kept = await connection.fetch(
        _RAISE,
        [a.merchant_id for a in alarms],
        made,
        [a.machine_id for a in alarms],
        [a.slot for a in alarms],
        [a.kind for a in alarms],
        [a.severity.value for a in alarms],
        [a.order_id for a in alarms],
        [a.detail[:DETAIL_CHARACTERS_MAX] for a in alarms],
        [count for _, count in gathered],
        [a.at for a in alarms],
    )
    new = set(made)
    await append_events(connection, [_event(row) for row in kept if row["alarm_id"] in new])
    return [row["alarm_id"] for row in kept]


@dataclass(frozen=True, slots=True)
class OpenAlarm:
    """An alarm of the machine itself (no slot) that has not been cleared."""

    merchant_id: str
    alarm_id: str
    machine_id: str
    kind: str
    raised_at: datetime

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.merchant_id, self.machine_id, self.kind)


async def find_open_alarms(connection: asyncpg.Connection, kinds: Sequence[str]) -> list[OpenAlarm]:
    """The open alarms of `kinds`, of all merchants."""
    rows = await connection.fetch(
        "SELECT merchant_id, alarm_id, machine_id, kind, raised_at FROM alarm "
        "WHERE state <> 'cleared' AND slot = '' AND kind = ANY($1)",
        list(kinds),
    )
    return [OpenAlarm(*row) for row in rows]


async def clear_alarms(connection: asyncpg.Connection, alarms: Sequence[OpenAlarm], *, at: datetime) -> None:
    """Their cause is gone: nobody has to look any more."""
    if not alarms:
        return
    await connection.execute(
        "UPDATE alarm a SET state = 'cleared', cleared_at = $3 FROM unnest($1::text[], $2::text[]) AS n(m, i) "
        "WHERE a.merchant_id = n.m AND a.alarm_id = n.i AND a.state <> 'cleared'",
        [alarm.merchant_id for alarm in alarms],
        [alarm.alarm_id for alarm in alarms],
        at,
    )
    await append_events(connection, [_cleared(alarm, at) for alarm in alarms])


def _cleared(alarm: OpenAlarm, at: datetime) -> OutboxEvent:
    data: dict[str, object] = {"alarm_id": alarm.alarm_id, "machine_id": alarm.machine_id, "slot": ""}
    return OutboxEvent(alarm.merchant_id, "alarm.cleared", alarm.alarm_id, data | {"kind": alarm.kind}, at)


def clone_alarms(ids: Ids) -> RaiseCloneAlarms:
    """What `machines.apply_hellos` is given: a critical alarm for each machine that may have a double."""

    async def raise_for(connection: asyncpg.Connection, suspicions: Sequence[CloneSuspicion]) -> None:
        rows = [
            AlarmRow(
                merchant_id=s.merchant_id,
                machine_id=s.machine_id,
                kind="machine.clone",
                severity=Severity.CRITICAL,
                at=s.at,
                detail=f"a run with epoch {s.epoch} spoke, the newest known is {s.known_epoch}",
            )
            for s in suspicions
        ]
        await raise_alarms(connection, rows, ids=ids)

    return raise_for


def _event(row: asyncpg.Record) -> OutboxEvent:
    """Only a new alarm is an event; a rising count is not news."""
    return OutboxEvent(
        merchant_id=row["merchant_id"],
        kind="alarm.raised",
        subject=row["alarm_id"],
        data={
            "alarm_id": row["alarm_id"],
            "machine_id": row["machine_id"],
            "slot": row["slot"],
            "kind": row["kind"],
            "severity": row["severity"],
        },
        at=row["raised_at"],
    )
