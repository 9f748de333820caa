"""Bills: when there is one, and that its rows are what the platform's own books say."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, time, timedelta
from typing import Any

import pytest

from tests.contracts.payments.bill_stage import HANDED_OUT_AT, BillDay
from tests.contracts.payments.conftest import REFUND_DELAY_S
from vendomat.cloud.payments.providers import (
    BillError,
    BillKind,
    BillRowKind,
    BillRowStatus,
    BillState,
    FetchedBill,
)
from vendomat.simulator.gateways import BillDifference, CallFault

pytestmark = pytest.mark.asyncio(loop_scope="module")


class TestWhenThereIsOne:
    async def test_no_day_that_is_not_over(self, bill_day: BillDay):
        await bill_day.stage.paid()
        assert (await bill_day.fetch()).state is BillState.NOT_YET
        assert not bill_day.file.exists()

    @pytest.mark.parametrize("kind", BillKind)
    async def test_not_before_the_platform_hands_it_out(self, bill_day: BillDay, kind: BillKind):
        await bill_day.stage.paid()
        at = HANDED_OUT_AT[bill_day.provider.channel]
        await bill_day.pass_until(bill_day.day + timedelta(days=1), at.replace(hour=at.hour - 1, minute=59, second=59))
        early = await bill_day.fetch(kind)
        assert (early.state, early.sha256) == (BillState.NOT_YET, "")
        assert early.error
        assert list(bill_day.folder.iterdir()) == []
        await bill_day.stage.pass_time(1)
        assert (await bill_day.fetch(kind)).state is BillState.READY

    @pytest.mark.parametrize("kind", BillKind)
    async def test_an_empty_day_is_definite(self, bill_day: BillDay, kind: BillKind):
        await bill_day.end()
        assert (await bill_day.fetch(kind)).state is BillState.EMPTY

    async def test_a_day_nobody_keeps_any_more_is_refused(self, bill_day: BillDay):
        fetched = await bill_day.fetch(day=date(2015, 6, 5))
        assert fetched.state is BillState.REFUSED
        assert fetched.error

    async def test_held_back(self, bill_day: BillDay):
        await bill_day.stage.paid()
        await bill_day.end()
        bill_day.change(BillDifference.HOLD)
        assert (await bill_day.fetch()).state is BillState.NOT_YET
        bill_day.stage.platform.bill_desk.clear()
        assert (await bill_day.fetch()).state is BillState.READY


class TestTheFile:
    async def test_its_hash_and_size(self, bill_day: BillDay):
        await bill_day.stage.paid()
        await bill_day.end()
        fetched = await bill_day.fetch()
        content = bill_day.file.read_bytes()
        assert fetched == FetchedBill(BillState.READY, hashlib.sha256(content).hexdigest(), len(content))
        assert [path.name for path in bill_day.folder.iterdir()] == ["bill"]

    async def test_the_same_every_time(self, bill_day: BillDay):
        await bill_day.refund(await bill_day.stage.paid(), 100)
        await bill_day.end()
        first = [await bill_day.fetch(kind) for kind in BillKind]
        await bill_day.stage.paid()
        await bill_day.end(days=30)
        assert [(await bill_day.fetch(kind)).state for kind in BillKind] == [BillState.READY] * 2
        assert first[1] == await bill_day.fetch(BillKind.FUND_FLOW)

    async def test_a_wrong_hash_leaves_what_was_there(self, bill_day: BillDay):
        await bill_day.stage.paid()
        await bill_day.end()
        await bill_day.fetch()
        good = bill_day.file.read_bytes()
        bill_day.change(BillDifference.HASH)
        fetched = await bill_day.fetch()
        assert (fetched.state, fetched.size_bytes) == (BillState.UNKNOWN, 0)
        assert bill_day.file.read_bytes() == good
        assert [path.name for path in bill_day.folder.iterdir()] == ["bill"]
        bill_day.stage.platform.bill_desk.clear()
        assert len(await bill_day.trades()) == 1

    @pytest.mark.parametrize("verb", ["bill", "bill_download"])
    @pytest.mark.parametrize(
        "fault", [CallFault.ERROR_BEFORE, CallFault.RATE_LIMITED, CallFault.UNAVAILABLE, CallFault.RESET_AFTER]
    )
    async def test_no_answer_is_not_known(self, bill_day: BillDay, verb: str, fault: CallFault):
        await bill_day.stage.paid()
        await bill_day.end()
        bill_day.stage.fail(fault, verb)
        fetched = await bill_day.fetch()
        assert (fetched.state, fetched.sha256) == (BillState.UNKNOWN, "")
        assert list(bill_day.folder.iterdir()) == []
        assert (await bill_day.fetch()).state is BillState.READY

    @pytest.mark.parametrize("fault", [CallFault.FORGED_ANSWER, CallFault.ERROR_AFTER])
    async def test_an_answer_that_is_not_the_platforms(self, bill_day: BillDay, fault: CallFault):
        await bill_day.stage.paid()
        await bill_day.end()
        bill_day.stage.fail(fault, "bill")
        assert (await bill_day.fetch()).state is BillState.UNKNOWN


class TestTheRows:
    async def test_are_what_the_books_say(self, bill_day: BillDay):
        stage = bill_day.stage
        first, second = await stage.paid(10_000), await stage.paid(83)
        await stage.pass_time(3)
        refund = await bill_day.refund(first, 5_000)
        await bill_day.end()
        rows = await bill_day.trades()
        books = stage.platform.books()
        ids = {row["number"]: row["transaction_id"] for row in books["trades"]}
        at = {row["number"]: row["paid_at"] for row in books["trades"]}
        assert {row.row for row in rows} == {1, 2, 3}
        by_number = {row.refund_number or row.payment_number: row for row in rows}
        paid, small, back = by_number[first.number], by_number[second.number], by_number[refund]
        assert (paid.amount_minor, paid.fee_minor, small.amount_minor, small.fee_minor) == (10_000, 60, 83, 0)
        for request, row in ((first, paid), (second, small)):
            assert (row.kind, row.status, row.currency) == (BillRowKind.PAYMENT, BillRowStatus.SUCCEEDED, "CNY")
            assert (row.transaction_id, row.at) == (ids[request.number], at[request.number])
            assert (row.refund_number, row.refund_id) == ("", "")
        assert (back.kind, back.status) == (BillRowKind.REFUND, BillRowStatus.SUCCEEDED)
        assert (back.payment_number, back.transaction_id) == (first.number, ids[first.number])
        assert (back.amount_minor, back.fee_minor) == (5_000, -30)

    async def test_a_full_refund_gives_the_whole_fee_back(self, bill_day: BillDay):
        request = await bill_day.stage.paid(250)
        for fen in (125, 125):
            await bill_day.refund(request, fen)
        await bill_day.end()
        rows = await bill_day.trades()
        assert sum(row.fee_minor for row in rows) == 0
        assert sorted(row.fee_minor for row in rows) == [-1, -1, 2]

    async def test_no_other_account_and_nothing_unpaid(self, bill_day: BillDay):
        stage = bill_day.stage
        await stage.provider.start(stage.request())
        request = await stage.paid()
        foreign = replace(stage, provider=stage.other)
        await foreign.paid()
        await bill_day.end()
        assert [row.payment_number for row in await bill_day.trades()] == [request.number]

    async def test_of_another_account_are_no_bill_of_ours(self, bill_day: BillDay):
        await bill_day.stage.paid()
        await bill_day.end()
        await bill_day.fetch()
        other: Any = bill_day.stage.other
        with pytest.raises(BillError):
            list(other.read_trades(bill_day.file))

    async def test_an_odd_description_stays_in_its_cell(self, bill_day: BillDay):
        stage = bill_day.stage
        request = replace(stage.request(), description='Tea, "green"\n`x`, 茶\t')
        await stage.provider.start(request)
        stage.pay(request.number)
        await bill_day.end()
        assert [row.payment_number for row in await bill_day.trades()] == [request.number]

    async def test_midnight_in_beijing_parts_two_days(self, bill_day: BillDay):
        stage = bill_day.stage
        await bill_day.pass_until(bill_day.day, time(23, 59, 59))
        last = await stage.paid()
        await stage.pass_time(1)
        first = await stage.paid()
        await bill_day.end(days=2)
        assert [row.payment_number for row in await bill_day.trades()] == [last.number]
        (row,) = await bill_day.trades(bill_day.day + timedelta(days=1))
        assert row.payment_number == first.number
        assert row.at.astimezone(UTC).time() == time(16)


class TestFunds:
    async def test_add_up_from_opening_to_closing(self, bill_day: BillDay):
        stage = bill_day.stage
        opening_fen = stage.balance_fen
        request = await stage.paid(10_000)
        await stage.paid(350)
        await bill_day.refund(request, 5_000)
        await stage.pass_time(3)
        closing_fen = stage.balance_fen
        await bill_day.end()
        rows = await bill_day.funds()
        assert opening_fen + sum(row.amount_minor for row in rows) == closing_fen == rows[-1].balance_minor
        balance_fen = opening_fen
        for row in rows:
            balance_fen += row.amount_minor
            assert row.balance_minor == balance_fen
        assert sum(row.amount_minor for row in rows) == 10_000 - 60 + 350 - 2 - 5_000 + 30
        assert len({row.flow_id for row in rows}) == len(rows)
        assert request.number in {row.reference for row in rows}

    async def test_the_next_day_pays_out_what_was_left(self, bill_day: BillDay):
        stage = bill_day.stage
        before_fen = stage.balance_fen
        await stage.paid(10_000)
        await bill_day.end(days=2)
        (payout,) = await bill_day.funds(bill_day.day + timedelta(days=1))
        assert (payout.business, payout.amount_minor, payout.balance_minor) == ("提现", -9_940, before_fen)
        assert stage.balance_fen == before_fen

    async def test_a_failed_refund_comes_back_with_its_fee(self, bill_day: BillDay):
        stage = bill_day.stage
        request = await stage.paid(10_000)
        before_fen = stage.balance_fen
        stage.platform.settle_next_refunds_as("CLOSED" if stage.provider.channel == "wechat" else "FAILED", 1)
        await bill_day.refund(request, 5_000)
        assert stage.balance_fen == before_fen - 4_970
        await stage.pass_time(REFUND_DELAY_S + 1)
        assert stage.balance_fen == before_fen
        await bill_day.end()
        rows = await bill_day.funds()
        assert rows[-1].balance_minor == before_fen
        assert sum(row.amount_minor for row in rows) == 9_940

    async def test_too_little_money_for_a_refund_is_real(self, bill_day: BillDay):
        stage = bill_day.stage
        kept_fen = stage.balance_fen
        request = await stage.paid(10_000)
        asked = stage.refund_of(request, 5_000)
        for balance_fen, left_fen in ((4_969, 4_969), (4_970, 0)):
            await stage.pass_time(1)
            stage.set_balance(balance_fen)
            await stage.pass_time(1)
            await stage.provider.refund(asked)
            assert stage.balance_fen == left_fen
        await stage.pass_time(1)
        stage.set_balance(kept_fen)
        await bill_day.end()
        rows = await bill_day.funds()
        assert 0 in {row.balance_minor for row in rows}
