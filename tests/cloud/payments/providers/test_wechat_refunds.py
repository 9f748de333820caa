"""WeChat Pay: refunds, and what each answer to them means."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.cloud.payments.providers.scripted_platform import (
    Answer,
    refusal,
)
from tests.cloud.payments.providers.wechat_answers import NUMBER, check_signature, wechat_refund
from vendomat.cloud.payments.providers import RefundState
from vendomat.kernel import Money


class TestRefund:
    async def test_sends_numbers_amounts_and_always_a_notify_address(
        self, wechat, platform, wechat_pen, refund_request, merchant_key
    ):
        platform.say(wechat_pen.answer(wechat_refund()))
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
        platform.say(wechat_pen.answer(wechat_refund(status=word)))
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
        platform.say(wechat_pen.answer(wechat_refund(status="SUCCESS", **changes)))
        assert (await wechat.refund(refund_request)).state is RefundState.UNKNOWN
        assert (await wechat.look_up_refund(refund_request)).state is RefundState.UNKNOWN

    @pytest.mark.parametrize(("status", "code"), [(403, "NOT_ENOUGH"), (403, "NO_AUTH"), (400, "INVALID_REQUEST")])
    async def test_a_refusal_counts_when_a_query_finds_nothing(self, wechat, platform, refund_request, status, code):
        platform.say(refusal(status, code), refusal(404, "RESOURCE_NOT_EXISTS"))
        answer = await wechat.refund(refund_request)
        assert (answer.state, answer.error) == (RefundState.REFUSED, f"{code}: because")

    @pytest.mark.parametrize("code", ["USER_ACCOUNT_ABNORMAL", "TRADE_OVERDUE"])
    async def test_what_it_will_never_pay_is_told_apart(self, wechat, platform, refund_request, code):
        platform.say(refusal(403, code), refusal(404, "RESOURCE_NOT_EXISTS"))
        assert (await wechat.refund(refund_request)).state is RefundState.NEVER
        platform.say(refusal(403, code), Answer(500))
        assert (await wechat.refund(refund_request)).state is RefundState.UNKNOWN

    async def test_a_refusal_of_a_refund_that_exists_is_none(self, wechat, platform, wechat_pen, refund_request):
        platform.say(refusal(400, "INVALID_REQUEST"), wechat_pen.answer(wechat_refund(status="SUCCESS")))
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
