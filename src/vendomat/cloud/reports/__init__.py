"""Reports: what the console shows across features. Reads only; decides nothing."""

from vendomat.cloud.reports.api import reports_router
from vendomat.cloud.reports.fleet import FleetReport
from vendomat.cloud.reports.orders import OrderReport
from vendomat.cloud.reports.stream import EventFeeds, StreamedEvent
from vendomat.cloud.reports.stream_api import stream_router

__all__ = ["EventFeeds", "FleetReport", "OrderReport", "StreamedEvent", "reports_router", "stream_router"]
