"""A merchant whose days are made to order, and a platform that writes its bills from its own books."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec

from tests.cloud.sales.conftest import MACHINE, MERCHANT, World
from tests.cloud.sales.selling_stage import ACCOUNT, MASTER, Platform
from vendomat.cloud.alarms import SecurityWatch
from vendomat.cloud.merchants import PaymentAccount, PaymentAccounts
from vendomat.cloud.orders import Closing
from vendomat.cloud.payments import (
    BillError,
    BillKind,
    BillRowKind,
    BillRowStatus,
    BillState,
    FetchedBill,
    FundRow,
    Payment,
    PaymentState,
    ProviderBook,
    TradeRow,
    refund_number,
)
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.reconciliation import (
    AccountDay,
    BillRequests,
    BillShelf,
    Reconciler,
    ReconciliationJob,
    RequestDesk,
    SecondLook,
)
from vendomat.cloud.reconciliation.model import BILL_ZONE, bill_day
from vendomat.cloud.sales import (
    CloseAsked,
    EventFor,
    NewOrder,
    PaymentPaid,
    Reach,
    RefundCaps,
    Till,
    VendFactSeen,
    VendSaid,
    Writer,
)
from vendomat.cloud.sales.model import PaymentClosed, RefundSaid, RefundSeen
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.kernel import ManualClock, Money, TimeOrderedIds, derive_id
from vendomat.protocol import OrderLine

_Row = TypeVar("_Row", TradeRow, FundRow)
FIRST_DAY = date(2026, 6, 1)
PRICE = 350
RATE_PPM = 6_000
FEE = 2  # 0.6 % of 3.50


def noon(day: date, minutes: int = 0) -> datetime:
    return datetime.combine(day, time(12), BILL_ZONE) + timedelta(minutes=minutes)


@dataclass
class BillingPlatform(Platform):
    """Also lists what it did, by day. A test may spoil `bills`; fund bills follow from them and from `payouts`."""

    bills: dict[date, list[TradeRow]] = field(default_factory=dict)
    payouts: dict[date, int] = field(default_factory=dict)
    not_yet: set[date] = field(default_factory=set)
    refused: str = ""
    is_lying_about_hash: bool = False
    spoilt_funds: dict[date, int] = field(default_factory=dict)
    """Minor units that the fund bill of a day has too much in its first row's amount."""

    def lists(self, row: TradeRow) -> None:
        self.bills.setdefault(bill_day(row.at), []).append(row)

    def pays(self, number: str, at: datetime, minor: int = PRICE) -> None:
        """A buyer paid: the trade is known, and listed in the day's bill."""
        self.trades[number] = replace(self.take_money(number, minor), paid_at=at)
        kind, status = BillRowKind.PAYMENT, BillRowStatus.SUCCEEDED
        self.lists(TradeRow(0, kind, status, at, number, f"42{number[-20:]}", minor, "CNY", fee_of(minor)))

    def pays_back(self, number: str, refund: str, at: datetime, minor: int = PRICE) -> None:
        self.refunds[refund] = Money(minor, "CNY")
        self.lists(
            TradeRow(
                0,
                BillRowKind.REFUND,
                BillRowStatus.SUCCEEDED,
                at,
                number,
                f"42{number[-20:]}",
                minor,
                "CNY",
                -fee_of(minor),
                refund,
                f"50{refund[-20:]}",
            )
        )

    def file_of(self, kind: BillKind, day: date) -> bytes:
        """The file of this bill; empty when nothing happened."""
        rows: list[TradeRow] | list[FundRow] = (
            [replace(row, row=n) for n, row in enumerate(self.bills.get(day, []), start=1)]
            if kind is BillKind.TRADE
            else self._funds(day)
        )
        return b"\n".join(msgspec.json.encode(row) for row in rows)

    async def fetch_bill(self, kind: BillKind, day: date, into: Path) -> FetchedBill:
        await self._called(f"bill.{kind.value}", day.isoformat())
        if self.is_away:
            return FetchedBill(BillState.UNKNOWN, error="away")
        if self.refused:
            return FetchedBill(BillState.REFUSED, error=self.refused)
        if day in self.not_yet:
            return FetchedBill(BillState.NOT_YET)
        content = self.file_of(kind, day)
        if not content:
            return FetchedBill(BillState.EMPTY)
        into.write_bytes(content)
        digest = "0" * 64 if self.is_lying_about_hash else hashlib.sha256(content).hexdigest()
        return FetchedBill(BillState.READY, digest, len(content))

    def _moves(self, day: date) -> list[tuple[str, int]]:
        moves: list[tuple[str, int]] = []
        for row in self.bills.get(day, []):
            if row.status is BillRowStatus.FAILED:
                continue
            sign = 1 if row.kind is BillRowKind.PAYMENT else -1
            moves += [("交易" if sign > 0 else "退款", sign * row.amount_minor), ("扣除交易手续费", -row.fee_minor)]
        if self.payouts.get(day):
            moves.append(("提现", -self.payouts[day]))
        return [(what, minor) for what, minor in moves if minor]

    def _funds(self, day: date) -> list[FundRow]:
        earlier = sorted(d for d in {*self.bills, *self.payouts} if d < day)
        balance = sum(minor for d in earlier for _, minor in self._moves(d))
        rows = []
        for n, (what, minor) in enumerate(self._moves(day), start=1):
            balance += minor
            spoilt = self.spoilt_funds.get(day, 0) if n == 1 else 0
            rows.append(FundRow(n, noon(day), f"{day:%Y%m%d}{n:06d}", what, minor + spoilt, balance))
        return rows

    def read_trades(self, path: Path) -> Iterator[TradeRow]:
        yield from self._read(path, TradeRow)

    def read_funds(self, path: Path) -> Iterator[FundRow]:
        yield from self._read(path, FundRow)

    def _read(self, path: Path, shape: type[_Row]) -> Iterator[_Row]:
        with path.open("rb") as file:
            for line in file:
                try:
                    yield msgspec.json.decode(line, type=shape)
                except msgspec.DecodeError as error:
                    raise BillError(f"not a row: {error}") from error


def fee_of(minor: int) -> int:
    return (minor * RATE_PPM + 500_000) // 1_000_000


@dataclass
class Market:
    """Orders of one unit, told as machines and platforms tell them, and the worker that reconciles."""

    world: World
    clock: ManualClock
    platform: BillingPlatform
    writer: Writer
    till: Till
    shelf: BillShelf
    reconciler: Reconciler
    job: ReconciliationJob
    desk: RequestDesk
    requests: BillRequests
    orders: int = 0

    async def order(self, at: datetime, *, payments: int = 1) -> tuple[str, list[str]]:
        """An order that waits for payment: its id, and the numbers of its payments."""
        self.orders += 1
        n = self.orders
        order_id, number = derive_id("ord", "market", n), derive_id("pay", "market", n)
        await self.writer.create(
            NewOrder(
                merchant_id=MERCHANT,
                machine_id=MACHINE,
                request_id=derive_id("req", "market", n),
                order_id=order_id,
                origin="touch",
                lines=(OrderLine(slot="A1", quantity=1, price_minor=PRICE),),
                payment=Payment(number, "wechat", ACCOUNT, 0, PaymentState.CREATED),
                at=at,
                expires_at=at + timedelta(seconds=120),
            )
        )
        return order_id, [number]

    async def tell(self, order_id: str, event: object) -> None:
        await self.writer.apply(EventFor((MERCHANT, order_id), event))  # type: ignore[arg-type]

    async def paid(self, order_id: str, number: str, at: datetime, minor: int = PRICE) -> None:
        """We hear that it is paid."""
        transaction, grace = f"42{number[-20:]}", timedelta(seconds=30)
        await self.tell(order_id, PaymentPaid(number, ACCOUNT, minor, "CNY", transaction, at, "notice", grace, at))

    async def vend(self, order_id: str, said: VendSaid, at: datetime) -> None:
        words = "delivered" if said is VendSaid.DELIVERED else "jam"
        cmd_id = command_number(order_id, 1)
        await self.tell(order_id, VendFactSeen(cmd_id, MACHINE, said, words, "", f"1/{self.orders}", at, motor_ms=900))

    async def refunded(self, order_id: str, number: str, at: datetime) -> str:
        """We hear that the refund of all of it succeeded."""
        refund = refund_number(number, 1)
        await self.tell(order_id, RefundSeen(refund, RefundSaid.SUCCEEDED, "", at))
        return refund

    async def sell(self, at: datetime) -> str:
        """A sale as it should be, on both sides; the payment's number."""
        order_id, (number,) = await self.order(at)
        self.platform.pays(number, at)
        await self.paid(order_id, number, at)
        await self.vend(order_id, VendSaid.DELIVERED, at)
        return number

    async def jam(self, at: datetime) -> tuple[str, str]:
        """Nothing came out, and the money went back, on both sides; (payment number, refund number)."""
        order_id, (number,) = await self.order(at)
        self.platform.pays(number, at)
        await self.paid(order_id, number, at)
        await self.vend(order_id, VendSaid.NOT_DELIVERED, at)
        await self.world.superuser.execute("UPDATE stock_slot SET closed_reason = ''")
        refund = await self.refunded(order_id, number, at)
        self.platform.pays_back(number, refund, at)
        return number, refund

    async def give_up(self, order_id: str, number: str, at: datetime) -> None:
        """The order ended unpaid, as far as we know."""
        await self.tell(order_id, CloseAsked(Closing.EXPIRING, at + timedelta(seconds=121)))
        await self.tell(order_id, PaymentClosed(number, at + timedelta(seconds=122)))

    async def run(self, until: date, hour: int = 11) -> None:
        """Let the job run at `hour` o'clock in China on `until`, not before the clock has come there."""
        wanted = datetime.combine(until, time(hour), BILL_ZONE)
        await self.clock.advance(max(0.0, (wanted - self.clock.now()).total_seconds()))
        await self.job.run()

    async def items(self) -> dict[tuple[str, str, str], tuple[str, str]]:
        """(day of June, class, subject) to (state, fix)."""
        rows = await self.world.superuser.fetch("SELECT * FROM recon_item ORDER BY day, class, subject")
        return {(f"{row['day']:%m-%d}", row["class"], row["subject"]): (row["state"], row["fix"]) for row in rows}

    async def days(self) -> dict[str, str]:
        rows = await self.world.superuser.fetch("SELECT day, state FROM recon_day ORDER BY day")
        return {f"{row['day']:%m-%d}": row["state"] for row in rows}

    async def balance(self, account: str) -> int:
        found = await self.world.superuser.fetchval(
            "SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_line WHERE account = $1", account
        )
        return int(found)

    def place(self, day: date) -> AccountDay:
        return AccountDay(MERCHANT, "wechat", ACCOUNT, day)


@asynccontextmanager
async def open_market(
    world: World, folder: Path, *, database: Database | None = None, platform: BillingPlatform | None = None
) -> AsyncIterator[Market]:
    """`database` and `platform` stand in for the market's own, for a worker that is another or breaks."""
    own = database or world.database
    clock = ManualClock(datetime.combine(FIRST_DAY, time(9), BILL_ZONE))
    ids, settings = TimeOrderedIds(clock), CloudSettings()
    await world.superuser.execute("UPDATE stock_slot SET on_hand = 100040 WHERE slot = 'A1'")
    await world.superuser.execute(
        "INSERT INTO stock_move SELECT merchant_id, machine_id, 'A1', 'loaded', 100000, '', 0, now() FROM machine"
    )
    played = platform or BillingPlatform()
    accounts = PaymentAccounts(own, MASTER)
    await accounts.put(PaymentAccount(MERCHANT, "wechat", ACCOUNT, {}))
    book = ProviderBook(
        accounts,
        clock,
        threads=1,
        lookups_per_second=100_000.0,
        open_provider=lambda *_, **__: played,
    )
    writer = Writer(own, settings, ids)
    watch, reach = SecurityWatch(own, ids, clock), Reach(own, book, clock)
    caps = RefundCaps(own, settings=settings, clock=clock, key=b"k" * 32)
    till = Till(own, writer, book, settings=settings, clock=clock, watch=watch, reach=reach, caps=caps)
    shelf = BillShelf(folder / "bills", ids)
    reconciler = Reconciler(
        database=own,
        book=book,
        shelf=shelf,
        second_look=SecondLook(own, till, clock, ids),
        clock=clock,
        ids=ids,
    )
    job = ReconciliationJob(own, accounts, reconciler, clock)
    desk, requests = RequestDesk(own, shelf, clock, ids), BillRequests(own, reconciler, shelf, clock)
    try:
        yield Market(world, clock, played, writer, till, shelf, reconciler, job, desk, requests)
    finally:
        await writer.aclose()
        await book.aclose()
