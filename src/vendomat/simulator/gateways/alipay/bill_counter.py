"""Where merchants ask Alipay for a day's bill. It is there from 09:00 of the next day; its address lives 30 seconds.

Alipay promises no hash. Ordered to give a file that is not the right one, it breaks a byte inside the archive.
"""

from __future__ import annotations

import re
from datetime import date, time, timedelta

from vendomat.kernel import Clock
from vendomat.simulator.gateways.alipay import daily_bills
from vendomat.simulator.gateways.alipay.books import AlipayBooks
from vendomat.simulator.gateways.alipay.records import Application
from vendomat.simulator.gateways.alipay.refusals import AlipayRefusedError, Refusals
from vendomat.simulator.gateways.daily_bills import BillDesk, BillDifference, DailyBillKind, fund_lines, trade_lines
from vendomat.simulator.gateways.funds import CHINA, day_of, moment_on, with_balances

HANDED_OUT_AT = time(9, tzinfo=CHINA)
EARLIEST = date(2016, 1, 1)
DOWNLOAD_PATH = "/downloadBillFile.resource"
BILL_TYPES = {"trade": DailyBillKind.TRADE, "signcustomer": DailyBillKind.FUND_FLOW}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class BillCounter:
    """Bills of one platform's applications."""

    def __init__(self, books: AlipayBooks, desk: BillDesk, clock: Clock) -> None:
        self._books = books
        self._desk = desk
        self._clock = clock

    def ask(self, application: Application, kind: DailyBillKind, day_text: str) -> str:
        """A token for the bill of that day. Raises `AlipayRefusedError` when there is none (yet)."""
        now, account = self._clock.now(), application.app_id
        day = self._day(day_text, day_of(now))
        is_made = now >= moment_on(day + timedelta(days=1), HANDED_OUT_AT)
        if not is_made or self._desk.has(BillDifference.HOLD, account, day, kind):
            raise AlipayRefusedError(Refusals.BILL_NOT_EXIST)
        bill = self._bill(application, kind, day)
        if bill is None:
            raise AlipayRefusedError(Refusals.NO_BILL_DATA)
        if self._desk.has(BillDifference.HASH, account, day, kind):
            bill = daily_bills.broken(bill)
        return self._desk.issue(account, bill, now)

    def download(self, token: str) -> bytes | None:
        taken = self._desk.take(token, self._clock.now())
        return taken[1] if taken else None

    def _day(self, text: str, today: date) -> date:
        try:
            day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
        except ValueError:
            day = None
        if day is None or not EARLIEST <= day < today:
            raise AlipayRefusedError(Refusals.BILL_ARGUMENTS, "bill_date")
        return day

    def _bill(self, application: Application, kind: DailyBillKind, day: date) -> bytes | None:
        """The archive to the byte, None when there is nothing to write into it."""
        books, account = self._books, application.app_id
        changes = self._desk.changes_of(account)
        sheet = daily_bills.Sheet(
            application.seller_id, day, off_by_fen=int(self._desk.has(BillDifference.SUM, account, day, kind))
        )
        if kind is DailyBillKind.TRADE:
            all_lines = daily_bills.lines_of(account, books.trades.values(), books.refunds.all())
            lines = trade_lines(all_lines, day, changes)
            return daily_bills.trade_archive(sheet, lines) if lines else None
        entries = with_balances(books.fund_entries(account), books.applications[account].balance_fen)
        shown = fund_lines(entries, day, changes)
        return daily_bills.fund_archive(sheet, shown) if shown else None
