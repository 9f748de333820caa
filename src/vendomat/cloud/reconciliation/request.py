"""A person's request for the bill of a day: asked of the platform again, or out of a file they have. Pure.

Its states, what may be wrong with it, and whether a file is the bill it was given as. Refuses to guess: a file that is
of another account or another day, or that is not whole, is no bill of this day, and nothing of it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from vendomat.cloud.payments import BillError, BillRowKind, ForeignBillError, FundRow, TradeRow
from vendomat.cloud.reconciliation.model import AccountDay, bill_day
from vendomat.kernel import Moves


class RequestState(StrEnum):
    WAITING = "waiting"
    READING = "reading"  # the file is read through, or the platform is asked
    MATCHING = "matching"  # its rows are compared with our books
    DONE = "done"
    REFUSED = "refused"  # nothing was changed; `problem` says why


class RequestMove(StrEnum):
    BEGIN = "begin"
    MATCH = "match"
    END = "end"
    REFUSE = "refuse"


_S, _M = RequestState, RequestMove
REQUEST_MOVES: Moves[RequestState, RequestMove] = Moves(
    "bill request",
    RequestState,
    {
        (_S.WAITING, _M.BEGIN): _S.READING,
        (_S.READING, _M.BEGIN): _S.READING,  # its worker died: another begins anew
        (_S.MATCHING, _M.BEGIN): _S.READING,
        (_S.READING, _M.MATCH): _S.MATCHING,
        (_S.MATCHING, _M.END): _S.DONE,
        (_S.READING, _M.REFUSE): _S.REFUSED,
        (_S.MATCHING, _M.REFUSE): _S.REFUSED,
    },
    start=RequestState.WAITING,
    final=(RequestState.DONE, RequestState.REFUSED),
)


class RequestProblem(StrEnum):
    """Why a request changed nothing."""

    NO_BILL = "no_bill"  # the file is not a whole bill as the platform writes them
    OTHER_ACCOUNT = "other_account"
    OTHER_DAY = "other_day"
    OTHER_FILE = "other_file"  # another file was taken as this bill before, and stays
    TRADE_FIRST = "trade_first"  # the account's movements are checked against the trade bill
    NOT_THERE = "not_there"  # the platform has not given it
    NO_ACCOUNT = "no_account"
    BROKEN_OFF = "broken_off"  # our own fault: it did not come to an end


class RequestError(Exception):
    """The request is refused for `problem`; `detail` says it exactly. Nothing was changed."""

    def __init__(self, problem: RequestProblem, detail: str = "") -> None:
        super().__init__(f"{problem}: {detail}")
        self.problem = problem
        self.detail = detail


@dataclass
class Progress:
    """How far a request has come. Counted by the thread that reads, looked at by the loop."""

    state: RequestState = RequestState.READING
    rows_read: int = 0
    rows_matched: int = 0

    def match(self) -> None:
        self.state = REQUEST_MOVES.next(self.state, RequestMove.MATCH)

    def matched(self, rows: Iterator[TradeRow]) -> Iterator[TradeRow]:
        self.rows_matched = 0  # what is begun again is counted again
        for row in rows:
            self.rows_matched += 1
            yield row


def check_rows(rows: Iterator[TradeRow] | Iterator[FundRow], place: AccountDay, progress: Progress) -> None:
    """Read `rows` to their end. Raises `RequestError` unless they are a whole bill of the day.

    Whatever is listed happened on the bill's day, but for refunds: their rows may carry an older time.
    """
    is_seen = False
    try:
        for row in rows:
            progress.rows_read += 1
            is_inside = bill_day(row.at) == place.day
            is_seen = is_seen or is_inside
            is_refund = isinstance(row, TradeRow) and row.kind is BillRowKind.REFUND
            if not is_inside and not is_refund:
                raise RequestError(RequestProblem.OTHER_DAY, f"row {row.row} is of {bill_day(row.at)}")
    except ForeignBillError as error:
        raise RequestError(RequestProblem.OTHER_ACCOUNT, error.reason) from error
    except BillError as error:
        raise RequestError(RequestProblem.NO_BILL, error.reason) from error
    if not progress.rows_read:
        raise RequestError(RequestProblem.NO_BILL, "it has no rows, so it does not say of which day it is")
    if not is_seen:
        raise RequestError(RequestProblem.OTHER_DAY, "no row of it is of this day")
