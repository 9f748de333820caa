"""Notices: real schedules on a manual clock, constant ids, answers that count, and every fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from urllib.parse import parse_qsl

import pytest

from vendomat.kernel import ManualClock
from vendomat.simulator.gateways import FaultRule, GatewayServer, GatewaySettings, NoticeFault
from vendomat.simulator.gateways.keys import KeySource
from vendomat.simulator.gateways.notices import NoticeState
from vendomat.simulator.gateways.wechat.wire import SIGNTEST_PREFIX

from .merchant import AlipayMerchant, NoticeSink, WechatMerchant

WECHAT_SCHEDULE = "15s/15s/30s/3m/10m/20m/30m/30m/30m/60m/3h/3h/3h/6h/6h"
ALIPAY_SCHEDULE = "4m/10m/10m/1h/2h/6h/15h"
UNITS = {"s": 1, "m": 60, "h": 3600}


def waits(schedule: str) -> list[int]:
    return [int(part[:-1]) * UNITS[part[-1]] for part in schedule.split("/")]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def server(clock: ManualClock, key_source: KeySource) -> AsyncIterator[GatewayServer]:
    server = GatewayServer(GatewaySettings(notice_first_delay_s=1.0), clock, make_key=key_source)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def wechat(server: GatewayServer, clock: ManualClock) -> AsyncIterator[WechatMerchant]:
    merchant = WechatMerchant(server.open_wechat_account("小卖部"), lambda: clock.now().timestamp())
    yield merchant
    await merchant.client.aclose()


async def pay_wechat(server: GatewayServer, wechat: WechatMerchant, sink: NoticeSink, number: str = "pay_1000") -> None:
    code = (await wechat.create(number, notify_url=sink.url)).json()["code_url"]
    server.wechat.pay(code, "ann")
    await asyncio.sleep(0)  # lets the notice begin to wait before the clock is moved


async def recorded(server: GatewayServer, sendings: int) -> None:
    """Wait until the engine has taken note of its `sendings`-th sending."""
    async with asyncio.timeout(30):
        while True:
            notices = server.wechat.notices() + server.alipay.notices()
            if sum(notice.sendings for notice in notices) >= sendings:
                return
            await asyncio.sleep(0.002)


async def test_e06_wechat_schedule_to_the_end(
    server: GatewayServer, clock: ManualClock, wechat: WechatMerchant, sink: NoticeSink
) -> None:
    sink.answers = [(500, b'{"code":"FAIL"}')]
    await pay_wechat(server, wechat, sink)
    await clock.advance(1.0)
    for count, wait_s in enumerate(waits(WECHAT_SCHEDULE), start=1):
        await sink.wait_for(count)
        await recorded(server, count)
        await clock.advance(wait_s - 1)
        assert len(sink.received) == count
        await clock.advance(1)
    await sink.wait_for(16)
    await recorded(server, 16)
    assert server.wechat.notices()[0].state == NoticeState.GIVEN_UP
    assert len({received.body for received in sink.received}) == 1
    assert len({received.headers["wechatpay-timestamp"] for received in sink.received}) == 16
    assert all(wechat.is_genuine(received.headers, received.body) for received in sink.received)


async def test_e06_alipay_schedule_to_the_end(server: GatewayServer, clock: ManualClock, sink: NoticeSink) -> None:
    alipay = AlipayMerchant(server.open_alipay_account("小卖部"))
    sink.answers = [(200, b"success\n")]
    code = (await alipay.precreate(notify_url=sink.url))["qr_code"]
    server.alipay.pay(code, "ann")
    await clock.advance(1.0)
    for count, wait_s in enumerate(waits(ALIPAY_SCHEDULE), start=1):
        await sink.wait_for(count)
        await recorded(server, count)
        await clock.advance(wait_s)
    await sink.wait_for(8)
    await recorded(server, 8)
    assert server.alipay.notices()[0].state == NoticeState.GIVEN_UP
    fields = [dict(parse_qsl(received.body.decode())) for received in sink.received]
    assert len({field["notify_id"] for field in fields}) == 1
    assert len({field["notify_time"] for field in fields}) == 8
    await alipay.client.aclose()


@pytest.mark.parametrize(("status", "is_enough"), [(200, True), (204, True), (201, False), (302, False), (401, False)])
async def test_which_answers_end_wechats_notice(
    server: GatewayServer, clock: ManualClock, wechat: WechatMerchant, sink: NoticeSink, status: int, is_enough: bool
) -> None:
    sink.answers = [(status, b"")]
    await pay_wechat(server, wechat, sink)
    await clock.advance(1.0)
    await recorded(server, 1)
    assert (server.wechat.notices()[0].state == NoticeState.ACCEPTED) == is_enough


@pytest.mark.parametrize(
    ("fault", "is_genuine", "is_probe"),
    [
        (NoticeFault.FORGED, False, False),
        (NoticeFault.WRONG_KEY, False, False),
        (NoticeFault.SIGNTEST, False, True),
        (NoticeFault.STALE, True, False),
        (NoticeFault.DUPLICATE, True, False),
    ],
)
async def test_e06_false_sendings_come_with_a_genuine_one(
    server: GatewayServer,
    clock: ManualClock,
    wechat: WechatMerchant,
    sink: NoticeSink,
    fault: NoticeFault,
    is_genuine: bool,
    is_probe: bool,
) -> None:
    server.notice_faults.add(FaultRule(fault=fault, platform="wechat"))
    await pay_wechat(server, wechat, sink)
    await clock.advance(1.0)
    first, second = (await sink.wait_for(2))[:2]
    assert wechat.is_genuine(first.headers, first.body) == is_genuine
    assert first.headers["wechatpay-signature"].startswith(SIGNTEST_PREFIX) == is_probe
    assert wechat.is_genuine(second.headers, second.body)
    assert json.loads(first.body)["id"] == json.loads(second.body)["id"]
    age_s = int(second.headers["wechatpay-timestamp"]) - int(first.headers["wechatpay-timestamp"])
    assert (age_s > 300) == (fault == NoticeFault.STALE)


async def test_e06_dropped_sending_is_followed_by_the_next(
    server: GatewayServer, clock: ManualClock, wechat: WechatMerchant, sink: NoticeSink
) -> None:
    server.notice_faults.add(FaultRule(fault=NoticeFault.DROP))
    await pay_wechat(server, wechat, sink)
    await clock.advance(2.0)
    assert sink.received == []
    await clock.advance(14.0)
    await sink.wait_for(1)


async def test_e06_lost_notice_never_comes(
    server: GatewayServer, clock: ManualClock, wechat: WechatMerchant, sink: NoticeSink
) -> None:
    code = (await wechat.create(notify_url=sink.url)).json()["code_url"]
    server.wechat.pay(code, "ann", is_notice_lost=True)
    await clock.advance(100_000)
    assert sink.received == []
    assert server.wechat.notices()[0].state == NoticeState.LOST
    assert server.wechat.bills("ann")[0].paid_fen == 350


async def test_e06_delay(server: GatewayServer, clock: ManualClock, wechat: WechatMerchant, sink: NoticeSink) -> None:
    server.notice_faults.add(FaultRule(fault=NoticeFault.DELAY, delay_s=600))
    await pay_wechat(server, wechat, sink)
    await clock.advance(600)
    assert sink.received == []
    await clock.advance(2)
    await sink.wait_for(1)


async def test_e06_reorder(server: GatewayServer, clock: ManualClock, wechat: WechatMerchant, sink: NoticeSink) -> None:
    server.notice_faults.add(FaultRule(fault=NoticeFault.REORDER, number="pay_1000"))
    await pay_wechat(server, wechat, sink, "pay_1000")
    await clock.advance(1.0)
    await pay_wechat(server, wechat, sink, "pay_2000")
    await clock.advance(1.0)
    received = await sink.wait_for(2)
    assert [wechat.open_resource(r.body)["out_trade_no"] for r in received] == ["pay_2000", "pay_1000"]


async def test_e06_forged_notice_for_an_unpaid_order(
    server: GatewayServer, wechat: WechatMerchant, sink: NoticeSink
) -> None:
    sink.answers = [(401, b"no")]
    await wechat.create(notify_url=sink.url)
    assert await server.wechat.forge_payment_notice("pay_0000000001") == "forged: 401 no"
    assert wechat.open_resource(sink.received[0].body)["trade_state"] == "SUCCESS"
    assert not wechat.is_genuine(sink.received[0].headers, sink.received[0].body)
    assert (await wechat.query()).json()["trade_state"] == "NOTPAY"
    assert server.wechat.notices() == []


async def test_unreachable_merchant_is_tried_again(
    server: GatewayServer, clock: ManualClock, wechat: WechatMerchant
) -> None:
    code = (await wechat.create()).json()["code_url"]
    server.wechat.pay(code, "ann")
    await clock.advance(1.0)
    await recorded(server, 1)
    notice = server.wechat.notices()[0]
    assert notice.state == NoticeState.PENDING
    assert notice.answers == ("genuine: NewConnectionError",)
    assert isinstance(notice.due_at, datetime)
    assert (notice.due_at - clock.now()).total_seconds() == 15
