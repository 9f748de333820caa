"""The door to the database: a transaction is one instant, and what fails there fails as it would outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from vendomat.simulator.worlds import VirtualLoop
from vendomat.simulator.worlds.nodes import Node, task_factory
from vendomat.simulator.worlds.pool import DatabaseFault, DatabaseMood, WorldPool
from vendomat.simulator.worlds.postgres import WorldPostgres
from vendomat.simulator.worlds.virtual_time import START

pytestmark = pytest.mark.slow
INSERT = "INSERT INTO notice_inbox (merchant_id, channel, notice_id, received_at) VALUES ('m', 'c', $1, $2)"
SWEEP = "SELECT merchant_id, order_id FROM sale_order WHERE state = 'awaiting_payment' AND expires_at <= $1 LIMIT $2"
Work = Callable[[WorldPool], Coroutine[Any, Any, Any]]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorldPostgres]:
    engine = WorldPostgres(tmp_path_factory.mktemp("worlds") / "postgres")
    try:
        engine.start()
        yield engine
    finally:
        engine.close()


@pytest.fixture(autouse=True)
def _session(postgres: WorldPostgres) -> Iterator[None]:
    postgres.execute("BEGIN")
    postgres.execute("DELETE FROM notice_inbox")
    postgres.end(is_committed=True)
    yield
    postgres.holder = None
    postgres.execute("ROLLBACK")


def lived(postgres: WorldPostgres, work: Work, fault: DatabaseFault | None = None, node: Node | None = None) -> Any:
    mood = DatabaseMood(lambda: 0.01, lambda: fault)
    with closing(VirtualLoop()) as loop:
        loop.set_task_factory(task_factory)  # type: ignore[arg-type]
        return loop.run_until_complete(work(WorldPool(postgres, node or Node("worker"), mood)))


async def write(pool: WorldPool, name: str = "n1") -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(INSERT, name, START)


def kept(postgres: WorldPostgres) -> list[str]:
    postgres.end(is_committed=False)  # what nobody committed is not there
    return [row[0] for row in postgres.look("SELECT notice_id FROM notice_inbox ORDER BY notice_id")]


def test_a_transaction_takes_time_around_it_and_none_inside(postgres: WorldPostgres) -> None:
    async def work(pool: WorldPool) -> list[float]:
        loop, times = asyncio.get_running_loop(), []
        async with pool.acquire() as connection, connection.transaction():
            for name in ("a", "b"):
                await connection.execute(INSERT, name, START)
                times.append(loop.time())
        return [*times, loop.time()]

    assert lived(postgres, work) == [pytest.approx(0.01), pytest.approx(0.01), pytest.approx(0.02)]
    assert kept(postgres) == ["a", "b"]


@pytest.mark.parametrize(
    ("fault", "error", "left"),
    [
        (DatabaseFault.LOST_BEFORE, asyncpg.ConnectionDoesNotExistError, []),
        (DatabaseFault.LOST_AFTER, asyncpg.ConnectionDoesNotExistError, ["n1"]),
        (DatabaseFault.SERIALIZATION, asyncpg.SerializationError, []),
        (DatabaseFault.AWAY, asyncpg.CannotConnectNowError, []),
        (DatabaseFault.READ_ONLY, asyncpg.ReadOnlySQLTransactionError, []),
    ],
)
def test_each_fault_raises_what_the_driver_would_and_leaves_what_it_must(
    postgres: WorldPostgres, fault: DatabaseFault, error: type[Exception], left: list[str]
) -> None:
    with pytest.raises(error):
        lived(postgres, write, fault)
    assert kept(postgres) == left


def test_an_error_in_a_transaction_rolls_it_back(postgres: WorldPostgres) -> None:
    async def work(pool: WorldPool) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(INSERT, "n1", START)
            raise LookupError

    with pytest.raises(LookupError):
        lived(postgres, work)
    assert kept(postgres) == []


@pytest.mark.parametrize(("cut_after_s", "left"), [(0.005, []), (0.015, ["n1"])])
def test_a_kill_before_the_transaction_writes_nothing_and_after_it_everything(
    postgres: WorldPostgres, cut_after_s: float, left: list[str]
) -> None:
    node = Node("worker")

    async def work(pool: WorldPool) -> bool:
        writing = node.spawn(write(pool))
        await asyncio.sleep(cut_after_s)
        node.cut()
        await asyncio.wait([writing])
        return writing.cancelled()

    assert lived(postgres, work, node=node)
    assert kept(postgres) == left


def test_a_transaction_left_open_across_a_pause_is_an_error_for_whoever_comes_next(postgres: WorldPostgres) -> None:
    async def dawdle(pool: WorldPool) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(INSERT, "n1", START)
            await asyncio.sleep(1.0)

    async def work(pool: WorldPool) -> None:
        dawdling = asyncio.ensure_future(dawdle(pool))
        await asyncio.sleep(0.1)
        try:
            await write(pool, "n2")
        finally:
            await dawdling

    with pytest.raises(AssertionError, match="left open"):
        lived(postgres, work)


def test_a_sweep_is_not_asked_again_before_something_can_be_due(postgres: WorldPostgres) -> None:
    postgres.forget()
    assert not postgres.is_idle(SWEEP, (START, 10))
    assert postgres.fetch(SWEEP, (START, 10)) == []
    later = START + timedelta(hours=1)
    assert postgres.is_idle(SWEEP, (START, 10)) and postgres.is_idle(SWEEP, (later, 10))
    postgres.execute("UPDATE sale_order SET version = version + 1")
    assert not postgres.is_idle(SWEEP, (START, 10)), "it was written: the answer may be another"
    assert postgres.fetch(SWEEP, (START, 10)) == [] and postgres.is_idle(SWEEP, (START, 10))
    postgres.end(is_committed=False)
    assert not postgres.is_idle(SWEEP, (START, 10)), "a rollback takes back what the memory rests on"


def test_the_folder_is_gone_with_the_server(tmp_path: Path) -> None:
    engine = WorldPostgres(tmp_path / "postgres")
    engine.start()
    engine.close()
    assert not (tmp_path / "postgres").exists()
