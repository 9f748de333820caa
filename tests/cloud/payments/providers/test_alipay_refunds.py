"""Alipay: refunds, and what each answer to them means."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest

from tests.cloud.payments.providers.alipay_answers import (
    CLOSED,
    NO_TRADE,
    NOT_KNOWN,
    NUMBER,
    QUERY,
    REFUND,
    REFUND_QUERY,
    alipay_trade,
    asked,
    check_signature,
    failed,
)
from vendomat.cloud.payments.providers import RefundState
from vendomat.kernel import Money


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
            "ACQ.REASON_TRADE_BEEN_FREEZEN",
        ],
    )
    async def test_a_refusal_counts_when_a_query_finds_nothing(self, alipay, talk, refund_request, sub_code):
        talk((REFUND, failed(sub_code)), (REFUND_QUERY, {"code": "10000"}))
        refunded = await alipay.refund(refund_request)
        assert (refunded.state, refunded.error) == (RefundState.REFUSED, f"{sub_code}: because")

    @pytest.mark.parametrize("sub_code", ["ACQ.TRADE_HAS_FINISHED", "ACQ.TRADE_OVERDUE"])
    async def test_what_it_will_never_pay_is_told_apart(self, alipay, talk, refund_request, sub_code):
        talk((REFUND, failed(sub_code)), (REFUND_QUERY, {"code": "10000"}))
        assert (await alipay.refund(refund_request)).state is RefundState.NEVER
        talk((REFUND, failed(sub_code)), (REFUND_QUERY, self.found(refund_request)))
        assert (await alipay.refund(refund_request)).state is RefundState.SUCCEEDED
        talk((REFUND, failed(sub_code)), (REFUND_QUERY, NOT_KNOWN))
        assert (await alipay.refund(refund_request)).state is RefundState.UNKNOWN

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
        talk((REFUND_QUERY, {"code": "10000"}), (QUERY, alipay_trade(trade_status="TRADE_CLOSED")))
        refunded = await alipay.look_up_refund(whole)
        assert (refunded.state, refunded.refund_number) == (RefundState.SUCCEEDED, whole.refund_number)
        talk(
            (REFUND, failed("ACQ.TRADE_STATUS_ERROR")),
            (REFUND_QUERY, {"code": "10000"}),
            (QUERY, alipay_trade(trade_status="TRADE_CLOSED")),
        )
        assert (await alipay.refund(whole)).state is RefundState.SUCCEEDED

    @pytest.mark.parametrize(
        "found", [alipay_trade(), CLOSED, NOT_KNOWN, alipay_trade(trade_status="TRADE_CLOSED", total_amount="1.00")]
    )
    async def test_nothing_less_than_that_settles_it(self, alipay, talk, refund_request, found):
        whole = replace(refund_request, amount=refund_request.payment_amount)
        talk((REFUND_QUERY, {"code": "10000"}), (QUERY, found))
        assert (await alipay.look_up_refund(whole)).state is RefundState.NOT_ACCEPTED

    async def test_a_partial_refund_is_not_settled_like_that(self, alipay, platform, talk, refund_request):
        talk((REFUND_QUERY, {"code": "10000"}))
        assert (await alipay.look_up_refund(refund_request)).state is RefundState.NOT_ACCEPTED
        assert len(platform.received) == 1
