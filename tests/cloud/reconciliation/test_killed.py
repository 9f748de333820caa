"""A run that is killed before one of its statements (every third is tried), and begun again, leaves what one
undisturbed run leaves."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog.testing

from tests.cloud.reconciliation.market import FIRST_DAY, BillingPlatform, Market, noon, open_market
from tests.cloud.sales.conftest import World
from tests.cloud.sales.selling_stage import DiedError
from vendomat.cloud.payments import BillRowStatus
from vendomat.cloud.platform.database import Database, KeptConnection

pytestmark = pytest.mark.slow

STATEMENTS_MAX = 120


@dataclass
class Death:
    """The worker dies before its `nth` statement, once armed; 0: it lives."""

    nth: int = 0
    seen: int = 0

    def before(self) -> None:
        self.seen += 1
        if self.seen == self.nth:
            raise DiedError


def mortal(death: Death) -> type[KeptConnection]:
    class MortalConnection(KeptConnection):
        async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
            death.before()
            return await super().fetch(query, *args, **options)

        async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
            death.before()
            return await super().fetchval(query, *args, **options)

        async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
            death.before()
            return await super().fetchrow(query, *args, **options)

        async def execute(self, query: str, *args: Any, **options: Any) -> Any:
            if not query.startswith(("BEGIN", "ROLLBACK")):
                death.before()
            return await super().execute(query, *args, **options)

        async def copy_to_table(self, *args: Any, **options: Any) -> Any:
            death.before()
            return await super().copy_to_table(*args, **options)

    return MortalConnection


async def make_day(market: Market, day: date) -> None:
    """A sale, a refund whose bill is old, a lost notice, a stranger's money and a payout."""
    platform = market.platform
    await market.sell(noon(day))
    _, refund = await market.jam(noon(day, 1))
    rows = platform.bills[day]
    platform.bills[day] = [
        replace(row, status=BillRowStatus.PROCESSING) if row.refund_number == refund else row for row in rows
    ]
    order_id, (number,) = await market.order(noon(day, 2))
    await market.give_up(order_id, number, noon(day, 2))
    platform.pays(number, noon(day, 2))
    platform.pays(f"stranger{day:%d%m}", noon(day, 3), 990)
    platform.payouts[day] = 100


async def leave_alone(market: Market, day: date) -> None:
    """Nothing wakes this day any more, so that each run is about one day."""
    await market.world.superuser.execute("UPDATE recon_day SET next_try_at = NULL, runs = 0 WHERE day = $1", day)


async def what_is_left(market: Market, day: date) -> object:
    """All the run wrote about `day`, without what names it, and without the rows that agree as of the last run."""
    superuser = market.world.superuser
    items = await superuser.fetch("SELECT class, fix, state, run > 0 FROM recon_item WHERE day = $1", day)
    row = await superuser.fetchrow(
        "SELECT state, bill_rows, paid_minor, refunded_minor, fee_minor, beyond, "
        "closing_minor - opening_minor AS moved, next_try_at IS NULL AS is_for_people FROM recon_day WHERE day = $1",
        day,
    )
    bills = await superuser.fetch("SELECT kind, state, rows FROM bill_file WHERE day = $1", day)
    booked = await superuser.fetch(
        "SELECT split_part(l.txn_key, ':', 1) AS what, l.account, l.amount_minor FROM ledger_line l "
        "WHERE l.txn_key ~ '^(fee|long|payout)' AND (l.txn_key LIKE '%' || $1 || '%' OR EXISTS (SELECT FROM "
        "recon_item i WHERE i.posted_txn = l.txn_key AND i.day = $1::date))",
        day.isoformat(),
    )
    late = await superuser.fetchval(
        "SELECT count(*) FROM refund r JOIN recon_item i ON i.payment_number = r.payment_id WHERE i.day = $1 "
        "AND i.class = 'long'",
        day,
    )
    return Counter(map(tuple, items)), tuple(row), Counter(map(tuple, bills)), Counter(map(tuple, booked)), late


async def test_f19_a_run_killed_before_any_statement_and_repeated_writes_the_same(
    world: World, database_url: str, tmp_path: Path
) -> None:
    death = Death()
    database = await Database.open(database_url, connection_class=mortal(death))
    platform = BillingPlatform()
    async with (
        contextlib.aclosing(database),
        open_market(world, tmp_path, platform=platform) as market,
        open_market(world, tmp_path, database=database, platform=platform) as mortal_one,
    ):
        await make_day(market, FIRST_DAY)
        await market.run(FIRST_DAY + timedelta(days=1))
        undisturbed = await what_is_left(market, FIRST_DAY)
        await leave_alone(market, FIRST_DAY)
        for nth in range(1, STATEMENTS_MAX, 3):
            day = FIRST_DAY + timedelta(days=nth // 3 + 1)
            await make_day(market, day)
            death.nth, death.seen = 0, 0
            until = noon(day + timedelta(days=1))
            for clock in (market.clock, mortal_one.clock):
                await clock.advance(max(0.0, (until - clock.now()).total_seconds()))
            death.nth, death.seen = nth, 0
            with contextlib.suppress(DiedError), structlog.testing.capture_logs():
                await mortal_one.job.run()
            statements = death.seen
            death.nth = 0
            await market.clock.advance(3 * 3600.0)
            await market.job.run()
            assert await what_is_left(market, day) == undisturbed, f"killed before statement {nth}"
            await leave_alone(market, day)
            if statements < nth:
                break
        else:
            raise AssertionError("the run never came to its end")
        assert nth > 30, "the run was not killed within its work"
