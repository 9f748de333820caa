"""I1 and I2: the motor starts at most once per command, and only on a right that stood before."""

from __future__ import annotations

from vendomat.audit.model import Check, Source

_CABINETS = frozenset({Source.CABINETS})

CHECKS: tuple[Check, ...] = (
    Check(
        "I1.starts",
        "A motor started more than once for one command",
        "Goods may have been given twice for one payment.",
        """
        SELECT cmd_id, string_agg(DISTINCT machine_id, ', ') AS machines, count(*) AS starts,
            min(at) AS first_at, max(at) AS last_at
        FROM audit_physical WHERE what = 'start' GROUP BY cmd_id HAVING count(*) > 1
        """,
        _CABINETS,
    ),
    Check(
        "I1.drops",
        "More goods fell than were reported",
        "Goods left the machine that stock and ledger do not know. Two are right only when two were reported, "
        "or when the unit was declared unknown.",
        """
        SELECT r.machine_id, r.cmd_id, u.order_id, u.unit, r.drops, u.outcome, u.result
        FROM terms t CROSS JOIN audit_run r
        LEFT JOIN machine m ON m.machine_id = r.machine_id
        LEFT JOIN command c ON c.merchant_id = m.merchant_id AND c.cmd_id = r.cmd_id
        LEFT JOIN vend_unit u ON (u.merchant_id, u.order_id, u.unit) = (c.merchant_id, c.order_id, c.unit)
        WHERE r.drops > 1 AND (u.unit IS NULL OR NOT (
            (u.result = 'delivered_double' AND r.drops = 2) OR u.outcome = 'unknown'
            OR (NOT u.is_final AND NOT t.is_at_rest)))
        """,
        _CABINETS,
    ),
    Check(
        "I1.commands",
        "A unit has more than one command",
        "Each command may turn a motor: one sold unit could be given twice.",
        """
        SELECT merchant_id, order_id, unit, count(*) AS commands FROM command
        GROUP BY merchant_id, order_id, unit HAVING count(*) > 1
        """,
    ),
    Check(
        "I1.place",
        "A motor started in another machine or slot than its command names",
        "The buyer got other goods than were paid for, or none.",
        """
        SELECT r.machine_id, r.slot, r.cmd_id, c.machine_id AS command_machine_id, c.slot AS command_slot, c.order_id
        FROM audit_run r JOIN command c ON c.cmd_id = r.cmd_id
        WHERE r.starts > 0 AND (c.machine_id, c.slot) <> (r.machine_id, r.slot)
        """,
        _CABINETS,
    ),
    Check(
        "I2.no_command",
        "A motor started without a command of the cloud",
        "Goods were given that nobody paid for.",
        """
        SELECT r.machine_id, r.slot, r.cmd_id, r.started_at, r.drops
        FROM audit_run r LEFT JOIN command c ON c.cmd_id = r.cmd_id
        WHERE r.is_before AND c.cmd_id IS NULL
        """,
        _CABINETS,
    ),
    Check(
        "I2.unpaid",
        "A command without a winning payment of the whole order",
        "Goods are given, or may be, that were not paid for.",
        """
        SELECT c.merchant_id, c.order_id, c.unit, c.cmd_id, c.state, o.total_minor, p.captured_minor
        FROM command c JOIN sale_order o ON (o.merchant_id, o.order_id) = (c.merchant_id, c.order_id)
        LEFT JOIN payment p ON p.merchant_id = c.merchant_id AND p.order_id = c.order_id
            AND p.is_winning AND (p.state = 'paid' OR p.is_hold) AND p.currency = o.currency
        WHERE p.payment_id IS NULL OR (p.captured_minor < o.total_minor AND NOT EXISTS (
            SELECT FROM evidence e WHERE p.is_hold AND (e.merchant_id, e.order_id) = (p.merchant_id, p.order_id)
            AND e.kind = 'payment.held' AND e.data ->> 'payment_id' = p.payment_id
            AND (e.data ->> 'amount_minor')::bigint >= o.total_minor))
        """,
    ),
    Check(
        "I2.paid_later",
        "A motor started before its payment was booked",
        "Goods were given on a promise.",
        """
        SELECT r.machine_id, r.cmd_id, c.order_id, r.started_at, l.posted_at AS booked_at
        FROM terms t CROSS JOIN audit_run r JOIN command c ON c.cmd_id = r.cmd_id
        JOIN payment p ON p.merchant_id = c.merchant_id AND p.order_id = c.order_id AND p.is_winning
        JOIN (SELECT merchant_id, txn_key, posted_at FROM ledger_transaction UNION ALL
            SELECT merchant_id, 'held:' || (data ->> 'payment_id'), at FROM evidence WHERE kind = 'payment.held'
        ) l ON l.merchant_id = p.merchant_id
            AND l.txn_key = CASE WHEN p.is_hold THEN 'held:' ELSE 'paid:' END || p.payment_id
        WHERE r.started_at + t.clock_skew < l.posted_at
        """,
        _CABINETS,
    ),
    Check(
        "I2.reversed",
        "Goods for a charge that was refused, or that the platform had been told to reverse",
        "Goods may have been given for money that went back.",
        """
        SELECT p.merchant_id, p.order_id, p.payment_id, e.kind, e.at
        FROM payment p JOIN evidence e ON (e.merchant_id, e.order_id) = (p.merchant_id, p.order_id)
            AND e.data ->> 'payment_id' = p.payment_id
        WHERE p.is_winning AND e.kind IN ('payment.reversing', 'payment.refused')
        """,
    ),
    Check(
        "I2.code_twice",
        "One pickup code paid for more than one order",
        "Goods were given twice for one code.",
        """
        SELECT o.merchant_id, o.code_id, count(*) AS orders, string_agg(o.order_id, ', ') AS order_ids
        FROM sale_order o JOIN payment p ON p.merchant_id = o.merchant_id AND p.order_id = o.order_id
            AND p.is_winning AND p.channel = 'code'
        WHERE o.code_id <> '' AND p.captured_minor > (
            SELECT coalesce(sum(r.amount_minor), 0) FROM refund r
            WHERE r.merchant_id = p.merchant_id AND r.payment_id = p.payment_id AND r.state = 'succeeded')
        GROUP BY o.merchant_id, o.code_id HAVING count(*) > 1
        """,
    ),
)
