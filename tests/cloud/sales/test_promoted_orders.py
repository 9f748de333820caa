"""Orders under promotions on a real database: what is written, what budgets count, and what comes back to the cent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.cloud.sales.conftest import MACHINE, MERCHANT, PRODUCT, World
from tests.cloud.sales.test_use_cases import AT, IDS, balances, create, new_order, paid, pay, vend
from vendomat.cloud.orders import Closing
from vendomat.cloud.promotions import KeptPromotion, Limits, PromotionState, store
from vendomat.cloud.sales.model import CloseAsked, PaymentClosed, Purchase, VendSaid
from vendomat.cloud.sales.use_cases import Applied, EventFor, apply_vend_facts
from vendomat.kernel import ErrorCode, VendomatError, derive_id
from vendomat.pricing import Goods, Kind, Promotion, Window

pytestmark = pytest.mark.slow

NO_LIMITS = Limits()


async def offer(world: World, promotion_id: str = "prm_1", limits: Limits = NO_LIMITS, **rule: Any) -> None:
    rule = {"kind": Kind.PERCENT, "basis_points": 2_000} | rule
    promotion = Promotion(promotion_id=promotion_id, name=promotion_id, **rule).check()
    kept = KeptPromotion(promotion, PromotionState.ACTIVE, limits=limits)
    await store.insert(world.hot, MERCHANT, kept, by="opr_1", at=AT)


def made(result: Applied | Exception) -> Purchase:
    assert isinstance(result, Applied) and result.purchase is not None, result
    return result.purchase


async def uses(world: World) -> list[tuple[object, ...]]:
    rows = await world.superuser.fetch(
        "SELECT order_id, promotion_id, off_minor, units, state FROM promotion_use ORDER BY 1, 2"
    )
    return [tuple(row) for row in rows]


async def taken(world: World) -> tuple[int, int]:
    row = await world.superuser.fetchrow("SELECT taken_minor, taken_uses FROM promotion")
    return (row[0], row[1])


async def test_a_promoted_order_is_paid_at_its_own_price_and_the_books_say_so(world: World) -> None:
    await offer(world, limits=Limits(money_max=1000))
    (result,) = await create(world, new_order(1))
    purchase = made(result)
    assert (purchase.total_minor, purchase.discount_minor, len(purchase.price_mark)) == (280, 70, 32)
    assert purchase.payments[0].amount_minor == 280
    assert await uses(world) == [(derive_id("ord", 1), "prm_1", 70, "[[1, 70]]", "reserved")]
    await pay(world, paid(1, 280))
    assert [use[-1] for use in await uses(world)] == ["confirmed"]
    async with world.hot.transaction():
        items = [vend(1, 1, VendSaid.STARTED), vend(1, 2, VendSaid.DELIVERED)]
        await apply_vend_facts(world.hot, items, world.settings, IDS)
    assert (await balances(world))[f"income:sales:{MERCHANT}"] == -280
    assert await taken(world) == (70, 1)


async def test_of_three_for_two_a_unit_that_fails_gives_back_exactly_its_share(world: World) -> None:
    await offer(world, kind=Kind.N_FOR_M, take=3, pay=2)
    (result,) = await create(world, new_order(1, (("A1", 3, 350),)))
    assert [(unit.price_minor, unit.off_minor) for unit in made(result).units] == [(233, 117), (233, 117), (234, 116)]
    await pay(world, paid(1, 700))
    for number, said in ((1, VendSaid.DELIVERED), (2, VendSaid.NOT_DELIVERED), (3, VendSaid.DELIVERED)):
        async with world.hot.transaction():
            items = [vend(1, 2 * number, VendSaid.STARTED, number), vend(1, 2 * number + 1, said, number)]
            await apply_vend_facts(world.hot, items, world.settings, IDS)
    assert await world.superuser.fetchval("SELECT amount_minor FROM refund") == 233
    assert (await balances(world))[f"income:sales:{MERCHANT}"] == -467


async def test_a_budget_ends_within_one_batch_and_is_never_overspent(world: World) -> None:
    await offer(world, limits=Limits(uses_max=2))
    results = await create(world, *(new_order(n, shown_minor=280) for n in (1, 2, 3)), new_order(4))
    assert [made(result).total_minor for result in (*results[:2], results[3])] == [280, 280, 350]
    assert isinstance(results[2], VendomatError) and results[2].code is ErrorCode.PRICE_CHANGED
    assert results[2].detail == {"shown_minor": 280, "total_minor": 350}
    assert await taken(world) == (140, 2)
    with pytest.raises(asyncpg.CheckViolationError):
        await world.superuser.execute("UPDATE promotion SET taken_uses = 3")


async def test_an_order_that_ends_unpaid_gives_its_budget_back(world: World) -> None:
    await offer(world, limits=Limits(money_max=70))
    await create(world, new_order(1))
    assert await taken(world) == (70, 1)
    key = (MERCHANT, derive_id("ord", 1))
    await pay(world, EventFor(key, CloseAsked(Closing.EXPIRING, AT)))
    assert await taken(world) == (70, 1)  # it may still be paid
    await pay(world, EventFor(key, PaymentClosed(derive_id("pay", 1), AT)))
    assert await taken(world) == (0, 0)
    assert [use[-1] for use in await uses(world)] == ["released"]
    (result,) = await create(world, new_order(2))
    assert made(result).total_minor == 280


async def test_batches_count_a_budget_as_single_orders_do(world: World) -> None:
    await offer(world, limits=Limits(money_max=200))
    orders = [new_order(n) for n in range(1, 5)]
    outcomes = []
    for batches in ([orders], [[order] for order in orders]):
        transaction = world.hot.transaction()
        await transaction.start()
        totals = [made(result).total_minor for batch in batches for result in await create(world, *batch)]
        row = await world.hot.fetchrow("SELECT taken_minor, taken_uses FROM promotion")
        outcomes.append((totals, tuple(row)))
        await transaction.rollback()
    assert outcomes[0] == outcomes[1] == ([280, 280, 350, 350], (140, 2))


HAPPY_HOUR = (Window(days=(0,), start=8 * 60 - 60, end=8 * 60),)  # ends at AT by the machine's clock


@pytest.mark.parametrize(
    ("at", "shown_minor", "total_minor"),
    [
        (AT - timedelta(seconds=1), 280, 280),
        (AT + timedelta(seconds=59), 280, 280),  # it was shown a moment ago
        (AT + timedelta(seconds=61), 280, None),
        (AT + timedelta(seconds=59), None, 350),
        (AT - timedelta(seconds=1), 350, 280),  # an older picture showed more
        (AT - timedelta(minutes=61, seconds=1), 280, None),
        (AT - timedelta(minutes=60, seconds=59), 280, 280),  # the machine's clock is a little ahead
    ],
)
async def test_nobody_pays_more_than_the_screen_showed(
    world: World, at: datetime, shown_minor: int | None, total_minor: int | None
) -> None:
    await offer(world, windows=HAPPY_HOUR)
    (result,) = await create(world, new_order(1, at=at, shown_minor=shown_minor))
    if total_minor is None:
        assert isinstance(result, VendomatError) and result.code is ErrorCode.PRICE_CHANGED
        assert await world.superuser.fetchval("SELECT reserved FROM stock_slot WHERE slot = 'A1'") == 0
    else:
        assert made(result).total_minor == total_minor


async def test_goods_are_found_by_their_category_and_machines_by_their_id(world: World) -> None:
    await world.superuser.execute("UPDATE product SET category = 'drink'")
    await offer(world, "prm_1", goods=Goods(categories=("snack",)))
    await offer(world, "prm_2", basis_points=5_000, machines=("mch_other",))
    await offer(world, "prm_3", basis_points=1_000, goods=Goods(categories=("drink",)), machines=(MACHINE,))
    await offer(
        world, "prm_4", basis_points=500, goods=Goods(products=(PRODUCT,)), starts_at=datetime(2020, 1, 1, tzinfo=UTC)
    )
    (result,) = await create(world, new_order(1))
    assert made(result).total_minor == 315
    assert [use[1] for use in await uses(world)] == ["prm_3"]


async def test_a_pickup_code_is_worth_what_it_says_whatever_is_promoted(world: World) -> None:
    await offer(world)
    (result,) = await create(world, new_order(1, unit_price_minor=500, origin="code"))
    assert (made(result).total_minor, made(result).discount_minor) == (500, 0)


async def test_a_merchant_without_promotions_is_not_asked_for_them(world: World) -> None:
    asked: list[str] = []

    def note(record: Any) -> None:
        asked.append(record.query)

    async def about_promotions(order: int) -> list[str]:
        asked.clear()
        await create(world, new_order(order))
        await asyncio.sleep(0)  # the connection tells afterwards
        assert asked
        return [query for query in asked if "FROM promotion WHERE" in query or "m.time_zone" in query]

    world.hot.add_query_logger(note)
    try:
        assert await about_promotions(1) == []
        await offer(world, goods=Goods(products=("another",)))
        assert len(await about_promotions(2)) == 2  # the rules, and where the goods stand
    finally:
        world.hot.remove_query_logger(note)
