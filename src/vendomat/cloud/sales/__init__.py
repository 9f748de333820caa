"""Sales: the one place where an order, its payments, stock, ledger and commands move together."""

from vendomat.cloud.sales.api import UpMessages, notice_router
from vendomat.cloud.sales.dispatcher import Dispatcher
from vendomat.cloud.sales.facts import FactTaker
from vendomat.cloud.sales.presence import Presence
from vendomat.cloud.sales.redeem import Redeemer
from vendomat.cloud.sales.service import SalesDesk
from vendomat.cloud.sales.tasks import Sweeps
from vendomat.cloud.sales.till import Till
from vendomat.cloud.sales.writer import Writer

__all__ = [
    "Dispatcher",
    "FactTaker",
    "Presence",
    "Redeemer",
    "SalesDesk",
    "Sweeps",
    "Till",
    "UpMessages",
    "Writer",
    "notice_router",
]
