"""What is wrong, who is told of it, and by which of their browsers: put together for the public application."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter

from vendomat.cloud.alarms import (
    Alarms,
    BrowserDesk,
    Delivery,
    NoticeDesk,
    alarms_router,
    browsers_router,
    notices_router,
    web_push,
)
from vendomat.cloud.merchants import CurrentOperator, MasterKey
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.reports import AttentionReport, attention_router
from vendomat.kernel import Clock


@dataclass(frozen=True, slots=True)
class AlarmParts:
    """What they are made of. `wall` is true time, by which push services judge."""

    database: Database
    master_key: MasterKey
    settings: CloudSettings
    clock: Clock
    wall: Clock


def alarm_routers(parts: AlarmParts, attention: AttentionReport, current: CurrentOperator) -> list[APIRouter]:
    delivery = Delivery(is_private_allowed=parts.settings.notify_private)
    notices = NoticeDesk(parts.database, parts.master_key, delivery, parts.clock)
    push = web_push(parts.master_key, parts.settings, parts.wall)
    browsers = BrowserDesk(parts.database, parts.master_key, push, parts.clock)
    return [
        attention_router(attention, current),
        alarms_router(Alarms(parts.database, parts.clock), current),
        notices_router(notices, current),
        browsers_router(browsers, current),
    ]
