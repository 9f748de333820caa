"""WeChat Pay: what is sent for a payment, which answers are believed, and what each of them means."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature

from tests.cloud.payments.providers.scripted_platform import (
    APPID,
    MCHID,
    PUBLIC_KEY_ID,
    Answer,
    WeChatPen,
    refusal,
)
from tests.cloud.payments.providers.wechat_answers import NUMBER, check_signature, wechat_trade
from vendomat.cloud.payments.providers import CancelState, StartState, TradeState
from vendomat.kernel import Money, VendomatError


class TestStart:
    async def test_sends_a_signed_native_order(self, wechat, platform, wechat_pen, start_request, merchant_key):
        platform.say(wechat_pen.answer({"code_url": "weixin://wxpay/bizpayurl/up?pr=NwY5Mz9&groupid=00"}))
        started = await wechat.start(start_request)
        assert (started.state, started.code_url) == (
            StartState.STARTED,
            "weixin://wxpay/bizpayurl/up?pr=NwY5Mz9&groupid=00",
        )
        (request,) = platform.received
        assert (request.method, request.target) == ("POST", "/v3/pay/transactions/native")
        assert json.loads(request.body) == {
            "appid": APPID,
            "mchid": MCHID,
            "description": "Oolong tea 500 ml / cold & sweet",
            "out_trade_no": NUMBER,
            "notify_url": "https://vend.example/hooks/mer_1",
            "time_expire": "2026-01-01T08:02:00+08:00",
            "attach": "mac_7",
            "amount": {"total": 350, "currency": "CNY"},
        }
        assert request.headers["wechatpay-serial"] == PUBLIC_KEY_ID
        assert request.headers["user-agent"]
        assert request.headers["accept"] == request.headers["content-type"] == "application/json"
        check_signature(request, merchant_key)

    async def test_the_signature_test_above_can_fail(self, wechat, platform, wechat_pen, start_request, stranger_key):
        platform.say(wechat_pen.answer({"code_url": "weixin://x"}))
        await wechat.start(start_request)
        with pytest.raises(InvalidSignature):
            check_signature(platform.received[0], stranger_key)

    async def test_the_same_request_is_sent_with_the_same_body(
        self, wechat, platform, wechat_pen, clock, start_request
    ):
        platform.say(wechat_pen.answer({"code_url": "weixin://x"}))
        await wechat.start(start_request)
        await clock.advance(7)
        await wechat.start(start_request)
        assert platform.received[0].body == platform.received[1].body

    async def test_the_machine_is_named_as_device_where_an_address_is_set(
        self, open_account, wechat_settings, platform, wechat_pen, start_request
    ):
        platform.say(wechat_pen.answer({"code_url": "weixin://x"}))
        settings = wechat_settings | {"base_url": platform.url, "payer_client_ip": "192.0.2.7"}
        await open_account("wechat", settings).start(start_request)
        scene = json.loads(platform.received[0].body)["scene_info"]
        assert scene == {"payer_client_ip": "192.0.2.7", "device_id": "mac_7"}

    async def test_a_long_description_is_cut_between_characters(self, wechat, platform, wechat_pen, start_request):
        platform.say(wechat_pen.answer({"code_url": "weixin://x"}))
        await wechat.start(replace(start_request, description="乌龙茶" * 40))
        assert json.loads(platform.received[0].body)["description"] == "乌龙茶" * 14

    @pytest.mark.parametrize(
        "code", ["PARAM_ERROR", "APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS", "SIGN_ERROR", "NO_AUTH"]
    )
    async def test_a_definite_refusal_needs_no_question(self, wechat, platform, start_request, code):
        platform.say(refusal(400, code))
        started = await wechat.start(start_request)
        assert (started.state, started.error) == (StartState.REFUSED, f"{code}: because")
        assert len(platform.received) == 1

    @pytest.mark.parametrize(
        ("found", "state"),
        [
            (refusal(404, "ORDER_NOT_EXIST"), StartState.REFUSED),
            (wechat_trade(trade_state="CLOSED"), StartState.REFUSED),
            (wechat_trade(trade_state="NOTPAY"), StartState.UNKNOWN),
            (wechat_trade(), StartState.UNKNOWN),
            (refusal(500, "SYSTEM_ERROR"), StartState.UNKNOWN),
        ],
    )
    @pytest.mark.parametrize("code", ["OUT_TRADE_NO_USED", "INVALID_REQUEST", "ORDER_CLOSED", "BRAND_NEW_CODE"])
    async def test_a_doubtful_refusal_is_settled_by_a_query(
        self, wechat, platform, wechat_pen, start_request, code, found, state
    ):
        platform.say(refusal(403, code), found if isinstance(found, Answer) else wechat_pen.answer(found))
        assert (await wechat.start(start_request)).state is state

    @pytest.mark.parametrize(
        "answer",
        [
            refusal(500, "SYSTEM_ERROR"),
            refusal(502, "SERVICE_UNAVAILABLE"),
            refusal(429, "FREQUENCY_LIMITED"),
            Answer(503),
            Answer(302, b"", {"Location": "https://elsewhere.example/"}),
            Answer(is_reset=True),
            Answer(200, b'{"code_url":"weixin://forged"}'),
            Answer(202, b"{}"),
        ],
    )
    async def test_anything_else_is_not_known_and_not_asked_again(self, wechat, platform, start_request, answer):
        platform.say(answer)
        started = await wechat.start(start_request)
        assert started.state is StartState.UNKNOWN
        assert started.error
        assert not started.code_url
        assert len(platform.received) == 1

    async def test_silence_is_not_known_after_the_time_limit(self, wechat, platform, start_request):
        platform.say(Answer(delay_s=0.8))
        assert (await wechat.start(start_request)).state is StartState.UNKNOWN

    async def test_nobody_there_is_not_known(self, open_account, wechat_settings, start_request):
        assert (await open_account("wechat", wechat_settings).start(start_request)).state is StartState.UNKNOWN

    @pytest.mark.parametrize(
        "change",
        [
            {"amount": Money(0, "CNY")},
            {"amount": Money(-5, "CNY")},
            {"amount": Money(350, "USD")},
            {"description": "  "},
            {"notify_url": "/relative"},
            {"notify_url": "https://vend.example/?a=b"},
            {"notify_url": "https://vend.example/" + "x" * 255},
        ],
    )
    async def test_an_unfit_request_is_never_sent(self, wechat, platform, start_request, change):
        assert (await wechat.start(replace(start_request, **change))).state is StartState.REFUSED
        assert platform.received == []

    @pytest.mark.parametrize("number", ["short", "a|b|c|d", "pay/../../close", "x" * 33, "pay_1\n"])
    async def test_a_number_of_the_wrong_form_is_a_fault_of_ours(self, wechat, start_request, number):
        with pytest.raises(VendomatError):
            await wechat.start(replace(start_request, number=number))
        with pytest.raises(VendomatError):
            await wechat.look_up(number)


class TestWhatIsBelieved:
    """Each answer is a good "paid", but for one thing."""

    async def test_the_good_one(self, wechat, platform, wechat_pen):
        platform.say(wechat_pen.answer(wechat_trade()))
        assert (await wechat.look_up(NUMBER)).state is TradeState.PAID

    @pytest.mark.parametrize("age_s", [301, 3600, -301])
    async def test_not_an_answer_of_another_time(self, wechat, platform, wechat_pen, age_s):
        platform.say(wechat_pen.answer(wechat_trade(), age_s=age_s))
        assert (await wechat.look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_an_age_within_the_limit(self, wechat, platform, wechat_pen):
        platform.say(wechat_pen.answer(wechat_trade(), age_s=299))
        assert (await wechat.look_up(NUMBER)).state is TradeState.PAID

    @pytest.mark.parametrize(
        "changes",
        [
            {"Signature": ""},
            {"Signature": "WECHATPAY/SIGNTEST/abc"},
            {"Signature": "bm90IGEgc2lnbmF0dXJl"},
            {"Signature": "%%%"},
            {"Serial": ""},
            {"Serial": "PUB_KEY_ID_0000000000000000"},
            {"Serial": "AB" * 20},
            {"Serial": "0x_1_2_3_4_5_6"},
            {"Signature_Type": ""},
            {"Signature_Type": "WECHATPAY2-SM2-WITH-SM3"},
            {"Timestamp": ""},
            {"Timestamp": "-1"},
            {"Timestamp": "99999999999"},
            {"Timestamp": "1767225600.5"},
            {"Nonce": "other"},
        ],
    )
    async def test_not_an_answer_with_another_header(self, wechat, platform, wechat_pen, changes):
        platform.say(wechat_pen.answer(wechat_trade(), **changes))
        found = await wechat.look_up(NUMBER)
        assert (found.state, found.amount) == (TradeState.UNKNOWN, None)

    async def test_not_an_answer_of_a_stranger(self, wechat, platform, stranger_key, clock):
        platform.say(WeChatPen(stranger_key, clock).answer(wechat_trade()))
        assert (await wechat.look_up(NUMBER)).state is TradeState.UNKNOWN

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"trade_state":"SUCCESS"}', b"\xff", b"null"])
    async def test_not_a_signed_answer_that_makes_no_sense(self, wechat, platform, wechat_pen, body):
        platform.say(Answer(200, body, wechat_pen.headers(body)))
        assert (await wechat.look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_not_an_answer_too_large_to_read(self, wechat, platform, wechat_pen):
        platform.say(wechat_pen.answer(wechat_trade(bank_type="x" * 70_000)))
        assert "larger" in (await wechat.look_up(NUMBER)).error

    @pytest.mark.parametrize(
        "changes",
        [
            {"mchid": "1900000002"},
            {"appid": "wx0000000000000002"},
            {"out_trade_no": "pay_another"},
            {"trade_state": "REVOKED"},
            {"trade_state": "success"},
            {"transaction_id": ""},
            {"success_time": ""},
            {"success_time": "yesterday"},
            {"success_time": "2026-01-01T08:00:10"},
            {"amount": None},
            {"amount": {"total": 350, "currency": "USD"}},
            {"amount": {"total": 3.5, "currency": "CNY"}},
            {"amount": {"total": "350", "currency": "CNY"}},
            {"amount": {"total": 10**18, "currency": "CNY"}},
        ],
    )
    async def test_not_a_payment_that_is_not_wholly_ours(self, wechat, platform, wechat_pen, changes):
        platform.say(wechat_pen.answer(wechat_trade(**changes)))
        assert (await wechat.look_up(NUMBER)).state is TradeState.UNKNOWN


class TestLookUp:
    async def test_tells_all_of_a_payment(self, wechat, platform, wechat_pen, merchant_key):
        platform.say(wechat_pen.answer(wechat_trade()))
        found = await wechat.look_up(NUMBER)
        assert found.amount == Money(350, "CNY")
        assert found.transaction_id == "4200000000000000000000000001"
        assert (found.account, found.payer) == (MCHID, "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o")
        assert found.paid_at == datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC)
        assert found.raw["trade_type"] == "NATIVE"
        (request,) = platform.received
        assert request.target == f"/v3/pay/transactions/out-trade-no/{NUMBER}?mchid={MCHID}"
        check_signature(request, merchant_key)

    async def test_shows_an_amount_that_is_not_the_one_asked_for(self, wechat, platform, wechat_pen):
        platform.say(wechat_pen.answer(wechat_trade(amount={"total": 1, "currency": "CNY"})))
        assert (await wechat.look_up(NUMBER)).amount == Money(1, "CNY")

    @pytest.mark.parametrize(
        ("word", "state"),
        [("NOTPAY", TradeState.NOT_PAID), ("REFUND", TradeState.PAID), ("CLOSED", TradeState.CLOSED)],
    )
    async def test_knows_the_words(self, wechat, platform, wechat_pen, word, state):
        platform.say(wechat_pen.answer(wechat_trade(trade_state=word)))
        assert (await wechat.look_up(NUMBER)).state is state

    @pytest.mark.parametrize(
        ("answer", "state"),
        [
            (refusal(404, "ORDER_NOT_EXIST"), TradeState.NOT_FOUND),
            (refusal(404, "MCH_NOT_EXISTS"), TradeState.UNKNOWN),
            (Answer(404), TradeState.UNKNOWN),
            (refusal(400, "ORDER_NOT_EXIST"), TradeState.UNKNOWN),
            (refusal(401, "SIGN_ERROR"), TradeState.UNKNOWN),
            (refusal(429, "FREQUENCY_LIMITED"), TradeState.UNKNOWN),
            (refusal(500, "SYSTEM_ERROR"), TradeState.UNKNOWN),
        ],
    )
    async def test_only_one_answer_says_that_there_is_none(self, wechat, platform, answer, state):
        platform.say(answer)
        assert (await wechat.look_up(NUMBER)).state is state

    async def test_connections_are_kept(self, wechat, platform, wechat_pen):
        platform.say(wechat_pen.answer(wechat_trade()), Answer(is_reset=True), wechat_pen.answer(wechat_trade()))
        states = [(await wechat.look_up(NUMBER)).state for _ in range(3)]
        assert states == [TradeState.PAID, TradeState.UNKNOWN, TradeState.PAID]


class TestCancel:
    async def test_a_verified_204_closes(self, wechat, platform, wechat_pen):
        platform.say(wechat_pen.answer(None, status=204))
        assert (await wechat.cancel(NUMBER)).state is CancelState.CLOSED
        (request,) = platform.received
        assert request.target == f"/v3/pay/transactions/out-trade-no/{NUMBER}/close"
        assert json.loads(request.body) == {"mchid": MCHID}

    @pytest.mark.parametrize("first", [Answer(204), refusal(400, "ORDER_PAID"), Answer(500), Answer(is_reset=True)])
    @pytest.mark.parametrize(
        ("found", "state"),
        [
            (wechat_trade(trade_state="CLOSED"), CancelState.CLOSED),
            (wechat_trade(), CancelState.PAID),
            (wechat_trade(trade_state="NOTPAY"), CancelState.UNKNOWN),
            (refusal(404, "ORDER_NOT_EXIST"), CancelState.CLOSED),
            (refusal(500, "SYSTEM_ERROR"), CancelState.UNKNOWN),
        ],
    )
    async def test_anything_else_is_settled_by_a_query(self, wechat, platform, wechat_pen, first, found, state):
        platform.say(first, found if isinstance(found, Answer) else wechat_pen.answer(found))
        assert (await wechat.cancel(NUMBER)).state is state
