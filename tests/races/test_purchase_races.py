"""Two workers on one purchase at the same moment. Each lock has a control that shows the race without it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import asyncpg
import pytest

from tests.cloud.conftest import database_url, postgres
from tests.cloud.sales.conftest import MACHINE, MERCHANT, PRODUCT, World, world
from tests.cloud.sales.purchases import AT
from tests.cloud.sales.selling_stage import CODE_KEY, Stage, open_stage
from tests.cloud.sales.test_use_cases import IDS, create, new_order, paid, pay, vend
from vendomat.cloud.codes.model import code_hash
from vendomat.cloud.orders import Closing
from vendomat.cloud.orders.store import claim_due_commands
from vendomat.cloud.payments import ChargeState, Payment, PaymentState, refund_number
from vendomat.cloud.payments import store as payment_rows
from vendomat.cloud.platform.database import Database
from vendomat.cloud.sales.loading import load_purchases
from vendomat.cloud.sales.model import (
    CloseAsked,
    DeadlinePassed,
    Event,
    PaymentAdded,
    PaymentClosed,
    ReverseWanted,
    VendSaid,
)
from vendomat.cloud.sales.steps import step
from vendomat.cloud.sales.store import Change, save
from vendomat.cloud.sales.use_cases import Applied, EventFor
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.cloud.stock import change_slots
from vendomat.kernel import VendomatError, derive_id
from vendomat.protocol import ScanRequest

__all__ = ["database_url", "postgres", "world"]
pytestmark = pytest.mark.slow

ORDERS = range(1, 13)


def key(n: int) -> tuple[str, str]:
    return (MERCHANT, derive_id("ord", n))


@pytest.fixture
async def workers(world: World) -> AsyncIterator[tuple[Stage, Stage]]:
    """Two workers with a pool of their own each, and one platform between them."""
    database = await Database.open(world.database.url)
    other = World(database, world.hot, world.superuser, world.settings)
    async with open_stage(world) as first, open_stage(other) as second:
        second.platform.trades, second.platform.amounts = first.platform.trades, first.platform.amounts
        second.platform.refunds, second.platform.calls = first.platform.refunds, first.platform.calls
        yield first, second
    await database.aclose()


async def without_lock(world: World, events: Sequence[Event]) -> list[BaseException | None]:
    """Each event in a transaction of its own that reads the purchase of order 1 unlocked; then they write in turn."""
    all_have_read = asyncio.Barrier(len(events))
    done = [asyncio.Event() for _ in events]

    async def apply(turn: int) -> None:
        try:
            async with world.database.hot.acquire() as connection, connection.transaction():
                before = (await load_purchases(connection, [key(1)], is_locking=False))[key(1)]
                await all_have_read.wait()
                if turn:
                    await done[turn - 1].wait()
                after, effects = step(before, events[turn])
                await save(connection, [Change(before, after, effects, AT)], world.settings, ids=IDS)
        finally:
            done[turn].set()

    return await asyncio.gather(*(apply(turn) for turn in range(len(events))), return_exceptions=True)


# --- F02: the same notice many times ----------------------------------------------------------------------------------


async def test_f02_pf01_one_notice_fifty_times_on_two_workers_pays_once(
    workers: tuple[Stage, Stage], world: World
) -> None:
    await create(world, new_order(1))
    number = derive_id("pay", 1)
    workers[0].platform.take_money(number, 350)
    body = b'{"id": "notice-1", "number": "' + number.encode() + b'"}'
    answers = await asyncio.gather(
        *(workers[n % 2].till.take_notice(MERCHANT, "wechat", {"x-signature": "good"}, body) for n in range(50))
    )
    assert [answer.status for answer in answers if answer is not None] == [204] * 50
    assert await workers[0].one("SELECT count(*) FROM command") == 1
    assert await workers[0].one("SELECT count(*) FROM ledger_transaction") == 1
    assert await workers[0].one("SELECT count(*) FROM evidence WHERE kind = 'payment.paid'") == 1
    for worker in workers:
        await worker.settle_down()
    assert sum(len(worker.line.asked) for worker in workers) == 1


async def test_control_without_the_lock_both_decide_that_it_was_paid_now(world: World) -> None:
    await create(world, new_order(1))
    results = await without_lock(world, [paid(1).event, paid(1).event])
    assert sum(isinstance(result, asyncpg.UniqueViolationError) for result in results) == 1, "only a key stopped it"


# --- F07: close against payment ---------------------------------------------------------------------------------------


async def test_f07_pf13_a_close_that_races_with_the_payment_gives_exactly_one_of_vend_and_refund(
    workers: tuple[Stage, Stage], world: World
) -> None:
    chance = random.Random(7)
    await create(world, *(new_order(n) for n in ORDERS))

    async def close(n: int) -> None:
        await asyncio.sleep(chance.random() * 0.02)
        await workers[0].writer.apply(EventFor(key(n), CloseAsked(Closing.EXPIRING, AT)))
        await workers[0].writer.apply(EventFor(key(n), PaymentClosed(derive_id("pay", n), AT)))

    async def pay(n: int) -> None:
        await asyncio.sleep(chance.random() * 0.02)
        await workers[1].writer.apply(paid(n))

    await asyncio.gather(*(work(n) for n in ORDERS for work in (close, pay)))
    rows = await world.superuser.fetch(
        "SELECT o.state, count(DISTINCT c.cmd_id), count(DISTINCT r.refund_id) FROM sale_order o "
        "LEFT JOIN command c USING (order_id) LEFT JOIN refund r USING (order_id) GROUP BY o.order_id, o.state"
    )
    assert {tuple(row) for row in rows} <= {("paid", 1, 0), ("expired", 0, 1)}
    assert len(rows) == len(ORDERS)
    assert await workers[0].one("SELECT sum(amount_minor) FROM ledger_line") == 0


async def test_control_without_the_lock_an_expired_order_vends(world: World) -> None:
    await create(world, new_order(1))
    async with world.hot.transaction():
        (before,) = (await load_purchases(world.hot, [key(1)])).values()
        after, effects = step(before, CloseAsked(Closing.EXPIRING, AT))
        await save(world.hot, [Change(before, after, effects, AT)], world.settings, ids=IDS)
    assert await without_lock(world, [paid(1).event, PaymentClosed(derive_id("pay", 1), AT)]) == [None, None]
    order = await world.superuser.fetchval("SELECT state FROM sale_order")
    commands = await world.superuser.fetchval("SELECT count(*) FROM command")
    captured = await world.superuser.fetchval("SELECT captured_minor FROM payment")
    assert (order, commands, captured) == ("expired", 1, 0), "goods go out, and the money is forgotten"


# --- F08: two codes of one order --------------------------------------------------------------------------------------


def second_payment(n: int) -> Payment:
    return Payment(derive_id("pay", n, "second"), "alipay", "2021000000000001", 350, PaymentState.CREATED)


def second_paid(n: int) -> EventFor:
    return paid(n, payment_id=derive_id("pay", n, "second"), account="2021000000000001", transaction_id=f"2021{n}")


async def test_f08_pf14_two_codes_paid_at_once_the_first_wins_and_the_second_goes_back(
    workers: tuple[Stage, Stage], world: World
) -> None:
    await create(world, *(new_order(n) for n in ORDERS))
    for n in ORDERS:
        await workers[0].writer.apply(EventFor(key(n), PaymentAdded(second_payment(n), AT)))
    await asyncio.gather(
        *(
            worker.writer.apply(event(n))
            for n in ORDERS
            for worker, event in zip(workers, (paid, second_paid), strict=True)
        )
    )
    rows = await world.superuser.fetch(
        "SELECT p.order_id, count(*) FILTER (WHERE is_winning) AS won, count(*) FILTER (WHERE r.amount_minor = 350 "
        "AND NOT is_winning) AS back FROM payment p LEFT JOIN refund r USING (payment_id) GROUP BY p.order_id"
    )
    assert {(row["won"], row["back"]) for row in rows} == {(1, 1)}
    assert await workers[0].one("SELECT count(*) FROM command") == len(ORDERS)


async def test_control_without_the_lock_both_payments_think_they_won(world: World) -> None:
    await create(world, new_order(1))
    async with world.hot.transaction():
        (before,) = (await load_purchases(world.hot, [key(1)])).values()
        after, effects = step(before, PaymentAdded(second_payment(1), AT))
        await save(world.hot, [Change(before, after, effects, AT)], world.settings, ids=IDS)
    results = await without_lock(world, [paid(1).event, second_paid(1).event])
    assert sum(isinstance(result, asyncpg.UniqueViolationError) for result in results) == 1, "only a key stopped it"


# --- F10: two workers and one refund ----------------------------------------------------------------------------------


async def undelivered(worker: Stage) -> str:
    await create(worker.world, new_order(1))
    await worker.writer.apply(paid(1))
    worker.platform.take_money(derive_id("pay", 1), 350)
    await worker.writer.take(vend(1, 1, VendSaid.NOT_DELIVERED, result="jam"))
    await worker.settle_down()
    return refund_number(derive_id("pay", 1), 1)


async def test_f10_pf16_sweeps_and_jobs_of_two_workers_ask_for_a_refund_once(workers: tuple[Stage, Stage]) -> None:
    number = await undelivered(workers[0])
    await asyncio.gather(
        *(worker.sweeps.ask_refund(number) for worker in workers * 5),
        *(worker.sweeps.ask_refunds() for worker in workers),
    )
    assert workers[0].platform.calls == [("refund", number)]


async def test_control_without_the_claim_the_platform_is_asked_twice_and_still_pays_once(
    workers: tuple[Stage, Stage], world: World
) -> None:
    number = await undelivered(workers[0])
    async with world.hot.transaction():
        (row,) = await payment_rows.claim_due_refunds(world.hot, AT, limit=1)
    await asyncio.gather(*(worker.till.refund(row) for worker in workers))
    assert workers[0].platform.calls == [("refund", number)] * 2
    assert workers[0].platform.refunded_minor == 350, "one number, one refund"
    assert await workers[0].one("SELECT state FROM refund") == "processing"


# --- goods ------------------------------------------------------------------------------------------------------------


async def test_the_last_units_are_promised_once(workers: tuple[Stage, Stage]) -> None:
    orders = [new_order(n, (("A2", 1, 200),)) for n in ORDERS]
    results = await asyncio.gather(
        *(workers[n % 2].writer.create(order) for n, order in enumerate(orders)), return_exceptions=True
    )
    assert sum(isinstance(result, Applied) for result in results) == 3
    assert {r.code for r in results if isinstance(r, VendomatError)} == {"sold_out"}
    assert await workers[0].one("SELECT reserved FROM stock_slot WHERE slot = 'A2'") == 3


async def test_control_without_the_lock_the_last_unit_is_promised_twice(world: World) -> None:
    await world.superuser.execute("UPDATE stock_slot SET on_hand = 1 WHERE slot = 'A2'")
    both_have_read = asyncio.Barrier(2)

    async def reserve() -> None:
        async with world.database.hot.acquire() as connection, connection.transaction():
            free = await connection.fetchval("SELECT on_hand - reserved FROM stock_slot WHERE slot = 'A2'")
            await both_have_read.wait()
            if free:
                await change_slots(connection, [((MERCHANT, MACHINE, "A2"), 0, 1, "")])

    await asyncio.gather(reserve(), reserve())
    assert await world.superuser.fetchval("SELECT reserved - on_hand FROM stock_slot WHERE slot = 'A2'") == 1


async def test_one_request_on_two_workers_is_one_order(workers: tuple[Stage, Stage]) -> None:
    tries = [new_order(1, order_id=derive_id("ord", "try", n)) for n in range(10)]
    results = await asyncio.gather(*(workers[n % 2].writer.create(order) for n, order in enumerate(tries)))
    assert len({r.purchase.order_id for r in results if r.purchase is not None}) == 1
    assert (
        await workers[0].one("SELECT (count(*), sum(reserved))::text FROM sale_order, stock_slot WHERE slot = 'A1'")
        == "(1,1)"
    )


async def test_one_fact_on_two_workers_counts_once(workers: tuple[Stage, Stage], world: World) -> None:
    await create(world, new_order(1))
    await workers[0].writer.apply(paid(1))
    results = await asyncio.gather(*(workers[n % 2].writer.take(vend(1, 5, VendSaid.DELIVERED)) for n in range(20)))
    assert all(result.is_accepted for result in results)
    assert await workers[0].one("SELECT on_hand FROM stock_slot WHERE slot = 'A1'") == 39
    assert await workers[0].one("SELECT count(*) FROM evidence WHERE kind = 'vend.delivered'") == 1


async def test_the_goods_and_the_deadline_race_for_one_last_word(workers: tuple[Stage, Stage], world: World) -> None:
    await create(world, *(new_order(n) for n in ORDERS))
    for n in ORDERS:
        await workers[0].writer.apply(paid(n))
    deadlines = [EventFor(key(n), DeadlinePassed(command_number(derive_id("ord", n), 1), AT)) for n in ORDERS]
    await asyncio.gather(
        *(workers[0].writer.take(vend(n, n, VendSaid.DELIVERED)) for n in ORDERS),
        *(workers[1].writer.apply(deadline) for deadline in deadlines),
    )
    rows = await world.superuser.fetch(
        "SELECT u.outcome, r.amount_minor FROM vend_unit u LEFT JOIN refund r USING (order_id) WHERE u.is_final"
    )
    assert len(rows) == len(ORDERS)
    assert {tuple(row) for row in rows} <= {("delivered", None), ("unknown", 350)}


@pytest.mark.parametrize("is_locking", [True, False], ids=["with the lock", "control without it"])
async def test_no_nonce_is_quoted_while_the_order_is_decided(world: World, is_locking: bool) -> None:
    """Else a command is called unsent by one worker, and paid back, in the moment in which another sends it."""
    await world.superuser.execute("UPDATE machine_live SET nonce_at = nonce_at - interval '1 hour'")
    await create(world, new_order(1))
    await pay(world, paid(1))
    now = AT + timedelta(seconds=14)
    async with world.database.hot.acquire() as deciding, world.database.hot.acquire() as sweeping:
        async with deciding.transaction():
            await load_purchases(deciding, [key(1)], is_locking=is_locking)
            taken = await claim_due_commands(sweeping, now, fresh_s=18, resend_s=0, limit=9)
            assert len(taken) == (0 if is_locking else 1)
        assert len(await claim_due_commands(sweeping, now, fresh_s=18, resend_s=0, limit=9)) == 1


# --- codes ------------------------------------------------------------------------------------------------------------


async def issue(world: World, digits: str) -> None:
    await world.superuser.execute(
        "INSERT INTO pickup_code VALUES ($1, $2, $3, $4, 'gift', $5, 350, 'CNY', 'issued', '', "
        "$6::timestamptz, $6::timestamptz + interval '1 day')",
        MERCHANT,
        derive_id("cod", digits),
        MACHINE,
        code_hash(CODE_KEY, MERCHANT, MACHINE, digits),
        PRODUCT,
        AT,
    )


@pytest.mark.parametrize("requests", [1, 6])
async def test_one_code_typed_six_times_at_once_is_one_order(
    workers: tuple[Stage, Stage], world: World, requests: int
) -> None:
    """The same request sent six times gives the same order; six requests give one order and five refusals."""
    await issue(world, "12345678")
    bodies = [{"request_id": derive_id("req", n % requests), "code": "12345678", "nonce": "n" * 20} for n in range(6)]
    answers = await asyncio.gather(*(workers[n % 2].say("redeem", body) for n, body in enumerate(bodies)))
    assert await workers[0].one("SELECT count(*) FROM sale_order") == 1
    assert await workers[0].one("SELECT count(*) FROM command") == 1
    good = [answer["order_id"] for kind, answer in answers if kind == "redeem.reply"]
    assert len(set(good)) == 1
    assert len(good) == (6 if requests == 1 else 1)


# --- a shown payment code ---------------------------------------------------------------------------------------------


async def _scan(worker: Stage, n: int, code: str) -> None:
    machine = await worker.directory.find(MACHINE)
    assert machine is not None
    scanned = ScanRequest(order_id=derive_id("ord", n), scan_id=derive_id("scn", n), code=code)
    await worker.charges.scan(machine, scanned)


async def test_one_scan_on_two_workers_is_charged_once(workers: tuple[Stage, Stage], world: World) -> None:
    workers[1].platform.codes = workers[0].platform.codes
    await create(world, *(new_order(n) for n in ORDERS))
    codes = {n: f"13{n:016d}" for n in ORDERS}
    await asyncio.gather(*(_scan(worker, n, codes[n]) for n in ORDERS for worker in workers))
    for worker in workers:
        await worker.settle_down()
    assert sorted(workers[0].platform.codes) == sorted(codes.values())
    paid_now = "SELECT count(*) FROM payment WHERE way = 'code_scan' AND is_winning"
    assert await workers[0].one(paid_now) == len(ORDERS)


async def test_pf22_a_reverse_that_races_with_the_payment_gives_exactly_one_of_vend_and_refund(
    workers: tuple[Stage, Stage], world: World
) -> None:
    chance = random.Random(22)
    first, second = workers
    await create(world, *(new_order(n) for n in ORDERS))
    first.platform.charges_as = {f"13{n:016d}": ChargeState.WAITING for n in ORDERS}
    await asyncio.gather(*(_scan(first, n, f"13{n:016d}") for n in ORDERS))
    await first.settle_down()
    numbers = dict(await world.superuser.fetch("SELECT order_id, payment_id FROM payment WHERE way = 'code_scan'"))

    async def give_up(n: int) -> None:
        await asyncio.sleep(chance.random() * 0.02)
        await first.writer.apply(EventFor(key(n), ReverseWanted(numbers[key(n)[1]], "not paid in time", AT)))

    async def pay(n: int) -> None:
        await asyncio.sleep(chance.random() * 0.02)
        trade = first.platform.take_money(numbers[key(n)[1]])
        await second.till.apply_paid(MERCHANT, trade, via="look_up", order_id=key(n)[1])

    await asyncio.gather(*(work(n) for n in ORDERS for work in (give_up, pay)))
    rows = await world.superuser.fetch(
        "SELECT o.state, count(DISTINCT c.cmd_id), count(DISTINCT r.refund_id) FROM sale_order o "
        "LEFT JOIN command c USING (order_id) LEFT JOIN refund r USING (order_id) GROUP BY o.order_id, o.state"
    )
    assert {tuple(row) for row in rows} <= {("paid", 1, 0), ("awaiting_payment", 0, 1)}
    assert len(rows) == len(ORDERS)
