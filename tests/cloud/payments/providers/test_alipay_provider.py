"""Alipay: what is sent, which answers are believed, and what each of them means."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.cloud.payments.providers.scripted_platform import APP_ID, AlipayPen, Answer
from vendomat.cloud.payments.providers import CancelState, RefundState, StartState, TradeState
from vendomat.kernel import Money, VendomatError

NUMBER = "pay_00000000000000000000000001"
QUERY, CLOSE, CANCEL = "alipay.trade.query", "alipay.trade.close", "alipay.trade.cancel"
REFUND, REFUND_QUERY = "alipay.trade.refund", "alipay.trade.fastpay.refund.query"
PRECREATE = "alipay.trade.precreate"
ISSUED = {"code": "10000", "msg": "Success", "out_trade_no": NUMBER, "qr_code": "https://qr.alipay.com/bax03431"}


def trade(**changes):
    return {
        "code": "10000",
        "msg": "Success",
        "trade_no": "2026010122001400000000000001",
        "out_trade_no": NUMBER,
        "buyer_logon_id": "csq***@sandbox.com",
        "buyer_user_id": "2088102169481075",
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "3.50",
        "receipt_amount": "3.50",
        "send_pay_date": "2026-01-01 08:00:10",
    } | changes


def failed(sub_code, code="40004"):
    return {"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "because"}


WAITING = trade(trade_status="WAIT_BUYER_PAY", send_pay_date="")
CLOSED = trade(trade_status="TRADE_CLOSED", send_pay_date="")
NO_TRADE = failed("ACQ.TRADE_NOT_EXIST")
NOT_KNOWN = failed("isp.unknow-error", "20000")


@pytest.fixture
def talk(platform, alipay_pen):
    """`talk((method, fields), ...)`: what the platform will say, in this order."""

    def talking(*answers):
        platform.say(*(a if isinstance(a, Answer) else alipay_pen.answer(*a) for a in answers))

    return talking


def asked(platform, index=0):
    """The parameters of a request, and its business content."""
    query = parse_qs(urlsplit(platform.received[index].target).query, strict_parsing=True)
    parameters = {name: values[0] for name, values in query.items()}
    return parameters, json.loads(parameters["biz_content"])


def methods(platform):
    return [asked(platform, index)[0]["method"] for index in range(len(platform.received))]


def check_signature(platform, merchant_key):
    parameters, _ = asked(platform)
    text = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()) if name != "sign" and value)
    signature = base64.b64decode(parameters["sign"])
    merchant_key.public_key().verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())


class TestStart:
    async def test_sends_a_signed_precreate(self, alipay, platform, talk, start_request, merchant_key):
        talk((PRECREATE, ISSUED))
        started = await alipay.start(start_request)
        assert (started.state, started.code_url) == (StartState.STARTED, "https://qr.alipay.com/bax03431")
        parameters, content = asked(platform)
        assert parameters["timestamp"] == "2026-01-01 08:00:00"  # Beijing, whatever the zone of this machine
        assert (parameters["app_id"], parameters["sign_type"]) == (APP_ID, "RSA2")
        assert parameters["notify_url"] == "https://vend.example/hooks/mer_1"
        assert content == {
            "out_trade_no": NUMBER,
            "total_amount": "3.50",
            "subject": "Oolong tea 500 ml cold sweet",
            "product_code": "QR_CODE_OFFLINE",
            "qr_code_timeout_express": "2m",
            "timeout_express": "2m",
            "terminal_id": "mac_7",
        }
        check_signature(platform, merchant_key)

    async def test_the_signature_test_above_can_fail(self, alipay, platform, talk, start_request, stranger_key):
        talk((PRECREATE, ISSUED))
        await alipay.start(start_request)
        with pytest.raises(InvalidSignature):
            check_signature(platform, stranger_key)

    @pytest.mark.parametrize(("seconds", "minutes"), [(1, "1m"), (60, "1m"), (61, "2m"), (300, "5m")])
    async def test_a_code_lives_in_whole_minutes(self, alipay, platform, talk, start_request, clock, seconds, minutes):
        talk((PRECREATE, ISSUED))
        await alipay.start(replace(start_request, expires_at=clock.now() + timedelta(seconds=seconds)))
        assert asked(platform)[1]["qr_code_timeout_express"] == minutes

    async def test_an_expired_payment_is_never_offered(self, alipay, platform, start_request, clock):
        assert (await alipay.start(replace(start_request, expires_at=clock.now()))).state is StartState.REFUSED
        assert platform.received == []

    @pytest.mark.parametrize(
        "fields",
        [
            failed("ACQ.INVALID_PARAMETER"),
            failed("ACQ.TOTAL_FEE_EXCEED"),
            failed("AQC.ACCESS_FORBIDDEN"),  # spelt like this, too
            failed("ACQ.TRADE_HAS_CLOSE"),
            failed("isv.invalid-signature", "40002"),
            failed("isv.insufficient-isv-permissions", "40006"),
        ],
    )
    async def test_definite_refusals(self, alipay, talk, start_request, fields):
        talk((PRECREATE, fields))
        started = await alipay.start(start_request)
        assert (started.state, started.error) == (StartState.REFUSED, f"{fields['sub_code']}: because")

    @pytest.mark.parametrize(
        "fields",
        [
            failed("ACQ.SYSTEM_ERROR"),
            failed("ACQ.APPLY_PC_MERCHANT_CODE_ERROR"),
            failed("ACQ.TRADE_HAS_SUCCESS"),
            failed("ACQ.CONTEXT_INCONSISTENT"),
            failed("ACQ.BRAND_NEW_CODE"),
            NOT_KNOWN,
            failed("isv.app-call-limited", "40005"),
            ISSUED | {"out_trade_no": "pay_another"},
            ISSUED | {"qr_code": ""},
            {"code": "10003"},
            {},
        ],
    )
    async def test_what_may_be_payable_is_not_known(self, alipay, talk, start_request, fields):
        talk((PRECREATE, fields))
        started = await alipay.start(start_request)
        assert (started.state, started.code_url) == (StartState.UNKNOWN, "")

    @pytest.mark.parametrize("answer", [Answer(500), Answer(302, b"", {"Location": "/"}), Answer(is_reset=True)])
    async def test_no_answer_is_not_known(self, alipay, platform, talk, start_request, answer):
        talk(answer)
        assert (await alipay.start(start_request)).state is StartState.UNKNOWN
        assert len(platform.received) == 1

    async def test_silence_is_not_known_after_the_time_limit(self, alipay, talk, start_request):
        talk(Answer(delay_s=0.8))
        assert (await alipay.start(start_request)).state is StartState.UNKNOWN

    @pytest.mark.parametrize("amount", [Money(0, "CNY"), Money(350, "JPY")])
    async def test_an_unfit_amount_is_never_sent(self, alipay, platform, start_request, amount):
        assert (await alipay.start(replace(start_request, amount=amount))).state is StartState.REFUSED
        assert platform.received == []

    async def test_a_number_of_the_wrong_form_is_a_fault_of_ours(self, alipay):
        with pytest.raises(VendomatError):
            await alipay.look_up("a=b&c=d")


class TestWhatIsBelieved:
    async def test_a_brace_inside_a_text_is_no_end(self, alipay, talk):
        talk((QUERY, trade(subject='tea } "{" \\ 茶', trade_status="TRADE_SUCCESS")))
        assert (await alipay.look_up(NUMBER)).state is TradeState.PAID

    async def test_not_an_answer_of_a_stranger(self, alipay, platform, stranger_key):
        platform.say(AlipayPen(stranger_key).answer(QUERY, trade()))
        assert (await alipay.look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_not_an_unsigned_answer(self, alipay, platform, alipay_pen):
        platform.say(alipay_pen.answer(QUERY, trade(), is_signed=False))
        assert (await alipay.look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_not_an_unsigned_no(self, alipay, platform, alipay_pen):
        platform.say(alipay_pen.answer(QUERY, NO_TRADE, is_signed=False))
        assert (await alipay.look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_the_gateways_own_errors_come_unsigned(self, alipay, platform, alipay_pen, start_request):
        fields = failed("isv.invalid-app-id", "40002")
        platform.say(alipay_pen.answer(PRECREATE, fields, is_signed=False))
        assert (await alipay.start(start_request)).state is StartState.REFUSED
        platform.say(Answer(200, json.dumps({"error_response": fields}).encode()))
        assert (await alipay.start(start_request)).state is StartState.REFUSED

    async def test_not_a_changed_answer(self, alipay, platform, alipay_pen):
        answer = alipay_pen.answer(QUERY, trade())
        platform.say(Answer(200, answer.body.replace(b'"3.50"', b'"9.50"')))
        assert (await alipay.look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_not_the_answer_to_another_call(self, alipay, platform, alipay_pen):
        platform.say(alipay_pen.answer("alipay.trade.pay", trade()))
        assert (await alipay.look_up(NUMBER)).state is TradeState.UNKNOWN

    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b"[]", b"null", b'{"alipay_trade_query_response":1,"sign":2}', b"\xff"]
    )
    async def test_not_what_makes_no_sense(self, alipay, platform, body):
        platform.say(Answer(200, body))
        assert (await alipay.look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_not_an_answer_too_large_to_read(self, alipay, talk):
        talk((QUERY, trade(subject="x" * 70_000)))
        assert "larger" in (await alipay.look_up(NUMBER)).error

    @pytest.mark.parametrize(
        "changes",
        [
            {"out_trade_no": "pay_another"},
            {"trade_status": "NEW_WORD"},
            {"trade_status": None},
            {"trade_no": ""},
            {"total_amount": ""},
            {"total_amount": "3.505"},
            {"total_amount": "NaN"},
            {"total_amount": 3.5},
            {"send_pay_date": "yesterday"},
        ],
    )
    async def test_not_a_payment_that_is_not_complete(self, alipay, talk, changes):
        talk((QUERY, trade(**changes)))
        assert (await alipay.look_up(NUMBER)).state is TradeState.UNKNOWN


class TestLookUp:
    async def test_tells_all_of_a_payment(self, alipay, talk):
        talk((QUERY, trade()))
        found = await alipay.look_up(NUMBER)
        assert (found.state, found.amount) == (TradeState.PAID, Money(350, "CNY"))
        assert (found.account, found.transaction_id) == (APP_ID, "2026010122001400000000000001")
        assert (found.payer, found.paid_at) == ("2088102169481075", datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC))

    @pytest.mark.parametrize(
        ("fields", "state"),
        [
            (WAITING, TradeState.NOT_PAID),
            (trade(trade_status="TRADE_FINISHED"), TradeState.PAID),
            (CLOSED, TradeState.CLOSED),
            (trade(trade_status="TRADE_CLOSED"), TradeState.PAID),  # closed by a full refund
            (NO_TRADE, TradeState.NOT_FOUND),
            (failed("ACQ.SYSTEM_ERROR"), TradeState.UNKNOWN),
            (failed("isv.invalid-signature", "40002"), TradeState.UNKNOWN),
            (NOT_KNOWN, TradeState.UNKNOWN),
        ],
    )
    async def test_knows_the_words(self, alipay, talk, fields, state):
        talk((QUERY, fields))
        assert (await alipay.look_up(NUMBER)).state is state


class TestCancel:
    @pytest.mark.parametrize(
        ("before", "during", "after", "state"),
        [
            (WAITING, {"code": "10000"}, CLOSED, CancelState.CLOSED),
            (WAITING, failed("ACQ.TRADE_STATUS_ERROR"), trade(), CancelState.PAID),
            (WAITING, {"code": "10000"}, NOT_KNOWN, CancelState.UNKNOWN),
            (WAITING, NOT_KNOWN, WAITING, CancelState.UNKNOWN),
            (WAITING, Answer(is_reset=True), CLOSED, CancelState.CLOSED),
        ],
    )
    async def test_an_open_trade_is_closed_and_looked_up(self, alipay, platform, talk, before, during, after, state):
        during = during if isinstance(during, Answer) else (CLOSE, during)
        talk((QUERY, before), during, (QUERY, after))
        assert (await alipay.cancel(NUMBER)).state is state
        assert methods(platform) == [QUERY, CLOSE, QUERY]

    @pytest.mark.parametrize(
        ("found", "state"),
        [(trade(), CancelState.PAID), (CLOSED, CancelState.CLOSED), (NOT_KNOWN, CancelState.UNKNOWN)],
    )
    async def test_what_is_settled_is_left_alone(self, alipay, platform, talk, found, state):
        talk((QUERY, found))
        assert (await alipay.cancel(NUMBER)).state is state
        assert methods(platform) == [QUERY]

    async def test_a_code_nobody_scanned_may_still_be_scanned(self, alipay, platform, talk):
        talk(
            (QUERY, NO_TRADE), (CANCEL, {"code": "10000", "out_trade_no": NUMBER, "retry_flag": "N"}), (QUERY, NO_TRADE)
        )
        cancelled = await alipay.cancel(NUMBER)
        assert cancelled.state is CancelState.UNKNOWN
        assert "scanned" in cancelled.error
        assert methods(platform) == [QUERY, CANCEL, QUERY]

    @pytest.mark.parametrize(("action", "error"), [("close", ""), ("refund", "gave the money back")])
    async def test_a_named_action_ends_it(self, alipay, talk, action, error):
        talk((QUERY, NO_TRADE), (CANCEL, {"code": "10000", "retry_flag": "N", "action": action}))
        cancelled = await alipay.cancel(NUMBER)
        assert cancelled.state is CancelState.CLOSED
        assert error in cancelled.error

    async def test_asks_again_when_told_to_but_not_for_ever(self, alipay, platform, talk):
        again = (CANCEL, failed("ACQ.SYSTEM_ERROR") | {"retry_flag": "Y"})
        talk((QUERY, NO_TRADE), again, again, again, (QUERY, NO_TRADE))
        assert (await alipay.cancel(NUMBER)).state is CancelState.UNKNOWN
        assert methods(platform) == [QUERY, CANCEL, CANCEL, CANCEL, QUERY]


class TestRefund:
    DONE: ClassVar = {
        "code": "10000",
        "out_trade_no": NUMBER,
        "trade_no": "t",
        "fund_change": "Y",
        "refund_fee": "3.00",
    }

    def found(self, request, **changes):
        return {
            "code": "10000",
            "out_trade_no": NUMBER,
            "trade_no": "t",
            "out_request_no": request.refund_number,
            "refund_status": "REFUND_SUCCESS",
            "refund_amount": "1.50",
        } | changes

    async def test_sends_only_what_the_call_documents(self, alipay, platform, talk, refund_request, merchant_key):
        talk((REFUND, self.DONE))
        refunded = await alipay.refund(refund_request)
        assert (refunded.state, refunded.amount) == (RefundState.SUCCEEDED, Money(150, "CNY"))
        parameters, content = asked(platform)
        assert "notify_url" not in parameters
        assert content == {
            "out_trade_no": NUMBER,
            "refund_amount": "1.50",
            "out_request_no": refund_request.refund_number,
            "refund_reason": "not delivered",
        }
        check_signature(platform, merchant_key)

    async def test_no_change_of_funds_is_looked_up(self, alipay, talk, refund_request):
        unchanged = self.DONE | {"fund_change": "N"}
        talk((REFUND, unchanged), (REFUND_QUERY, self.found(refund_request)))
        assert (await alipay.refund(refund_request)).state is RefundState.SUCCEEDED
        talk((REFUND, unchanged), (REFUND_QUERY, {"code": "10000"}))
        assert (await alipay.refund(refund_request)).state is RefundState.PROCESSING
        talk((REFUND, unchanged), (REFUND_QUERY, NOT_KNOWN))
        assert (await alipay.refund(refund_request)).state is RefundState.PROCESSING

    @pytest.mark.parametrize(
        "sub_code",
        [
            "ACQ.SELLER_BALANCE_NOT_ENOUGH",
            "ACQ.TRADE_NOT_EXIST",
            "ACQ.TRADE_HAS_FINISHED",
            "ACQ.REASON_TRADE_BEEN_FREEZEN",
        ],
    )
    async def test_a_refusal_counts_when_a_query_finds_nothing(self, alipay, talk, refund_request, sub_code):
        talk((REFUND, failed(sub_code)), (REFUND_QUERY, {"code": "10000"}))
        refunded = await alipay.refund(refund_request)
        assert (refunded.state, refunded.error) == (RefundState.REFUSED, f"{sub_code}: because")

    async def test_a_refusal_of_a_refund_that_exists_is_none(self, alipay, talk, refund_request):
        talk((REFUND, failed("ACQ.TRADE_HAS_CLOSE")), (REFUND_QUERY, self.found(refund_request)))
        assert (await alipay.refund(refund_request)).state is RefundState.SUCCEEDED

    async def test_the_same_number_with_another_amount_is_not_known_but_shown(self, alipay, talk, refund_request):
        talk(
            (REFUND, failed("ACQ.DISCORDANT_REPEAT_REQUEST")),
            (REFUND_QUERY, self.found(refund_request, refund_amount="2.50")),
        )
        refunded = await alipay.refund(refund_request)
        assert (refunded.state, refunded.amount) == (RefundState.UNKNOWN, Money(250, "CNY"))

    @pytest.mark.parametrize(
        "fields",
        [
            failed("ACQ.SYSTEM_ERROR"),
            NOT_KNOWN,
            failed("isv.app-call-limited", "40005"),
            DONE | {"out_trade_no": "pay_another"},
        ],
    )
    async def test_no_clear_answer_is_not_known(self, alipay, platform, talk, refund_request, fields):
        talk((REFUND, fields))
        assert (await alipay.refund(refund_request)).state is RefundState.UNKNOWN
        assert len(platform.received) == 1

    @pytest.mark.parametrize(
        ("changes", "state"),
        [
            ({}, RefundState.SUCCEEDED),
            ({"refund_status": ""}, RefundState.NOT_ACCEPTED),
            ({"refund_status": "REFUND_PROCESSING"}, RefundState.UNKNOWN),
            ({"out_request_no": "ref_another"}, RefundState.UNKNOWN),
            ({"refund_amount": "3.50"}, RefundState.UNKNOWN),
            ({"refund_amount": "lots"}, RefundState.UNKNOWN),
            (NO_TRADE, RefundState.NOT_ACCEPTED),
            (NOT_KNOWN, RefundState.UNKNOWN),
        ],
    )
    async def test_a_look_up_knows_the_words(self, alipay, talk, refund_request, changes, state):
        talk((REFUND_QUERY, self.found(refund_request, **changes)))
        assert (await alipay.look_up_refund(refund_request)).state is state

    async def test_money_given_back_under_another_number_settles_a_full_refund(self, alipay, talk, refund_request):
        whole = replace(refund_request, amount=refund_request.payment_amount)
        talk((REFUND_QUERY, {"code": "10000"}), (QUERY, trade(trade_status="TRADE_CLOSED")))
        refunded = await alipay.look_up_refund(whole)
        assert (refunded.state, refunded.refund_number) == (RefundState.SUCCEEDED, whole.refund_number)
        talk(
            (REFUND, failed("ACQ.TRADE_STATUS_ERROR")),
            (REFUND_QUERY, {"code": "10000"}),
            (QUERY, trade(trade_status="TRADE_CLOSED")),
        )
        assert (await alipay.refund(whole)).state is RefundState.SUCCEEDED

    @pytest.mark.parametrize(
        "found", [trade(), CLOSED, NOT_KNOWN, trade(trade_status="TRADE_CLOSED", total_amount="1.00")]
    )
    async def test_nothing_less_than_that_settles_it(self, alipay, talk, refund_request, found):
        whole = replace(refund_request, amount=refund_request.payment_amount)
        talk((REFUND_QUERY, {"code": "10000"}), (QUERY, found))
        assert (await alipay.look_up_refund(whole)).state is RefundState.NOT_ACCEPTED

    async def test_a_partial_refund_is_not_settled_like_that(self, alipay, platform, talk, refund_request):
        talk((REFUND_QUERY, {"code": "10000"}))
        assert (await alipay.look_up_refund(refund_request)).state is RefundState.NOT_ACCEPTED
        assert len(platform.received) == 1
