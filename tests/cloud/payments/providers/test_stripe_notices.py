"""Stripe's webhooks: whose signature counts, for how long, of which account and mode, and what an event tells."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from vendomat.cloud.payments.providers import (
    NoticeKind,
    NoticeRefusedError,
    Provider,
    RefundState,
    TradeState,
)
from vendomat.kernel import ManualClock, Money

SECRET = "whsec_not_a_secret"  # of the settings fixture


def signed(body: bytes, at_s: int, *secrets: str, scheme: str = "v1") -> dict[str, str]:
    text = str(at_s).encode() + b"." + body
    parts = [f"{scheme}={hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()}" for secret in secrets]
    return {"Stripe-Signature": ",".join([f"t={at_s}", *parts])}


STRANGE = {"id": "pi_1", "object": "payment_intent", "status": "succeeded", "amount_received": 350, "currency": "cny"}
"""A payment of the same account that is none of ours: it carries no number that we gave."""


def session(**more: Any) -> dict[str, Any]:
    return {
        "id": "cs_test_1",
        "object": "checkout.session",
        "status": "complete",
        "payment_status": "paid",
        "amount_total": 350,
        "currency": "cny",
        "client_reference_id": "pay_1234567890",
        "payment_intent": "pi_1",
        "customer_details": {"email": "ann@example.com"},
    } | more


def refund(**more: Any) -> dict[str, Any]:
    given = {"id": "re_1", "object": "refund", "amount": 100, "currency": "cny", "status": "succeeded"}
    return given | {"metadata": {"refund_number": "rfd_1234567890"}} | more


class Post:
    """The provider, and events as Stripe would send them now."""

    def __init__(self, provider: Provider, clock: ManualClock) -> None:
        self.provider = provider
        self.now_s = int(clock.now().timestamp())

    def event(self, kind: str, told: dict[str, Any], **more: Any) -> bytes:
        event = {"id": "evt_1", "object": "event", "type": kind, "created": self.now_s, "livemode": False}
        return json.dumps(event | {"data": {"object": told}} | more).encode()

    async def read(self, body: bytes, headers: dict[str, str] | None = None) -> Any:
        return await self.provider.read_notice(headers or signed(body, self.now_s, SECRET), body)

    async def refusal(self, body: bytes, headers: dict[str, str] | None = None) -> str:
        with pytest.raises(NoticeRefusedError) as refused:
            await self.read(body, headers)
        return refused.value.reason


@pytest.fixture
def post(open_account, stripe_settings, clock) -> Post:
    return Post(open_account("stripe", stripe_settings), clock)


@pytest.fixture
def paid(post: Post) -> bytes:
    return post.event("checkout.session.completed", session())


async def test_a_payment_is_told(post: Post, paid: bytes, clock: ManualClock):
    notice = await post.read(paid)
    assert (notice.kind, notice.notice_id, notice.refund) == (NoticeKind.PAYMENT, "evt_1", None)
    trade = notice.trade
    assert (trade.state, trade.number, trade.amount) == (TradeState.PAID, "pay_1234567890", Money(350, "CNY"))
    assert (trade.transaction_id, trade.paid_at) == ("pi_1", clock.now().replace(microsecond=0))
    assert "ann" not in f"{trade.payer}{trade.raw}"


async def test_while_our_secret_is_rolled_either_side_may_be_ahead(open_account, stripe_settings, clock, paid):
    rolled = Post(open_account("stripe", stripe_settings | {"webhook_secrets": [SECRET, "whsec_next"]}), clock)
    for secrets in ([SECRET], ["whsec_next"], ["whsec_next", SECRET], ["whsec_unknown", SECRET]):
        assert await rolled.read(paid, signed(paid, rolled.now_s, *secrets))
    assert "signature" in await rolled.refusal(paid, signed(paid, rolled.now_s, "whsec_unknown"))


async def test_a_scheme_that_is_not_to_be_trusted(post: Post, paid: bytes):
    assert "signature" in await post.refusal(paid, signed(paid, post.now_s, SECRET, scheme="v0"))


@pytest.mark.parametrize(("age_s", "is_taken"), [(300, True), (301, False), (-300, True), (-301, False)])
async def test_five_minutes_either_way(post: Post, paid: bytes, age_s: int, is_taken: bool):
    headers = signed(paid, post.now_s - age_s, SECRET)
    if is_taken:
        assert await post.read(paid, headers)
    else:
        assert "time stamp" in await post.refusal(paid, headers)


@pytest.mark.parametrize(
    "header",
    ["", "t=1", "v1=00", "t=x,v1=00", "t=1,v1=", "t=1 ,v1=00", "t=1,v1=长", "t=1,t=2,v1=00", "t=1" + ",v1=00" * 99],
)
async def test_a_header_of_another_form(post: Post, paid: bytes, header: str):
    assert "header" in await post.refusal(paid, {"stripe-signature": header})


async def test_the_other_mode_and_another_account(post: Post):
    live = post.event("checkout.session.completed", session(), livemode=True)
    assert "mode" in await post.refusal(live)
    connected = post.event("checkout.session.completed", session(), account="acct_other")
    assert "account" in await post.refusal(connected)
    ours = post.event("checkout.session.completed", session(), account="acct_1000000000000001")
    assert await post.read(ours)


@pytest.mark.parametrize(
    ("kind", "told", "state"),
    [
        ("checkout.session.async_payment_succeeded", session(), TradeState.PAID),
        ("checkout.session.completed", session(payment_status="unpaid"), TradeState.NOT_PAID),
        ("checkout.session.expired", session(status="expired", payment_status="unpaid"), TradeState.CLOSED),
        ("payment_intent.succeeded", STRANGE, TradeState.UNKNOWN),
        ("refund.updated", refund(metadata={}), TradeState.UNKNOWN),
    ],
)
async def test_other_events_are_taken_for_what_they_are(post: Post, kind: str, told: Any, state: TradeState):
    """An endpoint may be set up for more than we need: refused, it would be repeated and in the end given up."""
    notice = await post.read(post.event(kind, told))
    assert (notice.kind, notice.trade.state) == (NoticeKind.PAYMENT, state)


@pytest.mark.parametrize(
    ("told", "state"),
    [
        (refund(), RefundState.SUCCEEDED),
        (refund(status="pending"), RefundState.PROCESSING),
        (refund(status="failed", failure_reason="unknown"), RefundState.CLOSED),
        (refund(status="failed", failure_reason="lost_or_stolen_card"), RefundState.ABNORMAL),
    ],
)
async def test_a_refund_is_told(post: Post, told: Any, state: RefundState):
    notice = await post.read(post.event("refund.updated", told))
    assert (notice.kind, notice.trade) == (NoticeKind.REFUND, None)
    assert (notice.refund.state, notice.refund.refund_number) == (state, "rfd_1234567890")
    assert notice.refund.amount == Money(100, "CNY")


@pytest.mark.parametrize(
    "told",
    [
        session(client_reference_id=None),
        session(status="complete", payment_status="no_payment_required"),
        session(status="astonished"),
        session(payment_intent=None),
        session(currency="xxx"),
        session(amount_total="350"),
        {"object": "checkout.session"},
        refund(),
    ],
)
async def test_what_is_not_said_completely_is_refused(post: Post, told: Any):
    await post.refusal(post.event("checkout.session.completed", told))


async def test_a_refund_in_a_state_nobody_knows(post: Post):
    await post.refusal(post.event("refund.updated", refund(status="astonished")))
