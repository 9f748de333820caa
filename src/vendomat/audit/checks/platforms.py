"""The payment platforms' own books against ours: what they took is here, what we gave back is there."""

from __future__ import annotations

from vendomat.audit.model import Check, Source

_BOOKS = frozenset({Source.BOOKS})
_COLLECTED = """
    EXISTS (SELECT FROM cooler_visit v WHERE v.state = 'paid' AND b.transaction_id <> ''
        AND (v.channel, v.account, v.transaction_id, v.paid_minor)
            = (b.channel, b.account, b.transaction_id, b.amount_minor))
"""
"""What a platform collected for a visit stands in its books under a number of its own."""
_OURS = """
    SELECT channel, account FROM audit_account
    INTERSECT (SELECT channel, account FROM payment_account UNION SELECT channel, account FROM payment)
"""
"""Accounts that the platform knows and that are ours: others in its books are no business of this audit."""

CHECKS: tuple[Check, ...] = (
    Check(
        "B1.not_captured",
        "The platform took money that is not captured here, or another sum",
        "A buyer paid and the cloud does not know it.",
        f"""
        SELECT b.channel, b.account, b.number, b.amount_minor, b.paid_at, p.order_id, p.state, p.captured_minor
        FROM terms t CROSS JOIN audit_trade b JOIN ({_OURS}) a USING (channel, account)
        LEFT JOIN payment p ON p.payment_id = b.number AND p.channel = b.channel
        WHERE b.is_paid AND p.captured_minor IS DISTINCT FROM b.amount_minor AND NOT {_COLLECTED}
            AND (t.is_at_rest OR p.captured_minor > 0 OR b.paid_at < t.now - t.grace)
        """,
        _BOOKS,
    ),
    Check(
        "B2.not_paid",
        "Captured here, and the platform does not call it paid",
        "Goods were given without money.",
        f"""
        SELECT p.merchant_id, p.order_id, p.payment_id, p.channel, p.captured_minor, b.is_paid
        FROM payment p JOIN ({_OURS}) a USING (channel, account)
        LEFT JOIN audit_trade b ON b.number = p.payment_id AND b.channel = p.channel
        WHERE p.captured_minor > 0 AND NOT coalesce(b.is_paid, false)
        """,
        _BOOKS,
    ),
    Check(
        "B2.visit",
        "A visit is called paid here, and the platform has not collected it",
        "Goods were given without money, and nobody asks for it any more.",
        f"""
        SELECT v.merchant_id, v.visit_id, v.channel, v.paid_minor, v.transaction_id
        FROM cooler_visit v JOIN ({_OURS}) a USING (channel, account)
        WHERE v.state = 'paid' AND NOT EXISTS (SELECT FROM audit_trade b WHERE b.is_paid
            AND (b.channel, b.account, b.transaction_id, b.amount_minor)
                = (v.channel, v.account, v.transaction_id, v.paid_minor))
        """,
        _BOOKS,
    ),
    Check(
        "B3.foreign_refund",
        "The platform gave money back that nobody here asked for, or another sum",
        "Money left the account beside the books.",
        f"""
        SELECT b.channel, b.number, b.refund_number, b.amount_minor, b.state, r.amount_minor AS asked_minor
        FROM audit_refund b JOIN ({_OURS}) a USING (channel, account)
        LEFT JOIN refund r ON r.refund_id = b.refund_number AND r.payment_id = b.number
        WHERE b.state <> 'failed' AND r.amount_minor IS DISTINCT FROM b.amount_minor
        """,
        _BOOKS,
    ),
    Check(
        "B4.refund_unpaid",
        "Called refunded here, and the platform did not pay it",
        "The buyer was told of money that never came.",
        f"""
        SELECT r.merchant_id, r.order_id, r.refund_id, p.channel, r.amount_minor, b.state AS platform_state
        FROM refund r JOIN payment p ON (p.merchant_id, p.payment_id) = (r.merchant_id, r.payment_id)
        JOIN ({_OURS}) a ON (a.channel, a.account) = (p.channel, p.account)
        LEFT JOIN audit_refund b ON b.refund_number = r.refund_id AND b.number = r.payment_id
        WHERE r.state = 'succeeded' AND r.hand_way = '' AND b.state IS DISTINCT FROM 'succeeded'
        """,
        _BOOKS,
    ),
    Check(
        "B5.refund_unknown",
        "The platform paid a refund that is not called done here",
        "The cloud stopped asking before it knew.",
        f"""
        SELECT b.channel, b.refund_number, b.amount_minor, r.order_id, r.state
        FROM audit_refund b JOIN ({_OURS}) a USING (channel, account)
        JOIN refund r ON r.refund_id = b.refund_number AND r.payment_id = b.number
        WHERE b.state = 'succeeded' AND r.state <> 'succeeded' AND r.came_back = ''
        """,
        _BOOKS | {Source.REST},
    ),
    Check(
        "B6.nothing_for_it",
        "Paid at the platform, and neither goods nor money came of all of it",
        "A buyer has lost money, or got goods and money. Goodwill does not count: it comes on top of the goods. Money "
        "paid by hand counts, unless the platform paid it after all, which is a loss that was booked.",
        f"""
        SELECT b.channel, b.number, b.amount_minor, coalesce(u.delivered_minor, 0) AS delivered_minor, p.paid_out_minor,
            coalesce(r.paid_back_minor, 0) AS paid_back_minor
        FROM audit_trade b JOIN ({_OURS}) a USING (channel, account)
        LEFT JOIN payment p ON p.payment_id = b.number AND p.channel = b.channel
        LEFT JOIN (SELECT merchant_id, order_id, sum(price_minor) AS delivered_minor FROM vend_unit
            WHERE outcome = 'delivered' GROUP BY merchant_id, order_id) u
            ON p.is_winning AND (u.merchant_id, u.order_id) = (p.merchant_id, p.order_id)
        LEFT JOIN (SELECT channel, number, sum(amount_minor) AS paid_back_minor FROM audit_refund t
            WHERE state = 'succeeded' AND NOT EXISTS (
                SELECT FROM refund g WHERE g.refund_id = t.refund_number AND g.asked_by <> '')
            GROUP BY channel, number) r ON (r.channel, r.number) = (b.channel, b.number)
        LEFT JOIN (SELECT merchant_id, payment_id, sum(amount_minor) AS by_hand_minor FROM refund
            WHERE hand_way <> '' AND state = 'succeeded' GROUP BY merchant_id, payment_id) h
            ON (h.merchant_id, h.payment_id) = (p.merchant_id, p.payment_id)
        WHERE b.is_paid AND (NOT coalesce(p.is_frozen, false) OR p.verdict = 'given_back') AND NOT {_COLLECTED}
            AND b.amount_minor + coalesce(p.paid_out_minor, 0) NOT IN (
                coalesce(u.delivered_minor, 0) + coalesce(r.paid_back_minor, 0),
                coalesce(u.delivered_minor, 0) + coalesce(r.paid_back_minor, 0) + coalesce(h.by_hand_minor, 0))
        """,
        _BOOKS | {Source.REST},
    ),
)
