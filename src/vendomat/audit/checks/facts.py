"""I9: what a machine said is here, whole and unchanged; nothing that was acknowledged is missing."""

from __future__ import annotations

from vendomat.audit.model import Check, Source

_JOURNALS = frozenset({Source.JOURNALS})

CHECKS: tuple[Check, ...] = (
    Check(
        "I9.gap",
        "A machine's facts have a hole",
        "A report of the machine was lost; it may have been about goods. (What the journal still keeps is under way.)",
        """
        SELECT g.machine_id, g.epoch, g.seq - 1 AS last_missing, g.seen + 1 AS first_missing, g.received_at
        FROM terms t CROSS JOIN (SELECT machine_id, epoch, seq, received_at,
            coalesce(lag(seq) OVER (PARTITION BY merchant_id, machine_id, epoch ORDER BY seq), 0) AS seen
            FROM machine_fact) g
        WHERE g.seq > g.seen + 1 AND (t.is_at_rest OR g.received_at < t.now - t.grace)
            AND g.seq - 1 - g.seen > (SELECT count(*) FROM audit_fact f WHERE f.machine_id = g.machine_id
                AND f.epoch = g.epoch AND f.is_kept AND f.seq > g.seen AND f.seq < g.seq)
        """,
    ),
    Check(
        "I9.digest",
        "The cloud holds another content of a fact than the machine",
        "What the machine wrote down and what was booked are not the same.",
        """
        SELECT f.machine_id, f.epoch, f.seq, f.kind, f.cmd_id, f.digest, c.digest AS cloud_digest
        FROM audit_fact f JOIN machine_fact c ON (c.machine_id, c.epoch, c.seq) = (f.machine_id, f.epoch, f.seq)
        WHERE c.digest <> f.digest
        """,
        _JOURNALS,
    ),
    Check(
        "I9.rewritten",
        "A fact in the machine's memory does not fit its own digest",
        "The journal was changed after it was written.",
        """
        SELECT machine_id, epoch, seq, kind, cmd_id, digest, stored_digest FROM audit_fact
        WHERE stored_digest <> digest
        """,
        _JOURNALS,
    ),
    Check(
        "I9.acked_missing",
        "The machine was told that a fact is safe, and the cloud does not have it",
        "The machine has forgotten what nobody else remembers.",
        """
        SELECT e.machine_id, e.epoch, s.seq FROM (
            SELECT machine_id, epoch, max(seq) AS newest FROM audit_fact GROUP BY machine_id, epoch) e
        CROSS JOIN LATERAL generate_series(1, e.newest) AS s (seq)
        LEFT JOIN audit_fact f ON (f.machine_id, f.epoch, f.seq) = (e.machine_id, e.epoch, s.seq)
        LEFT JOIN machine_fact c ON (c.machine_id, c.epoch, c.seq) = (e.machine_id, e.epoch, s.seq)
        WHERE NOT coalesce(f.is_kept, false) AND c.seq IS NULL
        """,
        _JOURNALS,
    ),
    Check(
        "I9.future",
        "A fact of a run that the machine has never announced",
        "Somebody else speaks in the machine's name, or an earlier state of the cloud was put back.",
        """
        SELECT f.machine_id, f.epoch, count(*) AS facts, m.epoch AS known_epoch
        FROM machine_fact f JOIN machine m USING (merchant_id, machine_id)
        WHERE f.epoch > m.epoch GROUP BY f.machine_id, f.epoch, m.epoch
        """,
    ),
    Check(
        "I9.set_back",
        "A machine's memory is of an earlier run than the cloud has seen",
        "An old copy of the journal was put back: it has forgotten which motors ran.",
        """
        SELECT j.machine_id, j.epoch, m.epoch AS known_epoch FROM audit_journal j JOIN machine m USING (machine_id)
        WHERE j.epoch < m.epoch
        """,
        _JOURNALS | {Source.REST},
    ),
)
