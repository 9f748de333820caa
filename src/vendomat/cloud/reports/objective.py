"""How the settlement objective was met: shares by window, the worst five minutes, and the orders that missed it."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Cursor, Page, page_of
from vendomat.cloud.reports.settlement import OBJECTIVE, SLOT
from vendomat.cloud.reports.views import MissView, SettlementReportView, SettlementShareView, SettlementSlotView
from vendomat.kernel import Clock, reference_of

WORST_MAX = 5
_SUM = """
SELECT coalesce(sum(in_time), 0) AS in_time, coalesce(sum(late), 0) AS late, coalesce(sum(missed), 0) AS missed
FROM settlement_slot WHERE merchant_id = :merchant_id AND slot_at >= :since
"""
_WORST = """
SELECT slot_at, in_time, late, missed FROM settlement_slot
WHERE merchant_id = :merchant_id AND slot_at >= :since AND late + missed > 0
ORDER BY late + missed DESC, slot_at DESC LIMIT :limit
"""
_MISSES = """
SELECT s.order_id, s.machine_id, coalesce(m.number, '') AS machine_number, o.total_minor, o.currency, o.state,
    s.paid_at, s.outcome_at, s.settled_at, s.is_unreachable, s.verdict, s.slot_at
FROM settlement_order s JOIN sale_order o USING (merchant_id, order_id)
LEFT JOIN machine m ON (m.merchant_id, m.machine_id) = (s.merchant_id, s.machine_id)
WHERE s.merchant_id = :merchant_id AND s.verdict <> 'open' {where}
ORDER BY s.slot_at DESC, s.order_id DESC LIMIT :limit
"""
_AFTER = "AND (s.slot_at, s.order_id) < (CAST(:at AS timestamptz), CAST(:id AS text))"
_TODAY = """
SELECT date_trunc('day', CAST(:now AS timestamptz) AT TIME ZONE z.time_zone) AT TIME ZONE z.time_zone FROM (
    SELECT coalesce((SELECT time_zone FROM machine WHERE merchant_id = :merchant_id ORDER BY created_at LIMIT 1), 'UTC')
        AS time_zone) z
"""


class ObjectiveReport:
    """One merchant's objective."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def report(self, merchant_id: str) -> SettlementReportView:
        """`today` begins at midnight of the time zone of the merchant's first machine."""
        now = self._clock.now()
        async with self._database.merchant(merchant_id) as connection:

            async def shares(since: datetime) -> SettlementShareView:
                row = await connection.execute(sa.text(_SUM), {"merchant_id": merchant_id, "since": since})
                return SettlementShareView.model_validate(dict(row.mappings().one()))

            midnight = await connection.execute(sa.text(_TODAY), {"merchant_id": merchant_id, "now": now})
            month = now - timedelta(days=30)
            worst = await connection.execute(
                sa.text(_WORST), {"merchant_id": merchant_id, "since": month, "limit": WORST_MAX}
            )
            return SettlementReportView(
                objective_s=int(OBJECTIVE.total_seconds()),
                slot_s=int(SLOT.total_seconds()),
                windows={
                    "today": await shares(midnight.scalar_one()),
                    "7d": await shares(now - timedelta(days=7)),
                    "30d": await shares(month),
                },
                worst=[SettlementSlotView.model_validate(dict(row)) for row in worst.mappings()],
            )

    async def misses(self, merchant_id: str, *, after: Cursor | None, limit: int) -> Page[MissView]:
        """Newest first."""
        values: dict[str, object] = {"merchant_id": merchant_id, "limit": limit + 1}
        if after is not None:
            values |= {"at": after.at, "id": after.id}
        statement = sa.text(_MISSES.format(where=_AFTER if after is not None else ""))
        async with self._database.merchant(merchant_id) as connection:
            rows = (await connection.execute(statement, values)).mappings().all()
        return page_of(
            rows,
            limit,
            lambda row: MissView.model_validate({**row, "reference": reference_of(row["order_id"])}),
            lambda row: Cursor(row["slot_at"], row["order_id"]),
        )
