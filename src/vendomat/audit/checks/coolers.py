"""I1, I2, I4, I8 and I11 for coolers: no door on a promise, no bill but for what was taken, no visit for ever."""

from __future__ import annotations

from vendomat.audit.model import Check, Source

_CABINETS = frozenset({Source.CABINETS})

_GOODS = """
    SELECT merchant_id, visit_id, sum(taken * price_minor)::bigint AS taken_minor,
        sum(given * price_minor)::bigint AS given_minor
    FROM cooler_good GROUP BY merchant_id, visit_id
"""
_EXPECTED = f"""
    SELECT v.merchant_id, v.visit_id, l.class, l.amount_minor FROM cooler_visit v
    JOIN ({_GOODS}) g USING (merchant_id, visit_id)
    CROSS JOIN LATERAL (VALUES
        ('income', -g.given_minor - CASE WHEN v.state IN ('collecting', 'lowering', 'written_off', 'paid')
            THEN v.owed_minor ELSE 0 END),
        ('asset:receivable:' || v.channel || ':' || v.account,
            CASE WHEN v.state IN ('collecting', 'lowering') THEN v.owed_minor ELSE 0 END),
        ('asset:clearing:' || v.channel || ':' || v.account,
            CASE WHEN v.state = 'paid' THEN v.paid_minor ELSE 0 END),
        ('expense:bad_debt', CASE WHEN v.state = 'written_off' THEN v.owed_minor ELSE 0 END),
        ('expense:cooler_loss', g.given_minor)) AS l (class, amount_minor)
    WHERE l.amount_minor <> 0
"""
_BOOKED = """
    SELECT t.merchant_id, t.order_id AS visit_id,
        CASE WHEN l.account = 'income:sales:' || t.merchant_id THEN 'income' ELSE l.account END AS class,
        sum(l.amount_minor) AS amount_minor
    FROM ledger_transaction t JOIN ledger_line l USING (merchant_id, txn_key)
    WHERE t.txn_key ~ '^visit(_[a-z]+)?:' GROUP BY 1, 2, 3 HAVING sum(l.amount_minor) <> 0
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "I2.door",
        "A cooler's door was commanded, or opened, without the platform's word for the buyer",
        "Goods may have been taken that nobody has to pay.",
        """
        SELECT v.merchant_id, v.visit_id, v.machine_id, v.cmd_id, v.state FROM cooler_visit v
        WHERE v.cmd_id <> '' AND NOT EXISTS (SELECT FROM evidence e WHERE e.merchant_id = v.merchant_id
            AND e.order_id = v.visit_id AND e.source = 'platform' AND e.kind = 'visit.vouched'
            AND e.at <= v.queued_at)
        UNION ALL
        SELECT '', '', p.machine_id, p.cmd_id, 'no visit' FROM audit_physical p
        WHERE p.what = 'release' AND p.is_before
            AND NOT EXISTS (SELECT FROM cooler_visit v WHERE v.cmd_id = p.cmd_id AND v.machine_id = p.machine_id)
        """,
    ),
    Check(
        "I1.door",
        "A cooler's lock was released more than once for one command",
        "Somebody else may have helped themselves.",
        """
        SELECT machine_id, cmd_id, count(*) AS releases FROM audit_physical WHERE what = 'release'
        GROUP BY machine_id, cmd_id HAVING count(*) > 1
        """,
        _CABINETS,
    ),
    Check(
        "I4.visit_bill",
        "A visit is charged another sum than its recognised goods cost at the prices of its start",
        "The buyer pays for what they did not take, or was not told.",
        f"""
        SELECT v.merchant_id, v.visit_id, v.state, g.taken_minor, v.ceiling_minor, v.owed_minor, v.lower_minor
        FROM cooler_visit v JOIN ({_GOODS}) g USING (merchant_id, visit_id)
        WHERE CASE WHEN v.state = 'lowering' THEN v.lower_minor ELSE v.owed_minor END
            <> CASE WHEN v.state IN ('completing', 'collecting', 'lowering', 'written_off', 'paid')
                THEN least(g.taken_minor, v.ceiling_minor) ELSE 0 END
            AND NOT (v.state = 'paid' AND EXISTS (SELECT FROM evidence e WHERE (e.merchant_id, e.order_id)
                = (v.merchant_id, v.visit_id) AND e.kind = 'visit.recounted') AND v.owed_minor > g.taken_minor)
        """,
    ),
    Check(
        "I4.visit",
        "The ledger does not say what visits say",
        "The receivable must be what was completed and not collected; nothing else is owed, earned or lost.",
        f"""
        SELECT merchant_id, visit_id, class, e.amount_minor AS expected_minor, b.amount_minor AS booked_minor
        FROM ({_EXPECTED}) e FULL JOIN ({_BOOKED}) b USING (merchant_id, visit_id, class)
        WHERE e.amount_minor IS DISTINCT FROM b.amount_minor
        """,
    ),
    Check(
        "I8.visit",
        "A visit does not end",
        "Its buyer does not know what they owe, or its platform was never told.",
        """
        SELECT v.merchant_id, v.visit_id, v.state, v.created_at, v.tries FROM terms t CROSS JOIN cooler_visit v
        WHERE v.state IN ('asked', 'offered', 'opening', 'completing', 'cancelling', 'lowering')
            AND (t.is_at_rest OR v.created_at < t.now - interval '2 hours')
        """,
    ),
    Check(
        "I11.visit",
        "What a visit took did not leave the stock, or other goods did",
        "Stock and goods do not agree.",
        """
        SELECT merchant_id, visit_id, slot, g.pieces, m.moved FROM (
            SELECT merchant_id, visit_id, slot, taken + given AS pieces FROM cooler_good WHERE taken + given > 0) g
        FULL JOIN (SELECT merchant_id, order_id AS visit_id, slot, -sum(quantity) AS moved FROM stock_move
            WHERE kind = 'taken' GROUP BY 1, 2, 3 HAVING sum(quantity) <> 0) m USING (merchant_id, visit_id, slot)
        WHERE g.pieces IS DISTINCT FROM m.moved
        """,
    ),
)
