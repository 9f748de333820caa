"""I5, I8: what was found out about a unit later. An ambiguity ends once, by evidence; goods given away are a loss."""

from __future__ import annotations

from vendomat.audit.model import Check

_SAID = """
    SELECT merchant_id, order_id, (data ->> 'unit')::int AS unit, entry, source, CASE kind
        WHEN 'vend.delivered' THEN 'came_out' WHEN 'vend.not_delivered' THEN 'stayed_in'
        ELSE data ->> 'finding' END AS said
    FROM evidence WHERE kind IN ('vend.delivered', 'vend.not_delivered', 'vend.resolved')
"""

_FINAL_AT = """
    SELECT merchant_id, order_id, (data ->> 'unit')::int AS unit, min(entry) AS entry FROM evidence
    WHERE kind IN ('vend.delivered', 'vend.not_delivered', 'vend.declared_ambiguous', 'command.never_sent')
    GROUP BY 1, 2, 3
"""
"""The word that made each unit final; what comes after it is a finding."""

CHECKS: tuple[Check, ...] = (
    Check(
        "I5.late_goods",
        "The machine reported goods after the money went back, and no loss was declared",
        "Goods are gone without any account saying so.",
        f"""
        SELECT u.merchant_id, u.order_id, u.unit, u.outcome, u.finding, s.entry FROM vend_unit u
        JOIN ({_FINAL_AT}) f USING (merchant_id, order_id, unit)
        JOIN ({_SAID}) s ON (s.merchant_id, s.order_id, s.unit) = (u.merchant_id, u.order_id, u.unit)
            AND s.entry > f.entry
        WHERE s.said = 'came_out' AND s.source = 'terminal' AND u.is_final AND u.outcome <> 'delivered'
            AND u.finding <> 'came_out'
        """,
    ),
    Check(
        "I8.finding",
        "A unit's finding rests on no evidence, or on a unit that is not final or was delivered",
        "Somebody decided about goods without a trace.",
        f"""
        SELECT u.merchant_id, u.order_id, u.unit, u.outcome, u.is_final, u.finding FROM vend_unit u
        LEFT JOIN ({_FINAL_AT}) f USING (merchant_id, order_id, unit)
        WHERE u.finding <> 'none' AND (NOT u.is_final OR u.outcome = 'delivered'
            OR (u.outcome = 'not_delivered' AND u.finding <> 'came_out') OR NOT EXISTS (SELECT FROM ({_SAID}) s
                WHERE (s.merchant_id, s.order_id, s.unit) = (u.merchant_id, u.order_id, u.unit)
                AND s.entry > f.entry AND s.said = u.finding))
        """,
    ),
    Check(
        "I8.nameless",
        "A person's word about a unit without a name or without a reason",
        "Nobody answers for it.",
        """
        SELECT merchant_id, order_id, entry, data::text AS said FROM evidence
        WHERE kind IN ('vend.resolved', 'slot.unlocked') AND (source <> 'operator'
            OR coalesce(data ->> 'operator_id', '') = '' OR coalesce(btrim(data ->> 'reason'), '') = '')
        """,
    ),
    Check(
        "I4.ambiguities",
        "The list of ambiguous units is not the units that ended unknown, or says another finding or sum",
        "An ambiguity would be forgotten, or counted that is none.",
        """
        SELECT merchant_id, order_id, unit, u.outcome, u.is_final, u.finding, a.finding AS listed_finding,
            u.price_minor, a.price_minor AS listed_minor
        FROM (SELECT * FROM vend_unit WHERE is_final AND outcome = 'unknown') u
        FULL JOIN ambiguity a USING (merchant_id, order_id, unit)
        WHERE (u.finding, u.price_minor, u.machine_id, u.slot) IS DISTINCT FROM
            (a.finding, a.price_minor, a.machine_id, a.slot)
        """,
    ),
    Check(
        "I4.machine_ambiguity",
        "A machine's sum on the account of ambiguities is not that of its unresolved units",
        "The account of ambiguities cannot be trusted machine by machine.",
        """
        SELECT merchant_id, machine_id, b.booked_minor, u.open_minor FROM (
            SELECT o.merchant_id, o.machine_id, sum(l.amount_minor) AS booked_minor
            FROM ledger_line l JOIN ledger_transaction t USING (merchant_id, txn_key)
            JOIN sale_order o ON (o.merchant_id, o.order_id) = (t.merchant_id, t.order_id)
            WHERE l.account = 'memo:ambiguous' GROUP BY o.merchant_id, o.machine_id) b
        FULL JOIN (SELECT merchant_id, machine_id, sum(price_minor) AS open_minor FROM vend_unit
            WHERE is_final AND outcome = 'unknown' AND finding IN ('none', 'not_knowable')
            GROUP BY merchant_id, machine_id) u USING (merchant_id, machine_id)
        WHERE coalesce(b.booked_minor, 0) <> coalesce(u.open_minor, 0)
        """,
    ),
    Check(
        "I11.locked",
        "A slot is locked and no open alarm says so",
        "Goods are kept from sale and nobody is told to look.",
        """
        SELECT s.merchant_id, s.machine_id, s.slot FROM stock_slot s WHERE s.closed_reason = 'locked'
            AND NOT EXISTS (SELECT FROM alarm a WHERE a.kind = 'slot_locked' AND a.state <> 'cleared'
                AND (a.merchant_id, a.machine_id, a.slot) = (s.merchant_id, s.machine_id, s.slot))
        """,
    ),
)
