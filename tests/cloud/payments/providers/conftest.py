"""Keys, a standing clock and a scripted platform for the providers' tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.cloud.payments.providers.scripted_platform import (
    APIV3_KEY,
    APP_ID,
    APPID,
    MCHID,
    PUBLIC_KEY_ID,
    SELLER_ID,
    AlipayPen,
    Answer,
    ScriptedPlatform,
    WeChatPen,
    private_pem,
    public_pem,
    rsa_key,
)
from vendomat.cloud.payments.providers import Provider, RefundRequest, StartRequest, open_provider
from vendomat.kernel import ManualClock, Money


@pytest.fixture(scope="session")
def merchant_key() -> RSAPrivateKey:
    return rsa_key()


@pytest.fixture(scope="session")
def platform_key() -> RSAPrivateKey:
    return rsa_key()


@pytest.fixture(scope="session")
def stranger_key() -> RSAPrivateKey:
    return rsa_key()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def platform() -> Iterator[ScriptedPlatform]:
    platform = ScriptedPlatform()
    yield platform
    platform.stop()


@pytest.fixture
def wechat_settings(merchant_key: RSAPrivateKey, platform_key: RSAPrivateKey) -> dict[str, Any]:
    return {
        "mchid": MCHID,
        "appid": APPID,
        "private_key": private_pem(merchant_key),
        "serial_no": "AA" * 20,
        "apiv3_key": APIV3_KEY,
        "public_key_id": PUBLIC_KEY_ID,
        "public_key": public_pem(platform_key),
        "base_url": "http://127.0.0.1:9",
    }


@pytest.fixture
def alipay_settings(merchant_key: RSAPrivateKey, platform_key: RSAPrivateKey) -> dict[str, Any]:
    return {
        "app_id": APP_ID,
        "seller_id": SELLER_ID,
        "private_key": private_pem(merchant_key),
        "alipay_public_key": public_pem(platform_key),
        "gateway_url": "http://127.0.0.1:9/gateway.do",
    }


@pytest.fixture
def stripe_settings() -> dict[str, Any]:
    return {
        "account": "acct_1000000000000001",
        "secret_key": "sk_test_not_a_secret",
        "webhook_secrets": ["whsec_not_a_secret"],
        "return_url": "https://vend.example/thanks",
        "base_url": "http://127.0.0.1:9",
    }


@pytest.fixture
async def open_account(clock: ManualClock) -> AsyncIterator[Callable[..., Provider]]:
    """`open_account(channel, settings)`; closed at the end of the test."""
    opened: list[Provider] = []

    def opening(channel: str, settings: dict[str, Any]) -> Provider:
        opened.append(open_provider(channel, settings, clock=clock, pool_size=2))
        return opened[-1]

    yield opening
    for provider in opened:
        await provider.aclose()


@pytest.fixture
def wechat(
    open_account: Callable[..., Provider], wechat_settings: dict[str, Any], platform: ScriptedPlatform
) -> Provider:
    return open_account("wechat", wechat_settings | {"base_url": platform.url, "timeout_s": 0.5})


@pytest.fixture
def alipay(
    open_account: Callable[..., Provider], alipay_settings: dict[str, Any], platform: ScriptedPlatform
) -> Provider:
    return open_account("alipay", alipay_settings | {"gateway_url": platform.url + "/gateway.do", "timeout_s": 0.5})


@pytest.fixture
def wechat_pen(platform_key: RSAPrivateKey, clock: ManualClock) -> WeChatPen:
    return WeChatPen(platform_key, clock)


@pytest.fixture
def alipay_pen(platform_key: RSAPrivateKey) -> AlipayPen:
    return AlipayPen(platform_key)


@pytest.fixture
def start_request(clock: ManualClock) -> StartRequest:
    return StartRequest(
        number="pay_00000000000000000000000001",
        amount=Money(350, "CNY"),
        description="Oolong tea 500 ml / cold & sweet",
        expires_at=clock.now() + timedelta(seconds=120),
        notify_url="https://vend.example/hooks/mer_1",
        machine_id="mac_7",
    )


@pytest.fixture
def refund_request() -> RefundRequest:
    return RefundRequest(
        payment_number="pay_00000000000000000000000001",
        refund_number="ref_00000000000000000000000001",
        amount=Money(150, "CNY"),
        payment_amount=Money(350, "CNY"),
        reason="not delivered",
        notify_url="https://vend.example/hooks/mer_1",
    )


@pytest.fixture
def talk(platform, alipay_pen):
    """`talk((method, fields), ...)`: what the platform will say, in this order."""

    def talking(*answers):
        platform.say(*(a if isinstance(a, Answer) else alipay_pen.answer(*a) for a in answers))

    return talking
