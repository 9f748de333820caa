"""Cash that a machine tells of: booked once, whatever is repeated, in whatever order facts arrive, however late."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.cloud.sales.conftest import MACHINE, World
from tests.cloud.sales.selling_stage import Stage, fact, open_stage
from tests.cloud.sales.test_wallet_payments import assert_in_order
from vendomat.protocol import Fact, FactKind

pytestmark = pytest.mark.slow

BOX = f"asset:cash:{MACHINE}"


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    async with open_stage(world, is_following=False) as stage:
        yield stage


def sold(*results: str, seq: int, slot: str = "A1", price: int = 350) -> Fact:
    units = [{"slot": slot, "price_minor": price, "result": result} for result in results]
    return fact(FactKind.CASH_SALE, {"currency": "CNY", "units": units, "not known yet": 1}, seq=seq)


def counted(expected: int, found: int, *, seq: int) -> Fact:
    body = {"currency": "CNY", "expected_minor": expected, "counted_minor": found}
    return fact(FactKind.CASH_COUNT, body, seq=seq)


async def tell(stage: Stage, *facts: Fact) -> list[int]:
    """The numbers that were acknowledged."""
    kind, reply = await stage.say("facts", {"facts": list(facts)})
    assert kind == "facts.reply", reply
    return [ack["seq"] for ack in reply["acks"]]


async def balance(stage: Stage, account: str) -> int:
    return int(await stage.one("SELECT coalesce(sum(amount_minor), 0) FROM ledger_line WHERE account = $1", account))


async def on_hand(stage: Stage) -> int:
    return int(await stage.one("SELECT on_hand FROM stock_slot WHERE machine_id = $1 AND slot = 'A1'", MACHINE))


class TestASale:
    async def test_it_is_an_order_with_goods_and_cash(self, stage: Stage):
        assert await tell(stage, sold("delivered", seq=1)) == [1]
        order = await stage.world.superuser.fetchrow("SELECT * FROM sale_order")
        assert (order["origin"], order["state"], order["total_minor"]) == ("cash", "settled", 350)
        assert (await balance(stage, BOX), await on_hand(stage)) == (350, 39)
        assert await stage.one("SELECT reserved FROM stock_slot WHERE slot = 'A1'") == 0
        assert await stage.one("SELECT count(*) FROM command") == 0
        assert stage.platform.calls == []
        await assert_in_order(stage)

    async def test_what_did_not_come_out_was_paid_back_by_the_machine(self, stage: Stage):
        await tell(stage, sold("delivered", "jam", "timeout", seq=1))
        assert await stage.one("SELECT string_agg(outcome, ' ' ORDER BY unit) FROM vend_unit") == (
            "delivered not_delivered unknown"
        )
        assert await stage.one("SELECT state || ' ' || amount_minor FROM refund") == "succeeded 700"
        assert (await balance(stage, BOX), await balance(stage, "memo:ambiguous")) == (350, 350)
        assert await stage.one("SELECT state FROM sale_order") == "settled"
        assert await stage.one("SELECT closed_reason FROM stock_slot WHERE slot = 'A1'") != ""
        await stage.sweeps.ask_refunds()
        assert stage.platform.calls == []
        await assert_in_order(stage)

    async def test_a_machine_that_was_away_sells_more_than_the_books_had(self, stage: Stage):
        """The machine's eyes are right about goods; the stock shows it, and nothing is refused."""
        await tell(stage, *(sold("delivered", seq=n, slot="A2", price=200) for n in range(1, 5)))
        assert await stage.one("SELECT on_hand FROM stock_slot WHERE slot = 'A2'") == -1
        assert await balance(stage, BOX) == 800


class TestOnce:
    async def test_told_again_it_is_acknowledged_and_booked_once(self, stage: Stage):
        for _ in range(3):
            assert await tell(stage, sold("delivered", seq=1), counted(350, 350, seq=2)) == [1, 2]
        assert await stage.one("SELECT count(*) FROM sale_order") == 1
        assert (await balance(stage, BOX), await balance(stage, "asset:cash_in_hand")) == (0, 350)
        await assert_in_order(stage)

    async def test_another_story_under_the_same_number_is_not_believed(self, stage: Stage):
        await tell(stage, sold("delivered", seq=1))
        assert await tell(stage, sold("delivered", "delivered", seq=1)) == []
        assert await balance(stage, BOX) == 350

    @pytest.mark.parametrize("places", list(itertools.permutations(range(3)))[1:])
    async def test_any_order_gives_the_same_books(self, stage: Stage, places: Sequence[int]):
        facts = [sold("delivered", seq=1), counted(350, 300, seq=2), sold("delivered", "jam", seq=3)]
        for place in places:
            await tell(stage, facts[place])
        assert (await balance(stage, BOX), await balance(stage, "asset:cash_in_hand")) == (350, 300)
        assert await balance(stage, "expense:cash_short") == 50
        await assert_in_order(stage)


class TestACount:
    @pytest.mark.parametrize(
        ("found", "account", "amount", "alarms"),
        [(350, "expense:cash_short", 0, 0), (300, "expense:cash_short", 50, 1), (400, "income:cash_over", -50, 1)],
    )
    async def test_short_and_over(self, stage: Stage, found: int, account: str, amount: int, alarms: int):
        await tell(stage, sold("delivered", seq=1), counted(350, found, seq=2))
        assert await balance(stage, BOX) == 0
        assert (await balance(stage, account), await balance(stage, "asset:cash_in_hand")) == (amount, found)
        assert await stage.one("SELECT count(*) FROM alarm WHERE kind = 'cash.difference'") == alarms
        if alarms:
            said = f"fact 1/2: counted {found / 100:.2f} CNY, expected 3.50 CNY"
            assert await stage.one("SELECT detail FROM alarm WHERE kind = 'cash.difference'") == said
        await assert_in_order(stage)

    async def test_an_empty_box(self, stage: Stage):
        assert await tell(stage, counted(0, 0, seq=1)) == [1]
        assert await stage.one("SELECT count(*) FROM ledger_transaction") == 0
        await assert_in_order(stage)


NOTHING_SOLD = {"currency": "CNY", "units": []}
BELOW_NOTHING = {"currency": "CNY", "units": [{"slot": "A1", "price_minor": -1, "result": "jam"}]}


@pytest.mark.parametrize("body", [{}, NOTHING_SOLD, BELOW_NOTHING])
async def test_what_cannot_be_read_is_kept_and_said(stage: Stage, body: dict[str, Any]) -> None:
    assert await tell(stage, fact(FactKind.CASH_SALE, body)) == [1]
    assert await stage.one("SELECT count(*) FROM sale_order") == 0
    assert await stage.one("SELECT count(*) FROM machine_fact WHERE kind = 'cash_sale'") == 1
    assert await stage.one("SELECT kind FROM security_event") == "machine.cash_unreadable"


async def test_a_sale_from_a_slot_nobody_planned_is_an_alarm(stage: Stage) -> None:
    assert await tell(stage, sold("delivered", seq=1, slot="Z9")) == [1]
    assert await stage.one("SELECT count(*) FROM sale_order") == 0
    assert await stage.one("SELECT severity FROM alarm WHERE kind = 'cash.not_booked'") == "critical"
