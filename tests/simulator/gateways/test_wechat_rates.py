"""WeChat's published limits on refund calls, over HTTP on a clock that stands still."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from vendomat.kernel import ManualClock
from vendomat.simulator.gateways import GatewayServer, GatewaySettings

from .merchant import WechatMerchant


@pytest.fixture
async def merchant(stock: list[RSAPrivateKey]) -> AsyncIterator[WechatMerchant]:
    clock = ManualClock()
    server = GatewayServer(GatewaySettings(), clock, make_key=itertools.cycle(stock).__next__)
    await server.start()
    merchant = WechatMerchant(server.open_wechat_account("小卖部"), lambda: clock.now().timestamp())
    merchant.moved = clock  # type: ignore[attr-defined]
    yield merchant
    await merchant.client.aclose()
    await server.stop()


async def test_the_seventh_refused_refund_in_a_second_is_one_too_many(merchant: WechatMerchant):
    codes = [(await merchant.refund(f"ref_{count}", 150)).json()["code"] for count in range(7)]
    assert codes == ["RESOURCE_NOT_EXISTS"] * 6 + ["FREQUENCY_LIMITED"]
    assert (await merchant.query_refund("ref_0")).json()["code"] == "RESOURCE_NOT_EXISTS"
    await merchant.moved.advance(1)  # type: ignore[attr-defined]
    again = await merchant.refund("ref_0", 150)
    assert (again.status_code, again.json()["code"]) == (404, "RESOURCE_NOT_EXISTS")
