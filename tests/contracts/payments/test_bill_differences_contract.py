"""Bills that differ from the books on demand: each class of difference is seen in the rows of the real reader."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.contracts.payments.bill_stage import BillDay, Pair
from vendomat.cloud.payments.providers import BillError, BillKind, BillRowKind, BillRowStatus
from vendomat.simulator.gateways import BillDifference, DailyBillKind

pytestmark = pytest.mark.asyncio(loop_scope="module")


class TestDifferences:
    """Each changes the bill and nothing else, and is seen in its rows."""

    async def test_e10_drop(self, pair: Pair):
        pair.bill_day.change(BillDifference.DROP, pair.number)
        assert set(await pair.rows()) == {pair.refund_number}

    async def test_drop_of_a_refund(self, pair: Pair):
        pair.bill_day.change(BillDifference.DROP, pair.refund_number)
        assert set(await pair.rows()) == {pair.number}

    async def test_e10_add(self, pair: Pair):
        pair.bill_day.change(BillDifference.ADD, "foreign_0001", amount_fen=1_234)
        pair.bill_day.change(BillDifference.ADD, "foreign_0001", refund_number="portal_0001", amount_fen=5)
        rows = await pair.rows()
        assert (rows["foreign_0001"].amount_minor, rows["foreign_0001"].kind) == (1_234, BillRowKind.PAYMENT)
        assert (rows["portal_0001"].amount_minor, rows["portal_0001"].kind) == (5, BillRowKind.REFUND)
        assert len(rows) == 4

    async def test_e10_amount(self, pair: Pair):
        pair.bill_day.change(BillDifference.AMOUNT, pair.number, amount_fen=-1)
        pair.bill_day.change(BillDifference.AMOUNT, pair.refund_number, amount_fen=1)
        rows = await pair.rows()
        assert (rows[pair.number].amount_minor, rows[pair.refund_number].amount_minor) == (9_999, 5_001)

    async def test_e10_fee(self, pair: Pair):
        pair.bill_day.change(BillDifference.FEE, pair.number, amount_fen=7)
        rows = await pair.rows()
        assert (rows[pair.number].fee_minor, rows[pair.refund_number].fee_minor) == (67, -30)

    async def test_e10_duplicate(self, pair: Pair):
        pair.bill_day.change(BillDifference.DUPLICATE, pair.number)
        assert len(await pair.rows()) == 2
        rows = [row for row in pair.bill_day.provider.read_trades(pair.bill_day.file) if not row.refund_number]
        assert [row.payment_number for row in rows] == [pair.number] * 2

    async def test_e10_shift_over_midnight(self, pair: Pair):
        bill_day = pair.bill_day
        bill_day.change(BillDifference.SHIFT, pair.number, seconds=86_400)
        assert set(await pair.rows()) == {pair.refund_number}
        await bill_day.end(days=2)
        (moved,) = await bill_day.trades(bill_day.day + timedelta(days=1))
        assert (moved.payment_number, moved.amount_minor) == (pair.number, 10_000)

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("FAIL", BillRowStatus.FAILED),
            ("CHANGE", BillRowStatus.FAILED),
            ("PROCESSING", BillRowStatus.PROCESSING),
        ],
    )
    async def test_e10_status(self, pair: Pair, word: str, status: BillRowStatus):
        if pair.bill_day.provider.channel == "alipay":
            pytest.skip("Alipay's bill has no states: what stands there has happened")
        pair.bill_day.change(BillDifference.STATUS, pair.refund_number, word=word)
        assert (await pair.rows())[pair.refund_number].status is status

    async def test_e10_sums_that_are_not_those_of_the_rows(self, bill_day: BillDay):
        await bill_day.stage.paid()
        await bill_day.end()
        for kind in BillKind:
            bill_day.change(BillDifference.SUM, kind=DailyBillKind(kind.value))
        with pytest.raises(BillError):
            await bill_day.trades()
        with pytest.raises(BillError):
            await bill_day.funds()

    async def test_a_movement_that_is_missing_or_altered(self, bill_day: BillDay):
        request, other = await bill_day.stage.paid(), await bill_day.stage.paid()
        await bill_day.end()
        of = {"kind": DailyBillKind.FUND_FLOW}
        bill_day.change(BillDifference.DROP, request.number, **of)
        bill_day.change(BillDifference.AMOUNT, other.number, amount_fen=3, **of)
        rows = await bill_day.funds()
        assert request.number not in {row.reference for row in rows}
        assert 353 in {row.amount_minor for row in rows if row.reference == other.number}
