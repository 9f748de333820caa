"""The counts that go with the verdict: orders, units, money, ambiguity. All sums are made by the database."""

from __future__ import annotations

import asyncpg

from vendomat.audit.checks import BY_CLASS, CAPTURED, REFUNDED
from vendomat.audit.model import Figures, Totals

_ORDERS = "SELECT state, count(*) FROM sale_order GROUP BY state ORDER BY state"

_UNITS = """
SELECT CASE WHEN u.is_final OR u.outcome <> 'unknown' THEN u.outcome ELSE 'unknown_so_far' END AS outcome, count(*)
FROM vend_unit u JOIN payment p ON p.merchant_id = u.merchant_id AND p.order_id = u.order_id AND p.is_winning
WHERE u.machine_id <> '' GROUP BY 1 ORDER BY 1
"""

_LATER_DELIVERED = """
SELECT count(*) FROM vend_unit u WHERE u.is_final AND u.outcome = 'unknown' AND EXISTS (
    SELECT FROM evidence e WHERE e.merchant_id = u.merchant_id AND e.order_id = u.order_id
    AND e.kind = 'vend.delivered' AND (e.data ->> 'unit')::int = u.unit)
"""

_REFUNDS = """
SELECT count(*), coalesce(extract(epoch FROM $1::timestamptz - min(requested_at)), 0)::bigint
FROM refund WHERE ended_at IS NULL
"""

_TOTALS = f"""
SELECT currency, sum(captured)::bigint AS captured_minor, sum(revenue)::bigint AS revenue_minor,
    sum(refunded)::bigint AS refunded_minor, sum(in_flight)::bigint AS in_flight_minor,
    sum(suspense)::bigint AS suspense_minor, sum(loss)::bigint AS declared_loss_minor,
    sum(ambiguous)::bigint AS ambiguous_minor, sum(stored)::bigint AS stored_minor
FROM (
    SELECT currency, captured_minor AS captured, 0 AS revenue, 0 AS refunded, 0 AS in_flight, 0 AS suspense, 0 AS loss,
        0 AS ambiguous, 0 AS stored FROM ({CAPTURED}) c
    UNION ALL SELECT currency, 0, 0, refunded_minor, 0, 0, 0, 0, 0 FROM ({REFUNDED}) r
    UNION ALL SELECT currency, 0, revenue_minor, 0, undelivered_minor + payable_minor, suspense_minor, loss_minor,
        ambiguous_minor, stored_minor FROM ({BY_CLASS}) b
) AS parts GROUP BY currency ORDER BY currency
"""

_PHYSICAL = """
SELECT count(*) FILTER (WHERE what = 'start'), coalesce(sum(count) FILTER (WHERE what = 'drop'), 0)::bigint
FROM audit_physical
"""


async def read_figures(connection: asyncpg.Connection, now: object, *, has_cabinets: bool) -> Figures:
    """The figures of the snapshot `connection` stands in."""
    orders = {row[0]: row[1] for row in await connection.fetch(_ORDERS)}
    units = {row[0]: row[1] for row in await connection.fetch(_UNITS)}
    totals = tuple(Totals(**dict(row)) for row in await connection.fetch(_TOTALS))
    ambiguous = units.get("unknown", 0)
    final = ambiguous + units.get("delivered", 0) + units.get("not_delivered", 0)
    refunds_open, oldest_refund_s = await connection.fetchrow(_REFUNDS, now)
    starts, drops = await connection.fetchrow(_PHYSICAL) if has_cabinets else (None, None)
    return Figures(
        orders=orders,
        unit_outcomes=units,
        totals=totals,
        ambiguous=ambiguous,
        ambiguous_later_delivered=await connection.fetchval(_LATER_DELIVERED),
        ambiguity_rate=ambiguous / final if final else 0.0,
        refunds_open=refunds_open,
        oldest_refund_s=oldest_refund_s,
        motor_starts=starts,
        drops=drops,
    )
