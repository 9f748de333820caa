"""Goods first, money after: what every provider that vouches for buyers must do, and must never say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.contracts.payments.conftest import World, wechat_settings
from tests.contracts.payments.payment_stage import Stage
from tests.contracts.payments.service_stage import Cooler, ServiceDoor, bill
from tests.contracts.payments.test_payments_contract import DONE, UNDONE
from vendomat.cloud.payments.providers import (
    NoticeRefusedError,
    PermissionState,
    Provider,
    RefundRequest,
    RefundState,
    ServiceNoticeKind,
    ServiceOrders,
    ServiceOutcome,
    ServiceRefusal,
    ServiceState,
    open_provider,
)
from vendomat.kernel import Money
from vendomat.simulator.gateways import BuyerRefusal, BuyerRefusedError, CallFault, Habits, NoticeFault

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("world", ["wechat"], indirect=True, scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def merchant(world: World) -> AsyncIterator[tuple[Provider, Any]]:
    account = world.server.open_wechat_account("Coolers")
    settings = wechat_settings(account) | {"service_id": account.service_id, "timeout_s": 2.0}
    provider = open_provider("wechat", settings, clock=world.clock, pool_size=4)
    yield provider, account
    await provider.aclose()


@pytest_asyncio.fixture(loop_scope="module")
async def cooler(stage: Stage, merchant: tuple[Provider, Any]) -> AsyncIterator[Cooler]:
    provider, _ = merchant
    door = ServiceDoor(provider)
    stage.provider, stage.door, stage.notify_url = provider, door, await door.open()
    await stage.pass_time(3)  # what earlier tests are owed comes in now
    orders = provider.service_orders  # type: ignore[attr-defined]
    assert orders is not None
    yield Cooler(stage, orders, provider)
    await door.close()


class TestTheGoodWay:
    async def test_agreed_taken_collected(self, cooler: Cooler):
        request = cooler.request()
        created = (await cooler.orders.create(request)).order
        assert created is not None and (created.state, bool(created.agreement)) == (ServiceState.CREATED, True)
        buyer = cooler.buyer(request.number)
        cooler.stage.platform.agree(request.number, buyer)
        opened = await cooler.order(request.number)
        openid = cooler.stage.platform.openid_of(cooler.merchant.account, buyer)
        assert (opened.state, opened.payer, opened.owed) == (ServiceState.OPEN, openid, None)
        before = cooler.stage.balance_fen
        taken = await cooler.orders.complete(request.number, bill(350, 450, off=100), cooler.stage.clock.now())
        assert taken.order is not None and taken.order.state is ServiceState.COLLECTING
        assert taken.order.owed == Money(700, "CNY")
        await cooler.stage.pass_time(3)
        paid = await cooler.order(request.number)
        assert (paid.state, paid.paid, bool(paid.transaction_id)) == (ServiceState.SETTLED, Money(700, "CNY"), True)
        assert cooler.stage.balance_fen == before + 700

    async def test_nothing_taken_costs_nothing(self, cooler: Cooler):
        number = await cooler.opened()
        taken = await cooler.orders.complete(number, bill(), cooler.stage.clock.now())
        assert taken.order is not None
        assert (taken.order.state, taken.order.owed, taken.order.paid) == (
            ServiceState.SETTLED,
            Money(0, "CNY"),
            None,
        )

    async def test_both_steps_are_told(self, cooler: Cooler):
        number = await cooler.completed()
        await cooler.stage.pass_time(3)
        await cooler.stage.until(lambda: len(cooler.stage.door.accepted) == 2)
        agreed, paid = sorted(cooler.stage.door.accepted, key=lambda one: str(one.kind))
        assert (agreed.kind, paid.kind) == (ServiceNoticeKind.AGREED, ServiceNoticeKind.PAID)
        assert (agreed.order.number, agreed.order.state) == (number, ServiceState.OPEN)
        assert (paid.order.number, paid.order.paid) == (number, Money(350, "CNY"))

    async def test_with_a_permission_nobody_is_asked(self, cooler: Cooler):
        platform, account = cooler.stage.platform, cooler.merchant.account
        openid = platform.permit(account, "regular", cooler.stage.notify_url)
        request = replace(cooler.request(), payer=openid)
        opened = (await cooler.orders.create(request)).order
        assert opened is not None and (opened.state, opened.payer) == (ServiceState.OPEN, openid)
        platform.permit(account, "regular", cooler.stage.notify_url, is_open=False)
        await cooler.stage.until(lambda: len(cooler.stage.door.accepted) == 2)
        assert {one.kind for one in cooler.stage.door.accepted} == {
            ServiceNoticeKind.PERMITTED,
            ServiceNoticeKind.WITHDRAWN,
        }
        assert {one.payer for one in cooler.stage.door.accepted} == {openid}
        refused = await cooler.orders.create(replace(cooler.request(), payer=openid))
        assert refused.outcome is ServiceOutcome.REFUSED

    async def test_what_was_collected_is_given_back_by_its_transaction(self, cooler: Cooler):
        number = await cooler.completed()
        await cooler.stage.pass_time(3)
        paid = await cooler.order(number)
        before = cooler.stage.balance_fen
        amount = Money(350, "CNY")
        refund = RefundRequest(number, f"ref_{number}", amount, amount, "off", cooler.stage.notify_url)
        assert (await cooler.merchant.refund(refund)).state is RefundState.REFUSED
        by_transaction = replace(refund, transaction_id=paid.transaction_id, is_by_transaction=True)
        assert (await cooler.merchant.refund(by_transaction)).state is RefundState.PROCESSING
        await cooler.stage.pass_time(3)
        assert (await cooler.merchant.look_up_refund(by_transaction)).state is RefundState.SUCCEEDED
        assert cooler.stage.balance_fen == before - 350


class TestPermissions:
    async def test_asked_for_given_used_and_ended(self, cooler: Cooler):
        asked = await cooler.orders.ask_permission(cooler.request().number, cooler.stage.notify_url)
        assert (asked.outcome, asked.token in repr(asked)) == (ServiceOutcome.TAKEN, False)
        openid = cooler.stage.platform.openid_of(cooler.merchant.account, "newcomer")
        assert await cooler.orders.look_up_permission(openid) is PermissionState.NONE
        cooler.stage.platform.permit_asked(asked.token, "newcomer")
        await cooler.stage.until(lambda: cooler.stage.door.accepted)
        assert [(one.kind, one.payer) for one in cooler.stage.door.accepted] == [(ServiceNoticeKind.PERMITTED, openid)]
        assert await cooler.orders.look_up_permission(openid) is PermissionState.OPEN
        request = replace(cooler.request(), payer=openid)
        assert (await cooler.orders.create(request)).outcome is ServiceOutcome.TAKEN
        for _ in range(2):
            assert await cooler.orders.end_permission(openid, "closed") is ServiceOutcome.TAKEN
        assert await cooler.orders.look_up_permission(openid) is PermissionState.NONE
        refused = await cooler.orders.create(replace(cooler.request(), payer=openid))
        assert refused.outcome is ServiceOutcome.REFUSED
        with pytest.raises(BuyerRefusedError):
            cooler.stage.platform.permit_asked(asked.token, "somebody else")

    @pytest.mark.parametrize("fault", [CallFault.TIMEOUT_BEFORE, CallFault.UNAVAILABLE, CallFault.FORGED_ANSWER])
    async def test_without_an_answer_nobody_is_permitted_and_nothing_is_ended(self, cooler: Cooler, fault: CallFault):
        openid = cooler.stage.platform.permit(cooler.merchant.account, "doubtful", "")
        for verb in ("permission_ask", "permission_query"):
            cooler.stage.fail(fault, verb)
        asked = await cooler.orders.ask_permission(cooler.request().number, cooler.stage.notify_url)
        assert (asked.outcome, asked.token) == (ServiceOutcome.UNKNOWN, "")
        assert await cooler.orders.look_up_permission(openid) is PermissionState.UNKNOWN
        cooler.stage.fail(fault, "permission_query")
        assert await cooler.orders.end_permission(openid, "x") is ServiceOutcome.UNKNOWN
        assert await cooler.orders.end_permission(openid, "x") is ServiceOutcome.TAKEN

    async def test_another_application_or_service_may_not_ask(self, cooler: Cooler, merchant: Any):
        settings = wechat_settings(merchant[1]) | {"service_id": "another", "timeout_s": 2.0}
        another = open_provider("wechat", settings, clock=cooler.stage.clock, pool_size=1)
        orders: ServiceOrders = another.service_orders  # type: ignore[attr-defined]
        asked = await orders.ask_permission(cooler.request().number, cooler.stage.notify_url)
        assert asked.outcome is ServiceOutcome.REFUSED
        await another.aclose()


class TestNoDoor:
    async def test_an_order_nobody_agreed_to_is_not_open_and_expires(self, cooler: Cooler):
        request = cooler.request()
        await cooler.orders.create(request)
        assert await cooler.state(request.number) is ServiceState.CREATED
        await cooler.stage.pass_time(30 * 86_400 - 1)
        assert await cooler.state(request.number) is ServiceState.CREATED
        await cooler.stage.pass_time(1)
        assert await cooler.state(request.number) is ServiceState.EXPIRED
        with pytest.raises(BuyerRefusedError):
            cooler.stage.platform.agree(request.number, "late")

    @pytest.mark.parametrize("reason", [ServiceRefusal.RISK, ServiceRefusal.UNPAID, ServiceRefusal.MINOR])
    async def test_a_buyer_the_platform_does_not_vouch_for(self, cooler: Cooler, reason: ServiceRefusal):
        platform = cooler.stage.platform
        openid = platform.permit(cooler.merchant.account, f"bad {reason}", cooler.stage.notify_url)
        platform.distrust(f"bad {reason}", reason.value)
        request = replace(cooler.request(), payer=openid)
        refused = await cooler.orders.create(request)
        assert (refused.outcome, refused.reason) == (ServiceOutcome.REFUSED, reason)
        assert await cooler.state(request.number) is ServiceState.NOT_FOUND
        asked = cooler.request()
        await cooler.orders.create(asked)
        with pytest.raises(BuyerRefusedError) as refusal:
            platform.agree(asked.number, f"bad {reason}")
        assert refusal.value.reason is BuyerRefusal.NOT_TRUSTED
        platform.distrust(f"bad {reason}", "")
        platform.agree(asked.number, f"bad {reason}")
        assert await cooler.state(asked.number) is ServiceState.OPEN

    async def test_who_owes_opens_no_second_door(self, cooler: Cooler):
        buyer = cooler.buyer(await cooler.owed())
        request = cooler.request()
        await cooler.orders.create(request)
        with pytest.raises(BuyerRefusedError):
            cooler.stage.platform.agree(request.number, buyer)

    async def test_what_must_not_even_be_sent(self, cooler: Cooler):
        request = cooler.request()
        unfit = [
            replace(request, ceiling=Money(0, "CNY")),
            replace(request, introduction="x" * 21),
            replace(request, device_id=""),
            replace(request, notify_url="no address"),
        ]
        for one in unfit:
            assert (await cooler.orders.create(one)).outcome is ServiceOutcome.REFUSED
        assert await cooler.state(request.number) is ServiceState.NOT_FOUND

    async def test_more_than_the_service_vouches_for(self, cooler: Cooler):
        assert (await cooler.orders.create(cooler.request(20_001))).outcome is ServiceOutcome.REFUSED


class TestTheSameNumber:
    async def test_again_is_the_same_order(self, cooler: Cooler):
        request = cooler.request()
        first, second = await cooler.orders.create(request), await cooler.orders.create(request)
        assert first.order is not None and second.order is not None
        assert first.order.platform_number == second.order.platform_number

    async def test_with_another_ceiling_it_is_not_the_order_asked_for(self, cooler: Cooler):
        request = cooler.request()
        await cooler.orders.create(request)
        other = await cooler.orders.create(replace(request, ceiling=Money(1_000, "CNY")))
        assert (other.outcome, other.reason) == (ServiceOutcome.REFUSED, ServiceRefusal.WRONG_STATE)

    async def test_a_bill_stands_once_said(self, cooler: Cooler):
        number = await cooler.owed(350)
        now = cooler.stage.clock.now()
        assert (await cooler.orders.complete(number, bill(350), now)).outcome is ServiceOutcome.TAKEN
        for another in (bill(349), bill(351)):
            assert (await cooler.orders.complete(number, another, now)).outcome is ServiceOutcome.REFUSED
        assert (await cooler.order(number)).owed == Money(350, "CNY")


class TestChanges:
    async def test_before_completion_it_can_be_cancelled_and_not_after(self, cooler: Cooler):
        created, opened = cooler.request(), await cooler.opened()
        await cooler.orders.create(created)
        for number in (created.number, opened):
            assert (await cooler.orders.cancel(number, "nothing taken")).outcome is ServiceOutcome.TAKEN
            assert await cooler.state(number) is ServiceState.REVOKED
            assert (await cooler.orders.cancel(number, "nothing taken")).outcome is ServiceOutcome.TAKEN
        late = await cooler.orders.cancel(await cooler.owed(), "too late")
        assert (late.outcome, late.reason) == (ServiceOutcome.REFUSED, ServiceRefusal.WRONG_STATE)
        after = await cooler.orders.complete(created.number, bill(350), cooler.stage.clock.now())
        assert (after.outcome, after.reason) == (ServiceOutcome.REFUSED, ServiceRefusal.WRONG_STATE)

    async def test_a_bill_is_only_ever_lowered_and_only_while_owed(self, cooler: Cooler):
        number = await cooler.owed(350, 450)
        lower = await cooler.orders.modify(number, bill(350), "counted wrongly")
        assert lower.order is not None and lower.order.owed == Money(350, "CNY")
        assert (await cooler.orders.modify(number, bill(350, 1), "more")).outcome is ServiceOutcome.REFUSED
        cooler.stage.platform.set_habits(cooler.buyer(number), Habits())
        await cooler.stage.pass_time(6 * 3600)
        assert (await cooler.order(number)).paid == Money(350, "CNY")
        assert (await cooler.orders.modify(number, bill(1), "paid")).outcome is ServiceOutcome.REFUSED

    async def test_a_bill_lowered_to_nothing_is_settled(self, cooler: Cooler):
        number = await cooler.owed(350)
        free = await cooler.orders.modify(number, bill(), "nothing was taken")
        assert free.order is not None
        assert (free.order.state, free.order.owed) == (ServiceState.SETTLED, Money(0, "CNY"))

    async def test_paid_otherwise_is_not_collected_any_more(self, cooler: Cooler):
        number, before = await cooler.owed(350), cooler.stage.balance_fen
        settled = await cooler.orders.settle_otherwise(number, cooler.stage.clock.now())
        assert settled.order is not None
        assert (settled.order.state, settled.order.paid, settled.order.transaction_id) == (
            ServiceState.SETTLED,
            None,
            "",
        )
        cooler.stage.platform.set_habits(cooler.buyer(number), Habits())
        await cooler.stage.pass_time(6 * 3600)
        assert cooler.stage.balance_fen == before

    async def test_the_service_ends_neither_before_it_began_nor_after_now(self, cooler: Cooler):
        number, now = await cooler.opened(), cooler.stage.clock.now()
        for ended_at in (now - timedelta(hours=1), now + timedelta(hours=1)):
            assert (await cooler.orders.complete(number, bill(350), ended_at)).outcome is ServiceOutcome.REFUSED
        assert await cooler.state(number) is ServiceState.OPEN

    async def test_more_than_the_ceiling_is_not_taken(self, cooler: Cooler):
        number = await cooler.opened()
        over = await cooler.orders.complete(number, bill(2_001), cooler.stage.clock.now())
        assert over.outcome is ServiceOutcome.REFUSED
        assert await cooler.state(number) is ServiceState.OPEN

    async def test_discounts_beyond_the_goods_are_not_even_sent(self, cooler: Cooler):
        number = await cooler.opened()
        below = await cooler.orders.complete(number, bill(100, off=101), cooler.stage.clock.now())
        assert below.outcome is ServiceOutcome.REFUSED

    async def test_who_cannot_pay_owes_for_as_long_as_it_takes(self, cooler: Cooler):
        """PF23: pending is a receivable, never a lost sale."""
        number = await cooler.owed(350)
        await cooler.stage.pass_time(90 * 86_400)
        assert await cooler.state(number) is ServiceState.COLLECTING
        cooler.stage.platform.set_habits(cooler.buyer(number), Habits())
        await cooler.stage.pass_time(6 * 3600)
        assert await cooler.state(number) is ServiceState.SETTLED


class TestNoAnswer:
    @pytest.mark.parametrize("fault", [CallFault.TIMEOUT_BEFORE, CallFault.UNAVAILABLE, CallFault.ACCEPTED])
    async def test_not_done_is_unknown_then_done(self, cooler: Cooler, fault: CallFault):
        request = cooler.request()
        cooler.stage.fail(fault, "service_create")
        assert (await cooler.orders.create(request)).outcome is ServiceOutcome.UNKNOWN
        assert (await cooler.orders.create(request)).outcome is ServiceOutcome.TAKEN
        cooler.stage.platform.agree(request.number, cooler.buyer(request.number))
        cooler.stage.fail(fault, "service_complete")
        now = cooler.stage.clock.now()
        assert (await cooler.orders.complete(request.number, bill(350), now)).outcome is ServiceOutcome.UNKNOWN
        assert await cooler.state(request.number) is ServiceState.OPEN
        assert (await cooler.orders.complete(request.number, bill(350), now)).outcome is ServiceOutcome.TAKEN

    @pytest.mark.parametrize("fault", DONE)
    async def test_done_is_unknown_or_found(self, cooler: Cooler, fault: CallFault):
        before = cooler.stage.balance_fen
        number = await cooler.opened()
        cooler.stage.fail(fault, "service_complete")
        now = cooler.stage.clock.now()
        answer = await cooler.orders.complete(number, bill(350), now)
        assert answer.outcome in (ServiceOutcome.UNKNOWN, ServiceOutcome.TAKEN)
        assert (await cooler.orders.complete(number, bill(350), now)).outcome is ServiceOutcome.TAKEN
        await cooler.stage.pass_time(3)
        assert cooler.stage.balance_fen == before + 350

    @pytest.mark.parametrize("fault", [*UNDONE, CallFault.FORGED_ANSWER, CallFault.SIGNTEST_ANSWER])
    async def test_a_look_up_without_an_answer_is_unknown(self, cooler: Cooler, fault: CallFault):
        number = await cooler.opened()
        cooler.stage.fail(fault, "service_query")
        assert await cooler.state(number) is ServiceState.UNKNOWN
        assert await cooler.state(number) is ServiceState.OPEN

    async def test_of_a_stranger_there_is_nothing_to_see(self, cooler: Cooler):
        assert await cooler.state("svc_nobody_has_this") is ServiceState.NOT_FOUND


class TestNotices:
    @pytest.mark.parametrize("fault", [NoticeFault.FORGED, NoticeFault.SIGNTEST, NoticeFault.STALE])
    async def test_a_false_copy_is_refused_and_the_true_one_taken(self, cooler: Cooler, fault: NoticeFault):
        request = cooler.request()
        await cooler.orders.create(request)
        cooler.stage.failing_notice(fault, request.number)
        cooler.stage.platform.agree(request.number, "bob")
        await cooler.stage.until(lambda: len(cooler.stage.door.deliveries) == 2)
        false, true = cooler.stage.door.deliveries
        assert false.refusal is not None
        assert true.notice is not None and true.notice.order.number == request.number

    async def test_it_is_no_notice_of_a_payment_and_of_no_other_service(self, cooler: Cooler, merchant: Any):
        await cooler.opened()
        await cooler.stage.until(lambda: cooler.stage.door.accepted)
        (delivery,) = cooler.stage.door.deliveries
        with pytest.raises(NoticeRefusedError):
            await cooler.merchant.read_notice(delivery.headers, delivery.body)
        settings = wechat_settings(merchant[1]) | {"service_id": "another"}
        another = open_provider("wechat", settings, clock=cooler.stage.clock, pool_size=1)
        with pytest.raises(NoticeRefusedError):
            await another.service_orders.read_notice(delivery.headers, delivery.body)  # type: ignore[attr-defined]
        await another.aclose()


async def test_an_account_without_the_service_has_none(stage: Stage):
    assert stage.provider.service_orders is None  # type: ignore[attr-defined]
