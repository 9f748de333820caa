"""I7: what had to stand first, stood first: payment, command, intent, motor, outcome, report; request before refund."""

from __future__ import annotations

from vendomat.audit.model import Check, Source

_CABINETS = frozenset({Source.CABINETS})
_JOURNALS = frozenset({Source.JOURNALS})

CHECKS: tuple[Check, ...] = (
    Check(
        "I7.paid_before_command",
        "The evidence of a command does not follow the evidence of its payment",
        "A command was decided without money.",
        """
        SELECT c.merchant_id, c.order_id, c.unit, c.cmd_id, q.entry AS queued_entry, p.entry AS paid_entry
        FROM command c LEFT JOIN (SELECT merchant_id, order_id, data ->> 'cmd_id' AS cmd_id, min(entry) AS entry
            FROM evidence WHERE kind = 'command.queued' GROUP BY 1, 2, 3) q USING (merchant_id, order_id, cmd_id)
        LEFT JOIN (SELECT e.merchant_id, e.order_id, min(e.entry) AS entry FROM evidence e
            JOIN payment w ON w.merchant_id = e.merchant_id AND w.order_id = e.order_id AND w.is_winning
                AND w.payment_id = e.data ->> 'payment_id'
            WHERE e.kind IN ('payment.paid', 'payment.held') GROUP BY 1, 2) p USING (merchant_id, order_id)
        WHERE q.entry IS NULL OR p.entry IS NULL OR q.entry < p.entry
        """,
    ),
    Check(
        "I7.command_before_motor",
        "A motor started before its command was queued",
        "The machine acted by itself, or a clock is badly wrong.",
        """
        SELECT r.machine_id, r.cmd_id, c.order_id, c.unit, c.queued_at, r.started_at
        FROM terms t CROSS JOIN audit_run r JOIN command c ON c.cmd_id = r.cmd_id
        WHERE r.started_at + t.clock_skew < c.queued_at
        """,
        _CABINETS,
    ),
    Check(
        "I7.one_by_one",
        "A unit's command was queued before the previous unit had an outcome",
        "Two units of one order were under way at once.",
        """
        SELECT q.merchant_id, q.order_id, q.unit, q.entry AS queued_entry, d.entry AS previous_outcome_entry
        FROM (SELECT merchant_id, order_id, (data ->> 'unit')::int AS unit, min(entry) AS entry FROM evidence
            WHERE kind = 'command.queued' GROUP BY 1, 2, 3) q
        LEFT JOIN (SELECT merchant_id, order_id, (data ->> 'unit')::int AS unit, min(entry) AS entry FROM evidence
            WHERE kind IN ('vend.delivered', 'vend.not_delivered', 'vend.unknown', 'vend.declared_ambiguous',
                'command.never_sent') GROUP BY 1, 2, 3) d
            ON (d.merchant_id, d.order_id, d.unit) = (q.merchant_id, q.order_id, q.unit - 1)
        WHERE q.unit > 1 AND (d.entry IS NULL OR d.entry > q.entry)
        """,
    ),
    Check(
        "I7.intent_before_motor",
        "A motor started without an intent in the machine's memory, or before it",
        "After a loss of power the machine would not have known that the motor may have run.",
        """
        SELECT r.machine_id, r.cmd_id, r.started_at, f.at AS intent_at
        FROM audit_run r JOIN audit_journal j ON j.machine_id = r.machine_id
        LEFT JOIN audit_fact f ON f.machine_id = r.machine_id AND f.cmd_id = r.cmd_id AND f.kind = 'intent'
        WHERE r.is_before AND ((f.seq IS NULL AND j.is_complete) OR (f.is_time_trusted AND f.at > r.started_at))
        """,
        _CABINETS | _JOURNALS,
    ),
    Check(
        "I7.intent_before_outcome",
        "An outcome without an intent before it, or more than one last word of one command",
        "The machine's memory contradicts itself.",
        """
        SELECT machine_id, cmd_id, count(*) FILTER (WHERE kind = 'intent') AS intents,
            count(*) FILTER (WHERE kind = 'outcome') AS outcomes,
            count(*) FILTER (WHERE kind IN ('refused', 'fenced')) AS refusals
        FROM audit_fact WHERE cmd_id <> '' GROUP BY machine_id, cmd_id
        HAVING count(*) FILTER (WHERE kind IN ('outcome', 'refused', 'fenced')) > 1
            OR count(*) FILTER (WHERE kind = 'intent') > 1
            OR (count(*) FILTER (WHERE kind = 'outcome') > 0 AND coalesce(
                min(ARRAY[epoch, seq]) FILTER (WHERE kind = 'intent')
                > min(ARRAY[epoch, seq]) FILTER (WHERE kind = 'outcome'), true))
        """,
        _JOURNALS,
    ),
    Check(
        "I7.outcome_after_motor",
        "The machine recorded an outcome that its board did not give, or before the run ended",
        "The word on which money was moved was not the board's.",
        """
        SELECT r.machine_id, r.cmd_id, r.result AS board_said, f.result AS machine_said, e.at AS ended_at,
            f.at AS recorded_at
        FROM audit_run r JOIN audit_physical e ON e.machine_id = r.machine_id AND e.cmd_id = r.cmd_id
            AND e.what = 'end' AND NOT e.is_late
        JOIN audit_fact f ON f.machine_id = r.machine_id AND f.cmd_id = r.cmd_id AND f.kind = 'outcome'
        WHERE r.starts = 1 AND ((f.result <> r.result AND f.result <> 'unknown')
            OR (f.is_time_trusted AND f.result <> 'unknown' AND f.at < e.at))
        """,
        _CABINETS | _JOURNALS,
    ),
    Check(
        "I7.never_reported",
        "A motor ran and the cloud never heard of it",
        "A report was dropped before it was acknowledged.",
        """
        SELECT r.machine_id, r.cmd_id, c.order_id, c.unit, r.started_at
        FROM audit_run r JOIN command c ON c.cmd_id = r.cmd_id
        LEFT JOIN (SELECT DISTINCT merchant_id, order_id, data ->> 'cmd_id' AS cmd_id FROM evidence
            WHERE source = 'terminal' AND kind LIKE 'vend.%') e
            ON (e.merchant_id, e.order_id, e.cmd_id) = (c.merchant_id, c.order_id, c.cmd_id)
        WHERE r.is_before AND e.cmd_id IS NULL
        """,
        _CABINETS | {Source.REST},
    ),
    Check(
        "I7.refund_before_call",
        "A platform refund is older than our request",
        "Money went back before the refund's number was written down: a retry could pay twice.",
        """
        SELECT b.channel, b.refund_number, r.order_id, r.requested_at, b.created_at AS platform_at
        FROM terms t CROSS JOIN audit_refund b
        JOIN refund r ON r.refund_id = b.refund_number AND r.payment_id = b.number
        WHERE b.created_at + t.clock_skew < r.requested_at
        """,
        frozenset({Source.BOOKS}),
    ),
)
