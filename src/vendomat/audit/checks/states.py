"""I8: a final state stays. States are recomputed from the evidence and held against those of what belongs to them."""

from __future__ import annotations

from vendomat.audit.checks.refunds import UNDELIVERED
from vendomat.audit.model import Check, Source

_DECIDED = """
    SELECT DISTINCT ON (merchant_id, order_id, unit) merchant_id, order_id, unit, said, entry FROM (
        SELECT merchant_id, order_id, (data ->> 'unit')::int AS unit, entry, CASE kind
            WHEN 'vend.delivered' THEN 'delivered' WHEN 'wallet.credited' THEN 'delivered'
            WHEN 'vend.declared_ambiguous' THEN 'unknown'
            ELSE 'not_delivered' END AS said
        FROM evidence
        WHERE kind IN ('vend.delivered', 'vend.not_delivered', 'vend.declared_ambiguous', 'command.never_sent',
            'vend.called_off', 'wallet.credited')
    ) AS words
    ORDER BY merchant_id, order_id, unit, entry
"""
"""The first deciding word about each unit: whatever came later must not have changed it."""

CHECKS: tuple[Check, ...] = (
    Check(
        "I8.order_again",
        "An order changed after its end, or took one step twice",
        "A settled purchase was opened again.",
        """
        SELECT merchant_id, order_id, string_agg(kind, ', ' ORDER BY entry) AS steps FROM evidence
        WHERE kind IN ('order.paid', 'order.dispensing', 'order.settled', 'order.expired', 'order.cancelled')
        GROUP BY merchant_id, order_id
        HAVING count(*) <> count(DISTINCT kind)
            OR count(*) FILTER (WHERE kind IN ('order.settled', 'order.expired', 'order.cancelled')) > 1
            OR max(entry) FILTER (WHERE kind NOT IN ('order.settled', 'order.expired', 'order.cancelled'))
                > min(entry) FILTER (WHERE kind IN ('order.settled', 'order.expired', 'order.cancelled'))
        """,
    ),
    Check(
        "I8.order_state",
        "An order's state is not the last one its evidence tells",
        "The state was changed beside the evidence.",
        """
        SELECT o.merchant_id, o.order_id, o.state, e.kind AS evidence FROM sale_order o LEFT JOIN (
            SELECT DISTINCT ON (merchant_id, order_id) merchant_id, order_id, kind FROM evidence
            WHERE kind IN ('order.paid', 'order.dispensing', 'order.settled', 'order.expired', 'order.cancelled')
            ORDER BY merchant_id, order_id, entry DESC) e USING (merchant_id, order_id)
        WHERE coalesce(e.kind, 'order.awaiting_payment') <> 'order.' || o.state
        """,
    ),
    Check(
        "I8.unit_state",
        "A unit's final outcome is not the first that its evidence decided",
        "Goods or their absence were booked against the first word, or changed after it.",
        f"""
        SELECT u.merchant_id, u.order_id, u.unit, u.outcome, u.is_final, d.said
        FROM vend_unit u JOIN payment p ON p.merchant_id = u.merchant_id AND p.order_id = u.order_id AND p.is_winning
        LEFT JOIN ({_DECIDED}) d ON (d.merchant_id, d.order_id, d.unit) = (u.merchant_id, u.order_id, u.unit)
        WHERE (u.is_final AND u.outcome IS DISTINCT FROM d.said) OR (NOT u.is_final AND d.said IS NOT NULL)
        """,
    ),
    Check(
        "I8.refund_state",
        "A refund's final state is not what its evidence tells",
        "A refund was called done that was not, or changed after its end. One that was given up may still succeed; one "
        "that a person declined was never asked for, and one that is sent on is open again until it ends anew.",
        """
        SELECT r.merchant_id, r.order_id, r.refund_id, r.state, e.said, e.words FROM refund r LEFT JOIN (
            SELECT merchant_id, order_id, data ->> 'refund_id' AS refund_id,
                string_agg(substr(kind, 8), ' ' ORDER BY entry) AS words,
                (array_agg(CASE kind WHEN 'refund.succeeded' THEN 'succeeded' WHEN 'refund.sent_on' THEN NULL
                    ELSE 'failed' END ORDER BY entry DESC))[1] AS said
            FROM evidence WHERE kind IN ('refund.succeeded', 'refund.given_up', 'refund.never', 'refund.declined',
                'refund.sent_on', 'refund.came_back')
            GROUP BY 1, 2, 3
        ) e USING (merchant_id, order_id, refund_id)
        WHERE e.words !~ ('^(given_up( sent_on given_up)*( sent_on)?( succeeded| came_back)?|succeeded|came_back'
                || '|never( succeeded| came_back)?|declined)$')
            OR e.said IS DISTINCT FROM CASE WHEN r.state IN ('succeeded', 'failed') THEN r.state END
        """,
    ),
    Check(
        "I8.payment_state",
        "A payment's state or amount is not what its evidence tells",
        "Money was called received that was not, or the other way round.",
        """
        SELECT p.merchant_id, p.order_id, p.payment_id, p.state, p.captured_minor, e.paid, e.paid_minor, e.closed
        FROM payment p LEFT JOIN (
            SELECT merchant_id, order_id, data ->> 'payment_id' AS payment_id,
                count(*) FILTER (WHERE kind IN ('payment.paid', 'payment.captured')) AS paid,
                max((data ->> 'amount_minor')::bigint)
                    FILTER (WHERE kind IN ('payment.paid', 'payment.captured')) AS paid_minor,
                count(*) FILTER (WHERE kind IN ('payment.closed', 'payment.refused')) AS closed,
                count(*) FILTER (WHERE kind IN ('payment.released', 'payment.lapsed')) AS let_go,
                count(*) FILTER (WHERE kind = 'payment.held') AS held
            FROM evidence WHERE kind IN ('payment.paid', 'payment.captured', 'payment.closed', 'payment.refused',
                'payment.released', 'payment.lapsed', 'payment.held') GROUP BY 1, 2, 3
        ) e USING (merchant_id, order_id, payment_id)
        WHERE coalesce(e.paid, 0) <> CASE WHEN p.state = 'paid' THEN 1 ELSE 0 END
            OR (p.state = 'paid' AND e.paid_minor <> p.captured_minor)
            OR (p.state = 'closed' AND NOT p.is_hold AND coalesce(e.closed, 0) <> 1)
            OR (p.state = 'closed' AND p.is_hold AND coalesce(e.closed, 0) + coalesce(e.let_go, 0) = 0)
            OR (p.state = 'held' AND coalesce(e.held, 0) <> 1 + coalesce(e.let_go, 0))
        """,
    ),
    Check(
        "I8.settled_early",
        "A settled order with an open unit, without a payment, or with money still owed",
        "The order was called done while a buyer waits.",
        f"""
        SELECT o.merchant_id, o.order_id, w.is_final, w.owed_minor, coalesce(r.paid_back_minor, 0) AS paid_back_minor
        FROM sale_order o LEFT JOIN ({UNDELIVERED}) w USING (merchant_id, order_id)
        LEFT JOIN (SELECT merchant_id, payment_id, sum(amount_minor) AS paid_back_minor FROM refund
            WHERE state = 'succeeded' GROUP BY merchant_id, payment_id) r
            ON (r.merchant_id, r.payment_id) = (w.merchant_id, w.payment_id)
        WHERE o.state = 'settled'
            AND (w.payment_id IS NULL OR NOT w.is_final OR (
                w.owed_minor - w.paid_out_minor > coalesce(r.paid_back_minor, 0) AND NOT EXISTS (
                    SELECT FROM ledger_transaction t WHERE t.merchant_id = w.merchant_id
                    AND t.txn_key = 'recovered:' || w.payment_id)))
        """,
    ),
    Check(
        "I8.ended_open",
        "An expired or cancelled order whose payment is still open or won, or that has a command",
        "Money may still come in, or goods go out, for an order that is over.",
        """
        SELECT o.merchant_id, o.order_id, o.state, p.payment_id, p.state AS payment_state, c.cmd_id
        FROM sale_order o LEFT JOIN payment p ON p.merchant_id = o.merchant_id AND p.order_id = o.order_id
            AND (p.state IN ('created', 'unknown') OR (p.state = 'held' AND NOT p.close_wanted) OR p.is_winning)
        LEFT JOIN command c ON (c.merchant_id, c.order_id) = (o.merchant_id, o.order_id)
        WHERE o.state IN ('expired', 'cancelled') AND (p.payment_id IS NOT NULL OR c.cmd_id IS NOT NULL)
        """,
    ),
    Check(
        "I8.ended_motor",
        "A motor started for an order that was never paid",
        "Goods were given for an order that expired or was cancelled.",
        """
        SELECT o.merchant_id, o.order_id, o.state, r.machine_id, r.cmd_id, r.started_at
        FROM audit_run r JOIN command c ON c.cmd_id = r.cmd_id
        JOIN sale_order o ON (o.merchant_id, o.order_id) = (c.merchant_id, c.order_id)
        WHERE r.starts > 0 AND o.state IN ('awaiting_payment', 'expired', 'cancelled')
        """,
        frozenset({Source.CABINETS}),
    ),
    Check(
        "I8.order_and_payment",
        "An order is paid without a winning payment, or waits although it has one",
        "State and money do not agree.",
        """
        SELECT o.merchant_id, o.order_id, o.state, p.payment_id FROM sale_order o
        LEFT JOIN payment p ON p.merchant_id = o.merchant_id AND p.order_id = o.order_id AND p.is_winning
        WHERE (o.state IN ('paid', 'dispensing') AND p.payment_id IS NULL)
            OR (o.state = 'awaiting_payment' AND p.payment_id IS NOT NULL)
        """,
    ),
    Check(
        "I8.unit_and_command",
        "A unit and its command do not agree about being done, or a unit was given without a command",
        "Either a decided unit may still be sent to the machine, or an open one never will.",
        """
        SELECT u.merchant_id, u.order_id, u.unit, u.outcome, u.is_final, c.cmd_id, c.state AS command_state
        FROM vend_unit u LEFT JOIN command c
            ON (c.merchant_id, c.order_id, c.unit) = (u.merchant_id, u.order_id, u.unit)
        WHERE (c.cmd_id IS NOT NULL AND u.is_final <> (c.state = 'done'))
            OR (c.cmd_id IS NULL AND u.outcome IN ('started', 'delivered', 'unknown') AND u.machine_id <> ''
                AND NOT EXISTS (SELECT FROM sale_order o WHERE (o.merchant_id, o.order_id)
                    = (u.merchant_id, u.order_id) AND o.origin = 'cash'))
        """,
    ),
    Check(
        "I2.switched_off",
        "A payment began through an account that was switched off, more than a minute after that",
        "The merchant had said that nobody may pay this way.",
        """
        SELECT p.merchant_id, p.order_id, p.payment_id, p.channel, p.account, p.created_at, a.off_since
        FROM terms t CROSS JOIN payment p JOIN payment_account a USING (merchant_id, channel, account)
        WHERE NOT a.is_active
            AND (a.off_since IS NULL OR p.created_at > a.off_since + t.clock_skew + interval '1 minute')
        """,
    ),
    Check(
        "I8.stuck",
        "A paid order whose units are all decided, with nothing owed, that did not settle",
        "The order would stay open for ever.",
        f"""
        SELECT o.merchant_id, o.order_id, o.state, w.owed_minor FROM sale_order o
        JOIN ({UNDELIVERED}) w USING (merchant_id, order_id)
        WHERE o.state IN ('paid', 'dispensing') AND w.is_final AND w.owed_minor = 0 AND w.payment_state <> 'held'
        """,
    ),
    Check(
        "I8.delivered_unreported",
        "A unit is booked as delivered although the machine never reported its start",
        "The booking does not rest on the machine's word.",
        """
        SELECT u.merchant_id, u.order_id, u.unit FROM vend_unit u LEFT JOIN (
            SELECT merchant_id, order_id, (data ->> 'unit')::int AS unit FROM evidence
            WHERE source = 'terminal' AND kind = 'vend.started' GROUP BY 1, 2, 3) e USING (merchant_id, order_id, unit)
        WHERE u.outcome = 'delivered' AND u.machine_id <> '' AND e.unit IS NULL AND NOT EXISTS (SELECT FROM sale_order o
            WHERE (o.merchant_id, o.order_id) = (u.merchant_id, u.order_id) AND o.origin = 'cash')
        """,
        frozenset({Source.REST}),
    ),
)
