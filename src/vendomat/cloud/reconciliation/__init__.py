"""Reconciliation: each day of each account is compared with the platform's bill, until nothing is unexplained."""

from vendomat.cloud.reconciliation.api import BILL_TYPES, reconciliation_router
from vendomat.cloud.reconciliation.booking import run_funds, run_trades, sum_funds
from vendomat.cloud.reconciliation.desk import ReconciliationDesk
from vendomat.cloud.reconciliation.model import AccountDay, ItemState, ReconClass
from vendomat.cloud.reconciliation.request_desk import BILL_BYTES_MAX, RequestDesk
from vendomat.cloud.reconciliation.requesting import JOB, BillRequests
from vendomat.cloud.reconciliation.second_look import SecondLook
from vendomat.cloud.reconciliation.service import Reconciler
from vendomat.cloud.reconciliation.shelf import BillShelf
from vendomat.cloud.reconciliation.store import Taken
from vendomat.cloud.reconciliation.tasks import SCHEDULE, ReconciliationJob

__all__ = [
    "BILL_BYTES_MAX",
    "BILL_TYPES",
    "JOB",
    "SCHEDULE",
    "AccountDay",
    "BillRequests",
    "BillShelf",
    "ItemState",
    "ReconClass",
    "Reconciler",
    "ReconciliationDesk",
    "ReconciliationJob",
    "RequestDesk",
    "SecondLook",
    "Taken",
    "reconciliation_router",
    "run_funds",
    "run_trades",
    "sum_funds",
]
