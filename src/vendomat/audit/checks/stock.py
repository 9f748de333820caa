"""I11: stock is what was loaded, less what was delivered, with counted adjustments."""

from __future__ import annotations

from vendomat.audit.model import Check, Severity, Source

CHECKS: tuple[Check, ...] = (
    Check(
        "I11.on_hand",
        "A slot's stock is not the sum of its moves",
        "Goods appeared or vanished in the books.",
        """
        SELECT merchant_id, machine_id, slot, s.on_hand, coalesce(m.moved, 0) AS moved FROM stock_slot s FULL JOIN (
            SELECT merchant_id, machine_id, slot,
                sum(CASE kind WHEN 'delivered' THEN -quantity ELSE quantity END) AS moved
            FROM stock_move GROUP BY merchant_id, machine_id, slot) m USING (merchant_id, machine_id, slot)
        WHERE coalesce(s.on_hand, 0) <> coalesce(m.moved, 0)
        """,
    ),
    Check(
        "I11.reserved",
        "A slot's reservations are not the undecided units of open orders",
        "Goods are kept from sale for nobody, or sold twice.",
        """
        SELECT merchant_id, machine_id, slot, s.reserved, coalesce(u.undecided, 0) AS undecided
        FROM stock_slot s FULL JOIN (
            SELECT u.merchant_id, u.machine_id, u.slot, count(*) AS undecided FROM vend_unit u
            JOIN sale_order o ON (o.merchant_id, o.order_id) = (u.merchant_id, u.order_id)
            WHERE NOT u.is_final AND o.ended_at IS NULL AND u.machine_id <> ''
            GROUP BY u.merchant_id, u.machine_id, u.slot) u USING (merchant_id, machine_id, slot)
        WHERE s.reserved IS DISTINCT FROM coalesce(u.undecided, 0)
        """,
    ),
    Check(
        "I11.negative",
        "A slot holds less than nothing",
        "More was sold than was there.",
        """
        SELECT merchant_id, machine_id, slot, on_hand, reserved FROM stock_slot WHERE on_hand < 0 OR reserved < 0
        """,
    ),
    Check(
        "I11.delivered",
        "A unit whose goods came out did not leave the stock exactly once, or another did",
        "Stock and goods do not agree.",
        """
        SELECT merchant_id, order_id, unit, u.outcome, u.finding, u.result, m.quantity, m.moves
        FROM (SELECT * FROM vend_unit WHERE machine_id <> '' AND (outcome = 'delivered' OR finding = 'came_out')) u
        FULL JOIN (
            SELECT merchant_id, order_id, unit, sum(quantity) AS quantity, count(*) AS moves FROM stock_move
            WHERE kind = 'delivered' GROUP BY merchant_id, order_id, unit) m USING (merchant_id, order_id, unit)
        WHERE u.unit IS NULL OR m.moves IS DISTINCT FROM 1
            OR (u.outcome = 'delivered' AND m.quantity <> CASE u.result WHEN 'delivered_double' THEN 2 ELSE 1 END)
            OR m.quantity NOT IN (1, 2)
        """,
    ),
    Check(
        "I11.counted",
        "What lies in the cabinet is not what the books say",
        "Goods that fell unseen, or were declared unknown, show here until somebody counts.",
        """
        SELECT s.machine_id, s.slot, s.on_hand, p.content FROM stock_slot s JOIN (
            SELECT f.machine_id, f.slot, f.count - coalesce((SELECT sum(d.count) FROM audit_physical d
                WHERE d.machine_id = f.machine_id AND d.slot = f.slot AND d.what = 'drop' AND d.line > f.line), 0)
                AS content
            FROM (SELECT DISTINCT ON (machine_id, slot) machine_id, slot, line, count FROM audit_physical
                WHERE what = 'fill' ORDER BY machine_id, slot, line DESC) f) p USING (machine_id, slot)
        WHERE p.content <> s.on_hand
        """,
        frozenset({Source.CABINETS}),
        Severity.NOTICE,
    ),
)
