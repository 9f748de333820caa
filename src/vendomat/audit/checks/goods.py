"""I5: goods and money. What physically fell is compared with what was booked."""

from __future__ import annotations

from vendomat.audit.model import Check, Severity, Source

_CABINETS = frozenset({Source.CABINETS})

_FELL = """
    FROM audit_run r JOIN machine m ON m.machine_id = r.machine_id
    JOIN command c ON c.merchant_id = m.merchant_id AND c.cmd_id = r.cmd_id
    JOIN vend_unit u ON (u.merchant_id, u.order_id, u.unit) = (c.merchant_id, c.order_id, c.unit)
"""
_LOSS_BOOKED = """
    EXISTS (SELECT FROM ledger_line l WHERE l.merchant_id = u.merchant_id AND l.account = 'expense:sensor_fault'
        AND l.txn_key = 'late:' || u.order_id || ':' || u.unit)
"""
_SENSOR_MISSED = "(u.result = r.result AND u.result <> '' AND u.result NOT LIKE 'delivered%')"
"""The board itself did not see the goods, and the cloud booked what the board said."""

CHECKS: tuple[Check, ...] = (
    Check(
        "I5.sold_air",
        "Booked as delivered, and nothing fell",
        "The buyer paid and got nothing.",
        """
        SELECT u.merchant_id, u.order_id, u.unit, u.machine_id, u.slot, u.result, u.price_minor, c.cmd_id
        FROM vend_unit u JOIN audit_machine a ON a.machine_id = u.machine_id AND a.has_cabinet
        JOIN sale_order o ON (o.merchant_id, o.order_id) = (u.merchant_id, u.order_id)
        LEFT JOIN command c ON (c.merchant_id, c.order_id, c.unit) = (u.merchant_id, u.order_id, u.unit)
        LEFT JOIN audit_run r ON r.machine_id = u.machine_id AND r.cmd_id = c.cmd_id
        WHERE u.outcome = 'delivered' AND o.origin <> 'cash' AND coalesce(r.drops, 0) = 0
        """,
        _CABINETS,
    ),
    Check(
        "I5.given_and_refunded",
        "Goods fell, the money went back, and nobody declared it",
        "The operator lost goods without any account saying so.",
        f"""
        SELECT u.merchant_id, u.order_id, u.unit, r.machine_id, r.cmd_id, r.drops, r.result AS board_said,
            u.outcome, u.result, u.reason
        {_FELL}
        WHERE r.drops > 0 AND u.is_final AND u.outcome = 'not_delivered'
            AND NOT {_SENSOR_MISSED} AND NOT {_LOSS_BOOKED}
        """,
        _CABINETS,
    ),
    Check(
        "I5.sensor_missed",
        "Goods fell that the drop sensor did not see; the money went back",
        "A loss of goods that no running system can know: look at the sensor of this slot.",
        f"""
        SELECT u.merchant_id, u.order_id, u.unit, r.machine_id, r.slot, r.cmd_id, r.drops, u.result, u.price_minor
        {_FELL}
        WHERE r.drops > 0 AND u.is_final AND u.outcome = 'not_delivered' AND {_SENSOR_MISSED} AND NOT {_LOSS_BOOKED}
        """,
        _CABINETS,
        Severity.NOTICE,
    ),
    Check(
        "I5.started_after_refusal",
        "A motor ran for a command that was refused, fenced or given up as never sent",
        "The promise that let the money go back was broken.",
        f"""
        SELECT u.merchant_id, u.order_id, u.unit, r.machine_id, r.cmd_id, r.started_at, r.drops, u.reason
        {_FELL}
        WHERE r.starts > 0 AND u.is_final AND u.outcome = 'not_delivered' AND u.result = ''
        """,
        _CABINETS,
    ),
    Check(
        "I5.journal_disagrees",
        "The machine's own memory says another outcome than the cloud booked",
        "Goods or money were booked against the machine's word.",
        """
        SELECT u.merchant_id, u.order_id, u.unit, f.machine_id, f.cmd_id, f.kind, f.result AS machine_said, u.outcome
        FROM audit_fact f JOIN machine m ON m.machine_id = f.machine_id
        JOIN command c ON c.merchant_id = m.merchant_id AND c.cmd_id = f.cmd_id
        JOIN vend_unit u ON (u.merchant_id, u.order_id, u.unit) = (c.merchant_id, c.order_id, c.unit)
        WHERE u.is_final AND NOT f.is_kept AND f.kind IN ('outcome', 'refused', 'fenced') AND u.outcome <> 'unknown'
            AND u.finding <> 'came_out'
            AND (u.outcome = 'delivered') <> (f.kind = 'outcome' AND f.result LIKE 'delivered%')
        """,
        frozenset({Source.JOURNALS}),
    ),
)
