"""A day of the platform for the bill contract: what happens on it, and its bills once it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from tests.contracts.payments.payment_stage import Stage
from vendomat.cloud.payments.providers import BillKind, BillState, FetchedBill, FundRow, StartRequest, TradeRow
from vendomat.simulator.gateways import BillChange, BillDifference

BEIJING_AHEAD = timedelta(hours=8)
HANDED_OUT_AT = {"wechat": time(10), "alipay": time(9), "stripe": time(0)}


@dataclass
class BillDay:
    """A day of the platform that begins now, in an account whose former days are over."""

    stage: Stage
    day: date
    folder: Path

    @property
    def provider(self) -> Any:
        return self.stage.provider

    @property
    def file(self) -> Path:
        return self.folder / "bill"

    async def pass_until(self, day: date, at: time) -> None:
        moment = datetime.combine(day, at, tzinfo=UTC) - BEIJING_AHEAD
        await self.stage.pass_time((moment - self.stage.clock.now()).total_seconds())

    async def end(self, days: int = 1) -> None:
        """The moment from which bills of the day are handed out."""
        await self.pass_until(self.day + timedelta(days=days), HANDED_OUT_AT[self.provider.channel])

    async def fetch(self, kind: BillKind = BillKind.TRADE, day: date | None = None) -> FetchedBill:
        fetched: FetchedBill = await self.provider.fetch_bill(kind, day or self.day, self.file)
        return fetched

    async def trades(self, day: date | None = None) -> list[TradeRow]:
        fetched = await self.fetch(day=day)
        assert fetched.state is BillState.READY, fetched
        return list(self.provider.read_trades(self.file))

    async def funds(self, day: date | None = None) -> list[FundRow]:
        fetched = await self.fetch(BillKind.FUND_FLOW, day)
        assert fetched.state is BillState.READY, fetched
        return list(self.provider.read_funds(self.file))

    def change(self, difference: BillDifference, number: str = "", **more: Any) -> None:
        given = {"account": self.provider.account, "day": self.day} | more
        self.stage.platform.bill_desk.change(BillChange(difference=difference, number=number, **given))

    async def refund(self, request: StartRequest, fen: int) -> str:
        asked = self.stage.refund_of(request, fen)
        await self.provider.refund(asked)
        return asked.refund_number


@dataclass
class Pair:
    """A payment and a refund of part of it, in a bill to be changed."""

    bill_day: BillDay
    number: str
    refund_number: str

    @classmethod
    async def made(cls, bill_day: BillDay) -> Pair:
        request = await bill_day.stage.paid(10_000)
        return cls(bill_day, request.number, await bill_day.refund(request, 5_000))

    async def rows(self) -> dict[str, TradeRow]:
        """The rows by our number, after the books proved to be as they were."""
        await self.bill_day.end()
        rows = await self.bill_day.trades()
        books = self.bill_day.stage.platform.books()
        (paid,) = [row for row in books["trades"] if row["number"] == self.number]
        (back,) = [row for row in books["refunds"] if row["refund_number"] == self.refund_number]
        assert (paid["amount_fen"], back["amount_fen"], back["state"]) == (10_000, 5_000, "SUCCESS")
        return {row.refund_number or row.payment_number: row for row in rows}
