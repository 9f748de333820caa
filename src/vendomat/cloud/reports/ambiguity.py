"""What is not known: units still open with their deadlines, ambiguous units with what was found out, rates and sums.

Rates come from hourly sums, lists from the few rows that ambiguous units have: no page reads all sales.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Cursor, Page, page_of
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.reports.views import (
    AmbiguityRates,
    AmbiguityRateView,
    AmbiguityReportView,
    AmbiguityView,
    MachineAmbiguityView,
    OpenUnknownView,
)
from vendomat.kernel import Clock, ErrorCode, VendomatError, reference_of

WINDOWS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
MACHINES_MAX = 50
UNKNOWNS_MAX = 100
_IS_OPEN = "a.finding = 'none'"
_LIST = """
SELECT a.order_id, a.unit, a.machine_id, coalesce(m.number, '') AS machine_number, a.slot, a.product_id,
    coalesce(d.name_zh, '') AS name_zh, coalesce(d.name_en, '') AS name_en, a.price_minor,
    a.currency, a.declared_at, a.finding, a.found_at, coalesce(e.reason, '') AS found_reason,
    coalesce(p.name, '') AS found_by, u.result, u.reason, coalesce(r.state, '') AS refund_state
FROM ambiguity a
JOIN vend_unit u ON (u.merchant_id, u.order_id, u.unit) = (a.merchant_id, a.order_id, a.unit)
LEFT JOIN machine m ON (m.merchant_id, m.machine_id) = (a.merchant_id, a.machine_id)
LEFT JOIN product d ON (d.merchant_id, d.product_id) = (a.merchant_id, a.product_id)
LEFT JOIN LATERAL (SELECT data ->> 'reason' AS reason, data ->> 'operator_id' AS operator_id FROM evidence v
    WHERE v.merchant_id = a.merchant_id AND v.order_id = a.order_id AND v.kind = 'vend.resolved'
    AND v.data ->> 'unit' = CAST(a.unit AS text) ORDER BY v.entry DESC LIMIT 1) e ON true
LEFT JOIN operator p ON (p.merchant_id, p.operator_id) = (a.merchant_id, e.operator_id)
LEFT JOIN LATERAL (SELECT f.state FROM payment y JOIN refund f ON f.merchant_id = y.merchant_id
        AND f.payment_id = y.payment_id WHERE y.merchant_id = a.merchant_id AND y.order_id = a.order_id
    ORDER BY f.requested_at DESC LIMIT 1) r ON true
WHERE a.merchant_id = :merchant_id {where}
ORDER BY a.declared_at DESC, a.order_id DESC, a.unit DESC LIMIT :limit
"""
_FILTERS = {
    "open": f"AND {_IS_OPEN}",
    "resolved": f"AND NOT {_IS_OPEN}",
    "machine_id": "AND a.machine_id = :machine_id",
    "after": "AND (a.declared_at, a.order_id, a.unit) < (CAST(:after_at AS timestamptz), "
    "CAST(:after_order AS text), CAST(:after_unit AS integer))",
}
_RATES = """
SELECT coalesce(sum(started), 0) AS started, coalesce(sum(ambiguous), 0) AS ambiguous,
    coalesce(sum(ambiguous_minor), 0) AS ambiguous_minor
FROM vend_hour WHERE merchant_id = :merchant_id AND machine_id = '' AND hour > :since
"""
_MACHINES = """
SELECT b.machine_id, coalesce(m.number, '') AS machine_number, b.ambiguous, b.ambiguous_minor, s.started,
    b.locked_slots, b.unresolved
FROM (
    SELECT h.machine_id, sum(h.ambiguous) AS ambiguous, sum(h.ambiguous_minor) AS ambiguous_minor,
        (SELECT count(*) FROM stock_slot k WHERE k.merchant_id = :merchant_id AND k.machine_id = h.machine_id
            AND k.closed_reason = 'locked') AS locked_slots,
        (SELECT count(*) FROM ambiguity a WHERE a.merchant_id = :merchant_id AND a.machine_id = h.machine_id
            AND a.finding = 'none') AS unresolved
    FROM vend_hour h WHERE h.merchant_id = :merchant_id AND h.machine_id <> '' AND h.ambiguous > 0 AND h.hour > :since
    GROUP BY h.machine_id ORDER BY sum(h.ambiguous) DESC, h.machine_id LIMIT :limit
) b
CROSS JOIN LATERAL (SELECT sum(started) AS started FROM vend_hour h WHERE h.merchant_id = :merchant_id
    AND h.machine_id = b.machine_id AND h.hour > :since) s
LEFT JOIN machine m ON m.merchant_id = :merchant_id AND m.machine_id = b.machine_id
ORDER BY CAST(b.ambiguous AS numeric) / greatest(s.started, 1) DESC, b.machine_id
"""
_SUMS = """
SELECT count(*) FILTER (WHERE finding = 'none') AS unresolved,
    coalesce(sum(price_minor) FILTER (WHERE finding IN ('none', 'not_knowable')), 0) AS open_minor
FROM ambiguity WHERE merchant_id = :merchant_id
"""
_UNKNOWNS = """
SELECT c.order_id, c.unit, c.machine_id, coalesce(m.number, '') AS machine_number, c.slot, u.price_minor, o.currency,
    coalesce(c.nonce_at, c.queued_at) + make_interval(secs => :wait_s) AS deadline
FROM command c
JOIN vend_unit u ON (u.merchant_id, u.order_id, u.unit) = (c.merchant_id, c.order_id, c.unit)
JOIN sale_order o ON (o.merchant_id, o.order_id) = (c.merchant_id, c.order_id)
LEFT JOIN machine m ON (m.merchant_id, m.machine_id) = (c.merchant_id, c.machine_id)
WHERE c.merchant_id = :merchant_id AND c.state IN ('fencing', 'waiting') AND NOT u.is_final
ORDER BY deadline LIMIT :limit
"""


class AmbiguityReport:
    """One merchant's ambiguities."""

    def __init__(self, database: Database, clock: Clock, settings: CloudSettings) -> None:
        self._database = database
        self._clock = clock
        self._wait_s = settings.lease_s + settings.clock_margin_s + settings.deadline_s

    async def ambiguities(
        self, merchant_id: str, *, state: str | None, machine_id: str | None, after: Cursor | None, limit: int
    ) -> Page[AmbiguityView]:
        """Newest first. `state` is `open` (nobody has said anything yet) or `resolved`."""
        values: dict[str, object] = {"merchant_id": merchant_id, "limit": limit + 1}
        filters = [] if state is None else [state]
        if machine_id is not None:
            filters.append("machine_id")
            values["machine_id"] = machine_id
        if after is not None:
            filters.append("after")
            order_id, _, unit = after.id.partition("/")
            if not unit.isdecimal() or len(unit) > 4:
                raise VendomatError(ErrorCode.INVALID_VALUE, "this cursor is not one we gave; start again without it")
            values |= {"after_at": after.at, "after_order": order_id, "after_unit": int(unit)}
        statement = sa.text(_LIST.format(where=" ".join(_FILTERS[name] for name in filters)))
        async with self._database.merchant(merchant_id) as connection:
            rows = (await connection.execute(statement, values)).mappings().all()
        return page_of(rows, limit, _view, lambda row: Cursor(row["declared_at"], f"{row['order_id']}/{row['unit']}"))

    async def report(self, merchant_id: str, currency: str) -> AmbiguityReportView:
        """Rates, sums, the machines with the highest rates, and what is open with its deadline."""
        now, key = self._clock.now(), {"merchant_id": merchant_id}
        async with self._database.merchant(merchant_id) as connection:
            rates: AmbiguityRates = {
                "24h": await _rate(connection, merchant_id, now - WINDOWS["24h"]),
                "7d": await _rate(connection, merchant_id, now - WINDOWS["7d"]),
                "30d": await _rate(connection, merchant_id, now - WINDOWS["30d"]),
            }
            sums = (await connection.execute(sa.text(_SUMS), key)).mappings().one()
            since = now - WINDOWS["30d"]
            machines = await connection.execute(sa.text(_MACHINES), key | {"since": since, "limit": MACHINES_MAX})
            unknowns = await connection.execute(
                sa.text(_UNKNOWNS), key | {"wait_s": self._wait_s, "limit": UNKNOWNS_MAX}
            )
            return AmbiguityReportView(
                currency=currency,
                rates=rates,
                unresolved=sums["unresolved"],
                open_minor=int(sums["open_minor"]),
                machines=[MachineAmbiguityView.model_validate(dict(row)) for row in machines.mappings()],
                unknown=[
                    OpenUnknownView.model_validate({**row, "reference": reference_of(row["order_id"])})
                    for row in unknowns.mappings()
                ],
            )


async def _rate(connection: AsyncConnection, merchant_id: str, since: datetime) -> AmbiguityRateView:
    row = (await connection.execute(sa.text(_RATES), {"merchant_id": merchant_id, "since": since})).mappings().one()
    return AmbiguityRateView.model_validate(dict(row))


def _view(row: sa.RowMapping) -> AmbiguityView:
    return AmbiguityView.model_validate({**row, "reference": reference_of(row["order_id"])})
