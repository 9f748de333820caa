"""Orders as the console shows them: the list, and one order with everything that is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.orders import ORDER_MOVES, OrderState
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Cursor, Page, page_of
from vendomat.cloud.reports.views import (
    LedgerLineView,
    OrderDetailView,
    OrderView,
    PaymentView,
    RefundView,
    TimelineEntryView,
    UnitView,
)
from vendomat.kernel import ErrorCode, VendomatError, reference_of

TIMELINE_MAX = 1_000

_ORDERS = """
SELECT o.order_id, o.machine_id, coalesce(m.number, '') AS machine_number, o.state, o.closing, o.origin, o.total_minor,
    o.currency, o.created_at, o.ended_at, o.version, o.expires_at, o.code_id,
    coalesce(p.channel, '') AS channel, r.refunded_minor, r.refunding_minor, u.units, u.units_delivered, u.units_unknown
FROM (
    SELECT * FROM sale_order WHERE merchant_id = :merchant_id {where}
    ORDER BY created_at DESC, order_id DESC LIMIT :limit
) o
LEFT JOIN machine m ON m.merchant_id = o.merchant_id AND m.machine_id = o.machine_id
LEFT JOIN payment p ON p.merchant_id = o.merchant_id AND p.order_id = o.order_id AND p.is_winning
CROSS JOIN LATERAL (
    SELECT coalesce(sum(k.amount_minor) FILTER (WHERE k.state = 'succeeded'), 0) AS refunded_minor,
        coalesce(sum(k.amount_minor) FILTER (WHERE k.state NOT IN ('succeeded', 'failed')), 0) AS refunding_minor
    FROM refund k JOIN payment q ON q.merchant_id = k.merchant_id AND q.payment_id = k.payment_id
    WHERE k.merchant_id = o.merchant_id AND k.order_id = o.order_id AND q.currency = o.currency
) r
CROSS JOIN LATERAL (
    SELECT count(*) AS units, count(*) FILTER (WHERE outcome = 'delivered') AS units_delivered,
        count(*) FILTER (WHERE outcome = 'unknown') AS units_unknown
    FROM vend_unit k WHERE k.merchant_id = o.merchant_id AND k.order_id = o.order_id
) u
ORDER BY o.created_at DESC, o.order_id DESC
"""
_FILTERS = {
    "after": "AND (created_at, order_id) < (CAST(:after_at AS timestamptz), CAST(:after_id AS text))",
    "machine_id": "AND machine_id = :machine_id",
    **{
        f"is {state}": f"AND state = '{state}'" + ("" if state in ORDER_MOVES.final else " AND ended_at IS NULL")
        for state in OrderState
    },  # literals, so that the planner knows which index holds only such orders
    "order_id": "AND order_id = :order_id",
}
_UNITS = """
SELECT u.unit, u.slot, u.product_id, coalesce(d.name_zh, '') AS name_zh, coalesce(d.name_en, '') AS name_en,
    u.price_minor, u.outcome, u.is_final, u.result, u.reason, u.finding
FROM vend_unit u LEFT JOIN product d ON d.merchant_id = u.merchant_id AND d.product_id = u.product_id
WHERE u.merchant_id = :merchant_id AND u.order_id = :order_id ORDER BY u.unit
"""
_PAYMENTS = """
SELECT payment_id AS id, channel, account, state, is_winning, is_frozen, amount_minor, captured_minor, currency,
    transaction_id, created_at, expires_at, paid_at, verdict, verdict_by, is_hold, capture_minor
FROM payment WHERE merchant_id = :merchant_id AND order_id = :order_id ORDER BY created_at, payment_id
"""
_REFUNDS = """
SELECT refund_id AS id, payment_id, ordinal, amount_minor, reason, state, error, approved_by, asked_by, hand_way,
    hand_reference, recorded_by, send_to, send_asked_by, came_back, tries, requested_at, ended_at
FROM refund WHERE merchant_id = :merchant_id AND order_id = :order_id ORDER BY requested_at, payment_id, ordinal
"""
_LEDGER = """
SELECT t.txn_key AS transaction, t.kind, l.line, l.account, l.amount_minor, l.currency, l.posted_at
FROM ledger_transaction t
JOIN ledger_line l ON l.merchant_id = t.merchant_id AND l.txn_key = t.txn_key AND l.posted_at = t.posted_at
WHERE t.merchant_id = :merchant_id AND t.order_id = :order_id ORDER BY t.posted_at, t.txn_key, l.line
"""
_TIMELINE = f"""
SELECT at, source, kind, CAST(data AS text) AS data FROM evidence
WHERE merchant_id = :merchant_id AND order_id = :order_id ORDER BY entry LIMIT {TIMELINE_MAX}
"""


View = TypeVar("View", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """What the list is narrowed to; None leaves a field open."""

    machine_id: str | None = None
    state: OrderState | None = None


class OrderReport:
    """One merchant's orders."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def orders(
        self, merchant_id: str, wanted: OrderFilter, *, after: Cursor | None, limit: int
    ) -> Page[OrderView]:
        """Newest first."""
        values: dict[str, object] = {"merchant_id": merchant_id, "limit": limit + 1}
        filters = []
        if after is not None:
            filters.append("after")
            values |= {"after_at": after.at, "after_id": after.id}
        if wanted.machine_id is not None:
            filters.append("machine_id")
            values["machine_id"] = wanted.machine_id
        if wanted.state is not None:
            filters.append(f"is {wanted.state}")
        async with self._database.merchant(merchant_id) as connection:
            rows = (await connection.execute(_orders_statement(*filters), values)).mappings().all()
        return page_of(
            rows,
            limit,
            _order_view,
            lambda row: Cursor(row["created_at"], row["order_id"]),
        )

    async def order(self, merchant_id: str, order_id: str) -> OrderDetailView:
        """Everything known of one order. Raises `VendomatError(not_found)`."""
        key = {"merchant_id": merchant_id, "order_id": order_id}
        async with self._database.merchant(merchant_id) as connection:
            found = await connection.execute(_orders_statement("order_id"), key | {"limit": 1})
            row = found.mappings().one_or_none()
            if row is None:
                raise VendomatError(ErrorCode.NOT_FOUND, "there is no such order")
            timeline = (await connection.execute(sa.text(_TIMELINE), key)).mappings().all()
            return OrderDetailView(
                **_order_view(row).model_dump(),
                version=row["version"],
                expires_at=row["expires_at"],
                code_id=row["code_id"],
                unit_list=await _read(connection, _UNITS, key, UnitView),
                payments=await _read(connection, _PAYMENTS, key, PaymentView),
                refunds=await _read(connection, _REFUNDS, key, RefundView),
                ledger=await _read(connection, _LEDGER, key, LedgerLineView),
                timeline=[
                    TimelineEntryView(
                        at=entry["at"],
                        source=entry["source"],
                        kind=entry["kind"],
                        data=msgspec.json.decode(entry["data"]),
                    )
                    for entry in timeline
                ],
            )


def _orders_statement(*filters: str) -> sa.TextClause:
    return sa.text(_ORDERS.format(where=" ".join(_FILTERS[name] for name in filters)))


async def _read(connection: AsyncConnection, statement: str, key: Mapping[str, object], view: type[View]) -> list[View]:
    rows = await connection.execute(sa.text(statement), key)
    return [view.model_validate(dict(row)) for row in rows.mappings()]


def _order_view(row: sa.RowMapping) -> OrderView:
    return OrderView.model_validate({**row, "id": row["order_id"], "reference": reference_of(row["order_id"])})
