"""Reads what an order's records say, and claims as the console lists them. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.claims.evidence import OrderRecord, PaymentRecord, RefundRecord, UnitRecord
from vendomat.cloud.claims.model import Claim, Word
from vendomat.cloud.claims.store import claim_of, word_of
from vendomat.cloud.orders import OrderState, UnitOutcome
from vendomat.cloud.payments import Refund, RefundStage
from vendomat.cloud.platform.http import Cursor

COUNTED_FOR = timedelta(days=30)
"""How far back the claims of a payer and of a machine are counted."""

_ORDER = sa.text("""
SELECT o.merchant_id, o.order_id, o.machine_id, o.state, o.currency, o.total_minor, o.created_at, o.ended_at,
    coalesce(m.number, '') AS machine_number, coalesce(m.name_zh, '') AS machine_zh,
    coalesce(m.name_en, '') AS machine_en, c.payee AS merchant, c.service_phone
FROM sale_order o JOIN merchant c ON c.merchant_id = o.merchant_id
LEFT JOIN machine m ON (m.merchant_id, m.machine_id) = (o.merchant_id, o.machine_id)
WHERE o.merchant_id = :merchant_id AND o.order_id = :order_id AND o.origin IN ('touch', 'code')
""")
_UNITS = sa.text("""
SELECT u.unit, u.price_minor, u.outcome, u.is_final, coalesce(d.name_zh, '') AS name_zh,
    coalesce(d.name_en, '') AS name_en
FROM vend_unit u LEFT JOIN product d ON (d.merchant_id, d.product_id) = (u.merchant_id, u.product_id)
WHERE u.merchant_id = :merchant_id AND u.order_id = :order_id ORDER BY u.unit
""")
_PAYMENTS = sa.text("""
SELECT payment_id, channel, amount_minor, captured_minor, currency, is_winning, paid_at, payer, is_hold,
    state = 'held' AS is_held FROM payment
WHERE merchant_id = :merchant_id AND order_id = :order_id AND (state = 'paid' OR is_winning)
ORDER BY created_at, payment_id
""")
_REFUNDS = sa.text("""
SELECT payment_id, ordinal, refund_id, amount_minor, reason, state, asked_by, hand_way, hand_reference, ended_at
FROM refund WHERE merchant_id = :merchant_id AND order_id = :order_id ORDER BY requested_at, payment_id, ordinal
""")
_CLAIM_COLUMNS = (
    "c.merchant_id, c.order_id, c.machine_id, c.payer, c.state, c.opened_at, c.since, c.words, c.refund_id, "
    "c.decided_by, c.decided_at, c.reason"
)
_CLAIM = sa.text(f"SELECT {_CLAIM_COLUMNS} FROM claim c WHERE merchant_id = :merchant_id AND order_id = :order_id")
_WORDS = sa.text(
    "SELECT order_id, word_id, what, units, said, at FROM claim_word "
    "WHERE merchant_id = :merchant_id AND order_id = ANY(:order_ids) ORDER BY order_id, at, word_id"
)
_LIST = """
SELECT {columns}, coalesce(m.number, '') AS machine_number, coalesce(p.name, '') AS decided_by_name,
    o.total_minor, o.currency, u.units, u.delivered, u.not_known, q.payments, r.returned_minor, r.returning_minor,
    (SELECT count(*) FROM claim k WHERE k.merchant_id = c.merchant_id AND k.machine_id = c.machine_id
        AND k.opened_at > :since) AS machine_claims,
    CASE WHEN c.payer = '' THEN NULL ELSE (SELECT count(*) FROM claim k WHERE k.merchant_id = c.merchant_id
        AND k.payer = c.payer AND k.opened_at > :since) END AS payer_claims
FROM claim c JOIN sale_order o ON (o.merchant_id, o.order_id) = (c.merchant_id, c.order_id)
LEFT JOIN machine m ON (m.merchant_id, m.machine_id) = (c.merchant_id, c.machine_id)
LEFT JOIN operator p ON (p.merchant_id, p.operator_id) = (c.merchant_id, c.decided_by)
CROSS JOIN LATERAL (SELECT count(*) AS units, count(*) FILTER (WHERE outcome = 'delivered') AS delivered,
    count(*) FILTER (WHERE outcome = 'unknown') AS not_known FROM vend_unit v
    WHERE (v.merchant_id, v.order_id) = (c.merchant_id, c.order_id)) u
CROSS JOIN LATERAL (SELECT count(*) AS payments FROM payment v
    WHERE (v.merchant_id, v.order_id) = (c.merchant_id, c.order_id) AND v.state = 'paid') q
CROSS JOIN LATERAL (SELECT coalesce(sum(amount_minor) FILTER (WHERE state = 'succeeded'), 0) AS returned_minor,
    coalesce(sum(amount_minor) FILTER (WHERE state NOT IN ('succeeded', 'failed')), 0) AS returning_minor
    FROM refund v WHERE (v.merchant_id, v.order_id) = (c.merchant_id, c.order_id)) r
WHERE c.merchant_id = :merchant_id {where} ORDER BY {order} LIMIT :limit
"""
_OPEN, _DECIDED = "AND c.state IN ('opened', 'reopened')", "AND c.state NOT IN ('opened', 'reopened')"
_OLDEST, _NEWEST = "c.since, c.order_id", "c.since DESC, c.order_id DESC"
_AFTER = "AND (c.since, c.order_id) {sign} (CAST(:after_at AS timestamptz), CAST(:after_id AS text))"


@dataclass(frozen=True, slots=True)
class ClaimFilter:
    """Which claims are listed; `now` is from when the last 30 days are counted back."""

    is_open: bool
    now: datetime
    machine_id: str | None = None


async def read_order(connection: AsyncConnection, merchant_id: str, order_id: str) -> OrderRecord | None:
    """None for what is no order of a machine: a top-up, or a sale for cash, whose buyer has no link."""
    key = {"merchant_id": merchant_id, "order_id": order_id}
    row = (await connection.execute(_ORDER, key)).mappings().one_or_none()
    if row is None:
        return None
    units = (await connection.execute(_UNITS, key)).mappings().all()
    payments = (await connection.execute(_PAYMENTS, key)).mappings().all()
    refunds = (await connection.execute(_REFUNDS, key)).mappings().all()
    return OrderRecord(
        **{**row, "state": OrderState(row["state"])},
        units=tuple(UnitRecord(**{**unit, "outcome": UnitOutcome(unit["outcome"])}) for unit in units),
        payments=tuple(PaymentRecord(**payment) for payment in payments),
        refunds=tuple(_refund(refund) for refund in refunds),
    )


def _refund(row: sa.RowMapping) -> RefundRecord:
    values = dict(row)
    ended_at, stage = values.pop("ended_at"), RefundStage(values.pop("state"))
    return RefundRecord(refund=Refund(**values, stage=stage), ended_at=ended_at)


async def read_claim(connection: AsyncConnection, merchant_id: str, order_id: str) -> tuple[Claim, list[Word]] | None:
    key = {"merchant_id": merchant_id, "order_id": order_id}
    row = (await connection.execute(_CLAIM, key)).mappings().one_or_none()
    if row is None:
        return None
    words = await read_words(connection, merchant_id, [order_id])
    return claim_of(dict(row)), words.get(order_id, [])


async def read_words(connection: AsyncConnection, merchant_id: str, order_ids: list[str]) -> dict[str, list[Word]]:
    found: dict[str, list[Word]] = {}
    rows = await connection.execute(_WORDS, {"merchant_id": merchant_id, "order_ids": order_ids})
    for row in rows.mappings():
        found.setdefault(row["order_id"], []).append(word_of(dict(row)))
    return found


async def list_claims(
    connection: AsyncConnection,
    merchant_id: str,
    wanted: ClaimFilter,
    *,
    after: Cursor | None = None,
    limit: int = 50,
) -> list[Mapping[str, Any]]:
    """Open ones with the one that waits longest first; decided ones with the newest first."""
    is_open, machine_id = wanted.is_open, wanted.machine_id
    where = [_OPEN if is_open else _DECIDED]
    values: dict[str, object] = {"merchant_id": merchant_id, "since": wanted.now - COUNTED_FOR, "limit": limit}
    if machine_id is not None:
        where.append("AND c.machine_id = :machine_id")
        values["machine_id"] = machine_id
    if after is not None:
        where.append(_AFTER.format(sign=">" if is_open else "<"))
        values |= {"after_at": after.at, "after_id": after.id}
    return await _listed(connection, " ".join(where), _OLDEST if is_open else _NEWEST, values)


async def find_listed(
    connection: AsyncConnection, merchant_id: str, order_id: str, now: datetime
) -> Mapping[str, Any] | None:
    """The claim of one order, as it would be listed."""
    values = {"merchant_id": merchant_id, "since": now - COUNTED_FOR, "order_id": order_id, "limit": 1}
    rows = await _listed(connection, "AND c.order_id = :order_id", _NEWEST, values)
    return rows[0] if rows else None


async def _listed(
    connection: AsyncConnection, where: str, order: str, values: Mapping[str, object]
) -> list[Mapping[str, Any]]:
    statement = sa.text(_LIST.format(columns=_CLAIM_COLUMNS, where=where, order=order))
    return [dict(row) for row in (await connection.execute(statement, values)).mappings()]
