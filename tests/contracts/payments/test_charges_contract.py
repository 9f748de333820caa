"""Charging a code that the buyer shows: what every provider must do, and must never say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contracts.payments.payment_stage import Stage
from vendomat.cloud.payments.providers import (
    ChargeCredential,
    ChargeRefusal,
    ChargeRequest,
    ChargeState,
    RefundRequest,
    RefundState,
    ReverseState,
    TradeState,
    channel_of_code,
)
from vendomat.kernel import Money
from vendomat.simulator.gateways import BuyerRefusedError, CallFault, Habits

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("world", ["wechat", "wechat_v3", "wechat_face", "alipay"], indirect=True, scope="module"),
]

PASSWORD = Habits(asks_password=True)
UNDONE = [
    CallFault.ERROR_BEFORE,
    CallFault.TIMEOUT_BEFORE,
    CallFault.RESET_BEFORE,
    CallFault.RATE_LIMITED,
    CallFault.UNAVAILABLE,
    CallFault.ACCEPTED,
]
DONE = [
    CallFault.ERROR_AFTER,
    CallFault.TIMEOUT_AFTER,
    CallFault.RESET_AFTER,
    CallFault.FORGED_ANSWER,
    CallFault.SIGNTEST_ANSWER,
]


def refund_of(request: ChargeRequest) -> RefundRequest:
    number = f"ref_{request.number[4:]}"
    return RefundRequest(request.number, number, request.amount, request.amount, "not delivered", request.notify_url)


class TestTheGoodWay:
    async def test_a_code_is_charged_at_once(self, stage: Stage):
        before = stage.balance_fen
        request, charged = await stage.charged()
        assert charged.state is ChargeState.PAID
        trade = charged.trade
        assert trade is not None
        assert (trade.number, trade.amount, trade.account) == (request.number, request.amount, stage.provider.account)
        assert trade.transaction_id and trade.payer and trade.paid_at == stage.clock.now()
        found = await stage.look_up_charge(request.number)
        assert (found.state, found.transaction_id) == (TradeState.PAID, trade.transaction_id)
        assert stage.balance_fen == before + 350

    async def test_the_code_is_known_by_its_digits(self, stage: Stage):
        if stage.credential is ChargeCredential.FACE:
            pytest.skip("a face has no digits")
        assert channel_of_code(stage.show_code("buyer-1")) == stage.provider.channel

    async def test_a_refund_goes_the_ordinary_way(self, stage: Stage):
        request, _ = await stage.charged()
        refunded = await stage.provider.refund(refund_of(request))
        assert refunded.state in (RefundState.PROCESSING, RefundState.SUCCEEDED)
        await stage.pass_time(3)
        assert (await stage.provider.look_up_refund(refund_of(request))).state is RefundState.SUCCEEDED

    async def test_more_than_a_thousand_yuan_waits_for_the_password(self, stage: Stage):
        request = stage.charge_request(100_001)
        assert (await stage.provider.charge(request)).state is ChargeState.WAITING
        assert (await stage.look_up_charge(request.number)).state is TradeState.NOT_PAID
        stage.confirm(request.number)
        found = await stage.look_up_charge(request.number)
        assert (found.state, found.amount) == (TradeState.PAID, Money(100_001, "CNY"))

    async def test_a_thousand_yuan_do_not(self, stage: Stage):
        assert (await stage.provider.charge(stage.charge_request(100_000))).state is ChargeState.PAID


class TestRefusals:
    @pytest.mark.parametrize(
        ("habits", "reason"),
        [
            (Habits(balance_fen=100), ChargeRefusal.NOT_ENOUGH),
            (Habits(refuses_card=True), None),
        ],
        ids=["balance", "card"],
    )
    async def test_the_wallet_says_no(self, stage: Stage, habits: Habits, reason: ChargeRefusal | None):
        request, charged = await stage.charged(habits)
        assert charged.state is ChargeState.REFUSED
        assert charged.reason in ([reason] if reason else [ChargeRefusal.CARD_REFUSED, ChargeRefusal.NOT_ENOUGH])
        assert (await stage.look_up_charge(request.number)).state is TradeState.NOT_FOUND

    async def test_a_code_is_good_for_one_charge(self, stage: Stage):
        code = stage.show_code("twice")
        assert (await stage.provider.charge(stage.charge_request(code=code))).state is ChargeState.PAID
        second = await stage.provider.charge(stage.charge_request(code=code))
        assert (second.state, second.reason) == (ChargeState.REFUSED, ChargeRefusal.CODE_EXPIRED)

    async def test_a_code_is_good_for_a_minute(self, stage: Stage):
        code = stage.show_code("slow")
        await stage.pass_time(60)
        assert stage.show_code("slow") != code
        charged = await stage.provider.charge(stage.charge_request(code=code))
        assert (charged.state, charged.reason) == (ChargeState.REFUSED, ChargeRefusal.CODE_EXPIRED)

    async def test_a_code_nobody_shows(self, stage: Stage):
        unknown = "130000000000000001" if stage.provider.channel == "wechat" else "280000000000000001"
        charged = await stage.provider.charge(stage.charge_request(code=unknown))
        assert (charged.state, charged.reason) == (ChargeState.REFUSED, ChargeRefusal.CODE_EXPIRED)

    async def test_what_must_not_even_be_sent(self, stage: Stage):
        request = stage.charge_request()
        for unfit in (replace(request, amount=Money(0, "CNY")), replace(request, description=" ")):
            assert (await stage.provider.charge(unfit)).state is ChargeState.REFUSED
        assert (await stage.look_up_charge(request.number)).state is TradeState.NOT_FOUND

    async def test_a_charge_that_arrives_after_its_time_takes_nothing(self, stage: Stage):
        request = stage.charge_request(seconds=30)
        await stage.pass_time(31)
        code = stage.show_code("late")
        charged = await stage.provider.charge(replace(request, code=code))
        assert charged.state is ChargeState.REFUSED
        assert (await stage.look_up_charge(request.number)).state is TradeState.NOT_FOUND

    async def test_the_code_is_in_no_text_of_a_request(self, stage: Stage):
        request = stage.charge_request()
        assert request.code not in repr(request)
        assert request.code not in repr(await stage.provider.charge(request))


class TestTheSameNumber:
    async def test_again_is_never_a_second_charge(self, stage: Stage):
        before = stage.balance_fen
        request, _ = await stage.charged()
        again = await stage.provider.charge(replace(request, code=stage.show_code("second")))
        assert again.state in (ChargeState.PAID, ChargeState.UNKNOWN)
        assert stage.balance_fen == before + 350

    async def test_a_reversed_number_is_dead(self, stage: Stage):
        request, _ = await stage.charged()
        await stage.pass_time(15)
        assert (await stage.reverse(request.number)).state is ReverseState.REVERSED
        await stage.pass_time(3)
        before = stage.balance_fen
        again = await stage.provider.charge(replace(request, code=stage.show_code("after")))
        assert again.state in (ChargeState.REFUSED, ChargeState.UNKNOWN)
        assert stage.balance_fen == before


class TestNotKnown:
    @pytest.mark.parametrize("fault", UNDONE)
    async def test_a_charge_that_never_arrived(self, stage: Stage, fault: CallFault):
        before = stage.balance_fen
        stage.fail(fault, "charge")
        request, charged = await stage.charged()
        assert charged.state is ChargeState.UNKNOWN
        assert (await stage.look_up_charge(request.number)).state is TradeState.NOT_FOUND
        await stage.pass_time(15)
        assert (await stage.reverse(request.number)).state is ReverseState.NOT_FOUND
        assert stage.balance_fen == before

    @pytest.mark.parametrize("fault", DONE)
    async def test_a_charge_whose_answer_was_lost(self, stage: Stage, fault: CallFault):
        stage.fail(fault, "charge")
        request, charged = await stage.charged()
        assert charged.state in (ChargeState.UNKNOWN, ChargeState.PAID)
        assert (await stage.look_up_charge(request.number)).state is TradeState.PAID

    async def test_a_bank_that_does_not_say(self, stage: Stage):
        request, charged = await stage.charged(Habits(has_bank_trouble=True))
        assert charged.state is ChargeState.UNKNOWN
        assert (await stage.look_up_charge(request.number)).state is TradeState.NOT_PAID

    @pytest.mark.parametrize("fault", [CallFault.ERROR_BEFORE, CallFault.UNAVAILABLE, CallFault.FORGED_ANSWER])
    async def test_a_query_without_an_answer(self, stage: Stage, fault: CallFault):
        request, _ = await stage.charged()
        stage.fail(fault, "query")
        stage.fail(fault, "charge_query")
        assert (await stage.look_up_charge(request.number)).state is TradeState.UNKNOWN


class TestReversing:
    async def test_an_unpaid_charge_ends(self, stage: Stage):
        request, charged = await stage.charged(PASSWORD)
        assert charged.state is ChargeState.WAITING
        await stage.pass_time(15)
        assert (await stage.reverse(request.number)).state is ReverseState.REVERSED
        assert (await stage.look_up_charge(request.number)).state is TradeState.CLOSED
        with pytest.raises(BuyerRefusedError):
            stage.confirm(request.number)

    async def test_a_paid_charge_is_given_back_by_the_platform(self, stage: Stage):
        before = stage.balance_fen
        request, _ = await stage.charged()
        await stage.pass_time(15)
        assert (await stage.reverse(request.number)).state is ReverseState.REVERSED
        await stage.pass_time(3)
        assert stage.balance_fen == before
        assert (await stage.reverse(request.number)).state is ReverseState.REVERSED
        assert stage.balance_fen == before

    async def test_a_declined_charge_is_reversed_too(self, stage: Stage):
        request, _ = await stage.charged(PASSWORD)
        stage.decline(request.number)
        found = await stage.look_up_charge(request.number)
        assert found.state is TradeState.CLOSED or (found.state is TradeState.NOT_PAID and found.error)
        await stage.pass_time(15)
        assert (await stage.reverse(request.number)).state is ReverseState.REVERSED

    @pytest.mark.parametrize("fault", [*UNDONE, *DONE])
    async def test_no_answer_is_asked_again(self, stage: Stage, fault: CallFault):
        before = stage.balance_fen
        request, _ = await stage.charged()
        await stage.pass_time(15)
        stage.fail(fault, "reverse" if stage.provider.channel == "wechat" else "cancel")
        first = await stage.reverse(request.number)
        assert first.state is (ReverseState.UNKNOWN if fault in UNDONE else first.state)
        assert first.state in (ReverseState.UNKNOWN, ReverseState.REVERSED)
        await stage.pass_time(3)
        assert (await stage.reverse(request.number)).state is ReverseState.REVERSED
        await stage.pass_time(3)
        assert stage.balance_fen == before

    async def test_what_the_reverse_gave_back_counts_as_the_refund(self, stage: Stage):
        """Paid while it was being reversed: the refund row finds its money gone back already, and asks no second."""
        before = stage.balance_fen
        request, _ = await stage.charged()
        await stage.pass_time(15)
        await stage.reverse(request.number)
        await stage.pass_time(3)
        await stage.provider.refund(refund_of(request))
        assert (await stage.provider.look_up_refund(refund_of(request))).state is RefundState.SUCCEEDED
        assert stage.balance_fen == before
