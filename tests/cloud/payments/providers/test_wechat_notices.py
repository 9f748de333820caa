"""WeChat Pay's notices: one good one of each kind, and everything that must be refused."""

from __future__ import annotations

import json

import pytest

from tests.cloud.payments.providers.scripted_platform import (
    APIV3_KEY,
    APPID,
    MCHID,
    WeChatPen,
    certificate_of,
    certificate_pem,
    seal,
)
from vendomat.cloud.payments.providers import NoticeKind, NoticeRefusedError, RefundState, TradeState
from vendomat.kernel import Money

PAYMENT = {
    "appid": APPID,
    "mchid": MCHID,
    "out_trade_no": "pay_00000000000000000000000001",
    "transaction_id": "4200000000000000000000000001",
    "trade_state": "SUCCESS",
    "success_time": "2026-01-01T08:00:10+08:00",
    "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
    "amount": {"total": 350, "payer_total": 350, "currency": "CNY", "payer_currency": "CNY"},
}
REFUND = {
    "mchid": MCHID,
    "transaction_id": "4200000000000000000000000001",
    "out_trade_no": "pay_00000000000000000000000001",
    "refund_id": "50000000000000000000000000001",
    "out_refund_no": "ref_00000000000000000000000001",
    "refund_status": "SUCCESS",
    "success_time": "2026-01-01T08:01:10+08:00",
    "user_received_account": "零钱",
    "amount": {"total": 350, "refund": 150, "payer_total": 350, "payer_refund": 150},
}


@pytest.fixture
def provider(open_account, wechat_settings):
    return open_account("wechat", wechat_settings)


async def refused(provider, headers, body):
    with pytest.raises(NoticeRefusedError) as refusal:
        await provider.read_notice(headers, body)
    assert refusal.value.reason
    return refusal.value


async def test_a_payment(provider, wechat_pen):
    body = wechat_pen.notice("TRANSACTION.SUCCESS", PAYMENT)
    notice = await provider.read_notice(wechat_pen.headers(body), body)
    assert (notice.kind, notice.notice_id, notice.refund) == (NoticeKind.PAYMENT, "notice-1", None)
    assert (notice.trade.state, notice.trade.number) == (TradeState.PAID, PAYMENT["out_trade_no"])
    assert (notice.trade.amount, notice.trade.account) == (Money(350, "CNY"), MCHID)


async def test_header_names_in_any_case(provider, wechat_pen):
    body = wechat_pen.notice("TRANSACTION.SUCCESS", PAYMENT)
    headers = wechat_pen.headers(body)
    for changed in (str.lower, str.upper):
        assert await provider.read_notice({changed(name): value for name, value in headers.items()}, body)


async def test_a_payment_of_another_amount_is_shown_as_it_is(provider, wechat_pen):
    body = wechat_pen.notice("TRANSACTION.SUCCESS", PAYMENT | {"amount": {"total": 1, "currency": "CNY"}})
    assert (await provider.read_notice(wechat_pen.headers(body), body)).trade.amount == Money(1, "CNY")


@pytest.mark.parametrize(
    ("word", "state"),
    [("SUCCESS", RefundState.SUCCEEDED), ("CLOSED", RefundState.CLOSED), ("ABNORMAL", RefundState.ABNORMAL)],
)
async def test_a_refund(provider, wechat_pen, word, state):
    body = wechat_pen.notice(f"REFUND.{word}", REFUND | {"refund_status": word})
    notice = await provider.read_notice(wechat_pen.headers(body), body)
    assert (notice.kind, notice.trade) == (NoticeKind.REFUND, None)
    assert (notice.refund.state, notice.refund.refund_number) == (state, REFUND["out_refund_no"])
    assert notice.refund.amount == Money(150, "CNY")
    assert notice.refund.raw["out_trade_no"] == REFUND["out_trade_no"]


async def test_signed_by_the_certificate_of_a_merchant_on_the_move(open_account, wechat_settings, stranger_key, clock):
    certificate = certificate_of(stranger_key, clock)
    settings = wechat_settings | {"platform_certificates": [certificate_pem(certificate)]}
    pen = WeChatPen(stranger_key, clock, serial=f"{certificate.serial_number:X}")
    body = pen.notice("TRANSACTION.SUCCESS", PAYMENT)
    assert await open_account("wechat", settings).read_notice(pen.headers(body), body)
    await refused(open_account("wechat", wechat_settings), pen.headers(body), body)


async def test_forged(provider, stranger_key, clock):
    pen = WeChatPen(stranger_key, clock)
    body = pen.notice("TRANSACTION.SUCCESS", PAYMENT)
    refusal = await refused(provider, pen.headers(body), body)
    assert (refusal.reason, refusal.is_probe) == ("the signature is wrong", False)


async def test_changed_on_the_way(provider, wechat_pen):
    body = wechat_pen.notice("TRANSACTION.SUCCESS", PAYMENT)
    refusal = await refused(provider, wechat_pen.headers(body), body.replace(b"notice-1", b"notice-2"))
    assert refusal.reason == "the signature is wrong"


async def test_signature_probe_is_refused_without_alarm(provider, wechat_pen):
    body = wechat_pen.notice("TRANSACTION.SUCCESS", PAYMENT)
    headers = wechat_pen.headers(body, Signature="WECHATPAY/SIGNTEST/sBOBuX9ZbaPGgV7a")
    assert (await refused(provider, headers, body)).is_probe


@pytest.mark.parametrize("age_s", [301, 86_400, -301])
async def test_of_another_time(provider, wechat_pen, age_s):
    body = wechat_pen.notice("TRANSACTION.SUCCESS", PAYMENT)
    assert "clock" in (await refused(provider, wechat_pen.headers(body, age_s=age_s), body)).reason


async def test_as_old_as_may_be(provider, wechat_pen):
    body = wechat_pen.notice("TRANSACTION.SUCCESS", PAYMENT)
    assert await provider.read_notice(wechat_pen.headers(body, age_s=300), body)


@pytest.mark.parametrize("name", ["Signature", "Timestamp", "Nonce", "Serial", "Signature-Type"])
async def test_without_a_header(provider, wechat_pen, name):
    body = wechat_pen.notice("TRANSACTION.SUCCESS", PAYMENT)
    headers = wechat_pen.headers(body)
    del headers[f"Wechatpay-{name}"]
    await refused(provider, headers, body)


@pytest.mark.parametrize("serial", ["PUB_KEY_ID_x", "CD" * 20, "zz", "-1", "1_0", "９"])
async def test_signed_by_a_serial_nobody_knows(provider, wechat_pen, serial):
    body = wechat_pen.notice("TRANSACTION.SUCCESS", PAYMENT)
    await refused(provider, wechat_pen.headers(body, Serial=serial), body)


async def test_too_large(provider, wechat_pen):
    body = wechat_pen.notice("TRANSACTION.SUCCESS", PAYMENT | {"bank_type": "x" * 65_536})
    assert "larger" in (await refused(provider, wechat_pen.headers(body), body)).reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"id":1}',
        b"<xml><return_code>SUCCESS</return_code></xml>",  # the old interface's refund notice
        b'{"id":"n","event_type":"TRANSACTION.SUCCESS","resource_type":"encrypt-resource","resource":"x"}',
        b'{"id":"n","event_type":"TRANSACTION.SUCCESS","resource_type":"plain","resource":{"algorithm":"NONE",'
        b'"ciphertext":"e30=","nonce":"0123456789ab"}}',
        b'{"id":"n","event_type":"TRANSACTION.SUCCESS","resource_type":"encrypt-resource","resource":{"algorithm":'
        b'"NONE","ciphertext":"e30=","nonce":"0123456789ab"}}',
        b'{"id":"n","event_type":"TRANSACTION.SUCCESS","resource_type":"encrypt-resource","resource":{"algorithm":'
        b'"AEAD_AES_256_GCM","ciphertext":"e30=","nonce":"short"}}',
    ],
)
async def test_signed_but_malformed(provider, wechat_pen, body):
    await refused(provider, wechat_pen.headers(body), body)


async def test_sealed_with_another_key(provider, wechat_pen):
    body = wechat_pen.notice("TRANSACTION.SUCCESS", PAYMENT, apiv3_key=APIV3_KEY[::-1])
    await refused(provider, wechat_pen.headers(body), body)


async def test_sealed_for_another_purpose(provider, wechat_pen):
    whole = json.loads(wechat_pen.notice("TRANSACTION.SUCCESS", PAYMENT))
    whole["resource"]["associated_data"] = "refund"
    body = json.dumps(whole).encode()
    await refused(provider, wechat_pen.headers(body), body)


async def test_sealed_without_associated_data(provider, wechat_pen):
    whole = json.loads(wechat_pen.notice("TRANSACTION.SUCCESS", PAYMENT))
    whole["resource"] = seal(PAYMENT, aad="")
    del whole["resource"]["associated_data"]
    body = json.dumps(whole).encode()
    assert await provider.read_notice(wechat_pen.headers(body), body)


@pytest.mark.parametrize(
    ("event", "resource"),
    [
        ("TRANSACTION.SUCCESS", PAYMENT | {"mchid": "1900000002"}),
        ("TRANSACTION.SUCCESS", PAYMENT | {"appid": "wx0000000000000002"}),
        ("TRANSACTION.SUCCESS", PAYMENT | {"amount": {"total": 350, "currency": "HKD"}}),
        ("TRANSACTION.SUCCESS", PAYMENT | {"trade_state": "NOTPAY"}),
        ("TRANSACTION.SUCCESS", PAYMENT | {"trade_state": "CLOSED"}),
        ("TRANSACTION.SUCCESS", PAYMENT | {"amount": None}),
        ("TRANSACTION.SUCCESS", "not json"),
        ("TRANSACTION.SUCCESS", REFUND),
        ("REFUND.SUCCESS", REFUND | {"mchid": "1900000002"}),
        ("REFUND.SUCCESS", REFUND | {"refund_status": "DONE"}),
        ("REFUND.SUCCESS", PAYMENT),
        ("PAYSCORE.USER_PAID", PAYMENT),
        ("", PAYMENT),
    ],
)
async def test_well_signed_but_not_for_us(provider, wechat_pen, event, resource):
    body = wechat_pen.notice(event, resource)
    await refused(provider, wechat_pen.headers(body), body)


def test_answers(provider):
    accepted, refused_ = provider.answer_notice(accepted=True), provider.answer_notice(accepted=False)
    assert (accepted.status, accepted.body) == (204, b"")
    assert refused_.status == 400
    assert json.loads(refused_.body)["code"] == "FAIL"
