"""WeChat Pay's published vectors: our client signs as the platform does, and takes its recorded notice for genuine."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cloud.payments.providers.scripted_platform import Answer
from vendomat.cloud.payments.providers import NoticeRefusedError, open_provider
from vendomat.cloud.payments.providers.wechat.client import WeChatClient
from vendomat.cloud.payments.providers.wechat.settings import WeChatSettings
from vendomat.kernel import ManualClock

RECORDED = Path(__file__).parents[3] / "recorded" / "payments"


def recorded(name):
    return json.loads((RECORDED / f"{name}.json").read_text())


def clock_at(timestamp):
    return ManualClock(datetime.fromtimestamp(int(timestamp), UTC))


def test_a_request_is_signed_as_published(wechat_settings, platform):
    vector = recorded("wechat_requests")
    settings = wechat_settings | {
        "mchid": vector["mchid"],
        "serial_no": vector["serial_no"],
        "private_key": vector["merchant_test_private_key_pem"],
        "base_url": platform.url,
    }
    client = WeChatClient(
        WeChatSettings(**settings),
        clock=clock_at(vector["timestamp"]),
        connections_max=1,
        nonce=lambda: vector["nonce"],
    )
    platform.say(Answer(404))
    client.query_refund("123123123123")
    client.hosts.close()
    (request,) = platform.received
    assert request.headers["authorization"] == (
        f'WECHATPAY2-SHA256-RSA2048 mchid="{vector["mchid"]}",nonce_str="{vector["nonce"]}",'
        f'signature="{vector["request_get"]["signature"]}",timestamp="{vector["timestamp"]}",'
        f'serial_no="{vector["serial_no"]}"'
    )


async def test_the_recorded_notice_passes_signature_and_age(wechat_settings):
    """Its kind is not one we take and its key is not ours, but that is found out only behind the signature."""
    vector = recorded("wechat_notice")
    clock = clock_at(vector["timestamp"])
    settings = wechat_settings | {"platform_certificates": [vector["platform_certificate_pem"]]}
    provider = open_provider("wechat", settings, clock=clock, pool_size=1)
    headers = {
        "Wechatpay-Timestamp": vector["timestamp"],
        "Wechatpay-Nonce": vector["nonce"],
        "Wechatpay-Signature": vector["signature"],
        "Wechatpay-Serial": vector["platform_serial"],
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }

    async def reason_for(body):
        with pytest.raises(NoticeRefusedError) as refusal:
            await provider.read_notice(headers, body)
        return refusal.value.reason

    assert await reason_for(vector["body"].encode()) == "the resource does not open with our key"
    assert await reason_for(vector["body"].encode() + b" ") == "the signature is wrong"
    await clock.advance(301)
    assert "clock" in await reason_for(vector["body"].encode())
    await provider.aclose()


def test_a_page_inside_the_wallet_is_signed_as_published(wechat_settings):
    vector = recorded("wechat_requests")
    appid, timestamp, nonce, package = vector["paysign_jsapi"]["message"].splitlines()
    settings = wechat_settings | {
        "appid": appid,
        "mchid": vector["mchid"],
        "private_key": vector["merchant_test_private_key_pem"],
    }
    client = WeChatClient(WeChatSettings(**settings), clock=clock_at(timestamp), connections_max=1, nonce=lambda: nonce)
    parameters = client.page_parameters(package.removeprefix("prepay_id="))
    client.hosts.close()
    assert parameters == {
        "appId": appid,
        "timeStamp": timestamp,
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": vector["paysign_jsapi"]["signature"],
    }
