"""WeChat Pay Score as emulated: the wallet's page, the books on a time of our choosing, and a restart in between."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from vendomat.kernel import ManualClock
from vendomat.simulator.gateways import GatewayServer, GatewaySettings, Habits, KeyMode
from vendomat.simulator.gateways.wechat.wire import CHINA

from .merchant import WechatMerchant

NUMBER = "svc_0000000001"
PATH = "/v3/payscore/serviceorder"


class Cooler(WechatMerchant):
    """Makes, completes and asks for service orders by hand."""

    def owner(self) -> dict[str, str]:
        return {"appid": self.account.appid, "service_id": self.account.service_id}

    def service(self, **more: Any) -> dict[str, Any]:
        return {
            **self.owner(),
            "out_order_no": NUMBER,
            "service_introduction": "智能柜",
            "time_range": {"start_time": "OnAccept"},
            "risk_fund": {"name": "ESTIMATE_ORDER_COST", "amount": 2_000},
            "notify_url": "http://127.0.0.1:9/notify/mer_1",
            "need_user_confirm": True,
            "device": {"start_device_id": "mac_7"},
        } | more

    def bill(self, fen: int, *, at: datetime, name: str = "商品信息", total: int | None = None) -> dict[str, Any]:
        rows = [{"name": name, "amount": fen, "description": "茶", "count": 1}]
        ended = {"end_time": at.astimezone(CHINA).strftime("%Y%m%d%H%M%S")}
        return self.owner() | {
            "post_payments": rows,
            "total_amount": fen if total is None else total,
            "time_range": ended,
        }

    async def ask(self) -> dict[str, Any]:
        account = self.account
        answer = await self.call(
            "GET", f"{PATH}?service_id={account.service_id}&out_order_no={NUMBER}&appid={account.appid}"
        )
        assert self.is_genuine(answer.headers, answer.content)
        return dict(answer.json())


def refusal(answer: Any) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["code"], answer.headers["request-id"].rpartition("-")[2]


class World:
    """An emulator with a folder, that can be started anew."""

    def __init__(self, folder: Path, stock: list[RSAPrivateKey]) -> None:
        self.clock = ManualClock(datetime(2026, 1, 1, 4, tzinfo=UTC))
        self._folder, self._keys = folder, itertools.cycle(stock)

    async def start(self) -> None:
        settings = GatewaySettings(data_dir=self._folder, notice_first_delay_s=0.0)
        self.server = GatewayServer(settings, self.clock, make_key=self._keys.__next__)
        await self.server.start()

    def open(self) -> Cooler:
        return Cooler(self.server.open_wechat_account("小卖部"), lambda: self.clock.now().timestamp())


@pytest.fixture
async def world(tmp_path: Path, stock: list[RSAPrivateKey]) -> AsyncIterator[World]:
    world = World(tmp_path, stock)
    await world.start()
    yield world
    await world.server.stop()


@pytest.fixture
async def cooler(world: World) -> AsyncIterator[Cooler]:
    cooler = world.open()
    yield cooler
    await cooler.client.aclose()


async def test_the_buyer_agrees_on_the_wallet_page(world: World, cooler: Cooler):
    made = await cooler.call("POST", PATH, cooler.service())
    assert (made.json()["state"], "state_description" in made.json(), bool(made.json()["package"])) == (
        "CREATED",
        False,
        True,
    )
    home = await cooler.client.get("/wallet", headers={"Accept-Language": "zh"})
    assert "同意并开门" in home.text and "¥20.00" in home.text
    cooler.client.follow_redirects = True
    cooler.client.headers["Accept-Language"] = "zh"
    agreed = await cooler.client.post("/wallet/deed", data={"number": NUMBER, "deed": "agree"})
    assert "已同意" in agreed.text
    assert (await cooler.ask())["state_description"] == "USER_CONFIRM"
    again = await cooler.client.post("/wallet/deed", data={"number": NUMBER, "deed": "agree"})
    assert "订单已关闭" in again.text
    assert "同意并开门" not in (await cooler.client.get("/wallet", headers={"Accept-Language": "zh"})).text


async def test_wrong_bodies_name_their_field(world: World, cooler: Cooler):
    wrong = {
        "service_introduction": "x" * 21,
        "device": {},
        "risk_fund": {"name": "WHATEVER", "amount": 1},
        "openid": "o1",
        "time_range": {"start_time": "20260101000000"},
    }
    for name, value in wrong.items():
        answer = await cooler.call("POST", PATH, cooler.service(**{name: value}))
        assert refusal(answer)[:2] == (400, "PARAM_ERROR"), name
        assert answer.json()["detail"]["field"].startswith("/")
    over = await cooler.call("POST", PATH, cooler.service(risk_fund={"name": "DEPOSIT", "amount": 20_001}))
    assert refusal(over)[:2] == (400, "PARAM_ERROR")
    stranger = await cooler.call("POST", PATH, cooler.service(service_id="2002"))
    assert refusal(stranger)[:2] == (403, "NO_AUTH")


async def test_the_bill_must_add_up_and_bear_the_one_name(world: World, cooler: Cooler):
    await cooler.call("POST", PATH, cooler.service())
    world.server.wechat.agree(NUMBER, "ann")
    at = world.clock.now()
    for body in (cooler.bill(350, at=at, total=349), cooler.bill(350, at=at, name="饮料"), cooler.bill(2_001, at=at)):
        answer = await cooler.call("POST", f"{PATH}/{NUMBER}/complete", body)
        assert refusal(answer)[:2] == (400, "PARAM_ERROR")
    assert (await cooler.ask())["state_description"] == "USER_CONFIRM"


async def test_the_numbers_behind_the_refusals(world: World, cooler: Cooler):
    platform, account = world.server.wechat, cooler.account
    internal = {"risk": "271300099", "unpaid": "271299627", "minor": "268560785"}
    openid = platform.permit(account.mchid, "ann", "")
    for reason, number in internal.items():
        platform.distrust("ann", reason)
        answer = await cooler.call("POST", PATH, cooler.service(need_user_confirm=False, openid=openid))
        assert refusal(answer)[2] == number
    platform.distrust("ann", "")
    assert (await cooler.call("POST", PATH, cooler.service(need_user_confirm=False, openid=openid))).status_code == 200
    at = world.clock.now()
    await cooler.call("POST", f"{PATH}/{NUMBER}/complete", cooler.bill(350, at=at))
    answer = await cooler.call("POST", f"{PATH}/{NUMBER}/cancel", cooler.owner() | {"reason": "x"})
    assert refusal(answer) == (400, "INVALID_ORDER_STATE", "271316592")


async def test_what_is_owed_outlives_a_restart(world: World, cooler: Cooler):
    """Order, debt, second certificate and a merchant on the move are there again, and the debt is collected."""
    await cooler.call("POST", PATH, cooler.service())
    platform = world.server.wechat
    platform.agree(NUMBER, "ann")
    platform.set_habits("ann", Habits(balance_fen=0))
    at = world.clock.now()
    await cooler.call("POST", f"{PATH}/{NUMBER}/complete", cooler.bill(350, at=at))
    serial = platform.rotate_certificate()
    platform.begin_move(cooler.account.mchid, 40)
    await world.clock.advance(3)
    assert platform.look_up_service(cooler.account.mchid, NUMBER).state == "COMPLETED"
    await world.server.stop()
    await world.start()
    platform = world.server.wechat
    assert platform.seals.certificate_serial == serial
    assert len(platform.seals.listed_pems) == 2
    assert platform.books_now.merchants[cooler.account.mchid].public_key_percent == 40
    platform.end_move(cooler.account.mchid, KeyMode.PUBLIC_KEY)
    await world.clock.advance(6 * 3600)
    platform.collect()
    (service,) = platform.score.services.values()
    assert (service.state, bool(service.transaction_id)) == ("DONE", True)
    order = platform.books_now.look_up_transaction(cooler.account.mchid, service.transaction_id)
    assert order.terms.attach == f"wxzff|{service.order_id}|{NUMBER}"
    assert json.loads(service.bill.payments)[0]["amount"] == 350  # type: ignore[union-attr]


async def test_shares_on_their_way_arrive_after_a_restart(world: World, cooler: Cooler):
    await cooler.create("pay_0000000001", 1_000, settle_info={"profit_sharing": True})
    platform = world.server.wechat
    platform.pay(platform.code_of("pay_0000000001"), "ann")
    await world.clock.advance(60)
    transaction = (await cooler.query()).json()["transaction_id"]
    receiver = {"type": "PERSONAL_OPENID", "account": "oLandlord"}
    added = await cooler.call(
        "POST",
        "/v3/profitsharing/receivers/add",
        receiver | {"appid": cooler.account.appid, "relation_type": "PARTNER"},
    )
    assert added.json() == receiver
    share = {
        "appid": cooler.account.appid,
        "transaction_id": transaction,
        "out_order_no": "share_0001",
        "receivers": [receiver | {"amount": 300, "description": "rent"}],
        "unfreeze_unsplit": False,
    }
    made = await cooler.call("POST", "/v3/profitsharing/orders", share)
    assert (made.json()["state"], made.json()["receivers"][0]["result"]) == ("PROCESSING", "PENDING")
    fee_fen = platform.books_now.look_up_transaction(cooler.account.mchid, transaction).fee_fen
    await world.server.stop()
    await world.start()
    platform = world.server.wechat
    await world.clock.advance(3)
    platform.settle_sharings()
    sharing = platform.sharing.look_up(cooler.account.mchid, "share_0001", transaction)
    assert [line.state for line in sharing.lines] == ["SUCCESS"]
    frozen_fen = platform.sharing.frozen_fen(cooler.account.mchid, world.clock.now())
    assert frozen_fen == 1_000 - fee_fen - 300
    entries = platform.books_now.fund_entries(cooler.account.mchid)
    assert sum(entry.amount_fen for entry in entries) == 1_000 - fee_fen - 300
