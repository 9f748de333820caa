"""Notices from anybody: whatever comes to the door that a platform did not sign for this account now is refused as the
platform expects, changes nothing, is noted as a security event, and never breaks the door.

Hypothesis draws what is done to a genuine notice; one worker on a real database takes them over HTTP.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any, ClassVar

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cloud.payments.providers.scripted_platform import (
    APIV3_KEY,
    APP_ID,
    APPID,
    MCHID,
    PUBLIC_KEY_ID,
    SELLER_ID,
    AlipayPen,
    WeChatPen,
    private_pem,
    public_pem,
    rsa_key,
)
from tests.cloud.sales.conftest import MERCHANT, World
from tests.cloud.sales.selling_stage import Stage, open_stage
from tests.cloud.sales.test_use_cases import create, new_order
from vendomat.cloud.app.problems import install_problems
from vendomat.cloud.merchants import PaymentAccount
from vendomat.cloud.payments import Payment, PaymentState
from vendomat.cloud.payments.providers.alipay.wire import timestamp_of
from vendomat.cloud.sales import notice_router
from vendomat.kernel import ManualClock, derive_id

pytestmark = pytest.mark.slow

STRIPE, SECRET = "acct_1000000000000001", "whsec_not_a_secret"
ACCOUNTS = {"wechat": MCHID, "alipay": APP_ID, "stripe": STRIPE}
REFUSALS = {"wechat": (400, b"FAIL"), "alipay": (400, b"fail"), "stripe": (400, b"{}")}
"""What each platform takes for "not received"."""

TOO_LARGE = 64 * 1024 + 1
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><xml>&b;</xml>'
)
TABLES = (
    "sale_order",
    "vend_unit",
    "command",
    "payment",
    "refund",
    "ledger_line",
    "notice_inbox",
    "outbox",
    "evidence",
)
_ids = count(1)


@dataclass(frozen=True)
class Sent:
    """One request to the door."""

    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Said:
    """What a notice tells, and when and by whom it is signed."""

    number: str
    minor: int = 350
    currency: str = "CNY"
    account: str = ""
    seller: str = SELLER_ID
    age_s: float = 0
    key_id: str = ""
    is_forged: bool = False
    notice_id: str = field(default_factory=lambda: f"notice{next(_ids):06d}")


class Writers:
    """Genuine notices of three platforms, and a stranger's."""

    keys: ClassVar[tuple[RSAPrivateKey, RSAPrivateKey]]

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.write: dict[str, Callable[[Said], Sent]] = {
            "wechat": self._wechat,
            "alipay": self._alipay,
            "stripe": self._stripe,
        }

    def _key(self, said: Said) -> RSAPrivateKey:
        return self.keys[1 if said.is_forged else 0]

    def _wechat(self, said: Said) -> Sent:
        pen = WeChatPen(self._key(said), self._clock, serial=said.key_id or PUBLIC_KEY_ID)
        told = {
            "appid": APPID,
            "mchid": said.account or MCHID,
            "out_trade_no": said.number,
            "transaction_id": f"42{said.number[-26:]}",
            "trade_state": "SUCCESS",
            "success_time": self._clock.now().isoformat(timespec="seconds"),
            "payer": {"openid": "o1"},
            "amount": {"total": said.minor, "currency": said.currency},
        }
        body = pen.notice("TRANSACTION.SUCCESS", told).replace(b"notice-1", said.notice_id.encode())
        return Sent(pen.headers(body, age_s=said.age_s), body)

    def _alipay(self, said: Said) -> Sent:
        now = self._clock.now()
        told = {
            "notify_time": timestamp_of(now - timedelta(seconds=said.age_s)),
            "notify_type": "trade_status_sync",
            "notify_id": said.notice_id,
            "app_id": said.account or APP_ID,
            "trade_no": f"2026{said.number[-20:]}",
            "out_trade_no": said.number,
            "buyer_id": "2088102169481075",
            "seller_id": said.seller,
            "trade_status": "TRADE_SUCCESS",
            "total_amount": f"{said.minor / 100:.2f}",
            "gmt_payment": timestamp_of(now),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return Sent(headers, AlipayPen(self._key(said)).notice(told))

    def _stripe(self, said: Said) -> Sent:
        at_s = int(self._clock.now().timestamp() - said.age_s)
        session = {
            "id": "cs_test_1",
            "object": "checkout.session",
            "status": "complete",
            "payment_status": "paid",
            "amount_total": said.minor,
            "currency": said.currency.lower(),
            "client_reference_id": said.number,
            "payment_intent": "pi_1",
        }
        event = {"id": said.notice_id, "object": "event", "type": "checkout.session.completed", "livemode": False}
        account = {"account": said.account} if said.account else {}
        body = json.dumps(event | account | {"created": at_s, "data": {"object": session}}).encode()
        secret = "whsec_of_a_stranger" if said.is_forged or said.key_id else SECRET
        seal = hmac.new(secret.encode(), str(at_s).encode() + b"." + body, hashlib.sha256).hexdigest()
        return Sent({"Content-Type": "application/json", "Stripe-Signature": f"t={at_s},v1={seal}"}, body)


@pytest.fixture(scope="module", autouse=True)
def keys() -> None:
    Writers.keys = (rsa_key(), rsa_key())


def accounts() -> list[PaymentAccount]:
    own = private_pem(Writers.keys[0])
    platform = public_pem(Writers.keys[0])
    wechat = {
        "mchid": MCHID,
        "appid": APPID,
        "private_key": own,
        "serial_no": "AA" * 20,
        "apiv3_key": APIV3_KEY,
        "public_key_id": PUBLIC_KEY_ID,
        "public_key": platform,
        "base_url": "http://127.0.0.1:9",
    }
    alipay = {"app_id": APP_ID, "seller_id": SELLER_ID, "private_key": own, "alipay_public_key": platform}
    stripe = {
        "account": STRIPE,
        "secret_key": "sk_test_not_a_secret",
        "webhook_secrets": [SECRET],
        "return_url": "https://vend.example/thanks",
        "base_url": "http://127.0.0.1:9",
    }
    given = {"wechat": wechat, "alipay": alipay | {"gateway_url": "http://127.0.0.1:9/gateway.do"}, "stripe": stripe}
    return [PaymentAccount(MERCHANT, channel, ACCOUNTS[channel], one) for channel, one in given.items()]


@dataclass
class Door:
    """The worker's door, one unpaid order per channel behind it, and the platforms' pens."""

    stage: Stage
    client: httpx.AsyncClient
    writers: Writers
    numbers: dict[str, str]
    loop: asyncio.AbstractEventLoop

    async def knock(self, channel: str, sent: Sent) -> httpx.Response:
        path = f"/notify/{MERCHANT}/{channel}"
        return await self.client.post(path, content=sent.body, headers=_as_bytes(sent.headers))

    async def state(self) -> str:
        """Everything that a notice could change, in one word."""
        parts = [
            f"(SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {name} t)" for name in TABLES
        ]
        return str(await self.stage.one(f"SELECT concat_ws(',', {', '.join(parts)})"))

    async def noted(self) -> int:
        """How many refusals the security events count in all."""
        await self.stage.watch.flush()
        await self.stage.clock.advance(61)
        await self.stage.watch.flush()
        query = "SELECT coalesce(sum((detail->>'count')::int), 0) FROM security_event WHERE kind = 'notice_refused'"
        return int(await self.stage.one(query))


def _as_bytes(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]


@pytest.fixture
async def door(world: World) -> AsyncIterator[Door]:
    async with open_stage(world, is_following=False, accounts=accounts()) as stage:
        numbers = {}
        for n, (channel, account) in enumerate(ACCOUNTS.items(), start=1):
            numbers[channel] = derive_id("pay", n)
            payment = Payment(numbers[channel], channel, account, 0, PaymentState.CREATED)
            await create(world, new_order(n, payment=payment))
        application = FastAPI()
        install_problems(application)
        application.include_router(notice_router(stage.till))
        transport = httpx.ASGITransport(app=application)  # an exception inside is one here: it is never a 500
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            yield Door(stage, client, Writers(stage.clock), numbers, asyncio.get_running_loop())


Spoil = Callable[[Sent], Sent]


def with_body(make: Callable[[bytes], bytes]) -> Spoil:
    return lambda sent: replace(sent, body=make(sent.body))


def flipped(at: float, bit: int) -> Spoil:
    """One bit of the body changed, where it means something: not in a base64 text's last, unused bits."""

    def flip(body: bytes) -> bytes:
        place = int(at * len(body))
        return body[:place] + bytes([body[place] ^ (1 << bit)]) + body[place + 1 :]

    return with_body(flip)


def header_changed(index: int, value: str | None) -> Spoil:
    """One header is gone or says something else."""

    def change(sent: Sent) -> Sent:
        names = sorted(name for name in sent.headers if name.lower() != "content-type") or ["X-None"]
        name = names[index % len(names)]
        rest = {key: kept for key, kept in sent.headers.items() if key != name}
        return replace(sent, headers=rest if value is None else rest | {name: value})

    return change


BYTES = st.one_of(
    st.binary(max_size=400),
    st.sampled_from([b"", b"{}", b"[]", b"null", b"\x00" * 40, b"\xff\xfe", b"a=1&a=2", b"<xml><a>1</a></xml>", BOMB]),
    st.recursive(st.none() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=4)).map(
        lambda value: json.dumps({"id": value, "resource": value, "data": value}).encode()
    ),
)
SPOILS: st.SearchStrategy[Spoil] = st.one_of(
    BYTES.map(lambda body: with_body(lambda _: body)),
    st.floats(0, 0.999).map(lambda part: with_body(lambda body: body[: int(part * len(body))])),
    BYTES.filter(bool).map(lambda more: with_body(lambda body: more + body)),
    st.builds(flipped, st.floats(0, 0.9), st.integers(0, 7)),
)
HEADER_SPOILS = st.builds(
    header_changed, st.integers(0, 9), st.none() | st.text(max_size=40) | st.sampled_from(["", "0"])
)
LIES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({"is_forged": True}),
    st.floats(301, 10**7).map(lambda age_s: {"age_s": age_s}),
    st.floats(301, 10**7).map(lambda age_s: {"age_s": -age_s}),
    st.text("0123456789", min_size=4, max_size=12).map(lambda account: {"account": f"9{account}"}),
    st.from_regex(r"PUB_KEY_ID_[0-9]{4,20}|[0-9A-F]{40}", fullmatch=True).map(lambda key_id: {"key_id": key_id}),
)


@dataclass
class Trial:
    """Requests that must all be refused, and how many were."""

    door: Door
    channel: str
    genuine: Sent
    before: str
    refused: int = 0

    async def check(self, sent: Sent) -> None:
        if _is_genuine_still(sent, self.genuine):
            return
        answer = await self.door.knock(self.channel, sent)
        if len(sent.body) >= TOO_LARGE:
            assert answer.status_code == 413
        else:
            status, word = REFUSALS[self.channel]
            assert (answer.status_code, word in answer.content) == (status, True), answer.text
            self.refused += 1
        assert await self.door.state() == self.before

    def every(self, strategy: st.SearchStrategy[Sent], examples: int) -> None:
        """To be called from a thread: hypothesis knows no coroutines."""
        loop = self.door.loop

        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(sent=strategy)
        def run(sent: Sent) -> None:
            asyncio.run_coroutine_threadsafe(self.check(sent), loop).result(60)

        run()


def _is_genuine_still(sent: Sent, genuine: Sent) -> bool:
    """Whether nothing was changed after all."""
    given, known = ({name: value.strip() for name, value in one.headers.items()} for one in (sent, genuine))
    return sent.body == genuine.body and given == known


@pytest.mark.parametrize("channel", list(ACCOUNTS))
async def test_what_no_platform_signed_is_refused_noted_and_changes_nothing(door: Door, channel: str) -> None:
    write, number = door.writers.write[channel], door.numbers[channel]
    genuine = write(Said(number))
    trial = Trial(door, channel, genuine, await door.state())
    lies = LIES if channel != "alipay" else LIES.filter(lambda lie: "key_id" not in lie)  # its notices name no key
    await asyncio.to_thread(trial.every, SPOILS.map(lambda spoil: spoil(genuine)), 25)
    if channel != "alipay":  # which proves nothing by headers
        await asyncio.to_thread(trial.every, HEADER_SPOILS.map(lambda spoil: spoil(genuine)), 12)
    await asyncio.to_thread(trial.every, lies.map(lambda lie: write(replace(Said(number), **lie))), 15)
    await trial.check(replace(genuine, body=b"x" * TOO_LARGE))
    await trial.check(replace(genuine, body=BOMB))
    assert trial.refused > 25
    assert await door.noted() == trial.refused
    assert (await door.knock(channel, write(Said(number)))).status_code in (200, 204)
    assert await door.state() != trial.before, "it does not refuse everything"


async def test_a_notice_taken_twice_is_one_payment(door: Door) -> None:
    for channel, number in door.numbers.items():
        sent = door.writers.write[channel](Said(number))
        assert (await door.knock(channel, sent)).status_code in (200, 204)
        once = await door.state()
        for _ in range(3):
            assert (await door.knock(channel, sent)).status_code in (200, 204)
        assert await door.state() == once


@pytest.mark.parametrize("lie", [{"minor": 349}, {"minor": 35_000}, {"currency": "USD"}])
async def test_a_genuine_notice_of_other_money_vends_nothing(door: Door, lie: dict[str, Any]) -> None:
    """The platform has that money, so it is taken down; the order is frozen for a person, and nothing sold for it."""
    for channel, number in door.numbers.items():
        if "currency" in lie and channel != "stripe":  # the others know one currency
            continue
        answer = await door.knock(channel, door.writers.write[channel](replace(Said(number), **lie)))
        assert answer.status_code in (200, 204)
    assert await door.stage.one("SELECT count(*) FROM command") == 0
    assert await door.stage.one("SELECT count(*) FROM refund") == 0


async def test_money_for_a_number_we_never_gave_is_a_security_event(door: Door) -> None:
    """Another program on the account may number its own as it likes."""
    before = await door.stage.one("SELECT count(*) FROM ledger_line")
    numbers = [derive_id("pay", 99), "pay_\x00", "x" * 5_000, "订单", "' OR 1=1 --", "pay_ \n"]
    for channel in door.numbers:
        for number in numbers:
            answer = await door.knock(channel, door.writers.write[channel](Said(number)))
            assert answer.status_code in (200, 204)
    assert await door.stage.one("SELECT count(*) FROM ledger_line") == before
    query = "SELECT count(*) FROM security_event WHERE kind = 'payment_of_unknown_number'"
    assert await door.stage.one(query) == len(numbers) * len(door.numbers)


async def test_a_door_that_is_not_there(door: Door) -> None:
    for path in (f"/notify/{MERCHANT}/paypal", "/notify/mer_nobody/wechat", "/notify/%00/wechat"):
        assert (await door.client.post(path, content=b"{}")).status_code == 404
