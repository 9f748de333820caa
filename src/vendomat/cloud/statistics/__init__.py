"""Statistics: what was sold where, when and how, from sums that are kept exact as events come in. Decides nothing."""

from vendomat.cloud.statistics.api import margins_router, months_router, products_router, sales_figures_router
from vendomat.cloud.statistics.margins import Margins
from vendomat.cloud.statistics.model import By, Wanted
from vendomat.cloud.statistics.months import Months
from vendomat.cloud.statistics.products import Products
from vendomat.cloud.statistics.quiet_watch import SCHEDULE as QUIET_SCHEDULE
from vendomat.cloud.statistics.quiet_watch import QuietWatch
from vendomat.cloud.statistics.service import SalesFigures
from vendomat.cloud.statistics.slots import SCHEDULE as SLOTS_SCHEDULE
from vendomat.cloud.statistics.slots import SlotWatch
from vendomat.cloud.statistics.sums import SCHEDULE, SaleSums

__all__ = [
    "QUIET_SCHEDULE",
    "SCHEDULE",
    "SLOTS_SCHEDULE",
    "By",
    "Margins",
    "Months",
    "Products",
    "QuietWatch",
    "SaleSums",
    "SalesFigures",
    "SlotWatch",
    "Wanted",
    "margins_router",
    "months_router",
    "products_router",
    "sales_figures_router",
]
