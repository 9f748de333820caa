"""Money under bad luck, as one worker, its platform and its machine live it: F03, F12, F22, F52, F54."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.cloud.conftest import database_url, postgres
from tests.cloud.sales.conftest import MERCHANT, World, world
from tests.cloud.sales.selling_stage import Stage, fact, open_stage, reply_of
from tests.cloud.sales.test_use_cases import create, new_order, paid
from vendomat.cloud.merchants import Operator, Role
from vendomat.cloud.payments import refund_number
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.kernel import ManualClock, SteadyClock, derive_id
from vendomat.protocol import FactKind

__all__ = ["database_url", "postgres", "world"]
pytestmark = pytest.mark.slow

PERSON = Operator(MERCHANT, "opr_" + "1" * 26, "p@vendomat.example", "p", Role.MANAGER, "Test", "CNY")
LIMIT = 3


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    """A worker that follows nothing by itself: the test sweeps."""
    settings = CloudSettings(refunds_per_machine_hour=LIMIT)
    async with open_stage(world, is_following=False, settings=settings) as opened:
        yield opened


def order_of(n: int) -> str:
    return derive_id("ord", n)


def vend_body(n: int, **more: object) -> dict[str, object]:
    return {"cmd_id": command_number(order_of(n), 1), "order_id": order_of(n), "unit": 1, "slot": "A1", **more}


async def bought(stage: Stage, n: int) -> None:
    await create(stage.world, new_order(n))
    await stage.writer.apply(paid(n, transaction_id=f"t{n}"))
    stage.platform.take_money(derive_id("pay", n), 350)


async def failed(stage: Stage, n: int) -> None:
    """Bought, and reported as not delivered without a reason to close the slot."""
    await bought(stage, n)
    await stage.say("facts", {"facts": [fact(FactKind.REFUSED, vend_body(n, reason="busy"), seq=n)]})


async def offer(stage: Stage) -> dict[str, object]:
    lines = [{"slot": "A1", "quantity": 1, "price_minor": 350}]
    asked = {"request_id": derive_id("req", 1), "lines": lines, "channel": "wechat", "nonce": "n" * 20}
    kind, answer = await stage.say("order", asked)
    assert kind == "order.reply", answer
    return dict(answer)


async def test_f03_the_notice_may_come_before_the_answer_to_the_creation(stage: Stage) -> None:
    """F03: the row is there before the platform is asked, so the notice finds it: paid, once."""
    statuses = []

    async def notify_first(verb: str) -> None:
        if verb == "start":
            number = await stage.one("SELECT payment_id FROM payment")
            stage.platform.take_money(number, 350)
            body = b'{"id": "n1", "number": "' + number.encode() + b'"}'
            answer = await stage.till.take_notice(MERCHANT, "wechat", {"x-signature": "good"}, body)
            assert answer is not None
            statuses.append(answer.status)

    stage.platform.pause = notify_first
    await offer(stage)
    assert statuses == [204]
    assert await stage.one("SELECT state FROM sale_order") == "paid"
    assert await stage.one("SELECT count(*) FROM command") == 1


async def test_f12_pf25_a_platform_down_for_hours_stops_no_paid_vend_and_its_backlog_drains(stage: Stage) -> None:
    """F12: what is paid vends; a new order gets no code; afterwards the refunds go out, each once."""
    await failed(stage, 11)
    await failed(stage, 12)
    await bought(stage, 13)
    stage.platform.is_away = True
    for _ in range(12):
        await stage.sweeps.ask_refunds()
        await stage.clock.advance(600)
    await stage.say("facts", {"facts": [fact(FactKind.OUTCOME, vend_body(13, result="delivered"), seq=13)]})
    assert await stage.one("SELECT state FROM sale_order WHERE order_id = $1", order_of(13)) == "settled"
    (offered,) = (await offer(stage))["offers"]  # type: ignore[misc]
    assert (offered["state"], offered["code_url"]) == ("starting", "")  # type: ignore[index]
    stage.platform.is_away = False
    for _ in range(3):
        await stage.sweeps.ask_refunds()
        await stage.clock.advance(600)
    assert stage.platform.refunded_minor == 700 and len(stage.platform.refunds) == 2
    assert await stage.one("SELECT count(*) FROM refund WHERE state <> 'succeeded'") == 0


@pytest.mark.parametrize("hours", [1, -1])
async def test_f22_a_step_of_the_wall_clock_moves_no_money_and_closes_no_code(world: World, hours: int) -> None:
    """F22: clock +-1 h in mid sale: no early expiry, no early deadline, no early refund."""
    wall = ManualClock(ManualClock().now())
    async with open_stage(world, is_following=False, clock=SteadyClock(wall)) as stage:
        await world.superuser.execute("UPDATE machine_live SET nonce_at = $1, seen_at = $1", wall.now())
        await offer(stage)
        number = await stage.one("SELECT payment_id FROM payment")
        stage.platform.take_money(number, 350)
        wall.step(hours * 3600)
        await stage.sweeps.expire_orders()
        await stage.sweeps.look_up_payments()
        await wall.advance(3)
        await stage.sweeps.look_up_payments()
        assert await stage.one("SELECT state FROM sale_order") == "paid", "in time, whatever the wall says"
        assert await stage.one("SELECT nonce IS NOT NULL FROM command")
        wall.step(hours * 3600)
        await stage.dispatcher.sweep()
        assert not await stage.one("SELECT is_final FROM vend_unit")
        for _ in range(6):
            await wall.advance(19)
            await stage.dispatcher.sweep()
        assert (wall.elapsed() > 112) and await stage.one("SELECT is_final FROM vend_unit"), "by elapsed time it ends"
        assert await stage.one("SELECT count(*) FROM refund") == 1


async def test_f22_a_worker_started_on_a_clock_an_hour_ahead_declares_nothing_early(stage: Stage, world: World) -> None:
    """F22: the rows look old to it, yet a motor may still start: it waits the whole time itself."""
    await bought(stage, 1)
    assert await stage.one("SELECT nonce IS NOT NULL FROM command")
    ahead = ManualClock(stage.clock.now())
    ahead.step(3600)
    async with open_stage(world, is_following=False, clock=ahead) as next_worker:
        await offer(stage)
        for _ in range(5):
            await next_worker.dispatcher.sweep()
            assert await next_worker.sweeps.expire_orders() == 0
            assert not await stage.one("SELECT is_final FROM vend_unit WHERE order_id = $1", order_of(1))
            await ahead.advance(22)
        assert await stage.one("SELECT count(*) FROM refund") == 0
        await ahead.advance(10)
        await next_worker.dispatcher.sweep()
        assert await stage.one("SELECT is_final FROM vend_unit WHERE order_id = $1", order_of(1))


async def test_f52_a_machine_that_fails_every_vend_is_capped_and_a_person_lets_the_rest_go(stage: Stage) -> None:
    """F52: beyond the cap refunds wait for a person, the buyer reads so, and once let go they settle."""
    for n in range(1, LIMIT + 3):
        await failed(stage, n)
        await stage.sweeps.ask_refunds()
        await stage.clock.advance(30)
    await stage.sweeps.ask_refunds()
    await stage.standing.look()
    assert len(stage.platform.refunds) == LIMIT
    held = await stage.world.superuser.fetch("SELECT order_id, refund_id FROM refund WHERE state = 'held' ORDER BY 1")
    assert sorted(row["order_id"] for row in held) == sorted(order_of(n) for n in (LIMIT + 1, LIMIT + 2))
    assert (
        await stage.one("SELECT (state, severity)::text FROM alarm WHERE kind = 'refund_held'") == "(raised,critical)"
    )
    _, told = await stage.say("order_status", {"order_id": held[0]["order_id"]})
    assert told["refund"]["state"] == "checking"
    for row in held:
        await stage.refunds.release(PERSON, row["order_id"], row["refund_id"], "the slot was jammed")
        await stage.refunds.release(PERSON, row["order_id"], row["refund_id"], "pressed twice")
    for _ in range(2):
        await stage.sweeps.ask_refunds()
        await stage.clock.advance(60)
    assert await stage.one("SELECT count(*) FROM sale_order WHERE state <> 'settled'") == 0
    assert stage.platform.refunded_minor == 350 * (LIMIT + 2)
    await stage.standing.look()
    assert await stage.one("SELECT state FROM alarm WHERE kind = 'refund_held'") == "passed"
    released = await stage.one("SELECT data ->> 'by' FROM evidence WHERE kind = 'refund.released' LIMIT 1")
    assert released == PERSON.operator_id


@pytest.mark.parametrize("is_delivered", [True, False])
async def test_f54_a_refund_asked_while_the_motor_turns_has_one_outcome(stage: Stage, is_delivered: bool) -> None:
    """F54: the motor's outcome decides: goods and no refund, or the refund and no goods."""
    await bought(stage, 1)
    await stage.say("facts", {"facts": [fact(FactKind.INTENT, vend_body(1), seq=1)]})
    for _ in range(2):
        await stage.refunds.ask(PERSON, order_of(1), "the buyer called")
    await stage.sweeps.ask_refunds()
    assert await stage.one("SELECT count(*) FROM refund") == 0 and not stage.platform.refunds
    result = "delivered" if is_delivered else "not_detected"
    await stage.say("facts", {"facts": [fact(FactKind.OUTCOME, vend_body(1, result=result), seq=2)]})
    await stage.sweeps.ask_refunds()
    await stage.clock.advance(60)
    await stage.sweeps.ask_refunds()
    assert await stage.one("SELECT state FROM sale_order") == "settled"
    assert stage.platform.refunded_minor == (0 if is_delivered else 350)
    assert await stage.one("SELECT on_hand FROM stock_slot WHERE slot = 'A1'") == (39 if is_delivered else 40)


async def test_f54_a_refund_asked_before_the_motor_fences_the_command(stage: Stage) -> None:
    """F54: asked before the motor: the machine promises not to start, then the money goes back, once."""
    await bought(stage, 1)
    await stage.refunds.ask(PERSON, order_of(1), "the buyer called")
    assert await stage.one("SELECT state FROM command") == "fencing"
    stage.line.serve = lambda kind, _: reply_of(fact(FactKind.FENCED, vend_body(1))) if kind == "fence" else None
    await stage.clock.advance(3)
    await stage.dispatcher.sweep()
    await stage.settle_down()
    assert await stage.one("SELECT (outcome, reason)::text FROM vend_unit") == "(not_delivered,fenced)"
    assert await stage.one("SELECT refund_id FROM refund") == refund_number(derive_id("pay", 1), 1)
