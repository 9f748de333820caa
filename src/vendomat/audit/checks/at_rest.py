"""L1: when nothing is under way any more, nothing may be open."""

from __future__ import annotations

from vendomat.audit.checks.refunds import LATE, UNDELIVERED
from vendomat.audit.model import Check, Source

_REST = frozenset({Source.REST})

CHECKS: tuple[Check, ...] = (
    Check(
        "L1.order",
        "An order that did not end",
        "A buyer still waits for goods or money.",
        "SELECT merchant_id, order_id, state, closing, created_at FROM sale_order WHERE ended_at IS NULL",
        _REST,
    ),
    Check(
        "L1.payment",
        "A payment that is neither paid nor closed",
        "Money may still come in.",
        "SELECT merchant_id, order_id, payment_id, channel, state FROM payment WHERE state NOT IN ('paid', 'closed')",
        _REST,
    ),
    Check(
        "L1.refund",
        "A refund that did not end",
        "A buyer still waits for money.",
        "SELECT merchant_id, order_id, refund_id, state, amount_minor, error FROM refund WHERE ended_at IS NULL",
        _REST,
    ),
    Check(
        "L1.owed",
        "Money that is owed to a buyer and was not paid back",
        "Nothing under way will bring it: a person has to act.",
        f"""
        SELECT d.merchant_id, d.order_id, d.payment_id, d.owed_minor,
            coalesce(sum(r.amount_minor), 0) AS paid_back_minor
        FROM (SELECT merchant_id, order_id, payment_id, owed_minor FROM ({UNDELIVERED}) w
            UNION ALL SELECT p.merchant_id, p.order_id, p.payment_id, p.captured_minor FROM payment p WHERE {LATE}) d
        LEFT JOIN refund r ON r.merchant_id = d.merchant_id AND r.payment_id = d.payment_id AND r.state = 'succeeded'
        GROUP BY d.merchant_id, d.order_id, d.payment_id, d.owed_minor
        HAVING d.owed_minor > coalesce(sum(r.amount_minor), 0)
        """,
        _REST,
    ),
    Check(
        "L1.command",
        "A command without an end",
        "A motor may still start.",
        "SELECT merchant_id, order_id, unit, cmd_id, state FROM command WHERE state <> 'done'",
        _REST,
    ),
    Check(
        "L1.unacked",
        "A machine still has something to tell",
        "The books are made without all of the machine's words.",
        """
        SELECT machine_id, count(*) AS facts, min(at) AS oldest_at FROM audit_fact WHERE is_kept GROUP BY machine_id
        """,
        _REST | {Source.JOURNALS},
    ),
    Check(
        "L1.open_command",
        "A machine still has a command without an outcome",
        "Nobody knows yet whether goods came out.",
        "SELECT machine_id, open_commands FROM audit_journal WHERE open_commands > 0",
        _REST | {Source.JOURNALS},
    ),
)
