"""Sums by business day: the ledger by account, and sales by machine and product, these by month, too; counted once, as
lines come in.

A round (`cloud.platform.counting`) adds lines to the day they were booked on, in the merchant's time zone. Whoever
reads adds the lines that are newer than the place: a statement never waits for a round.
"""

from __future__ import annotations

from vendomat.cloud.platform.counting import Counting, Sums
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.locks import Lock

SCHEDULE = "* * * * *"
XACTS_MAX = 200_000

DAY = "CAST(l.posted_at AT TIME ZONE m.time_zone AS date)"
FAMILY = "split_part(l.txn_key, ':', 1)"
"""What a line is of: its transaction's key begins with it."""
FOLDED = r"^(liab:[^:]+|asset:cash|income:sales|expense:site_rent):.*$"
ACCOUNT = f"regexp_replace(l.account, '{FOLDED}', '\\1')"
"""Accounts of many people or machines are summed as one."""

LINES = f"""
SELECT l.merchant_id, {DAY} AS day, {ACCOUNT} AS account, l.currency, {FAMILY} AS family,
    CAST(sum(greatest(l.amount_minor, 0)) AS bigint) AS debit_minor,
    CAST(sum(greatest(-l.amount_minor, 0)) AS bigint) AS credit_minor, count(*) AS lines
FROM ledger_line l JOIN merchant m ON m.merchant_id = l.merchant_id WHERE {{where}} GROUP BY 1, 2, 3, 4, 5
"""
SALES = f"""
SELECT l.merchant_id, {DAY} AS day, coalesce(o.machine_id, '') AS machine_id, coalesce(u.product_id, '') AS product_id,
    l.currency, CASE WHEN l.account = 'expense:goodwill' THEN 'goodwill' WHEN {FAMILY} = 'late' THEN 'late'
        WHEN {FAMILY} <> 'unit' THEN 'other' WHEN p.channel = 'code' AND p.account <> 'prepaid' THEN 'gift'
        ELSE 'sold' END AS kind,
    count(*) FILTER (WHERE u.unit IS NOT NULL) AS units,
    CAST(sum(CASE WHEN l.account = 'expense:goodwill' THEN l.amount_minor ELSE -l.amount_minor END) AS bigint)
        AS amount_minor
FROM ledger_line l JOIN merchant m ON m.merchant_id = l.merchant_id
LEFT JOIN ledger_transaction t ON t.merchant_id = l.merchant_id AND t.txn_key = l.txn_key
LEFT JOIN vend_unit u ON u.merchant_id = l.merchant_id AND u.order_id = t.order_id
    AND u.unit = CASE WHEN {FAMILY} IN ('unit', 'late') THEN CAST(split_part(l.txn_key, ':', 3) AS integer) END
LEFT JOIN sale_order o ON o.merchant_id = l.merchant_id AND o.order_id = t.order_id
LEFT JOIN payment p ON p.merchant_id = l.merchant_id AND p.order_id = t.order_id AND p.is_winning
WHERE {{where}} AND (l.account LIKE 'income:%' OR l.account = 'expense:goodwill') GROUP BY 1, 2, 3, 4, 5, 6
"""
"""Income as a positive amount; goodwill as what it cost. A unit is sold when a buyer's money paid for it, a gift when a
code did, late when it came out after its money had been promised back."""

_BETWEEN = "l.xact >= $1 AND l.xact < $2"
_ADD_LINES = f"""
INSERT INTO ledger_day AS d (merchant_id, day, account, currency, family, debit_minor, credit_minor, lines)
{LINES.format(where=_BETWEEN)}
ON CONFLICT (merchant_id, day, account, currency, family) DO UPDATE SET
    debit_minor = d.debit_minor + excluded.debit_minor, credit_minor = d.credit_minor + excluded.credit_minor,
    lines = d.lines + excluded.lines
"""
_ADD_UP = "units = d.units + excluded.units, amount_minor = d.amount_minor + excluded.amount_minor"
_ADD_SALES = f"""
WITH sales AS MATERIALIZED ({SALES.format(where=_BETWEEN)}), months AS (
    INSERT INTO sales_month AS d (merchant_id, month, machine_id, product_id, currency, kind, units, amount_minor)
    SELECT merchant_id, CAST(date_trunc('month', day) AS date), machine_id, product_id, currency, kind,
        CAST(sum(units) AS bigint), CAST(sum(amount_minor) AS bigint) FROM sales GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (merchant_id, month, machine_id, product_id, currency, kind) DO UPDATE SET {_ADD_UP}
)
INSERT INTO sales_day AS d (merchant_id, day, machine_id, product_id, currency, kind, units, amount_minor)
SELECT merchant_id, day, machine_id, product_id, currency, kind, units, amount_minor FROM sales
ON CONFLICT (merchant_id, day, machine_id, product_id, currency, kind) DO UPDATE SET {_ADD_UP}
"""
_SUMS = Sums(
    lock=Lock.DAY_SUMS,
    rows="ledger_line",
    place="day_sums_place",
    tables=("ledger_day", "sales_day", "sales_month"),
    additions=(_ADD_LINES, _ADD_SALES),
)


class DaySums(Counting):
    """The rounds that count the ledger's lines."""

    def __init__(self, database: Database, *, xacts_max: int = XACTS_MAX) -> None:
        super().__init__(database, _SUMS, xacts_max=xacts_max)
