"""I4 and I8 for profit sharing: what the platform gives to site owners is booked, in bounds, and comes to an end."""

from __future__ import annotations

from vendomat.audit.model import Check

_FUND = "'asset:clearing:' || s.channel || ':' || s.account"
_RENT = "'liab:site_rent:' || s.site_id"
_WAY = "'liab:site_share:' || s.site_id"
_EXPECTED = f"""
    SELECT s.merchant_id, k.key || s.share_id AS txn_key, l.account, s.currency, l.amount_minor
    FROM profit_share s
    CROSS JOIN LATERAL (VALUES
        ('share_planned:', s.duty = 'give', {_RENT}, {_WAY}),
        ('share_end:', s.duty = 'give' AND s.stage = 'succeeded' AND s.closed_at IS NULL, {_WAY}, {_FUND}),
        ('share_end:', s.duty = 'give' AND s.closed_at IS NOT NULL, {_WAY}, {_RENT}),
        ('share_late:', s.duty = 'give' AND s.stage = 'succeeded' AND s.closed_at IS NOT NULL, {_RENT}, {_FUND}),
        ('share_back:', s.duty = 'take_back' AND s.stage = 'succeeded', {_FUND}, {_RENT})
    ) AS k (key, is_booked, debit, credit)
    CROSS JOIN LATERAL (VALUES (k.debit, s.amount_minor), (k.credit, -s.amount_minor)) AS l (account, amount_minor)
    WHERE k.is_booked
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "I4.share",
        "The ledger does not say what became of the shares of site owners",
        "A share is booked twice, not at all, with another amount, or before the platform said that it arrived.",
        f"""
        SELECT merchant_id, txn_key, account, currency, e.amount_minor AS expected_minor, b.amount_minor AS booked_minor
        FROM ({_EXPECTED}) e FULL JOIN (
            SELECT l.merchant_id, l.txn_key, l.account, l.currency, sum(l.amount_minor) AS amount_minor
            FROM ledger_line l WHERE l.txn_key ~ '^share_[a-z]+:' OR l.account LIKE 'liab:site_share:%'
            GROUP BY 1, 2, 3, 4) b USING (merchant_id, txn_key, account, currency)
        WHERE e.amount_minor IS DISTINCT FROM b.amount_minor
        """,
    ),
    Check(
        "I4.share_bounds",
        "A share takes more than it may: of its payment, of its statement, or back from its owner",
        "Money goes to a site's owner that nobody stated, or that the platform was never to give.",
        """
        SELECT s.merchant_id, s.share_id AS subject, s.amount_minor, p.captured_minor AS bound_minor
        FROM profit_share s JOIN payment p USING (merchant_id, payment_id)
        WHERE s.duty = 'give' AND (p.shared_for <> s.site_id OR p.state <> 'paid' OR s.amount_minor > p.captured_minor
            OR (p.channel, p.account, p.transaction_id, p.currency)
                <> (s.channel, s.account, s.transaction_id, s.currency))
        UNION ALL
        SELECT s.merchant_id, s.site_id || ':' || s.position, sum(s.amount_minor)::bigint, t.total_minor
        FROM profit_share s JOIN site_statement t USING (merchant_id, site_id, position)
        WHERE s.duty = 'give' AND (s.stage <> 'closed') GROUP BY s.merchant_id, s.site_id, s.position, t.total_minor
        HAVING sum(s.amount_minor) > t.total_minor
        UNION ALL
        SELECT b.merchant_id, b.of_share, sum(b.amount_minor)::bigint, coalesce(min(s.amount_minor), 0)
        FROM profit_share b LEFT JOIN profit_share s ON s.merchant_id = b.merchant_id AND s.share_id = b.of_share
            AND s.duty = 'give' AND s.stage = 'succeeded' AND s.receiver = b.receiver
        WHERE b.duty = 'take_back' AND b.stage <> 'closed' GROUP BY b.merchant_id, b.of_share
        HAVING sum(b.amount_minor) > coalesce(min(s.amount_minor), 0)
        """,
    ),
    Check(
        "I4.share_plan",
        "The plan of a statement is not what its shares are",
        "A share was added to a plan, or left it, by other means than planning.",
        """
        SELECT merchant_id, site_id, position, round, p.given_minor, h.given_minor AS shares_minor FROM share_plan p
        FULL JOIN (SELECT merchant_id, site_id, position, round, sum(amount_minor)::bigint AS given_minor
            FROM profit_share WHERE duty = 'give' GROUP BY 1, 2, 3, 4) h USING (merchant_id, site_id, position, round)
        WHERE coalesce(p.given_minor, 0) <> coalesce(h.given_minor, 0) OR (p.position IS NULL AND h.given_minor > 0)
        """,
    ),
    Check(
        "I8.share",
        "A share does not end",
        "The platform's time for it is over, and it is still not known whether the owner has the money.",
        """
        SELECT s.merchant_id, s.share_id, s.stage, s.asked_at, s.may_until, s.tries FROM terms t
        CROSS JOIN profit_share s WHERE s.ended_at IS NULL AND s.may_until < t.now - interval '1 day'
        """,
    ),
)
