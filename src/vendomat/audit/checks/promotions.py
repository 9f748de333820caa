"""I4 for promotions: each discount is explained unit by unit, and no budget gives more, or counts less, than it
has; a coupon counts the orders that hold it."""

from __future__ import annotations

from vendomat.audit.model import Check

_BY_UNIT = """
    SELECT u.merchant_id, u.order_id, (pair ->> 0)::int AS unit, sum((pair ->> 1)::bigint)::bigint AS off_minor
    FROM promotion_use u CROSS JOIN LATERAL jsonb_array_elements(u.units) AS pair GROUP BY 1, 2, 3
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "I4.discount",
        "An order's discount is not what its promotions took off its units",
        "A buyer paid another price than the rules give, or a refund of a unit is not its share.",
        f"""
        SELECT merchant_id, order_id, v.unit, v.off_minor, e.off_minor AS explained_minor
        FROM (SELECT * FROM vend_unit WHERE off_minor > 0) v
        FULL JOIN ({_BY_UNIT}) e USING (merchant_id, order_id, unit)
        WHERE v.off_minor IS DISTINCT FROM e.off_minor
        UNION ALL
        SELECT o.merchant_id, o.order_id, NULL, o.discount_minor, s.off_minor FROM sale_order o
        LEFT JOIN (SELECT merchant_id, order_id, sum(off_minor)::bigint AS off_minor FROM vend_unit GROUP BY 1, 2) s
            USING (merchant_id, order_id)
        WHERE o.discount_minor <> coalesce(s.off_minor, 0)
        UNION ALL
        SELECT u.merchant_id, u.order_id, NULL, u.off_minor, s.off_minor FROM promotion_use u
        CROSS JOIN LATERAL (SELECT coalesce(sum((pair ->> 1)::bigint), 0)::bigint AS off_minor
            FROM jsonb_array_elements(u.units) AS pair) s
        WHERE u.off_minor IS DISTINCT FROM s.off_minor
        """,
    ),
    Check(
        "I4.promotion_use",
        "What a promotion gave to an order is not where the order is",
        "A budget is held for an order that has ended, or was given back for one that was paid.",
        """
        SELECT u.merchant_id, u.order_id, u.promotion_id, u.state, o.state AS order_state
        FROM promotion_use u JOIN sale_order o USING (merchant_id, order_id)
        WHERE u.state <> CASE WHEN o.state = 'awaiting_payment' THEN 'reserved'
            WHEN o.state IN ('expired', 'cancelled') OR u.off_minor = 0 THEN 'released' ELSE 'confirmed' END
            OR u.more_minor > 0 AND u.state = 'confirmed'
        """,
    ),
    Check(
        "I4.promotion_budget",
        "A promotion's budget is overspent, or does not count what it gave",
        "More is given away than the merchant allowed, or less.",
        """
        SELECT p.merchant_id, p.promotion_id, p.taken_minor, p.money_max, s.minor AS given_minor, p.taken_uses,
            p.uses_max, s.uses AS given_uses
        FROM promotion p CROSS JOIN LATERAL (
            SELECT coalesce(sum(u.off_minor + u.more_minor), 0)::bigint AS minor, count(*) AS uses FROM promotion_use u
            WHERE u.merchant_id = p.merchant_id AND u.promotion_id = p.promotion_id AND u.state <> 'released') s
        WHERE p.has_budget AND ((p.taken_minor, p.taken_uses) IS DISTINCT FROM (s.minor, s.uses)
            OR p.taken_minor > p.money_max OR p.taken_uses > p.uses_max)
        """,
    ),
    Check(
        "I4.coupon",
        "A coupon does not count the orders that hold it",
        "It is worth more orders, or fewer, than the merchant issued it for.",
        """
        SELECT c.merchant_id, c.coupon_id, c.taken, c.uses_max, s.held
        FROM coupon c CROSS JOIN LATERAL (
            SELECT count(*) AS held FROM promotion_use u
            WHERE u.merchant_id = c.merchant_id AND u.coupon_id = c.coupon_id AND NOT u.is_coupon_back) s
        WHERE c.taken <> s.held OR c.taken > c.uses_max
        """,
    ),
    Check(
        "I4.coupon_use",
        "An order had a coupon's price without one, or holds one that is not where the order is",
        "Somebody paid less without a coupon, or a buyer's coupon is lost although nothing came out.",
        """
        SELECT u.merchant_id, u.order_id, u.promotion_id, u.coupon_id, u.is_coupon_back, o.state AS order_state
        FROM promotion_use u JOIN sale_order o USING (merchant_id, order_id)
        JOIN promotion p USING (merchant_id, promotion_id)
        LEFT JOIN coupon c USING (merchant_id, coupon_id) LEFT JOIN coupon_batch b USING (merchant_id, batch_id)
        WHERE (coalesce(p.rule ->> 'coupon', '') = '') <> (u.coupon_id IS NULL)
            OR b.promotion_id <> u.promotion_id
            OR u.coupon_id IS NOT NULL AND u.is_coupon_back <> (o.state IN ('expired', 'cancelled')
                OR o.state <> 'awaiting_payment' AND u.off_minor = 0
                OR o.state = 'settled' AND NOT EXISTS (SELECT FROM vend_unit v WHERE v.merchant_id = o.merchant_id
                    AND v.order_id = o.order_id AND v.outcome = 'delivered'))
        """,
    ),
)
