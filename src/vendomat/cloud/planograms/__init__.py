"""Planograms: what each machine is wanted to hold, drafted, published, and compared with what its screen shows."""

from vendomat.cloud.planograms.api import planograms_router, templates_router
from vendomat.cloud.planograms.files import PlanogramFiles
from vendomat.cloud.planograms.reading import PlanogramReport
from vendomat.cloud.planograms.service import PlanogramDesk, Wish
from vendomat.cloud.planograms.store import drafts_naming
from vendomat.cloud.planograms.tasks import DuePlanograms
from vendomat.cloud.planograms.templates import TemplateDesk

__all__ = [
    "DuePlanograms",
    "PlanogramDesk",
    "PlanogramFiles",
    "PlanogramReport",
    "TemplateDesk",
    "Wish",
    "drafts_naming",
    "planograms_router",
    "templates_router",
]
