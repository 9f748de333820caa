"""Paying from a member's wallet at a machine: in one transaction, once; what did not come out is back at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.cloud.sales.conftest import MACHINE, MERCHANT, World
from tests.cloud.sales.purchases import OPERATOR
from tests.cloud.sales.selling_stage import MASTER, Stage, fact, open_stage
from vendomat.audit import AuditSources, Terms, run_audit
from vendomat.cloud.members import Member, forget_codes, member_code, members_key
from vendomat.cloud.merchants import Operator, Role
from vendomat.cloud.sales import Gift
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.kernel import VendomatError, derive_id
from vendomat.protocol import FactKind

pytestmark = pytest.mark.slow

STORED = 1000
PRICE = 350
BOSS = Operator(MERCHANT, OPERATOR, "o@x", "O", Role.OWNER, "Test", "CNY")


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    async with open_stage(world, is_following=False) as stage:
        yield stage


async def order(stage: Stage, nth: int = 1) -> str:
    lines = [{"slot": "A1", "quantity": 1, "price_minor": PRICE}]
    asked = {"request_id": derive_id("req", nth), "lines": lines, "channel": "wechat", "nonce": "n" * 20}
    kind, answer = await stage.say("order", asked)
    assert kind == "order.reply", answer
    return str(answer["order_id"])


async def show(stage: Stage, member: Member) -> str:
    return (await stage.members.show_code(member)).digits


async def scan(stage: Stage, order_id: str, code: str, nth: int = 1) -> tuple[str, Any]:
    return await stage.say("scan", {"order_id": order_id, "scan_id": derive_id("scn", nth), "code": code})


async def report(stage: Stage, order_id: str, result: str) -> None:
    cmd_id = command_number(order_id, 1)
    said = {"cmd_id": cmd_id, "order_id": order_id, "unit": 1, "slot": "A1"}
    facts = [fact(FactKind.INTENT, said, seq=1), fact(FactKind.OUTCOME, said | {"result": result}, seq=2)]
    kind, _ = await stage.say("facts", {"facts": facts})
    assert kind == "facts.reply"


def charge(status: dict[str, Any]) -> tuple[str, str]:
    offer = [offer for offer in status["offers"] if offer["way"] == "code_scan"][-1]
    return offer["state"], offer["reason"]


async def taken(stage: Stage) -> int:
    return int(await stage.one("SELECT count(*) FROM payment WHERE channel = 'wallet' AND state = 'paid'"))


async def assert_in_order(stage: Stage) -> None:
    """The audit finds nothing: not in the books, not in the wallets."""
    found = await run_audit(AuditSources(stage.world.database.url), Terms())
    assert [(f.name, f.rows[:2]) for f in found.breaches] == []


class TestThePayment:
    async def test_it_pays_and_vends_and_the_platform_hears_nothing(self, stage: Stage):
        ann = await stage.join(stored_minor=STORED)
        order_id = await order(stage)
        stage.platform.calls.clear()
        kind, status = await scan(stage, order_id, await show(stage, ann))
        assert (kind, status["state"], charge(status)) == ("scan.reply", "paid", ("paid", ""))
        assert await stage.stored(ann) == STORED - PRICE
        assert await stage.one("SELECT count(*) FROM command") == 1
        assert stage.platform.calls == []
        await assert_in_order(stage)

    async def test_the_code_on_the_screen_is_closed_after_it(self, stage: Stage):
        ann = await stage.join(stored_minor=STORED)
        order_id = await order(stage)
        await scan(stage, order_id, await show(stage, ann))
        await stage.sweeps.look_up_payments()
        assert await stage.one("SELECT state FROM payment WHERE way = 'qr' AND order_id = $1", order_id) == "closed"

    async def test_what_does_not_come_out_is_back_in_the_same_moment(self, stage: Stage):
        ann = await stage.join(stored_minor=STORED)
        order_id = await order(stage)
        await scan(stage, order_id, await show(stage, ann))
        stage.platform.calls.clear()
        await report(stage, order_id, "jam")
        assert await stage.stored(ann) == STORED
        _, status = await stage.say("order_status", {"order_id": order_id})
        assert status["refund"] == {"state": "refunded", "amount_minor": PRICE, "channel": "wallet"}
        assert stage.platform.calls == []
        await assert_in_order(stage)

    async def test_goodwill_goes_to_the_wallet(self, stage: Stage):
        ann = await stage.join(stored_minor=STORED)
        order_id = await order(stage)
        await scan(stage, order_id, await show(stage, ann))
        await report(stage, order_id, "delivered")
        await stage.refunds.give(BOSS, order_id, Gift(100, 1, "kind"))
        assert await stage.stored(ann) == STORED - PRICE + 100
        await assert_in_order(stage)


class TestWhatItRefuses:
    async def test_too_little_is_said_and_the_order_stays_open(self, stage: Stage):
        ann = await stage.join(stored_minor=PRICE - 1)
        order_id = await order(stage)
        kind, status = await scan(stage, order_id, await show(stage, ann))
        assert (kind, status["state"], charge(status)) == ("scan.reply", "awaiting_payment", ("closed", "wallet_short"))
        assert await stage.stored(ann) == PRICE - 1
        assert await stage.one("SELECT count(*) FROM payment WHERE state = 'created' AND channel = 'wallet'") == 0
        rich = await stage.join("Bob", STORED)
        _, status = await scan(stage, order_id, await show(stage, rich), nth=2)
        assert status["state"] == "paid"
        await assert_in_order(stage)

    async def test_a_member_without_a_wallet_has_too_little(self, stage: Stage):
        _, status = await scan(stage, await order(stage), await show(stage, await stage.join()))
        assert charge(status) == ("closed", "wallet_short")

    async def test_a_blocked_wallet_pays_nothing_whenever_its_code_was_made(self, stage: Stage):
        ann = await stage.join(stored_minor=STORED)
        code = await show(stage, ann)
        await stage.members.block(MERCHANT, ann.member_id)
        _, status = await scan(stage, await order(stage), code)
        assert charge(status) == ("closed", "wallet_blocked")
        with pytest.raises(VendomatError, match="blocked"):
            await show(stage, await stage.members.find(MERCHANT, ann.member_id))
        assert await stage.stored(ann) == STORED

    async def test_a_day_has_a_limit(self, world: World):
        settings = world.settings.model_copy(update={"wallet_spend_day_max_minor": PRICE + 1})
        async with open_stage(world, is_following=False, settings=settings) as stage:
            ann = await stage.join(stored_minor=STORED)
            first, second = await order(stage, 1), await order(stage, 2)
            await scan(stage, first, await show(stage, ann))
            _, status = await scan(stage, second, await show(stage, ann), nth=2)
            assert charge(status) == ("closed", "wallet_day_limit")
            await report(stage, first, "jam")  # what came back was not spent
            _, status = await scan(stage, second, await show(stage, ann), nth=3)
            assert status["state"] == "paid"

    async def test_an_old_code(self, stage: Stage):
        ann = await stage.join(stored_minor=STORED)
        order_id, code = await order(stage), await show(stage, ann)
        await stage.clock.advance(61)
        _, status = await scan(stage, order_id, code)
        assert charge(status) == ("closed", "code_expired")
        assert await stage.stored(ann) == STORED

    async def test_a_forged_code_and_one_of_another_merchant(self, stage: Stage):
        order_id = await order(stage)
        strange = member_code(members_key(MASTER), "mer_" + "1" * 26, "01234567890")
        unknown = member_code(members_key(MASTER), MERCHANT, "01234567890")
        for code in ("90" + "0" * 22, strange, unknown):
            kind, problem = await scan(stage, order_id, code)
            assert (kind, problem["code"]) == ("problem", "code_refused")
        assert await stage.one("SELECT count(*) FROM payment WHERE channel = 'wallet'") == 0

    async def test_nobodys_order_one_that_is_over_and_the_wallet_as_a_choice(self, stage: Stage):
        ann = await stage.join(stored_minor=STORED)
        kind, problem = await scan(stage, derive_id("ord", "none"), await show(stage, ann))
        assert (kind, problem["code"]) == ("problem", "not_found")
        order_id = await order(stage)
        await stage.say("cancel", {"order_id": order_id})
        kind, problem = await scan(stage, order_id, await show(stage, ann))
        assert (kind, problem["code"]) == ("problem", "order_not_open")
        kind, problem = await stage.say("channel", {"order_id": await order(stage, 2), "channel": "wallet"})
        assert (kind, problem["code"]) == ("problem", "method_unavailable")
        assert await stage.stored(ann) == STORED


class TestOnce:
    async def test_the_same_scan_and_the_same_code_again(self, stage: Stage):
        ann = await stage.join(stored_minor=STORED)
        order_id, code = await order(stage), await show(stage, ann)
        for nth in (1, 1, 2):
            kind, status = await scan(stage, order_id, code, nth)
            assert (kind, charge(status)) == ("scan.reply", ("paid", ""))
        assert (await taken(stage), await stage.stored(ann)) == (1, STORED - PRICE)

    async def test_at_the_same_moment(self, stage: Stage):
        ann = await stage.join(stored_minor=STORED)
        order_id, code = await order(stage), await show(stage, ann)
        await asyncio.gather(*(scan(stage, order_id, code, nth) for nth in (1, 1, 2, 3)))
        assert (await taken(stage), await stage.stored(ann)) == (1, STORED - PRICE)
        assert await stage.one("SELECT count(*) FROM command") == 1

    async def test_one_code_for_two_orders(self, stage: Stage):
        ann = await stage.join(stored_minor=STORED)
        first, second, code = await order(stage, 1), await order(stage, 2), await show(stage, ann)
        answers = await asyncio.gather(scan(stage, first, code, 1), scan(stage, second, code, 2))
        assert sorted(charge(status) for _, status in answers) == [("closed", "code_expired"), ("paid", "")]
        assert (await taken(stage), await stage.stored(ann)) == (1, STORED - PRICE)

    async def test_two_codes_for_the_last_of_the_money(self, stage: Stage):
        ann = await stage.join(stored_minor=PRICE + 100)
        codes = [await show(stage, ann), await show(stage, ann)]
        orders = [await order(stage, 1), await order(stage, 2)]
        answers = await asyncio.gather(*(scan(stage, orders[n], codes[n], n) for n in (0, 1)))
        assert sorted(charge(status) for _, status in answers) == [("closed", "wallet_short"), ("paid", "")]
        assert await stage.stored(ann) == 100
        await assert_in_order(stage)

    async def test_a_platform_is_charging_already(self, stage: Stage):
        """One charge at a time: the buyer's other phone may be paying this order now."""
        ann = await stage.join(stored_minor=STORED)
        order_id = await order(stage)
        stage.platform.is_away = True
        await scan(stage, order_id, "134567890123456789", nth=1)
        await stage.settle_down()
        _, status = await scan(stage, order_id, await show(stage, ann), nth=2)
        assert charge(status) == ("charging", "")
        assert await stage.stored(ann) == STORED

    async def test_a_wallet_can_never_fall_below_nothing(self, stage: Stage):
        """Whatever code forgot to look: the constraint stops it, and nothing of the transaction stands."""
        ann = await stage.join(stored_minor=PRICE)
        with pytest.raises(Exception, match="balance_minor"):
            await stage.world.superuser.execute("UPDATE wallet SET balance_minor = balance_minor - 351")
        assert await stage.stored(ann) == PRICE

    async def test_the_code_is_in_no_row(self, stage: Stage):
        ann = await stage.join(stored_minor=STORED)
        code = await show(stage, ann)
        await scan(stage, await order(stage), code)
        tables = await stage.world.superuser.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables:
            found = await stage.one(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE $1', f"%{code}%")
            assert found == 0, table


async def test_a_machine_pays_for_its_own_orders_only(stage: Stage):
    ann = await stage.join(stored_minor=STORED)
    order_id = await order(stage)
    await stage.world.superuser.execute(
        "UPDATE sale_order SET machine_id = $2 WHERE order_id = $1", order_id, MACHINE[:-1] + "9"
    )
    kind, problem = await scan(stage, order_id, await show(stage, ann))
    assert (kind, problem["code"]) == ("problem", "not_found")


async def test_codes_that_ended_are_forgotten(stage: Stage):
    await show(stage, await stage.join())
    async with stage.world.database.hot.acquire() as connection:
        await forget_codes(connection, before=stage.clock.now())
        assert await stage.one("SELECT count(*) FROM member_code") == 1
        await forget_codes(connection, before=stage.clock.now() + timedelta(minutes=2))
    assert await stage.one("SELECT count(*) FROM member_code") == 0
