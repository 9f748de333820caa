"""Alarms: raised by facts, seen and cleared by people."""

from vendomat.cloud.alarms.api import alarms_router
from vendomat.cloud.alarms.hot import clone_alarms, raise_alarms
from vendomat.cloud.alarms.model import Alarm, AlarmEvent, AlarmRow, AlarmState, Severity
from vendomat.cloud.alarms.service import Alarms

__all__ = [
    "Alarm",
    "AlarmEvent",
    "AlarmRow",
    "AlarmState",
    "Alarms",
    "Severity",
    "alarms_router",
    "clone_alarms",
    "raise_alarms",
]
