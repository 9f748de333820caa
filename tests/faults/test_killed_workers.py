"""A worker that dies between a commit and what should follow it: another one finds the work due and does it once.

F04, F10, F12, F15, F16, F17, F21 as a worker and a payment platform live them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.cloud.conftest import database_url, postgres
from tests.cloud.sales.conftest import MERCHANT, World, world
from tests.cloud.sales.selling_stage import Stage, fact, open_stage
from tests.cloud.sales.test_use_cases import create, new_order, paid
from vendomat.cloud.payments import refund_number
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.kernel import derive_id
from vendomat.protocol import Dispense, FactKind, read_body

__all__ = ["database_url", "postgres", "world"]
pytestmark = pytest.mark.slow

ORDER, PAYMENT = derive_id("ord", 1), derive_id("pay", 1)
REFUND = refund_number(PAYMENT, 1)
KEY = (MERCHANT, ORDER)


@pytest.fixture
async def dying(world: World) -> AsyncIterator[Stage]:
    """A worker whose commits nothing follows: it is killed right after each."""
    async with open_stage(world, is_following=False) as opened:
        yield opened


async def offered(stage: Stage) -> str:
    """An order as a terminal makes it, its code shown; the payment's number."""
    lines = [{"slot": "A1", "quantity": 1, "price_minor": 350}]
    kind, answer = await stage.say(
        "order", {"request_id": derive_id("req", 1), "lines": lines, "channel": "wechat", "nonce": "n" * 20}
    )
    assert kind == "order.reply", answer
    return str(answer["offers"][0]["payment_id"])


async def test_f15_killed_between_the_commit_and_the_publishing(dying: Stage, world: World) -> None:
    await create(world, new_order(1))
    applied = await dying.writer.apply(paid(1))
    assert applied.dispatches and not dying.line.asked
    async with open_stage(world) as next_worker:
        await next_worker.clock.advance(1)
        assert await next_worker.dispatcher.sweep() == 0, "not due yet: the first worker may be about to send it"
        await next_worker.clock.advance(2)
        assert await next_worker.dispatcher.sweep() == 1
        await next_worker.settle_down()
        ((kind, envelope),) = next_worker.line.asked
        assert (kind, read_body(envelope, Dispense).cmd_id) == ("dispense", command_number(ORDER, 1))


async def test_f16_killed_after_the_publishing_sends_the_same_command_again(dying: Stage, world: World) -> None:
    await create(world, new_order(1))
    applied = await dying.writer.apply(paid(1))
    await dying.dispatcher.send(applied.dispatches[0])
    async with open_stage(world) as next_worker:
        await next_worker.clock.advance(3)
        await next_worker.dispatcher.sweep()
        await next_worker.settle_down()
        sent = [read_body(e, Dispense).cmd_id for line in (dying.line, next_worker.line) for _, e in line.asked]
    assert sent == [command_number(ORDER, 1)] * 2
    assert await dying.one("SELECT count(*) FROM command") == 1


async def refused_order(stage: Stage) -> None:
    """Paid and not delivered: its refund is requested, nobody has called yet."""
    await create(stage.world, new_order(1))
    await stage.writer.apply(paid(1))
    stage.platform.amounts[PAYMENT] = stage.platform.take_money(PAYMENT, 350).amount  # type: ignore[assignment]
    body = {"cmd_id": command_number(ORDER, 1), "order_id": ORDER, "unit": 1, "slot": "A1", "reason": "door_open"}
    await stage.say("facts", {"facts": [fact(FactKind.REFUSED, body)]})
    assert await stage.one("SELECT state FROM refund") == "requested"


async def test_f17_pf24_killed_before_the_refund_call_asks_once(dying: Stage, world: World) -> None:
    await refused_order(dying)
    assert await dying.one("SELECT count(*) FROM pgqueuer") == 1, "the wake-up stands in the deciding transaction"
    async with open_stage(world) as next_worker:
        await next_worker.sweeps.ask_refunds()
        assert next_worker.platform.calls == [("refund", REFUND)]
        await next_worker.sweeps.ask_refund(REFUND)  # the job comes after the sweep
        assert next_worker.platform.calls == [("refund", REFUND)]


async def test_f10_pf24_killed_before_the_answer_of_a_refund_is_stored(dying: Stage, world: World) -> None:
    await refused_order(dying)
    dying.platform.dies_after.add("refund")
    await dying.sweeps.ask_refunds()
    assert await dying.one("SELECT (state, tries)::text FROM refund") == "(requested,1)"
    async with open_stage(world) as next_worker:
        next_worker.platform.refunds = dying.platform.refunds
        await next_worker.clock.advance(1)
        await next_worker.sweeps.ask_refunds()
        assert next_worker.platform.calls == [("look_up_refund", REFUND)]
    assert dying.platform.refunded_minor == 350
    assert await dying.one("SELECT state FROM refund") == "succeeded"
    assert await dying.one("SELECT state FROM sale_order") == "settled"


async def test_f10_pf16_a_platform_away_twenty_times_is_asked_under_one_number(dying: Stage) -> None:
    await refused_order(dying)
    dying.platform.is_away = True
    for _ in range(20):
        await dying.sweeps.ask_refunds()
        await dying.clock.advance(600)
    assert await dying.one("SELECT state FROM refund") == "unknown"
    dying.platform.is_away = False
    await dying.sweeps.ask_refunds()
    await dying.clock.advance(600)
    await dying.sweeps.ask_refunds()
    assert {number for verb, number in dying.platform.calls if "refund" in verb} == {REFUND}
    assert dying.platform.refunded_minor == 350
    assert await dying.one("SELECT state FROM refund") == "succeeded"


async def test_f12_pf12_a_platform_that_is_away_ends_nothing(dying: Stage) -> None:
    number = await offered(dying)
    dying.platform.is_away = True
    for _ in range(20):
        await dying.clock.advance(30)
        await dying.sweeps.expire_orders()
        await dying.sweeps.look_up_payments()
    assert await dying.one("SELECT state FROM sale_order") == "awaiting_payment"
    assert await dying.one("SELECT state FROM payment") == "unknown"
    dying.platform.is_away = False
    dying.platform.take_money(number)
    await dying.clock.advance(30)
    await dying.sweeps.look_up_payments()
    assert await dying.one("SELECT state FROM sale_order") == "expired"
    assert await dying.one("SELECT amount_minor FROM refund") == 350


async def test_f21_an_answer_that_a_paused_worker_holds_ends_no_payment(dying: Stage) -> None:
    """It asked while the code could still be paid, slept past the code's last moment, and holds "no such trade"."""
    number = await offered(dying)
    await dying.clock.advance(121)
    await dying.sweeps.expire_orders()
    del dying.platform.trades[number]
    dying.platform.cancel_is_known = False

    async def sleep_long(verb: str) -> None:
        if verb == "look_up":
            await dying.clock.advance(400)

    dying.platform.pause = sleep_long
    await dying.sweeps.look_up_payments()
    assert await dying.one("SELECT state FROM payment") in ("created", "unknown")
    dying.platform.pause = None
    await dying.clock.advance(30)
    await dying.sweeps.look_up_payments()  # asked anew, after the end: now it counts
    assert await dying.one("SELECT state FROM payment") == "closed"
    assert await dying.one("SELECT state FROM sale_order") == "expired"


async def test_another_account_on_the_channel_answers_for_none_of_the_old_one(dying: Stage) -> None:
    """The merchant replaced the account while money was open: "no such number" there must end nothing here."""
    number = await offered(dying)
    await dying.clock.advance(121)
    await dying.sweeps.expire_orders()
    dying.platform.account = "1900000002"
    await dying.clock.advance(400)
    await dying.sweeps.look_up_payments()
    assert dying.platform.calls == [("start", number)]
    assert await dying.one("SELECT state FROM payment") == "created"
    dying.platform.account = "1900000001"
    dying.platform.take_money(number)
    await dying.clock.advance(30)
    await dying.sweeps.look_up_payments()
    assert await dying.one("SELECT amount_minor FROM refund") == 350


async def test_f04_pf05_a_forged_notice_is_refused_and_noted(dying: Stage) -> None:
    """F04: refused, nothing changes, and a security event says so."""
    number = await offered(dying)
    body = b'{"id": "n1", "number": "' + number.encode() + b'"}'
    answer = await dying.till.take_notice(MERCHANT, "wechat", {"x-signature": "bad"}, body)
    assert answer is not None and answer.status == 401
    assert await dying.one("SELECT state FROM payment") == "created"
    await dying.watch.flush()
    assert await dying.one("SELECT kind FROM security_event") == "notice_refused"
    assert await dying.till.take_notice(MERCHANT, "cash_app", {}, b"") is None
