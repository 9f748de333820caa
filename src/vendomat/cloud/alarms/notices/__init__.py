"""Who is told of alarms: a merchant's channels, rules and quiet hours, people's browsers, and notices that are sent
until they arrived."""

from vendomat.cloud.alarms.notices.api import notices_router
from vendomat.cloud.alarms.notices.browser_api import browsers_router
from vendomat.cloud.alarms.notices.browsers import BrowserDesk
from vendomat.cloud.alarms.notices.delivery import Delivery
from vendomat.cloud.alarms.notices.desk import NoticeDesk
from vendomat.cloud.alarms.notices.push_delivery import WebPush, web_push
from vendomat.cloud.alarms.notices.sender import NoticeSender

__all__ = [
    "BrowserDesk",
    "Delivery",
    "NoticeDesk",
    "NoticeSender",
    "WebPush",
    "browsers_router",
    "notices_router",
    "web_push",
]
