"""I4: money is conserved. Each posting is derived anew from payments, units and refunds, and compared line by line."""

from __future__ import annotations

from vendomat.audit.checks.refunds import LATE, UNDELIVERED
from vendomat.audit.model import Check

_FUND = (
    "CASE WHEN p.channel = 'wallet' THEN 'liab:wallet:' || p.account "
    "WHEN p.channel = 'cash' THEN 'asset:cash:' || p.account "
    "WHEN p.channel <> 'code' THEN 'asset:clearing:' || p.channel || ':' || p.account "
    "WHEN p.account = 'prepaid' THEN 'liab:voucher' ELSE 'expense:gift' END"
)

_DEBTOR = "'asset:receivable:' || p.channel || ':' || p.account"

_EXPECTED = f"""
    SELECT p.merchant_id, 'paid:' || p.payment_id AS txn_key, l.account, p.currency, l.amount_minor
    FROM payment p CROSS JOIN LATERAL (VALUES ({_FUND}, p.captured_minor),
        (CASE WHEN p.is_winning AND p.is_hold THEN {_DEBTOR} WHEN p.is_winning THEN 'liab:undelivered'
            ELSE 'liab:refund_payable' END, -p.captured_minor)
    ) AS l (account, amount_minor)
    WHERE p.state = 'paid' AND NOT p.is_frozen AND p.captured_minor > 0
    UNION ALL
    SELECT p.merchant_id, 'paid:' || p.payment_id, l.account, p.currency, l.amount_minor
    FROM payment p CROSS JOIN LATERAL (VALUES ({_FUND}, p.captured_minor),
        ('suspense:long:' || p.channel, -p.captured_minor)) AS l (account, amount_minor)
    WHERE p.state = 'paid' AND p.is_frozen AND p.captured_minor > 0
    UNION ALL
    SELECT p.merchant_id, 'verdict:' || p.payment_id, l.account, p.currency, l.amount_minor
    FROM payment p CROSS JOIN LATERAL (VALUES ('suspense:long:' || p.channel, p.captured_minor),
        (CASE WHEN p.verdict = 'kept' THEN 'income:sales:' || p.merchant_id ELSE 'liab:refund_payable' END,
            -p.captured_minor)) AS l (account, amount_minor)
    WHERE p.verdict IN ('given_back', 'kept')
    UNION ALL
    SELECT u.merchant_id, 'unit:' || u.order_id || ':' || u.unit, l.account, p.currency, l.amount_minor
    FROM vend_unit u JOIN payment p ON p.merchant_id = u.merchant_id AND p.order_id = u.order_id AND p.is_winning
    JOIN sale_order o ON (o.merchant_id, o.order_id) = (u.merchant_id, u.order_id)
    CROSS JOIN LATERAL (VALUES (CASE WHEN p.is_hold THEN {_DEBTOR} ELSE 'liab:undelivered' END,
            CASE WHEN p.is_hold AND u.outcome <> 'delivered' THEN 0 ELSE u.price_minor END),
        (CASE WHEN u.outcome <> 'delivered' THEN 'liab:refund_payable'
            WHEN o.origin = 'top_up' THEN 'liab:wallet:' || o.member_id ELSE 'income:sales:' || u.merchant_id END,
            CASE WHEN p.is_hold AND u.outcome <> 'delivered' THEN 0 ELSE -u.price_minor END),
        ('memo:ambiguous', CASE WHEN u.outcome = 'unknown' THEN u.price_minor ELSE 0 END),
        ('memo:ambiguous_contra', CASE WHEN u.outcome = 'unknown' THEN -u.price_minor ELSE 0 END)
    ) AS l (account, amount_minor)
    WHERE u.is_final AND l.amount_minor <> 0
    UNION ALL
    SELECT u.merchant_id, 'found:' || u.order_id || ':' || u.unit, l.account, o.currency, l.amount_minor
    FROM vend_unit u JOIN sale_order o ON (o.merchant_id, o.order_id) = (u.merchant_id, u.order_id)
    CROSS JOIN LATERAL (VALUES ('memo:ambiguous', -u.price_minor), ('memo:ambiguous_contra', u.price_minor)
    ) AS l (account, amount_minor)
    WHERE u.outcome = 'unknown' AND u.finding IN ('came_out', 'stayed_in') AND l.amount_minor <> 0
    UNION ALL
    SELECT u.merchant_id, 'late:' || u.order_id || ':' || u.unit, l.account, o.currency, l.amount_minor
    FROM vend_unit u JOIN sale_order o ON (o.merchant_id, o.order_id) = (u.merchant_id, u.order_id)
    CROSS JOIN LATERAL (VALUES ('expense:sensor_fault', u.price_minor),
        ('income:sales:' || u.merchant_id, -u.price_minor)
    ) AS l (account, amount_minor)
    WHERE u.finding = 'came_out' AND l.amount_minor <> 0
    UNION ALL
    SELECT r.merchant_id, 'refund:' || r.refund_id, l.account, p.currency, l.amount_minor
    FROM refund r JOIN payment p ON (p.merchant_id, p.payment_id) = (r.merchant_id, r.payment_id)
    CROSS JOIN LATERAL (VALUES ('liab:refund_payable', r.amount_minor),
        (CASE WHEN r.hand_way <> '' THEN 'asset:bank' ELSE {_FUND} END, -r.amount_minor)) AS l (account, amount_minor)
    WHERE r.state = 'succeeded'
    UNION ALL
    SELECT p.merchant_id, 'wallet_out:' || p.payment_id, l.account, p.currency, l.amount_minor
    FROM payment p JOIN sale_order o ON (o.merchant_id, o.order_id) = (p.merchant_id, p.order_id)
    CROSS JOIN LATERAL (VALUES ('liab:wallet:' || o.member_id, p.paid_out_minor),
        ('liab:refund_payable', -p.paid_out_minor)) AS l (account, amount_minor)
    WHERE p.paid_out_minor > 0
    UNION ALL
    SELECT w.merchant_id, 'wallet_hand:' || w.payout_id, l.account, w.currency, l.amount_minor
    FROM wallet_payout w CROSS JOIN LATERAL (VALUES ('liab:wallet:' || w.member_id, w.by_hand_minor),
        ('asset:bank', -w.by_hand_minor)) AS l (account, amount_minor)
    WHERE w.state = 'done' AND w.by_hand_minor > 0
    UNION ALL
    SELECT r.merchant_id, 'came_back:' || r.refund_id, l.account, p.currency, l.amount_minor
    FROM refund r JOIN payment p ON (p.merchant_id, p.payment_id) = (r.merchant_id, r.payment_id)
    CROSS JOIN LATERAL (VALUES ('asset:bank', r.amount_minor), ({_FUND}, -r.amount_minor)) AS l (account, amount_minor)
    WHERE r.came_back = 'bank'
"""

BY_CLASS = """
    SELECT t.merchant_id, t.order_id, l.currency,
        -coalesce(sum(l.amount_minor) FILTER (WHERE l.account LIKE 'income:sales:%'), 0) AS revenue_minor,
        -coalesce(sum(l.amount_minor) FILTER (WHERE l.account = 'liab:undelivered'), 0) AS undelivered_minor,
        -coalesce(sum(l.amount_minor) FILTER (WHERE l.account = 'liab:refund_payable'), 0) AS payable_minor,
        -coalesce(sum(l.amount_minor) FILTER (WHERE l.account LIKE 'suspense:%'), 0) AS suspense_minor,
        coalesce(sum(l.amount_minor) FILTER (
            WHERE l.account IN ('expense:goodwill', 'expense:sensor_fault', 'expense:uncollected')), 0) AS loss_minor,
        coalesce(sum(l.amount_minor) FILTER (WHERE l.account LIKE 'asset:receivable:%'), 0) AS claim_minor,
        coalesce(sum(l.amount_minor) FILTER (WHERE l.account = 'expense:uncollected'), 0) AS uncollected_minor,
        coalesce(sum(l.amount_minor) FILTER (WHERE l.account = 'expense:goodwill'), 0) AS goodwill_minor,
        coalesce(sum(l.amount_minor) FILTER (WHERE l.account = 'memo:ambiguous'), 0) AS ambiguous_minor,
        -coalesce(sum(l.amount_minor) FILTER (WHERE l.account LIKE 'liab:wallet:%' AND t.kind = 'topped_up'), 0)
            AS stored_minor
    FROM ledger_transaction t JOIN ledger_line l ON (l.merchant_id, l.txn_key) = (t.merchant_id, t.txn_key)
    WHERE t.txn_key !~ '^(fee|long|short|refund_long|payout|rent|rent_paid|wallet_hand|visit|(visit|share)_[a-z]+):'
    GROUP BY t.merchant_id, t.order_id, l.currency
"""
"""The ledger's balances per order, each with the sign in which people read it; what was booked from a platform's bill,
for a site's owner, or for a visit at a cooler, belongs to no order. Goodwill is the part of the loss that was owed to a
buyer on top; goods that came out late are a loss beside a sale, and owe nobody."""

CAPTURED = """
    SELECT p.merchant_id, p.order_id, p.currency, sum(p.captured_minor) AS captured_minor FROM payment p
    WHERE p.captured_minor > 0 GROUP BY p.merchant_id, p.order_id, p.currency
"""
"""What came in per order, in the currency it came in."""

REFUNDED = """
    SELECT r.merchant_id, r.order_id, p.currency, sum(r.amount_minor) AS refunded_minor
    FROM refund r JOIN payment p ON (p.merchant_id, p.payment_id) = (r.merchant_id, r.payment_id)
    WHERE r.state = 'succeeded' GROUP BY r.merchant_id, r.order_id, p.currency
"""

IN_FLIGHT = f"""
    SELECT merchant_id, order_id, currency, sum(open_minor) AS open_minor, sum(owed_minor) AS owed_minor FROM (
        SELECT w.merchant_id, w.order_id, w.currency, w.open_minor, w.owed_minor FROM ({UNDELIVERED}) w
        UNION ALL
        SELECT p.merchant_id, p.order_id, p.currency, 0, p.captured_minor FROM payment p WHERE {LATE}
        UNION ALL
        SELECT r.merchant_id, r.order_id, p.currency, 0, -r.amount_minor
        FROM refund r JOIN payment p ON (p.merchant_id, p.payment_id) = (r.merchant_id, r.payment_id)
        WHERE r.state = 'succeeded') AS every
    GROUP BY merchant_id, order_id, currency
"""
"""Per order, from payments, units and refunds alone: paid for and undecided, and owed back and not yet paid back."""

_GOODS = """
    SELECT merchant_id, order_id, currency, sum(goods_minor) AS goods_minor FROM (
    SELECT p.merchant_id, p.order_id, p.currency, sum(u.price_minor) - p.paid_out_minor AS goods_minor
    FROM payment p JOIN vend_unit u ON u.merchant_id = p.merchant_id AND u.order_id = p.order_id
    WHERE p.is_winning AND (u.outcome = 'delivered' OR u.finding = 'came_out')
    GROUP BY p.merchant_id, p.payment_id
    UNION ALL
    SELECT merchant_id, order_id, currency, captured_minor FROM payment WHERE verdict = 'kept'
    ) AS goods GROUP BY merchant_id, order_id, currency
"""
"""Goods that came out (of a top-up: what stayed stored), and money kept because its buyer has had goods for it."""

_CONSERVED = f"""
    SELECT merchant_id, order_id, currency, coalesce(c.captured_minor, 0) AS captured_minor,
        coalesce(g.goods_minor, 0) AS goods_minor, coalesce(r.refunded_minor, 0) AS refunded_minor,
        coalesce(b.undelivered_minor + b.payable_minor - b.claim_minor, 0) AS in_flight_minor,
        coalesce(b.suspense_minor, 0) AS suspense_minor, coalesce(b.loss_minor, 0) AS loss_minor
    FROM ({CAPTURED}) c FULL JOIN ({REFUNDED}) r USING (merchant_id, order_id, currency)
    FULL JOIN ({_GOODS}) g USING (merchant_id, order_id, currency)
    FULL JOIN ({BY_CLASS}) b USING (merchant_id, order_id, currency)
"""
"""What came in (payments) against what became of it: goods (units), refunds, and what the ledger still holds."""

_SUM = "captured_minor <> goods_minor + refunded_minor + in_flight_minor + suspense_minor - loss_minor"

CHECKS: tuple[Check, ...] = (
    Check(
        "I4.balance",
        "A ledger transaction does not sum to zero",
        "Money appeared or vanished in the books.",
        """
        SELECT merchant_id, txn_key, currency, sum(amount_minor) AS off_by_minor FROM ledger_line
        GROUP BY merchant_id, txn_key, currency HAVING sum(amount_minor) <> 0
        """,
    ),
    Check(
        "I4.form",
        "A ledger transaction without lines, a line without a transaction, or a line twice",
        "The books were changed by other means than posting.",
        """
        SELECT merchant_id, txn_key, count(l.line) AS lines, count(DISTINCT l.line) AS distinct_lines,
            count(t.txn_key) > 0 AS has_transaction
        FROM ledger_transaction t FULL JOIN ledger_line l USING (merchant_id, txn_key)
        GROUP BY merchant_id, txn_key
        HAVING count(l.line) = 0 OR count(t.txn_key) = 0 OR count(l.line) <> count(DISTINCT l.line)
        """,
    ),
    Check(
        "I4.postings",
        "The ledger does not say what payments, units and refunds say",
        "An event was not booked, booked with another amount, or something was booked that did not happen.",
        f"""
        SELECT merchant_id, txn_key, account, currency, e.amount_minor AS expected_minor, a.amount_minor AS booked_minor
        FROM ({_EXPECTED}) e FULL JOIN (
            SELECT l.merchant_id, l.txn_key, l.account, l.currency, sum(l.amount_minor) AS amount_minor
            FROM ledger_line l
            WHERE l.txn_key ~ '^(paid|unit|found|late|refund|came_back|verdict|wallet_out|wallet_hand):'
            GROUP BY l.merchant_id, l.txn_key, l.account, l.currency) a USING (merchant_id, txn_key, account, currency)
        WHERE e.amount_minor IS DISTINCT FROM a.amount_minor
        """,
    ),
    Check(
        "I4.owner",
        "A ledger transaction names another order than the event it books",
        "An order's books are wrong although the whole balances.",
        """
        SELECT t.merchant_id, t.txn_key, t.order_id, e.order_id AS event_order_id
        FROM ledger_transaction t JOIN (
            SELECT merchant_id, prefix || payment_id AS txn_key, order_id FROM payment
                CROSS JOIN unnest(ARRAY['paid:', 'verdict:', 'hold:', 'recovered:', 'wallet_out:']) AS prefix
            UNION ALL SELECT merchant_id, prefix || order_id || ':' || unit, order_id FROM vend_unit
                CROSS JOIN unnest(ARRAY['unit:', 'found:', 'late:']) AS prefix
            UNION ALL SELECT merchant_id, prefix || refund_id, order_id FROM refund
                CROSS JOIN unnest(ARRAY['refund:', 'came_back:']) AS prefix) e USING (merchant_id, txn_key)
        WHERE t.order_id <> e.order_id
        """,
    ),
    Check(
        "I4.frozen",
        "Money that does not fit its order was not reported, or people decided about it without a word",
        "Money that nobody can explain was put out of sight, or moved by a program alone.",
        """
        SELECT p.merchant_id, p.order_id, p.payment_id, p.captured_minor, p.verdict, p.verdict_by, w.words
        FROM payment p LEFT JOIN (
            SELECT merchant_id, order_id, data ->> 'payment_id' AS payment_id,
                count(*) FILTER (WHERE data ->> 'by' <> '' AND data ->> 'reason' <> '') AS words
            FROM evidence WHERE kind IN ('payment.judged', 'payment.verdict_agreed') AND source = 'operator'
            GROUP BY 1, 2, 3) w USING (merchant_id, order_id, payment_id)
        WHERE p.is_frozen AND p.state = 'paid' AND (NOT EXISTS (SELECT FROM security_event e
                WHERE e.merchant_id = p.merchant_id AND e.kind = 'payment_mismatch'
                AND e.detail ->> 'payment_id' = p.payment_id)
            OR (p.verdict <> 'none' AND (coalesce(w.words, 0) = 0 OR p.verdict_by = '')))
        """,
    ),
    Check(
        "I4.price",
        "An order's total, its units' prices and its payments are not the same sum",
        "The buyer paid another sum than the goods cost.",
        """
        SELECT o.merchant_id, o.order_id, o.total_minor, u.units_minor, p.payment_id, p.amount_minor, p.captured_minor
        FROM sale_order o LEFT JOIN (SELECT merchant_id, order_id, sum(price_minor) AS units_minor FROM vend_unit
            GROUP BY merchant_id, order_id) u USING (merchant_id, order_id)
        LEFT JOIN payment p ON p.merchant_id = o.merchant_id AND p.order_id = o.order_id
        WHERE u.units_minor IS DISTINCT FROM o.total_minor
            OR (p.is_winning AND (CASE WHEN p.is_hold THEN p.amount_minor ELSE p.captured_minor END, p.amount_minor)
                <> (o.total_minor, o.total_minor))
            OR (NOT p.is_frozen AND p.currency <> o.currency)
        """,
    ),
    Check(
        "I4.order",
        "An order's money is not conserved",
        "Captured is not goods + refunded + in flight + suspense - declared loss.",
        f"SELECT * FROM ({_CONSERVED}) s WHERE {_SUM}",
    ),
    Check(
        "I4.merchant",
        "A merchant's money is not conserved",
        "Captured is not goods + refunded + in flight + suspense - declared loss.",
        f"""
        SELECT merchant_id, currency, sum(captured_minor) AS captured_minor, sum(goods_minor) AS goods_minor,
            sum(refunded_minor) AS refunded_minor, sum(in_flight_minor) AS in_flight_minor,
            sum(suspense_minor) AS suspense_minor, sum(loss_minor) AS loss_minor
        FROM ({_CONSERVED}) s GROUP BY merchant_id, currency
        HAVING {" ".join(f"sum({w})" if w.endswith("_minor") else w for w in _SUM.split())}
        """,
    ),
    Check(
        "I4.liabilities",
        "What the ledger owes to buyers is not what it should",
        "Undelivered must be the open units that are paid for, refund payable what is owed and not yet paid back.",
        f"""
        SELECT merchant_id, order_id, currency, b.undelivered_minor, coalesce(e.open_minor, 0) AS open_minor,
            b.payable_minor, coalesce(e.owed_minor, 0) + coalesce(b.goodwill_minor, 0) AS owed_minor
        FROM ({BY_CLASS}) b FULL JOIN ({IN_FLIGHT}) e USING (merchant_id, order_id, currency)
        WHERE coalesce(b.undelivered_minor, 0) <> coalesce(e.open_minor, 0)
            OR coalesce(b.payable_minor, 0) <> coalesce(e.owed_minor, 0) + coalesce(b.goodwill_minor, 0)
        """,
    ),
    Check(
        "I4.clearing",
        "The money that should stand at a platform is not what the ledger says",
        "Clearing must be captured less refunded, per channel and account.",
        """
        SELECT merchant_id, account, currency, e.amount_minor AS expected_minor, b.amount_minor AS booked_minor FROM (
            SELECT merchant_id, 'asset:clearing:' || channel || ':' || account AS account, currency,
                sum(amount_minor) AS amount_minor
            FROM (
                SELECT merchant_id, channel, account, currency, captured_minor AS amount_minor FROM payment
                WHERE state = 'paid' AND channel NOT IN ('code', 'wallet', 'cash') AND captured_minor > 0
                UNION ALL
                SELECT p.merchant_id, p.channel, p.account, p.currency, -r.amount_minor FROM refund r JOIN payment p
                    ON (p.merchant_id, p.payment_id) = (r.merchant_id, r.payment_id)
                WHERE r.state = 'succeeded' AND p.channel NOT IN ('code', 'wallet', 'cash') AND r.hand_way = '') AS m
            GROUP BY merchant_id, channel, account, currency) e
        FULL JOIN (
            SELECT l.merchant_id, l.account, l.currency, sum(l.amount_minor) AS amount_minor FROM ledger_line l
            WHERE l.account LIKE 'asset:clearing:%' AND (l.txn_key LIKE 'paid:%' OR l.txn_key LIKE 'refund:%')
            GROUP BY l.merchant_id, l.account, l.currency) b USING (merchant_id, account, currency)
        WHERE coalesce(e.amount_minor, 0) <> coalesce(b.amount_minor, 0)
        """,
    ),
    Check(
        "I4.guards",
        "A guard of the ledger or the evidence is off",
        "The books could be changed without a trace.",
        """
        WITH guarded AS (
            SELECT c.oid, c.relname FROM pg_class c WHERE c.oid IN (
                SELECT to_regclass(n)
                FROM unnest(ARRAY['ledger_line', 'ledger_transaction', 'evidence', 'wallet_entry', 'site_statement',
                    'site_statement_file', 'site_payout', 'month_close', 'change_entry']) AS n
                UNION SELECT i.inhrelid FROM pg_inherits i
                    WHERE i.inhparent IN (to_regclass('ledger_line'), to_regclass('evidence')))
        )
        SELECT w.name AS guard, 'the trigger is missing or off' AS problem
        FROM (VALUES ('ledger_line', 'ledger_line_balances'), ('ledger_line', 'ledger_line_append_only'),
            ('ledger_transaction', 'ledger_transaction_append_only'), ('evidence', 'evidence_append_only'),
            ('wallet_entry', 'wallet_entry_append_only'), ('site_payout', 'site_payout_append_only'),
            ('site_statement', 'site_statement_append_only'),
            ('site_statement_file', 'site_statement_file_append_only'), ('month_close', 'month_close_append_only'),
            ('change_entry', 'change_entry_append_only')
        ) AS w (relation, name)
        WHERE NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = to_regclass(w.relation)
            AND g.tgname = w.name AND g.tgenabled IN ('O', 'A'))
        UNION ALL
        SELECT g.relname::text, r.name || ' may ' || v.name
        FROM guarded g CROSS JOIN (
            SELECT rolname::text AS name FROM pg_roles
            WHERE rolname IN ('vendomat_hot', 'vendomat_merchant', 'vendomat_auth', 'vendomat_site_owner')
            UNION ALL SELECT 'public') r
        CROSS JOIN unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS v (name)
        WHERE has_table_privilege(r.name, g.oid, v.name)
            OR (v.name = 'UPDATE' AND has_any_column_privilege(r.name, g.oid, v.name))
        UNION ALL
        SELECT rolname::text, 'the role stands above the row-level rules' FROM pg_roles
        WHERE rolname IN ('vendomat_hot', 'vendomat_merchant', 'vendomat_auth', 'vendomat_site_owner')
            AND (rolsuper OR rolbypassrls)
        """,
    ),
)
