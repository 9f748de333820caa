"""Two workers that reach for the same row, and a person who acts while a motor turns. Each with its control."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.cloud.conftest import database_url, postgres
from tests.cloud.sales.conftest import MACHINE, MERCHANT, World, world
from tests.cloud.sales.purchases import AT, OPERATOR
from tests.cloud.sales.selling_stage import CODE_KEY, Stage
from tests.cloud.sales.test_use_cases import IDS, create, new_order, paid, vend
from tests.races.test_purchase_races import issue, key, undelivered, without_lock, workers
from vendomat.cloud.codes.hot import find_code, mark_redeemed
from vendomat.cloud.codes.model import code_hash
from vendomat.cloud.orders import store as order_rows
from vendomat.cloud.payments import store as payment_rows
from vendomat.cloud.sales.desk_model import RefundAsked
from vendomat.cloud.sales.model import (
    VendSaid,
)
from vendomat.cloud.sales.use_cases import EventFor, apply_payment_facts
from vendomat.kernel import derive_id
from vendomat.protocol import seal

__all__ = ["database_url", "postgres", "workers", "world"]
pytestmark = pytest.mark.slow

TWO = (("A1", 1, 350), ("A2", 1, 200))
LATER = AT + timedelta(seconds=10)
Claim = Callable[[Any], Awaitable[list[asyncpg.Record]]]

CLAIMS: dict[str, Claim] = {
    "payment": lambda c: payment_rows.claim_due_payments(c, LATER, poll_s=3.0, charge_poll_s=5.0, limit=9),
    "refund": lambda c: payment_rows.claim_due_refunds(c, LATER, limit=9),
    "command": lambda c: order_rows.claim_due_commands(c, LATER, fresh_s=18.0, resend_s=3.0, limit=9),
}


LOCK = re.compile(r"FOR (NO KEY )?(UPDATE|SHARE)( OF [a-z](, [a-z])*)?( SKIP LOCKED)?")


class Unlocked:
    """A connection that asks for no row lock."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        return list(await self._connection.fetch(_without_lock(query), *values))

    async def fetchrow(self, query: str, *values: object) -> asyncpg.Record | None:
        return await self._connection.fetchrow(_without_lock(query), *values)


def _without_lock(query: str) -> str:
    unlocked, count = LOCK.subn("", query)
    assert count, "this statement takes no lock at all"
    return unlocked


async def both_claim(world: World, claim: Claim, wrap: Callable[[Any], Any]) -> list[int]:
    """How many rows two workers get that claim before either has committed."""
    first_has_claimed = asyncio.Event()

    async def first() -> int:
        async with world.database.hot.acquire() as connection, connection.transaction():
            found = len(await claim(wrap(connection)))
            first_has_claimed.set()
            await asyncio.sleep(0.3)  # the other one asks meanwhile
        return found

    async def second() -> int:
        await first_has_claimed.wait()
        async with world.database.hot.acquire() as connection, connection.transaction():
            return len(await claim(wrap(connection)))

    return list(await asyncio.gather(first(), second()))


async def due(world: World, stage: Stage, what: str) -> None:
    """One row of each kind that is due."""
    if what == "refund":
        await undelivered(stage)
    else:
        await create(world, new_order(1))
    if what == "command":
        await world.superuser.execute("UPDATE machine_live SET nonce_at = nonce_at - interval '1 hour'")
        await stage.writer.apply(paid(1))
        await stage.settle_down()
    await world.superuser.execute("UPDATE refund SET next_try_at = $1", AT)


@pytest.mark.parametrize("what", CLAIMS)
async def test_a_due_row_is_claimed_by_one_worker(workers: tuple[Stage, Stage], world: World, what: str) -> None:
    await due(world, workers[0], what)
    assert await both_claim(world, CLAIMS[what], lambda connection: connection) == [1, 0]


@pytest.mark.parametrize("what", CLAIMS)
async def test_control_without_the_row_lock_both_workers_claim_it(
    workers: tuple[Stage, Stage], world: World, what: str
) -> None:
    await due(world, workers[0], what)
    assert await both_claim(world, CLAIMS[what], Unlocked) == [1, 1]


async def test_f54_a_refund_asked_while_a_motor_turns_never_meets_a_further_command(
    workers: tuple[Stage, Stage], world: World
) -> None:
    """F54: asked while unit 1 ends: unit 2 is either begun or called off and paid back, never both."""
    await create(world, *(new_order(n, TWO) for n in (1, 2, 3)))
    for n in (1, 2, 3):
        await workers[0].writer.apply(paid(n, 550))
    await asyncio.gather(
        *(workers[0].writer.take(vend(n, n, VendSaid.DELIVERED)) for n in (1, 2, 3)),
        *(workers[1].writer.apply(EventFor(key(n), RefundAsked(OPERATOR, "called", AT))) for n in (1, 2, 3)),
    )
    rows = await world.superuser.fetch(
        "SELECT u.is_final, c.cmd_id IS NOT NULL AS is_commanded, r.amount_minor FROM vend_unit u "
        "LEFT JOIN command c USING (order_id, unit) LEFT JOIN refund r USING (order_id) WHERE u.unit = 2"
    )
    assert len(rows) == 3
    assert {tuple(row) for row in rows} <= {(True, False, 200), (False, True, None)}


async def test_control_without_the_lock_a_unit_is_paid_back_and_commanded(world: World) -> None:
    await create(world, new_order(1, TWO))
    async with world.hot.transaction():
        await apply_payment_facts(world.hot, [paid(1, 550)], world.settings, IDS)
    ended = vend(1, 1, VendSaid.DELIVERED).event
    assert ended is not None
    assert await without_lock(world, [ended, RefundAsked(OPERATOR, "called", AT)]) == [None, None]
    unit, command = await world.superuser.fetchrow(
        "SELECT u.outcome, c.state FROM vend_unit u JOIN command c USING (order_id, unit) WHERE u.unit = 2"
    )
    owed = await world.superuser.fetchval(
        "SELECT sum(amount_minor) FROM ledger_line WHERE account = 'liab:refund_payable'"
    )
    assert (unit, command, owed) == ("not_delivered", "queued", -200), "the money goes back, and the motor will turn"


async def test_control_without_its_lock_a_code_is_good_twice_and_only_its_marking_stops_the_second(
    world: World,
) -> None:
    await issue(world, "12345678")
    hashed = code_hash(CODE_KEY, MERCHANT, MACHINE, "12345678")
    both_have_read = asyncio.Barrier(2)

    async def redeem(n: int) -> tuple[bool, bool]:
        async with world.database.hot.acquire() as connection, connection.transaction():
            code = await find_code(Unlocked(connection), MERCHANT, MACHINE, hashed)  # type: ignore[arg-type]
            assert code is not None
            await both_have_read.wait()
            return code.is_good(AT), await mark_redeemed(connection, code, derive_id("ord", n), now=AT)

    results = await asyncio.gather(redeem(1), redeem(2))
    assert [good for good, _ in results] == [True, True]
    assert sorted(marked for _, marked in results) == [False, True]


async def test_f51_one_code_at_two_machines_is_one_order(workers: tuple[Stage, Stage], world: World) -> None:
    """F51: typed at both at once, the machine it is bound to gives the goods; the other one counts a wrong try."""
    other = "mch_" + "8" * 26
    await world.superuser.execute(
        "INSERT INTO machine (merchant_id, machine_id, number, name_zh, name_en, state, public_key, epoch, created_at) "
        "SELECT merchant_id, $1, 'T-2', 't', 't', 'enrolled', public_key, 1, now() FROM machine",
        other,
    )
    await issue(world, "12345678")
    await world.superuser.execute("UPDATE pickup_code SET machine_id = $1", MACHINE)

    async def typed(stage: Stage, machine_id: str) -> str:
        body = {"request_id": derive_id("req", machine_id), "code": "12345678", "nonce": "n" * 20}
        data = seal(body, kind="redeem", machine=machine_id, epoch=1, seq=7, signer=stage.machine)
        kind, _ = await stage.hand_in("redeem", data, machine_id)
        return kind

    kinds = await asyncio.gather(*(typed(worker, m) for worker, m in zip(workers, (MACHINE, other), strict=True)))
    assert kinds == ["redeem.reply", "problem"]
    assert await world.superuser.fetchval("SELECT count(*) FROM sale_order") == 1
    assert await world.superuser.fetchval("SELECT machine_id FROM code_attempt") == other
