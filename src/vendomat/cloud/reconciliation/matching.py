"""Matching one day's bill with our books: set-based, in temporary tables that end with the transaction.

The bill's rows are copied in, joined once in full with what we paid and refunded that day, and only what differs comes
out; no row that agrees is ever touched by Python after it was read. Memory stays flat: rows stream in, the join spills.
Refuses to judge: the SQL knows only what "agrees" means, everything else is `model.classify`.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import asyncpg

from vendomat.cloud.payments import BillError, BillRowKind, BillRowStatus, TradeRow
from vendomat.cloud.reconciliation.model import AccountDay, Billed, Booked, Pair, Sold, bill_day

DIFFERENCES_MAX = 10_000
"""Differences kept as items per day and run. More have one cause, and are counted."""
_ROWS_AT_ONCE = 5_000
_TIMEOUT_S = 3_600.0

_TABLES = """
CREATE TEMPORARY TABLE recon_bill (row bigint, kind text, status text, at timestamptz, number text, transaction_id text,
    amount_minor bigint, currency text, fee_minor bigint, payment_number text) ON COMMIT DROP;
CREATE TEMPORARY TABLE recon_diff (kind text, row bigint, status text, at timestamptz, number text,
    transaction_id text, bill_minor bigint, bill_currency text, fee_minor bigint, payment_number text,
    is_repeat boolean, is_fee_only boolean, our_number text, our_minor bigint, our_currency text, fits boolean,
    our_state text, our_at timestamptz, order_id text, our_payment text, our_transaction text,
    is_of_account boolean) ON COMMIT DROP
"""
_REPEATS = """
WITH again AS (
    SELECT kind, number, min(row) AS first FROM recon_bill WHERE number <> '' GROUP BY kind, number HAVING count(*) > 1
), gone AS (
    DELETE FROM recon_bill b USING again a WHERE (b.kind, b.number) = (a.kind, a.number) AND b.row > a.first
    RETURNING b.*
)
INSERT INTO recon_diff (kind, row, status, at, number, transaction_id, bill_minor, bill_currency, fee_minor,
    payment_number, is_repeat, is_fee_only)
SELECT kind, row, status, at, number, transaction_id, amount_minor, currency, fee_minor, payment_number, true, false
FROM gone
"""
_VISITS = """
UPDATE recon_bill b SET number = v.visit_id FROM cooler_visit v
WHERE b.kind = 'payment' AND b.transaction_id <> '' AND v.merchant_id = $1 AND v.channel = $2 AND v.account = $3
    AND v.state = 'paid' AND v.transaction_id = b.transaction_id
"""
"""What was collected for a visit is listed under a number of the platform's: the transaction says whose it is."""
_FEE_FITS = (
    "($6::bigint IS NULL OR b.kind <> 'payment' OR "
    "abs(b.fee_minor - (b.amount_minor * $6::bigint + 500000) / 1000000) <= 1)"
)
_SUMS_AGREE = (
    "coalesce(b.status = 'succeeded' AND b.amount_minor = o.our_minor AND b.currency = o.our_currency "
    "AND o.fits, false)"
)
_DIFFER = f"""
INSERT INTO recon_diff
SELECT coalesce(b.kind, o.kind), b.row, b.status, b.at, b.number, b.transaction_id, b.amount_minor, b.currency,
    b.fee_minor, b.payment_number, false, {_SUMS_AGREE}, o.number, o.our_minor, o.our_currency, o.fits, o.our_state,
    o.our_at, o.order_id, o.our_payment, o.our_transaction, o.number IS NOT NULL
FROM recon_bill b FULL JOIN (
    SELECT 'payment' AS kind, p.payment_id AS number, p.captured_minor AS our_minor, p.currency AS our_currency,
        (p.captured_minor = p.amount_minor OR p.is_hold) AND NOT p.is_frozen AS fits, p.state AS our_state,
        p.paid_at AS our_at, p.order_id, p.payment_id AS our_payment, p.transaction_id AS our_transaction
    FROM payment p WHERE p.merchant_id = $1 AND p.channel = $2 AND p.account = $3 AND p.state = 'paid'
        AND p.paid_at >= $4 AND p.paid_at < $5
    UNION ALL
    SELECT 'payment', v.visit_id, v.paid_minor, v.currency, true, v.state, v.paid_at, v.visit_id, v.visit_id,
        v.transaction_id
    FROM cooler_visit v WHERE v.merchant_id = $1 AND v.channel = $2 AND v.account = $3 AND v.state = 'paid'
        AND v.paid_at >= $4 AND v.paid_at < $5
    UNION ALL
    SELECT 'refund', r.refund_id, r.amount_minor, p.currency, true, r.state, r.ended_at, r.order_id, r.payment_id,
        p.transaction_id
    FROM refund r JOIN payment p ON (p.merchant_id, p.payment_id) = (r.merchant_id, r.payment_id)
    WHERE r.merchant_id = $1 AND p.channel = $2 AND p.account = $3 AND r.state = 'succeeded' AND r.hand_way = ''
        AND r.ended_at >= $4 AND r.ended_at < $5
) o ON o.kind = b.kind AND o.number = b.number
WHERE NOT ({_SUMS_AGREE} AND {_FEE_FITS})
"""
_KNOWN_PAYMENTS = """
UPDATE recon_diff d SET our_number = p.payment_id, our_minor = p.captured_minor, our_currency = p.currency,
    fits = (p.captured_minor = p.amount_minor OR p.is_hold) AND NOT p.is_frozen, our_state = p.state,
    our_at = p.paid_at, order_id = p.order_id, our_payment = p.payment_id, our_transaction = p.transaction_id,
    is_of_account = (p.channel, p.account) = ($2, $3)
FROM payment p WHERE d.kind = 'payment' AND d.our_number IS NULL AND p.merchant_id = $1
"""
_BY_NUMBER = _KNOWN_PAYMENTS + " AND d.number <> '' AND p.payment_id = d.number"
_BY_TRANSACTION = (
    _KNOWN_PAYMENTS
    + """ AND NOT d.is_repeat AND d.transaction_id <> '' AND p.channel = $2 AND p.transaction_id = d.transaction_id
    AND NOT EXISTS (SELECT FROM recon_bill b WHERE b.kind = 'payment' AND b.number = p.payment_id)"""
)
_KNOWN_VISITS = """
UPDATE recon_diff d SET our_number = v.visit_id, our_minor = v.paid_minor, our_currency = v.currency, fits = true,
    our_state = v.state, our_at = v.paid_at, order_id = v.visit_id, our_payment = v.visit_id,
    our_transaction = v.transaction_id, is_of_account = (v.channel, v.account) = ($2, $3)
FROM cooler_visit v WHERE d.kind = 'payment' AND d.our_number IS NULL AND v.merchant_id = $1 AND v.visit_id = d.number
"""
_KNOWN_REFUNDS = """
UPDATE recon_diff d SET our_number = r.refund_id, our_minor = r.amount_minor, our_currency = p.currency, fits = true,
    our_state = r.state, our_at = r.ended_at, order_id = r.order_id, our_payment = r.payment_id,
    our_transaction = p.transaction_id, is_of_account = (p.channel, p.account) = ($2, $3)
FROM refund r JOIN payment p ON (p.merchant_id, p.payment_id) = (r.merchant_id, r.payment_id)
WHERE d.kind = 'refund' AND d.our_number IS NULL AND d.number <> '' AND r.merchant_id = $1 AND r.refund_id = d.number
"""
_PAIRED = """
DELETE FROM recon_diff o USING recon_diff b WHERE o.row IS NULL AND b.row IS NOT NULL AND NOT b.is_repeat
    AND b.kind = o.kind AND b.our_number = o.our_number
"""
_FOUND = """
SELECT d.*, d.row IS NULL AND EXISTS (SELECT FROM recon_item i WHERE i.merchant_id = $1
    AND i.subject = d.kind || ':' || d.our_number AND i.bill_row > 0
    AND (i.channel, i.account) = ($2, $3) AND i.day <> $4) AS is_elsewhere
FROM recon_diff d ORDER BY d.is_fee_only, d.kind, d.our_number, d.row LIMIT $5
"""
_SUMS = """
SELECT count(*) AS rows, coalesce(sum(amount_minor) FILTER (WHERE kind = 'payment' AND status = 'succeeded'), 0)
        AS paid_minor,
    coalesce(sum(amount_minor) FILTER (WHERE kind = 'refund' AND status <> 'failed'), 0) AS refunded_minor,
    coalesce(sum(fee_minor) FILTER (WHERE fee_minor > 0), 0) AS taken_minor,
    coalesce(-sum(fee_minor) FILTER (WHERE fee_minor < 0), 0) AS returned_minor,
    coalesce(min(currency), '') AS currency, min(currency) IS DISTINCT FROM max(currency) AS is_mixed
FROM recon_bill
"""
_SOLD = """
WITH mine AS MATERIALIZED (
    SELECT payment_id, order_id, captured_minor, currency, is_winning, transaction_id, state, paid_at FROM payment
    WHERE merchant_id = $1 AND channel = $2 AND account = $3 AND state = 'paid' AND NOT is_frozen
        AND captured_minor > 0 AND paid_at >= $4 AND paid_at < $5 AND ($7 = '' OR payment_id = $7)
), goods AS (
    SELECT m.payment_id, sum(u.price_minor) AS minor FROM mine m
    JOIN vend_unit u ON u.merchant_id = $1 AND u.order_id = m.order_id
    WHERE m.is_winning AND u.outcome = 'delivered' GROUP BY m.payment_id
), back AS (
    SELECT m.payment_id, sum(r.amount_minor) AS minor FROM mine m
    JOIN refund r ON r.merchant_id = $1 AND r.payment_id = m.payment_id
    WHERE r.state IN ('succeeded', 'processing') GROUP BY m.payment_id
)
SELECT m.*, coalesce(g.minor, 0)::bigint AS delivered_minor, coalesce(k.minor, 0)::bigint AS returned_minor,
    NOT m.is_winning AND EXISTS (SELECT FROM payment s WHERE s.merchant_id = $1 AND s.order_id = m.order_id
        AND s.payment_id <> m.payment_id AND s.state = 'paid') AS has_sibling
FROM mine m LEFT JOIN goods g USING (payment_id) LEFT JOIN back k USING (payment_id)
WHERE NOT m.is_winning OR m.captured_minor > coalesce(g.minor, 0) + coalesce(k.minor, 0)
ORDER BY m.payment_id LIMIT $6
"""


@dataclass(frozen=True, slots=True)
class BillSums:
    """What the bill adds up to. Refunds are what the platform accepted; fees taken and given back, both positive."""

    rows: int
    paid_minor: int
    refunded_minor: int
    taken_minor: int
    returned_minor: int
    currency: str

    @property
    def net_minor(self) -> int:
        return self.paid_minor - self.refunded_minor - self.taken_minor + self.returned_minor


async def stage_bill(connection: asyncpg.Connection, rows: Iterable[TradeRow]) -> BillSums:
    """Copy the bill's rows beside our tables, for the caller's transaction. Raises `BillError`."""
    await connection.execute("SET LOCAL work_mem = '64MB'")
    await connection.execute(_TABLES)
    await connection.copy_to_table(
        "recon_bill", source=_lines_of(iter(rows)), format="csv", null="\\N", timeout=_TIMEOUT_S
    )
    await connection.execute("ANALYZE recon_bill", timeout=_TIMEOUT_S)
    sums = await connection.fetchrow(_SUMS, timeout=_TIMEOUT_S)
    if sums["is_mixed"]:
        raise BillError("several currencies in one bill")
    values = {name: int(sums[name]) for name in ("rows", "paid_minor", "refunded_minor", "taken_minor")}
    return BillSums(**values, returned_minor=int(sums["returned_minor"]), currency=sums["currency"])


async def _lines_of(rows: Iterator[TradeRow]) -> AsyncIterator[bytes]:
    """The rows as CSV, read and written in a thread: the loop goes on selling meanwhile."""
    while chunk := await asyncio.to_thread(_csv_of, rows):
        yield chunk


def _csv_of(rows: Iterator[TradeRow]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        (
            r.row,
            r.kind.value,
            r.status.value,
            r.at.isoformat(),
            r.payment_number if r.kind is BillRowKind.PAYMENT else r.refund_number,
            r.transaction_id,
            r.amount_minor,
            r.currency,
            r.fee_minor,
            r.payment_number,
        )
        for r in islice(rows, _ROWS_AT_ONCE)
    )
    return text.getvalue().encode()


async def find_differences(
    connection: asyncpg.Connection, place: AccountDay, rate_ppm: int | None
) -> tuple[list[asyncpg.Record], int]:
    """What does not agree, at most `DIFFERENCES_MAX`, and how many more there are (fees alone not counted)."""
    whose = (place.merchant_id, place.channel, place.account)
    await connection.execute(_VISITS, *whose, timeout=_TIMEOUT_S)
    await connection.execute(_REPEATS, timeout=_TIMEOUT_S)
    await connection.execute(_DIFFER, *whose, place.begins_at, place.ends_at, rate_ppm, timeout=_TIMEOUT_S)
    await connection.execute("ANALYZE recon_diff")
    for statement in (_BY_NUMBER, _BY_TRANSACTION, _KNOWN_VISITS, _KNOWN_REFUNDS):
        await connection.execute(statement, *whose, timeout=_TIMEOUT_S)
    await connection.execute(_PAIRED, timeout=_TIMEOUT_S)
    found = await connection.fetch(_FOUND, *whose, place.day, DIFFERENCES_MAX, timeout=_TIMEOUT_S)
    every = await connection.fetchval("SELECT count(*) FROM recon_diff WHERE NOT is_fee_only")
    shown = sum(1 for row in found if not row["is_fee_only"])
    return found, int(every) - shown


async def find_unsettled(
    connection: asyncpg.Connection, place: AccountDay, payment_id: str = ""
) -> list[tuple[asyncpg.Record, Sold]]:
    """Payments of the day (or the one named) whose money became neither goods nor a refund, and second payments."""
    whose = (place.merchant_id, place.channel, place.account)
    rows = await connection.fetch(
        _SOLD, *whose, place.begins_at, place.ends_at, DIFFERENCES_MAX, payment_id, timeout=_TIMEOUT_S
    )
    return [
        (
            row,
            Sold(
                captured_minor=row["captured_minor"],
                is_winning=row["is_winning"],
                has_sibling=row["has_sibling"],
                delivered_minor=row["delivered_minor"],
                returned_minor=row["returned_minor"],
            ),
        )
        for row in rows
    ]


def pair_of(row: asyncpg.Record, place: AccountDay, *, is_next_known: bool) -> Pair:
    """A difference as the rules see it."""
    billed = None
    if row["row"] is not None:
        billed = Billed(
            BillRowStatus(row["status"]),
            row["bill_minor"],
            row["bill_currency"],
            row["fee_minor"],
            is_repeat=row["is_repeat"],
        )
    booked = None
    if row["our_number"] is not None:
        booked = booked_of(
            row["our_state"],
            row["our_minor"],
            row["our_currency"],
            at=row["our_at"],
            fits=row["fits"],
            is_of_account=row["is_of_account"],
        )
    return Pair(
        BillRowKind(row["kind"]),
        place.day,
        billed,
        booked,
        is_listed_elsewhere=row["is_elsewhere"],
        is_next_known=is_next_known,
    )


def booked_of(
    state: str, amount_minor: int, currency: str, *, at: datetime | None, fits: bool, is_of_account: bool
) -> Booked:
    """A row of ours as the rules see it."""
    return Booked(
        is_done=state in ("paid", "succeeded"),
        amount_minor=amount_minor,
        currency=currency,
        day=None if at is None else bill_day(at),
        is_dead=state == "failed",
        fits=fits,
        is_of_account=is_of_account,
    )
