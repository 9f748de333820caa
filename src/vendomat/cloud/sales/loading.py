"""How a purchase is loaded: its order is locked, then everything that hangs on it is read in one question."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
import msgspec

from vendomat.cloud.orders import Closing, Key, OrderState
from vendomat.cloud.orders import store as order_rows
from vendomat.cloud.payments import store as payment_rows
from vendomat.cloud.platform.rows import fetch_rows
from vendomat.cloud.sales.model import Purchase
from vendomat.pricing import Fare

_KEYS = "unnest($1::text[], $2::text[]) AS k(merchant_id, order_id)"
_ORDERS = (
    f"SELECT o.* FROM sale_order o WHERE (o.merchant_id, o.order_id) IN (SELECT k.merchant_id, k.order_id FROM {_KEYS} "
    "UNION SELECT p.merchant_id, p.order_id FROM payment p JOIN unnest($3::text[], $4::text[]) "
    "AS n(merchant_id, payment_id) USING (merchant_id, payment_id)) ORDER BY o.merchant_id, o.order_id"
)
_PARTS = (
    f"SELECT k.merchant_id, k.order_id, {order_rows.UNITS} AS units, {payment_rows.PAYMENTS} AS payments, "
    f"{payment_rows.REFUNDS} AS refunds FROM {_KEYS}"
)


async def load_purchases(
    connection: asyncpg.Connection,
    keys: Sequence[Key],
    *,
    numbers: Sequence[tuple[str, str]] = (),
    is_locking: bool = True,
) -> dict[Key, Purchase]:
    """The purchases of `keys` and of the payments `numbers` (merchant_id, payment_id); those that do not exist are
    missing. Locks the order rows unless told not to, in key order, so that two batches never wait for each other in a
    circle; what belongs to them is read after that wait, for it may have changed meanwhile.
    """
    if not keys and not numbers:
        return {}
    wanted = [*_columns(keys), *_columns(numbers)]
    orders = await connection.fetch(f"{_ORDERS} FOR UPDATE OF o" if is_locking else _ORDERS, *wanted)
    rows = await fetch_rows(connection, _PARTS, [(row["merchant_id"], row["order_id"]) for row in orders])
    parts = {(row["merchant_id"], row["order_id"]): row for row in rows}
    found = {}
    for row in orders:
        key = (row["merchant_id"], row["order_id"])
        found[key] = Purchase(
            merchant_id=row["merchant_id"],
            order_id=row["order_id"],
            machine_id=row["machine_id"],
            request_id=row["request_id"],
            origin=row["origin"],
            state=OrderState(row["state"]),
            version=row["version"],
            currency=row["currency"],
            total_minor=row["total_minor"],
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            units=order_rows.read_units(parts[key]["units"]),
            payments=payment_rows.read_payments(parts[key]["payments"]),
            refunds=payment_rows.read_refunds(parts[key]["refunds"]),
            closing=Closing(row["closing"]),
            code_id=row["code_id"],
            member_id=row["member_id"],
            ended_at=row["ended_at"],
            discount_minor=row["discount_minor"],
            price_mark=row["price_mark"],
            fares=msgspec.convert(row["fares"], tuple[Fare, ...]),
        )
    return found


def _columns(pairs: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [first for first, _ in pairs], [second for _, second in pairs]
