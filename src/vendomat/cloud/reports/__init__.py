"""Reports: what the console shows across features. Keeps sums of its own; decides nothing."""

from vendomat.cloud.reports.ambiguity import AmbiguityReport
from vendomat.cloud.reports.api import reports_router
from vendomat.cloud.reports.attention import AttentionReport
from vendomat.cloud.reports.attention_api import attention_router
from vendomat.cloud.reports.curves import CurveReport
from vendomat.cloud.reports.first_sale import first_steps_router
from vendomat.cloud.reports.fleet import FleetReport
from vendomat.cloud.reports.machine_api import machine_reports_router
from vendomat.cloud.reports.objective import ObjectiveReport
from vendomat.cloud.reports.orders import OrderReport
from vendomat.cloud.reports.site_map import SiteMap, site_map_router
from vendomat.cloud.reports.stream import EventFeeds, StreamedEvent
from vendomat.cloud.reports.stream_api import stream_router
from vendomat.cloud.reports.tally import Tally
from vendomat.cloud.reports.timeline import MachineTimeline
from vendomat.cloud.reports.trust_api import trust_router

__all__ = [
    "AmbiguityReport",
    "AttentionReport",
    "CurveReport",
    "EventFeeds",
    "FleetReport",
    "MachineTimeline",
    "ObjectiveReport",
    "OrderReport",
    "SiteMap",
    "StreamedEvent",
    "Tally",
    "attention_router",
    "first_steps_router",
    "machine_reports_router",
    "reports_router",
    "site_map_router",
    "stream_router",
    "trust_router",
]
