"""How the cloud is asked over HTTP, the same for every feature: pages, repeats, throttles. Knows no feature."""

from vendomat.cloud.platform.http.idempotency import RepeatKey, Repeats
from vendomat.cloud.platform.http.paging import LIMIT_DEFAULT, LIMIT_MAX, Cursor, Page, page_of
from vendomat.cloud.platform.http.throttle import Throttle

__all__ = ["LIMIT_DEFAULT", "LIMIT_MAX", "Cursor", "Page", "RepeatKey", "Repeats", "Throttle", "page_of"]
