"""What goes with an alarm in the transaction that raises or moves it: its timeline, and the notices to be sent.

Both are rows; sending is somebody else's, later. Refuses to tell of alarms whose kind the merchant keeps silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vendomat.cloud.platform.rows import Executes, execute_rows

_ENTRIES = """
INSERT INTO alarm_entry (merchant_id, alarm_id, at, what, operator_id, said)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[])
"""
_NOTICES = """
INSERT INTO alarm_notice (merchant_id, alarm_id, channel_id, step, raise_id, state, next_try_at)
SELECT a.merchant_id, a.alarm_id, c.channel_id, s.step, a.raise_id, 'waiting', a.raised_at
    + make_interval(secs => coalesce(r.delay_s, 0))
    + make_interval(mins => CASE s.step WHEN 'escalated' THEN r.escalate_after_min ELSE 0 END)
FROM unnest($1::text[], $2::text[]) AS k(merchant_id, alarm_id)
JOIN alarm a ON (a.merchant_id, a.alarm_id) = (k.merchant_id, k.alarm_id)
JOIN notify_channel c ON c.merchant_id = a.merchant_id AND c.is_active
LEFT JOIN alarm_rule r ON (r.merchant_id, r.kind) = (a.merchant_id, a.kind)
JOIN (VALUES ('raised'), ('escalated')) AS s(step) ON (s.step = 'raised'
    AND (c.min_severity = 'warning' OR c.min_severity = 'critical' AND a.severity = 'critical'))
    OR (s.step = 'escalated' AND r.escalate_to = c.channel_id)
WHERE NOT coalesce(r.is_silent, false)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of an alarm's timeline."""

    merchant_id: str
    alarm_id: str
    at: datetime
    what: str
    operator_id: str = ""
    said: str = ""


async def append_entries(connection: Executes, entries: Sequence[Entry]) -> None:
    """Append to the timelines."""
    rows = [(e.merchant_id, e.alarm_id, e.at, e.what, e.operator_id, e.said) for e in entries]
    await execute_rows(connection, _ENTRIES, rows)


async def queue_notices(connection: Executes, alarms: Sequence[tuple[str, str]]) -> None:
    """One notice per channel that is to hear of each `(merchant_id, alarm_id)`, as it was raised last."""
    await execute_rows(connection, _NOTICES, alarms)
