"""Engines, workers and lines of a real town are broken while it sells; then nothing is open and the audit is clean."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from tests.faults.town_stage import ON_A_LINE, Street, open_street, until
from vendomat.simulator.line import LineFault
from vendomat.simulator.town import Child, Story, come_to_rest

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PING_S, PINGS_OUTSTANDING_MAX = 3.0, 1
NEXT = "tests.faults.next_version"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def street(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    async with open_street(tmp_path_factory.mktemp("street") / "town") as opened:
        yield opened


async def _is_online(street: Street, machine: int) -> bool:
    screen = await street.screen(machine)
    return bool(screen) and screen["link"] == "online"


async def test_f18_postgresql_killed_under_load_loses_nothing_acknowledged(street: Street) -> None:
    """The server is killed twice while machines sell: every can that a buyer was given is in its books."""
    postgres = street.town.engines.postgres
    assert postgres is not None
    orders = "SELECT count(*) FROM sale_order"
    before = await street.one(orders)

    async def sell(machine: int) -> list[str]:
        return [await street.buy(machine) for _ in range(4)]

    selling = asyncio.gather(sell(0), sell(1))

    async def sold(count: int) -> bool:
        return bool(await street.one(orders) >= before + count)

    for count in (1, 4):
        await until(lambda count=count: sold(count))  # type: ignore[misc]
        await asyncio.to_thread(postgres.kill)
        await asyncio.to_thread(postgres.start)
    endings = [ending for endings in await selling for ending in endings]
    delivered = await street.one("SELECT count(*) FROM vend_unit WHERE outcome = 'delivered'")
    assert endings.count("delivered") >= 1
    assert delivered >= endings.count("delivered")
    await street.is_sound()


async def test_f20_a_read_only_database_takes_no_order_and_the_health_page_says_so(street: Street) -> None:
    """Read-only: refused before a platform is asked, health failing; selling again as soon as it takes writes."""

    async def trades() -> int:
        books = [await street.town.control.books(platform) for platform in ("wechat", "alipay")]
        return sum(len(book["trades"]) for book in books)

    async def is_healthy(is_it: bool) -> bool:
        status, said = await street.health()
        return (status == 200) is it_ok(said) and (status == 200) is is_it

    def it_ok(said: dict[str, object]) -> bool:
        checks = said["checks"]
        assert isinstance(checks, dict)
        return bool(checks["database"])

    async def is_free() -> bool:
        return bool((await street.screen(0)).get("screen") == "browse")

    await until(lambda: is_healthy(True))
    await until(is_free)  # the last buyer's result has left the screen
    before = await trades()
    await _set_read_only(street, is_on=True)
    try:
        await until(lambda: is_healthy(False))
        assert (await street.screen(0))["screen"] == "browse"
        assert await street.shoppers[0].buy(Story.GOOD) == "refused"
        assert await trades() == before
    finally:
        await _set_read_only(street, is_on=False)
    await until(lambda: is_healthy(True))
    assert await street.buy(0) == "delivered"
    await street.is_sound()


async def _set_read_only(street: Street, *, is_on: bool) -> None:
    connection = await asyncpg.connect(street.superuser_url)
    try:
        await connection.execute("SET default_transaction_read_only = off")
        await connection.execute(
            f"ALTER DATABASE vendomat SET default_transaction_read_only = {'on' if is_on else 'off'}"
        )
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = 'vendomat'"
        )
    finally:
        await connection.close()


@pytest.mark.parametrize("point", ["before commit of payment", "after commit of refund claim"])
async def test_f21_a_worker_that_sleeps_while_it_holds_work_writes_nothing_stale(street: Street, point: str) -> None:
    """Asleep in a transaction, or holding a claim, longer than either lasts: another worker does it; once."""
    trap = street.trap(point, is_frozen=True)
    story = Story.GOOD if "payment" in point else Story.JAM
    refunds = await street.one("SELECT count(*) FROM refund")
    buying = asyncio.ensure_future(street.buy(0, story))

    async def is_asleep() -> bool:
        return not trap.is_set

    await until(is_asleep)
    sleeper = street.victim_of(street.town.plan.folder / "cloud")
    try:
        assert sleeper in [worker.pid for worker in street.town.workers]
        ended = await buying
        if story is Story.JAM:

            async def is_refunded() -> bool:
                return bool(await street.one("SELECT bool_and(state = 'succeeded') FROM refund"))

            await until(is_refunded)
    finally:
        os.kill(sleeper, signal.SIGCONT)
    assert ended == ("delivered" if story is Story.GOOD else "not_delivered")
    assert await street.one("SELECT count(*) FROM refund") == refunds + (story is Story.JAM)
    await street.is_sound()
    assert all(worker.pid is not None for worker in street.town.workers)


async def test_f23_two_versions_side_by_side_strand_no_order(street: Street) -> None:
    """Workers and machines change one by one to a program that says more, and back: all sell all the time."""
    town = street.town
    old_worker, machine = town.workers[1], town.record.machines[0]
    terminal = town.terminals[machine.machine_id]
    next_worker, next_terminal = old_worker.with_program(NEXT), terminal.with_program(NEXT)

    async def replace(old: Child, new: Child) -> None:
        buying = asyncio.gather(street.buy(0), street.buy(1, Story.JAM))
        await old.stop()
        await new.start()
        await buying
        # A machine stopped between code and goods may still deliver; the next buyer comes after that.
        assert await come_to_rest(town) == 0

    try:
        await replace(old_worker, next_worker)
        assert await street.buy(0) == "delivered"
        await replace(terminal, next_terminal)
        assert await street.buy(0) == "delivered"
        assert await street.buy(1) == "delivered"
    finally:
        await replace(next_terminal, terminal)  # facts that the newer program wrote are sent by the older
        await replace(next_worker, old_worker)
    assert await street.buy(0) == "delivered"
    await street.is_sound()


async def test_f28_nats_killed_and_its_folder_wiped_costs_nothing(street: Street) -> None:
    """The wire vanishes with all its files in the middle of two vends: machines and workers are back by themselves."""
    nats = street.town.engines.nats
    assert nats is not None
    intents = "SELECT count(*) FROM machine_fact WHERE kind = 'intent'"
    before = await street.one(intents)
    buying = asyncio.gather(street.buy(0), street.buy(1, Story.JAM))

    async def has_begun() -> bool:
        return bool(await street.one(intents) > before + 1)

    await until(has_begun)
    await asyncio.to_thread(nats.kill)
    await asyncio.to_thread(nats.destroy)
    await asyncio.to_thread(nats.start)
    assert await buying == ["delivered", "not_delivered"]
    for index in (0, 1):
        await until(lambda index=index: _is_online(street, index))  # type: ignore[misc]
    assert await street.buy(1) == "delivered"
    await street.is_sound()


async def test_f29_a_half_open_line_is_found_and_a_vend_goes_on(street: Street) -> None:
    """Nothing comes back while both ends believe in the connection: found within two pings, the can drops meanwhile."""
    await until(lambda: _is_online(street, ON_A_LINE))
    buying = asyncio.ensure_future(street.buy(ON_A_LINE))

    async def is_delivering() -> bool:
        return (await street.screen(ON_A_LINE)).get("screen") in ("delivering", "result")

    await until(is_delivering)
    connections = street.line.accepted
    street.line.fault = LineFault(is_up_dead=True, is_down_dead=True)

    async def is_noticed() -> bool:
        return not await _is_online(street, ON_A_LINE)

    try:
        took_s = await until(is_noticed, 60)
        assert await buying == "delivered"
        assert took_s <= PING_S * (PINGS_OUTSTANDING_MAX + 1) + 3.0, "two pings and some slack for a busy machine"
    finally:
        street.line.fault = LineFault()
        street.line.reset()
    await until(lambda: _is_online(street, ON_A_LINE))
    assert street.line.accepted > connections
    await street.is_sound()


async def test_f31_a_flapping_lossy_slow_line_makes_progress(street: Street) -> None:
    """30 % loss, 900 ms there and back, 20 kbit/s, cut every few seconds: what was sold before arrives, bounded."""
    await until(lambda: _is_online(street, ON_A_LINE))
    street.line.fault = LineFault(latency_s=0.45, loss=0.3, resend_s=0.6, bytes_per_s=2_500)
    chance = random.Random(31)

    async def flap() -> None:
        while True:
            await asyncio.sleep(chance.uniform(8.0, 15.0))
            street.line.reset()

    flapping = asyncio.create_task(flap())
    facts = "SELECT count(*) FROM machine_fact WHERE machine_id = $1"
    machine_id = street.town.record.machines[ON_A_LINE].machine_id
    before = await street.one(facts, machine_id)
    accepted = street.line.accepted
    terminal = street.town.terminals[machine_id]

    async def has_progress() -> bool:
        return bool(await street.one(facts, machine_id) > before)

    try:
        await terminal.kill()
        await terminal.start()  # its start is a fact that has to get through
        await until(has_progress, 240)
        assert street.line.connections <= 1, "one connection at a time"
    finally:
        flapping.cancel()
        street.line.fault = LineFault()
        knocked = street.line.accepted - accepted
        accepted = street.line.accepted
        street.line.reset()
    assert knocked <= 60, "it backs off instead of knocking all the time"

    async def is_back() -> bool:
        return street.line.accepted > accepted and await _is_online(street, ON_A_LINE)

    await until(is_back)
    assert await street.buy(ON_A_LINE) == "delivered"
    await street.is_sound()
