"""Where merchants ask WeChat Pay for a day's bill: when there is one, where it lies, and for how long.

A bill is made from 09:00 and handed out from 10:00 of the next day, for three months. What a bill shows follows from
moments in the books, so one asked for twice is the same to the byte.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, time, timedelta

from vendomat.kernel import Clock
from vendomat.simulator.gateways.daily_bills import BillDesk, BillDifference, DailyBillKind, fund_lines, trade_lines
from vendomat.simulator.gateways.funds import CHINA, day_of, moment_on, with_balances
from vendomat.simulator.gateways.wechat import daily_bills
from vendomat.simulator.gateways.wechat.books import WechatBooks
from vendomat.simulator.gateways.wechat.records import Merchant
from vendomat.simulator.gateways.wechat.refusals import Refusals, WechatRefusedError

HANDED_OUT_AT = time(10, tzinfo=CHINA)
DOWNLOAD_PATH = "/v3/billdownload/file"


@dataclass(frozen=True, slots=True)
class IssuedBill:
    token: str
    sha1: str


class BillCounter:
    """Bills of one platform's merchants."""

    def __init__(self, books: WechatBooks, desk: BillDesk, clock: Clock) -> None:
        self._books = books
        self._desk = desk
        self._clock = clock

    def ask(self, merchant: Merchant, kind: DailyBillKind, day_text: str) -> IssuedBill:
        """A token for the bill of that day. Raises `WechatRefusedError` when there is none (yet)."""
        now = self._clock.now()
        day = self._day(day_text, day_of(now))
        is_held = self._desk.has(BillDifference.HOLD, merchant.mchid, day, kind)
        if is_held or now < moment_on(day + timedelta(days=1), HANDED_OUT_AT):
            raise WechatRefusedError(Refusals.STATEMENT_CREATING)
        bill = self._bill(merchant, kind, day)
        if bill is None:
            raise WechatRefusedError(Refusals.NO_STATEMENT)
        sha1 = hashlib.sha1(bill, usedforsecurity=False).hexdigest()
        if self._desk.has(BillDifference.HASH, merchant.mchid, day, kind):
            sha1 = sha1[::-1]
        return IssuedBill(self._desk.issue(merchant.mchid, bill, now), sha1)

    def download(self, merchant: Merchant, token: str) -> bytes:
        taken = self._desk.take(token, self._clock.now())
        if taken is None:
            raise WechatRefusedError(Refusals.DOWNLOAD_OVER, field="/token", issue="expired", location="query")
        account, bill = taken
        if account != merchant.mchid:
            raise WechatRefusedError(Refusals.OTHER_MERCHANT)
        return bill

    def _day(self, text: str, today: date) -> date:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = None
        if day is None or len(text) != 10 or not daily_bills.earliest_day(today) <= day < today:
            raise WechatRefusedError(
                Refusals.WRONG_PARAMETER, field="/bill_date", issue="账单日期不合法", location="query"
            )
        return day

    def _bill(self, merchant: Merchant, kind: DailyBillKind, day: date) -> bytes | None:
        """The bill to the byte, None when there is nothing to write into it."""
        books, mchid = self._books, merchant.mchid
        changes = self._desk.changes_of(mchid)
        off_by_fen = int(self._desk.has(BillDifference.SUM, mchid, day, kind))
        if kind is DailyBillKind.TRADE:
            all_lines = daily_bills.lines_of(merchant, books.orders.values(), books.refunds.all())
            lines = trade_lines(all_lines, day, changes)
            return daily_bills.trade_file(merchant, lines, sums_off_by_fen=off_by_fen) if lines else None
        entries = with_balances(books.fund_entries(mchid), books.merchants[mchid].balance_fen)
        shown = fund_lines(entries, day, changes)
        return daily_bills.fund_file(mchid, shown, sums_off_by_fen=off_by_fen) if shown else None
