"""The emulators as anybody meets them who builds against these platforms: unchanged client libraries, any address,
buyers with their weaknesses, requests in every documented form, and garbage."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import stripe
from alipay import AliPay, DCAliPay
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from wechatpayv3 import WeChatPay, WeChatPayType

from vendomat.kernel import SystemClock, VendomatError
from vendomat.simulator.gateways import GatewayControl, GatewayServer, GatewaySettings, keys
from vendomat.simulator.gateways.keys import KeySource
from vendomat.simulator.gateways.virtual_clock import VirtualClock

from .merchant import AlipayMerchant, WechatMerchant

NUMBER = "pay_0000000001"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The libraries read these, and this machine's own platforms are behind no proxy."""
    monkeypatch.setenv("no_proxy", "127.0.0.1,127.0.0.2")


@pytest.fixture
async def control(server: GatewayServer) -> AsyncIterator[GatewayControl]:
    control = GatewayControl(server.control_url)
    yield control
    await control.aclose()


class TestClientLibraries:
    """As they come from the registry: only their addresses are ours."""

    @pytest.mark.parametrize("has_certificates", [False, True])
    async def test_e14_python_alipay_sdk(self, server: GatewayServer, has_certificates: bool) -> None:
        account = server.open_alipay_account("shop", has_certificates=has_certificates)
        common = {"appid": account.app_id, "app_private_key_string": account.app_private_key_pem}
        if has_certificates:
            client = DCAliPay(
                **common,
                app_public_key_cert_string=account.app_certificate_pem,
                alipay_public_key_cert_string=account.alipay_certificate_pem,
                alipay_root_cert_string=account.alipay_root_certificate_pem,
            )
        else:
            client = AliPay(**common, alipay_public_key_string=account.alipay_public_key_pem)
        client._gateway = account.gateway_url
        order = {"out_trade_no": NUMBER, "total_amount": "3.50", "subject": "tea"}
        made = await asyncio.to_thread(client.api_alipay_trade_precreate, **order)
        server.alipay.pay(made["qr_code"], "ann")
        found = await asyncio.to_thread(client.api_alipay_trade_query, out_trade_no=NUMBER)
        assert (found["trade_status"], found["total_amount"]) == ("TRADE_SUCCESS", "3.50")
        refund = {"refund_amount": "3.50", "out_trade_no": NUMBER, "out_request_no": "r1"}
        assert (await asyncio.to_thread(client.api_alipay_trade_refund, **refund))["fund_change"] == "Y"

    async def test_e14_wechatpayv3(self, server: GatewayServer) -> None:
        account = server.open_wechat_account("shop")
        client = WeChatPay(
            wechatpay_type=WeChatPayType.NATIVE,
            mchid=account.mchid,
            private_key=account.merchant_private_key_pem,
            cert_serial_no=account.merchant_serial_no,
            apiv3_key=account.apiv3_key,
            appid=account.appid,
            notify_url="https://vend.example/notify",
            public_key=account.public_key_pem,
            public_key_id=account.public_key_id,
        )
        client._core._gate_way = account.base_url
        code, said = await asyncio.to_thread(
            client.pay, description="tea", out_trade_no=NUMBER, amount={"total": 350, "currency": "CNY"}
        )
        assert code == 200
        server.wechat.pay(json.loads(said)["code_url"], "ann")
        code, said = await asyncio.to_thread(client.query, out_trade_no=NUMBER)
        assert (code, json.loads(said)["trade_state"]) == (200, "SUCCESS")
        amount = {"refund": 100, "total": 350, "currency": "CNY"}
        code, said = await asyncio.to_thread(client.refund, out_refund_no="r1", out_trade_no=NUMBER, amount=amount)
        assert (code, json.loads(said)["status"]) == (200, "PROCESSING")

    async def test_e14_stripe(self, server: GatewayServer) -> None:
        account = server.open_stripe_account("shop")
        http, addresses = stripe.RequestsClient(), {"api": account.base_url}
        client = stripe.StripeClient(account.secret_key, base_addresses=addresses, http_client=http)  # type: ignore[arg-type]
        product = await asyncio.to_thread(client.v1.products.create, {"name": "tea"})
        price = {"currency": "cny", "unit_amount": 350, "product": product.id}
        session = await asyncio.to_thread(
            client.v1.checkout.sessions.create,
            {
                "mode": "payment",
                "line_items": [{"price_data": price, "quantity": 1}],
                "success_url": "https://vend.example/thanks",
                "expires_at": int(SystemClock().now().timestamp()) + 3_600,
                "client_reference_id": NUMBER,
            },
        )
        server.stripe.pay(server.stripe.code_of(NUMBER), "ann")
        found = await asyncio.to_thread(client.v1.checkout.sessions.retrieve, session.id)
        assert (found.payment_status, found.amount_total) == ("paid", 350)
        refund = await asyncio.to_thread(client.v1.refunds.create, {"payment_intent": str(found.payment_intent)})
        assert refund.amount == 350


class TestAddresses:
    async def test_e12_listens_where_it_is_told_to(self, key_source: KeySource) -> None:
        settings = GatewaySettings(host="127.0.0.2")
        server = GatewayServer(settings, VirtualClock(SystemClock()), make_key=key_source)
        await server.start()
        alipay = AlipayMerchant(server.open_alipay_account("shop"))
        assert alipay.account.gateway_url.startswith("http://127.0.0.2:")
        assert (await alipay.precreate())["code"] == "10000"
        with pytest.raises(httpx.ConnectError):
            await alipay.client.get(f"http://127.0.0.1:{server.ports.alipay}/")
        await alipay.client.aclose()
        await server.stop()

    @pytest.mark.parametrize("platform", ["wechat", "alipay", "stripe", "control"])
    async def test_e12_absolute_form_request_targets(self, server: GatewayServer, platform: str) -> None:
        """What a client sends that takes the platform for a proxy."""
        port = getattr(server.ports, platform)
        path = "/control/health" if platform == "control" else "/wallet"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"GET http://any.example{path} HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n\r\n".encode()
        )
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()


class TestAlipaysForms:
    @pytest.mark.parametrize("way", ["query", "form", "multipart"])
    async def test_e11_every_documented_way_to_call(self, alipay: AlipayMerchant, way: str) -> None:
        content = {"out_trade_no": NUMBER, "total_amount": "3.50", "subject": "冰红茶"}
        method = "alipay.trade.precreate"
        parameters = alipay.parameters(method, content)
        if way == "multipart":
            biz_content = parameters.pop("biz_content")
            files = {"biz_content": (None, biz_content.encode()), "image": ("a.png", b"\x89PNG", "image/png")}
            answer = await alipay.client.post(alipay.account.gateway_url, params=parameters, files=files)
        else:
            answer = await alipay.send(parameters, as_form=way == "form")
        assert answer.headers["content-type"] == "text/html;charset=utf-8"
        assert alipay.is_genuine(answer.text, method), answer.text
        assert "https:\\/\\/qr.alipay.com\\/" in answer.text

    async def test_e11_certificate_mode(self, server: GatewayServer) -> None:
        alipay = AlipayMerchant(server.open_alipay_account("shop", has_certificates=True))
        assert (await alipay.precreate())["code"] == "10000"
        answer = await alipay.send(alipay.parameters("alipay.trade.query", {"out_trade_no": NUMBER}))
        assert list(answer.json()) == ["alipay_trade_query_response", "alipay_cert_sn", "sign"]
        assert answer.json()["alipay_cert_sn"] == DCAliPay.get_cert_sn(alipay.account.alipay_certificate_pem)
        await alipay.client.aclose()

    @pytest.mark.parametrize(
        ("spoilt", "sub_code"),
        [
            ({"app_cert_sn": ""}, "isv.missing-app-cert-sn"),
            ({"app_cert_sn": "0" * 32}, "isv.invalid-app-cert-sn"),
            ({"alipay_root_cert_sn": "0" * 32}, "isv.invalid-alipay-root-cert-sn"),
        ],
    )
    async def test_e11_wrong_certificate_numbers(
        self, server: GatewayServer, spoilt: dict[str, str], sub_code: str
    ) -> None:
        alipay = AlipayMerchant(server.open_alipay_account("shop", has_certificates=True))
        answer = await alipay.send(alipay.parameters("alipay.trade.query", {"out_trade_no": NUMBER}) | spoilt)
        assert "sign" not in answer.json()
        assert answer.json()["alipay_trade_query_response"]["sub_code"] == sub_code
        await alipay.client.aclose()


class TestAlipaysRest:
    """v3: the same books behind another envelope."""

    async def call(
        self, alipay: AlipayMerchant, verb: str, content: object, *, clock_off_s: float = 0, **spoilt: str
    ) -> httpx.Response:
        account, key = alipay.account, keys.load_private(alipay.account.app_private_key_pem)
        path, body = f"/v3/alipay/trade/{verb}", json.dumps(content).encode()
        stamp = int((SystemClock().now().timestamp() + clock_off_s) * 1000)
        sn = f"app_cert_sn={DCAliPay.get_cert_sn(account.app_certificate_pem)}," if account.app_certificate_pem else ""
        text = f"app_id={spoilt.get('app_id', account.app_id)},{sn}nonce=n1,timestamp={stamp}"
        sign = spoilt.get("sign") or keys.sign(key, f"{text}\nPOST\n{path}\n".encode() + body + b"\n")
        headers = {"Authorization": f"ALIPAY-SHA256withRSA {text},sign={sign}"} if "none" not in spoilt else {}
        url = account.gateway_url.replace("/gateway.do", path)
        return await alipay.client.post(url, content=body, headers=headers | {"Content-Type": "application/json"})

    def is_genuine(self, alipay: AlipayMerchant, answer: httpx.Response) -> bool:
        account = alipay.account
        pem = account.alipay_certificate_pem or account.alipay_public_key_pem
        text = f"{answer.headers['alipay-timestamp']}\n{answer.headers['alipay-nonce']}\n".encode()
        return keys.is_signed(keys.load_public(pem), text + answer.content + b"\n", answer.headers["alipay-signature"])

    @pytest.mark.parametrize("has_certificates", [False, True])
    async def test_e11_a_payment_and_its_refund_by_rest(self, server: GatewayServer, has_certificates: bool) -> None:
        alipay = AlipayMerchant(server.open_alipay_account("shop", has_certificates=has_certificates))
        order = {"out_trade_no": NUMBER, "total_amount": "3.50", "subject": "tea"}
        made = await self.call(alipay, "precreate", order)
        assert made.status_code == 200
        assert self.is_genuine(alipay, made)
        assert ("alipay-sn" in made.headers) == has_certificates
        server.alipay.pay(made.json()["qr_code"], "ann")
        found = await self.call(alipay, "query", {"out_trade_no": NUMBER})
        assert found.json()["trade_status"] == "TRADE_SUCCESS"
        assert "code" not in found.json()
        refund = {"out_trade_no": NUMBER, "refund_amount": "3.50", "out_request_no": "r1"}
        assert (await self.call(alipay, "refund", refund)).json()["fund_change"] == "Y"
        status = await self.call(alipay, "fastpay/refund/query", {"out_trade_no": NUMBER, "out_request_no": "r1"})
        assert status.json()["refund_status"] == "REFUND_SUCCESS"
        await alipay.client.aclose()

    @pytest.mark.parametrize(
        ("spoilt", "status", "code"),
        [
            ({"none": "x"}, 400, "missing-timestamp"),
            ({"app_id": "2021"}, 400, "invalid-app-id"),
            ({"sign": "eA=="}, 400, "invalid-signature"),
            ({}, 400, "ACQ.TRADE_NOT_EXIST"),
        ],
    )
    async def test_e11_errors_of_rest_are_not_signed(
        self, alipay: AlipayMerchant, spoilt: dict[str, str], status: int, code: str
    ) -> None:
        answer = await self.call(alipay, "query", {"out_trade_no": NUMBER}, **spoilt)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert "alipay-signature" not in answer.headers
        assert answer.json()["links"] == []

    async def test_e11_an_old_request_by_rest(self, alipay: AlipayMerchant) -> None:
        answer = await self.call(alipay, "query", {"out_trade_no": NUMBER}, clock_off_s=-121)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid-timestamp")
        assert (await self.call(alipay, "nothing", {})).status_code == 404


class TestBuyers:
    async def test_e08_a_wrong_password_an_empty_wallet_and_another_buyer(
        self, control: GatewayControl, alipay: AlipayMerchant
    ) -> None:
        await alipay.precreate()
        with pytest.raises(VendomatError, match="wrong_password"):
            await control.mistype_password("alipay", number=NUMBER)
        with pytest.raises(VendomatError, match="other_buyer"):
            await control.pay("alipay", number=NUMBER, payer="buyer-2")
        for habits, reason in (({"balance_fen": 349}, "not_enough"), ({"refuses_card": True}, "card_refused")):
            await control.set_habits("alipay", "buyer-1", **habits)
            with pytest.raises(VendomatError, match=reason):
                await control.pay("alipay", number=NUMBER)
        assert (await alipay.call("query"))["trade_status"] == "WAIT_BUYER_PAY"
        await control.set_habits("alipay", "buyer-1")
        assert (await control.pay("alipay", number=NUMBER))["state"] == "TRADE_SUCCESS"

    async def test_e08_a_password_above_a_thousand_yuan(self, server: GatewayServer, control: GatewayControl) -> None:
        alipay = AlipayMerchant(server.open_alipay_account("shop"))
        charge = {"scene": "bar_code", "subject": "tea", "total_amount": "1000.01"}
        code = await control.payment_code("alipay")
        assert code[:2] in {"25", "26", "27", "28", "29", "30"}
        waiting = await alipay.call("pay", auth_code=code, **charge)
        assert waiting["code"] == "10003"
        assert (await control.confirm("alipay", NUMBER))["state"] == "TRADE_SUCCESS"
        await alipay.client.aclose()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
METHODS = ["precreate", "pay", "query", "cancel", "close", "refund", "fastpay.refund.query"]


async def test_e02_whatever_is_signed_is_answered_in_the_platforms_words(
    server: GatewayServer, alipay: AlipayMerchant, control: GatewayControl
) -> None:
    """Well-signed nonsense, so that it gets past the signature; and the control port, which asks for none."""
    wechat, loop = WechatMerchant(server.open_wechat_account("shop")), asyncio.get_running_loop()
    targets = ["/v3/pay/transactions/native", f"/v3/pay/transactions/out-trade-no/{NUMBER}/close"]
    targets += ["/v3/refund/domestic/refunds", "/v3/pay/transactions/codepay", "/v3/pay/transactions/jsapi"]
    known: dict[str, Any] = wechat.order()

    async def send(content: object, index: int, is_merged: bool) -> None:
        body = {**known, **content} if is_merged and isinstance(content, dict) else content
        text = json.dumps(body).replace("NaN", "null").replace("Infinity", "1")
        raw = text.encode("utf-8", "surrogatepass")
        target = targets[index % len(targets)]
        headers = {"Authorization": wechat.authorization("POST", target, raw), "Content-Type": "application/json"}
        answer = await wechat.client.post(target, content=raw, headers=headers)
        assert answer.status_code < 500, answer.text
        method = f"alipay.trade.{METHODS[index % len(METHODS)]}"
        said = await alipay.send(alipay.parameters(method, None, biz_content=text))
        assert said.status_code == 200
        assert next(iter(said.json().values()))["code"] in {"10000", "40002", "40004"}
        paths = ["alipay/pay", "wechat/notices/resend", "faults/calls", "clock/advance", "alipay/habits", "merchants"]
        deed = await wechat.client.post(f"{server.control_url}/control/{paths[index % 5]}", content=raw)
        assert deed.status_code in (200, 400, 409), deed.text

    def every() -> None:
        @hypothesis_settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(JSON, st.integers(0, 34), st.booleans())
        def run(content: object, index: int, is_merged: bool) -> None:
            asyncio.run_coroutine_threadsafe(send(content, index, is_merged), loop).result(60)

        run()

    await asyncio.to_thread(every)
    await wechat.client.aclose()
