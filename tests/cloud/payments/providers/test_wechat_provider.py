"""WeChat Pay: what is sent, which answers are believed, and what each of them means."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.cloud.payments.providers.scripted_platform import (
    APPID,
    MCHID,
    PUBLIC_KEY_ID,
    Answer,
    Received,
    WeChatPen,
    certificate_of,
    certificate_pem,
    refusal,
    seal,
)
from vendomat.cloud.payments.providers import CancelState, RefundState, StartState, TradeState
from vendomat.kernel import Money, VendomatError

NUMBER = "pay_00000000000000000000000001"


def trade(**changes):
    return {
        "appid": APPID,
        "mchid": MCHID,
        "out_trade_no": NUMBER,
        "transaction_id": "4200000000000000000000000001",
        "trade_type": "NATIVE",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "success_time": "2026-01-01T08:00:10+08:00",
        "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
        "amount": {"total": 350, "payer_total": 300, "currency": "CNY", "payer_currency": "CNY"},
    } | changes


def refunded(**changes):
    return {
        "refund_id": "50000000000000000000000000001",
        "out_refund_no": "ref_00000000000000000000000001",
        "transaction_id": "4200000000000000000000000001",
        "out_trade_no": NUMBER,
        "channel": "ORIGINAL",
        "status": "PROCESSING",
        "create_time": "2026-01-01T08:01:00+08:00",
        "amount": {"total": 350, "refund": 150, "payer_total": 350, "payer_refund": 150, "currency": "CNY"},
    } | changes


def check_signature(request: Received, merchant_key) -> None:
    fields = dict(re.findall(r'(\w+)="([^"]*)"', request.headers["authorization"]))
    text = f"{request.method}\n{request.target}\n{fields['timestamp']}\n{fields['nonce_str']}\n".encode()
    merchant_key.public_key().verify(
        base64.b64decode(fields["signature"]), text + request.body + b"\n", padding.PKCS1v15(), hashes.SHA256()
    )


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
            (trade(trade_state="CLOSED"), StartState.REFUSED),
            (trade(trade_state="NOTPAY"), StartState.UNKNOWN),
            (trade(), StartState.UNKNOWN),
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
        platform.say(wechat_pen.answer(trade()))
        assert (await wechat.look_up(NUMBER)).state is TradeState.PAID

    @pytest.mark.parametrize("age_s", [301, 3600, -301])
    async def test_not_an_answer_of_another_time(self, wechat, platform, wechat_pen, age_s):
        platform.say(wechat_pen.answer(trade(), age_s=age_s))
        assert (await wechat.look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_an_age_within_the_limit(self, wechat, platform, wechat_pen):
        platform.say(wechat_pen.answer(trade(), age_s=299))
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
        platform.say(wechat_pen.answer(trade(), **changes))
        found = await wechat.look_up(NUMBER)
        assert (found.state, found.amount) == (TradeState.UNKNOWN, None)

    async def test_not_an_answer_of_a_stranger(self, wechat, platform, stranger_key, clock):
        platform.say(WeChatPen(stranger_key, clock).answer(trade()))
        assert (await wechat.look_up(NUMBER)).state is TradeState.UNKNOWN

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"trade_state":"SUCCESS"}', b"\xff", b"null"])
    async def test_not_a_signed_answer_that_makes_no_sense(self, wechat, platform, wechat_pen, body):
        platform.say(Answer(200, body, wechat_pen.headers(body)))
        assert (await wechat.look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_not_an_answer_too_large_to_read(self, wechat, platform, wechat_pen):
        platform.say(wechat_pen.answer(trade(bank_type="x" * 70_000)))
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
        platform.say(wechat_pen.answer(trade(**changes)))
        assert (await wechat.look_up(NUMBER)).state is TradeState.UNKNOWN


class TestLookUp:
    async def test_tells_all_of_a_payment(self, wechat, platform, wechat_pen, merchant_key):
        platform.say(wechat_pen.answer(trade()))
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
        platform.say(wechat_pen.answer(trade(amount={"total": 1, "currency": "CNY"})))
        assert (await wechat.look_up(NUMBER)).amount == Money(1, "CNY")

    @pytest.mark.parametrize(
        ("word", "state"),
        [("NOTPAY", TradeState.NOT_PAID), ("REFUND", TradeState.PAID), ("CLOSED", TradeState.CLOSED)],
    )
    async def test_knows_the_words(self, wechat, platform, wechat_pen, word, state):
        platform.say(wechat_pen.answer(trade(trade_state=word)))
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
        platform.say(wechat_pen.answer(trade()), Answer(is_reset=True), wechat_pen.answer(trade()))
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
            (trade(trade_state="CLOSED"), CancelState.CLOSED),
            (trade(), CancelState.PAID),
            (trade(trade_state="NOTPAY"), CancelState.UNKNOWN),
            (refusal(404, "ORDER_NOT_EXIST"), CancelState.CLOSED),
            (refusal(500, "SYSTEM_ERROR"), CancelState.UNKNOWN),
        ],
    )
    async def test_anything_else_is_settled_by_a_query(self, wechat, platform, wechat_pen, first, found, state):
        platform.say(first, found if isinstance(found, Answer) else wechat_pen.answer(found))
        assert (await wechat.cancel(NUMBER)).state is state


class TestRefund:
    async def test_sends_numbers_amounts_and_always_a_notify_address(
        self, wechat, platform, wechat_pen, refund_request, merchant_key
    ):
        platform.say(wechat_pen.answer(refunded()))
        answer = await wechat.refund(refund_request)
        assert (answer.state, answer.amount) == (RefundState.PROCESSING, Money(150, "CNY"))
        assert answer.refund_id == "50000000000000000000000000001"
        (request,) = platform.received
        assert json.loads(request.body) == {
            "out_trade_no": NUMBER,
            "out_refund_no": refund_request.refund_number,
            "reason": "not delivered",
            "notify_url": "https://vend.example/hooks/mer_1",
            "amount": {"refund": 150, "total": 350, "currency": "CNY"},
        }
        check_signature(request, merchant_key)

    @pytest.mark.parametrize(
        ("word", "state"),
        [
            ("SUCCESS", RefundState.SUCCEEDED),
            ("CLOSED", RefundState.CLOSED),
            ("ABNORMAL", RefundState.ABNORMAL),
            ("NEW_WORD", RefundState.UNKNOWN),
        ],
    )
    async def test_knows_the_words(self, wechat, platform, wechat_pen, refund_request, word, state):
        platform.say(wechat_pen.answer(refunded(status=word)))
        assert (await wechat.refund(refund_request)).state is state
        assert (await wechat.look_up_refund(refund_request)).state is state

    @pytest.mark.parametrize(
        "changes",
        [
            {"out_refund_no": "ref_another"},
            {"out_trade_no": "pay_another"},
            {"amount": {"total": 350, "refund": 151, "currency": "CNY"}},
            {"amount": {"total": 350, "refund": 150, "currency": "USD"}},
        ],
    )
    async def test_another_refund_is_not_this_one(self, wechat, platform, wechat_pen, refund_request, changes):
        platform.say(wechat_pen.answer(refunded(status="SUCCESS", **changes)))
        assert (await wechat.refund(refund_request)).state is RefundState.UNKNOWN
        assert (await wechat.look_up_refund(refund_request)).state is RefundState.UNKNOWN

    @pytest.mark.parametrize(
        ("status", "code"), [(403, "NOT_ENOUGH"), (403, "USER_ACCOUNT_ABNORMAL"), (400, "INVALID_REQUEST")]
    )
    async def test_a_refusal_counts_when_a_query_finds_nothing(self, wechat, platform, refund_request, status, code):
        platform.say(refusal(status, code), refusal(404, "RESOURCE_NOT_EXISTS"))
        answer = await wechat.refund(refund_request)
        assert (answer.state, answer.error) == (RefundState.REFUSED, f"{code}: because")

    async def test_a_refusal_of_a_refund_that_exists_is_none(self, wechat, platform, wechat_pen, refund_request):
        platform.say(refusal(400, "INVALID_REQUEST"), wechat_pen.answer(refunded(status="SUCCESS")))
        assert (await wechat.refund(refund_request)).state is RefundState.SUCCEEDED

    async def test_a_refusal_is_not_known_while_the_query_fails(self, wechat, platform, refund_request):
        platform.say(refusal(403, "NOT_ENOUGH"), Answer(500))
        assert (await wechat.refund(refund_request)).state is RefundState.UNKNOWN

    @pytest.mark.parametrize(
        "answer", [refusal(429, "FREQUENCY_LIMITED"), refusal(500, "SYSTEM_ERROR"), Answer(is_reset=True)]
    )
    async def test_no_answer_is_not_known(self, wechat, platform, refund_request, answer):
        platform.say(answer)
        assert (await wechat.refund(refund_request)).state is RefundState.UNKNOWN
        assert len(platform.received) == 1

    @pytest.mark.parametrize(
        ("answer", "state"),
        [
            (refusal(404, "RESOURCE_NOT_EXISTS"), RefundState.NOT_ACCEPTED),
            (refusal(404, "MCH_NOT_EXISTS"), RefundState.UNKNOWN),
            (refusal(401, "SIGN_ERROR"), RefundState.UNKNOWN),
            (Answer(404), RefundState.UNKNOWN),
        ],
    )
    async def test_only_one_answer_says_that_there_is_none(self, wechat, platform, refund_request, answer, state):
        platform.say(answer)
        assert (await wechat.look_up_refund(refund_request)).state is state

    @pytest.mark.parametrize("amount", [Money(351, "CNY"), Money(0, "CNY"), Money(1, "USD")])
    async def test_an_impossible_refund_is_never_sent(self, wechat, platform, refund_request, amount):
        assert (await wechat.refund(replace(refund_request, amount=amount))).state is RefundState.REFUSED
        assert platform.received == []


class TestCertificateMode:
    @pytest.fixture
    def certificate(self, platform_key, clock):
        return certificate_of(platform_key, clock)

    @pytest.fixture
    def settings(self, wechat_settings, platform):
        keyless = {name: value for name, value in wechat_settings.items() if not name.startswith("public_key")}
        return keyless | {"base_url": platform.url, "timeout_s": 0.5}

    @pytest.fixture
    def pen(self, platform_key, clock, certificate):
        return WeChatPen(platform_key, clock, serial=f"{certificate.serial_number:X}")

    @staticmethod
    def listing(pen, *certificates):
        rows = [
            {
                "serial_no": f"{certificate.serial_number:X}",
                "effective_time": "2026-01-01T00:00:00+08:00",
                "expire_time": "2031-01-01T00:00:00+08:00",
                "encrypt_certificate": seal(certificate_pem(certificate), aad="certificate"),
            }
            for certificate in certificates
        ]
        return pen.answer({"data": rows})

    def serve(self, platform, pen, *certificates):
        """Certificates when asked for them, else a payment."""
        listing = self.listing(pen, *certificates)
        platform.say(lambda request: listing if request.target == "/v3/certificates" else pen.answer(trade()))

    def fetches(self, platform):
        return sum(request.target == "/v3/certificates" for request in platform.received)

    async def test_fetches_the_certificates_once(self, open_account, settings, platform, pen, certificate):
        self.serve(platform, pen, certificate)
        provider = open_account("wechat", settings)
        assert platform.received == []  # opening an account calls nobody
        assert [(await provider.look_up(NUMBER)).state for _ in range(3)] == [TradeState.PAID] * 3
        assert self.fetches(platform) == 1

    async def test_the_first_answers_wait_for_one_fetch(self, open_account, settings, platform, pen, certificate):
        listing = self.listing(pen, certificate)
        listing.delay_s = 0.2
        platform.say(lambda request: listing if request.target == "/v3/certificates" else pen.answer(trade()))
        provider = open_account("wechat", settings)
        found = await asyncio.gather(*(provider.look_up(NUMBER) for _ in range(6)))
        assert [one.state for one in found] == [TradeState.PAID] * 6
        assert self.fetches(platform) == 1

    async def test_fetches_again_before_they_are_half_a_day_old(
        self, open_account, settings, platform, pen, certificate, clock
    ):
        self.serve(platform, pen, certificate)
        provider = open_account("wechat", settings)
        await provider.look_up(NUMBER)
        await clock.advance(11 * 3600)
        await provider.look_up(NUMBER)
        assert self.fetches(platform) == 2

    async def test_a_strange_serial_asks_at_most_once_a_minute(
        self, open_account, settings, platform, pen, certificate, clock
    ):
        self.serve(platform, pen, certificate)
        provider = open_account("wechat", settings)
        await provider.look_up(NUMBER)
        pen.serial = "AB" * 20
        await provider.look_up(NUMBER)
        assert self.fetches(platform) == 1
        await clock.advance(61)
        for _ in range(3):
            assert (await provider.look_up(NUMBER)).state is TradeState.UNKNOWN
        assert self.fetches(platform) == 2

    async def test_a_given_certificate_serves_while_the_platform_gives_none(
        self, open_account, settings, platform, pen, certificate
    ):
        platform.say(lambda request: Answer(500) if "certificates" in request.target else pen.answer(trade()))
        provider = open_account("wechat", settings | {"platform_certificates": [certificate_pem(certificate)]})
        assert (await provider.look_up(NUMBER)).state is TradeState.PAID

    async def test_an_expired_certificate_signs_nothing(self, open_account, settings, platform, platform_key, clock):
        old = certificate_of(platform_key, clock, days=2)
        await clock.advance(timedelta(days=3).total_seconds())
        pen = WeChatPen(platform_key, clock, serial=f"{old.serial_number:X}")
        self.serve(platform, pen, old)
        assert (await open_account("wechat", settings).look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_certificates_not_sealed_with_our_key_are_not_taken(
        self, open_account, settings, platform, pen, certificate
    ):
        self.serve(platform, pen, certificate)
        provider = open_account("wechat", settings | {"apiv3_key": "another key of thirty-two chars."})
        assert (await provider.look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_a_merchant_on_the_move_believes_key_and_certificate(
        self, open_account, wechat_settings, platform, pen, certificate, wechat_pen
    ):
        settings = wechat_settings | {
            "base_url": platform.url,
            "platform_certificates": [certificate_pem(certificate)],
        }
        provider = open_account("wechat", settings)
        platform.say(pen.answer(trade()), wechat_pen.answer(trade()))
        assert [(await provider.look_up(NUMBER)).state for _ in range(2)] == [TradeState.PAID] * 2
        assert self.fetches(platform) == 0
