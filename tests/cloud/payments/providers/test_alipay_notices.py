"""Alipay's notices: good ones, and everything that must be refused."""

from __future__ import annotations

import pytest

from tests.cloud.payments.providers.scripted_platform import APP_ID, SELLER_ID, AlipayPen, form
from vendomat.cloud.payments.providers import NoticeKind, NoticeRefusedError, TradeState
from vendomat.kernel import Money

PAID = {
    "notify_time": "2026-01-01 08:00:12",
    "notify_type": "trade_status_sync",
    "notify_id": "2026010100222080011000000000000001",
    "app_id": APP_ID,
    "auth_app_id": APP_ID,
    "charset": "utf-8",
    "version": "1.0",
    "trade_no": "2026010122001400000000000001",
    "out_trade_no": "pay_00000000000000000000000001",
    "buyer_id": "2088102169481075",
    "seller_id": SELLER_ID,
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "3.50",
    "subject": "乌龙茶 500 ml",
    "gmt_payment": "2026-01-01 08:00:10",
}


@pytest.fixture
def provider(open_account, alipay_settings):
    return open_account("alipay", alipay_settings)


async def refused(provider, body):
    with pytest.raises(NoticeRefusedError) as refusal:
        await provider.read_notice({}, body)
    return refusal.value.reason


async def test_a_payment(provider, alipay_pen):
    notice = await provider.read_notice({}, alipay_pen.notice(PAID))
    assert (notice.kind, notice.notice_id, notice.refund) == (NoticeKind.PAYMENT, PAID["notify_id"], None)
    assert (notice.trade.state, notice.trade.amount) == (TradeState.PAID, Money(350, "CNY"))
    assert (notice.trade.number, notice.trade.account) == (PAID["out_trade_no"], APP_ID)
    assert (notice.trade.payer, notice.trade.raw["subject"]) == ("2088102169481075", "乌龙茶 500 ml")


async def test_the_same_notice_twice_reads_the_same(provider, alipay_pen):
    body = alipay_pen.notice(PAID)
    assert await provider.read_notice({}, body) == await provider.read_notice({}, body)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"trade_status": "TRADE_FINISHED"}, TradeState.PAID),
        ({"trade_status": "TRADE_CLOSED", "gmt_refund": "2026-01-01 08:00:11", "refund_fee": "3.50"}, TradeState.PAID),
        ({"trade_status": "TRADE_CLOSED", "gmt_payment": ""}, TradeState.CLOSED),
        ({"trade_status": "WAIT_BUYER_PAY", "gmt_payment": ""}, TradeState.NOT_PAID),
    ],
)
async def test_other_states(provider, alipay_pen, changes, state):
    fields = {name: value for name, value in (PAID | changes).items() if value}
    assert (await provider.read_notice({}, alipay_pen.notice(fields))).trade.state is state


async def test_a_payment_of_another_amount_is_shown_as_it_is(provider, alipay_pen):
    notice = await provider.read_notice({}, alipay_pen.notice(PAID | {"total_amount": "0.01"}))
    assert notice.trade.amount == Money(1, "CNY")


async def test_forged(provider, stranger_key):
    assert await refused(provider, AlipayPen(stranger_key).notice(PAID))


async def test_changed_on_the_way(provider, alipay_pen):
    body = alipay_pen.notice(PAID)
    assert b"3.50" in body
    assert await refused(provider, body.replace(b"3.50", b"0.01"))


@pytest.mark.parametrize("sign", ["", "%%%", "bm90IGEgc2lnbmF0dXJl", None])
async def test_without_a_good_signature(provider, sign):
    assert await refused(provider, form(PAID | {"sign_type": "RSA2"} | ({} if sign is None else {"sign": sign})))


@pytest.mark.parametrize("sign_type", ["RSA", "", "NONE"])
async def test_with_another_algorithm(provider, alipay_pen, sign_type):
    body = alipay_pen.notice(PAID)
    assert await refused(provider, body.replace(b"sign_type=RSA2", f"sign_type={sign_type}".encode()))


@pytest.mark.parametrize(
    "notify_time", ["2026-01-01 07:54:59", "2026-01-01 08:05:01", "2025-12-31 08:00:00", "now", ""]
)
async def test_of_another_time(provider, alipay_pen, notify_time):
    assert await refused(provider, alipay_pen.notice(PAID | {"notify_time": notify_time}))


async def test_as_old_as_may_be(provider, alipay_pen, open_account, alipay_settings):
    body = alipay_pen.notice(PAID | {"notify_time": "2026-01-01 07:55:00"})
    assert await provider.read_notice({}, body)
    assert await refused(open_account("alipay", alipay_settings | {"notice_age_s_max": 60}), body)


@pytest.mark.parametrize(
    "changes",
    [
        {"app_id": "2021000000000002"},
        {"seller_id": "2088000000000002"},
        {"seller_id": ""},
        {"notify_type": "batch_refund_notify"},
        {"notify_id": ""},
        {"out_trade_no": ""},
        {"trade_status": "NEW_WORD"},
        {"trade_no": ""},
        {"total_amount": "3.5O"},
        {"total_amount": "-0.001"},
    ],
)
async def test_well_signed_but_not_for_us_or_not_complete(provider, alipay_pen, changes):
    assert await refused(provider, alipay_pen.notice(PAID | changes))


@pytest.mark.parametrize(
    "body", [b"", b"a", b"\xff=1", "名=1".encode(), b"a=%ff", b"{}", b"<xml/>", b"&".join([b"a=1"] * 101)]
)
async def test_malformed(provider, body):
    assert await refused(provider, body)


async def test_a_field_twice(provider, alipay_pen):
    assert "twice" in await refused(provider, alipay_pen.notice(PAID) + b"&total_amount=0.01")


async def test_too_large(provider, alipay_pen):
    assert "larger" in await refused(provider, alipay_pen.notice(PAID | {"body": "x" * 65_536}))


def test_answers(provider):
    assert provider.answer_notice(accepted=True).body == b"success"
    refused_ = provider.answer_notice(accepted=False)
    assert refused_.body != b"success"
    assert refused_.status == 400
