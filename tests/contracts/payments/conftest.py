"""Every provider on the same stage: real HTTP to the emulated platforms, on a clock that stands still."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from payment_stage import NoticeDoor, Stage

from vendomat.cloud.payments.providers import open_provider
from vendomat.kernel import ManualClock
from vendomat.simulator.gateways import AlipayAccount, GatewayServer, GatewaySettings, KeyMode, WechatAccount

REFUND_DELAY_S = 2.0


def wechat_settings(account: WechatAccount, base_url: str) -> dict[str, Any]:
    settings = {
        "mchid": account.mchid,
        "appid": account.appid,
        "private_key": account.merchant_private_key_pem,
        "serial_no": account.merchant_serial_no,
        "apiv3_key": account.apiv3_key,
        "base_url": base_url,
        "timeout_s": 0.4,
    }
    if account.mode == "public_key":
        settings |= {"public_key_id": account.public_key_id, "public_key": account.public_key_pem}
    return settings


def alipay_settings(account: AlipayAccount, gateway_url: str) -> dict[str, Any]:
    return {
        "app_id": account.app_id,
        "seller_id": account.seller_id,
        "private_key": account.app_private_key_pem,
        "alipay_public_key": account.alipay_public_key_pem,
        "gateway_url": gateway_url,
        "timeout_s": 0.4,
    }


@dataclass(frozen=True)
class Prepared:
    """Platforms with their keys and two accounts of each kind, made once: making keys takes long."""

    data_dir: Path
    wechat: tuple[WechatAccount, WechatAccount]
    wechat_certificate: tuple[WechatAccount, WechatAccount]
    alipay: tuple[AlipayAccount, AlipayAccount]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    data_dir = tmp_path_factory.mktemp("platforms")

    async def prepare() -> Prepared:
        server = GatewayServer(GatewaySettings(data_dir=data_dir), ManualClock())
        await server.start()
        made = Prepared(
            data_dir,
            (server.open_wechat_account("One"), server.open_wechat_account("Two")),
            (
                server.open_wechat_account("Three", KeyMode.CERTIFICATE),
                server.open_wechat_account("Four", KeyMode.CERTIFICATE),
            ),
            (server.open_alipay_account("One"), server.open_alipay_account("Two")),
        )
        await server.stop()
        return made

    return asyncio.run(prepare())


@pytest.fixture(params=["wechat", "wechat_certificate", "alipay"])
async def stage(request: pytest.FixtureRequest, prepared: Prepared, tmp_path: Path) -> AsyncIterator[Stage]:
    shutil.copytree(prepared.data_dir, tmp_path, dirs_exist_ok=True)
    clock = ManualClock()
    settings = GatewaySettings(
        data_dir=tmp_path,
        notice_first_delay_s=0.0,
        refund_delay_s=REFUND_DELAY_S,
        alipay_refund_delay_s=REFUND_DELAY_S,
        partial_refund_gap_s=0.0,
    )
    server = GatewayServer(settings, clock)
    await server.start()
    channel = "alipay" if request.param == "alipay" else "wechat"
    accounts = getattr(prepared, request.param)
    if channel == "alipay":
        both = [alipay_settings(account, server.alipay_gateway_url) for account in accounts]
    else:
        both = [wechat_settings(account, server.wechat_base_url) for account in accounts]
    provider, other = (open_provider(channel, one, clock=clock, pool_size=4) for one in both)
    door = NoticeDoor()
    door.provider = provider
    notify_url = await door.open()
    is_alipay = channel == "alipay"
    yield Stage(
        provider=provider,
        other=other,
        server=server,
        door=door,
        notify_url=notify_url,
        clock=clock,
        makes_trades_at_scan=is_alipay,
        sends_refund_notices=not is_alipay,
    )
    await provider.aclose()
    await other.aclose()
    await server.stop()
    await door.close()
