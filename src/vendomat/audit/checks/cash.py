"""I4 and I9 for cash: every sale a machine tells of is booked once, and every count of a box says what it says."""

from __future__ import annotations

from vendomat.audit.model import Check

_EXPECTED = """
    SELECT merchant_id, 'cash:' || machine_id || ':' || epoch || '/' || seq AS txn_key, l.account, l.amount_minor
    FROM cash_count c CROSS JOIN LATERAL (VALUES ('asset:cash_in_hand', c.counted_minor),
        ('asset:cash:' || c.machine_id, -c.expected_minor),
        ('expense:cash_short', greatest(0, c.expected_minor - c.counted_minor)),
        ('income:cash_over', least(0, c.expected_minor - c.counted_minor))) AS l (account, amount_minor)
    WHERE l.amount_minor <> 0
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "I4.cash_count",
        "The ledger does not say what a machine told of its emptied cash box",
        "Cash was booked twice, not at all, or with another amount.",
        f"""
        SELECT merchant_id, txn_key, account, e.amount_minor AS expected_minor, b.amount_minor AS booked_minor
        FROM ({_EXPECTED}) e FULL JOIN (SELECT merchant_id, txn_key, account, sum(amount_minor) AS amount_minor
            FROM ledger_line WHERE txn_key LIKE 'cash:%' GROUP BY merchant_id, txn_key, account) b
            USING (merchant_id, txn_key, account)
        WHERE e.amount_minor IS DISTINCT FROM b.amount_minor
        """,
    ),
    Check(
        "I9.cash",
        "A cash order without the machine's word for it, or two of one word",
        "A sale was booked that no machine made, or made twice.",
        """
        SELECT o.merchant_id, o.order_id, o.machine_id, e.origin, f.kind, count(*) OVER (
            PARTITION BY o.merchant_id, o.machine_id, e.origin) AS orders
        FROM sale_order o LEFT JOIN (SELECT merchant_id, order_id, data ->> 'origin' AS origin FROM evidence
            WHERE kind = 'payment.paid') e USING (merchant_id, order_id)
        LEFT JOIN machine_fact f ON f.merchant_id = o.merchant_id AND f.machine_id = o.machine_id
            AND f.epoch || '/' || f.seq = e.origin
        WHERE o.origin = 'cash' AND (f.kind IS DISTINCT FROM 'cash_sale' OR EXISTS (SELECT FROM evidence d
            JOIN sale_order w ON (w.merchant_id, w.order_id) = (d.merchant_id, d.order_id)
            WHERE d.kind = 'payment.paid' AND w.origin = 'cash' AND w.machine_id = o.machine_id
            AND d.data ->> 'origin' = e.origin AND d.order_id <> o.order_id))
        """,
    ),
)
