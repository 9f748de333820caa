"""Alarms: raised by facts, seen and cleared by people."""

from vendomat.cloud.alarms.api import alarms_router
from vendomat.cloud.alarms.hot import OpenAlarm, clear_alarms, clone_alarms, find_open_alarms, raise_alarms
from vendomat.cloud.alarms.model import ACTIVE, SLOT_LOCKED, Alarm, AlarmEvent, AlarmRow, AlarmState, Severity
from vendomat.cloud.alarms.notices import (
    BrowserDesk,
    Delivery,
    NoticeDesk,
    NoticeSender,
    WebPush,
    browsers_router,
    notices_router,
    web_push,
)
from vendomat.cloud.alarms.security import SecurityNote, SecurityWatch, note_security
from vendomat.cloud.alarms.service import Alarms
from vendomat.cloud.alarms.store import AlarmFilter

__all__ = [
    "ACTIVE",
    "SLOT_LOCKED",
    "Alarm",
    "AlarmEvent",
    "AlarmFilter",
    "AlarmRow",
    "AlarmState",
    "Alarms",
    "BrowserDesk",
    "Delivery",
    "NoticeDesk",
    "NoticeSender",
    "OpenAlarm",
    "SecurityNote",
    "SecurityWatch",
    "Severity",
    "WebPush",
    "alarms_router",
    "browsers_router",
    "clear_alarms",
    "clone_alarms",
    "find_open_alarms",
    "note_security",
    "notices_router",
    "raise_alarms",
    "web_push",
]
