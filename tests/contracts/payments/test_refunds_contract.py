"""Giving money back: once per number, whatever happens on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contracts.payments.payment_stage import Stage
from tests.contracts.payments.test_payments_contract import DONE, UNDONE
from vendomat.cloud.payments.providers import RefundState, TradeState
from vendomat.kernel import Money
from vendomat.simulator.gateways import CallFault

pytestmark = pytest.mark.asyncio(loop_scope="module")

ON_THE_WAY = (RefundState.PROCESSING, RefundState.SUCCEEDED)
SETTLED_S = 3.0


async def settled(stage: Stage, refund) -> RefundState:
    await stage.pass_time(SETTLED_S)
    return (await stage.provider.look_up_refund(refund)).state


async def test_accepted_then_succeeded(stage: Stage):
    request = await stage.paid()
    before = stage.balance_fen
    refund = stage.refund_of(request)
    accepted = await stage.provider.refund(refund)
    assert (accepted.state, accepted.refund_number) == (RefundState.PROCESSING, refund.refund_number)
    assert accepted.amount == refund.amount
    await stage.pass_time(SETTLED_S)
    found = await stage.provider.look_up_refund(refund)
    assert (found.state, found.amount) == (RefundState.SUCCEEDED, refund.amount)
    assert stage.balance_fen == before - 350


async def test_before_it_is_through_it_is_never_called_done(stage: Stage):
    refund = stage.refund_of(await stage.paid())
    await stage.provider.refund(refund)
    assert (await stage.provider.look_up_refund(refund)).state in (RefundState.PROCESSING, RefundState.NOT_ACCEPTED)


async def test_the_same_number_again_moves_no_more_money(stage: Stage):
    request = await stage.paid()
    before = stage.balance_fen
    refund = stage.refund_of(request, 150)
    states = [(await stage.provider.refund(refund)).state for _ in range(3)]
    assert set(states) <= set(ON_THE_WAY)
    assert await settled(stage, refund) is RefundState.SUCCEEDED
    assert (await stage.provider.refund(refund)).state is RefundState.SUCCEEDED
    assert stage.balance_fen == before - 150


async def test_a_payment_stays_paid_whatever_was_given_back(stage: Stage):
    request = await stage.paid()
    for fen in (100, 250):
        refund = stage.refund_of(request, fen)
        await stage.provider.refund(refund)
        assert await settled(stage, refund) is RefundState.SUCCEEDED
        found = await stage.provider.look_up(request.number)
        assert (found.state, found.amount) == (TradeState.PAID, request.amount)


async def test_the_second_of_two_partial_refunds_is_told_with_its_own_amount(stage: Stage):
    request = await stage.paid()
    for fen in (100, 50):
        refund = stage.refund_of(request, fen)
        await stage.provider.refund(refund)
        await stage.pass_time(SETTLED_S)
        assert (await stage.provider.look_up_refund(refund)).amount == Money(fen, "CNY")


async def test_the_same_number_with_another_amount_is_no_second_refund(stage: Stage):
    request = await stage.paid()
    before = stage.balance_fen
    refund = stage.refund_of(request, 150)
    await stage.provider.refund(refund)
    await stage.pass_time(SETTLED_S)
    changed = replace(refund, amount=Money(100, "CNY"))
    again = await stage.provider.refund(changed)
    assert (again.state, again.amount) == (RefundState.UNKNOWN, Money(150, "CNY"))
    assert stage.balance_fen == before - 150


async def test_more_than_was_paid_is_refused(stage: Stage):
    request = await stage.paid()
    first = stage.refund_of(request, 200)
    await stage.provider.refund(first)
    await stage.pass_time(SETTLED_S)
    before = stage.balance_fen
    second = stage.refund_of(request, 200)
    assert (await stage.provider.refund(second)).state is RefundState.REFUSED
    assert stage.balance_fen == before


async def test_without_funds_refused_then_accepted_under_the_same_number(stage: Stage):
    refund = stage.refund_of(await stage.paid())
    stage.set_balance(349)
    refused = await stage.provider.refund(refund)
    assert refused.state is RefundState.REFUSED
    assert stage.no_funds in refused.error
    assert (await stage.provider.look_up_refund(refund)).state is RefundState.NOT_ACCEPTED
    stage.set_balance(350)
    assert (await stage.provider.refund(refund)).state is RefundState.PROCESSING
    assert await settled(stage, refund) is RefundState.SUCCEEDED
    assert stage.balance_fen == 0


@pytest.mark.parametrize("is_scanned", [False, True])
async def test_an_unpaid_payment_is_not_refunded(stage: Stage, is_scanned: bool):
    request = stage.request()
    await stage.provider.start(request)
    if is_scanned:
        stage.scan(request.number)
    refund = stage.refund_of(request)
    assert (await stage.provider.refund(refund)).state is RefundState.REFUSED
    assert (await stage.provider.look_up_refund(refund)).state is RefundState.NOT_ACCEPTED


async def test_a_payment_nobody_made_is_not_refunded(stage: Stage):
    refund = stage.refund_of(stage.request())
    assert (await stage.provider.refund(refund)).state is RefundState.REFUSED


async def test_another_accounts_payment_is_not_refunded(stage: Stage):
    refund = stage.refund_of(await stage.paid())
    assert (await stage.other.refund(refund)).state is RefundState.REFUSED
    assert (await stage.other.look_up_refund(refund)).state is RefundState.NOT_ACCEPTED


async def test_a_refund_that_does_not_come_through_is_never_called_done(stage: Stage):
    stage.platform.settle_next_refunds_as(stage.failed_refund, 1)
    refund = stage.refund_of(await stage.paid())
    await stage.provider.refund(refund)
    assert await settled(stage, refund) in (RefundState.CLOSED, RefundState.NOT_ACCEPTED)


async def test_given_back_by_the_platform_itself_settles_a_full_refund(stage: Stage):
    if stage.provider.channel != "alipay":
        pytest.skip("only Alipay's cancel gives money back")
    request = await stage.paid()
    stage.server.alipay.cancel(stage.provider.account, request.number, "")
    await stage.pass_time(SETTLED_S)
    before = stage.balance_fen
    assert (await stage.provider.look_up(request.number)).state is TradeState.PAID
    assert (await stage.provider.refund(stage.refund_of(request))).state is RefundState.SUCCEEDED
    assert stage.balance_fen == before


@pytest.mark.parametrize("fault", UNDONE)
async def test_not_done_and_no_answer_is_unknown_then_done_once(stage: Stage, fault: CallFault):
    request = await stage.paid()
    before = stage.balance_fen
    refund = stage.refund_of(request)
    stage.fail(fault, "refund")
    assert (await stage.provider.refund(refund)).state is RefundState.UNKNOWN
    assert (await stage.provider.look_up_refund(refund)).state is RefundState.NOT_ACCEPTED
    assert (await stage.provider.refund(refund)).state is RefundState.PROCESSING
    assert await settled(stage, refund) is RefundState.SUCCEEDED
    assert stage.balance_fen == before - 350


@pytest.mark.parametrize("fault", DONE)
async def test_done_and_no_answer_is_unknown_then_found(stage: Stage, fault: CallFault):
    request = await stage.paid()
    before = stage.balance_fen
    refund = stage.refund_of(request)
    stage.fail(fault, "refund")
    assert (await stage.provider.refund(refund)).state is RefundState.UNKNOWN
    assert await settled(stage, refund) is RefundState.SUCCEEDED
    assert (await stage.provider.refund(refund)).state is RefundState.SUCCEEDED
    assert stage.balance_fen == before - 350


@pytest.mark.parametrize("fault", UNDONE + DONE)
async def test_a_look_up_without_an_answer_is_unknown(stage: Stage, fault: CallFault):
    refund = stage.refund_of(await stage.paid(), 100)
    await stage.provider.refund(refund)
    await stage.pass_time(SETTLED_S)
    stage.fail(fault, "refund_query")
    assert (await stage.provider.look_up_refund(refund)).state is RefundState.UNKNOWN
    assert (await stage.provider.look_up_refund(refund)).state is RefundState.SUCCEEDED


async def test_a_refusal_is_unknown_while_it_cannot_be_confirmed(stage: Stage):
    refund = stage.refund_of(await stage.paid())
    stage.set_balance(0)
    stage.fail(CallFault.TIMEOUT_BEFORE, "refund_query")
    assert (await stage.provider.refund(refund)).state is RefundState.UNKNOWN
