"""Orders with coupons on a real database: one gets the last use, what ends without goods gives it back, the rest keep
it; and a guesser at the machine's keypad learns nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from tests.cloud.sales.conftest import MACHINE, MERCHANT, World
from tests.cloud.sales.selling_stage import COUPON_KEY, Stage, open_stage
from tests.cloud.sales.test_money_by_people import no_breach
from tests.cloud.sales.test_promoted_orders import made, offer
from tests.cloud.sales.test_use_cases import AT, IDS, create, new_order, paid, pay, vend
from vendomat.cloud.orders import Closing
from vendomat.cloud.promotions import coupon_hash
from vendomat.cloud.sales.model import CloseAsked, PaymentClosed, RefundSaid, RefundSeen, VendSaid
from vendomat.cloud.sales.new_order import NewOrder
from vendomat.cloud.sales.use_cases import EventFor, apply_vend_facts, create_orders
from vendomat.kernel import ErrorCode, VendomatError, derive_id
from vendomat.pricing import Goods

pytestmark = pytest.mark.slow


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    async with open_stage(world) as opened:
        yield opened


COUPON = "cpn_" + "1" * 26


async def issue(world: World, uses: int = 1, code: str = "SUMMER", promotion_id: str = "prm_1", **batch: Any) -> None:
    columns = "".join(f", {name}" for name in batch)
    values = "".join(f", ${number}" for number in range(3, 3 + len(batch)))
    await world.superuser.execute(
        "INSERT INTO coupon_batch (merchant_id, batch_id, promotion_id, count, uses_each, created_at, created_by"
        f"{columns}) VALUES ($1, 'cpb_1', $2, 1, {uses}, now(), 'opr_1'{values})",
        MERCHANT,
        promotion_id,
        *batch.values(),
    )
    await world.superuser.execute(
        "INSERT INTO coupon VALUES ($1, $2, 'cpb_1', $3, $4)",
        MERCHANT,
        COUPON,
        coupon_hash(COUPON_KEY, MERCHANT, code),
        uses,
    )


async def wanted(world: World, uses: int = 1, **batch: Any) -> None:
    """A promotion that wants a coupon, and one with so many uses."""
    await offer(world, coupon="prm_1")
    await issue(world, uses, **batch)


def ordered(n: int, **other: Any) -> NewOrder:
    return new_order(n, coupon_id=COUPON, shown_minor=280, **other)


async def taken(world: World) -> int:
    count: int = await world.superuser.fetchval("SELECT taken FROM coupon")
    return count


async def test_a_coupon_lets_its_promotion_count_for_the_order_that_names_it(world: World) -> None:
    await wanted(world, 2)
    without, having = await create(world, new_order(1), ordered(2))
    assert [made(one).total_minor for one in (without, having)] == [350, 280]
    row = await world.superuser.fetchrow("SELECT order_id, coupon_id, is_coupon_back FROM promotion_use")
    assert tuple(row) == (derive_id("ord", 2), COUPON, False)
    assert await taken(world) == 1
    await pay(world, paid(2, 280))
    assert await taken(world) == 1


async def test_within_a_batch_one_order_gets_the_last_use(world: World) -> None:
    await wanted(world)
    first, second = await create(world, ordered(1), ordered(2))
    assert made(first).total_minor == 280
    assert isinstance(second, VendomatError) and second.code is ErrorCode.COUPON_REFUSED
    assert await world.superuser.fetchval("SELECT reserved FROM stock_slot WHERE slot = 'A1'") == 1
    with pytest.raises(asyncpg.CheckViolationError):
        await world.superuser.execute("UPDATE coupon SET taken = 2")


async def test_of_two_orders_at_once_one_gets_the_last_use(world: World) -> None:
    await wanted(world)

    async def ask(n: int) -> Any:
        async with world.database.hot.acquire() as connection, connection.transaction():
            (result,) = await create_orders(connection, [ordered(n)], world.settings, IDS)
            await asyncio.sleep(0.2)  # the other one is waiting by now
            return result

    results = await asyncio.gather(ask(1), ask(2))
    refused = [one for one in results if isinstance(one, VendomatError)]
    assert [one.code for one in refused] == [ErrorCode.COUPON_REFUSED]
    assert await taken(world) == 1


async def test_an_order_that_ends_unpaid_gives_its_use_back_once(world: World) -> None:
    await wanted(world)
    await create(world, ordered(1))
    key = (MERCHANT, derive_id("ord", 1))
    await pay(world, EventFor(key, CloseAsked(Closing.EXPIRING, AT)))
    assert await taken(world) == 1  # it may still be paid
    for _ in range(2):
        await pay(world, EventFor(key, PaymentClosed(derive_id("pay", 1), AT)))
    assert await taken(world) == 0
    (again,) = await create(world, ordered(2))
    assert made(again).total_minor == 280


@pytest.mark.parametrize(
    ("outcomes", "kept"),
    [
        ((VendSaid.NOT_DELIVERED, VendSaid.NOT_DELIVERED), 0),
        ((VendSaid.NOT_DELIVERED, VendSaid.DELIVERED), 1),
        ((VendSaid.DELIVERED, VendSaid.DELIVERED), 1),
    ],
)
async def test_nothing_came_out_gives_the_use_back_and_refunds_stay_exact(
    world: World, outcomes: tuple[VendSaid, VendSaid], kept: int
) -> None:
    await wanted(world)
    await create(world, new_order(1, (("A1", 2, 350),), coupon_id=COUPON, shown_minor=560))
    await pay(world, paid(1, 560))
    for unit, said in enumerate(outcomes, start=1):
        async with world.hot.transaction():
            facts = [vend(1, 2 * unit, VendSaid.STARTED, unit), vend(1, 2 * unit + 1, said, unit)]
            await apply_vend_facts(world.hot, facts, world.settings, IDS)
    refunded = await world.superuser.fetchval("SELECT coalesce(sum(amount_minor), 0)::bigint FROM refund")
    assert refunded == 280 * outcomes.count(VendSaid.NOT_DELIVERED)
    if refunded:
        number = await world.superuser.fetchval("SELECT refund_id FROM refund")
        for word in (RefundSaid.ACCEPTED, RefundSaid.SUCCEEDED):
            await pay(world, EventFor((MERCHANT, derive_id("ord", 1)), RefundSeen(number, word, "", AT)))
    assert await world.superuser.fetchval("SELECT state FROM sale_order") == "settled"
    assert await taken(world) == kept


async def test_a_worker_killed_after_the_orders_commit_leaves_no_use_behind(world: World, stage: Stage) -> None:
    await wanted(world)
    await stage.writer.create(ordered(1))  # and nothing else: the platform was never asked
    assert await taken(world) == 1
    async with open_stage(world, is_following=False, clock=stage.clock) as next_worker:
        for _ in range(20):
            await next_worker.clock.advance(30)
            await next_worker.sweeps.expire_orders()
            await next_worker.sweeps.look_up_payments()
    assert await world.superuser.fetchval("SELECT state FROM sale_order") == "expired"
    assert await taken(world) == 0
    await no_breach(stage)


async def test_a_coupon_that_gives_the_cart_nothing_is_not_used_up(world: World) -> None:
    await offer(world, coupon="prm_1", goods=Goods(products=("another",)))
    await issue(world)
    (result,) = await create(world, new_order(1, coupon_id=COUPON))
    assert made(result).total_minor == 350 and await taken(world) == 0


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE coupon_batch SET withdrawn_at = now()",
        "UPDATE coupon_batch SET ends_at = '2020-01-01'",
        "UPDATE coupon_batch SET starts_at = '2100-01-01'",
        "UPDATE promotion SET state = 'ended'",
        "UPDATE coupon SET coupon_id = 'cpn_another'",
    ],
)
async def test_what_is_no_longer_good_refuses_the_order_and_takes_nothing(world: World, spoil: str) -> None:
    await wanted(world)
    await world.superuser.execute(spoil)
    (result,) = await create(world, ordered(1))
    assert isinstance(result, VendomatError) and result.code is ErrorCode.COUPON_REFUSED
    assert await taken(world) == 0
    assert await world.superuser.fetchval("SELECT count(*) FROM sale_order") == 0


async def test_batches_count_uses_as_single_orders_do(world: World) -> None:
    await wanted(world, 2)
    orders = [ordered(n) for n in range(1, 4)]
    outcomes = []
    for batches in ([orders], [[order] for order in orders]):
        transaction = world.hot.transaction()
        await transaction.start()
        results = [isinstance(one, VendomatError) for batch in batches for one in await create(world, *batch)]
        outcomes.append((results, await world.hot.fetchval("SELECT taken FROM coupon")))
        await transaction.rollback()
    assert outcomes[0] == outcomes[1] == ([False, False, True], 2)


# --- the machine's keypad --------------------------------------------------------------------------------------------


async def test_a_typed_coupon_is_answered_with_what_it_lets_count(world: World, stage: Stage) -> None:
    await wanted(world)
    kind, answer = await stage.say("coupon", {"code": "SUMMER"})
    assert (kind, answer["coupon_id"]) == ("coupon.reply", COUPON)
    assert answer["offer"]["rule"]["coupon"] == "prm_1"
    assert answer["time_zone"] == "Asia/Shanghai"
    assert await taken(world) == 0


async def test_a_guesser_learns_nothing_and_is_stopped(world: World, stage: Stage) -> None:
    await wanted(world, ends_at=AT + timedelta(days=3650))
    await world.superuser.execute("UPDATE coupon SET taken = uses_max")
    answers = [await stage.say("coupon", {"code": code}) for code in ("SUMMER", "WINTER", "A1B2C3D4")]
    assert len({msgspec.json.encode(answer) for answer in answers}) == 1  # spent or never there: the same words
    assert answers[0][1]["code"] == "coupon_refused"
    for _ in range(2):
        await stage.say("redeem", {"request_id": derive_id("req", 9), "code": "00000000", "nonce": "n" * 20})
    await world.superuser.execute("UPDATE coupon SET taken = 0")
    kind, locked = await stage.say("coupon", {"code": "SUMMER"})
    assert (kind, locked["code"]) == ("problem", "code_locked") and locked["detail"]["locked_for_s"] > 0
    assert await world.superuser.fetchval("SELECT count(*) FROM alarm WHERE kind = 'code.locked'") == 1
    assert await world.superuser.fetchval("SELECT count(*) FROM code_attempt WHERE machine_id = $1", MACHINE) == 5


@pytest.mark.parametrize("code", ["abcd", "ABC", "A" * 17, "AB CD", "ABCD\n", ""])
async def test_what_is_no_coupon_is_not_even_looked_at(world: World, stage: Stage, code: str) -> None:
    _, answer = await stage.say("coupon", {"code": code})
    assert answer["code"] == "malformed"
    assert await world.superuser.fetchval("SELECT count(*) FROM code_attempt") == 0
