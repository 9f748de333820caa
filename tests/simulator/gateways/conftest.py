"""A running server of the emulators, merchants at both platforms, and a place for their notices."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from vendomat.kernel import SystemClock
from vendomat.simulator.gateways import GatewayServer, GatewaySettings, KeyMode
from vendomat.simulator.gateways.keys import KeySource, make_key
from vendomat.simulator.gateways.virtual_clock import VirtualClock

from .merchant import AlipayMerchant, NoticeSink, WechatMerchant


@pytest.fixture
def settings() -> GatewaySettings:
    """Quick, so that real time suffices; tests of long schedules bring a manual clock."""
    return GatewaySettings(
        notice_first_delay_s=0.01,
        notice_timeout_s=0.5,
        refund_delay_s=0.1,
        order_life_min_s=0.2,
        partial_refund_gap_s=0.0,
        wechat_limits_calls=False,
        fee_basis_points=0,
        alipay_minute_s=0.2,
        timeout_hold_s=3.0,
    )


@pytest.fixture(scope="session")
def stock() -> list[RSAPrivateKey]:
    """As many keys as one test uses, so that no two of them are the same within a test."""
    return [make_key() for _ in range(9)]


@pytest.fixture
def key_source(stock: list[RSAPrivateKey]) -> KeySource:
    return itertools.cycle(stock).__next__


@pytest.fixture
async def server(settings: GatewaySettings, key_source: KeySource) -> AsyncIterator[GatewayServer]:
    server = GatewayServer(settings, VirtualClock(SystemClock()), make_key=key_source)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(params=[KeyMode.PUBLIC_KEY, KeyMode.CERTIFICATE])
async def wechat(server: GatewayServer, request: pytest.FixtureRequest) -> AsyncIterator[WechatMerchant]:
    merchant = WechatMerchant(server.open_wechat_account("小卖部", request.param))
    yield merchant
    await merchant.client.aclose()


@pytest.fixture
async def alipay(server: GatewayServer) -> AsyncIterator[AlipayMerchant]:
    merchant = AlipayMerchant(server.open_alipay_account("小卖部"))
    yield merchant
    await merchant.client.aclose()


@pytest.fixture
async def sink() -> AsyncIterator[NoticeSink]:
    sink = NoticeSink()
    await sink.start()
    yield sink
    await sink.stop()
