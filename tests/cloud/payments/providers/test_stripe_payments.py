"""Stripe by our number alone: found by any worker, made once whatever was answered, ended, given back once."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.cloud.payments.providers.scripted_platform import Answer
from vendomat.cloud.payments.providers import (
    CancelState,
    Provider,
    RefundRequest,
    RefundState,
    Started,
    StartRequest,
    StartState,
    TradeState,
    open_provider,
)
from vendomat.kernel import ManualClock, Money
from vendomat.simulator.gateways import CallFault, FaultRule, GatewayServer, GatewaySettings

pytestmark = pytest.mark.asyncio(loop_scope="module")
_numbers = itertools.count(1)


@dataclass
class Shop:
    """One account at the emulated Stripe, and workers that share nothing but its keys."""

    server: GatewayServer
    clock: ManualClock
    settings: dict[str, Any]
    workers: list[Provider]

    def worker(self) -> Provider:
        """A worker that has seen nothing yet."""
        self.workers.append(open_provider("stripe", self.settings, clock=self.clock, pool_size=4))
        return self.workers[-1]

    def request(self, amount: Money | None = None) -> StartRequest:
        return StartRequest(
            number=f"pay_{next(_numbers):026d}",
            amount=amount or Money(350, "CNY"),
            description="Oolong tea",
            expires_at=self.clock.now() + timedelta(seconds=120),
            notify_url="https://vend.example/notify/mer_1/stripe",
            machine_id="mac_7",
        )

    def fail(self, fault: CallFault, verb: str, count: int = 1) -> None:
        self.server.call_faults.add(FaultRule(fault=fault, platform="stripe", verb=verb, count=count))

    def sessions_of(self, number: str) -> list[Any]:
        return [one for one in self.server.stripe.books_now.sessions.values() if one.terms.number == number]

    async def paid(self, amount: Money | None = None) -> tuple[StartRequest, str]:
        """A paid payment and its transaction id."""
        request = self.request(amount)
        worker = self.worker()
        started = await worker.start(request)
        assert started.state is StartState.STARTED, started
        self.server.stripe.pay(started.code_url, "ann", is_notice_lost=True)
        return request, (await worker.look_up(request.number)).transaction_id

    def refund_of(self, request: StartRequest, minor: int, transaction_id: str = "") -> RefundRequest:
        return RefundRequest(
            payment_number=request.number,
            refund_number=f"rfd_{next(_numbers):026d}",
            amount=Money(minor, request.amount.currency),
            payment_amount=request.amount,
            reason="not delivered",
            notify_url=request.notify_url,
            transaction_id=transaction_id,
        )

    @property
    def balance(self) -> int:
        return self.server.stripe.books_now.accounts[self.settings["account"]].balance_fen


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[Shop]:
    clock = ManualClock()
    server = GatewayServer(GatewaySettings(), clock)
    await server.start()
    account = server.open_stripe_account("小卖部")
    settings = {
        "account": account.account,
        "secret_key": account.secret_key,
        "webhook_secrets": [account.webhook_secret],
        "return_url": "https://vend.example/thanks",
        "base_url": account.base_url,
        "timeout_s": 30.0,
    }
    shop = Shop(server, clock, settings, [])
    yield shop
    for worker in shop.workers:
        await worker.aclose()
    await server.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def shop(world: Shop) -> Shop:
    world.server.call_faults.clear()
    world.server.stripe.set_balance(world.settings["account"], 100_000)
    return world


class TestAnotherWorker:
    async def test_finds_a_session_by_its_number(self, shop: Shop):
        request = shop.request()
        await shop.worker().start(request)
        assert (await shop.worker().look_up(request.number)).state is TradeState.NOT_PAID
        shop.server.stripe.pay(shop.server.stripe.code_of(request.number), "ann", is_notice_lost=True)
        found = await shop.worker().look_up(request.number)
        assert (found.state, found.amount, found.paid_at) == (TradeState.PAID, request.amount, shop.clock.now())

    async def test_ends_a_session_it_never_saw(self, shop: Shop):
        request = shop.request()
        await shop.worker().start(request)
        assert (await shop.worker().cancel(request.number)).state is CancelState.CLOSED
        assert shop.sessions_of(request.number)[0].state == "expired"

    async def test_finds_it_among_many_of_the_same_minute(self, shop: Shop):
        request = shop.request()
        await shop.worker().start(request)
        (ours,) = shop.sessions_of(request.number)
        for index in range(230):
            shop.server.stripe.open_session(replace(ours.terms, number=f"pay_other_{index}"))
        assert (await shop.worker().look_up(request.number)).state is TradeState.NOT_PAID

    async def test_finds_it_when_everything_later_is_forgotten(self, shop: Shop):
        """A week later: the idempotency keys are gone, the product and the list are not."""
        request, _ = await shop.paid()
        await shop.clock.advance(7 * 86_400)
        assert (await shop.worker().look_up(request.number)).state is TradeState.PAID

    async def test_two_at_once_make_one_session(self, shop: Shop):
        request = shop.request()
        started = await asyncio.gather(*(shop.worker().start(request) for _ in range(4)))
        assert {one.state for one in started} == {StartState.STARTED}
        assert len({one.code_url for one in started}) == 1
        assert len(shop.sessions_of(request.number)) == 1


class TestAStoredFailure:
    async def test_with_nothing_done_is_got_over_once(self, shop: Shop):
        """The key is spent for a day: 500 again and again. Two at once take the same next key."""
        request = shop.request()
        shop.fail(CallFault.ERROR_BEFORE, "create")
        assert (await shop.worker().start(request)).state is StartState.UNKNOWN
        started = await asyncio.gather(*(shop.worker().start(request) for _ in range(3)))
        assert {(one.state, one.code_url) for one in started} == {
            (StartState.STARTED, shop.server.stripe.code_of(request.number))
        }
        assert len(shop.sessions_of(request.number)) == 1

    async def test_with_everything_done_is_seen_through(self, shop: Shop):
        request = shop.request()
        shop.fail(CallFault.ERROR_AFTER, "create")
        assert (await shop.worker().start(request)).state is StartState.UNKNOWN
        assert (await shop.worker().start(request)).state is StartState.STARTED
        assert len(shop.sessions_of(request.number)) == 1

    @pytest.mark.parametrize("fault", [CallFault.ERROR_BEFORE, CallFault.ERROR_AFTER, CallFault.RESET_AFTER])
    async def test_of_the_product(self, shop: Shop, fault: CallFault):
        request = shop.request()
        shop.fail(fault, "register")
        assert (await shop.worker().start(request)).state is StartState.UNKNOWN
        assert (await shop.worker().look_up(request.number)).state is TradeState.NOT_FOUND
        assert (await shop.worker().start(request)).state is StartState.STARTED

    async def test_in_a_row(self, shop: Shop):
        request = shop.request()
        shop.fail(CallFault.ERROR_BEFORE, "create", count=6)  # each try also uses one up for every key that is spent
        states = [(await shop.worker().start(request)).state for _ in range(4)]
        assert states == [StartState.UNKNOWN] * 3 + [StartState.STARTED]


class TestTheEnd:
    async def test_of_a_number_never_offered(self, shop: Shop):
        assert (await shop.worker().cancel("pay_never_offered")).state is CancelState.CLOSED

    async def test_of_a_product_without_a_session(self, shop: Shop):
        request = shop.request()
        shop.fail(CallFault.RESET_BEFORE, "create")
        assert (await shop.worker().start(request)).state is StartState.UNKNOWN
        assert (await shop.worker().cancel(request.number)).state is CancelState.CLOSED

    async def test_an_offer_that_is_over_is_not_made(self, shop: Shop):
        request = shop.request()
        await shop.clock.advance(120)
        assert (await shop.worker().start(request)).state is StartState.REFUSED
        assert shop.sessions_of(request.number) == []

    async def test_an_offer_that_is_over_and_open_still_is_not_called_refused(self, shop: Shop):
        request = shop.request()
        await shop.worker().start(request)
        await shop.clock.advance(120)
        again: Started = await shop.worker().start(request)
        assert (again.state, again.code_url) == (StartState.UNKNOWN, "")

    async def test_half_an_hour_after_its_offer_it_is_over_by_itself(self, shop: Shop):
        request = shop.request()
        worker = shop.worker()
        await worker.start(request)
        await shop.clock.advance(120 + 30 * 60)
        assert (await worker.look_up(request.number)).state is TradeState.NOT_PAID
        await shop.clock.advance(61)
        assert (await worker.look_up(request.number)).state is TradeState.CLOSED


class TestCurrencies:
    @pytest.mark.parametrize("amount", [Money(500, "JPY"), Money(1250, "KWD"), Money(350, "USD"), Money(50, "EUR")])
    async def test_are_charged_in_their_smallest_unit(self, shop: Shop, amount: Money):
        request, _ = await shop.paid(amount)
        assert shop.sessions_of(request.number)[0].terms.amount == amount.minor_units
        assert (await shop.worker().look_up(request.number)).amount == amount
        refund = shop.refund_of(request, amount.minor_units)
        assert (await shop.worker().refund(refund)).amount == amount

    async def test_with_three_decimals_in_tens_only(self, shop: Shop):
        request = shop.request(Money(1251, "KWD"))
        refused = await shop.worker().start(request)
        assert (refused.state, "tens" in refused.error) == (StartState.REFUSED, True)
        paid, _ = await shop.paid(Money(1250, "KWD"))
        assert (await shop.worker().refund(shop.refund_of(paid, 1249))).state is RefundState.REFUSED

    async def test_below_the_smallest_charge_is_refused(self, shop: Shop):
        refused = await shop.worker().start(shop.request(Money(49, "USD")))
        assert (refused.state, refused.error.split(":")[0]) == (StartState.REFUSED, "amount_too_small")

    async def test_kept_open_for_a_day_is_refused_unasked(self, shop: Shop):
        request = replace(shop.request(), expires_at=shop.clock.now() + timedelta(hours=24))
        assert (await shop.worker().start(request)).state is StartState.REFUSED


class TestRefunds:
    async def test_the_same_number_a_day_later_moves_no_more_money(self, shop: Shop):
        """Stripe forgets a key after a day; the refund's number stands in the list for ever."""
        request, _ = await shop.paid()
        refund, before = shop.refund_of(request, 100), shop.balance
        await shop.worker().refund(refund)
        await shop.clock.advance(25 * 3_600)
        assert (await shop.worker().refund(refund)).state is RefundState.SUCCEEDED
        assert shop.balance == before - 100

    async def test_many_at_once_are_one(self, shop: Shop):
        request, _ = await shop.paid()
        refund, before = shop.refund_of(request, 100), shop.balance
        await asyncio.gather(*(shop.worker().refund(refund) for _ in range(4)))
        assert shop.balance == before - 100

    async def test_refused_for_want_of_money_as_often_as_it_takes(self, shop: Shop):
        request, _ = await shop.paid()
        refund = shop.refund_of(request, 350)
        shop.server.stripe.set_balance(shop.settings["account"], 0)
        for _ in range(3):
            assert (await shop.worker().refund(refund)).state is RefundState.REFUSED
        shop.server.stripe.set_balance(shop.settings["account"], 350)
        assert (await shop.worker().refund(refund)).state is RefundState.PROCESSING
        assert shop.balance == 0

    async def test_by_the_transaction_when_the_session_cannot_be_seen(self, shop: Shop):
        request, transaction_id = await shop.paid()
        shop.fail(CallFault.UNAVAILABLE, "query", count=-1)
        by_number = shop.refund_of(request, 100)
        assert (await shop.worker().refund(by_number)).state is RefundState.UNKNOWN
        assert (await shop.worker().refund(replace(by_number, transaction_id=transaction_id))).state is (
            RefundState.PROCESSING
        )

    @pytest.mark.parametrize(
        ("outcome", "state"),
        [
            ("failed", RefundState.CLOSED),
            ("canceled", RefundState.CLOSED),
            ("requires_action", RefundState.PROCESSING),
        ],
    )
    async def test_other_ends(self, shop: Shop, outcome: str, state: RefundState):
        request, _ = await shop.paid()
        shop.server.stripe.settle_next_refunds_as(outcome, 1)
        refund = shop.refund_of(request, 100)
        assert (await shop.worker().refund(refund)).state is RefundState.PROCESSING
        await shop.clock.advance(3)
        assert (await shop.worker().look_up_refund(refund)).state is state


async def test_nothing_about_this_machine_is_sent(stripe_settings, platform):
    platform.say(Answer(404, b'{"error":{"type":"invalid_request_error","code":"resource_missing","message":""}}'))
    provider = open_provider("stripe", stripe_settings | {"base_url": platform.url}, clock=ManualClock(), pool_size=1)
    assert (await provider.look_up("pay_1234567890")).state is TradeState.NOT_FOUND
    await provider.aclose()
    (request,) = platform.received
    assert request.target == "/v1/products/pay_1234567890"
    assert request.headers["authorization"] == f"Bearer {stripe_settings['secret_key']}"
    assert request.headers["user-agent"] == "vendomat"
    assert not [name for name in request.headers if "client" in name or "telemetry" in name]


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"null", b"<html></html>", b'{"id":"x","object":"product","created":1,"metadata":{}}', b"\xff\xfe"],
)
async def test_an_answer_that_is_none_is_not_known(stripe_settings, platform, body: bytes):
    platform.say(Answer(200, body))
    provider = open_provider("stripe", stripe_settings | {"base_url": platform.url}, clock=ManualClock(), pool_size=1)
    assert (await provider.look_up("pay_1234567890")).state is TradeState.UNKNOWN
    assert (await provider.cancel("pay_1234567890")).state is CancelState.UNKNOWN
    await provider.aclose()


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 409, 429, 500, 503])
async def test_an_error_without_words_is_not_known(stripe_settings, platform, status: int):
    platform.say(Answer(status, b"", {"Location": "https://elsewhere.example/"}))
    provider = open_provider("stripe", stripe_settings | {"base_url": platform.url}, clock=ManualClock(), pool_size=1)
    assert (await provider.look_up("pay_1234567890")).state is TradeState.UNKNOWN
    await provider.aclose()


async def test_an_address_too_long_for_the_screen_is_not_shown(stripe_settings, platform):
    clock = ManualClock()
    number, until = "pay_1234567890", clock.now() + timedelta(seconds=120)
    product = {"id": number, "object": "product", "created": 1, "metadata": {"offered_until": "2"}}
    session = {"id": "cs_1", "object": "checkout.session", "status": "open", "payment_status": "unpaid"}
    session |= {"amount_total": 350, "currency": "cny", "client_reference_id": number, "url": "https://x/" + "y" * 490}
    provider = open_provider("stripe", stripe_settings | {"base_url": platform.url}, clock=clock, pool_size=1)
    request = StartRequest(number, Money(350, "CNY"), "tea", until, "https://vend.example/notify/mer_1/stripe")
    for url, state in ((session["url"], StartState.STARTED), (f"{session['url']}z", StartState.UNKNOWN)):
        answers = (product, session | {"url": url})
        platform.say(*(Answer(200, json.dumps(answer).encode()) for answer in answers))
        assert (await provider.start(request)).state is state
    await provider.aclose()
