"""I4 again: what was booked from platforms' bills, and days that were closed. Each booking is derived anew."""

from __future__ import annotations

from vendomat.audit.model import Check

_CLEARING = "'asset:clearing:' || {row}.channel || ':' || {row}.account"
_DAY = "d.channel || ':' || d.account || ':' || to_char(d.day, 'YYYY-MM-DD')"

_EXPECTED = f"""
    SELECT d.merchant_id, 'fee:' || {_DAY} AS txn_key, l.account, l.amount_minor
    FROM recon_day d CROSS JOIN LATERAL (VALUES ('expense:fee:' || d.channel, d.fee_minor),
        ({_CLEARING.format(row="d")}, -d.fee_minor)) AS l (account, amount_minor)
    WHERE d.fee_minor <> 0
    UNION ALL
    SELECT i.merchant_id, i.posted_txn, l.account, l.amount_minor
    FROM recon_item i CROSS JOIN LATERAL (VALUES
        (CASE WHEN i.posted_txn LIKE 'long:%' THEN 'suspense:long:' ELSE 'suspense:short:' END || i.channel,
            CASE WHEN i.posted_txn LIKE 'long:%' THEN -i.bill_minor WHEN i.posted_txn LIKE 'short:%' THEN i.our_minor
                ELSE i.bill_minor END),
        ({_CLEARING.format(row="i")}, CASE WHEN i.posted_txn LIKE 'long:%' THEN i.bill_minor
            WHEN i.posted_txn LIKE 'short:%' THEN -i.our_minor ELSE -i.bill_minor END)) AS l (account, amount_minor)
    WHERE i.posted_txn <> ''
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "I4.bill",
        "What was booked from a bill is not what the reconciliation found",
        "Fees or unexplained money were booked twice, not at all, or with another amount.",
        f"""
        SELECT merchant_id, txn_key, account, e.amount_minor AS expected_minor, b.amount_minor AS booked_minor
        FROM ({_EXPECTED}) e FULL JOIN (
            SELECT l.merchant_id, l.txn_key, l.account, sum(l.amount_minor) AS amount_minor FROM ledger_line l
            WHERE l.txn_key ~ '^(fee|long|short|refund_long):'
            GROUP BY l.merchant_id, l.txn_key, l.account HAVING sum(l.amount_minor) <> 0
        ) b USING (merchant_id, txn_key, account)
        WHERE e.amount_minor IS DISTINCT FROM b.amount_minor
        """,
    ),
    Check(
        "I4.clearing_moves",
        "Money at a platform was moved by something that no rule knows",
        "The balance that is compared with the platform's is not only payments, refunds and what its bills say.",
        """
        SELECT merchant_id, txn_key, account, amount_minor FROM ledger_line
        WHERE account LIKE 'asset:clearing:%'
            AND txn_key !~ '^(paid|refund|came_back|fee|long|short|refund_long|payout|visit_paid):'
            AND txn_key !~ '^share_(end|late|back):'
        UNION ALL
        SELECT merchant_id, txn_key, account, amount_minor FROM ledger_line
        WHERE txn_key LIKE 'payout:%' AND account <> 'asset:bank'
            AND NOT (account LIKE 'asset:clearing:%'
                AND starts_with(txn_key, replace(account, 'asset:clearing', 'payout') || ':'))
        """,
    ),
    Check(
        "I4.closed_day",
        "A day was closed with something unexplained, or without its bills",
        "A difference with the platform was put out of sight.",
        """
        SELECT d.merchant_id, d.channel, d.account, d.day, d.beyond,
            (SELECT count(*) FROM recon_item i WHERE (i.merchant_id, i.channel, i.account, i.day)
                = (d.merchant_id, d.channel, d.account, d.day) AND i.state = 'open') AS open_items,
            (SELECT count(*) FROM bill_file f WHERE (f.merchant_id, f.channel, f.account, f.day)
                = (d.merchant_id, d.channel, d.account, d.day) AND f.state IN ('kept', 'empty')) AS bills
        FROM recon_day d WHERE d.state = 'closed' AND (d.beyond > 0 OR EXISTS (
            SELECT FROM recon_item i WHERE (i.merchant_id, i.channel, i.account, i.day)
                = (d.merchant_id, d.channel, d.account, d.day) AND i.state = 'open')
            OR (SELECT count(*) FROM bill_file f WHERE (f.merchant_id, f.channel, f.account, f.day)
                = (d.merchant_id, d.channel, d.account, d.day) AND f.state IN ('kept', 'empty')) < 2)
        """,
    ),
)
