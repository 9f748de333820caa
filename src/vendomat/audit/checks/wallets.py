"""I2, I4 and I6 for stored money: a wallet is its account in the ledger, never below nothing, and pays for goods."""

from __future__ import annotations

from vendomat.audit.model import Check

_OF_WALLETS = """
    SELECT merchant_id, txn_key, substr(account, length('liab:wallet:') + 1) AS member_id, currency,
        -amount_minor AS amount_minor
    FROM ledger_line WHERE account LIKE 'liab:wallet:%'
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "I2.top_up",
        "Stored money that is not the one unit of a top-up, or a top-up that asks a machine for goods",
        "Money could be stored without having been paid, or goods given for it.",
        """
        SELECT merchant_id, order_id, o.origin, o.total_minor, u.units, u.stored, u.stored_minor, c.cmd_id
        FROM sale_order o LEFT JOIN (SELECT merchant_id, order_id, count(*) AS units,
                count(*) FILTER (WHERE machine_id = '') AS stored, sum(price_minor) AS stored_minor
            FROM vend_unit GROUP BY merchant_id, order_id) u USING (merchant_id, order_id)
        LEFT JOIN command c USING (merchant_id, order_id)
        WHERE CASE WHEN o.origin = 'top_up' THEN (u.units, u.stored, u.stored_minor) IS DISTINCT FROM
            (1::bigint, 1::bigint, o.total_minor::numeric) OR c.cmd_id IS NOT NULL ELSE u.stored > 0 END
        """,
    ),
    Check(
        "I2.member_code",
        "One member code stands for a payment that is not that member's, or not a paid one",
        "Money was taken from a wallet whose member did not show a code for it.",
        """
        SELECT m.merchant_id, m.serial, m.member_id, m.payment_id, p.channel, p.account, p.state
        FROM member_code m LEFT JOIN payment p USING (merchant_id, payment_id)
        WHERE m.payment_id <> '' AND (p.channel, p.account, p.state) IS DISTINCT FROM ('wallet', m.member_id, 'paid')
        """,
    ),
    Check(
        "I4.wallet",
        "A wallet's balance is not its account in the ledger, or is less than nothing",
        "A member could spend what is not there, or not spend what is.",
        f"""
        SELECT merchant_id, member_id, currency, w.balance_minor, l.amount_minor AS booked_minor
        FROM wallet w FULL JOIN (SELECT merchant_id, member_id, currency, sum(amount_minor) AS amount_minor
            FROM ({_OF_WALLETS}) b GROUP BY merchant_id, member_id, currency) l USING (merchant_id, member_id, currency)
        WHERE w.balance_minor IS DISTINCT FROM coalesce(l.amount_minor, 0) OR w.balance_minor < 0
        """,
    ),
    Check(
        "I4.wallet_entries",
        "A member's statement is not what the ledger says, line by line, or its running balance has a break",
        "The member is shown another story than the books.",
        f"""
        SELECT merchant_id, member_id, txn_key, e.entry, e.amount_minor, e.balance_minor, b.amount_minor AS booked_minor
        FROM (SELECT *, coalesce(lag(balance_minor) OVER entries, 0) AS before,
                row_number() OVER entries AS place FROM wallet_entry
            WINDOW entries AS (PARTITION BY merchant_id, member_id ORDER BY entry)) e
        FULL JOIN ({_OF_WALLETS}) b USING (merchant_id, member_id, txn_key)
        WHERE e.amount_minor IS DISTINCT FROM b.amount_minor OR e.balance_minor < 0 OR e.place <> e.entry
            OR e.balance_minor <> e.before + e.amount_minor
        """,
    ),
    Check(
        "I4.wallet_payout",
        "A pay-out of a wallet is not what its top-ups and the rest by hand add up to, or nobody answers for it",
        "Stored money left a wallet without going back to who had stored it.",
        """
        SELECT merchant_id, payout_id, w.member_id, w.state, w.amount_minor, w.by_hand_minor, b.back_minor, b.strangers
        FROM wallet_payout w FULL JOIN (
            SELECT p.merchant_id, e.data ->> 'payout_id' AS payout_id, sum(p.paid_out_minor) AS back_minor,
                count(*) FILTER (WHERE e.source <> 'operator' OR e.data ->> 'by' = ''
                    OR (e.data ->> 'amount_minor')::bigint <> p.paid_out_minor) AS strangers
            FROM payment p LEFT JOIN evidence e ON (e.merchant_id, e.order_id, e.kind)
                = (p.merchant_id, p.order_id, 'wallet.paid_out') AND e.data ->> 'payment_id' = p.payment_id
            WHERE p.paid_out_minor > 0 GROUP BY p.merchant_id, e.data ->> 'payout_id') b USING (merchant_id, payout_id)
        WHERE w.payout_id IS NULL OR b.strangers > 0 OR w.amount_minor - w.by_hand_minor
                <> CASE WHEN w.state = 'done' THEN coalesce(b.back_minor, 0) ELSE w.amount_minor - w.by_hand_minor END
            OR (w.state <> 'done' AND b.back_minor > 0)
            OR (w.state = 'done' AND w.decided_by = '')
        """,
    ),
    Check(
        "I6.wallet_waits",
        "A payment from a wallet that is neither paid nor ended, or a refund to one that is not done",
        "Nobody outside has to be asked for them, so nothing would ever end them.",
        """
        SELECT p.merchant_id, p.order_id, p.payment_id, p.state, r.refund_id, r.state AS refund_state
        FROM payment p LEFT JOIN refund r ON (r.merchant_id, r.payment_id) = (p.merchant_id, p.payment_id)
            AND r.state <> 'succeeded' AND (r.asked_by = '' OR r.state NOT IN ('held', 'failed'))
        WHERE p.channel = 'wallet' AND (p.state NOT IN ('paid', 'closed') OR r.refund_id IS NOT NULL)
        """,
    ),
)
