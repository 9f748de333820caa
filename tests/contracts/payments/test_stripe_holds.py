"""Money held first and taken after the goods: Stripe's manual capture, over real HTTP to the emulated platform."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.contracts.payments.conftest import stripe_settings
from tests.contracts.payments.payment_stage import NoticeDoor, Stage
from vendomat.cloud.payments.providers import (
    HoldsMoney,
    HoldState,
    RefundState,
    StartRequest,
    StartState,
    TradeState,
    open_provider,
)
from vendomat.kernel import ManualClock, Money
from vendomat.simulator.gateways import BuyerRefusedError, CallFault, FaultRule, GatewayServer, GatewaySettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOST = [CallFault.ERROR_BEFORE, CallFault.RESET_BEFORE, CallFault.UNAVAILABLE, CallFault.RATE_LIMITED]
DONE_AND_LOST = [CallFault.ERROR_AFTER, CallFault.RESET_AFTER, CallFault.FORGED_ANSWER]


@dataclass
class Till:
    """A stage, its provider as one that holds money, and a held number."""

    stage: Stage
    provider: HoldsMoney

    async def held(self, fen: int = 350) -> StartRequest:
        request = self.stage.request(fen)
        assert (await self.provider.offer_hold(request)).state is StartState.STARTED
        self.stage.pay(request.number)
        return request

    async def state(self, request: StartRequest) -> HoldState:
        return (await self.provider.look_up_hold(request.number)).state


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def till(key_stock: list[RSAPrivateKey]) -> AsyncIterator[Till]:
    clock = ManualClock()
    settings = GatewaySettings(notice_first_delay_s=0.0, refund_delay_s=2.0)
    server = GatewayServer(settings, clock, make_key=itertools.cycle(key_stock).__next__)
    await server.start()
    both = [stripe_settings(server.open_stripe_account(name)) | {"timeout_s": 5.0} for name in ("One", "Two")]
    provider, other = (open_provider("stripe", one, clock=clock, pool_size=2) for one in both)
    door = NoticeDoor(provider)
    notify_url = await door.open()
    server.stripe.set_webhook(provider.account, notify_url)
    stage = Stage(
        provider=provider,
        other=other,
        server=server,
        door=door,
        notify_url=notify_url,
        clock=clock,
        makes_trades_at_scan=False,
        sends_refund_notices=True,
    )
    assert isinstance(provider, HoldsMoney)
    yield Till(stage, provider)
    await door.close()
    await provider.aclose()
    await other.aclose()
    await server.stop()


@pytest.fixture(autouse=True)
def no_faults(till: Till) -> None:
    till.stage.server.call_faults.clear()


async def test_authorised_then_captured(till: Till):
    before, request = till.stage.balance_fen, await till.held()
    hold = await till.provider.look_up_hold(request.number)
    assert (hold.state, hold.amount) == (HoldState.HELD, request.amount)
    assert till.stage.balance_fen == before, "nothing was taken yet"
    assert (await till.stage.provider.look_up(request.number)).state is TradeState.NOT_PAID
    captured = await till.provider.capture(request.number, request.amount)
    assert (captured.state, captured.amount, captured.error) == (HoldState.CAPTURED, request.amount, "")
    assert till.stage.balance_fen == before + 350
    again = await till.provider.capture(request.number, request.amount)
    assert (again.state, again.error) == (HoldState.CAPTURED, "")
    assert till.stage.balance_fen == before + 350


async def test_part_of_it_is_captured_and_that_part_refunded(till: Till):
    before, request = till.stage.balance_fen, await till.held()
    captured = await till.provider.capture(request.number, Money(200, "CNY"))
    assert (captured.state, captured.amount) == (HoldState.CAPTURED, Money(200, "CNY"))
    assert till.stage.balance_fen == before + 200
    other = await till.provider.capture(request.number, request.amount)
    assert (other.state, other.amount, bool(other.error)) == (HoldState.CAPTURED, Money(200, "CNY"), True)
    too_much = till.stage.refund_of(request, 201)
    assert (await till.stage.provider.refund(too_much)).state is RefundState.REFUSED
    assert (await till.stage.provider.refund(till.stage.refund_of(request, 200))).state is RefundState.PROCESSING
    assert till.stage.balance_fen == before


async def test_released_and_offered_no_more(till: Till):
    before, request = till.stage.balance_fen, await till.held()
    assert (await till.provider.release(request.number)).state is HoldState.RELEASED
    assert (await till.provider.release(request.number)).state is HoldState.RELEASED
    assert (await till.provider.capture(request.number, request.amount)).state is HoldState.RELEASED
    offered = till.stage.request()
    await till.provider.offer_hold(offered)
    assert await till.state(offered) is HoldState.OFFERED
    assert (await till.provider.release(offered.number)).state is HoldState.RELEASED
    with pytest.raises(BuyerRefusedError):
        till.stage.pay(offered.number)
    assert till.stage.balance_fen == before


async def test_too_late_to_release(till: Till):
    request = await till.held()
    await till.provider.capture(request.number, request.amount)
    released = await till.provider.release(request.number)
    assert (released.state, released.amount) == (HoldState.CAPTURED, request.amount)


async def test_more_than_is_held_is_refused_and_nothing_taken(till: Till):
    before, request = till.stage.balance_fen, await till.held()
    refused = await till.provider.capture(request.number, Money(351, "CNY"))
    assert (refused.state, "amount_too_large" in refused.error) == (HoldState.HELD, True)
    assert till.stage.balance_fen == before


async def test_a_hold_lapses_after_seven_days(till: Till):
    before, request = till.stage.balance_fen, await till.held()
    await till.stage.pass_time(7 * 86_400 - 60)
    assert await till.state(request) is HoldState.HELD
    await till.stage.pass_time(60)
    assert await till.state(request) is HoldState.RELEASED
    assert till.stage.balance_fen == before


@pytest.mark.parametrize("fault", [*LOST, *DONE_AND_LOST])
@pytest.mark.parametrize("verb", ["capture", "cancel"])
async def test_no_answer_is_settled_by_looking(till: Till, verb: str, fault: CallFault):
    before, request = till.stage.balance_fen, await till.held()
    till.stage.fail(fault, verb)
    wanted = HoldState.CAPTURED if verb == "capture" else HoldState.RELEASED

    async def attempt() -> HoldState:
        if verb == "capture":
            return (await till.provider.capture(request.number, request.amount)).state
        return (await till.provider.release(request.number)).state

    assert await attempt() is (wanted if fault in DONE_AND_LOST else HoldState.HELD)
    till.stage.server.call_faults.clear()
    assert await attempt() is wanted
    assert till.stage.balance_fen == before + (350 if verb == "capture" else 0)


async def test_a_look_up_without_an_answer_is_not_known(till: Till):
    request = await till.held()
    till.stage.server.call_faults.add(FaultRule(fault=CallFault.UNAVAILABLE, platform="stripe", verb="query", count=-1))
    assert await till.state(request) is HoldState.UNKNOWN
    assert (await till.provider.capture(request.number, request.amount)).state is HoldState.UNKNOWN
    assert (await till.provider.look_up_hold("pay_never_offered")).state is HoldState.UNKNOWN
    till.stage.server.call_faults.clear()
    assert (await till.provider.look_up_hold("pay_never_offered")).state is HoldState.NOT_FOUND


async def test_notices_tell_of_a_hold_and_of_its_end_and_of_no_payment(till: Till):
    request = till.stage.request()
    await till.provider.offer_hold(request)
    known = len(till.stage.door.accepted)
    till.stage.pay(request.number, is_notice_lost=False)
    await till.stage.until(lambda: len(till.stage.door.accepted) == known + 2)
    await till.provider.capture(request.number, Money(200, "CNY"))
    let_go = await till.held()
    await till.provider.release(let_go.number)
    await till.stage.until(lambda: len(till.stage.door.accepted) == known + 4)
    told = till.stage.door.accepted[known:]
    assert [(t.trade.number, t.trade.state) for t in told if t.trade] == [(request.number, TradeState.NOT_PAID)]
    holds = {(t.hold.number, t.hold.state): t.hold.amount for t in told if t.hold}
    assert holds == {
        (request.number, HoldState.HELD): request.amount,
        (request.number, HoldState.CAPTURED): Money(200, "CNY"),
        (let_go.number, HoldState.RELEASED): None,
    }
