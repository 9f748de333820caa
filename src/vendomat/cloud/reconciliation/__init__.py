"""Reconciliation: each day of each account is compared with the platform's bill, until nothing is unexplained."""

from vendomat.cloud.reconciliation.api import reconciliation_router
from vendomat.cloud.reconciliation.booking import run_funds, run_trades, sum_funds
from vendomat.cloud.reconciliation.desk import ReconciliationDesk
from vendomat.cloud.reconciliation.model import AccountDay, ItemState, ReconClass
from vendomat.cloud.reconciliation.second_look import SecondLook
from vendomat.cloud.reconciliation.service import Reconciler
from vendomat.cloud.reconciliation.shelf import BillShelf
from vendomat.cloud.reconciliation.store import Taken
from vendomat.cloud.reconciliation.tasks import SCHEDULE, ReconciliationJob

__all__ = [
    "SCHEDULE",
    "AccountDay",
    "BillShelf",
    "ItemState",
    "ReconClass",
    "Reconciler",
    "ReconciliationDesk",
    "ReconciliationJob",
    "SecondLook",
    "Taken",
    "reconciliation_router",
    "run_funds",
    "run_trades",
    "sum_funds",
]
