"""The fleet: every machine with what it said last, what it could sell, what it sold today, and what is wrong."""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.catalog import image_path, slot_order, slot_state, why_closed
from vendomat.cloud.machines import MachineState, is_online
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Cursor, Page, page_of
from vendomat.cloud.reports.machine_views import ConditionView, WantedTemperatureView
from vendomat.cloud.reports.views import (
    ConnectionState,
    MachineDetailView,
    MachineView,
    ModelNameView,
    SalesToday,
    SlotCounts,
    SlotView,
)
from vendomat.kernel import Clock, ErrorCode, VendomatError
from vendomat.protocol import Condition

_MACHINES = """
WITH page AS (
    SELECT merchant_id, machine_id, number, name_zh, name_en, site, time_zone, state, epoch, catalogue_version,
        created_at, temperature_low_c, temperature_high_c, temperature_after_s, model_id
    FROM machine WHERE merchant_id = :merchant_id {where}
    ORDER BY created_at, machine_id LIMIT :limit
), limited AS (
    SELECT x.machine_id, count(*) FILTER (WHERE k.on_hand > k.reserved) AS ok,
        count(*) FILTER (WHERE k.on_hand <= k.reserved) AS sold_out
    FROM page p
    JOIN planogram_slot x ON x.merchant_id = p.merchant_id AND x.machine_id = p.machine_id
    JOIN product d ON d.merchant_id = x.merchant_id AND d.product_id = x.product_id AND d.age_min > 0
    JOIN stock_slot k ON (k.merchant_id, k.machine_id, k.slot) = (x.merchant_id, x.machine_id, x.slot)
    WHERE k.closed_reason = ''
    GROUP BY x.machine_id
), sold AS (
    SELECT o.machine_id, count(*) AS units, sum(u.price_minor) AS amount_minor
    FROM sale_order o
    JOIN page p ON p.machine_id = o.machine_id
    JOIN vend_unit u ON u.merchant_id = o.merchant_id AND u.order_id = o.order_id AND u.outcome = 'delivered'
    WHERE o.merchant_id = :merchant_id
      AND o.created_at >= CAST(:now AS timestamptz) - interval '26 hours'
      AND o.created_at >=
          date_trunc('day', CAST(:now AS timestamptz) AT TIME ZONE p.time_zone) AT TIME ZONE p.time_zone
    GROUP BY o.machine_id
)
SELECT p.*, r.currency, l.seen_at, l.is_ready, l.reasons, l.temperature_c, l.facts_waiting, l.off_band_since,
    ARRAY(SELECT t.tag FROM machine_tag t WHERE (t.merchant_id, t.machine_id) = (p.merchant_id, p.machine_id)
        ORDER BY t.tag) AS tags,
    d.maker AS model_maker, d.name AS model_name, s.ok - coalesce(g.ok, 0) AS ok,
    s.sold_out - coalesce(g.sold_out, 0) AS sold_out, s.closed + coalesce(g.ok + g.sold_out, 0) AS closed,
    a.open_alarms, coalesce(sold.units, 0) AS sold_units, coalesce(sold.amount_minor, 0) AS sold_minor
FROM page p
JOIN merchant r ON r.merchant_id = p.merchant_id
LEFT JOIN machine_live l ON l.merchant_id = p.merchant_id AND l.machine_id = p.machine_id
LEFT JOIN limited g ON g.machine_id = p.machine_id
LEFT JOIN machine_model d ON (d.merchant_id, d.model_id) = (p.merchant_id, p.model_id)
LEFT JOIN sold ON sold.machine_id = p.machine_id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE closed_reason = '' AND on_hand > reserved) AS ok,
        count(*) FILTER (WHERE closed_reason = '' AND on_hand <= reserved) AS sold_out,
        count(*) FILTER (WHERE closed_reason <> '') AS closed
    FROM stock_slot k WHERE k.merchant_id = p.merchant_id AND k.machine_id = p.machine_id
) s
CROSS JOIN LATERAL (
    SELECT count(*) AS open_alarms FROM alarm k
    WHERE k.merchant_id = p.merchant_id AND k.machine_id = p.machine_id AND k.state IN ('raised', 'acknowledged')
) a
ORDER BY p.created_at, p.machine_id
"""
_AFTER = "AND (created_at, machine_id) > (CAST(:at AS timestamptz), CAST(:id AS text))"
_TAGGED = (
    "AND EXISTS (SELECT FROM machine_tag t "
    "WHERE (t.merchant_id, t.machine_id, t.tag) = (machine.merchant_id, machine.machine_id, :tag))"
)
_OF_MODEL = "AND model_id = :model_id"
_CONDITION = (
    "SELECT at, CAST(condition AS text) AS said FROM machine_condition "
    "WHERE merchant_id = :merchant_id AND machine_id = :machine_id"
)
_ONE = "AND machine_id = :machine_id"
_SLOTS = """
SELECT p.slot, p.product_id, p.price_minor, p.currency, p.capacity, d.name_zh, d.name_en, d.image,
    coalesce(s.on_hand, 0) AS on_hand, coalesce(s.reserved, 0) AS reserved,
    coalesce(s.closed_reason, '') AS closed_reason, d.age_min
FROM planogram_slot p
JOIN product d ON d.merchant_id = p.merchant_id AND d.product_id = p.product_id
LEFT JOIN stock_slot s ON s.merchant_id = p.merchant_id AND s.machine_id = p.machine_id AND s.slot = p.slot
WHERE p.merchant_id = :merchant_id AND p.machine_id = :machine_id
"""


class FleetReport:
    """One merchant's machines. `heartbeat_s` decides what counts as online."""

    def __init__(self, database: Database, clock: Clock, *, heartbeat_s: float) -> None:
        self._database = database
        self._clock = clock
        self._heartbeat_s = heartbeat_s

    async def machines(
        self, merchant_id: str, *, after: Cursor | None, limit: int, tag: str = "", model_id: str | None = None
    ) -> Page[MachineView]:
        """Oldest first; with a `tag` only those that have it, with a model only those that are of it."""
        now = self._clock.now()
        values: dict[str, object] = {"merchant_id": merchant_id, "now": now, "limit": limit + 1}
        if after is not None:
            values |= {"at": after.at, "id": after.id}
        asked = ((_AFTER, after is not None), (_TAGGED, tag != ""), (_OF_MODEL, model_id is not None))
        where = [part for part, is_asked in asked if is_asked]
        values |= {"tag": tag} if tag else {}
        values |= {"model_id": model_id} if model_id else {}
        statement = sa.text(_MACHINES.format(where=" ".join(where)))
        async with self._database.merchant(merchant_id) as connection:
            rows = (await connection.execute(statement, values)).mappings().all()
        return page_of(
            rows,
            limit,
            lambda row: self._view(row, now),
            lambda row: Cursor(row["created_at"], row["machine_id"]),
        )

    async def machine(self, merchant_id: str, machine_id: str) -> MachineDetailView:
        """One machine with its slots. Raises `VendomatError(not_found)`."""
        now = self._clock.now()
        values = {"merchant_id": merchant_id, "machine_id": machine_id, "now": now, "limit": 1}
        async with self._database.merchant(merchant_id) as connection:
            found = await connection.execute(sa.text(_MACHINES.format(where=_ONE)), values)
            row = found.mappings().one_or_none()
            if row is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such machine")
            slots = await _slots(connection, merchant_id, machine_id)
            said = (await connection.execute(sa.text(_CONDITION), values)).one_or_none()
        low_c = row["temperature_low_c"]
        return MachineDetailView(
            **self._view(row, now).model_dump(),
            catalogue_version=row["catalogue_version"],
            epoch=row["epoch"],
            planogram=slots,
            band=None
            if low_c is None
            else WantedTemperatureView(
                low_c=low_c, high_c=row["temperature_high_c"], after_s=row["temperature_after_s"]
            ),
            condition=None
            if said is None
            else ConditionView(at=said.at, **msgspec.to_builtins(msgspec.json.decode(said.said, type=Condition))),
        )

    def _view(self, row: sa.RowMapping, now: datetime) -> MachineView:
        online = is_online(row["seen_at"], now, self._heartbeat_s)
        return MachineView(
            id=row["machine_id"],
            number=row["number"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            site=row["site"],
            time_zone=row["time_zone"],
            lifecycle=row["state"],
            state=_state(row, is_online_now=online),
            seen_at=row["seen_at"],
            is_ready=bool(row["is_ready"]) and online,
            reasons=list(row["reasons"] or []),
            temperature_c=row["temperature_c"],
            facts_waiting=row["facts_waiting"] or 0,
            open_alarms=row["open_alarms"],
            off_band_since=row["off_band_since"] if row["temperature_low_c"] is not None else None,
            tags=row["tags"],
            model=None
            if row["model_id"] is None
            else ModelNameView(id=row["model_id"], maker=row["model_maker"], name=row["model_name"]),
            slots=SlotCounts(ok=row["ok"], sold_out=row["sold_out"], closed=row["closed"]),
            sales_today=SalesToday(
                count=row["sold_units"], amount_minor=int(row["sold_minor"]), currency=row["currency"]
            ),
        )


def _state(row: sa.RowMapping, *, is_online_now: bool) -> ConnectionState:
    if row["state"] == MachineState.NEW.value:
        return "new"
    if not is_online_now:
        return "offline"
    is_calm = row["is_ready"] and row["open_alarms"] == 0 and row["closed"] == 0
    return "online" if is_calm and row["state"] == MachineState.ENROLLED.value else "attention"


async def _slots(connection: AsyncConnection, merchant_id: str, machine_id: str) -> list[SlotView]:
    values = {"merchant_id": merchant_id, "machine_id": machine_id}
    rows = (await connection.execute(sa.text(_SLOTS), values)).mappings().all()
    return [
        SlotView(
            slot=row["slot"],
            product_id=row["product_id"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            image=image_path(row["image"]),
            price_minor=row["price_minor"],
            currency=row["currency"],
            capacity=row["capacity"],
            on_hand=row["on_hand"],
            reserved=row["reserved"],
            available=max(0, row["on_hand"] - row["reserved"]),
            state=slot_state(row["on_hand"], row["reserved"], closed),
            closed_reason=closed,
        )
        for row in sorted(rows, key=lambda row: slot_order(row["slot"]))
        for closed in [why_closed(row["closed_reason"], row["age_min"])]
    ]
