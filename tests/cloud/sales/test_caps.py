"""A payer who gets refund after refund: the next waits for a person, what is owed for a late payment never does."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.cloud.sales.conftest import MERCHANT, World
from tests.cloud.sales.selling_stage import ACCOUNT, Stage, fact, open_stage
from tests.cloud.sales.test_use_cases import create, new_order
from vendomat.cloud.payments import refund_number
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.kernel import derive_id
from vendomat.protocol import FactKind

pytestmark = pytest.mark.slow

MAX, DAYS = 2, 7
HOLDER = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    async with open_stage(
        world, is_following=False, settings=CloudSettings(refunds_per_payer=MAX, payer_days=DAYS)
    ) as opened:
        yield opened


async def bought(stage: Stage, n: int, payer: str) -> None:
    await create(stage.world, new_order(n))
    stage.platform.payer = payer
    trade = stage.platform.take_money(derive_id("pay", n), 350)
    await stage.till.apply_paid(MERCHANT, trade, via="notice")


async def failed(stage: Stage, n: int, payer: str = HOLDER) -> str:
    """Paid, and the machine says that nothing came out; the refund's state after it was asked for."""
    await bought(stage, n, payer)
    order = derive_id("ord", n)
    body = {"cmd_id": command_number(order, 1), "order_id": order, "unit": 1, "slot": "A1", "reason": "busy"}
    await stage.say("facts", {"facts": [fact(FactKind.REFUSED, body, seq=n)]})
    await stage.clock.advance(1)
    await stage.sweeps.ask_refunds()
    return str(await stage.one("SELECT state FROM refund WHERE order_id = $1", order))


async def test_the_next_refund_of_a_payer_waits_for_a_person_and_says_why(stage: Stage) -> None:
    assert [await failed(stage, n) for n in range(1, MAX + 1)] == ["processing"] * MAX
    assert await failed(stage, 3, payer="someone-else") == "processing"
    assert await failed(stage, 4, payer="") == "processing", "nobody is counted whom the platform does not name"
    assert await failed(stage, 5) == "held"
    told = await stage.one("SELECT data FROM evidence WHERE kind = 'refund.held'")
    assert '"earlier": 2' in told and '"payer_days": 7' in told and "many refunds of one payer" in told
    await stage.clock.advance(DAYS * 86_400)
    assert await failed(stage, 6) == "processing", "an old refund is forgotten"
    marks = await stage.world.superuser.fetch("SELECT DISTINCT payer FROM refund")
    assert len(marks) == 3 and all(HOLDER not in row[0] for row in marks)


async def test_a_late_payment_goes_back_however_often_its_payer_was_paid_back(stage: Stage) -> None:
    for n in range(1, MAX + 1):
        await failed(stage, n)
    await create(stage.world, new_order(9))
    stage.platform.payer = HOLDER
    await stage.clock.advance(3600)
    await stage.sweeps.expire_orders()
    await stage.sweeps.look_up_payments()
    trade = stage.platform.take_money(derive_id("pay", 9), 350)
    await stage.till.apply_paid(MERCHANT, trade, via="notice")
    await stage.clock.advance(1)
    await stage.sweeps.ask_refunds()
    number = refund_number(derive_id("pay", 9), 1)
    assert await stage.one("SELECT state FROM refund WHERE refund_id = $1", number) == "processing"


async def test_a_mark_names_nobody_and_joins_no_two_merchants(stage: Stage) -> None:
    caps = stage.till._caps
    marks = {caps.mark_of(MERCHANT, ACCOUNT, HOLDER), caps.mark_of("mer_other", ACCOUNT, HOLDER)}
    marks |= {caps.mark_of(MERCHANT, "other", HOLDER), caps.mark_of(MERCHANT, ACCOUNT, HOLDER + "x")}
    assert len(marks) == 4 and all(len(mark) == 32 and HOLDER not in mark for mark in marks)
    assert caps.mark_of(MERCHANT, ACCOUNT, HOLDER) == caps.mark_of(MERCHANT, ACCOUNT, HOLDER)
    assert caps.mark_of(MERCHANT, ACCOUNT, "") == ""
