"""Everything that happened to a machine, newest first: sales, alarms and what became of them, changes, starts.

Each source is asked for its own newest rows, and they are merged. What somebody may not read elsewhere is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from vendomat.cloud.machines import machine_exists
from vendomat.cloud.merchants import Operator, Permission, may
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Cursor, Page, page_of
from vendomat.cloud.reports.machine_views import MachineEventSource, MachineEventView
from vendomat.kernel import ErrorCode, VendomatError

_ALARMS = """
SELECT e.at, 'a' || lpad(CAST(e.entry AS text), 20, '0') AS id, 'alarm' AS source, e.what AS kind,
    a.kind AS subject, a.slot, a.alarm_id AS ref, coalesce(o.name, '') AS who, e.said, 0 AS amount_minor, '' AS currency
FROM alarm a JOIN alarm_entry e USING (merchant_id, alarm_id)
LEFT JOIN operator o ON (o.merchant_id, o.operator_id) = (e.merchant_id, e.operator_id)
WHERE a.merchant_id = :merchant_id AND a.machine_id = :machine_id {older}
ORDER BY 1 DESC, 2 DESC LIMIT :limit
"""
_CHANGES = """
SELECT e.at, 'c' || lpad(CAST(e.seq AS text), 20, '0') AS id, 'change' AS source, e.action AS kind,
    '' AS subject, '' AS slot, e.subject AS ref, coalesce(o.name, '') AS who,
    CAST(e.content AS jsonb) ->> 'reason' AS said, 0 AS amount_minor, '' AS currency
FROM change_entry e LEFT JOIN operator o ON (o.merchant_id, o.operator_id) = (e.merchant_id, e.actor)
WHERE e.merchant_id = :merchant_id AND e.subject = :machine_id {older}
ORDER BY 1 DESC, 2 DESC LIMIT :limit
"""
_SALES = """
SELECT s.created_at AS at, 's' || s.order_id AS id, 'sale' AS source, s.state AS kind, s.origin AS subject, '' AS slot,
    s.order_id AS ref, '' AS who, '' AS said, s.total_minor AS amount_minor, s.currency
FROM sale_order s WHERE s.merchant_id = :merchant_id AND s.machine_id = :machine_id {older}
ORDER BY 1 DESC, 2 DESC LIMIT :limit
"""
_STARTS = """
SELECT f.received_at AS at, 'f' || lpad(CAST(f.epoch AS text), 20, '0') AS id, 'start' AS source, 'started' AS kind,
    CAST(f.epoch AS text) AS subject, '' AS slot, '' AS ref, '' AS who, '' AS said, 0 AS amount_minor, '' AS currency
FROM machine_fact f WHERE f.merchant_id = :merchant_id AND f.machine_id = :machine_id AND f.kind = 'boot' {older}
ORDER BY 1 DESC, 2 DESC LIMIT :limit
"""
_OLDER = "AND ({at}, {id}) < (CAST(:at AS timestamptz), CAST(:id AS text))"

_SOURCES: Mapping[MachineEventSource, tuple[str, str, str, Permission]] = {
    "alarm": (_ALARMS, "e.at", "'a' || lpad(CAST(e.entry AS text), 20, '0')", Permission.FLEET_READ),
    "change": (_CHANGES, "e.at", "'c' || lpad(CAST(e.seq AS text), 20, '0')", Permission.AUDIT_READ),
    "sale": (_SALES, "s.created_at", "'s' || s.order_id", Permission.ORDER_READ),
    "start": (_STARTS, "f.received_at", "'f' || lpad(CAST(f.epoch AS text), 20, '0')", Permission.FLEET_READ),
}


class MachineTimeline:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_machine(
        self,
        operator: Operator,
        machine_id: str,
        sources: Collection[MachineEventSource],
        *,
        after: Cursor | None,
        limit: int,
    ) -> Page[MachineEventView]:
        """Of `sources`, or of all. Raises `VendomatError(not_found)`."""
        merchant_id = operator.merchant_id
        values: dict[str, object] = {"merchant_id": merchant_id, "machine_id": machine_id, "limit": limit + 1}
        if after is not None:
            values |= {"at": after.at, "id": after.id}
        rows: list[sa.RowMapping] = []
        async with self._database.merchant(merchant_id, is_snapshot=True) as connection:
            if not await machine_exists(connection, merchant_id, machine_id):
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such machine")
            for source, (query, at, place, permission) in _SOURCES.items():
                if may(operator.role, permission) and (not sources or source in sources):
                    older = "" if after is None else _OLDER.format(at=at, id=place)
                    found = await connection.execute(sa.text(query.format(older=older)), values)
                    rows += found.mappings().all()
        rows.sort(key=lambda row: (row["at"], row["id"]), reverse=True)
        return page_of(rows, limit, lambda row: MachineEventView(**row), lambda row: Cursor(row["at"], row["id"]))
