"""The Alipay gateway over real HTTP: signatures both ways, codes before trades, close, cancel, refunds."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from vendomat.simulator.gateways import BuyerRefusedError, GatewayServer, GatewaySettings

from .merchant import AlipayMerchant, NoticeSink

QUERY = "alipay.trade.query"


async def paid(server: GatewayServer, alipay: AlipayMerchant, **more: Any) -> str:
    code = str((await alipay.precreate(**more))["qr_code"])
    server.alipay.pay(code, "ann")
    return code


def balance(server: GatewayServer, alipay: AlipayMerchant) -> int:
    return server.alipay.books_now.applications[alipay.account.app_id].balance_fen


@pytest.mark.parametrize("as_form", [False, True])
async def test_precreate_by_query_and_by_form(alipay: AlipayMerchant, as_form: bool) -> None:
    content = {"out_trade_no": "pay_0000000001", "total_amount": "3.50", "subject": "冰红茶"}
    method = "alipay.trade.precreate"
    answer = await alipay.send(alipay.parameters(method, content), as_form=as_form)
    assert answer.headers["content-type"] == "text/html;charset=utf-8"
    assert alipay.is_genuine(answer.text, method)
    assert not alipay.is_genuine(answer.text.replace("3", "4", 1).replace("pay_0000000001", "pay_0000000002"), method)
    response = answer.json()["alipay_trade_precreate_response"]
    assert response["code"] == "10000"
    assert response["qr_code"].startswith("https://qr.alipay.com/")
    assert "https:\\/\\/qr.alipay.com\\/" in answer.text


@pytest.mark.parametrize(
    ("spoilt", "sub_code"),
    [
        ({"app_id": ""}, "isv.missing-app-id"),
        ({"app_id": "2021", "sign": "x"}, "isv.invalid-app-id"),
        ({"sign": "eA=="}, "isv.invalid-signature"),
        ({"sign": ""}, "isv.missing-signature"),
        ({"sign_type": "RSA"}, "isv.invalid-signature-type"),
        ({"timestamp": "2026-13-01 00:00:00"}, "isv.invalid-timestamp"),
        ({"timestamp": ""}, "isv.missing-timestamp"),
        ({"version": ""}, "isv.missing-version"),
        ({"charset": "gbk"}, "isv.invalid-charset"),
        ({"biz_content": "{}"}, "isv.invalid-signature"),
        ({"method": "alipay.trade.close"}, "isv.invalid-signature"),
    ],
)
async def test_e11_gateway_errors_are_not_signed(alipay: AlipayMerchant, spoilt: dict[str, str], sub_code: str) -> None:
    parameters = alipay.parameters(QUERY, {"out_trade_no": "pay_0000000001"}) | spoilt
    answer = await alipay.send(parameters)
    assert answer.status_code == 200
    assert "sign" not in answer.json()
    (response,) = answer.json().values()
    assert response["sub_code"] == sub_code


async def test_unknown_method_is_an_error_response(alipay: AlipayMerchant) -> None:
    answer = await alipay.send(alipay.parameters("alipay.trade.unknown", {}))
    assert answer.json()["error_response"]["sub_code"] == "isv.invalid-method"


@pytest.mark.parametrize(
    "spoilt",
    [
        {"total_amount": "0.00"},
        {"total_amount": "3.505"},
        {"total_amount": 3.5},
        {"subject": "a=b"},
        {"subject": ""},
        {"timeout_express": "soon"},
        {"qr_code_timeout_express": "0m"},
        {"time_expire": "2030"},
    ],
)
async def test_wrong_parameters(alipay: AlipayMerchant, spoilt: dict[str, object]) -> None:
    assert (await alipay.precreate(**spoilt))["sub_code"] == "ACQ.INVALID_PARAMETER"


async def test_past_expiry_is_refused(alipay: AlipayMerchant) -> None:
    response = await alipay.precreate(time_expire="2020-01-01 00:00:00")
    assert response["sub_code"] == "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR"


async def test_a_code_is_no_trade_before_its_first_scan(server: GatewayServer, alipay: AlipayMerchant) -> None:
    code = (await alipay.precreate())["qr_code"]
    for verb in ("query", "close", "cancel"):
        assert (await alipay.call(verb))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert (await alipay.call("refund", refund_amount="3.50"))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    server.alipay.scan(code, "ann")
    waiting = await alipay.call("query")
    assert (waiting["trade_status"], waiting["total_amount"]) == ("WAIT_BUYER_PAY", "3.50")
    server.alipay.pay(code, "ann")
    assert (await alipay.call("query"))["trade_status"] == "TRADE_SUCCESS"
    assert (await alipay.call("query", out_trade_no="", trade_no=waiting["trade_no"]))["trade_status"] == (
        "TRADE_SUCCESS"
    )


async def test_a_number_has_one_code(server: GatewayServer, alipay: AlipayMerchant) -> None:
    code = (await alipay.precreate())["qr_code"]
    assert (await alipay.precreate())["sub_code"] == "ACQ.APPLY_PC_MERCHANT_CODE_ERROR"
    assert (await alipay.precreate(total_amount="3.51"))["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"
    server.alipay.pay(code, "ann")
    assert (await alipay.precreate())["sub_code"] == "ACQ.TRADE_HAS_SUCCESS"
    await alipay.call("refund", refund_amount="3.50")
    assert (await alipay.precreate())["sub_code"] == "ACQ.TRADE_HAS_SUCCESS"


async def test_close_ends_a_scanned_trade_once(server: GatewayServer, alipay: AlipayMerchant) -> None:
    code = (await alipay.precreate())["qr_code"]
    server.alipay.scan(code, "ann")
    assert (await alipay.call("close"))["code"] == "10000"
    assert (await alipay.call("close"))["sub_code"] == "ACQ.REASON_TRADE_STATUS_INVALID"
    assert (await alipay.call("query"))["trade_status"] == "TRADE_CLOSED"
    assert (await alipay.precreate())["sub_code"] == "ACQ.TRADE_HAS_CLOSE"
    with pytest.raises(BuyerRefusedError, match="order_closed"):
        server.alipay.pay(code, "ann", is_late=True)


async def test_close_of_a_paid_trade_is_refused(server: GatewayServer, alipay: AlipayMerchant) -> None:
    await paid(server, alipay)
    assert (await alipay.call("close"))["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


async def test_cancel_closes_or_refunds(server: GatewayServer, alipay: AlipayMerchant) -> None:
    server.alipay.scan((await alipay.precreate())["qr_code"], "ann")
    assert (await alipay.call("cancel"))["action"] == "close"
    await paid(server, alipay, number="pay_0000000002")
    before_fen = balance(server, alipay)
    answer = await alipay.call("cancel", out_trade_no="pay_0000000002")
    assert (answer["action"], answer["retry_flag"]) == ("refund", "N")
    assert balance(server, alipay) == before_fen - 350
    assert "action" not in await alipay.call("cancel", out_trade_no="pay_0000000002")
    assert balance(server, alipay) == before_fen - 350


class TestGenerousCancel:
    @pytest.fixture
    def settings(self) -> GatewaySettings:
        return GatewaySettings(alipay_cancel_voids_unscanned=True)

    async def test_cancel_may_be_set_to_end_an_unscanned_code(
        self, server: GatewayServer, alipay: AlipayMerchant
    ) -> None:
        code = (await alipay.precreate())["qr_code"]
        assert (await alipay.call("cancel"))["action"] == "close"
        with pytest.raises(BuyerRefusedError, match="order_closed"):
            server.alipay.scan(code, "ann")


async def test_code_time_out(server: GatewayServer, alipay: AlipayMerchant) -> None:
    code = (await alipay.precreate(qr_code_timeout_express="1m"))["qr_code"]
    await asyncio.sleep(0.25)
    with pytest.raises(BuyerRefusedError, match="order_expired"):
        server.alipay.scan(code, "ann")
    assert server.alipay.open_codes() == []
    assert (await alipay.call("query"))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert server.alipay.pay(code, "ann", is_late=True).state == "TRADE_SUCCESS"


async def test_trade_time_out_counts_from_the_scan(server: GatewayServer, alipay: AlipayMerchant) -> None:
    code = (await alipay.precreate(timeout_express="1m"))["qr_code"]
    await asyncio.sleep(0.25)
    server.alipay.scan(code, "ann")
    assert (await alipay.call("query"))["trade_status"] == "WAIT_BUYER_PAY"
    await asyncio.sleep(0.25)
    assert (await alipay.call("query"))["trade_status"] == "TRADE_CLOSED"


async def test_refunds_by_request_number(server: GatewayServer, alipay: AlipayMerchant) -> None:
    await paid(server, alipay)
    before_fen = balance(server, alipay)
    assert (await alipay.call("refund", refund_amount="1.00"))["sub_code"] == "ACQ.INVALID_PARAMETER"
    one = await alipay.call("refund", refund_amount="1.00", out_request_no="r1")
    assert (one["fund_change"], one["refund_fee"]) == ("Y", "1.00")
    again = await alipay.call("refund", refund_amount="1.00", out_request_no="r1")
    assert (again["fund_change"], again["refund_fee"]) == ("N", "1.00")
    other = await alipay.call("refund", refund_amount="1.01", out_request_no="r1")
    assert other["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"
    assert (await alipay.call("query"))["trade_status"] == "TRADE_SUCCESS"
    over = await alipay.call("refund", refund_amount="2.51", out_request_no="r2")
    assert over["sub_code"] == "ACQ.REASON_TRADE_REFUND_FEE_ERR"
    rest = await alipay.call("refund", refund_amount="2.50", out_request_no="r2")
    assert (rest["fund_change"], rest["refund_fee"]) == ("Y", "3.50")
    assert (await alipay.call("query"))["trade_status"] == "TRADE_CLOSED"
    assert (await alipay.call("refund", refund_amount="1.00", out_request_no="r1"))["fund_change"] == "N"
    assert balance(server, alipay) == before_fen - 350


async def test_refund_query(server: GatewayServer, alipay: AlipayMerchant) -> None:
    missing = await alipay.call("fastpay.refund.query", out_request_no="r1")
    assert missing["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    await paid(server, alipay)
    unknown = await alipay.call("fastpay.refund.query", out_request_no="r1")
    assert unknown == {"code": "10000", "msg": "Success"}
    await alipay.call("refund", refund_amount="1.00", out_request_no="r1")
    known = await alipay.call("fastpay.refund.query", out_request_no="r1")
    assert (known["refund_status"], known["refund_amount"]) == ("REFUND_SUCCESS", "1.00")


async def test_e09_refund_without_balance(server: GatewayServer, alipay: AlipayMerchant) -> None:
    await paid(server, alipay)
    server.alipay.set_balance(alipay.account.app_id, 99)
    refused = await alipay.call("refund", refund_amount="1.00", out_request_no="r1")
    assert refused["sub_code"] == "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    server.alipay.set_balance(alipay.account.app_id, 100)
    assert (await alipay.call("refund", refund_amount="1.00", out_request_no="r1"))["fund_change"] == "Y"


class TestSlowRefund:
    @pytest.fixture
    def settings(self) -> GatewaySettings:
        return GatewaySettings(alipay_refund_delay_s=0.1, fee_basis_points=0)

    @pytest.mark.parametrize(("outcome", "status", "lost_fen"), [("SUCCESS", "REFUND_SUCCESS", 350), ("FAILED", "", 0)])
    async def test_refund_under_way_says_nothing(
        self, server: GatewayServer, alipay: AlipayMerchant, outcome: str, status: str, lost_fen: int
    ) -> None:
        await paid(server, alipay)
        before_fen = balance(server, alipay)
        server.alipay.settle_next_refunds_as(outcome, 1)
        started = await alipay.call("refund", refund_amount="3.50", out_request_no="r1")
        assert started["fund_change"] == "N"
        assert "refund_status" not in await alipay.call("fastpay.refund.query", out_request_no="r1")
        await asyncio.sleep(0.15)
        assert (await alipay.call("fastpay.refund.query", out_request_no="r1")).get("refund_status", "") == status
        assert balance(server, alipay) == before_fen - lost_fen
        expected = "TRADE_CLOSED" if lost_fen else "TRADE_SUCCESS"
        assert (await alipay.call("query"))["trade_status"] == expected


async def test_payment_notice(server: GatewayServer, alipay: AlipayMerchant, sink: NoticeSink) -> None:
    await paid(server, alipay, notify_url=sink.url)
    notice = (await sink.wait_for(1))[0]
    assert notice.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert alipay.is_genuine_notice(notice.body)
    fields = dict(parse_qsl(notice.body.decode(), keep_blank_values=True))
    trade = await alipay.call("query")
    assert (fields["trade_status"], fields["trade_no"]) == ("TRADE_SUCCESS", trade["trade_no"])
    assert (fields["seller_id"], fields["total_amount"]) == (alipay.account.seller_id, "3.50")
    assert all(fields.values())
    assert json.loads(fields["fund_bill_list"])[0]["amount"] == "3.50"


async def test_other_merchants_trades_are_not_seen(server: GatewayServer, alipay: AlipayMerchant) -> None:
    await paid(server, alipay)
    other = AlipayMerchant(server.open_alipay_account("other"))
    assert (await other.call("query"))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    trade_no = (await alipay.call("query"))["trade_no"]
    assert (await other.call("query", trade_no=trade_no))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    await other.client.aclose()
