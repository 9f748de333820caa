"""Every provider on the same stage: real HTTP to the emulated platforms, on a clock that stands still."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.contracts.payments.bill_stage import BEIJING_AHEAD, BillDay, Pair
from tests.contracts.payments.payment_stage import NoticeDoor, Stage
from vendomat.cloud.payments.providers import ChargeCredential, Provider, open_provider
from vendomat.kernel import ManualClock
from vendomat.simulator.gateways import (
    AlipayAccount,
    GatewayServer,
    GatewaySettings,
    KeyMode,
    StripeAccount,
    WechatAccount,
)
from vendomat.simulator.gateways.keys import make_key

REFUND_DELAY_S = 2.0
TIMEOUT_S = 1.2
"""Of one call: a call that is never answered costs it, and a busy machine must not."""


def wechat_settings(account: WechatAccount) -> dict[str, Any]:
    settings = {
        "mchid": account.mchid,
        "appid": account.appid,
        "private_key": account.merchant_private_key_pem,
        "serial_no": account.merchant_serial_no,
        "apiv3_key": account.apiv3_key,
        "base_url": account.base_url,
        "apiv2_key": account.apiv2_key,
        "certificate": account.merchant_certificate_pem,
        "certificate_url": account.certificate_url,
        "ca_certificate": account.ca_certificate_pem,
        "face_url": account.base_url,
        "timeout_s": TIMEOUT_S,
    }
    if account.mode == "public_key":
        settings |= {"public_key_id": account.public_key_id, "public_key": account.public_key_pem}
    return settings


def alipay_settings(account: AlipayAccount) -> dict[str, Any]:
    return {
        "app_id": account.app_id,
        "seller_id": account.seller_id,
        "private_key": account.app_private_key_pem,
        "alipay_public_key": account.alipay_public_key_pem,
        "gateway_url": account.gateway_url,
        "timeout_s": TIMEOUT_S,
    }


def certificate_settings(account: AlipayAccount) -> dict[str, Any]:
    settings = alipay_settings(account) | {
        "app_certificate": account.app_certificate_pem,
        "alipay_certificate": account.alipay_certificate_pem,
        "alipay_root_certificate": account.alipay_root_certificate_pem,
        "takes_faces": True,
        "timeout_s": 5.0,
    }
    del settings["alipay_public_key"]
    return settings


def stripe_settings(account: StripeAccount) -> dict[str, Any]:
    return {
        "account": account.account,
        "secret_key": account.secret_key,
        "webhook_secrets": [account.webhook_secret],
        "return_url": "https://example.com/thanks",
        "base_url": account.base_url,
        "timeout_s": TIMEOUT_S,
    }


WAYS_TO_CHARGE: dict[str, dict[str, Any]] = {
    "wechat_v3": {"code_pay": "v3", "apiv2_key": "", "certificate": ""},
    "wechat_face": {"takes_faces": True},
}
"""Settings of the WeChat worlds whose charges go another way than by v2 payment codes."""


@dataclass(frozen=True)
class World:
    """A platform that runs as long as a module's tests, and two accounts there. Making keys and servers takes long."""

    server: GatewayServer
    clock: ManualClock
    provider: Provider
    other: Provider
    credential: ChargeCredential = ChargeCredential.BAR_CODE


@pytest_asyncio.fixture(
    params=["wechat", "wechat_certificate", "alipay", "stripe"], scope="module", loop_scope="module"
)
async def world(request: pytest.FixtureRequest, key_stock: list[RSAPrivateKey]) -> AsyncIterator[World]:
    clock = ManualClock()
    settings = GatewaySettings(
        notice_first_delay_s=0.0,
        refund_delay_s=REFUND_DELAY_S,
        alipay_refund_delay_s=REFUND_DELAY_S,
        partial_refund_gap_s=0.0,
        wechat_limits_calls=False,
        fee_basis_points=0,
    )
    server = GatewayServer(settings, clock, make_key=itertools.cycle(key_stock).__next__)
    await server.start()
    if request.param == "alipay":
        channel, both = "alipay", [alipay_settings(server.open_alipay_account(name)) for name in ("One", "Two")]
    elif request.param == "stripe":
        channel, both = "stripe", [stripe_settings(server.open_stripe_account(name)) for name in ("One", "Two")]
    else:
        mode = KeyMode.CERTIFICATE if request.param == "wechat_certificate" else KeyMode.PUBLIC_KEY
        way = WAYS_TO_CHARGE.get(request.param, {})
        channel = "wechat"
        both = [wechat_settings(server.open_wechat_account(name, mode)) | way for name in ("One", "Two")]
    provider, other = (open_provider(channel, one, clock=clock, pool_size=4) for one in both)
    is_face = request.param == "wechat_face"
    credential = ChargeCredential.FACE if is_face else ChargeCredential.BAR_CODE
    yield World(server, clock, provider, other, credential)
    await provider.aclose()
    await other.aclose()
    await server.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def stage(world: World) -> AsyncIterator[Stage]:
    """The world with a notice door of its own and no faults. Numbers are new in every test."""
    world.server.call_faults.clear()
    world.server.notice_faults.clear()
    door = NoticeDoor(world.provider)
    notify_url = await door.open()
    channel = world.provider.channel
    if channel == "stripe":  # its requests carry no notify address: the account's endpoint is set up beforehand
        world.server.stripe.set_webhook(world.provider.account, notify_url)
    stage = Stage(
        provider=world.provider,
        other=world.other,
        server=world.server,
        door=door,
        notify_url=notify_url,
        clock=world.clock,
        makes_trades_at_scan=channel == "alipay",
        sends_refund_notices=channel != "alipay",
        credential=world.credential,
    )
    stage.set_balance(100_000)
    yield stage
    await door.close()


@pytest.fixture(scope="session")
def key_stock() -> list[RSAPrivateKey]:
    """As many keys as one world uses, because making them takes long."""
    return [make_key() for _ in range(14)]


@pytest_asyncio.fixture(params=["wechat", "alipay"], scope="module", loop_scope="module")
async def bill_world(request: pytest.FixtureRequest, key_stock: list[RSAPrivateKey]) -> AsyncIterator[World]:
    """As the other contract tests have it, with the platform's fees and with time to answer."""
    clock = ManualClock()
    settings = GatewaySettings(
        refund_delay_s=REFUND_DELAY_S,
        alipay_refund_delay_s=REFUND_DELAY_S,
        partial_refund_gap_s=0.0,
        wechat_limits_calls=False,
    )
    server = GatewayServer(settings, clock, make_key=itertools.cycle(key_stock).__next__)
    await server.start()
    both: list[dict[str, Any]]
    if request.param == "alipay":
        both = [alipay_settings(server.open_alipay_account(name)) for name in ("One", "Two")]
    elif request.param == "stripe":
        both = [stripe_settings(server.open_stripe_account(name)) for name in ("One", "Two")]
    else:
        both = [wechat_settings(server.open_wechat_account(name)) for name in ("One", "Two")]
    given = [one | {"timeout_s": 30.0} for one in both]
    provider, other = (open_provider(request.param, one, clock=clock, pool_size=4) for one in given)
    yield World(server, clock, provider, other)
    await provider.aclose()
    await other.aclose()
    await server.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def bill_day(bill_world: World, tmp_path: Path) -> AsyncIterator[BillDay]:
    is_alipay = bill_world.provider.channel == "alipay"
    stage = Stage(
        provider=bill_world.provider,
        other=bill_world.other,
        server=bill_world.server,
        door=None,  # type: ignore[arg-type]  # no notice is sent here
        notify_url="https://vend.example/hooks/mer_1",
        clock=bill_world.clock,
        makes_trades_at_scan=is_alipay,
        sends_refund_notices=not is_alipay,
    )
    day = (bill_world.clock.now() + BEIJING_AHEAD).date() + timedelta(days=1)
    bill_day = BillDay(stage, day, tmp_path)
    await bill_day.pass_until(day, time(1))
    stage.platform.set_fee(bill_world.provider.account, 60)
    yield bill_day
    stage.platform.bill_desk.clear()
    bill_world.server.call_faults.clear()


@pytest_asyncio.fixture(loop_scope="module")
async def pair(bill_day: BillDay) -> Pair:
    return await Pair.made(bill_day)
