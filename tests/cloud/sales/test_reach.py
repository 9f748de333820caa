"""A platform that does not answer is not offered, until it answers again; nothing else changes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.cloud.sales.conftest import MACHINE, MERCHANT, World
from tests.cloud.sales.selling_stage import ACCOUNT, Platform, Stage, open_stage
from tests.cloud.sales.test_standing import state_of
from tests.cloud.sales.test_use_cases import create, new_order
from vendomat.cloud.catalog import catalogue_for
from vendomat.cloud.merchants import PaymentAccount
from vendomat.cloud.sales import Reach

pytestmark = pytest.mark.slow

ACCOUNTS = [PaymentAccount(MERCHANT, "alipay", "alipay", {}), PaymentAccount(MERCHANT, "wechat", ACCOUNT, {})]


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    played = {"alipay": Platform(account="alipay", channel="alipay")}
    async with open_stage(world, is_following=False, accounts=ACCOUNTS, hanging=played) as opened:
        yield opened


async def offered(stage: Stage) -> tuple[list[str], int]:
    """The channels that the machine offers by its catalogue, and the catalogue's version."""
    async with stage.world.database.hot.acquire() as connection:
        catalogue = await catalogue_for(connection, MERCHANT, MACHINE)
    return list(catalogue.channels), catalogue.version


async def ask_in_vain(stage: Stage, times: int, *, every_s: float = 3.0) -> None:
    for _ in range(times):
        await stage.reach.note(MERCHANT, "wechat", is_answered=False)
        await stage.clock.advance(every_s)


async def test_f12_pf25_a_platform_that_does_not_answer_is_not_offered_until_it_does(stage: Stage) -> None:
    both, version = await offered(stage)
    assert both == ["wechat", "alipay"]
    await create(stage.world, new_order(1))
    stage.platform.is_away = True
    for _ in range(8):
        await stage.clock.advance(3.1)
        await stage.sweeps.look_up_payments()
    assert await offered(stage) == (["alipay"], version + 1)
    await stage.standing.look()
    assert await state_of(stage, "channel_away") == "raised x1"
    assert await stage.reach.probe() == 1
    assert await stage.reach.probe() == 0, "asked after once in a while, not by every worker"
    assert await offered(stage) == (["alipay"], version + 1)
    stage.platform.is_away = False
    await stage.clock.advance(15.0)
    assert await stage.reach.probe() == 1
    assert await offered(stage) == (["wechat", "alipay"], version + 2)
    await stage.standing.look()
    assert await state_of(stage, "channel_away") == "passed x1"
    kinds = await stage.world.superuser.fetch("SELECT kind FROM outbox WHERE kind LIKE 'channel.%' ORDER BY at")
    assert [row["kind"] for row in kinds] == ["channel.away", "channel.back"]
    assert await stage.one("SELECT state FROM payment") == "created", "a payment under way is looked up as before"


@pytest.mark.parametrize(("times", "every_s"), [(4, 60.0), (100, 0.1)])
async def test_a_few_calls_or_a_short_moment_are_no_outage(stage: Stage, times: int, every_s: float) -> None:
    await ask_in_vain(stage, times, every_s=every_s)
    assert (await offered(stage))[0] == ["wechat", "alipay"]


async def test_one_answer_ends_the_count(stage: Stage) -> None:
    await ask_in_vain(stage, 4)
    await stage.reach.note(MERCHANT, "wechat", is_answered=True)
    await ask_in_vain(stage, 4)
    assert (await offered(stage))[0] == ["wechat", "alipay"]
    await ask_in_vain(stage, 1)
    assert (await offered(stage))[0] == ["alipay"]


async def test_two_workers_find_one_outage(stage: Stage) -> None:
    _, version = await offered(stage)
    other = Reach(stage.world.database, stage.book, stage.clock)
    for _ in range(6):
        await stage.reach.note(MERCHANT, "wechat", is_answered=False)
        await other.note(MERCHANT, "wechat", is_answered=False)
        await stage.clock.advance(3.0)
    assert await offered(stage) == (["alipay"], version + 1)
    assert await stage.one("SELECT count(*) FROM outbox WHERE kind = 'channel.away'") == 1
