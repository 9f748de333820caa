"""Open-door coolers: a buyer is vouched for, takes what they like, and is asked for the money afterwards."""

from vendomat.cloud.coolers.api import buyer_router, buyer_throttle, visit_notice_router, visits_router
from vendomat.cloud.coolers.facts import DoorFacts
from vendomat.cloud.coolers.model import VISIT_MOVES, Visit, VisitState
from vendomat.cloud.coolers.service import VisitRequest, Visits
from vendomat.cloud.coolers.store import put_cooler
from vendomat.cloud.coolers.tasks import VisitSweeps

__all__ = [
    "VISIT_MOVES",
    "DoorFacts",
    "Visit",
    "VisitRequest",
    "VisitState",
    "VisitSweeps",
    "Visits",
    "buyer_router",
    "buyer_throttle",
    "put_cooler",
    "visit_notice_router",
    "visits_router",
]
