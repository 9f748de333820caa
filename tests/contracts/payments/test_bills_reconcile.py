"""The bills of each platform, as it makes them, against our books: a day that was sold as it should be agrees to the
last minor unit, and each difference that the platform can be told to show is found under its name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import pytest_asyncio

from tests.cloud.conftest import database_url, postgres
from tests.contracts.payments.bill_stage import BillDay
from vendomat.cloud.payments.providers import BillKind, RefundState, StartRequest, TradeRow, TradeState
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.engines import PostgresEngine
from vendomat.cloud.reconciliation import AccountDay, Taken, run_funds, run_trades, sum_funds
from vendomat.simulator.gateways import BillDifference

__all__ = ["database_url", "postgres"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
]
PLATFORMS = pytest.mark.parametrize("bill_world", ["wechat", "alipay", "stripe"], indirect=True, scope="module")

MERCHANT = "mer_" + "0" * 26


class Books:
    """Our side of the day: payments and refunds as we heard of them."""

    def __init__(self, bill_day: BillDay, superuser: asyncpg.Connection, database: Database) -> None:
        self.bill_day, self.superuser, self.database = bill_day, superuser, database
        provider = bill_day.provider
        self.place = AccountDay(MERCHANT, provider.channel, provider.account, bill_day.day)

    async def sell(self) -> StartRequest:
        """Paid, and goods came out."""
        request = await self.bill_day.stage.paid(350)
        trade = await self.bill_day.provider.look_up(request.number)
        assert trade.state is TradeState.PAID
        await self._insert(
            "INSERT INTO payment (merchant_id, payment_id, order_id, channel, account, amount_minor, currency, state, "
            "is_winning, transaction_id, captured_minor, paid_at, created_at, expires_at) VALUES "
            "($1, $2, $2, $3, $4, 350, 'CNY', 'paid', true, $5, 350, $6, $6, $6)",
            MERCHANT,
            request.number,
            self.place.channel,
            self.place.account,
            trade.transaction_id,
            trade.paid_at or self.bill_day.stage.clock.now(),
        )
        return request

    async def deliver(self, request: StartRequest) -> None:
        await self._insert(
            "INSERT INTO vend_unit (merchant_id, order_id, unit, machine_id, slot, product_id, price_minor, outcome, "
            "is_final) VALUES ($1, $2, 1, 'm', 'A1', 'p', 350, 'delivered', true)",
            MERCHANT,
            request.number,
        )

    async def give_back(self, request: StartRequest) -> str:
        asked = self.bill_day.stage.refund_of(request, 350)
        await self.bill_day.provider.refund(asked)
        await self.bill_day.stage.pass_time(5)
        answer = await self.bill_day.provider.look_up_refund(asked)
        assert answer.state is RefundState.SUCCEEDED
        await self._insert(
            "INSERT INTO refund (merchant_id, payment_id, ordinal, refund_id, order_id, amount_minor, reason, state, "
            "requested_at, ended_at) VALUES ($1, $2, 1, $3, $2, 350, 'jam', 'succeeded', $4, $4)",
            MERCHANT,
            request.number,
            asked.refund_number,
            self.bill_day.stage.clock.now(),
        )
        return asked.refund_number

    def _trades(self) -> Iterator[TradeRow]:
        return iter(self.bill_day.provider.read_trades(self.bill_day.file))

    async def _insert(self, statement: str, *values: object) -> None:
        async with self.superuser.transaction():
            await self.superuser.execute("SET LOCAL session_replication_role = replica")  # no orders are needed here
            await self.superuser.execute(statement, *values)

    async def reconcile(self) -> set[tuple[str, str]]:
        """Both bills fetched and run; the items as (class, our number or "")."""
        await self.superuser.execute(
            "INSERT INTO recon_day (merchant_id, channel, account, day) VALUES ($1, $2, $3, $4)", *self.place.key
        )
        trade = await self.bill_day.fetch(BillKind.TRADE)
        taken = Taken(BillKind.TRADE, "kept", trade.sha256, trade.size_bytes)
        await self.database.write(lambda c: run_trades(c, self.place, taken, self._trades(), at=self.place.due_at))
        fund = await self.bill_day.fetch(BillKind.FUND_FLOW)
        moved = Taken(BillKind.FUND_FLOW, "kept", fund.sha256, fund.size_bytes)
        read = sum_funds(self.bill_day.provider.read_funds(self.bill_day.file))
        await self.database.write(lambda c: run_funds(c, self.place, moved, read, at=self.place.due_at))
        rows = await self.superuser.fetch(
            "SELECT class, subject FROM recon_item WHERE day = $1 AND channel = $2", self.place.day, self.place.channel
        )
        return {(row["class"], row["subject"].partition(":")[2] if row["class"] != "fund" else "") for row in rows}


@pytest_asyncio.fixture(loop_scope="module")
async def books(bill_day: BillDay, postgres: PostgresEngine, database_url: str) -> AsyncIterator[Books]:
    superuser = await asyncpg.connect(
        postgres.address.url_of(database_url.split("?", maxsplit=1)[0].rpartition("/")[2], "postgres")
    )
    database = await Database.open(database_url, hot_connections=2)
    yield Books(bill_day, superuser, database)
    await database.aclose()
    await superuser.close()


@PLATFORMS
async def test_a_day_sold_as_it_should_be_agrees_with_both_bills(books: Books) -> None:
    sold = [await books.sell() for _ in range(3)]
    await books.deliver(sold[0])
    await books.deliver(sold[1])
    await books.give_back(sold[2])
    await books.bill_day.end()
    assert await books.reconcile() == set()
    row = await books.superuser.fetchrow("SELECT * FROM recon_day WHERE account = $1", books.place.account)
    assert (row["bill_rows"], row["ok_rows"], row["paid_minor"], row["refunded_minor"]) == (4, 4, 1050, 350)
    assert row["closing_minor"] is not None


@PLATFORMS
async def test_what_the_platform_leaves_out_or_alters_is_found(books: Books) -> None:
    gone, altered, good = [await books.sell() for _ in range(3)]
    for request in (gone, altered, good):
        await books.deliver(request)
    await books.bill_day.end()
    books.bill_day.change(BillDifference.DROP, gone.number)
    books.bill_day.change(BillDifference.AMOUNT, altered.number, amount_fen=100)
    found = await books.reconcile()
    assert {("timing", gone.number), ("amount", altered.number)} <= found
    assert found - {("fund", "")} == {("timing", gone.number), ("amount", altered.number)}


@pytest.mark.parametrize("bill_world", ["stripe"], indirect=True, scope="module")
async def test_a_payout_of_stripes_goes_to_the_bank_and_the_day_agrees(books: Books) -> None:
    sold = await books.sell()
    await books.deliver(sold)
    books.bill_day.stage.platform.pay_out(books.place.account, 200)
    await books.bill_day.end()
    assert await books.reconcile() == set()
    booked = await books.superuser.fetch(
        "SELECT l.account, l.amount_minor FROM ledger_line l WHERE l.txn_key LIKE 'payout:stripe:' || $1 || ':%' "
        "ORDER BY l.amount_minor",
        books.place.account,
    )
    clearing = f"asset:clearing:stripe:{books.place.account}"
    assert [tuple(row) for row in booked] == [(clearing, -200), ("asset:bank", 200)]
    fees = await books.superuser.fetchval(
        "SELECT amount_minor FROM ledger_line WHERE account = 'expense:fee:stripe' AND txn_key LIKE '%' || $1 || '%'",
        str(books.place.day),
    )
    assert fees == 2
