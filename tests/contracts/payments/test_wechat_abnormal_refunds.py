"""Refunds the buyer's account could not take, and those that wait for the merchant's money (PF17-PF19)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contracts.payments.payment_stage import Stage
from vendomat.cloud.payments.providers import AbnormalRefund, BankCard, RefundState
from vendomat.simulator.gateways import CallFault

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("world", ["wechat", "wechat_certificate"], indirect=True, scope="module"),
]

CARD = BankCard("ICBC_DEBIT", "6222020200112233445", "小安")


async def abnormal(stage: Stage) -> AbnormalRefund:
    """A refund that left the merchant and reached nobody."""
    stage.platform.settle_next_refunds_as("ABNORMAL", 1)
    request = stage.refund_of(await stage.paid())
    await stage.provider.refund(request)
    await stage.pass_time(3)
    found = await stage.provider.look_up_refund(request)
    assert found.state is RefundState.ABNORMAL
    return AbnormalRefund(request, found.refund_id)


@pytest.mark.parametrize("card", [CARD, None], ids=["card", "merchant"])
async def test_pf19_sent_on_it_succeeds_and_costs_nothing_more(stage: Stage, card: BankCard | None):
    refund = replace(await abnormal(stage), card=card)
    before = stage.balance_fen
    assert (await stage.provider.send_on(refund)).state is RefundState.PROCESSING
    await stage.pass_time(3)
    found = await stage.provider.look_up_refund(refund.request)
    assert (found.state, found.amount) == (RefundState.SUCCEEDED, refund.request.amount)
    assert found.raw["user_received_account"] == ("ICBC_DEBIT3445" if card else "商户结算银行账户")
    assert stage.balance_fen == before
    await stage.until(lambda: [n for n in stage.door.accepted if n.refund.state is RefundState.SUCCEEDED])


async def test_the_same_again_is_as_once_and_another_card_is_refused(stage: Stage):
    refund = replace(await abnormal(stage), card=CARD)
    states = [(await stage.provider.send_on(refund)).state for _ in range(2)]
    assert states == [RefundState.PROCESSING] * 2
    other = replace(refund, card=replace(CARD, account="6222020200112233999"))
    assert (await stage.provider.send_on(other)).state is RefundState.PROCESSING  # what it is, not what was asked
    await stage.pass_time(3)
    found = await stage.provider.look_up_refund(refund.request)
    assert found.raw["user_received_account"] == "ICBC_DEBIT3445"


@pytest.mark.parametrize("fault", [CallFault.TIMEOUT_BEFORE, CallFault.ERROR_BEFORE, CallFault.RATE_LIMITED])
async def test_without_an_answer_it_is_unknown_and_the_same_again_does_it(stage: Stage, fault: CallFault):
    refund = replace(await abnormal(stage), card=CARD)
    stage.fail(fault, "abnormal_refund")
    assert (await stage.provider.send_on(refund)).state is RefundState.UNKNOWN
    assert (await stage.provider.look_up_refund(refund.request)).state is RefundState.ABNORMAL
    assert (await stage.provider.send_on(refund)).state is RefundState.PROCESSING


@pytest.mark.parametrize("fault", [CallFault.TIMEOUT_AFTER, CallFault.ERROR_AFTER, CallFault.FORGED_ANSWER])
async def test_done_without_an_answer_is_found(stage: Stage, fault: CallFault):
    refund = await abnormal(stage)
    stage.fail(fault, "abnormal_refund")
    assert (await stage.provider.send_on(refund)).state in (RefundState.UNKNOWN, RefundState.PROCESSING)
    assert (await stage.provider.look_up_refund(refund.request)).state is RefundState.PROCESSING


async def test_an_incomplete_card_is_refused_and_the_refund_stays_as_it_was(stage: Stage):
    refund = replace(await abnormal(stage), card=replace(CARD, bank=""))
    refused = await stage.provider.send_on(refund)
    assert (refused.state, "PARAM_ERROR" in refused.error) == (RefundState.REFUSED, True)
    assert (await stage.provider.look_up_refund(refund.request)).state is RefundState.ABNORMAL


async def test_another_refunds_id_changes_nothing(stage: Stage):
    one, two = await abnormal(stage), await abnormal(stage)
    assert (await stage.provider.send_on(replace(one, refund_id=two.refund_id))).state is RefundState.REFUSED
    assert (await stage.provider.look_up_refund(one.request)).state is RefundState.ABNORMAL


async def test_the_card_is_in_no_text(stage: Stage):
    refund = replace(await abnormal(stage), card=CARD)
    for secret in (CARD.account, CARD.holder):
        assert secret not in repr(refund)
        assert secret not in repr(await stage.provider.send_on(refund))


async def test_e04_pf18_accepted_without_funds_it_is_closed_after_a_week(stage: Stage):
    request = stage.refund_of(await stage.paid())
    stage.set_balance(349)
    stage.platform.take_next_refunds_on_credit(1)
    assert (await stage.provider.refund(request)).state is RefundState.PROCESSING
    await stage.pass_time(7 * 86_400 - 1)
    assert (await stage.provider.look_up_refund(request)).state is RefundState.PROCESSING
    await stage.pass_time(1)
    assert (await stage.provider.look_up_refund(request)).state is RefundState.CLOSED
    assert (await stage.provider.refund(request)).state is RefundState.CLOSED
    stage.set_balance(1_000)
    again = replace(request, refund_number=f"{request.refund_number}2")
    assert (await stage.provider.refund(again)).state is RefundState.PROCESSING


async def test_e09_pf17_funds_that_come_in_time_set_it_going(stage: Stage):
    request = stage.refund_of(await stage.paid())
    stage.set_balance(349)
    stage.platform.take_next_refunds_on_credit(1)
    await stage.provider.refund(request)
    await stage.pass_time(3 * 86_400)
    stage.set_balance(400)
    assert stage.balance_fen == 50
    await stage.pass_time(3)
    assert (await stage.provider.look_up_refund(request)).state is RefundState.SUCCEEDED
    await stage.pass_time(5 * 86_400)
    assert (await stage.provider.look_up_refund(request)).state is RefundState.SUCCEEDED
