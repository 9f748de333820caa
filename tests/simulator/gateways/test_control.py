"""The control port and its client: accounts, buyers, faults, books; and the emulators as a process that is killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.simulator.gateways import (
    AlipayAccount,
    CallFault,
    GatewayControl,
    GatewayServer,
    KeyMode,
    NoticeFault,
    WechatAccount,
)

from .merchant import AlipayMerchant, NoticeSink, WechatMerchant


@pytest.fixture
async def control(server: GatewayServer) -> AsyncIterator[GatewayControl]:
    control = GatewayControl(server.control_url)
    yield control
    await control.aclose()


async def test_e13_accounts_opened_here_work_there(control: GatewayControl) -> None:
    assert (await control.health())["status"] == "ok"
    opened = await control.open_accounts("小卖部", mode="certificate")
    wechat = WechatMerchant(WechatAccount(**opened["wechat"]))
    alipay = AlipayMerchant(AlipayAccount(**opened["alipay"]))
    assert (await wechat.create()).status_code == 200
    assert (await alipay.precreate())["code"] == "10000"
    (code,) = await control.codes("wechat")
    assert (code["payee"], code["machine"], code["amount_fen"]) == ("小卖部", "A-17", 350)
    await control.pay("wechat", code=code["code"])
    await control.pay("alipay", number="pay_0000000001", lose_network=True)
    for platform in ("wechat", "alipay"):
        books = await control.books(platform)
        assert books["accounts"][0]["balance_fen"] == 100_350
        assert books["trades"][0]["is_paid"]
        assert books["trades"][0]["payer"] == "buyer-1"
    assert (await control.notices("alipay"))[0]["state"] == "lost"
    await wechat.client.aclose()
    await alipay.client.aclose()


async def test_e13_own_keys_can_be_registered(server: GatewayServer, control: GatewayControl) -> None:
    account = server.open_wechat_account("x")
    own = {
        "mchid": "1900000009",
        "appid": "wx9",
        "apiv3_key": "k" * 32,
        "certificate_pem": account.merchant_certificate_pem,
    }
    async with httpx.AsyncClient(base_url=server.control_url, timeout=30) as client:
        answer = await client.post("/control/wechat/merchants", json=own)
        assert answer.json()["public_key_id"] == account.public_key_id
        short = await client.post("/control/wechat/merchants", json=own | {"apiv3_key": "short"})
        assert (short.status_code, short.json()["error"]) == (400, "malformed")
        assert (await client.get("/control/nothing")).status_code == 404
        assert (await client.get("/v3/certificates")).status_code == 404


async def test_refused_deeds_are_conflicts(control: GatewayControl, wechat: WechatMerchant) -> None:
    await wechat.create()
    await control.scan("wechat", number="pay_0000000001", payer="ann")
    with pytest.raises(VendomatError, match="other_buyer") as refused:
        await control.pay("wechat", number="pay_0000000001", payer="bob")
    assert refused.value.code == ErrorCode.CONFLICT
    assert (await control.refuse("wechat", number="pay_0000000001", payer="ann"))["state"] == "NOTPAY"
    with pytest.raises(VendomatError):
        await control.settle_next_refunds_as("wechat", "NONSENSE")


async def test_faults_over_the_port(control: GatewayControl, wechat: WechatMerchant, sink: NoticeSink) -> None:
    await control.add_call_fault(CallFault.RATE_LIMITED, platform="wechat", verb="create", count=1)
    assert (await wechat.create()).status_code == 429
    await control.add_call_fault(CallFault.RATE_LIMITED, count=-1)
    await control.clear_faults()
    await wechat.create(notify_url=sink.url)
    assert await control.forge_notice("wechat", "pay_0000000001") == "forged: 200 success"
    await control.add_notice_fault(NoticeFault.DUPLICATE, platform="wechat")
    await control.pay("wechat", number="pay_0000000001")
    await sink.wait_for(3)
    await control.set_balance("wechat", wechat.account.mchid, 0)
    assert (await wechat.refund("ref_1", 1)).json()["code"] == "NOT_ENOUGH"


async def start(folder: Path) -> tuple[asyncio.subprocess.Process, dict[str, int]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "vendomat.simulator.gateways",
        *("--data", str(folder), "--notice-first-delay", "1.5", "--refund-delay", "0"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    return process, json.loads(line)


async def kill(process: asyncio.subprocess.Process, number: int) -> int:
    assert process.pid is not None
    os.kill(process.pid, number)
    code = await asyncio.wait_for(process.wait(), 30)
    process._transport.close()  # type: ignore[attr-defined]  # else its closing is reported as forgotten
    return code


@pytest.mark.slow
async def test_a_kill_loses_nothing_that_was_answered(tmp_path: Path, sink: NoticeSink) -> None:
    process, ports = await start(tmp_path)
    control = GatewayControl(f"http://127.0.0.1:{ports['control']}")
    opened = await control.open_accounts("小卖部")
    wechat = WechatMerchant(WechatAccount(**opened["wechat"]))
    alipay = AlipayMerchant(AlipayAccount(**opened["alipay"]))
    await wechat.create(notify_url=sink.url)
    await alipay.precreate(notify_url=sink.url)
    for platform in ("wechat", "alipay"):
        await control.pay(platform, number="pay_0000000001")
    await wechat.refund("ref_1", 100)
    await asyncio.sleep(0.1)
    before = [await control.books(platform) for platform in ("wechat", "alipay")]
    await kill(process, signal.SIGKILL)
    assert sink.received == []
    await control.aclose()
    await wechat.client.aclose()
    await alipay.client.aclose()

    process, ports = await start(tmp_path)
    control = GatewayControl(f"http://127.0.0.1:{ports['control']}")
    assert [await control.books(platform) for platform in ("wechat", "alipay")] == before
    wechat = WechatMerchant(WechatAccount(**(opened["wechat"] | {"base_url": f"http://127.0.0.1:{ports['wechat']}"})))
    answer = await wechat.query()
    assert answer.json()["trade_state"] == "REFUND"
    assert wechat.is_genuine(answer.headers, answer.content)
    assert (await wechat.refund("ref_1", 100)).json()["status"] == "SUCCESS"
    assert len(await sink.wait_for(2)) == 2
    await control.aclose()
    await wechat.client.aclose()
    assert await kill(process, signal.SIGTERM) == 0


async def test_wechats_own_deeds_over_the_control_port(server: GatewayServer, control: GatewayControl) -> None:
    account = server.open_wechat_account("小卖部", KeyMode.CERTIFICATE)
    serial = await control.rotate_wechat_certificate(0)
    assert serial == server.wechat.seals.certificate_serial
    assert serial != account.platform_serial_no
    await control.move_to_public_key(account.mchid, 30)
    assert server.wechat.books_now.merchants[account.mchid].public_key_percent == 30
    openid = await control.wechat_openid(account.mchid, "buyer-2")
    assert openid == server.wechat.openid_of(account.mchid, "buyer-2")
    token = server.wechat.give_face_token(account.mchid, account.appid, "dev_1").text
    seen = await control.look_at_device(token, "buyer-2")
    assert seen["openid"] == openid and seen["face_code"]
    with pytest.raises(VendomatError):
        await control.open_page({"package": "prepay_id=wx0"})
    with pytest.raises(VendomatError):
        await control.agree_to_service("nobody_has_this")


async def test_wechats_orders_to_fail_over_the_control_port(server: GatewayServer) -> None:
    wechat = server.wechat
    async with httpx.AsyncClient(base_url=f"{server.control_url}/control/wechat/", trust_env=False, timeout=30) as http:
        for path in ("shares/close", "shares/fail-returns", "refunds/on-credit", "keys/share"):
            assert (await http.post(path, json={"count": 2, "percent": 50})).json() == {"status": "ok"}
        assert wechat.seals.newest_percent == 50
        assert (await http.post("services/distrust", json={"payer": "ann", "reason": "minor"})).status_code == 200
        assert (await http.get("services")).json() == []
        account = server.open_wechat_account("小卖部").mchid
        permitted = await http.post("services/permit", json={"account": account, "payer": "ann"})
        assert permitted.json() == {"openid": wechat.openid_of(account, "ann")}
        assert (await http.post("keys/moved", json={"account": account, "mode": "certificate"})).status_code == 200
        assert wechat.books_now.merchants[account].mode is KeyMode.CERTIFICATE
