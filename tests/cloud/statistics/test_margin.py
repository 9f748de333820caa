"""Margins: costs of the day, fees of the bills, and what is not known said and never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tests.cloud.reconciliation.market import PRICE, Market, noon
from tests.cloud.sales.conftest import MACHINE, MERCHANT, PRODUCT, World
from vendomat.cloud.statistics import Margins, SaleSums
from vendomat.cloud.statistics.margin import Goods, Margin, MarginBy, MarginWanted, margin
from vendomat.cloud.statistics.margin_views import MarginAmountsView, MarginsView
from vendomat.kernel import ManualClock, VendomatError

JUNE, JULY = "2026-06", "2026-07"
NOW = datetime(2026, 8, 20, tzinfo=UTC)


def test_fees_are_shared_by_what_has_a_cost() -> None:
    goods = Goods(units_sold=4, gross_minor=1_000, costed_units=3, costed_gross_minor=900, cost_minor=400)
    assert margin(goods, fees_minor=60, of_gross_minor=10_000) == Margin(5, 495, 0.55)
    assert margin(goods, fees_minor=0, of_gross_minor=0) == Margin(0, 500, 0.555556)
    nothing = Goods(units_sold=1, gross_minor=100, costed_units=0, costed_gross_minor=0, cost_minor=0)
    assert margin(nothing, fees_minor=60, of_gross_minor=10_000) == Margin(0, 0, None)


def test_machines_are_asked_for_few_months_and_months_in_their_order() -> None:
    MarginWanted(MarginBy.MACHINE, JUNE, "2026-08")
    assert MarginWanted(MarginBy.MONTH, "2026-12", "2026-12").after == date(2027, 1, 1)
    with pytest.raises(VendomatError, match="at most 3 months"):
        MarginWanted(MarginBy.MACHINE, JUNE, "2026-09")
    with pytest.raises(VendomatError, match="exchange them"):
        MarginWanted(MarginBy.PRODUCT, JULY, JUNE)


async def _costs(world: World, **costs: int) -> None:
    for day, minor in costs.items():
        first_day = date(2026, int(day[1:3]), int(day[4:6]))
        await world.superuser.execute(
            "INSERT INTO product_cost VALUES ($1, $2, $3, $4, now(), 'opr_1')", MERCHANT, PRODUCT, first_day, minor
        )


async def _fee(world: World, day: date, minor: int, *, is_known: bool = True) -> None:
    await world.superuser.execute(
        "INSERT INTO recon_day (merchant_id, channel, account, day, currency, fee_minor, reconciled_at) "
        "VALUES ($1, 'wechat', 'a', $2, 'CNY', $3, $4)",
        MERCHANT,
        day,
        minor,
        NOW if is_known else None,
    )


def _amounts(row: MarginAmountsView) -> tuple[int, ...]:
    return (row.units_sold, row.gross_minor, row.costed_units, row.cost_minor, row.fee_minor, row.margin_minor)


@pytest.mark.slow
async def test_each_unit_bears_the_cost_of_its_day(market: Market, world: World) -> None:
    """Two before there is a cost, three at 100, one at 120, and one in July; whether it is counted yet or not."""
    margins = Margins(world.database, ManualClock(NOW))

    async def of(by: MarginBy, first: str = JUNE, last: str = JULY, machine_id: str | None = None) -> MarginsView:
        return await margins.margins(MERCHANT, MarginWanted(by, first, last, machine_id))

    assert (await of(MarginBy.PRODUCT)).rows == []
    await world.superuser.execute("UPDATE stock_slot SET on_hand = 1000")
    for day, sales in ((5, 2), (10, 3), (20, 1)):
        for n in range(sales):
            await market.sell(noon(date(2026, 6, day), n))
        if day == 10:
            await SaleSums(world.database).run()
    await market.jam(noon(date(2026, 6, 21)))
    await market.sell(noon(date(2026, 7, 1)))
    without = (await of(MarginBy.PRODUCT)).rows[0]
    assert _amounts(without) == (7, 7 * PRICE, 0, 0, 0, 0) and without.margin is None

    await _costs(world, d06_10=100, d06_20=120)
    await _fee(world, date(2026, 6, 10), 70)
    await _fee(world, date(2026, 6, 20), 30, is_known=False)
    cost = 3 * 100 + 120 + 120
    fee = round(70 * 5 * PRICE / (7 * PRICE))
    every = (7, 7 * PRICE, 5, cost, fee, 5 * PRICE - cost - fee)
    for is_counted in (False, True):
        if is_counted:
            await SaleSums(world.database).run()
        for by, key in ((MarginBy.PRODUCT, PRODUCT), (MarginBy.MACHINE, MACHINE)):
            view = await of(by)
            assert [(row.key, *_amounts(row)) for row in view.rows] == [(key, *every)], (by, is_counted)
            assert [(t.currency, *_amounts(t)) for t in view.totals] == [("CNY", *every)]
            assert view.totals[0].fees_known == pytest.approx(3 / 7, abs=1e-5)
            assert f"{by}={key}" in view.rows[0].units and "last=2026-07-31" in view.rows[0].units
        mine = await of(MarginBy.PRODUCT, machine_id=MACHINE)
        assert [_amounts(row) for row in mine.rows] == [every]
        assert (await of(MarginBy.PRODUCT, machine_id="mch_" + "9" * 26)).rows == []
        june, july = (await of(MarginBy.MONTH)).rows
        assert (june.at, july.at) == (date(2026, 6, 1), date(2026, 7, 1))
        assert _amounts(july) == (1, PRICE, 1, 120, 0, PRICE - 120)
        assert _amounts(june) == (6, 6 * PRICE, 4, 420, round(70 * 4 / 6), 4 * PRICE - 420 - round(70 * 4 / 6))
        assert "last=2026-06-30" in june.units
    short = await margins.margins(MERCHANT, MarginWanted(MarginBy.MONTH, JUNE, JULY), limit=1)
    assert (len(short.rows), short.rows_more, short.totals[0].units_sold) == (1, 1, 7)


@pytest.mark.slow
async def test_goods_that_came_out_although_their_money_went_back_cost_all_the_same(
    market: Market, world: World
) -> None:
    await _costs(world, d06_01=100)
    await market.jam(noon(date(2026, 6, 2)))
    await SaleSums(world.database).run()
    await world.superuser.execute("UPDATE sale_hour SET units_lost = 1")
    await world.superuser.execute("UPDATE sale_sum SET units_lost = 1")
    for by in (MarginBy.PRODUCT, MarginBy.MACHINE):
        view = await Margins(world.database, ManualClock(NOW)).margins(MERCHANT, MarginWanted(by, JUNE, JUNE))
        assert [_amounts(row) for row in view.rows] == [(0, 0, 0, 100, 0, -100)]
