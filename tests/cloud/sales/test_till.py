"""The till against the emulated platforms on their real wire: lost notices, expiry, late money, an empty account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cloud.sales.conftest import MERCHANT, World
from tests.cloud.sales.purchases import AT
from tests.cloud.sales.selling_stage import Stage, fact, open_stage
from tests.contracts.payments.conftest import alipay_settings, wechat_settings
from vendomat.cloud.merchants import PaymentAccount
from vendomat.kernel import ManualClock, derive_id
from vendomat.protocol import FactKind
from vendomat.simulator.gateways import CallFault, FaultRule, GatewayServer, GatewaySettings

pytestmark = pytest.mark.slow


Sweep = Callable[[], Awaitable[object]]


@dataclass
class Shop:
    """A worker, one platform, and the buyer at it."""

    stage: Stage
    server: GatewayServer
    channel: str
    account: str

    @property
    def platform(self) -> Any:
        return self.server.wechat if self.channel == "wechat" else self.server.alipay

    async def offer(self) -> str:
        lines = [{"slot": "A1", "quantity": 1, "price_minor": 350}]
        asked = {"request_id": derive_id("req", 1), "lines": lines, "channel": self.channel, "nonce": "n" * 20}
        kind, answer = await self.stage.say("order", asked)
        assert kind == "order.reply" and answer["offers"][0]["code_url"], answer
        return str(answer["offers"][0]["payment_id"])

    def pay(self, number: str, *, is_late: bool = False) -> None:
        self.platform.pay(self.platform.code_of(number), "buyer-1", is_late=is_late, is_notice_lost=True)

    async def refuse(self) -> None:
        """The machine will not start the motor."""
        command = await self.stage.world.superuser.fetchrow("SELECT cmd_id, order_id FROM command")
        body = dict(command) | {"unit": 1, "slot": "A1", "reason": "door_open"}
        await self.stage.say("facts", {"facts": [fact(FactKind.REFUSED, body)]})

    async def refund_id(self) -> str:
        return str(await self.stage.one("SELECT refund_id FROM refund"))

    async def look_up(self) -> None:
        await self.stage.sweeps.look_up_payments()

    async def until(
        self, query: str, wanted: object, sweep: Callable[[], Awaitable[object]], pause_s: float = 1
    ) -> None:
        """Sweep and let time pass until `query` answers `wanted`."""
        for _ in range(30):
            await sweep()
            if await self.stage.one(query) == wanted:
                return
            await self.stage.clock.advance(pause_s)
            await asyncio.sleep(0.01)
        raise AssertionError(f"{query} stayed {await self.stage.one(query)!r}")

    @property
    def refunds(self) -> list[Any]:
        return list(self.platform.books()["refunds"])


@pytest.fixture(params=["wechat", "alipay"])
async def shop(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Shop]:
    clock, channel = ManualClock(AT), request.param
    server = GatewayServer(GatewaySettings(refund_delay_s=0.0), clock)
    await server.start()
    if channel == "wechat":
        wechat = server.open_wechat_account("One")
        account = PaymentAccount(MERCHANT, channel, wechat.mchid, wechat_settings(wechat) | {"timeout_s": 5.0})
    else:
        alipay = server.open_alipay_account("One")
        account = PaymentAccount(MERCHANT, channel, alipay.app_id, alipay_settings(alipay) | {"timeout_s": 5.0})
    try:
        async with open_stage(world, clock=clock, accounts=[account], is_following=False) as stage:
            yield Shop(stage, server, channel, account.account)
    finally:
        await server.stop()


async def test_f01_no_notice_at_all_is_made_up_for_by_looking(shop: Shop) -> None:
    """F01: without any notice the look-up finds the payment, and the vend is ordered."""
    number = await shop.offer()
    await shop.stage.clock.advance(3)
    await shop.look_up()
    assert await shop.stage.one("SELECT state FROM payment") == "created"
    shop.pay(number)
    await shop.stage.clock.advance(3)
    await shop.look_up()
    assert await shop.stage.one("SELECT state FROM sale_order") == "paid"
    assert await shop.stage.one("SELECT transaction_id <> '' FROM payment")
    assert await shop.stage.one("SELECT captured_minor FROM payment") == 350


async def test_an_order_nobody_pays_expires_once_its_code_is_dead(shop: Shop) -> None:
    await shop.offer()
    await shop.stage.clock.advance(120)
    assert await shop.stage.sweeps.expire_orders() == 1
    assert await shop.stage.one("SELECT state FROM sale_order") == "awaiting_payment", "not before it is confirmed"
    await shop.until("SELECT state FROM sale_order", "expired", shop.look_up, pause_s=15)
    assert await shop.stage.one("SELECT state FROM payment") == "closed"
    assert await shop.stage.one("SELECT reserved FROM stock_slot WHERE slot = 'A1'") == 0


async def test_f05_money_that_comes_too_late_goes_back_in_full(shop: Shop) -> None:
    """F05: paid after the end never vends and goes back in full, by itself."""
    number = await shop.offer()
    await shop.stage.clock.advance(100)
    shop.pay(number)
    await shop.stage.clock.advance(60)  # past the grace: the buyer has left
    await shop.stage.sweeps.expire_orders()
    await shop.until("SELECT state FROM sale_order", "expired", shop.look_up)
    assert await shop.stage.one("SELECT count(*) FROM command") == 0
    await shop.until("SELECT state FROM refund", "succeeded", shop.stage.sweeps.ask_refunds, pause_s=5)
    assert [refund["amount_fen"] for refund in shop.refunds] == [350]
    assert await shop.stage.one("SELECT sum(amount_minor) FROM ledger_line WHERE account LIKE 'liab:%'") == 0


async def test_f11_an_empty_account_alarms_and_the_same_number_succeeds_after_a_top_up(shop: Shop) -> None:
    """F11: a refused refund stays owed under its number, with an alarm, until the account is filled."""
    number = await shop.offer()
    shop.pay(number)
    await shop.stage.clock.advance(3)
    await shop.look_up()
    await shop.refuse()
    shop.platform.set_balance(shop.account, 0)
    for _ in range(3):
        await shop.stage.sweeps.ask_refunds()
        await shop.stage.clock.advance(10)
    assert await shop.stage.one("SELECT state FROM refund") == "requested"
    assert await shop.stage.one("SELECT (kind, count)::text FROM alarm") == "(refund_stuck,1)"
    assert await shop.stage.one("SELECT state FROM sale_order") == "paid", "the buyer is owed still"
    shop.platform.set_balance(shop.account, 10_000)
    await shop.until("SELECT state FROM refund", "succeeded", shop.stage.sweeps.ask_refunds, pause_s=20)
    assert await shop.stage.one("SELECT state FROM sale_order") == "settled"
    await shop.stage.standing.look()
    assert await shop.stage.one("SELECT state FROM alarm WHERE kind = 'refund_stuck'") == "cleared"
    numbers = {refund["refund_number"] for refund in shop.refunds}
    assert numbers == {await shop.stage.one("SELECT refund_id FROM refund")}


async def test_f10_answers_of_refund_calls_that_are_lost_pay_back_once(shop: Shop) -> None:
    """F10: however many answers are lost, the money goes back once, under one number."""
    number = await shop.offer()
    shop.pay(number)
    await shop.stage.clock.advance(3)
    await shop.look_up()
    await shop.refuse()
    shop.server.call_faults.add(
        FaultRule(fault=CallFault.RESET_AFTER, platform=shop.channel, number=await shop.refund_id(), count=2)
    )
    await shop.until("SELECT state FROM refund", "succeeded", shop.stage.sweeps.ask_refunds, pause_s=5)
    assert [refund["amount_fen"] for refund in shop.refunds] == [350]


async def test_f06_a_start_whose_answer_is_lost_is_repeated_under_its_number(shop: Shop) -> None:
    """F06: a creation without an answer is repeated under the same number; there is never a second one."""
    shop.server.call_faults.add(FaultRule(fault=CallFault.RESET_AFTER, platform=shop.channel, count=1))
    lines = [{"slot": "A1", "quantity": 1, "price_minor": 350}]
    asked = {"request_id": derive_id("req", 1), "lines": lines, "channel": shop.channel, "nonce": "n" * 20}
    _, first = await shop.stage.say("order", asked)
    _, second = await shop.stage.say("channel", {"order_id": first["order_id"], "channel": shop.channel})
    (one,), (again,) = first["offers"], second["offers"]
    assert one["payment_id"] == again["payment_id"] and not one["code_url"]
    assert bool(again["code_url"]) == (
        shop.channel == "wechat"
    )  # Alipay gives a number's code once, to whoever hears it
    assert await shop.stage.one("SELECT count(*) FROM payment") == 1
