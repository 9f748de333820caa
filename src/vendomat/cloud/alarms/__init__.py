"""Alarms: raised by facts, seen and cleared by people."""

from vendomat.cloud.alarms.api import alarms_router
from vendomat.cloud.alarms.hot import OpenAlarm, clear_alarms, clone_alarms, find_open_alarms, raise_alarms
from vendomat.cloud.alarms.model import SLOT_LOCKED, Alarm, AlarmEvent, AlarmRow, AlarmState, Severity
from vendomat.cloud.alarms.security import SecurityNote, SecurityWatch, note_security
from vendomat.cloud.alarms.service import Alarms

__all__ = [
    "SLOT_LOCKED",
    "Alarm",
    "AlarmEvent",
    "AlarmRow",
    "AlarmState",
    "Alarms",
    "OpenAlarm",
    "SecurityNote",
    "SecurityWatch",
    "Severity",
    "alarms_router",
    "clear_alarms",
    "clone_alarms",
    "find_open_alarms",
    "note_security",
    "raise_alarms",
]
