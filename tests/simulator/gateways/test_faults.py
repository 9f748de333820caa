"""Faults per call: what the client sees, and whether the platform did it all the same."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from vendomat.simulator.gateways import CallFault, FaultRule, GatewayServer
from vendomat.simulator.gateways.wechat.wire import SIGNTEST_PREFIX

from .merchant import AlipayMerchant, WechatMerchant

NUMBER = "pay_0000000001"


def exists(server: GatewayServer, platform: str) -> bool:
    books = server.wechat.books() if platform == "wechat" else server.alipay.books()
    return bool(books["trades"])


@pytest.mark.parametrize(
    ("fault", "status", "code", "is_done"),
    [
        (CallFault.ERROR_BEFORE, 500, "SYSTEM_ERROR", False),
        (CallFault.ERROR_AFTER, 500, "SYSTEM_ERROR", True),
        (CallFault.RATE_LIMITED, 429, "FREQUENCY_LIMITED", False),
        (CallFault.UNAVAILABLE, 503, "SERVICE_UNAVAILABLE", False),
        (CallFault.ACCEPTED, 202, None, False),
    ],
)
async def test_e07_wechat_errors(
    server: GatewayServer, wechat: WechatMerchant, fault: CallFault, status: int, code: str | None, is_done: bool
) -> None:
    server.call_faults.add(FaultRule(fault=fault, platform="wechat", verb="create", number=NUMBER))
    answer = await wechat.create()
    assert (answer.status_code, answer.json().get("code")) == (status, code)
    assert ("wechatpay-signature" in answer.headers) == (status < 300)
    assert exists(server, "wechat") == is_done
    assert (await wechat.create()).status_code == 200


@pytest.mark.parametrize(
    ("fault", "error", "is_done"),
    [
        (CallFault.RESET_BEFORE, httpx.ReadError, False),
        (CallFault.RESET_AFTER, httpx.ReadError, True),
        (CallFault.TIMEOUT_BEFORE, httpx.ReadTimeout, False),
        (CallFault.TIMEOUT_AFTER, httpx.ReadTimeout, True),
    ],
)
async def test_e07_broken_connections(
    server: GatewayServer, wechat: WechatMerchant, fault: CallFault, error: type[Exception], is_done: bool
) -> None:
    server.call_faults.add(FaultRule(fault=fault))
    wechat.client.timeout = httpx.Timeout(1 if error is httpx.ReadTimeout else 30)
    with pytest.raises(error):
        await wechat.create()
    assert exists(server, "wechat") == is_done
    wechat.client.timeout = httpx.Timeout(30)
    assert (await wechat.create()).status_code == 200


async def test_e07_patient_client_is_reset_in_the_end(server: GatewayServer, wechat: WechatMerchant) -> None:
    server.call_faults.add(FaultRule(fault=CallFault.TIMEOUT_AFTER))
    async with asyncio.timeout(30):
        with pytest.raises(httpx.ReadError):
            await wechat.create()


async def test_e07_answers_that_must_not_be_believed(server: GatewayServer, wechat: WechatMerchant) -> None:
    for fault, is_probe in [(CallFault.FORGED_ANSWER, False), (CallFault.SIGNTEST_ANSWER, True)]:
        server.call_faults.add(FaultRule(fault=fault))
        answer = await wechat.create()
        assert answer.status_code == 200
        assert not wechat.is_genuine(answer.headers, answer.content)
        assert answer.headers["wechatpay-signature"].startswith(SIGNTEST_PREFIX) == is_probe
    assert exists(server, "wechat")


async def test_rules_match_and_run_out(server: GatewayServer, wechat: WechatMerchant) -> None:
    server.call_faults.add(FaultRule(fault=CallFault.ERROR_BEFORE, platform="alipay"))
    server.call_faults.add(FaultRule(fault=CallFault.ERROR_BEFORE, verb="query", count=2))
    server.call_faults.add(FaultRule(fault=CallFault.ERROR_BEFORE, number="pay_2000"))
    assert (await wechat.create()).status_code == 200
    assert [(await wechat.query()).status_code for _ in range(3)] == [500, 500, 200]
    assert (await wechat.create("pay_2000")).status_code == 500
    assert [rule.platform for rule in server.call_faults.rules] == ["alipay"]


@pytest.mark.parametrize(
    ("fault", "code", "is_done"),
    [
        (CallFault.ERROR_BEFORE, "20000", False),
        (CallFault.ERROR_AFTER, "20000", True),
        (CallFault.RATE_LIMITED, "40005", False),
    ],
)
async def test_e07_alipay_errors(
    server: GatewayServer, alipay: AlipayMerchant, fault: CallFault, code: str, is_done: bool
) -> None:
    server.call_faults.add(FaultRule(fault=fault, verb="create"))
    content = {"out_trade_no": NUMBER, "total_amount": "3.50", "subject": "tea"}
    answer = await alipay.send(alipay.parameters("alipay.trade.precreate", content))
    assert answer.json()["alipay_trade_precreate_response"]["code"] == code
    assert "sign" not in answer.json()
    assert exists(server, "alipay") == is_done


async def test_e07_alipay_unavailable_and_forged(server: GatewayServer, alipay: AlipayMerchant) -> None:
    content = {"out_trade_no": NUMBER, "total_amount": "3.50", "subject": "tea"}
    method = "alipay.trade.precreate"
    server.call_faults.add(FaultRule(fault=CallFault.UNAVAILABLE))
    assert (await alipay.send(alipay.parameters(method, content))).status_code == 502
    server.call_faults.add(FaultRule(fault=CallFault.FORGED_ANSWER))
    forged = await alipay.send(alipay.parameters(method, content))
    assert forged.json()["alipay_trade_precreate_response"]["code"] == "10000"
    assert not alipay.is_genuine(forged.text, method)
