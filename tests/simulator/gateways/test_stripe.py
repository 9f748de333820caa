"""The emulated Stripe over HTTP: keys, idempotency, sessions, refunds, lists, events, and what outlives a restart."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.simulator.gateways.merchant import NoticeSink
from vendomat.kernel import ManualClock
from vendomat.simulator.gateways import (
    BuyerRefusedError,
    CallFault,
    FaultRule,
    GatewayServer,
    GatewaySettings,
    NoticeFault,
    StripeAccount,
)
from vendomat.simulator.gateways.keys import KeySource

NUMBER = "pay_1"
SESSIONS, PRODUCTS, REFUNDS = "/v1/checkout/sessions", "/v1/products", "/v1/refunds"


class StripeMerchant:
    """Calls Stripe's API as `account`, written against the documents: forms, keys, signatures."""

    def __init__(self, account: StripeAccount, clock: ManualClock) -> None:
        self.account = account
        self.clock = clock
        self.client = httpx.AsyncClient(base_url=account.base_url, trust_env=False, timeout=30)
        self.headers = {"Authorization": f"Bearer {account.secret_key}"}

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.client.get(path, params=query, headers=self.headers)

    async def post(self, path: str, form: dict[str, Any], key: str = "") -> httpx.Response:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return await self.client.post(path, data=form, headers=headers)

    def session_form(
        self, number: str = NUMBER, amount: int = 350, currency: str = "cny", **more: Any
    ) -> dict[str, Any]:
        return {
            "mode": "payment",
            "client_reference_id": number,
            "success_url": "https://vend.example/thanks",
            "expires_at": int(self.clock.now().timestamp()) + 1_860,
            "payment_method_types[0]": "card",
            "line_items[0][quantity]": 1,
            "line_items[0][price_data][currency]": currency,
            "line_items[0][price_data][unit_amount]": amount,
            "line_items[0][price_data][product]": number,
            "metadata[number]": number,
        } | more

    async def offer(self, number: str = NUMBER, amount: int = 350, **more: Any) -> httpx.Response:
        await self.post(PRODUCTS, {"id": number, "name": "冰红茶"})
        return await self.post(SESSIONS, self.session_form(number, amount, **more), number)

    async def paid(self, server: GatewayServer, number: str = NUMBER, amount: int = 350) -> str:
        """A paid session's payment intent."""
        session = (await self.offer(number, amount)).json()
        server.stripe.pay(session["url"], "ann")
        return str((await self.get(f"{SESSIONS}/{session['id']}")).json()["payment_intent"])

    async def refund(self, intent: str, number: str, amount: int) -> httpx.Response:
        form = {"payment_intent": intent, "amount": amount, "metadata[refund_number]": number}
        return await self.post(REFUNDS, form, number)

    def is_genuine(self, header: str, body: bytes, secret: str = "") -> bool:
        parts = [part.split("=", 1) for part in header.split(",")]
        at = next(value for name, value in parts if name == "t")
        signed = at.encode() + b"." + body
        ours = hmac.new((secret or self.account.webhook_secret).encode(), signed, hashlib.sha256).hexdigest()
        return ours in [value for name, value in parts if name == "v1"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def server(clock: ManualClock, key_source: KeySource) -> AsyncIterator[GatewayServer]:
    server = GatewayServer(GatewaySettings(notice_first_delay_s=0.0), clock, make_key=key_source)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def stripe(server: GatewayServer, clock: ManualClock) -> AsyncIterator[StripeMerchant]:
    merchant = StripeMerchant(server.open_stripe_account("小卖部"), clock)
    yield merchant
    await merchant.client.aclose()


async def until(clock: ManualClock, is_so: Any) -> None:
    async with asyncio.timeout(30):
        while not is_so():
            await clock.advance(0)
            await asyncio.sleep(0.005)


def refused(answer: httpx.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["type"], error.get("code", "")


class TestKeysAndParameters:
    async def test_without_or_with_a_wrong_key(self, stripe: StripeMerchant) -> None:
        stripe.headers = {}
        assert (await stripe.get(SESSIONS)).status_code == 401
        stripe.headers = {"Authorization": "Bearer sk_test_of_nobody"}
        assert (await stripe.offer()).status_code == 401

    async def test_another_account_sees_nothing(
        self, server: GatewayServer, stripe: StripeMerchant, clock: ManualClock
    ) -> None:
        session = (await stripe.offer()).json()
        other = StripeMerchant(server.open_stripe_account("other"), clock)
        assert refused(await other.get(f"{SESSIONS}/{session['id']}")) == (
            404,
            "invalid_request_error",
            "resource_missing",
        )
        assert refused(await other.get(f"{PRODUCTS}/{NUMBER}"))[0] == 404
        assert (await other.get(SESSIONS)).json()["data"] == []
        await other.client.aclose()

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"success_url": ""}, "parameter_missing"),
            ({"mode": "subscription"}, "parameter_invalid_empty"),
            ({"line_items[0][price_data][unit_amount]": "3.5"}, "parameter_invalid_integer"),
            ({"line_items[0][price_data][unit_amount]": 0}, "parameter_invalid_integer"),
            ({"line_items[0][price_data][product]": "nothing"}, "resource_missing"),
            ({"expires_at": 1}, ""),
            (
                {"line_items[0][price_data][currency]": "usd", "line_items[0][price_data][unit_amount]": 49},
                "amount_too_small",
            ),
            ({"line_items[0][price_data][currency]": "kwd", "line_items[0][price_data][unit_amount]": 1001}, ""),
        ],
    )
    async def test_a_session_it_does_not_make(self, stripe: StripeMerchant, change: dict[str, Any], code: str) -> None:
        """A request that was never begun spends no key."""
        answer = await stripe.offer(**change)
        assert refused(answer)[1:] == ("invalid_request_error", code)
        assert (await stripe.post(SESSIONS, stripe.session_form(), NUMBER)).status_code == 200

    async def test_a_product_of_an_id_is_made_once(self, stripe: StripeMerchant) -> None:
        form = {"id": NUMBER, "name": "tea", "metadata[a]": "1"}
        assert (await stripe.post(PRODUCTS, form)).json()["metadata"] == {"a": "1"}
        assert refused(await stripe.post(PRODUCTS, form))[2] == "resource_already_exists"
        assert (await stripe.get(f"{PRODUCTS}/{NUMBER}")).json()["name"] == "tea"


class TestIdempotency:
    async def test_the_same_again_is_the_same_and_says_so(self, stripe: StripeMerchant) -> None:
        first, form = await stripe.offer(), stripe.session_form()
        again = await stripe.post(SESSIONS, form, NUMBER)
        assert again.json() == first.json()
        assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
        assert len((await stripe.get(SESSIONS)).json()["data"]) == 1

    async def test_other_parameters_under_one_key(self, stripe: StripeMerchant) -> None:
        await stripe.offer()
        assert refused(await stripe.post(SESSIONS, stripe.session_form(amount=1), NUMBER)) == (
            400,
            "idempotency_error",
            "",
        )

    @pytest.mark.parametrize(("fault", "made"), [(CallFault.ERROR_BEFORE, 0), (CallFault.ERROR_AFTER, 1)])
    async def test_e07_a_500_is_kept_for_a_day(
        self, server: GatewayServer, stripe: StripeMerchant, clock: ManualClock, fault: CallFault, made: int
    ) -> None:
        server.call_faults.add(FaultRule(fault=fault, platform="stripe", verb="create"))
        form = stripe.session_form() | {"expires_at": int(clock.now().timestamp()) + 86_400}
        await stripe.offer(expires_at=form["expires_at"])
        again = await stripe.post(SESSIONS, form, NUMBER)
        assert (again.status_code, again.headers["idempotent-replayed"]) == (500, "true")
        assert len((await stripe.get(SESSIONS)).json()["data"]) == made
        await clock.advance(23 * 3_600)
        assert (await stripe.post(SESSIONS, form, NUMBER)).status_code == 500
        await clock.advance(3_601)
        assert "idempotent-replayed" not in (await stripe.post(SESSIONS, form, NUMBER)).headers

    async def test_a_key_in_use(self, server: GatewayServer, stripe: StripeMerchant) -> None:
        server.call_faults.add(FaultRule(fault=CallFault.ACCEPTED, platform="stripe", verb="create"))
        assert refused(await stripe.offer()) == (409, "idempotency_error", "idempotency_key_in_use")
        assert (await stripe.offer()).status_code == 200

    async def test_a_key_that_is_too_long(self, stripe: StripeMerchant) -> None:
        assert (await stripe.post(PRODUCTS, {"name": "x"}, "k" * 256)).status_code == 400
        assert (await stripe.post(PRODUCTS, {"name": "x"}, "k" * 255)).status_code == 200

    async def test_keys_and_books_outlive_the_process(
        self, clock: ManualClock, key_source: KeySource, tmp_path: Path
    ) -> None:
        """A retry after the platform's own restart is still the same request."""
        settings = GatewaySettings(data_dir=tmp_path, notice_first_delay_s=0.0)
        server = GatewayServer(settings, clock, make_key=key_source)
        await server.start()
        stripe = StripeMerchant(server.open_stripe_account("小卖部"), clock)
        intent = await stripe.paid(server)
        before = (await stripe.refund(intent, "rfd_1", 100)).json()
        await stripe.client.aclose()
        await server.stop()
        server = GatewayServer(settings, clock, make_key=key_source)
        await server.start()
        stripe = StripeMerchant(replace(stripe.account, base_url=server.stripe_base_url), clock)
        after = await stripe.refund(intent, "rfd_1", 100)
        assert (after.json(), after.headers["idempotent-replayed"]) == (before, "true")
        assert server.stripe.books_now.accounts[stripe.account.account].balance_fen == 100_000 + 350 - 100
        await until(clock, lambda: True)
        await clock.advance(3)
        assert (await stripe.get(f"{REFUNDS}/{before['id']}")).json()["status"] == "succeeded"
        await stripe.client.aclose()
        await server.stop()


class TestASession:
    async def test_open_paid_and_whole(self, server: GatewayServer, stripe: StripeMerchant, clock: ManualClock) -> None:
        session = (await stripe.offer()).json()
        assert (session["status"], session["payment_status"], session["payment_intent"]) == ("open", "unpaid", None)
        server.stripe.pay(session["url"] + "#fidkdWxOYHwnPyd1blpxYHZxWjA0", "ann")
        paid = (await stripe.get(f"{SESSIONS}/{session['id']}", **{"expand[]": "payment_intent.latest_charge"})).json()
        assert (paid["status"], paid["payment_status"], paid["url"]) == ("complete", "paid", None)
        assert paid["payment_intent"]["latest_charge"]["created"] == int(clock.now().timestamp())
        assert paid["customer_details"]["email"] == "ann@example.com"
        with pytest.raises(BuyerRefusedError):
            server.stripe.pay(session["url"], "bo")

    async def test_expired_by_call_and_by_time(
        self, server: GatewayServer, stripe: StripeMerchant, clock: ManualClock
    ) -> None:
        first, second = (await stripe.offer("pay_1")).json(), (await stripe.offer("pay_2")).json()
        assert (await stripe.post(f"{SESSIONS}/{first['id']}/expire", {})).json()["status"] == "expired"
        assert (await stripe.post(f"{SESSIONS}/{first['id']}/expire", {})).status_code == 400
        await clock.advance(1_860)
        assert (await stripe.get(f"{SESSIONS}/{second['id']}")).json()["status"] == "expired"
        for session in (first, second):
            with pytest.raises(BuyerRefusedError):
                server.stripe.pay(session["url"], "ann")

    async def test_listed_newest_first_by_pages_and_time(self, stripe: StripeMerchant, clock: ManualClock) -> None:
        began = int(clock.now().timestamp())
        for index in range(5):
            await stripe.offer(f"pay_{index}")
            await clock.advance(10)
        page = (await stripe.get(SESSIONS, limit=2)).json()
        assert ([one["client_reference_id"] for one in page["data"]], page["has_more"]) == (["pay_4", "pay_3"], True)
        rest = (await stripe.get(SESSIONS, limit=10, starting_after=page["data"][-1]["id"])).json()
        assert ([one["client_reference_id"] for one in rest["data"]], rest["has_more"]) == (
            ["pay_2", "pay_1", "pay_0"],
            False,
        )
        window = {"created[gte]": began + 10, "created[lte]": began + 20}
        some = (await stripe.get(SESSIONS, **window)).json()["data"]
        assert [one["client_reference_id"] for one in some] == ["pay_2", "pay_1"]

    async def test_the_address_opens_the_checkout_page(self, server: GatewayServer, stripe: StripeMerchant) -> None:
        session = (await stripe.offer(amount=500, currency="usd")).json()
        stripe.client.follow_redirects = True
        page = await stripe.client.get(session["url"])
        assert 'role="dialog"' in page.text
        assert "$5.00" in page.text
        assert "/wallet/show" not in page.text  # no code of the buyer's own is charged here
        assert (await stripe.client.get("/wallet/show")).status_code == 404
        await stripe.client.post("/wallet/deed", data={"code": session["url"], "deed": "pay"})
        assert "−$5.00" in (await stripe.client.get("/wallet/bills")).text


class TestARefund:
    async def test_pending_then_through(
        self, server: GatewayServer, stripe: StripeMerchant, clock: ManualClock
    ) -> None:
        intent = await stripe.paid(server)
        refund = (await stripe.refund(intent, "rfd_1", 100)).json()
        assert (refund["status"], refund["metadata"]) == ("pending", {"refund_number": "rfd_1"})
        await clock.advance(3)
        (listed,) = (await stripe.get(REFUNDS, payment_intent=intent)).json()["data"]
        assert (listed["status"], listed["amount"]) == ("succeeded", 100)

    async def test_never_more_than_was_charged(self, server: GatewayServer, stripe: StripeMerchant) -> None:
        intent = await stripe.paid(server)
        assert refused(await stripe.refund(intent, "rfd_1", 351))[0] == 400
        assert (await stripe.refund(intent, "rfd_2", 350)).status_code == 200
        assert refused(await stripe.refund(intent, "rfd_3", 1))[2] == "charge_already_refunded"

    async def test_a_balance_too_low_is_said_and_kept(self, server: GatewayServer, stripe: StripeMerchant) -> None:
        intent = await stripe.paid(server)
        server.stripe.set_balance(stripe.account.account, 99)
        assert refused(await stripe.refund(intent, "rfd_1", 100))[2] == "balance_insufficient"
        server.stripe.set_balance(stripe.account.account, 100)
        assert refused(await stripe.refund(intent, "rfd_1", 100))[2] == "balance_insufficient"
        assert (await stripe.refund(intent, "rfd_1-2", 100)).status_code == 200

    @pytest.mark.parametrize(("outcome", "returned"), [("failed", 350), ("canceled", 350), ("requires_action", 250)])
    async def test_other_ends(
        self, server: GatewayServer, stripe: StripeMerchant, clock: ManualClock, outcome: str, returned: int
    ) -> None:
        server.stripe.settle_next_refunds_as(outcome, 1)
        intent = await stripe.paid(server)
        refund = (await stripe.refund(intent, "rfd_1", 100)).json()
        await clock.advance(3)
        assert (await stripe.get(f"{REFUNDS}/{refund['id']}")).json()["status"] == outcome
        assert server.stripe.books_now.accounts[stripe.account.account].balance_fen == 100_000 + returned


class TestEvents:
    async def told(self, server: GatewayServer, stripe: StripeMerchant, sink: NoticeSink) -> None:
        server.stripe.set_webhook(stripe.account.account, sink.url)
        await stripe.paid(server)

    async def test_signed_by_every_secret_in_force(
        self, server: GatewayServer, stripe: StripeMerchant, clock: ManualClock, sink: NoticeSink
    ) -> None:
        books, old = server.stripe.books_now, stripe.account.webhook_secret
        account = books.accounts[stripe.account.account]
        books.add_account(replace(account, webhook_secrets=(old, "whsec_next")))
        await self.told(server, stripe, sink)
        await until(clock, lambda: sink.received)
        header, body = sink.received[0].headers["stripe-signature"], sink.received[0].body
        assert stripe.is_genuine(header, body)
        assert stripe.is_genuine(header, body, "whsec_next")
        event = json.loads(body)
        assert (event["type"], event["livemode"]) == ("checkout.session.completed", False)
        assert event["data"]["object"]["client_reference_id"] == NUMBER

    async def test_e06_repeated_for_days_with_one_id_and_new_signatures(
        self, server: GatewayServer, stripe: StripeMerchant, clock: ManualClock, sink: NoticeSink
    ) -> None:
        sink.answers = [(500, b"")]
        await self.told(server, stripe, sink)
        began = clock.now()
        for sendings in range(1, 12):
            await until(clock, lambda count=sendings: server.stripe.notices()[0].sendings >= count)
            await clock.advance(max(0.0, (server.stripe.notices()[0].due_at - clock.now()).total_seconds()))
        assert server.stripe.notices()[0].state == "given_up"
        assert 2 * 86_400 < (clock.now() - began).total_seconds() < 3 * 86_400
        assert len({json.loads(one.body)["id"] for one in sink.received}) == 1
        assert len({one.headers["stripe-signature"] for one in sink.received}) == 11
        assert all(stripe.is_genuine(one.headers["stripe-signature"], one.body) for one in sink.received)

    @pytest.mark.parametrize(
        "fault", [NoticeFault.FORGED, NoticeFault.WRONG_KEY, NoticeFault.SIGNTEST, NoticeFault.STALE]
    )
    async def test_a_false_copy_is_really_false(
        self,
        server: GatewayServer,
        stripe: StripeMerchant,
        clock: ManualClock,
        sink: NoticeSink,
        fault: NoticeFault,
    ) -> None:
        server.notice_faults.add(FaultRule(fault=fault, platform="stripe"))
        await self.told(server, stripe, sink)
        await until(clock, lambda: len(sink.received) == 2)
        false, true = (one.headers["stripe-signature"] for one in sink.received)
        assert stripe.is_genuine(true, sink.received[1].body)
        if fault is NoticeFault.STALE:  # well signed, and too old
            assert stripe.is_genuine(false, sink.received[0].body)
            assert int(false[2:].split(",")[0]) <= clock.now().timestamp() - 301
        else:
            assert not stripe.is_genuine(false, sink.received[0].body)

    async def test_nobody_is_told_without_an_endpoint(self, server: GatewayServer, stripe: StripeMerchant) -> None:
        await stripe.paid(server)
        assert server.stripe.notices() == []
