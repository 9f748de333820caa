"""A platform that hangs holds up its own account and nobody else's."""

from __future__ import annotations

import asyncio

import pytest

from tests.cloud.sales.conftest import MERCHANT, World
from tests.cloud.sales.selling_stage import ACCOUNT, open_stage
from tests.cloud.sales.test_use_cases import create, new_order
from vendomat.cloud.merchants import PaymentAccount
from vendomat.cloud.payments import Payment, PaymentState
from vendomat.cloud.sales.lanes import Lanes
from vendomat.kernel import derive_id


async def test_a_lane_runs_a_few_at_once_and_no_name_twice() -> None:
    lanes, running, may_end = Lanes(2), [], asyncio.Event()

    async def attempt() -> None:
        running.append(len(running))
        await may_end.wait()

    tasks = [lanes.begin("a", n, attempt) for n in range(5)]
    assert lanes.begin("a", 0, attempt) is None, "under way already"
    await asyncio.sleep(0)
    assert len(running) == 2
    other = lanes.begin("b", 9, attempt)
    await asyncio.sleep(0)
    assert len(running) == 3, "another lane is not held up"
    may_end.set()
    await asyncio.gather(*(task for task in [*tasks, other] if task is not None))
    assert len(running) == 6
    again = lanes.begin("a", 0, attempt)
    assert again is not None
    await again


class Hanging:
    """A platform that takes every question and answers none."""

    account = ACCOUNT

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def look_up(self, number: str) -> object:
        self.asked.append(number)
        return await asyncio.get_running_loop().create_future()

    async def aclose(self) -> None:
        return


@pytest.mark.slow
async def test_a_hanging_platform_holds_up_no_other_accounts_round(world: World) -> None:
    """Thirty payments wait for a platform that never answers; the other platform's payment is found all the same."""
    hanging, accounts = Hanging(), [PaymentAccount(MERCHANT, channel, ACCOUNT, {}) for channel in ("wechat", "alipay")]
    async with open_stage(world, is_following=False, accounts=accounts, hanging={"wechat": hanging}) as stage:
        await create(world, *(new_order(n) for n in range(1, 31)))
        alipay = Payment(derive_id("pay", 99), "alipay", ACCOUNT, 350, PaymentState.CREATED)
        await create(world, new_order(99, payment=alipay))
        stage.platform.take_money(derive_id("pay", 99), 350)
        await stage.clock.advance(3)
        running = asyncio.create_task(stage.sweeps.run())
        async with asyncio.timeout(40):
            while await stage.one("SELECT state FROM sale_order WHERE order_id = $1", derive_id("ord", 99)) != "paid":
                await asyncio.sleep(0.02)
        assert 1 <= len(hanging.asked) <= 4, "a few at once for the account that hangs"
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
