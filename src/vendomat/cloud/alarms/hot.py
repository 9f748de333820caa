"""Raising alarms, many at once, on the hot connection and in the transaction that found the cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from vendomat.cloud.alarms.entries import Entry, append_entries, queue_notices
from vendomat.cloud.alarms.model import DETAIL_CHARACTERS_MAX, AlarmRow, Severity, gather
from vendomat.cloud.machines import CloneSuspicion, RaiseCloneAlarms
from vendomat.cloud.platform.outbox import OutboxEvent, append_events
from vendomat.kernel import Ids

_RAISE = """
INSERT INTO alarm AS a
    (merchant_id, alarm_id, machine_id, slot, kind, severity, state, order_id, detail, count, raised_at,
    raise_id)
SELECT n.merchant_id, alarm_id, machine_id, slot, n.kind, coalesce(nullif(r.severity, ''), n.severity), 'raised',
    order_id, detail, count, at, alarm_id
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::integer[], $10::timestamptz[])
    AS n(merchant_id, alarm_id, machine_id, slot, kind, severity, order_id, detail, count, at)
LEFT JOIN alarm_rule r ON (r.merchant_id, r.kind) = (n.merchant_id, n.kind)
ORDER BY n.merchant_id, machine_id, slot, n.kind
ON CONFLICT (merchant_id, machine_id, slot, kind) WHERE state <> 'cleared' DO UPDATE SET
    count = a.count + excluded.count, order_id = excluded.order_id, detail = excluded.detail,
    severity = CASE WHEN a.state <> 'passed' AND 'critical' IN (a.severity, excluded.severity) THEN 'critical'
        ELSE excluded.severity END,
    raised_at = CASE a.state WHEN 'passed' THEN excluded.raised_at ELSE a.raised_at END,
    raise_id = CASE a.state WHEN 'passed' THEN excluded.raise_id ELSE a.raise_id END,
    cleared_at = NULL, state = CASE a.state WHEN 'passed' THEN 'raised' ELSE a.state END
RETURNING merchant_id, alarm_id, machine_id, slot, kind, severity, count, raised_at, raise_id
"""
_END = """
UPDATE alarm a SET cleared_at = $3, state = CASE WHEN a.state = 'raised' AND NOT coalesce((SELECT r.is_auto_cleared
    FROM alarm_rule r WHERE (r.merchant_id, r.kind) = (a.merchant_id, a.kind)), false) THEN 'passed' ELSE 'cleared' END
FROM unnest($1::text[], $2::text[]) AS n(m, i)
WHERE a.merchant_id = n.m AND a.alarm_id = n.i AND a.state IN ('raised', 'acknowledged')
"""


async def raise_alarms(connection: asyncpg.Connection, rows: Sequence[AlarmRow], *, ids: Ids) -> list[str]:
    """Raise `rows`, or count them up on open alarms of the same thing and kind; the alarms' ids in key order."""
    gathered = gather(list(rows))
    if not gathered:
        return []
    alarms = [row for row, _ in gathered]
    made = [ids.new("alm") for _ in alarms]  # of each raise; where it is the first, of the alarm too
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
    new = [row for row in kept if row["raise_id"] in made]
    await append_events(connection, [_event(row) for row in new])
    await append_entries(
        connection,
        [Entry(row["merchant_id"], row["alarm_id"], row["raised_at"], "raised", said=row["severity"]) for row in new],
    )
    await queue_notices(connection, [(row["merchant_id"], row["alarm_id"]) for row in new])
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
        "WHERE state IN ('raised', 'acknowledged') AND slot = '' AND kind = ANY($1)",
        list(kinds),
    )
    return [OpenAlarm(*row) for row in rows]


async def clear_alarms(connection: asyncpg.Connection, alarms: Sequence[OpenAlarm], *, at: datetime) -> None:
    """Their cause is gone by itself. What nobody has seen stays until somebody has, unless a rule says no."""
    if not alarms:
        return
    merchants, ids = [alarm.merchant_id for alarm in alarms], [alarm.alarm_id for alarm in alarms]
    await connection.execute(_END, merchants, ids, at)
    await append_entries(connection, [Entry(a.merchant_id, a.alarm_id, at, "passed") for a in alarms])
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
