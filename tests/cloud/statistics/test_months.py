"""Months closed over real sales: frozen for ever, corrected in the next, one after the other."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import asyncpg
import pytest

from tests.cloud.reconciliation.market import PRICE, Market, noon
from tests.cloud.sales.conftest import MERCHANT, World
from vendomat.cloud.sales import VendSaid
from vendomat.cloud.statistics import Months, SaleSums
from vendomat.kernel import ManualClock, VendomatError

pytestmark = pytest.mark.slow


async def test_a_month_stays_as_it_was_said_and_the_next_one_corrects_it(market: Market, world: World) -> None:
    for day in (1, 2, 3):
        await market.sell(noon(date(2026, 6, day)))
    order_id, (number,) = await market.order(noon(date(2026, 6, 4)))
    await market.paid(order_id, number, noon(date(2026, 6, 4)))
    await market.vend(order_id, VendSaid.NOT_DELIVERED, noon(date(2026, 6, 4)))
    await SaleSums(world.database).run()
    clock = ManualClock(datetime(2026, 6, 30, 15, 59, tzinfo=UTC))  # a minute before July in China
    months = Months(world.database, clock)
    with pytest.raises(VendomatError, match="no month is over"):
        await months.close(MERCHANT, "2026-06", "opr_1")
    await clock.advance(60)
    assert (await months.months(MERCHANT)).next_month == "2026-06"
    june = await months.close(MERCHANT, "2026-06", "opr_1")
    assert [(line.units_sold, line.units_failed, line.refunded_minor) for line in june.totals] == [(3, 1, 0)]
    assert {line.by for line in june.lines} == {"all", "machine", "product", "channel"}

    await market.refunded(order_id, number, noon(date(2026, 7, 9)))
    again = await months.close(MERCHANT, "2026-06", "opr_2")  # closed already: nothing changes
    assert (again.lines, again.link, again.closed_by) == (june.lines, june.link, "opr_1")
    assert [line.refunded_minor for line in again.not_yet_said if line.by == "all"] == [PRICE]
    await clock.advance(31 * 86_400)
    results = await asyncio.gather(
        *(months.close(MERCHANT, "2026-07", f"opr_{n}") for n in range(3)), return_exceptions=True
    )
    closed = [one for one in results if not isinstance(one, BaseException)]
    assert closed and {one.link for one in closed} == {closed[0].link}
    (corrects,) = closed[0].corrects.values()
    assert [(line.key, line.refunded_minor, line.units_sold) for line in corrects if line.by == "channel"] == [
        ("wechat", PRICE, 0)
    ]
    after = await months.month(MERCHANT, "2026-06")
    assert (after.lines, after.not_yet_said) == (june.lines, [])
    assert list(after.corrected_later) == ["2026-07"]
    listed = await months.months(MERCHANT)
    assert [(one.month, one.corrections > 0) for one in listed.months] == [("2026-07", True), ("2026-06", False)]
    assert listed.next_month is None
    with pytest.raises(VendomatError, match="is not closed"):
        await months.month(MERCHANT, "2026-08")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await world.superuser.execute("UPDATE month_close SET content = ''")
