"""WeChat Pay over real HTTP: signatures both ways, orders, codes, close, refunds."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from vendomat.simulator.gateways import BuyerRefusal, BuyerRefusedError, GatewayServer
from vendomat.simulator.gateways.keys import serial_of
from vendomat.simulator.gateways.wechat import wire

from .merchant import NoticeSink, WechatMerchant


async def paid(server: GatewayServer, wechat: WechatMerchant, number: str = "pay_0000000001", **more: object) -> str:
    code = (await wechat.create(number, **more)).json()["code_url"]
    server.wechat.pay(code, "ann")
    return str(code)


async def test_e01_native_order_gives_a_code_under_the_platforms_signature(wechat: WechatMerchant) -> None:
    answer = await wechat.create()
    assert answer.status_code == 200
    assert answer.json()["code_url"].startswith("weixin://wxpay/bizpayurl/")
    assert wechat.is_genuine(answer.headers, answer.content)
    assert answer.headers["wechatpay-signature-type"] == "WECHATPAY2-SHA256-RSA2048"
    serials = {"public_key": wechat.account.public_key_id, "certificate": wechat.account.platform_serial_no}
    assert answer.headers["wechatpay-serial"] == serials[wechat.account.mode]
    assert not wechat.is_genuine(answer.headers, answer.content + b" ")


async def test_e01_the_request_may_choose_the_answer_key(wechat: WechatMerchant) -> None:
    asked = {"Wechatpay-Serial": wechat.account.public_key_id}
    answer = await wechat.call("POST", "/v3/pay/transactions/native", wechat.order(), **asked)
    assert answer.headers["wechatpay-serial"] == wechat.account.public_key_id
    assert wechat.is_genuine(answer.headers, answer.content)


@pytest.mark.parametrize(
    ("target", "message", "has_id"),
    [
        ("/v3/pay/transactions/out-trade-no/pay_1/", "", False),
        ("/v3/pay/transactions/out-trade-no/pay_000001?mchid=1", "签名信息错误，验签失败", False),
        (
            "/v3/certificates",
            "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》",
            True,
        ),
    ],
)
async def test_e02_garbled_authorization(wechat: WechatMerchant, target: str, message: str, has_id: bool) -> None:
    answer = await wechat.client.get(target, headers={"Authorization": 'WECHATPAY2-SHA256-RSA2048 mchid="1", x="2"'})
    if not message:
        assert (answer.status_code, answer.content) == (404, b"")
        return
    assert answer.status_code == 401
    assert answer.json() == {"code": "SIGN_ERROR", "message": message}
    assert ("request-id" in answer.headers) == has_id
    assert "wechatpay-signature" not in answer.headers


async def test_e02_missing_user_agent_is_seen_first_except_on_orders(wechat: WechatMerchant) -> None:
    del wechat.client.headers["user-agent"]
    answer = await wechat.client.get("/v3/certificates")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")
    assert (await wechat.create()).status_code == 200


@pytest.mark.parametrize("off_s", [-301, 302])
async def test_e02_old_timestamp_is_refused_before_the_signature(wechat: WechatMerchant, off_s: int) -> None:
    target = f"/v3/pay/transactions/out-trade-no/pay_000001?mchid={wechat.account.mchid}"
    header = wechat.authorization("GET", "/another", b"", timestamp=datetime.now(UTC).timestamp() + off_s)
    answer = await wechat.client.get(target, headers={"Authorization": header})
    assert answer.status_code == 401
    assert "不得超过5分钟" in answer.json()["message"]


@pytest.mark.parametrize("spoil", ["body", "query", "mchid", "serial"])
async def test_e02_wrong_signature(wechat: WechatMerchant, spoil: str) -> None:
    target = f"/v3/pay/transactions/out-trade-no/pay_000001?mchid={wechat.account.mchid}"
    header = wechat.authorization("GET", target, b"")
    if spoil == "mchid":
        header = header.replace(wechat.account.mchid, "1900000000")
    if spoil == "serial":
        header = header.replace(wechat.account.merchant_serial_no, "0" * 40)
    answer = await wechat.client.request(
        "GET",
        target + ("&x=1" if spoil == "query" else ""),
        content=b" " if spoil == "body" else b"",
        headers={"Authorization": header},
    )
    assert (answer.status_code, answer.json()) == (401, {"code": "SIGN_ERROR", "message": "签名错误"})


async def test_e02_raw_target_is_what_counts(wechat: WechatMerchant) -> None:
    """A client that sends `%7C` must have signed `%7C`; the number meant is the decoded one."""
    await wechat.create("pay|000001")
    target = f"/v3/pay/transactions/out-trade-no/pay%7C000001?mchid={wechat.account.mchid}"
    assert (await wechat.call("GET", target)).json()["out_trade_no"] == "pay|000001"


async def test_e12_absolute_form_request_target(wechat: WechatMerchant) -> None:
    target = f"/v3/pay/transactions/out-trade-no/pay_000001?mchid={wechat.account.mchid}"
    host = httpx.URL(wechat.account.base_url)
    reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
    writer.write(
        f"GET {wechat.account.base_url}{target} HTTP/1.1\r\nHost: x\r\nUser-Agent: x\r\n"
        f"Authorization: {wechat.authorization('GET', target, b'')}\r\nConnection: close\r\n\r\n".encode()
    )
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert b"ORDER_NOT_EXIST" in answer


async def test_e02_wrong_method_and_unknown_path_are_bare(wechat: WechatMerchant) -> None:
    for method, target, status in [("GET", "/v3/pay/transactions/native", 405), ("GET", "/v3/other", 404)]:
        answer = await wechat.call(method, target)
        assert (answer.status_code, answer.content) == (status, b"")


@pytest.mark.parametrize(
    ("spoilt", "field"),
    [
        ({"amount": {"total": 0, "currency": "CNY"}}, "/amount/total"),
        ({"amount": {"total": 3.5, "currency": "CNY"}}, "/amount/total"),
        ({"amount": {"total": 1, "currency": "USD"}}, "/amount/currency"),
        ({"out_trade_no": "short"}, "/out_trade_no"),
        ({"notify_url": "https://shop.example/x?y=1"}, "/notify_url"),
        ({"description": ""}, "/description"),
        ({"time_expire": "tomorrow"}, "/time_expire"),
        ({"time_expire": "2030-01-01T00:00:00"}, "/time_expire"),
    ],
)
async def test_wrong_parameters_name_their_field(wechat: WechatMerchant, spoilt: dict[str, object], field: str) -> None:
    answer = await wechat.call("POST", "/v3/pay/transactions/native", wechat.order() | spoilt)
    assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERROR")
    assert answer.json()["detail"]["field"] == field


async def test_missing_parameter(wechat: WechatMerchant) -> None:
    body = wechat.order()
    del body["amount"]["total"]
    answer = await wechat.call("POST", "/v3/pay/transactions/native", body)
    assert answer.json()["detail"]["field"] == "/amount/total"


async def test_other_merchant_and_other_appid(wechat: WechatMerchant) -> None:
    assert (await wechat.create(mchid="1900000001")).json()["code"] == "NO_AUTH"
    assert (await wechat.create(appid="wx0")).json()["code"] == "APPID_MCHID_NOT_MATCH"


async def test_e05_same_order_again_gives_a_new_code_and_kills_the_old(
    server: GatewayServer, wechat: WechatMerchant
) -> None:
    old = (await wechat.create()).json()["code_url"]
    new = (await wechat.create()).json()["code_url"]
    assert old != new
    with pytest.raises(BuyerRefusedError) as refused:
        server.wechat.pay(old, "ann")
    assert refused.value.reason in (BuyerRefusal.CODE_DEAD, BuyerRefusal.UNKNOWN_CODE)
    assert server.wechat.pay(new, "ann").state == "SUCCESS"


async def test_e05_same_number_with_other_parameters(wechat: WechatMerchant) -> None:
    await wechat.create()
    for more in ({"total": 351}, {"attach": "x"}, {"description": "水"}, {"scene_info": {"device_id": "B"}}):
        answer = await wechat.create(**more)
        assert (answer.status_code, answer.json()["code"]) == (403, "OUT_TRADE_NO_USED")
        assert answer.headers["request-id"].endswith("-268498688")


async def test_query_follows_the_order(server: GatewayServer, wechat: WechatMerchant) -> None:
    missing = await wechat.query()
    assert (missing.status_code, missing.json()["code"]) == (404, "ORDER_NOT_EXIST")
    code = (await wechat.create(attach="x")).json()["code_url"]
    unpaid = (await wechat.query()).json()
    assert unpaid["trade_state"] == "NOTPAY"
    assert "transaction_id" not in unpaid
    assert "trade_type" not in unpaid
    server.wechat.pay(code, "ann")
    answer = (await wechat.query()).json()
    assert (answer["trade_state"], answer["attach"], answer["amount"]["payer_total"]) == ("SUCCESS", "x", 350)
    assert len(answer["transaction_id"]) == 28
    target = f"/v3/pay/transactions/id/{answer['transaction_id']}?mchid={wechat.account.mchid}"
    assert (await wechat.call("GET", target)).json() == answer
    again = await wechat.create(attach="x")
    assert (again.status_code, again.json()["code"]) == (400, "ORDER_PAID")


async def test_query_needs_the_own_mchid(wechat: WechatMerchant) -> None:
    await wechat.create()
    target = "/v3/pay/transactions/out-trade-no/pay_0000000001"
    assert (await wechat.call("GET", target)).json()["code"] == "PARAM_ERROR"
    assert (await wechat.call("GET", f"{target}?mchid=1900000001")).json()["code"] == "NO_AUTH"


async def test_e03_close_is_signed_204_and_repeatable(server: GatewayServer, wechat: WechatMerchant) -> None:
    code = (await wechat.create()).json()["code_url"]
    for _ in range(2):
        answer = await wechat.close()
        assert (answer.status_code, answer.content) == (204, b"")
        assert wechat.is_genuine(answer.headers, b"")
    assert (await wechat.query()).json()["trade_state"] == "CLOSED"
    assert (await wechat.create()).json()["code"] == "ORDER_CLOSED"
    with pytest.raises(BuyerRefusedError, match="order_closed"):
        server.wechat.pay(code, "ann", is_late=True)


async def test_close_of_a_paid_order_is_refused(server: GatewayServer, wechat: WechatMerchant) -> None:
    await paid(server, wechat)
    answer = await wechat.close()
    assert (answer.status_code, answer.json()["code"]) == (400, "ORDER_PAID")
    assert (await wechat.query()).json()["trade_state"] == "SUCCESS"


async def test_e05_one_order_serves_one_buyer(server: GatewayServer, wechat: WechatMerchant) -> None:
    code = (await wechat.create()).json()["code_url"]
    server.wechat.scan(code, "ann")
    with pytest.raises(BuyerRefusedError, match="other_buyer"):
        server.wechat.pay(code, "bob")
    server.wechat.refuse(code, "ann")
    assert (await wechat.query()).json()["trade_state"] == "NOTPAY"
    server.wechat.pay(code, "ann")


async def test_expired_order_stays_unpaid_until_closed(server: GatewayServer, wechat: WechatMerchant) -> None:
    soon = wire.to_rfc3339(datetime.now(UTC) - timedelta(hours=1))
    code = (await wechat.create(time_expire=soon)).json()["code_url"]
    await asyncio.sleep(0.25)
    with pytest.raises(BuyerRefusedError, match="order_expired"):
        server.wechat.pay(code, "ann")
    assert (await wechat.query()).json()["trade_state"] == "NOTPAY"
    assert (await wechat.create(time_expire=soon)).json()["code"] == "ORDER_CLOSED"
    assert server.wechat.open_codes() == []
    server.wechat.pay(code, "ann", is_late=True)
    assert (await wechat.close()).json()["code"] == "ORDER_PAID"


async def test_refund_runs_to_success_with_notice(
    server: GatewayServer, wechat: WechatMerchant, sink: NoticeSink
) -> None:
    await paid(server, wechat)
    assert server.wechat.books_now.merchants[wechat.account.mchid].balance_fen == 100_350
    first = await wechat.refund("ref_1", 150, notify_url=sink.url)
    assert (first.status_code, first.json()["status"]) == (200, "PROCESSING")
    assert wechat.is_genuine(first.headers, first.content)
    assert (await wechat.refund("ref_1", 150, notify_url=sink.url)).json()["refund_id"] == first.json()["refund_id"]
    notice = (await sink.wait_for(1))[0]
    assert wechat.is_genuine(notice.headers, notice.body)
    resource = wechat.open_resource(notice.body)
    assert (resource["refund_status"], resource["amount"]["refund"]) == ("SUCCESS", 150)
    assert "status" not in resource
    assert (await wechat.query_refund("ref_1")).json()["status"] == "SUCCESS"
    assert (await wechat.query()).json()["trade_state"] == "REFUND"
    assert server.wechat.books_now.merchants[wechat.account.mchid].balance_fen == 100_200


async def test_refund_refusals(server: GatewayServer, wechat: WechatMerchant) -> None:
    assert (await wechat.refund("ref_1", 150)).json()["code"] == "RESOURCE_NOT_EXISTS"
    await wechat.create()
    assert (await wechat.refund("ref_1", 150)).json()["code"] == "INVALID_REQUEST"
    server.wechat.pay(server.wechat.code_of("pay_0000000001"), "ann")
    missing = await wechat.query_refund("ref_1")
    assert (missing.status_code, missing.json()["code"]) == (404, "RESOURCE_NOT_EXISTS")
    assert (await wechat.refund("ref_1", 351)).json()["code"] == "INVALID_REQUEST"
    assert (await wechat.refund("ref_1", 200)).status_code == 200
    other = await wechat.refund("ref_1", 100)
    assert (other.status_code, other.json()["code"]) == (400, "INVALID_REQUEST")
    assert (await wechat.refund("ref_2", 151)).json()["code"] == "INVALID_REQUEST"
    assert (await wechat.refund("ref_2", 150)).status_code == 200
    assert (await wechat.refund("ref_3", 1)).json()["code"] == "INVALID_REQUEST"


async def test_e09_refund_without_balance_succeeds_after_top_up(server: GatewayServer, wechat: WechatMerchant) -> None:
    await paid(server, wechat)
    server.wechat.set_balance(wechat.account.mchid, 100)
    answer = await wechat.refund("ref_1", 150)
    assert (answer.status_code, answer.json()["code"]) == (403, "NOT_ENOUGH")
    assert (await wechat.query_refund("ref_1")).status_code == 404
    server.wechat.set_balance(wechat.account.mchid, 150)
    assert (await wechat.refund("ref_1", 150)).status_code == 200
    assert server.wechat.books_now.merchants[wechat.account.mchid].balance_fen == 0


@pytest.mark.parametrize(("outcome", "balance_fen"), [("CLOSED", 100_350), ("ABNORMAL", 100_000)])
async def test_refund_may_end_badly(
    server: GatewayServer, wechat: WechatMerchant, outcome: str, balance_fen: int
) -> None:
    await paid(server, wechat)
    server.wechat.settle_next_refunds_as(outcome, 1)
    await wechat.refund("ref_1", 350)
    await asyncio.sleep(0.15)
    assert (await wechat.query_refund("ref_1")).json()["status"] == outcome
    assert (await wechat.refund("ref_1", 350)).json()["status"] == outcome
    assert server.wechat.books_now.merchants[wechat.account.mchid].balance_fen == balance_fen
    second = await wechat.refund("ref_2", 350)
    assert second.status_code == (200 if outcome == "CLOSED" else 400)


async def test_e01_certificates_are_sealed_for_the_merchant(wechat: WechatMerchant) -> None:
    answer = await wechat.call("GET", "/v3/certificates")
    if wechat.account.mode == "public_key":
        assert answer.status_code == 404
        return
    entry = answer.json()["data"][0]
    sealed = entry["encrypt_certificate"]
    pem = wire.unseal(
        wechat.account.apiv3_key.encode(), sealed["nonce"], sealed["associated_data"], sealed["ciphertext"]
    )
    assert pem == wechat.account.platform_certificate_pem.encode()
    assert entry["serial_no"] == serial_of(pem.decode()) == wechat.account.platform_serial_no
    assert len(entry["serial_no"]) == 40
    assert len(base64.b64decode(sealed["ciphertext"])) == len(pem) + 16


async def test_payment_notice(server: GatewayServer, wechat: WechatMerchant, sink: NoticeSink) -> None:
    await paid(server, wechat, notify_url=sink.url)
    notice = (await sink.wait_for(1))[0]
    assert wechat.is_genuine(notice.headers, notice.body)
    assert wechat.open_resource(notice.body) == (await wechat.query()).json()
