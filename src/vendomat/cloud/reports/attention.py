"""Needs attention: what is wrong now for one merchant, the dearest first.

Open alarms and what machines say of themselves at this moment, gathered into causes and valued by what they lose an
hour. A machine that is heard of again is off the list at once, whether or not its alarm has been cleared. Only reads:
each fix is made by the use case that knows how.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.alarms import AlarmState, Severity
from vendomat.cloud.machines import offline_before
from vendomat.cloud.platform.database import Database
from vendomat.cloud.reports.causes import (
    MACHINES_NAMED_MAX,
    MANY_OFFLINE,
    NOT_READY,
    OFFLINE,
    SOLD_OUT,
    Basis,
    Cause,
    Expected,
    Found,
    Remedy,
    Stakes,
    causes_of,
    ranked,
)
from vendomat.cloud.reports.pace import Shares, expected_takings, slot_shares, stopped_shares
from vendomat.kernel import Clock

_ALARMS = """
SELECT a.alarm_id, a.machine_id, a.slot, a.kind, a.severity, a.state, a.order_id, a.detail, a.count, a.raised_at,
    coalesce(r.refund_id, '') AS refund_id, coalesce(r.order_id, a.order_id) AS of_order,
    CAST(1000000 * greatest(0, 1 - w.since_sold / nullif(w.since_expected, 0)) AS integer) AS unsold_ppm
FROM alarm a
LEFT JOIN usual_week w ON a.kind = 'machine.quiet' AND (w.merchant_id, w.machine_id) = (a.merchant_id, a.machine_id)
LEFT JOIN LATERAL (
    SELECT x.refund_id, x.order_id FROM refund x
    JOIN sale_order o ON (o.merchant_id, o.order_id) = (x.merchant_id, x.order_id)
    WHERE a.kind IN ('refund_held', 'refund_stuck') AND x.merchant_id = a.merchant_id AND o.machine_id = a.machine_id
        AND x.state <> 'succeeded' AND x.state = CASE a.kind WHEN 'refund_held' THEN 'held' ELSE 'failed' END
    ORDER BY x.requested_at LIMIT 1
) r ON true
WHERE a.merchant_id = :merchant_id AND a.state IN ('raised', 'acknowledged')
    AND (a.snoozed_until IS NULL OR a.snoozed_until <= :now)
"""
_MACHINES = """
SELECT m.machine_id, l.seen_at, coalesce(l.seen_at < :offline_before, true) AS is_offline,
    coalesce(l.reasons, '{}') AS reasons
FROM machine m LEFT JOIN machine_live l USING (merchant_id, machine_id)
WHERE m.merchant_id = :merchant_id AND m.state = 'enrolled' AND m.epoch > 0
    AND (l.seen_at IS NULL OR l.seen_at < :offline_before OR NOT l.is_ready)
"""
_EMPTY = """
SELECT machine_id, count(*) AS slots FROM stock_slot
WHERE merchant_id = :merchant_id AND closed_reason = '' AND on_hand <= reserved GROUP BY machine_id
"""
_COUNTS = """
SELECT (SELECT count(*) FROM machine WHERE merchant_id = :merchant_id AND state = 'enrolled') AS machines,
    (SELECT count(*) FROM payment_account WHERE merchant_id = :merchant_id AND is_active) AS channels
"""
_NAMES = """
SELECT machine_id, number, name_zh, name_en, time_zone FROM machine
WHERE merchant_id = :merchant_id AND machine_id = ANY(:machines)
"""
_PACE_KEPT = timedelta(minutes=5)
_EMPTY_KEPT = timedelta(seconds=15)
"""Shelves are counted so often and no oftener: it looks at all of a merchant's slots."""


class CauseView(BaseModel):
    """`share_ppm` of what the machine takes in an hour like this one is lost; `basis` says how that is known: own (its
    last four weeks), merchant (its other machines), price (one article an hour); empty where no sale is lost."""

    key: str
    kind: str
    severity: Severity
    state: AlarmState | Literal[""]
    machine_id: str
    machine_number: str
    machine_name_zh: str
    machine_name_en: str
    slot: str
    since: datetime | None
    detail: str
    count: int
    folded: int
    alarm_ids: list[str]
    order_id: str
    refund_id: str
    fix: Remedy
    loss_minor_per_hour: int
    share_ppm: int
    basis: Basis | Literal[""]


class AttentionView(BaseModel):
    """`data` are the first of `count` causes; `loss_minor_per_hour` is that of all of them."""

    data: list[CauseView]
    count: int
    loss_minor_per_hour: int
    currency: str


class AttentionReport:
    """One merchant's causes. `heartbeat_s` decides what counts as heard of."""

    def __init__(self, database: Database, clock: Clock, *, heartbeat_s: float) -> None:
        self._database = database
        self._clock = clock
        self._heartbeat_s = heartbeat_s
        self._empty: dict[str, tuple[datetime, list[Found]]] = {}
        self._paces: dict[str, tuple[datetime, dict[str, Expected]]] = {}
        self._shares: dict[str, tuple[datetime, dict[str, dict[str, int]]]] = {}

    async def look(self, merchant_id: str, currency: str, *, limit: int) -> AttentionView:
        """The first `limit` causes, the dearest first."""
        now = self._clock.now()
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            found = await self._found(connection, merchant_id, now)
            causes = causes_of(found)
            counts = (await connection.execute(sa.text(_COUNTS), {"merchant_id": merchant_id})).mappings().one()
            stakes = Stakes(
                await self._expected(connection, merchant_id, causes, machines=counts["machines"], now=now),
                await stopped_shares(connection, merchant_id, await self._slots(connection, merchant_id, causes, now)),
                counts["machines"],
                counts["channels"],
            )
            rows = ranked(causes, stakes)
            names = await _names(connection, merchant_id, rows[:limit])
        return AttentionView(
            data=[_view(cause, names) for cause in rows[:limit]],
            count=len(rows),
            loss_minor_per_hour=sum(cause.loss_minor_per_hour for cause in rows),
            currency=currency,
        )

    async def _expected(
        self, connection: AsyncConnection, merchant_id: str, causes: Sequence[Cause], *, machines: int, now: datetime
    ) -> dict[str, Expected]:
        """As `expected_takings`, which for many machines is much to add up and changes slowly."""
        wanted = {cause.found.machine_id for cause in causes if cause.found.machine_id}
        at, known = self._paces.get(merchant_id, (now, {}))
        if not timedelta(0) <= now - at < _PACE_KEPT or not known:
            at, known = now, {}
        missing = wanted - known.keys()
        if missing or not known:
            fresh = await expected_takings(connection, merchant_id, missing, machines=machines, now=now)
            known = known | fresh
            self._paces[merchant_id] = (at, known)
        return known

    async def _slots(
        self, connection: AsyncConnection, merchant_id: str, causes: Sequence[Cause], now: datetime
    ) -> Shares:
        """As `slot_shares`, which change as slowly, of the machines that have a slot to value."""
        wanted = {one.found.machine_id for one in causes if one.found.slot or one.found.kind == SOLD_OUT}
        at, known = self._shares.get(merchant_id, (now, {}))
        if not timedelta(0) <= now - at < _PACE_KEPT:
            at, known = now, {}
        missing = wanted - known.keys()
        if missing:
            known = known | await slot_shares(connection, merchant_id, missing, now=now)
            self._shares[merchant_id] = (at, known)
        return {machine_id: known[machine_id] for machine_id in wanted}

    async def _found(self, connection: AsyncConnection, merchant_id: str, now: datetime) -> list[Found]:
        alarms = (await connection.execute(sa.text(_ALARMS), {"merchant_id": merchant_id, "now": now})).mappings().all()
        values = {"merchant_id": merchant_id, "offline_before": offline_before(now, self._heartbeat_s)}
        still = (await connection.execute(sa.text(_MACHINES), values)).mappings().all()
        away = {row["machine_id"] for row in still if row["is_offline"]}
        found = [_of_machine(row, now) for row in still]
        # An alarm of a machine's silence counts for as long as it is silent.
        standing = {(one.kind, one.machine_id) for one in found}
        said = [_of_alarm(row) for row in alarms]
        gone = (OFFLINE, NOT_READY, MANY_OFFLINE)
        found += [one for one in said if one.kind not in gone or (one.kind, one.machine_id) in standing]
        found += await self._empty_slots(connection, merchant_id, now)
        if len(away) <= MACHINES_NAMED_MAX:
            return found
        is_swallowed = (OFFLINE, NOT_READY, SOLD_OUT)
        kept = [f for f in found if f.machine_id not in away or not (f.slot or f.kind in is_swallowed)]
        since = min(one.since for one in found if one.machine_id in away and one.kind == OFFLINE)
        alarm_ids = tuple(alarm for one in said if one.kind == MANY_OFFLINE for alarm in one.alarm_ids)
        return [*kept, Found(MANY_OFFLINE, "", "critical", since, alarm_ids=alarm_ids, count=len(away))]

    async def _empty_slots(self, connection: AsyncConnection, merchant_id: str, now: datetime) -> list[Found]:
        known = self._empty.get(merchant_id)
        if known is not None and timedelta(0) <= now - known[0] < _EMPTY_KEPT:
            return known[1]
        rows = (await connection.execute(sa.text(_EMPTY), {"merchant_id": merchant_id})).mappings()
        found = [Found(SOLD_OUT, row["machine_id"], "warning", now, count=row["slots"]) for row in rows]
        self._empty[merchant_id] = (now, found)
        return found


def _of_alarm(row: sa.RowMapping) -> Found:
    return Found(
        row["kind"],
        row["machine_id"],
        row["severity"],
        row["raised_at"],
        slot=row["slot"],
        alarm_ids=(row["alarm_id"],),
        state=row["state"],
        order_id=row["of_order"],
        refund_id=row["refund_id"],
        detail=row["detail"],
        count=row["count"],
        unsold_ppm=row["unsold_ppm"] or 0,
    )


def _of_machine(row: sa.RowMapping, now: datetime) -> Found:
    since = row["seen_at"] or now
    if row["is_offline"]:
        return Found(OFFLINE, row["machine_id"], "critical", since)
    return Found(NOT_READY, row["machine_id"], "critical", since, detail=", ".join(row["reasons"]))


async def _names(connection: AsyncConnection, merchant_id: str, causes: Sequence[Cause]) -> dict[str, sa.RowMapping]:
    wanted = sorted({cause.found.machine_id for cause in causes})
    rows = await connection.execute(sa.text(_NAMES), {"merchant_id": merchant_id, "machines": wanted})
    return {row["machine_id"]: row for row in rows.mappings()}


def _view(cause: Cause, names: dict[str, sa.RowMapping]) -> CauseView:
    found, machine = cause.found, names.get(cause.found.machine_id)
    return CauseView(
        key=cause.key,
        kind=found.kind,
        severity=Severity(found.severity),
        state=AlarmState(found.state) if found.state else "",
        machine_id=found.machine_id,
        machine_number=machine["number"] if machine else "",
        machine_name_zh=machine["name_zh"] if machine else "",
        machine_name_en=machine["name_en"] if machine else "",
        slot=found.slot,
        since=None if found.kind == SOLD_OUT else found.since,  # rows do not say when a shelf became empty
        detail=found.detail,
        count=found.count,
        folded=cause.folded,
        alarm_ids=list(found.alarm_ids),
        order_id=found.order_id,
        refund_id=found.refund_id,
        fix=cause.fix,
        loss_minor_per_hour=cause.loss_minor_per_hour,
        share_ppm=cause.share_ppm,
        basis=cause.basis,
    )
