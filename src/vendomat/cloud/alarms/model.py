"""Alarms: what somebody must look at. One open alarm per thing and kind; more of the same only counts. Pure.

An alarm lives along two lines: whether its cause is there, and whether somebody has seen it. One whose cause went away
unseen stays until it is acknowledged; if the cause comes back meanwhile, it is the same alarm, raised again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vendomat.kernel import Moves

DETAIL_CHARACTERS_MAX = 500
SLOT_LOCKED = "slot_locked"
"""The alarm of a locked slot: cleared by unlocking the slot, which takes a reason, and in no other way."""


class AlarmState(StrEnum):
    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"  # somebody has seen it
    PASSED = "passed"  # the cause is gone, and nobody has seen it yet
    CLEARED = "cleared"  # the cause is gone; a new one raises a new alarm


ACTIVE = (AlarmState.RAISED, AlarmState.ACKNOWLEDGED)
"""The cause is there."""


class AlarmEvent(StrEnum):
    RAISE = "raise"  # the cause is back
    ACKNOWLEDGE = "acknowledge"
    END = "end"  # the cause went away by itself
    CLEAR = "clear"  # a person says that it is done, and so has seen it


MOVES = Moves(
    "alarm",
    AlarmState,
    {
        (AlarmState.RAISED, AlarmEvent.ACKNOWLEDGE): AlarmState.ACKNOWLEDGED,
        (AlarmState.RAISED, AlarmEvent.END): AlarmState.PASSED,
        (AlarmState.RAISED, AlarmEvent.CLEAR): AlarmState.CLEARED,
        (AlarmState.ACKNOWLEDGED, AlarmEvent.END): AlarmState.CLEARED,
        (AlarmState.ACKNOWLEDGED, AlarmEvent.CLEAR): AlarmState.CLEARED,
        (AlarmState.PASSED, AlarmEvent.RAISE): AlarmState.RAISED,
        (AlarmState.PASSED, AlarmEvent.ACKNOWLEDGE): AlarmState.CLEARED,
        (AlarmState.PASSED, AlarmEvent.CLEAR): AlarmState.CLEARED,
    },
    start=AlarmState.RAISED,
    final=(AlarmState.CLEARED,),
)


class Severity(StrEnum):
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """Something to raise. `kind` is a stable name (`slot.jam`, `machine.clone`); `slot` is empty for the machine."""

    merchant_id: str
    machine_id: str
    kind: str
    severity: Severity
    at: datetime
    slot: str = ""
    order_id: str = ""
    detail: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.merchant_id, self.machine_id, self.slot, self.kind)


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm as it is kept."""

    merchant_id: str
    alarm_id: str
    machine_id: str
    slot: str
    kind: str
    severity: Severity
    state: AlarmState
    order_id: str
    detail: str
    count: int
    raised_at: datetime
    cleared_at: datetime | None
    machine_number: str = ""
    assigned_to: str = ""
    assigned_name: str = ""
    snoozed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlarmEntry:
    """A line of an alarm's timeline. `what` is one of the names in its API."""

    at: datetime
    what: str
    operator_id: str
    operator_name: str
    said: str


def gather(rows: list[AlarmRow]) -> list[tuple[AlarmRow, int]]:
    """`(row, how many)` in key order: the newest of each key, since one statement may touch a row only once."""
    newest: dict[tuple[str, str, str, str], tuple[AlarmRow, int]] = {}
    for row in rows:
        known = newest.get(row.key)
        newest[row.key] = (row, 1 if known is None else known[1] + 1)
    return [newest[key] for key in sorted(newest)]
