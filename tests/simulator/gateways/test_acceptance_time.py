"""Time on order: the platforms' own schedules and expiries, and a merchant whose clock nobody moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from vendomat.kernel import ErrorCode, ManualClock, SystemClock, VendomatError
from vendomat.simulator.gateways import GatewayControl, GatewayServer, GatewaySettings, NoticeFault
from vendomat.simulator.gateways.keys import KeySource
from vendomat.simulator.gateways.virtual_clock import VirtualClock
from vendomat.simulator.gateways.wechat import v2_wire, xml_notices

from .merchant import AlipayMerchant, NoticeSink, WechatMerchant

NUMBER = "pay_0000000001"


@pytest.fixture
def settings() -> GatewaySettings:
    """The platforms' own times: only the clock makes them pass."""
    return GatewaySettings(notice_first_delay_s=0.01, notice_timeout_s=60.0, fee_basis_points=0)


@pytest.fixture
async def control(server: GatewayServer) -> AsyncIterator[GatewayControl]:
    control = GatewayControl(server.control_url)
    yield control
    await control.aclose()


@pytest.fixture
async def wechat(server: GatewayServer) -> AsyncIterator[WechatMerchant]:
    merchant = WechatMerchant(server.open_wechat_account("小卖部"))
    yield merchant
    await merchant.client.aclose()


async def test_e04_wechats_codes_end_after_two_hours_and_orders_after_seven_days(
    control: GatewayControl, wechat: WechatMerchant
) -> None:
    """The merchant signs by its own clock all the while: what it sends is never too old."""
    await wechat.create()
    await control.advance(hours=1.99)
    assert len(await control.codes("wechat")) == 1
    await control.advance(hours=0.01)
    assert await control.codes("wechat") == []
    with pytest.raises(VendomatError, match="code_dead"):
        await control.pay("wechat", number=NUMBER)
    assert (await wechat.create()).status_code == 200, "the order lives on, and gets a new code"
    await control.advance(days=6.9)
    assert (await wechat.query()).json()["trade_state"] == "NOTPAY"
    await control.advance(days=0.1)
    assert (await wechat.query()).json()["trade_state"] == "CLOSED"


async def test_e04_alipays_codes_end_after_two_hours(control: GatewayControl, alipay: AlipayMerchant) -> None:
    await alipay.precreate()
    await control.advance(hours=2)
    with pytest.raises(VendomatError, match="code_dead"):
        await control.pay("alipay", number=NUMBER)
    assert (await alipay.call("query"))["sub_code"] == "ACQ.TRADE_NOT_EXIST"


async def test_e06_a_day_of_repetitions_each_at_its_own_moment(
    control: GatewayControl, wechat: WechatMerchant, alipay: AlipayMerchant, sink: NoticeSink
) -> None:
    sink.answers = [(500, b"fail")]
    await wechat.create(notify_url=sink.url)
    await alipay.precreate(notify_url=sink.url)
    for platform in ("wechat", "alipay"):
        await control.pay(platform, number=NUMBER)
    await control.advance(seconds=65)
    assert len(sink.received) == 4 + 1, "WeChat after 15, 15 and 30 s; Alipay not before four minutes"
    await control.advance(hours=26)
    (of_wechat,), (of_alipay,) = await control.notices("wechat"), await control.notices("alipay")
    assert (of_wechat["sendings"], of_wechat["state"]) == (16, "given_up")
    assert (of_alipay["sendings"], of_alipay["state"]) == (8, "given_up")
    sent_to_wechat = [one for one in sink.received if "wechatpay-timestamp" in one.headers]
    assert len({one.body for one in sent_to_wechat}) == 1
    now_s = SystemClock().now().timestamp()
    assert all(abs(int(one.headers["wechatpay-timestamp"]) - now_s) < 300 for one in sent_to_wechat)


async def test_e06_a_notice_can_be_sent_again_in_any_guise(
    control: GatewayControl, wechat: WechatMerchant, sink: NoticeSink
) -> None:
    await wechat.create(notify_url=sink.url)
    await control.pay("wechat", number=NUMBER)
    await sink.wait_for(1)
    (notice,) = await control.notices("wechat")
    assert await control.resend_notice("wechat", notice["notice_id"]) == "genuine: 200 success"
    assert await control.resend_notice("wechat", notice["notice_id"], "forged") == "forged: 200 success"
    first, again, forged = sink.received
    assert first.body == again.body == forged.body
    assert wechat.is_genuine(again.headers, again.body)
    assert not wechat.is_genuine(forged.headers, forged.body)
    with pytest.raises(VendomatError):
        await control.resend_notice("alipay", notice["notice_id"])


async def test_e06_a_refund_told_as_xml(control: GatewayControl, wechat: WechatMerchant, sink: NoticeSink) -> None:
    """Once as a copy before the true one, and once because only the merchant's portal has an address."""
    await wechat.create()
    await control.pay("wechat", number=NUMBER)
    await control.add_notice_fault(NoticeFault.XML, platform="wechat", verb="refund")
    await wechat.refund("ref_1", 100, notify_url=sink.url)
    await control.advance(seconds=70)
    xml, genuine = await sink.wait_for(2)
    assert wechat.is_genuine(genuine.headers, genuine.body)
    assert told_as_xml(wechat, xml.body) >= {"out_refund_no": "ref_1", "refund_fee": "100"}.items()

    await control.set_portal_refund_url(wechat.account.mchid, sink.url)
    await wechat.refund("ref_2", 50)
    await control.advance(seconds=5)
    assert told_as_xml(wechat, (await sink.wait_for(3))[2].body) >= {"refund_status": "SUCCESS"}.items()


def told_as_xml(merchant: WechatMerchant, body: bytes) -> set[tuple[str, str]]:
    fields = v2_wire.read_xml(body.decode())
    assert fields is not None
    assert fields["mch_id"] == merchant.account.mchid
    root = xml_notices.decrypt(fields["req_info"], merchant.account.apiv2_key).decode()
    inside = v2_wire.read_xml(root.replace("<root>", "<xml>").replace("</root>", "</xml>"))
    assert inside is not None
    return set(inside.items())


async def test_e09_the_days_money_goes_to_the_bank_the_next_morning(
    control: GatewayControl, alipay: AlipayMerchant
) -> None:
    await alipay.precreate()
    await control.pay("alipay", number=NUMBER)
    assert (await control.books("alipay"))["accounts"][0]["balance_fen"] == 100_350
    await control.advance(days=2)
    assert (await control.books("alipay"))["accounts"][0]["balance_fen"] == 100_000


async def test_e04_how_far_ahead_the_clock_is_outlives_the_process(tmp_path: Path, key_source: KeySource) -> None:
    settings = GatewaySettings(data_dir=tmp_path)
    for hours in (48, 0):
        server = GatewayServer(settings, VirtualClock(SystemClock()), make_key=key_source)
        await server.start()
        control = GatewayControl(server.control_url)
        told = await control.advance(hours=hours)
        assert told["ahead_s"] >= 48 * 3_600
        await control.aclose()
        await server.stop()


async def test_e04_a_clock_that_somebody_else_moves_is_not_moved_here(key_source: KeySource) -> None:
    server = GatewayServer(GatewaySettings(), ManualClock(), make_key=key_source)
    await server.start()
    control = GatewayControl(server.control_url)
    assert (await control.clock())["is_movable"] is False
    with pytest.raises(VendomatError) as refused:
        await control.advance(hours=1)
    assert refused.value.code == ErrorCode.MALFORMED
    await control.aclose()
    await server.stop()
