"""Statements: a merchant's day or month from the ledger alone, to the cent, and the sums that make it quick."""

from vendomat.cloud.statements.api import file_answer, statements_router
from vendomat.cloud.statements.day_sums import SCHEDULE, DaySums
from vendomat.cloud.statements.model import DayStanding, Period, SalesLine, Standing
from vendomat.cloud.statements.service import Statements

__all__ = [
    "SCHEDULE",
    "DayStanding",
    "DaySums",
    "Period",
    "SalesLine",
    "Standing",
    "Statements",
    "file_answer",
    "statements_router",
]
