"""Thirty days of a merchant with differences put in by hand: each is found and named, and nothing else is.

`VENDOMAT_MONTH_ORDERS=100000` makes it a month of a hundred machines; without it, a short one.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.cloud.reconciliation.market import ACCOUNT, FEE, FIRST_DAY, PRICE, Market, noon
from tests.cloud.sales.conftest import MERCHANT
from vendomat.audit import AuditSources, Terms, run_audit
from vendomat.cloud.merchants import Operator, Role
from vendomat.cloud.payments import BillRowKind, BillRowStatus, TradeRow
from vendomat.cloud.reconciliation import ReconciliationDesk
from vendomat.cloud.reconciliation.model import ItemMove

pytestmark = pytest.mark.slow

DAYS = 30
SALES_A_DAY = int(os.environ.get("VENDOMAT_MONTH_ORDERS", "180")) // DAYS
JAMS_A_DAY = SALES_A_DAY // 50
AT_ONCE = 500
PERSON = Operator(MERCHANT, "opr_1", "owner@vendomat.example", "Owner", Role.OWNER, "", "CNY")
Found = dict[tuple[str, str, str], str]


def day(n: int) -> date:
    return FIRST_DAY + timedelta(days=n - 1)


class Injector:
    """Puts one difference into a day, and says what must be found: (day, class, subject) to state."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.bills = market.platform.bills
        self.owed: list[tuple[str, str]] = []

    def spoil(self, n: int, number: str, **other: object) -> None:
        rows = self.bills[day(n)]
        self.bills[day(n)] = [replace(r, **other) if number in (r.payment_number, r.refund_number) else r for r in rows]  # type: ignore[arg-type]

    def drop(self, n: int, number: str) -> TradeRow:
        (row,) = [r for r in self.bills[day(n)] if number in (r.refund_number or r.payment_number,)]
        self.bills[day(n)].remove(row)
        return row

    async def notice_lost(self, n: int) -> Found:
        order_id, (number,) = await self.market.order(noon(day(n), 30))
        await self.market.give_up(order_id, number, noon(day(n), 30))
        self.market.platform.pays(number, noon(day(n), 30))
        self.owed.append((order_id, number))
        at = f"{day(n):%m-%d}"
        return {(at, "long", f"payment:{number}"): "fixed", (at, "vend", f"vend:{number}"): "fixed"}

    async def pay_back(self) -> None:
        """The refunds that were asked for meanwhile end, on both sides."""
        for order_id, number in self.owed:
            refund = await self.market.refunded(order_id, number, self.market.clock.now())
            self.market.platform.pays_back(number, refund, self.market.clock.now())
        self.owed.clear()

    async def stranger(self, n: int) -> Found:
        self.market.platform.pays(f"pos{n}", noon(day(n), 31), 1_200)
        return {(f"{day(n):%m-%d}", "long", "bill"): "open"}

    async def vanished(self, n: int) -> Found:
        number = await self.market.sell(noon(day(n), 32))
        self.drop(n, number)
        del self.market.platform.trades[number]
        return {(f"{day(n):%m-%d}", "short", f"payment:{number}"): "open"}

    async def sum_altered(self, n: int) -> Found:
        number = await self.market.sell(noon(day(n), 33))
        self.spoil(n, number, amount_minor=PRICE + 1)
        return {(f"{day(n):%m-%d}", "amount", f"payment:{number}"): "open"}

    async def refund_old(self, n: int) -> Found:
        _, refund = await self.market.jam(noon(day(n), 34))
        self.bills[day(n)] = [
            replace(r, status=BillRowStatus.PROCESSING) if r.refund_number == refund else r for r in self.bills[day(n)]
        ]
        return {(f"{day(n):%m-%d}", "status", f"refund:{refund}"): "explained"}

    async def refund_by_portal(self, n: int) -> Found:
        number = await self.market.sell(noon(day(n), 35))
        done, at = BillRowStatus.SUCCEEDED, noon(day(n), 36)
        self.market.platform.lists(
            TradeRow(0, BillRowKind.REFUND, done, at, number, "42x", 100, "CNY", 0, f"portal{n}", f"50{n}")
        )
        return {(f"{day(n):%m-%d}", "refund_long", "bill"): "open"}

    async def refund_unlisted(self, n: int) -> Found:
        _, refund = await self.market.jam(noon(day(n), 37))
        self.drop(n, refund)
        return {(f"{day(n):%m-%d}", "refund_short", f"refund:{refund}"): "explained"}

    async def dear(self, n: int) -> Found:
        number = await self.market.sell(noon(day(n), 38))
        self.spoil(n, number, fee_minor=FEE + 2)
        return {(f"{day(n):%m-%d}", "fee", f"payment:{number}"): "explained"}

    async def midnight(self, n: int) -> Found:
        at = noon(day(n), 12 * 60 - 1)
        number = await self.market.sell(at)
        self.market.platform.lists(replace(self.drop(n, number), at=at + timedelta(minutes=2)))
        return {(f"{day(m):%m-%d}", "timing", f"payment:{number}"): "explained" for m in (n, n + 1)}

    async def kept(self, n: int) -> Found:
        order_id, (number,) = await self.market.order(noon(day(n), 39))
        self.market.platform.pays(number, noon(day(n), 39))
        await self.market.paid(order_id, number, noon(day(n), 39))
        return {(f"{day(n):%m-%d}", "vend", f"vend:{number}"): "open"}

    async def twice_in_the_bill(self, n: int) -> Found:
        number = await self.market.sell(noon(day(n), 40))
        self.bills[day(n)].append(next(r for r in self.bills[day(n)] if r.payment_number == number))
        return {(f"{day(n):%m-%d}", "long", "bill"): "open"}

    async def account_moved(self, n: int) -> Found:
        self.market.platform.spoilt_funds[day(n)] = 5
        subjects = ("fund:opening", "fund:sum")
        return {(f"{day(n):%m-%d}", "fund", subject): "open" for subject in subjects}


async def test_every_difference_of_a_month_is_found_and_nothing_else(market: Market, database_url: str) -> None:
    injector = Injector(market)
    kinds = (
        injector.notice_lost,
        injector.stranger,
        injector.vanished,
        injector.sum_altered,
        injector.refund_old,
        injector.refund_by_portal,
        injector.refund_unlisted,
        injector.dear,
        injector.midnight,
        injector.kept,
        injector.twice_in_the_bill,
        injector.account_moved,
    )
    await market.world.superuser.execute("INSERT INTO fee_contract VALUES ($1, 'wechat', $2, 6000)", MERCHANT, ACCOUNT)
    expected: Found = {}
    for n in range(1, DAYS + 1):
        await sell_a_day(market, n)
        if n & (n - 1) == 0:  # twice as much as at the last count; nobody else counts in a test's database
            await market.world.superuser.execute("ANALYZE")
        if n % 2 == 0 and n // 2 <= len(kinds):
            expected |= await kinds[n // 2 - 1](n)
        await market.run(day(n + 1))
        await injector.pay_back()
    found = {
        (at, cls, "bill" if subject.startswith("bill:") else subject): state
        for (at, cls, subject), (state, _) in (await market.items()).items()
    }
    assert found == expected
    unexplained = {at for (at, _, _), state in expected.items() if state == "open"}
    assert {at for at, state in (await market.days()).items() if state == "open"} == unexplained
    await a_person_ends_what_is_open(market)
    assert set((await market.days()).values()) == {"closed"}
    report = await run_audit(AuditSources(database_url), Terms())
    assert [(f.name, f.rows) for f in report.breaches] == []


async def sell_a_day(market: Market, n: int) -> None:
    minutes = [m % 600 for m in range(SALES_A_DAY - JAMS_A_DAY)]
    for begin in range(0, len(minutes), AT_ONCE):
        await asyncio.gather(*(market.sell(noon(day(n), m)) for m in minutes[begin : begin + AT_ONCE]))
    for m in range(JAMS_A_DAY):
        await market.jam(noon(day(n), m % 600))


async def a_person_ends_what_is_open(market: Market) -> None:
    desk = ReconciliationDesk(market.world.database, market.clock)
    for row in await market.world.superuser.fetch("SELECT item_id FROM recon_item WHERE state = 'open'"):
        await desk.resolve(PERSON, row["item_id"], ItemMove.EXPLAIN, "looked into")
