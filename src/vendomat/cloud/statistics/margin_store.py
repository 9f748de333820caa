"""How margins are read: sums of sales, each with the cost that held on its day, and the fees of the platforms' bills.

By product the days' sums have all that is asked for. What single machines sold of each product is summed by month; in a
month within which a product's cost changed, its hours are read instead.
"""

from __future__ import annotations

from datetime import datetime, time

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.payments import CASH_CHANNEL, CODE_CHANNEL, WALLET_CHANNEL
from vendomat.cloud.statistics.margin import MarginBy, MarginWanted
from vendomat.cloud.statistics.store import NEWER

_COSTS = """
cost AS (
    SELECT product_id, cost_minor, first_day,
        lead(first_day, 1, date 'infinity') OVER (PARTITION BY product_id ORDER BY first_day) AS until
    FROM product_cost WHERE merchant_id = :merchant_id
)
"""
_FIGURES = "units_sold, units_lost, gross_minor"
_UNCOUNTED = f"""
    SELECT hour, machine_id, product_id, currency, {_FIGURES} FROM {NEWER} WHERE hour >= :begins AND hour < :ends
"""
_OF_DAYS = f"""
sold AS (
    SELECT starts_at AS at, '' AS machine_id, key AS product_id, currency, {_FIGURES} FROM sale_sum
    WHERE merchant_id = :merchant_id AND span = 'day' AND by = 'product' AND starts_at >= :begins AND starts_at < :ends
    UNION ALL {_UNCOUNTED}
)
"""
_OF_MONTHS = f"""
split AS (
    SELECT product_id, month, month + interval '1 month' AS until FROM (
        SELECT DISTINCT product_id, date_trunc('month', CAST(first_day AS timestamp)) AS month FROM product_cost
        WHERE merchant_id = :merchant_id AND first_day > CAST(:begins AS timestamp)
            AND first_day < CAST(:ends AS timestamp) AND extract(day FROM first_day) > 1
    ) c
), sold AS (
    SELECT s.starts_at AS at, split_part(s.key, '/', 1) AS machine_id, split_part(s.key, '/', 2) AS product_id,
        s.currency, {_FIGURES} FROM sale_sum s
    WHERE s.merchant_id = :merchant_id AND s.span = 'month' AND s.by = 'machine_product' AND s.starts_at >= :begins
        AND s.starts_at < :ends {{of_sums}}
        AND (split_part(s.key, '/', 2), s.starts_at) NOT IN (SELECT product_id, month FROM split)
    UNION ALL
    SELECT h.hour, h.machine_id, h.product_id, h.currency, {_FIGURES} FROM split p
    JOIN sale_hour h ON h.merchant_id = :merchant_id AND h.product_id = p.product_id AND h.hour >= p.month
        AND h.hour < p.until {{of_hours}}
    UNION ALL {_UNCOUNTED}
)
"""
"""Bounds are moments, even beside dates: by a date the planner may not look up rows that row-level security guards."""
_MARGINS = f"""
WITH {_COSTS}, {{sold}}
SELECT {{group}}, s.currency, CAST(sum(s.units_sold) AS bigint) AS units_sold,
    CAST(sum(s.gross_minor) AS bigint) AS gross_minor,
    CAST(coalesce(sum(s.units_sold) FILTER (WHERE c.cost_minor IS NOT NULL), 0) AS bigint) AS costed_units,
    CAST(coalesce(sum(s.gross_minor) FILTER (WHERE c.cost_minor IS NOT NULL), 0) AS bigint) AS costed_gross_minor,
    CAST(coalesce(sum((s.units_sold + s.units_lost) * c.cost_minor), 0) AS bigint) AS cost_minor
FROM sold s LEFT JOIN cost c ON c.product_id = s.product_id AND s.at >= c.first_day AND s.at < c.until {{where}}
GROUP BY 1, 2, 3 HAVING sum(s.units_sold + s.units_lost) > 0
"""
_ITS_KEYS = "SELECT :machine_id || '/' || product_id FROM product WHERE merchant_id = :merchant_id"
_GROUPS = {
    MarginBy.MONTH: "CAST(date_trunc('month', s.at) AS date) AS at, '' AS key",
    MarginBy.PRODUCT: "CAST(NULL AS date) AS at, s.product_id AS key",
    MarginBy.MACHINE: "CAST(NULL AS date) AS at, s.machine_id AS key",
}
_FEES = f"""
WITH taken AS (
    SELECT CAST(s.at AS date) AS day, s.channel, s.currency, CAST(sum(s.gross_minor) AS bigint) AS gross_minor FROM (
        SELECT starts_at AS at, key AS channel, currency, gross_minor FROM sale_sum
        WHERE merchant_id = :merchant_id AND span = 'day' AND by = 'channel' AND starts_at >= :begins
            AND starts_at < :ends
        UNION ALL
        SELECT hour, channel, currency, gross_minor FROM {NEWER} WHERE hour >= :begins AND hour < :ends
    ) s GROUP BY 1, 2, 3
), billed AS (
    SELECT day, channel, bool_and(reconciled_at IS NOT NULL) AS is_known FROM recon_day
    WHERE merchant_id = :merchant_id AND day >= :begins AND day < :ends GROUP BY 1, 2
), fees AS (
    SELECT CAST(date_trunc('month', CAST(day AS timestamp)) AS date) AS month, currency,
        CAST(sum(fee_minor) AS bigint) AS fee_minor FROM recon_day
    WHERE merchant_id = :merchant_id AND day >= :begins AND day < :ends AND reconciled_at IS NOT NULL GROUP BY 1, 2
), gross AS (
    SELECT CAST(date_trunc('month', CAST(t.day AS timestamp)) AS date) AS month, t.currency,
        CAST(sum(t.gross_minor) AS bigint) AS gross_minor,
        CAST(coalesce(sum(t.gross_minor) FILTER (WHERE t.channel <> ALL(CAST(:ours AS text[]))), 0) AS bigint)
            AS platform_minor,
        CAST(coalesce(sum(t.gross_minor) FILTER (WHERE b.is_known), 0) AS bigint) AS known_minor
    FROM taken t LEFT JOIN billed b USING (day, channel) GROUP BY 1, 2
)
SELECT month, currency, coalesce(f.fee_minor, 0) AS fee_minor, coalesce(g.gross_minor, 0) AS gross_minor,
    coalesce(g.platform_minor, 0) AS platform_minor, coalesce(g.known_minor, 0) AS known_minor
FROM gross g FULL JOIN fees f USING (month, currency)
"""
"""By month and currency: the fees that bills say, what was sold in all, what of it platforms took, and of that, on days
whose bill is there."""


async def read_margins(
    connection: AsyncConnection, merchant_id: str, wanted: MarginWanted, newer: str
) -> list[sa.RowMapping]:
    """Rows of (`at`, `key`, `currency`, the amounts of `Goods`)."""
    values = _span(merchant_id, wanted) | {"newer": newer}
    of_sums = of_hours = where = ""
    if wanted.machine_id is not None:
        of_sums = f"AND s.key = ANY(ARRAY({_ITS_KEYS}))"
        of_hours, where = "AND h.machine_id = :machine_id", "WHERE s.machine_id = :machine_id"
        values["machine_id"] = wanted.machine_id
    sold = _OF_MONTHS.format(of_sums=of_sums, of_hours=of_hours) if wanted.is_of_machines else _OF_DAYS
    statement = _MARGINS.format(sold=sold, group=_GROUPS[wanted.by], where=where)
    return list((await connection.execute(sa.text(statement), values)).mappings())


async def read_fees(
    connection: AsyncConnection, merchant_id: str, wanted: MarginWanted, newer: str
) -> list[sa.RowMapping]:
    """As `_FEES` says."""
    values = _span(merchant_id, wanted) | {"newer": newer, "ours": [CASH_CHANNEL, CODE_CHANNEL, WALLET_CHANNEL]}
    return list((await connection.execute(sa.text(_FEES), values)).mappings())


def _span(merchant_id: str, wanted: MarginWanted) -> dict[str, object]:
    begins, ends = (datetime.combine(day, time()) for day in (wanted.first_day, wanted.after))
    return {"merchant_id": merchant_id, "begins": begins, "ends": ends}
