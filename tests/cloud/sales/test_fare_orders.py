"""Orders whose price depends on how they are paid: each way takes its own sum, what is given back is of that sum, and
budgets and coupons keep what another way might have given only until it is known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from tests.cloud.sales.conftest import MACHINE, MERCHANT, World
from tests.cloud.sales.selling_stage import Stage, open_stage
from tests.cloud.sales.test_coupon_orders import COUPON, issue
from tests.cloud.sales.test_coupon_orders import taken as coupons_taken
from tests.cloud.sales.test_money_by_people import no_breach
from tests.cloud.sales.test_promoted_orders import made, offer, taken, uses
from tests.cloud.sales.test_use_cases import AT, IDS, balances, create, new_order, paid, pay, vend
from tests.cloud.sales.test_wallet_payments import order, scan, show
from vendomat.cloud.orders import Closing
from vendomat.cloud.payments import Payment, PaymentState
from vendomat.cloud.promotions import Limits
from vendomat.cloud.sales.model import CloseAsked, PaymentAdded, PaymentClosed, VendSaid
from vendomat.cloud.sales.new_order import NewOrder
from vendomat.cloud.sales.use_cases import EventFor, apply_vend_facts
from vendomat.kernel import ErrorCode, VendomatError, derive_id
from vendomat.pricing import Kind

pytestmark = pytest.mark.slow

BY_ALIPAY = {"channels": ("alipay",), "basis_points": 2_000}
KEY = (MERCHANT, derive_id("ord", 1))


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    async with open_stage(world, is_following=False) as opened:
        yield opened


def by_alipay(n: int, **other: Any) -> NewOrder:
    asked = new_order(n, **other)
    return replace(asked, payment=replace(asked.payment, channel="alipay"))


async def row(world: World) -> tuple[object, ...]:
    order = await world.superuser.fetchrow(
        "SELECT total_minor, discount_minor, price_mark, fares -> 0 -> 'quote' ->> 'mark' FROM sale_order"
    )
    return (order[0], order[1], order[2] == order[3])


async def test_each_way_takes_its_own_sum_and_the_order_becomes_what_was_paid(world: World) -> None:
    await offer(world, **BY_ALIPAY)
    (result,) = await create(world, by_alipay(1, slots=(("A1", 2, 350),)))
    purchase = made(result)
    assert (purchase.total_minor, purchase.payments[0].amount_minor) == (700, 560)
    assert (purchase.amount_on("wechat"), purchase.amount_on("alipay")) == (700, 560)
    assert await uses(world) == [(KEY[1], "prm_1", 0, "[]", "reserved")]
    assert await row(world) == (700, 0, True)
    await pay(world, paid(1, 560))
    assert await uses(world) == [(KEY[1], "prm_1", 140, "[[1, 70], [2, 70]]", "confirmed")]
    assert await row(world) == (560, 140, False)
    async with world.hot.transaction():
        facts = [vend(1, 1, VendSaid.STARTED), vend(1, 2, VendSaid.NOT_DELIVERED)]
        facts += [vend(1, 3, VendSaid.STARTED, 2), vend(1, 4, VendSaid.DELIVERED, 2)]
        await apply_vend_facts(world.hot, facts, world.settings, IDS)
    assert await world.superuser.fetchval("SELECT amount_minor FROM refund") == 280
    assert (await balances(world))[f"income:sales:{MERCHANT}"] == -280


async def test_paid_another_way_it_costs_what_it_always_did(world: World) -> None:
    await offer(world, limits=Limits(money_max=1000), **BY_ALIPAY)
    await create(world, by_alipay(1))
    assert await taken(world) == (70, 1)
    other = Payment(derive_id("pay", 2), "wechat", "1900000001", 350, PaymentState.CREATED)
    await pay(world, EventFor(KEY, PaymentAdded(other, AT)))
    await pay(world, paid(1, 350, payment_id=other.payment_id))
    assert await row(world) == (350, 0, True)
    assert await uses(world) == [(KEY[1], "prm_1", 0, "[]", "released")]
    assert await taken(world) == (0, 0)


async def test_a_budget_keeps_the_most_until_it_is_known_how_it_was_paid(world: World) -> None:
    await offer(world, "prm_1", basis_points=1_000)
    await offer(world, "prm_2", Limits(money_max=90, uses_max=5), **BY_ALIPAY, is_stackable=True)
    (result,) = await create(world, new_order(1))
    assert made(result).total_minor == 315
    assert await _budget(world) == (63, 1)
    (second,) = await create(world, by_alipay(2))  # the budget has no more for it
    assert [made(second).total_minor, made(second).payments[0].amount_minor] == [315, 315]
    await pay(world, paid(1, 315))
    assert await _budget(world) == (0, 0)
    assert [use[1:] for use in await uses(world) if use[0] == KEY[1]] == [
        ("prm_1", 35, "[[1, 35]]", "confirmed"),
        ("prm_2", 0, "[]", "released"),
    ]


async def _budget(world: World) -> tuple[int, int]:
    found = await world.superuser.fetchrow("SELECT taken_minor, taken_uses FROM promotion WHERE promotion_id = 'prm_2'")
    return (found[0], found[1])


async def test_an_order_that_ends_unpaid_keeps_nothing_of_any_way(world: World) -> None:
    await offer(world, limits=Limits(money_max=70), **BY_ALIPAY)
    await create(world, by_alipay(1))
    assert await taken(world) == (70, 1)
    await pay(world, EventFor(KEY, CloseAsked(Closing.EXPIRING, AT)))
    await pay(world, EventFor(KEY, PaymentClosed(derive_id("pay", 1), AT)))
    assert await taken(world) == (0, 0)
    assert [use[-1] for use in await uses(world)] == ["released"]


async def test_nobody_pays_more_than_the_wanted_way_was_shown_at(world: World) -> None:
    await offer(world, **BY_ALIPAY)
    shown, refused = await create(world, by_alipay(1, shown_minor=280), new_order(2, shown_minor=280))
    assert made(shown).payments[0].amount_minor == 280
    assert isinstance(refused, VendomatError) and refused.code is ErrorCode.PRICE_CHANGED
    assert refused.detail == {"shown_minor": 280, "total_minor": 350}


async def test_a_coupon_that_did_not_count_for_the_way_paid_is_given_back(world: World) -> None:
    await offer(world, "prm_1", coupon="prm_1")
    await issue(world)
    await offer(world, "prm_2", channels=("alipay",), basis_points=5_000)
    await create(world, by_alipay(1, coupon_id=COUPON))
    assert await coupons_taken(world) == 1
    await pay(world, paid(1, 175))
    assert await coupons_taken(world) == 0
    found = await world.superuser.fetch("SELECT state, is_coupon_back FROM promotion_use ORDER BY promotion_id")
    assert [tuple(one) for one in found] == [("released", True), ("confirmed", False)]


async def test_a_coupon_may_count_for_one_way_only(world: World) -> None:
    await offer(world, "prm_1", coupon="prm_1", channels=("alipay",))
    await issue(world)
    first, second = await create(world, by_alipay(1, coupon_id=COUPON), new_order(2))
    assert [made(one).payments[0].amount_minor for one in (first, second)] == [280, 350]
    assert await coupons_taken(world) == 1
    await pay(world, paid(1, 280))
    assert await coupons_taken(world) == 1


async def test_a_second_payment_by_another_way_goes_back_in_full(world: World) -> None:
    await offer(world, **BY_ALIPAY)
    await create(world, by_alipay(1))
    other = Payment(derive_id("pay", 2), "wechat", "1900000001", 350, PaymentState.CREATED)
    await pay(world, EventFor(KEY, PaymentAdded(other, AT)))
    await pay(world, paid(1, 280))
    await pay(world, paid(1, 350, payment_id=other.payment_id))
    assert await row(world) == (280, 70, False)
    assert await world.superuser.fetchval("SELECT amount_minor FROM refund") == 350


async def test_a_way_that_was_not_paid_as_asked_vends_nothing(world: World) -> None:
    await offer(world, **BY_ALIPAY)
    await create(world, new_order(1))
    await pay(world, paid(1, 280))  # by another way than the one that costs less
    assert await world.superuser.fetchval("SELECT is_frozen FROM payment") is True
    assert await row(world) == (350, 0, True)


async def test_promotions_count_at_machines_with_their_tag(world: World) -> None:
    await offer(world, groups=("metro", "school"))
    (without,) = await create(world, new_order(1))
    await world.superuser.executemany(
        "INSERT INTO machine_tag (merchant_id, machine_id, tag) VALUES ($1, $2, $3)",
        [(MERCHANT, MACHINE, "metro"), (MERCHANT, MACHINE, "north")],
    )
    (tagged,) = await create(world, new_order(2))
    assert [made(one).total_minor for one in (without, tagged)] == [350, 280]


async def test_the_table_refuses_a_use_that_holds_nothing(world: World) -> None:
    await offer(world, **BY_ALIPAY)
    await create(world, by_alipay(1))
    for spoilt in ("more_minor = 0", "more_minor = -1", "off_minor = -1"):
        with pytest.raises(asyncpg.CheckViolationError):
            await world.superuser.execute(f"UPDATE promotion_use SET {spoilt}")


# --- at the machine: what is said, and what a member's code pays -----------------------------------------------------


async def tiers(stage: Stage) -> None:
    await stage.world.superuser.executemany(
        "INSERT INTO member_tier (merchant_id, tier, from_minor) VALUES ($1, $2, $3)",
        [(MERCHANT, "silver", 100), (MERCHANT, "gold", 600), (MERCHANT, "staff", None)],
    )
    await offer(stage.world, "prm_1", tiers=("gold",), basis_points=2_000)
    await offer(stage.world, "prm_2", tiers=("staff",), kind=Kind.FIXED_PRICE, basis_points=0, value_minor=100)


async def paid_minor(stage: Stage, status: dict[str, Any]) -> tuple[int, str]:
    found = await stage.world.superuser.fetchrow(
        "SELECT amount_minor, tier FROM payment WHERE channel = 'wallet' AND order_id = $1", status["order_id"]
    )
    return (found[0], found[1])


async def test_a_member_pays_the_price_of_the_tier_that_was_reached_or_given(stage: Stage) -> None:
    await tiers(stage)
    ann = await stage.join(stored_minor=3000)
    _, status = await scan(stage, await order(stage, 1), await show(stage, ann), 1)
    assert (status["state"], status["total_minor"], await paid_minor(stage, status)) == ("paid", 350, (350, ""))
    _, status = await scan(stage, await order(stage, 2), await show(stage, ann), 2)
    assert await paid_minor(stage, status) == (350, "silver")  # which gives nothing
    _, status = await scan(stage, await order(stage, 3), await show(stage, ann), 3)
    assert (status["total_minor"], await paid_minor(stage, status)) == (280, (280, "gold"))
    await stage.world.superuser.execute("UPDATE member SET tier = 'staff'")
    _, status = await scan(stage, await order(stage, 4), await show(stage, ann), 4)
    assert (status["total_minor"], await paid_minor(stage, status)) == (100, (100, "staff"))
    assert await stage.stored(ann) == 3000 - 350 - 350 - 280 - 100
    await no_breach(stage)


async def test_a_wallet_that_holds_just_the_price_of_its_tier_is_enough(stage: Stage) -> None:
    await tiers(stage)
    ann = await stage.join(stored_minor=100)
    await stage.world.superuser.execute("UPDATE member SET tier = 'staff'")
    _, status = await scan(stage, await order(stage), await show(stage, ann))
    assert (status["state"], await stage.stored(ann)) == ("paid", 0)


async def test_the_machine_is_told_which_ways_cost_less_and_no_tiers(stage: Stage) -> None:
    await tiers(stage)
    await offer(stage.world, "prm_3", channels=("alipay", "wallet"), basis_points=1_000)
    order_id = await order(stage)
    _, status = await stage.say("order_status", {"order_id": order_id})
    assert status["prices"] == [
        {"channel": "alipay", "total_minor": 315},
        {"channel": "wallet", "total_minor": 315},
    ]
    assert status["total_minor"] == 350
    ann = await stage.join(stored_minor=1000)
    _, status = await scan(stage, order_id, await show(stage, ann))
    assert (status["prices"], status["total_minor"], status["units"][0]["price_minor"]) == ([], 315, 315)
    await no_breach(stage)
