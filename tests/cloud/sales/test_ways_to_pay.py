"""A way to pay that is switched off, taken from a machine, or given new keys while a buyer is paying."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.cloud.sales.conftest import MACHINE, MERCHANT, World, world
from tests.cloud.sales.purchases import AT
from tests.cloud.sales.selling_stage import MASTER, Stage, open_stage
from tests.contracts.payments.conftest import wechat_settings
from tests.contracts.payments.payment_stage import NoticeDoor
from vendomat.cloud.merchants import Operator, PaymentAccount, Role
from vendomat.cloud.payments import AccountDesk
from vendomat.cloud.payments.accounts.service import Answers
from vendomat.cloud.payments.book import KEPT_S
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.kernel import ManualClock, VendomatError, derive_id
from vendomat.simulator.gateways import CallFault, FaultRule, GatewayServer, GatewaySettings

__all__ = ["world"]
pytestmark = pytest.mark.slow

OWNER = Operator(MERCHANT, "opr_owner", "owner@a.example", "Owner", Role.OWNER, "M", "CNY")
NEW_KEY = "n" * 32


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(AT)


@pytest.fixture
async def server(clock: ManualClock) -> AsyncIterator[GatewayServer]:
    server = GatewayServer(GatewaySettings(notice_first_delay_s=0.0), clock)
    await server.start()
    yield server
    await server.stop()


class Counter:
    """A stage with a real provider, and the desk beside it."""

    def __init__(self, stage: Stage, server: GatewayServer, door: NoticeDoor) -> None:
        self.stage, self.server, self.door = stage, server, door
        self.desk = AccountDesk(stage.world.database, MASTER, stage.clock)
        self._asked = 0

    async def order(self) -> tuple[str, Any]:
        self._asked += 1
        lines = [{"slot": "A1", "quantity": 1, "price_minor": 350}]
        asked = {"request_id": derive_id("req", self._asked), "lines": lines, "channel": "wechat", "nonce": "n" * 20}
        return await self.stage.say("order", asked)

    async def offer(self) -> str:
        kind, answer = await self.order()
        assert kind == "order.reply", answer
        return str(answer["offers"][0]["payment_id"])

    def pay(self, number: str, *, is_told: bool = False) -> None:
        wechat = self.server.wechat
        wechat.pay(wechat.code_of(number), "buyer-1", is_notice_lost=not is_told)

    async def state_of(self, number: str) -> str:
        return str(await self.stage.one("SELECT state FROM payment WHERE payment_id = $1", number))

    async def look(self) -> None:
        await self.stage.clock.advance(KEPT_S)
        await self.stage.sweeps.look_up_payments()


@pytest.fixture
async def counter(world: World, server: GatewayServer, clock: ManualClock) -> AsyncIterator[Counter]:
    known = server.open_wechat_account("One")
    account = PaymentAccount(MERCHANT, "wechat", known.mchid, wechat_settings(known) | {"timeout_s": 5.0})
    door = NoticeDoor(None)  # type: ignore[arg-type]  # the book's provider is put there when it is needed
    url = (await door.open()).removesuffix("/notices/mer_1")
    settings = CloudSettings(public_url=url)
    async with open_stage(world, clock=clock, accounts=[account], settings=settings) as stage:
        yield Counter(stage, server, door)
    await door.close()


async def test_switched_off_takes_no_new_payment_and_ends_those_it_began(counter: Counter) -> None:
    number = await counter.offer()
    await counter.desk.set_active(OWNER, "wechat", is_active=False)
    kind, problem = await counter.order()
    assert (kind, problem["code"]) == ("problem", "method_unavailable"), "though the provider was opened a moment ago"
    counter.pay(number)
    await counter.look()
    assert await counter.state_of(number) == "paid"
    assert (await counter.order())[1]["code"] == "method_unavailable"
    await counter.desk.set_active(OWNER, "wechat", is_active=True)
    await counter.look()
    await counter.offer()


async def test_a_machine_it_was_taken_from_gets_no_order_by_an_older_picture(counter: Counter) -> None:
    await counter.desk.set_at_machine(OWNER, MACHINE, "wechat", is_offered=False)
    kind, problem = await counter.order()
    assert (kind, problem["code"]) == ("problem", "method_unavailable")
    with pytest.raises(VendomatError, match="not offered here"):
        await counter.stage.till.offering(MERCHANT, MACHINE, "wechat")
    await counter.desk.set_at_machine(OWNER, MACHINE, "wechat", is_offered=True)
    await counter.offer()


async def test_a_new_key_while_a_buyer_pays_loses_nothing_and_the_old_one_is_believed_no_more(
    counter: Counter,
) -> None:
    first = await counter.offer()
    await counter.desk.put(OWNER, "wechat", {"apiv3_key": NEW_KEY})
    await counter.stage.clock.advance(KEPT_S)
    counter.door.provider = await counter.stage.book.get(MERCHANT, "wechat")
    counter.pay(first, is_told=True)  # sealed with the old key still
    await until(counter, lambda: counter.door.refused)
    assert counter.door.accepted == [] and "does not open" in counter.door.refused[0].reason
    assert await counter.state_of(first) == "created"
    await counter.look()
    assert await counter.state_of(first) == "paid", "a look-up needs no key of notices"

    books = counter.server.wechat.books_now
    (row,) = books.merchants.values()
    books.merchants[row.key] = replace(row, apiv3_key=NEW_KEY)
    second = await counter.offer()
    counter.pay(second, is_told=True)
    await until(counter, lambda: any(n.trade and n.trade.number == second for n in counter.door.accepted))


async def test_a_try_tells_keys_that_do_not_fit_from_a_platform_that_is_away(
    counter: Counter, server: GatewayServer
) -> None:
    async def tried() -> Answers:
        return (await counter.desk.try_out(MERCHANT, "wechat")).state

    assert await tried() is Answers.REACHABLE
    other = server.open_wechat_account("Two")
    foreign = {"private_key": other.merchant_private_key_pem, "certificate": None, "apiv2_key": None}
    await counter.desk.put(OWNER, "wechat", foreign)
    assert await tried() is Answers.KEYS_REFUSED
    server.call_faults.add(FaultRule(fault=CallFault.RESET_BEFORE, platform="wechat", verb="query", count=1))
    assert await tried() is Answers.NOT_REACHABLE


async def until(counter: Counter, is_so: Callable[[], object]) -> None:
    """Let real sockets work until `is_so()`; the clock of the story stands still."""
    async with asyncio.timeout(30):
        while not is_so():
            await counter.stage.clock.advance(0)
            await asyncio.sleep(0.01)
