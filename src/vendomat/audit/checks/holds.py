"""I4, for money that is held first: what was delivered is taken, and goods given are paid, or a declared loss."""

from __future__ import annotations

from vendomat.audit.checks.ledger import BY_CLASS
from vendomat.audit.model import Check, Source

HELD_SALES = """
    SELECT p.merchant_id, p.order_id, p.payment_id, p.currency, p.state, p.capture_minor, p.captured_minor,
        p.close_wanted, o.state AS order_state, bool_and(u.is_final) AS is_final,
        coalesce(sum(u.price_minor) FILTER (WHERE u.outcome = 'delivered'), 0) AS delivered_minor
    FROM payment p JOIN sale_order o USING (merchant_id, order_id) JOIN vend_unit u USING (merchant_id, order_id)
    WHERE p.is_winning AND p.is_hold GROUP BY p.merchant_id, p.payment_id, o.merchant_id, o.order_id
"""
"""Orders that were won by a hold, with what was delivered for it."""

CHECKS: tuple[Check, ...] = (
    Check(
        "I4.captured",
        "More is to be taken of a hold than was delivered, or it is wanted before every unit is final",
        "A buyer pays for goods that never came out, or may not have.",
        f"""
        SELECT merchant_id, order_id, payment_id, delivered_minor, capture_minor, captured_minor, is_final
        FROM ({HELD_SALES}) h WHERE capture_minor > 0 AND (NOT is_final OR capture_minor <> delivered_minor)
        """,
    ),
    Check(
        "I4.overtaken",
        "More was taken of a hold than was delivered, and the rest is not asked back",
        "A buyer paid for goods that never came out.",
        f"""
        SELECT h.merchant_id, h.order_id, h.payment_id, h.delivered_minor, h.captured_minor
        FROM ({HELD_SALES}) h WHERE h.is_final AND h.captured_minor > h.delivered_minor AND NOT EXISTS (
            SELECT FROM refund r WHERE r.merchant_id = h.merchant_id AND r.payment_id = h.payment_id
            AND r.ordinal = 1 AND r.amount_minor = h.captured_minor - h.delivered_minor)
        """,
    ),
    Check(
        "I4.hold_settled",
        "An order is settled while its money is only held",
        "Nobody takes the money, or gives it up, any more.",
        f"SELECT merchant_id, order_id, payment_id, state FROM ({HELD_SALES}) h "
        "WHERE order_state = 'settled' AND state = 'held'",
    ),
    Check(
        "I4.hold_forgotten",
        "A hold of which nothing more is wanted is not to be given up, or one whose goods are decided not to be ended",
        "A buyer's money stays reserved for nothing.",
        f"""
        SELECT merchant_id, order_id, payment_id FROM payment
        WHERE state = 'held' AND NOT is_winning AND NOT close_wanted
        UNION ALL
        SELECT merchant_id, order_id, payment_id FROM ({HELD_SALES}) h
        WHERE state = 'held' AND is_final AND NOT close_wanted AND capture_minor = 0
        """,
    ),
    Check(
        "I4.uncollected",
        "Goods were given for a hold, and are neither taken, nor still a claim, nor declared a loss",
        "The merchant's loss does not show in the books, or one shows that is none.",
        f"""
        SELECT h.merchant_id, h.order_id, h.payment_id, h.delivered_minor, h.captured_minor, b.claim_minor,
            b.uncollected_minor
        FROM ({HELD_SALES}) h LEFT JOIN ({BY_CLASS}) b USING (merchant_id, order_id, currency)
        WHERE coalesce(b.claim_minor, 0) <> CASE WHEN h.is_final AND h.state <> 'held' THEN 0
                ELSE h.delivered_minor - h.captured_minor END
            OR coalesce(b.uncollected_minor, 0) <> CASE WHEN h.is_final AND h.state <> 'held'
                THEN greatest(0, h.delivered_minor - h.captured_minor) ELSE 0 END
        UNION ALL
        SELECT b.merchant_id, b.order_id, '', 0, 0, b.claim_minor, b.uncollected_minor FROM ({BY_CLASS}) b
        WHERE (b.claim_minor <> 0 OR b.uncollected_minor <> 0) AND NOT EXISTS (SELECT FROM payment p
            WHERE (p.merchant_id, p.order_id) = (b.merchant_id, b.order_id) AND p.is_winning AND p.is_hold)
        """,
    ),
    Check(
        "L1.hold",
        "Money is held and was neither taken nor given up",
        "A buyer's money stays reserved.",
        "SELECT merchant_id, order_id, payment_id, capture_minor, close_wanted FROM payment WHERE state = 'held'",
        frozenset({Source.REST}),
    ),
)
