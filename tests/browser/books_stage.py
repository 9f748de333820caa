"""A merchant's books of a day in last month, and the platform's files of it: a real database, application, worker.

50,000 sales are written set-based, as they are after everything went well; the files are written by the emulator of the
platform, which shares no code with the readers. Two rows of the bill are of somebody else's till.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from tests.browser.doubt_stage import _served, _till
from tests.cloud.app.conftest import _no_ledger
from tests.cloud.app.test_trust_api import SETTINGS
from tests.cloud.shop_stage import Shop, open_shop
from vendomat.bench.reconcile import MCHID, _reader
from vendomat.cloud.app import PublicParts, build_public_app
from vendomat.cloud.merchants import PaymentAccount, PaymentAccounts
from vendomat.cloud.payments import ProviderBook
from vendomat.cloud.platform.jobs import JobWorker
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.reconciliation import JOB, AccountDay, BillRequests, BillShelf, Reconciler, SecondLook
from vendomat.cloud.reconciliation.model import bill_day
from vendomat.cloud.reports import EventFeeds
from vendomat.cloud.sales import Writer
from vendomat.cloud.statistics import SaleSums
from vendomat.kernel import SystemClock
from vendomat.simulator.gateways.daily_bills import TradeLine
from vendomat.simulator.gateways.funds import FundEntry, with_balances
from vendomat.simulator.gateways.wechat.daily_bills import fund_file, trade_file
from vendomat.simulator.gateways.wechat.records import KeyMode, Merchant

ROWS, STRANGERS = 50_000, 2
SALES = ROWS - STRANGERS
PRICE_FEN, FEE_FEN = 350, 2
PLATFORM = Merchant(
    mchid=MCHID,
    appid="wx1",
    name="x",
    serial_no="A",
    public_key_pem="",
    apiv3_key="",
    mode=KeyMode.PUBLIC_KEY,
    balance_fen=0,
)
_DAY = "SELECT n, $2::timestamptz + n * interval '1 second' AS t FROM generate_series(1, $3::int) n"
_FILL = (
    "INSERT INTO sale_order (merchant_id, order_id, machine_id, request_id, origin, state, version, total_minor, "
    "currency, lines, created_at, expires_at, ended_at) SELECT $1, 'ord_' || lpad(n::text, 26, '0'), $5, n::text, "
    f"'touch', 'settled', 5, $4, 'CNY', '[]', t, t, t FROM ({_DAY}) g",
    "INSERT INTO payment (merchant_id, payment_id, order_id, channel, account, amount_minor, currency, state, "
    "is_winning, transaction_id, captured_minor, paid_at, created_at, expires_at) SELECT $1, 'pay_' || "
    "lpad(n::text, 26, '0'), 'ord_' || lpad(n::text, 26, '0'), 'wechat', $5, $4, 'CNY', 'paid', true, '42' || "
    f"lpad(n::text, 26, '0'), $4, t, t, t FROM ({_DAY}) g",
    "INSERT INTO vend_unit (merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, outcome, is_final) "
    f"SELECT $1, 'ord_' || lpad(n::text, 26, '0'), 1, $5, 'A1', $6, $4, 'delivered', true FROM ({_DAY}) g",
    "INSERT INTO outbox (merchant_id, kind, subject, data, at) SELECT $1, 'vend.delivered', 'ord_' || "
    f"lpad(n::text, 26, '0'), '{{\"unit\": 1}}', t FROM ({_DAY}) g",
)


@dataclass
class BooksStage:
    """`url` is the console's; `trades` and `funds` are the day's files, `other_day` one of the day after."""

    url: str
    shop: Shop
    place: AccountDay
    trades: Path
    funds: Path
    other_day: Path

    @property
    def month(self) -> str:
        return f"{self.place.day:%Y-%m}"


@asynccontextmanager
async def open_books_stage(database_url: str, folder: Path) -> AsyncIterator[BooksStage]:
    clock = SystemClock()
    async with open_shop(database_url) as made:
        shop = dataclasses.replace(made, clock=clock)  # type: ignore[arg-type]
        place = AccountDay(shop.merchant_id, "wechat", MCHID, _day_of_last_month(clock.now()))
        await _fill(shop, place)
        writer, settings = Writer(shop.database, SETTINGS, shop.ids), CloudSettings(bills_dir=folder / "bills")
        till, feeds = _till(shop, writer), EventFeeds(shop.database, clock)
        book = ProviderBook(
            PaymentAccounts(shop.database, shop.master_key),
            clock,
            threads=1,
            lookups_per_second=1.0,
            open_provider=lambda *_, **__: _reader(clock),
        )
        shelf = BillShelf(settings.bills_folder, shop.ids)
        second_look = SecondLook(shop.database, till, clock, shop.ids)
        reconciler = Reconciler(
            database=shop.database, book=book, shelf=shelf, second_look=second_look, clock=clock, ids=shop.ids
        )
        requests = BillRequests(shop.database, reconciler, shelf, clock)
        working = asyncio.create_task(JobWorker(database_url, kinds={JOB: requests.run}, schedules={}).run())
        app = build_public_app(
            PublicParts(
                database=shop.database,
                master_key=shop.master_key,
                passwords=shop.passwords,
                ids=shop.ids,
                clock=clock,
                post_ledger=_no_ledger,
                feeds=feeds,
                settings=settings,
            )
        )
        try:
            async with _served(app, _listening()) as address:
                yield BooksStage(f"{address}/console/", shop, place, *await asyncio.to_thread(_files, place, folder))
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await feeds.aclose()
            await writer.aclose()
            await book.aclose()


def _listening() -> socket.socket:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    return listening


def _day_of_last_month(now: datetime) -> date:
    return (bill_day(now).replace(day=1) - timedelta(days=1)).replace(day=10)


async def _fill(shop: Shop, place: AccountDay) -> None:
    await PaymentAccounts(shop.database, shop.master_key).put(PaymentAccount(shop.merchant_id, "wechat", MCHID, {}))
    product_id = next(iter(shop.seeded.products.values()))
    common = (shop.merchant_id, place.begins_at, SALES, PRICE_FEN)
    of_each = ((shop.machine_id,), (MCHID,), (shop.machine_id, product_id), ())
    async with shop.database.hot.acquire() as connection:
        for statement, more in zip(_FILL, of_each, strict=True):
            used = (*common, *more) if "$4" in statement else common[:3]
            await connection.execute(statement, *used, timeout=60)
        await connection.execute(
            "INSERT INTO recon_day (merchant_id, channel, account, day) VALUES ($1, $2, $3, $4)", *place.key
        )
    await SaleSums(shop.database).run()


def _files(place: AccountDay, folder: Path) -> tuple[Path, Path, Path]:
    ours = [_line(place, n, f"pay_{n:026d}", PRICE_FEN, FEE_FEN) for n in range(1, SALES + 1)]
    theirs = [_line(place, n, f"till{n:022d}", 1_200, 7) for n in range(SALES + 1, ROWS + 1)]
    after = dataclasses.replace(ours[0], at=place.ends_at)
    paid = SALES * PRICE_FEN + STRANGERS * 1_200
    moved = [_entry(place, "交易", paid), _entry(place, "扣除交易手续费", -(SALES * FEE_FEN + STRANGERS * 7))]
    trades, funds, other_day = folder / "trades.csv.gz", folder / "funds.csv", folder / "other.csv"
    trades.write_bytes(gzip.compress(trade_file(PLATFORM, [*ours, *theirs]), 1))
    funds.write_bytes(fund_file(MCHID, with_balances(moved, paid)))
    other_day.write_bytes(trade_file(PLATFORM, [after]))
    return trades, funds, other_day


def _line(place: AccountDay, n: int, number: str, amount_fen: int, fee_fen: int) -> TradeLine:
    at = place.begins_at + timedelta(seconds=n)
    return TradeLine(
        at=at, number=number, transaction_id=f"42{n:026d}", amount_fen=amount_fen, fee_fen=fee_fen, state="SUCCESS"
    )


def _entry(place: AccountDay, business: str, amount_fen: int) -> FundEntry:
    at = place.begins_at + timedelta(hours=23)
    return FundEntry(
        at=at, name=business, business=business, amount_fen=amount_fen, platform_number=business, voucher="v"
    )
