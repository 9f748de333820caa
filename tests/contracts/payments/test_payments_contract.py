"""Offering, paying, looking up and cancelling: what every provider must do, and must never say."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.contracts.payments.payment_stage import Stage
from vendomat.cloud.payments.providers import CancelState, StartState, TradeState
from vendomat.kernel import Money
from vendomat.simulator.gateways import BuyerRefusedError, CallFault

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN = (TradeState.NOT_PAID, TradeState.NOT_FOUND)
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


class TestTheGoodWay:
    async def test_offer_pay_look_up(self, stage: Stage):
        request = stage.request()
        started = await stage.provider.start(request)
        assert started.state is StartState.STARTED
        assert started.code_url == stage.platform.code_of(request.number)
        assert (await stage.provider.look_up(request.number)).state in OPEN
        stage.pay(request.number)
        found = await stage.provider.look_up(request.number)
        assert (found.state, found.number, found.amount) == (TradeState.PAID, request.number, request.amount)
        assert found.account == stage.provider.account
        assert found.transaction_id
        assert found.payer
        assert found.paid_at == stage.clock.now()

    async def test_a_lost_notice_is_made_up_for_by_looking_up(self, stage: Stage):
        request = await stage.paid()
        assert (await stage.provider.look_up(request.number)).state is TradeState.PAID
        assert stage.door.deliveries == []

    async def test_a_scan_alone_is_no_payment(self, stage: Stage):
        request = stage.request()
        await stage.provider.start(request)
        stage.scan(request.number)
        assert (await stage.provider.look_up(request.number)).state is TradeState.NOT_PAID

    async def test_many_at_once_and_the_loop_goes_on(self, stage: Stage):
        """The platform lives on this loop: a call that held the loop could never be answered, and would time out."""
        requests = [stage.request(fen) for fen in range(1, 21)]
        started = await asyncio.gather(*(stage.provider.start(request) for request in requests))
        assert {one.state for one in started} == {StartState.STARTED}
        assert len({one.code_url for one in started}) == len(requests)

    async def test_an_odd_description_arrives(self, stage: Stage):
        request = replace(stage.request(), description='Tea & "milk" } = {50%} / 茶\U0001f375 ' + "长" * 200)
        assert (await stage.provider.start(request)).state is StartState.STARTED
        stage.pay(request.number)
        assert (await stage.provider.look_up(request.number)).state is TradeState.PAID


class TestTheSameNumber:
    async def test_again_is_never_a_second_payment(self, stage: Stage):
        request = stage.request()
        first = await stage.provider.start(request)
        second = await stage.provider.start(request)
        assert second.state in (StartState.STARTED, StartState.UNKNOWN)
        stage.pay(request.number)
        for code in {first.code_url, second.code_url} - {""}:
            with pytest.raises(BuyerRefusedError):
                stage.platform.pay(code, "buyer-1")

    async def test_a_new_code_ends_the_old_one(self, stage: Stage):
        request = stage.request()
        first, second = await stage.provider.start(request), await stage.provider.start(request)
        if second.state is StartState.STARTED and second.code_url != first.code_url:
            with pytest.raises(BuyerRefusedError):
                stage.platform.pay(first.code_url, "buyer-1")

    async def test_with_other_parameters_is_not_refused_because_the_old_one_is_payable(self, stage: Stage):
        request = stage.request()
        await stage.provider.start(request)
        again = await stage.provider.start(replace(request, amount=Money(1, "CNY")))
        assert (again.state, again.code_url) == (StartState.UNKNOWN, "")
        assert again.error
        stage.pay(request.number)
        assert (await stage.provider.look_up(request.number)).amount == request.amount

    async def test_once_paid_is_not_refused_and_issues_no_code(self, stage: Stage):
        request = await stage.paid()
        again = await stage.provider.start(request)
        assert (again.state, again.code_url) == (StartState.UNKNOWN, "")

    async def test_once_closed_is_refused(self, stage: Stage):
        request = stage.request()
        await stage.provider.start(request)
        stage.scan(request.number)
        assert (await stage.provider.cancel(request.number)).state is CancelState.CLOSED
        again = await stage.provider.start(request)
        assert (again.state, again.code_url) == (StartState.REFUSED, "")


class TestWrongOrStrange:
    async def test_a_number_nobody_has(self, stage: Stage):
        assert (await stage.provider.look_up("pay_nobody_has_this")).state is TradeState.NOT_FOUND

    async def test_the_number_of_another_account(self, stage: Stage):
        request = await stage.paid()
        assert (await stage.other.look_up(request.number)).state is TradeState.NOT_FOUND

    async def test_an_amount_that_is_not_the_one_we_meant_is_seen(self, stage: Stage):
        meant = stage.request(350)
        await stage.provider.start(replace(meant, amount=Money(1, "CNY")))
        stage.pay(meant.number)
        assert (await stage.provider.look_up(meant.number)).amount == Money(1, "CNY")

    async def test_paid_after_the_expiry_is_paid(self, stage: Stage):
        """The buyer confirmed in time, the money lands late: the platform says so, and the caller gives it back."""
        request = stage.request()
        await stage.provider.start(request)
        stage.scan(request.number)
        await stage.pass_time(90)
        stage.pay(request.number, is_late=True)
        await stage.pass_time(60)
        assert (await stage.provider.look_up(request.number)).state is TradeState.PAID

    async def test_expired_and_never_scanned_is_never_called_paid(self, stage: Stage):
        request = stage.request()
        await stage.provider.start(request)
        await stage.pass_time(stage.outlives_s + 120 + 120)
        with pytest.raises(BuyerRefusedError):
            stage.pay(request.number)
        assert (await stage.provider.look_up(request.number)).state in (*OPEN, TradeState.CLOSED)

    async def test_a_wrong_key_is_a_set_up_fault_and_no_code(self, stage: Stage):
        with stage.wrong_key():
            started = await stage.provider.start(stage.request())
            assert (started.state, started.code_url) == (StartState.REFUSED, "")
            found = await stage.provider.look_up("pay_1234567890")
            assert (found.state, found.is_about_keys) == (TradeState.UNKNOWN, True)

    async def test_no_answer_says_nothing_about_keys(self, stage: Stage):
        stage.fail(CallFault.RESET_BEFORE, "query")
        found = await stage.provider.look_up("pay_1234567890")
        assert (found.state, found.is_about_keys) == (TradeState.UNKNOWN, False)


class TestCancel:
    async def test_a_scanned_unpaid_payment_is_closed_for_good(self, stage: Stage):
        request = stage.request()
        await stage.provider.start(request)
        stage.scan(request.number)
        assert (await stage.provider.cancel(request.number)).state is CancelState.CLOSED
        assert (await stage.provider.look_up(request.number)).state is TradeState.CLOSED
        with pytest.raises(BuyerRefusedError):
            stage.pay(request.number)

    async def test_closed_is_said_only_of_what_cannot_be_paid(self, stage: Stage):
        request = stage.request()
        await stage.provider.start(request)
        cancelled = await stage.provider.cancel(request.number)
        if cancelled.state is CancelState.CLOSED:
            assert not stage.makes_trades_at_scan
            with pytest.raises(BuyerRefusedError):
                stage.pay(request.number)
        else:
            assert cancelled.state is CancelState.UNKNOWN
            assert stage.makes_trades_at_scan
            stage.pay(request.number)
            assert (await stage.provider.cancel(request.number)).state is CancelState.PAID

    async def test_again_is_the_same(self, stage: Stage):
        request = stage.request()
        await stage.provider.start(request)
        stage.scan(request.number)
        for _ in range(2):
            assert (await stage.provider.cancel(request.number)).state is CancelState.CLOSED

    async def test_after_paid_says_paid_and_moves_no_money(self, stage: Stage):
        request = await stage.paid()
        before = stage.balance_fen
        assert (await stage.provider.cancel(request.number)).state is CancelState.PAID
        assert stage.balance_fen == before
        assert (await stage.provider.look_up(request.number)).state is TradeState.PAID

    async def test_after_a_full_refund_still_says_paid(self, stage: Stage):
        request = await stage.paid()
        await stage.provider.refund(stage.refund_of(request))
        await stage.pass_time(3)
        assert (await stage.provider.cancel(request.number)).state is CancelState.PAID

    @pytest.mark.parametrize("fault", UNDONE + DONE)
    async def test_under_any_fault_never_says_closed_of_what_is_payable(self, stage: Stage, fault: CallFault):
        request = stage.request()
        await stage.provider.start(request)
        stage.scan(request.number)
        stage.fail(fault, "close")
        cancelled = await stage.provider.cancel(request.number)
        assert cancelled.state is (CancelState.CLOSED if fault in DONE else CancelState.UNKNOWN)
        if cancelled.state is CancelState.CLOSED:
            with pytest.raises(BuyerRefusedError):
                stage.pay(request.number)
        assert (await stage.provider.cancel(request.number)).state is CancelState.CLOSED

    async def test_paid_while_the_platform_does_not_answer(self, stage: Stage):
        request = stage.request()
        await stage.provider.start(request)
        stage.pay(request.number)
        for verb in ("query", "close", "cancel"):
            stage.fail(CallFault.UNAVAILABLE, verb, count=-1)
        assert (await stage.provider.cancel(request.number)).state is CancelState.UNKNOWN
        stage.server.call_faults.clear()
        assert (await stage.provider.cancel(request.number)).state is CancelState.PAID


class TestNoAnswer:
    @pytest.mark.parametrize("fault", UNDONE)
    async def test_an_offer_that_was_not_made_is_unknown_then_made_with_the_same_number(
        self, stage: Stage, fault: CallFault
    ):
        request = stage.request()
        stage.fail(fault, "create")
        started = await stage.provider.start(request)
        assert (started.state, started.code_url) == (StartState.UNKNOWN, "")
        assert started.error
        assert (await stage.provider.look_up(request.number)).state is TradeState.NOT_FOUND
        assert (await stage.provider.start(request)).state is StartState.STARTED

    @pytest.mark.parametrize("fault", DONE)
    async def test_an_offer_that_was_made_is_unknown_then_resolved(self, stage: Stage, fault: CallFault):
        request = stage.request()
        stage.fail(fault, "create")
        started = await stage.provider.start(request)
        assert (started.state, started.code_url) == (StartState.UNKNOWN, "")
        assert (await stage.provider.look_up(request.number)).state in OPEN
        assert (await stage.provider.start(request)).state in (StartState.STARTED, StartState.UNKNOWN)
        stage.pay(request.number)
        assert (await stage.provider.look_up(request.number)).state is TradeState.PAID

    @pytest.mark.parametrize("fault", UNDONE + DONE)
    async def test_a_look_up_is_unknown_then_right(self, stage: Stage, fault: CallFault):
        request = await stage.paid()
        stage.fail(fault, "query")
        found = await stage.provider.look_up(request.number)
        assert (found.state, found.amount) == (TradeState.UNKNOWN, None)
        assert found.error
        assert (await stage.provider.look_up(request.number)).state is TradeState.PAID

    async def test_a_restarted_platform_is_found_again(self, stage: Stage):
        """Kept connections that the other side dropped cost one unknown at most."""
        request = await stage.paid()
        stage.fail(CallFault.RESET_BEFORE, "query", count=2)
        states = [(await stage.provider.look_up(request.number)).state for _ in range(3)]
        assert states == [TradeState.UNKNOWN, TradeState.UNKNOWN, TradeState.PAID]
