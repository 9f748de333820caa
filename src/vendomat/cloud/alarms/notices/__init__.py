"""Who is told of alarms: a merchant's channels, rules and quiet hours, and notices that are sent until they arrived."""

from vendomat.cloud.alarms.notices.api import notices_router
from vendomat.cloud.alarms.notices.delivery import Delivery
from vendomat.cloud.alarms.notices.desk import NoticeDesk
from vendomat.cloud.alarms.notices.sender import NoticeSender

__all__ = ["Delivery", "NoticeDesk", "NoticeSender", "notices_router"]
