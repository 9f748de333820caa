"""A person has a day's bill fetched again, or gives its file: the same comes of it as at night, or nothing at all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.cloud.reconciliation.market import ACCOUNT, FIRST_DAY, BillingPlatform, Market, noon, open_market
from tests.cloud.sales.conftest import MERCHANT, World
from vendomat.cloud.merchants import Operator, Role
from vendomat.cloud.payments import BillKind, TradeRow
from vendomat.cloud.reconciliation import BillRequests
from vendomat.kernel import ErrorCode, VendomatError

pytestmark = pytest.mark.slow

SECOND_DAY = FIRST_DAY + timedelta(days=1)
TRADE, FUND = BillKind.TRADE, BillKind.FUND_FLOW
PERSON = Operator(MERCHANT, "opr_1", "owner@vendomat.example", "Owner", Role.FINANCE, "", "CNY")
RESULT = (
    "SELECT day, state, currency, bill_rows, ok_rows, paid_minor, refunded_minor, fee_minor, fee_txn, beyond, "
    "opening_minor, closing_minor FROM recon_day ORDER BY day",
    "SELECT day, subject, class, fix, state, bill_sha256, bill_row, bill_minor, our_minor, payment_number, order_id, "
    "posted_txn, note FROM recon_item ORDER BY day, subject",
    "SELECT day, kind, state, sha256, size_bytes, rows FROM bill_file ORDER BY day, kind",
    "SELECT account, sum(amount_minor)::bigint FROM ledger_line GROUP BY account ORDER BY account",
    "SELECT txn_key FROM ledger_transaction ORDER BY txn_key",
)


async def sent(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def result(market: Market) -> list[list[tuple[object, ...]]]:
    """All that a day's run leaves, but for when and in which run."""
    return [[tuple(row) for row in await market.world.superuser.fetch(statement)] for statement in RESULT]


async def give(market: Market, kind: BillKind, content: bytes, of: date = FIRST_DAY) -> tuple[str, str, int, int]:
    """Give a file and let a worker run: the request's state, its problem, rows read and rows matched."""
    await market.desk.give(PERSON, market.place(of), kind, chunks=sent(content), file_name="bill.csv")
    return await run(market)


async def run(market: Market) -> tuple[str, str, int, int]:
    await market.requests.run_waiting()
    await market.clock.advance(1)  # the next request is younger
    row = await market.world.superuser.fetchrow(
        "SELECT state, problem, rows_read, rows_matched FROM bill_request ORDER BY asked_at DESC"
    )
    return tuple(row)


@pytest.fixture
async def spoilt(market: Market) -> Market:
    """A day with a sale in no bill, a stranger's payment and a jam, which the platform has not made a bill of yet."""
    for n in range(3):
        await market.sell(noon(FIRST_DAY, n))
    await market.jam(noon(FIRST_DAY, 5))
    gone = await market.sell(noon(FIRST_DAY, 6))
    rows = market.platform.bills[FIRST_DAY]
    market.platform.bills[FIRST_DAY] = [row for row in rows if row.payment_number != gone]
    market.platform.pays("pos1", noon(FIRST_DAY, 7), 1_200)
    market.platform.not_yet.add(FIRST_DAY)
    await market.run(SECOND_DAY)
    assert await market.items() == {}
    return market


async def test_files_that_are_given_leave_what_the_night_leaves_and_book_nothing_twice(spoilt: Market) -> None:
    trades, funds = (spoilt.platform.file_of(kind, FIRST_DAY) for kind in (TRADE, FUND))
    assert await give(spoilt, TRADE, trades) == ("done", "", 6, 6)
    assert await give(spoilt, FUND, funds) == ("done", "", len(funds.splitlines()), 6)
    by_hand = await result(spoilt)
    assert await give(spoilt, TRADE, trades) == ("done", "", 6, 6)
    assert await result(spoilt) == by_hand
    await spoilt.world.superuser.execute("TRUNCATE recon_item, bill_file, bill_request, recon_day")
    spoilt.platform.not_yet.clear()
    await spoilt.run(SECOND_DAY, hour=14)
    assert await result(spoilt) == by_hand
    classes = {cls for _, cls, _ in await spoilt.items()}
    assert classes == {"timing", "long"}


async def test_a_file_of_something_else_changes_nothing_and_says_why(spoilt: Market) -> None:
    other_day = spoilt.platform.file_of(TRADE, FIRST_DAY).replace(b"2026-06-01", b"2026-06-02")
    before = await result(spoilt)
    for kind, content, problem in (
        (TRADE, other_day, "other_day"),
        (TRADE, b"name,price", "no_bill"),
        (TRADE, b"\x1f\x8bx", "no_bill"),
        (FUND, spoilt.platform.file_of(FUND, FIRST_DAY), "trade_first"),
    ):
        state, found, *_ = await give(spoilt, kind, content)
        assert (state, found) == ("refused", problem)
    assert await result(spoilt) == before
    assert await spoilt.world.superuser.fetchval("SELECT count(*) FROM alarm WHERE kind = 'bill_missing'") == 0
    trades = spoilt.platform.file_of(TRADE, FIRST_DAY)
    await give(spoilt, TRADE, trades)
    before = await result(spoilt)
    assert (await give(spoilt, TRADE, trades + b"\n"))[:2] == ("refused", "other_file")
    assert await result(spoilt) == before


async def test_the_platform_is_asked_again_at_once_and_the_day_closes_when_it_answers(market: Market) -> None:
    await market.sell(noon(FIRST_DAY))
    market.platform.not_yet.add(FIRST_DAY)
    await market.run(SECOND_DAY)
    await market.desk.ask(PERSON, market.place(FIRST_DAY))
    assert await run(market) == ("refused", "not_there", 0, 0)
    market.platform.not_yet.clear()
    await market.desk.ask(PERSON, market.place(FIRST_DAY))
    assert (await run(market), await market.days()) == (("done", "", 0, 1), {"06-01": "closed"})
    with pytest.raises(VendomatError) as refused:
        await market.desk.ask(PERSON, market.place(FIRST_DAY))
    assert refused.value.code is ErrorCode.CONFLICT


async def test_one_request_of_a_day_at_a_time_and_who_asked_is_in_the_change_log(
    spoilt: Market, tmp_path: Path
) -> None:
    place = spoilt.place(FIRST_DAY)
    await spoilt.desk.give(PERSON, place, TRADE, chunks=sent(b"name,price"), file_name="bill.csv")
    with pytest.raises(VendomatError) as refused:
        await spoilt.desk.give(PERSON, place, TRADE, chunks=sent(b"name"), file_name="again.csv")
    assert refused.value.code is ErrorCode.CONFLICT
    for wrong, code in ((spoilt.place(date(2026, 5, 1)), ErrorCode.NOT_FOUND), (place, ErrorCode.MALFORMED)):
        with pytest.raises(VendomatError) as refused:
            await spoilt.desk.give(PERSON, wrong, TRADE, chunks=sent(b""), file_name="")
        assert refused.value.code is code
    assert len([one for one in (tmp_path / "bills").iterdir() if "given" in one.name]) == 1
    await run(spoilt)
    await spoilt.desk.ask(PERSON, place)
    assert not [one for one in (tmp_path / "bills").iterdir() if "given" in one.name]
    rows = await spoilt.world.superuser.fetch("SELECT actor, action, subject, content FROM change_entry ORDER BY seq")
    assert [tuple(row)[:3] for row in rows][-2:] == [
        ("opr_1", "reconciliation.bill_given", f"wechat:{ACCOUNT}:2026-06-01"),
        ("opr_1", "reconciliation.bill_asked", f"wechat:{ACCOUNT}:2026-06-01"),
    ]
    assert '"bill.csv"' in rows[0]["content"]


async def test_an_account_that_is_gone_is_said(spoilt: Market) -> None:
    await spoilt.world.superuser.execute(
        "INSERT INTO recon_day SELECT merchant_id, channel, 'gone', day FROM recon_day"
    )
    await spoilt.desk.ask(PERSON, replace(spoilt.place(FIRST_DAY), account="gone"))
    assert (await run(spoilt))[:2] == ("refused", "no_account")


@dataclass
class SlowPlatform(BillingPlatform):
    """Reads two rows of a bill, and the rest when it is let go."""

    go_on: threading.Event = field(default_factory=threading.Event)
    breaks: int = 0

    def read_trades(self, path: Path) -> Iterator[TradeRow]:
        for number, row in enumerate(super().read_trades(path)):
            if number == 2:
                if self.breaks:
                    self.breaks -= 1
                    raise MemoryError
                self.go_on.wait(20)
            yield row


@pytest.fixture
async def slow(world: World, tmp_path: Path) -> AsyncIterator[Market]:
    async with open_market(world, tmp_path, platform=SlowPlatform()) as market:
        for n in range(4):
            await market.sell(noon(FIRST_DAY, n))
        market.platform.not_yet.add(FIRST_DAY)
        await market.run(SECOND_DAY)
        yield market


async def test_how_far_it_has_come_is_told_while_it_reads_and_a_second_worker_keeps_off(slow: Market) -> None:
    platform, place = slow.platform, slow.place(FIRST_DAY)
    assert isinstance(platform, SlowPlatform)
    content = platform.file_of(TRADE, FIRST_DAY)
    await slow.desk.give(PERSON, place, TRADE, chunks=sent(content), file_name="bill.csv")
    running = asyncio.create_task(slow.requests.run_waiting())
    try:
        async with asyncio.timeout(15):
            told = ("", 0)
            while told != ("reading", 2):
                await slow.clock.advance(0.5)
                await asyncio.sleep(0.01)
                told = tuple(await slow.world.superuser.fetchrow("SELECT state, rows_read FROM bill_request"))
        await BillRequests(slow.world.database, slow.reconciler, slow.shelf, slow.clock).run_waiting()
        assert await slow.world.superuser.fetchval("SELECT tries FROM bill_request") == 1
    finally:
        platform.go_on.set()
        await running
    assert (await run(slow)) == ("done", "", 4, 4)


@pytest.mark.parametrize(("breaks", "end"), [(1, ("done", "")), (9, ("refused", "broken_off"))])
async def test_what_breaks_off_is_begun_anew_by_another_worker_three_times_at_most(
    slow: Market, breaks: int, end: tuple[str, str]
) -> None:
    platform = slow.platform
    assert isinstance(platform, SlowPlatform)
    platform.breaks = breaks
    platform.go_on.set()
    content = platform.file_of(TRADE, FIRST_DAY)
    assert await give(slow, TRADE, content) == ("reading", "", 0, 0)
    for _ in range(2):
        await run(slow)  # nobody has been silent for long enough
        await slow.clock.advance(61)
        await run(slow)
    assert (await run(slow))[:2] == end
