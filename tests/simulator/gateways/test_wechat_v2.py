"""WeChat Pay v2 as emulated: every published error that can happen, the signatures, and the certificate."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from vendomat.kernel import ManualClock
from vendomat.simulator.gateways import BuyerRefusedError, GatewayServer, GatewaySettings, Habits, WechatAccount
from vendomat.simulator.gateways.keys import KeySource
from vendomat.simulator.gateways.wechat import v2_wire
from vendomat.simulator.gateways.wechat.v2_refusals import V2Code

NUMBER = "pay_0000000001"


class V2Merchant:
    """Writes and reads v2 by hand."""

    def __init__(self, server: GatewayServer, account: WechatAccount, folder: Path) -> None:
        self.server = server
        self.account = account
        self.clock: ManualClock
        tls = ssl.create_default_context(cadata=account.ca_certificate_pem)
        self.bare = httpx.AsyncClient(base_url=account.certificate_url, verify=tls, trust_env=False, timeout=30)
        pair = folder / "merchant.pem"
        pair.write_text(account.merchant_certificate_pem + account.merchant_private_key_pem)
        tls = ssl.create_default_context(cadata=account.ca_certificate_pem)
        tls.verify_flags |= ssl.VERIFY_X509_STRICT  # what newer Pythons do by themselves
        tls.load_cert_chain(pair)
        self.client = httpx.AsyncClient(base_url=account.certificate_url, verify=tls, trust_env=False, timeout=30)

    def show(self, payer: str = "ann") -> str:
        return self.server.wechat.show_code(payer).code

    def signed(self, fields: dict[str, str], *, sign_type: str = "HMAC-SHA256", key: str = "") -> bytes:
        said = {"appid": self.account.appid, "mch_id": self.account.mchid, "nonce_str": "n" * 16} | fields
        said["sign_type"] = sign_type
        said["sign"] = v2_wire.sign(said, key or self.account.apiv2_key, sign_type)
        return v2_wire.write_xml({name: value for name, value in said.items() if value})

    def charge_fields(self, **fields: str) -> dict[str, str]:
        return {
            "body": "Tea",
            "out_trade_no": NUMBER,
            "total_fee": "350",
            "spbill_create_ip": "127.0.0.1",
            "auth_code": fields.get("auth_code") or self.show(),
        } | fields

    async def send(self, path: str, body: bytes, *, client: httpx.AsyncClient | None = None) -> httpx.Response:
        return await (client or self.client).post(path, content=body)

    async def ask(self, path: str, **fields: str) -> dict[str, str]:
        answer = await self.send(path, self.signed(fields))
        assert answer.status_code == 200
        said = v2_wire.read_xml(answer.text)
        assert said is not None
        if said["return_code"] == "SUCCESS":
            assert said["sign"] == v2_wire.sign(said, self.account.apiv2_key, "HMAC-SHA256")
        return said

    async def charge(self, **fields: str) -> dict[str, str]:
        return await self.ask("/pay/micropay", **self.charge_fields(**fields))


@pytest.fixture
async def merchant(key_source: KeySource, tmp_path: Path) -> AsyncIterator[V2Merchant]:
    clock = ManualClock(datetime(2040, 1, 1, tzinfo=UTC))  # TLS goes by the machine's clock, which is another
    server = GatewayServer(GatewaySettings(), clock, make_key=key_source)
    await server.start()
    merchant = V2Merchant(server, server.open_wechat_account("小卖部"), tmp_path)
    merchant.clock = clock
    yield merchant
    await merchant.client.aclose()
    await merchant.bare.aclose()
    await server.stop()


async def test_a_charge_its_query_and_its_reverse(merchant: V2Merchant):
    said = await merchant.charge()
    assert (said["result_code"], said["trade_type"], said["total_fee"]) == ("SUCCESS", "MICROPAY", "350")
    found = await merchant.ask("/pay/orderquery", out_trade_no=NUMBER)
    assert (found["trade_state"], found["transaction_id"]) == ("SUCCESS", said["transaction_id"])
    early = await merchant.ask("/secapi/pay/reverse", out_trade_no=NUMBER)
    assert (early["result_code"], early["recall"]) == ("FAIL", "Y")
    await merchant.clock.advance(15)
    assert (await merchant.ask("/secapi/pay/reverse", out_trade_no=NUMBER))["recall"] == "N"
    assert (await merchant.ask("/pay/orderquery", out_trade_no=NUMBER))["trade_state"] == "REVOKED"
    await merchant.clock.advance(8 * 24 * 3600)
    assert (await merchant.ask("/secapi/pay/reverse", out_trade_no=NUMBER))["result_code"] == "SUCCESS"


async def test_a_charge_of_last_week_is_not_reversed(merchant: V2Merchant):
    await merchant.charge()
    await merchant.clock.advance(8 * 24 * 3600)
    assert (await merchant.ask("/secapi/pay/reverse", out_trade_no=NUMBER))["err_code"] == V2Code.REVERSE_EXPIRE


async def test_both_signatures(merchant: V2Merchant):
    for sign_type in ("MD5", "HMAC-SHA256"):
        body = merchant.signed({"out_trade_no": "pay_unknown"}, sign_type=sign_type)
        said = v2_wire.read_xml((await merchant.send("/pay/orderquery", body)).text)
        assert said is not None and said["err_code"] == V2Code.ORDERNOTEXIST
        assert said["sign"] == v2_wire.sign(said, merchant.account.apiv2_key, sign_type)


async def test_a_wrong_signature(merchant: V2Merchant):
    answer = await merchant.send("/pay/orderquery", merchant.signed({"out_trade_no": NUMBER}, key="k" * 32))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain")
    assert "<return_code><![CDATA[FAIL]]>" in answer.text and "签名错误" in answer.text


async def test_a_reverse_without_the_certificate_changes_nothing(merchant: V2Merchant):
    await merchant.charge()
    await merchant.clock.advance(15)
    body = merchant.signed({"out_trade_no": NUMBER})
    plain = httpx.AsyncClient(base_url=merchant.account.base_url, trust_env=False, timeout=30)
    for client in (merchant.bare, plain):
        assert "FAIL" in (await merchant.send("/secapi/pay/reverse", body, client=client)).text
    await plain.aclose()
    assert (await merchant.ask("/pay/orderquery", out_trade_no=NUMBER))["trade_state"] == "SUCCESS"


# each code of the published list: how it comes about


async def bare_text(merchant: V2Merchant, body: bytes, method: str = "POST") -> str:
    answer = await merchant.client.request(method, "/pay/micropay", content=body)
    said = v2_wire.read_xml(answer.text)
    assert said is not None and said["return_code"] == "FAIL"
    return said["err_code"]


async def signed_code(merchant: V2Merchant, fields: dict[str, str]) -> str:
    said = v2_wire.read_xml((await merchant.send("/pay/micropay", merchant.signed(fields))).text)
    assert said is not None
    return said["err_code"]


async def of_wallet(merchant: V2Merchant, **habits: Any) -> str:
    merchant.server.wechat.set_habits("ann", Habits(**habits))
    return (await merchant.charge())["err_code"]


async def of_second_charge(merchant: V2Merchant, **fields: str) -> str:
    return (await merchant.charge(**({"auth_code": merchant.show("bob")} | fields)))["err_code"]


async def of_repeated(merchant: V2Merchant) -> str:
    await merchant.charge()
    return await of_second_charge(merchant)


async def of_other_terms(merchant: V2Merchant) -> str:
    await merchant.charge()
    return await of_second_charge(merchant, total_fee="351")


async def of_reversed(merchant: V2Merchant) -> str:
    await merchant.charge()
    await merchant.clock.advance(15)
    await merchant.ask("/secapi/pay/reverse", out_trade_no=NUMBER)
    return await of_second_charge(merchant)


async def of_declined(merchant: V2Merchant) -> str:
    await of_wallet(merchant, asks_password=True)
    merchant.server.wechat.decline(NUMBER, "ann")
    return await of_second_charge(merchant)


async def of_other_buyer(merchant: V2Merchant) -> str:
    await of_wallet(merchant, asks_password=True)
    return await of_second_charge(merchant)


async def of_old_code(merchant: V2Merchant) -> str:
    code = merchant.show()
    await merchant.clock.advance(60)
    return await of_second_charge(merchant, auth_code=code)


async def of_other_appid(merchant: V2Merchant) -> str:
    other = merchant.server.open_wechat_account("another")
    return await signed_code(merchant, merchant.charge_fields() | {"appid": other.appid})


async def of_early_reverse(merchant: V2Merchant) -> str:
    await merchant.charge()
    return (await merchant.ask("/secapi/pay/reverse", out_trade_no=NUMBER))["err_code"]


async def of_merchant_without_key(merchant: V2Merchant) -> str:
    return await bare_text(merchant, merchant.signed({"mch_id": "19", "out_trade_no": NUMBER}))


async def of_missing_certificate(merchant: V2Merchant) -> str:
    body = merchant.signed({"out_trade_no": NUMBER})
    said = v2_wire.read_xml((await merchant.send("/secapi/pay/reverse", body, client=merchant.bare)).text)
    assert said is not None
    return said["err_code"]


WAYS = {
    "SYSTEMERROR": of_early_reverse,
    "PARAM_ERROR": lambda m: signed_code(m, m.charge_fields(total_fee="3.50")),
    "ORDERPAID": of_repeated,
    "NOAUTH": of_missing_certificate,
    "AUTHCODEEXPIRE": of_old_code,
    "NOTENOUGH": lambda m: of_wallet(m, balance_fen=1),
    "NOTSUPORTCARD": lambda m: of_wallet(m, refuses_card=True),
    "ORDERCLOSED": of_declined,
    "ORDERREVERSED": of_reversed,
    "BANKERROR": lambda m: of_wallet(m, has_bank_trouble=True),
    "USERPAYING": lambda m: of_wallet(m, asks_password=True),
    "AUTH_CODE_ERROR": lambda m: of_second_charge(m, auth_code="280000000000000000"),
    "AUTH_CODE_INVALID": lambda m: of_second_charge(m, auth_code="130000000000000000"),
    "XML_FORMAT_ERROR": lambda m: bare_text(m, b"<xml><a>1</b></xml>"),
    "REQUIRE_POST_METHOD": lambda m: bare_text(m, b"", "GET"),
    "SIGNERROR": lambda m: bare_text(m, m.signed({}, key="k" * 32)),
    "LACK_PARAMS": lambda m: signed_code(m, {"out_trade_no": NUMBER}),
    "NOT_UTF8": lambda m: bare_text(m, "<xml><body>茶</body></xml>".encode("gbk")),
    "BUYER_MISMATCH": of_other_buyer,
    "APPID_NOT_EXIST": lambda m: signed_code(m, m.charge_fields() | {"appid": "wx0"}),
    "MCHID_NOT_EXIST": of_merchant_without_key,
    "OUT_TRADE_NO_USED": of_other_terms,
    "APPID_MCHID_NOT_MATCH": of_other_appid,
}


def test_the_published_list_is_whole():
    assert set(WAYS) | {V2Code.ORDERNOTEXIST, V2Code.REVERSE_EXPIRE} == set(V2Code)


async def test_e08_every_published_code_comes_about(merchant: V2Merchant, tmp_path: Path):
    """One server for all: each way uses a merchant, a buyer and a clock that move on."""
    for number, (code, way) in enumerate(WAYS.items()):
        fresh = V2Merchant(merchant.server, merchant.server.open_wechat_account(f"shop {number}"), tmp_path)
        fresh.clock = merchant.clock
        merchant.server.wechat.set_habits("ann", Habits())
        try:
            assert await way(fresh) == code
        finally:
            await fresh.client.aclose()
            await fresh.bare.aclose()


async def test_the_buyer_decides_once(merchant: V2Merchant):
    await of_wallet(merchant, asks_password=True)
    platform = merchant.server.wechat
    assert [view.number for view in platform.waiting("ann")] == [NUMBER]
    with pytest.raises(BuyerRefusedError):
        platform.confirm(NUMBER, "bob")
    platform.confirm(NUMBER, "ann")
    with pytest.raises(BuyerRefusedError):
        platform.decline(NUMBER, "ann")
    assert platform.waiting("ann") == []
    assert platform.notices() == []  # the platform tells nobody of such a payment
