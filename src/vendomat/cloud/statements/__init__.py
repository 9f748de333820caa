"""Statements: a merchant's day or month from the ledger alone, to the cent, and the sums that make it quick."""

from vendomat.cloud.statements.api import file_answer, statements_router
from vendomat.cloud.statements.day_sums import SCHEDULE, DaySums
from vendomat.cloud.statements.model import DayStanding, Period, SalesLine, Standing
from vendomat.cloud.statements.paper import MEDIA_TYPE as PDF
from vendomat.cloud.statements.paper import Paper, Sheet, draw
from vendomat.cloud.statements.service import Statements
from vendomat.cloud.statements.sheet import BYTE_ORDER_MARK, amount
from vendomat.cloud.statements.sheet import MEDIA_TYPE as CSV
from vendomat.cloud.statements.sheet import row as csv_row
from vendomat.cloud.statements.words import Language

__all__ = [
    "BYTE_ORDER_MARK",
    "CSV",
    "PDF",
    "SCHEDULE",
    "DayStanding",
    "DaySums",
    "Language",
    "Paper",
    "Period",
    "SalesLine",
    "Sheet",
    "Standing",
    "Statements",
    "amount",
    "csv_row",
    "draw",
    "file_answer",
    "statements_router",
]
