"""Stripe's bills: what its balance transactions say becomes rows, and what they do not say is never guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import pytest

from tests.contracts.payments.bill_stage import BillDay, Pair
from tests.contracts.payments.conftest import REFUND_DELAY_S
from vendomat.cloud.payments.providers import BillError, BillKind, BillRowKind, BillRowStatus, BillState
from vendomat.simulator.gateways import BillDifference, CallFault

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("bill_world", ["stripe"], indirect=True, scope="module"),
]


async def test_rows_are_what_the_books_say_and_no_fee_comes_back(bill_day: BillDay):
    request = await bill_day.stage.paid(10_000)
    refund = await bill_day.refund(request, 5_000)
    await bill_day.stage.pass_time(REFUND_DELAY_S + 1)
    other = replace(bill_day.stage, provider=bill_day.stage.other)
    await other.paid()
    await bill_day.end()
    (book,) = [row for row in bill_day.stage.platform.books()["trades"] if row["number"] == request.number]
    paid, back = await bill_day.trades()
    assert (paid.kind, paid.status, paid.row) == (BillRowKind.PAYMENT, BillRowStatus.SUCCEEDED, 1)
    assert (paid.payment_number, paid.transaction_id, paid.amount_minor, paid.fee_minor, paid.currency) == (
        request.number,
        book["transaction_id"],
        10_000,
        60,
        "CNY",
    )
    assert paid.at == book["paid_at"].replace(microsecond=0)
    assert (back.kind, back.refund_number, back.amount_minor, back.fee_minor) == (BillRowKind.REFUND, refund, 5_000, 0)


async def test_days_that_are_not_over_and_days_on_which_nothing_happened(bill_day: BillDay):
    await bill_day.stage.paid()
    assert (await bill_day.fetch()).state is BillState.NOT_YET
    await bill_day.end()
    assert (await bill_day.fetch()).state is BillState.READY
    before = bill_day.day - timedelta(days=400)
    assert [(await bill_day.fetch(kind, before)).state for kind in BillKind] == [BillState.EMPTY] * 2


async def test_midnight_in_china_parts_two_days_and_many_pages_are_one_bill(bill_day: BillDay):
    requests = [await bill_day.stage.paid(100 + n) for n in range(103)]
    await bill_day.pass_until(bill_day.day + timedelta(days=1), time(0))
    await bill_day.stage.paid(7_777)
    await bill_day.end(days=2)
    rows = await bill_day.trades()
    assert [row.payment_number for row in rows] == [request.number for request in requests]
    assert [row.amount_minor for row in await bill_day.trades(bill_day.day + timedelta(days=1))] == [7_777]


async def test_funds_lead_from_the_balance_before_to_the_balance_after(bill_day: BillDay):
    opening = bill_day.stage.balance_fen
    request = await bill_day.stage.paid(10_000)
    await bill_day.refund(request, 5_000)
    bill_day.stage.platform.pay_out(bill_day.provider.account, 4_000)
    closing = bill_day.stage.balance_fen
    await bill_day.end()
    await bill_day.stage.paid(350)  # what moved since is taken off again
    rows = await bill_day.funds()
    assert opening + 10_000 - 60 - 5_000 - 4_000 == closing == rows[-1].balance_minor
    assert rows[0].balance_minor - rows[0].amount_minor == opening
    assert {(row.business, row.amount_minor) for row in rows} == {
        ("charge", 9_940),
        ("refund", -5_000),
        ("payout", -4_000),
    }
    assert len({row.flow_id for row in rows}) == 3
    again = await bill_day.fetch(BillKind.FUND_FLOW)
    await bill_day.stage.paid(350)
    assert again == await bill_day.fetch(BillKind.FUND_FLOW), "the same file every time"


async def test_a_refund_that_failed_brings_its_money_back(bill_day: BillDay):
    request = await bill_day.stage.paid(10_000)
    bill_day.stage.platform.settle_next_refunds_as("failed", 1)
    await bill_day.refund(request, 5_000)
    await bill_day.stage.pass_time(REFUND_DELAY_S + 1)
    await bill_day.end()
    assert [row.status for row in await bill_day.trades()] == [BillRowStatus.SUCCEEDED, BillRowStatus.FAILED]
    assert sum(row.amount_minor for row in await bill_day.funds()) == 9_940


@pytest.mark.parametrize("verb", ["bill", "balance"])
@pytest.mark.parametrize(
    "fault", [CallFault.ERROR_BEFORE, CallFault.RATE_LIMITED, CallFault.FORGED_ANSWER, CallFault.SIGNTEST_ANSWER]
)
async def test_no_answer_is_not_known_and_leaves_no_file(bill_day: BillDay, verb: str, fault: CallFault):
    await bill_day.stage.paid()
    await bill_day.end()
    bill_day.stage.fail(fault, verb)
    fetched = await bill_day.fetch(BillKind.FUND_FLOW)
    assert (fetched.state, fetched.sha256) == (BillState.UNKNOWN, "")
    assert list(bill_day.folder.iterdir()) == []
    assert (await bill_day.fetch(BillKind.FUND_FLOW)).state is BillState.READY


async def test_another_accounts_bill_and_a_shortened_one_are_none(bill_day: BillDay):
    for _ in range(2):
        await bill_day.stage.paid()
    await bill_day.end()
    await bill_day.fetch(BillKind.FUND_FLOW)
    other, file = bill_day.stage.other, bill_day.file
    with pytest.raises(BillError, match="not a fund_flow bill"):
        list(other.read_funds(file))  # type: ignore[attr-defined]
    whole = file.read_bytes().splitlines(keepends=True)
    for spoilt in (whole[:-1], [*whole, whole[-1]], [*whole[:-1], b"{}\n"]):
        file.write_bytes(b"".join(spoilt))
        with pytest.raises(BillError):
            list(bill_day.provider.read_funds(file))


@pytest.mark.parametrize(
    ("difference", "fen", "wanted"),
    [
        (BillDifference.AMOUNT, 7, [10_007, 5_000]),
        (BillDifference.DROP, 0, [5_000]),
        (BillDifference.DUPLICATE, 0, [10_000, 10_000, 5_000]),
    ],
)
async def test_e10_differences_are_seen_in_the_rows(
    pair: Pair, difference: BillDifference, fen: int, wanted: list[int]
):
    pair.bill_day.change(difference, pair.number, amount_fen=fen)
    await pair.bill_day.stage.pass_time(REFUND_DELAY_S + 1)
    await pair.bill_day.end()
    rows = await pair.bill_day.trades()
    assert sorted(row.amount_minor for row in rows) == sorted(wanted)


async def test_e10_money_that_nobody_knows_stands_in_the_bill(pair: Pair):
    pair.bill_day.change(BillDifference.ADD, "foreign_0001", amount_fen=1_234)
    pair.bill_day.change(BillDifference.FEE, pair.number, amount_fen=7)
    await pair.bill_day.end()
    rows = {row.payment_number or row.refund_number: row for row in await pair.bill_day.trades()}
    assert (rows["foreign_0001"].amount_minor, rows[pair.number].fee_minor) == (1_234, 67)
