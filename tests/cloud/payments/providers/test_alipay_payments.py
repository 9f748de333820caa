"""Alipay: what is sent for a payment, which answers are believed, and what each of them means."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature

from tests.cloud.payments.providers.alipay_answers import (
    CLOSE,
    CLOSED,
    ISSUED,
    NO_TRADE,
    NOT_KNOWN,
    NUMBER,
    PRECREATE,
    QUERY,
    WAITING,
    alipay_trade,
    asked,
    check_signature,
    failed,
    methods,
)
from tests.cloud.payments.providers.scripted_platform import APP_ID, AlipayPen, Answer
from vendomat.cloud.payments.providers import CancelState, StartState, TradeState
from vendomat.kernel import Money, VendomatError


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
        talk((QUERY, alipay_trade(subject='tea } "{" \\ 茶', trade_status="TRADE_SUCCESS")))
        assert (await alipay.look_up(NUMBER)).state is TradeState.PAID

    async def test_not_an_answer_of_a_stranger(self, alipay, platform, stranger_key):
        platform.say(AlipayPen(stranger_key).answer(QUERY, alipay_trade()))
        assert (await alipay.look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_not_an_unsigned_answer(self, alipay, platform, alipay_pen):
        platform.say(alipay_pen.answer(QUERY, alipay_trade(), is_signed=False))
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
        answer = alipay_pen.answer(QUERY, alipay_trade())
        platform.say(Answer(200, answer.body.replace(b'"3.50"', b'"9.50"')))
        assert (await alipay.look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_not_the_answer_to_another_call(self, alipay, platform, alipay_pen):
        platform.say(alipay_pen.answer("alipay.trade.pay", alipay_trade()))
        assert (await alipay.look_up(NUMBER)).state is TradeState.UNKNOWN

    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b"[]", b"null", b'{"alipay_trade_query_response":1,"sign":2}', b"\xff"]
    )
    async def test_not_what_makes_no_sense(self, alipay, platform, body):
        platform.say(Answer(200, body))
        assert (await alipay.look_up(NUMBER)).state is TradeState.UNKNOWN

    async def test_not_an_answer_too_large_to_read(self, alipay, talk):
        talk((QUERY, alipay_trade(subject="x" * 70_000)))
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
        talk((QUERY, alipay_trade(**changes)))
        assert (await alipay.look_up(NUMBER)).state is TradeState.UNKNOWN


class TestLookUp:
    async def test_tells_all_of_a_payment(self, alipay, talk):
        talk((QUERY, alipay_trade()))
        found = await alipay.look_up(NUMBER)
        assert (found.state, found.amount) == (TradeState.PAID, Money(350, "CNY"))
        assert (found.account, found.transaction_id) == (APP_ID, "2026010122001400000000000001")
        assert (found.payer, found.paid_at) == ("2088102169481075", datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC))

    @pytest.mark.parametrize(
        ("fields", "state"),
        [
            (WAITING, TradeState.NOT_PAID),
            (alipay_trade(trade_status="TRADE_FINISHED"), TradeState.PAID),
            (CLOSED, TradeState.CLOSED),
            (alipay_trade(trade_status="TRADE_CLOSED"), TradeState.PAID),  # closed by a full refund
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
            (WAITING, failed("ACQ.TRADE_STATUS_ERROR"), alipay_trade(), CancelState.PAID),
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
        [(alipay_trade(), CancelState.PAID), (CLOSED, CancelState.CLOSED), (NOT_KNOWN, CancelState.UNKNOWN)],
    )
    async def test_what_is_settled_is_left_alone(self, alipay, platform, talk, found, state):
        talk((QUERY, found))
        assert (await alipay.cancel(NUMBER)).state is state
        assert methods(platform) == [QUERY]

    async def test_a_code_nobody_scanned_is_left_to_its_end(self, alipay, platform, talk):
        """The platform's "cancel" would give back what is paid between question and answer, behind the goods' back."""
        talk((QUERY, NO_TRADE))
        cancelled = await alipay.cancel(NUMBER)
        assert cancelled.state is CancelState.UNKNOWN
        assert "scanned" in cancelled.error
        assert methods(platform) == [QUERY]
