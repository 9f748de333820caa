"""I3 and I6: nothing goes back that did not come in, and everything that is owed is asked back."""

from __future__ import annotations

from vendomat.audit.model import Check, Severity

UNDELIVERED = """
    SELECT p.merchant_id, p.order_id, p.payment_id, p.currency, p.captured_minor, p.state AS payment_state,
        CASE WHEN NOT p.is_hold
                THEN coalesce(sum(u.price_minor) FILTER (WHERE u.is_final AND u.outcome <> 'delivered'), 0)
            WHEN bool_and(u.is_final) THEN greatest(0, p.captured_minor
                - coalesce(sum(u.price_minor) FILTER (WHERE u.outcome = 'delivered'), 0))
            ELSE 0 END + p.paid_out_minor AS owed_minor, p.paid_out_minor,
        CASE WHEN p.is_hold THEN 0
            ELSE coalesce(sum(u.price_minor) FILTER (WHERE NOT u.is_final), 0) END AS open_minor,
        bool_and(u.is_final) AS is_final
    FROM payment p JOIN vend_unit u ON u.merchant_id = p.merchant_id AND u.order_id = p.order_id
    WHERE p.is_winning GROUP BY p.merchant_id, p.payment_id
"""
"""Per winning payment: what of the sold units is owed back, and what is undecided. Of a hold nothing is owed that was
not taken; what of a top-up left its wallet is."""

LATE = (
    "p.state = 'paid' AND NOT p.is_winning AND p.captured_minor > 0 AND (NOT p.is_frozen OR p.verdict = 'given_back')"
)
"""A payment that came too late or a second time, or that did not fit and goes back: all of it is owed back."""

CHECKS: tuple[Check, ...] = (
    Check(
        "I3.too_much",
        "More was refunded, or asked to be, than was captured",
        "Money of the operator went to a buyer who had not paid it.",
        """
        SELECT p.merchant_id, p.order_id, p.payment_id, p.captured_minor, sum(r.amount_minor) AS refunds_minor
        FROM refund r JOIN payment p ON (p.merchant_id, p.payment_id) = (r.merchant_id, r.payment_id)
        WHERE r.state <> 'failed' AND r.hand_way = ''
        GROUP BY p.merchant_id, p.payment_id HAVING sum(r.amount_minor) > p.captured_minor
        """,
    ),
    Check(
        "I3.by_hand",
        "Money paid by hand that no refund given up called for, twice, of another sum, or without a word",
        "Money left by a way that no platform's books show, and nobody answers for it.",
        """
        SELECT r.merchant_id, r.order_id, r.refund_id, r.amount_minor, r.hand_way, r.recorded_by, r.approved_by
        FROM refund r WHERE r.hand_way <> '' AND (r.asked_by <> '' OR r.recorded_by IN ('', r.approved_by)
            OR NOT EXISTS (SELECT FROM refund g
                WHERE (g.merchant_id, g.payment_id) = (r.merchant_id, r.payment_id) AND g.ordinal < r.ordinal
                AND g.asked_by = '' AND g.hand_way = '' AND g.amount_minor = r.amount_minor AND g.ended_at IS NOT NULL)
            OR EXISTS (SELECT FROM refund d WHERE (d.merchant_id, d.payment_id) = (r.merchant_id, r.payment_id)
                AND d.hand_way <> '' AND d.ordinal <> r.ordinal AND d.state <> 'failed' AND r.state <> 'failed')
            OR NOT EXISTS (SELECT FROM evidence e WHERE (e.merchant_id, e.order_id) = (r.merchant_id, r.order_id)
                AND e.kind = 'refund.by_hand' AND e.source = 'operator' AND e.data ->> 'by' = r.recorded_by
                AND e.data ->> 'reason' <> ''))
        """,
    ),
    Check(
        "I3.sent_on",
        "A refund came back to the merchant and is called paid, was sent on without a person's word, or asked for anew",
        "The merchant has the buyer's money, and nobody owes it, or it went where one person alone sent it.",
        """
        SELECT r.merchant_id, r.order_id, r.refund_id, r.state, r.came_back, r.send_asked_by FROM refund r
        WHERE (r.came_back <> '' AND (r.state <> 'failed' OR NOT EXISTS (
                SELECT FROM evidence e WHERE (e.merchant_id, e.order_id) = (r.merchant_id, r.order_id)
                AND e.kind = 'refund.came_back' AND e.data ->> 'refund_id' = r.refund_id)
            OR EXISTS (SELECT FROM refund n WHERE (n.merchant_id, n.payment_id) = (r.merchant_id, r.payment_id)
                AND n.ordinal > r.ordinal AND n.hand_way = '' AND n.asked_by = '' AND n.requested_at >= r.ended_at)))
            OR EXISTS (SELECT FROM evidence e WHERE (e.merchant_id, e.order_id) = (r.merchant_id, r.order_id)
                AND e.kind = 'refund.sent_on' AND e.data ->> 'refund_id' = r.refund_id
                AND (e.source <> 'operator' OR e.data ->> 'by' = '' OR e.data ->> 'reason' = ''))
        """,
    ),
    Check(
        "I3.verdict",
        "Money that did not fit its order goes back although nobody decided so",
        "An unexplained sum was given away by a program.",
        """
        SELECT r.merchant_id, r.order_id, r.refund_id, r.amount_minor, p.verdict
        FROM refund r JOIN payment p ON (p.merchant_id, p.payment_id) = (r.merchant_id, r.payment_id)
        WHERE p.is_frozen AND p.verdict <> 'given_back'
        """,
    ),
    Check(
        "I3.no_capture",
        "A refund of a payment that never came in, or of another order",
        "Money went out, or may, that was never received.",
        """
        SELECT r.merchant_id, r.order_id, r.refund_id, r.payment_id, r.amount_minor, p.state AS payment_state,
            p.order_id AS payment_order_id
        FROM refund r LEFT JOIN payment p ON (p.merchant_id, p.payment_id) = (r.merchant_id, r.payment_id)
        WHERE p.payment_id IS NULL OR p.state <> 'paid' OR p.captured_minor = 0 OR p.order_id <> r.order_id
        """,
    ),
    Check(
        "I3.number",
        "A refund number, or a refund's place, is used twice",
        "A repeated call could pay out twice: a platform tells refunds apart by their number only.",
        """
        SELECT merchant_id, refund_id, payment_id, ordinal, number_uses, place_uses FROM (
            SELECT merchant_id, refund_id, payment_id, ordinal,
                count(*) OVER (PARTITION BY refund_id) AS number_uses,
                count(*) OVER (PARTITION BY merchant_id, payment_id, ordinal) AS place_uses
            FROM refund) AS used
        WHERE number_uses > 1 OR place_uses > 1
        """,
    ),
    Check(
        "I3.ordinals",
        "A payment's refunds are not numbered one by one, or a later one was made while an earlier may still pay",
        "A second number beside a living first one could pay out twice.",
        """
        SELECT merchant_id, payment_id, refund_id, ordinal, earlier, earlier_failed FROM (
            SELECT merchant_id, payment_id, refund_id, ordinal, reason,
                count(*) OVER before AS earlier,
                count(*) FILTER (WHERE state IN ('failed', 'succeeded')) OVER before AS earlier_failed
            FROM refund
            WINDOW before AS (PARTITION BY merchant_id, payment_id ORDER BY ordinal
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS numbered
        WHERE ordinal <> earlier + 1 OR earlier_failed <> earlier
        """,
    ),
    Check(
        "I3.amount",
        "The first refund is not exactly what is owed",
        "The buyer got more or less back than was not delivered (all of it, for a late or second payment).",
        f"""
        SELECT r.merchant_id, r.order_id, r.refund_id, r.amount_minor,
            coalesce(w.owed_minor, p.captured_minor) AS owed_minor, w.is_final AS units_final
        FROM refund r JOIN payment p ON (p.merchant_id, p.payment_id) = (r.merchant_id, r.payment_id)
        LEFT JOIN ({UNDELIVERED}) w ON (w.merchant_id, w.payment_id) = (p.merchant_id, p.payment_id)
        WHERE r.ordinal = 1 AND r.asked_by = '' AND p.state = 'paid'
            AND (r.amount_minor <> coalesce(w.owed_minor, p.captured_minor) OR NOT coalesce(w.is_final, true))
        """,
    ),
    Check(
        "I3.goodwill",
        "Goodwill before the order was over, of a payment that did not win, of a code or top-up, or let go alone",
        "One person alone could pay money out, or pay what is not known to be left.",
        """
        SELECT r.merchant_id, r.order_id, r.refund_id, r.amount_minor, r.asked_by, r.approved_by, r.requested_at,
            o.state AS order_state, o.ended_at, p.is_winning, p.channel
        FROM refund r JOIN payment p ON (p.merchant_id, p.payment_id) = (r.merchant_id, r.payment_id)
        JOIN sale_order o ON (o.merchant_id, o.order_id) = (r.merchant_id, r.order_id)
        WHERE r.asked_by <> '' AND (o.state <> 'settled' OR r.requested_at < o.ended_at OR NOT p.is_winning
            OR p.channel IN ('code', 'cash') OR o.origin = 'top_up' OR r.approved_by = r.asked_by)
        """,
    ),
    Check(
        "I3.held",
        "A refund was held for a person, and went without one's word",
        "A cap on refunds holds nobody back. A platform that had the number before it was held may have paid it.",
        """
        SELECT r.merchant_id, r.order_id, r.refund_id, r.state, r.amount_minor FROM refund r
        WHERE r.approved_by = '' AND r.state NOT IN ('held', 'failed') AND EXISTS (
            SELECT FROM evidence e WHERE (e.merchant_id, e.order_id) = (r.merchant_id, r.order_id)
            AND e.kind = 'refund.held' AND e.data ->> 'refund_id' = r.refund_id)
        """,
        severity=Severity.NOTICE,
    ),
    Check(
        "I6.not_asked",
        "Paid, not delivered, every unit final, and no refund",
        "A buyer's money is kept without goods.",
        f"""
        SELECT w.merchant_id, w.order_id, w.payment_id, w.owed_minor
        FROM ({UNDELIVERED}) w WHERE w.is_final AND w.owed_minor > 0 AND NOT EXISTS (
            SELECT FROM refund r
            WHERE r.merchant_id = w.merchant_id AND r.payment_id = w.payment_id AND r.asked_by = '')
        UNION ALL
        SELECT p.merchant_id, p.order_id, p.payment_id, p.captured_minor
        FROM payment p WHERE {LATE} AND NOT EXISTS (
            SELECT FROM refund r WHERE r.merchant_id = p.merchant_id AND r.payment_id = p.payment_id)
        """,
    ),
    Check(
        "I6.old_refund",
        "A refund has been under way for long",
        "A buyer is waiting for money; ask the platform.",
        """
        SELECT r.merchant_id, r.order_id, r.refund_id, r.state, r.amount_minor, r.error, r.requested_at
        FROM terms t CROSS JOIN refund r
        WHERE r.ended_at IS NULL AND r.requested_at < t.now - t.refund_age ORDER BY r.requested_at
        """,
        severity=Severity.NOTICE,
    ),
    Check(
        "I6.given_up",
        "A platform gave a refund up and no later one follows",
        "The buyer's money is still here; a person has to decide on the next attempt.",
        """
        SELECT r.merchant_id, r.order_id, r.refund_id, r.amount_minor, r.error, r.ended_at FROM refund r
        WHERE r.state = 'failed' AND r.asked_by = '' AND NOT EXISTS (SELECT FROM refund n
            WHERE n.merchant_id = r.merchant_id AND n.payment_id = r.payment_id AND n.asked_by = ''
            AND (n.ordinal > r.ordinal OR n.state = 'succeeded'))
        """,
        severity=Severity.NOTICE,
    ),
    Check(
        "I6.old_command",
        "A command has had no end for long",
        "A buyer has paid and neither goods nor refund are decided.",
        """
        SELECT c.merchant_id, c.order_id, c.unit, c.cmd_id, c.state, c.queued_at
        FROM terms t CROSS JOIN command c
        WHERE c.state <> 'done' AND greatest(c.queued_at, c.nonce_at) < t.now - t.command_age ORDER BY c.queued_at
        """,
        severity=Severity.NOTICE,
    ),
)
