"""Group commit: grouping, one result per item, a bad item alone with its error, callers that leave, the end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from vendomat.cloud.platform.batcher import WAITING_MAX, Batcher
from vendomat.cloud.platform.engines import PostgresEngine
from vendomat.kernel import ErrorCode, VendomatError


class Book:
    """Writes numbers, batch by batch; a batch waits while `is_slow` is set, and 666 spoils its whole batch."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.at_once = self.at_once_max = 0

    async def write(self, items: Sequence[int]) -> list[int | Exception]:
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        try:
            await self.may_write.wait()
            await asyncio.sleep(0.002)
            if 666 in items:
                raise ArithmeticError(666)
            self.batches.append(list(items))
            return [ValueError(item) if item < 0 else item * 10 for item in items]
        finally:
            self.at_once -= 1


async def test_a_lone_caller_is_written_at_once_and_others_gather_meanwhile() -> None:
    book = Book()
    batcher = Batcher(book.write, items_max=8, wait_s=0.001, writers=1)
    assert await batcher.submit(1) == 10
    assert await asyncio.gather(*(batcher.submit(n) for n in range(20))) == [n * 10 for n in range(20)]
    assert book.batches[0] == [1]
    assert [n for batch in book.batches[1:] for n in batch] == list(range(20)), "in the order they came"
    assert max(map(len, book.batches)) == 8
    await batcher.aclose()


async def test_no_more_batches_are_written_at_once_than_there_are_writers() -> None:
    book = Book()
    batcher = Batcher(book.write, items_max=2, wait_s=0.0, writers=3)
    await asyncio.gather(*(batcher.submit(n) for n in range(30)))
    assert book.at_once_max == 3
    await batcher.aclose()


async def test_a_failure_that_all_share_is_met_once() -> None:
    """A server that is away costs one time-out, not one for each waiting item."""
    tried: list[int] = []

    async def write(items: Sequence[int]) -> list[int | Exception]:
        tried.append(len(items))
        await asyncio.sleep(0.002)
        raise ConnectionRefusedError if len(items) > 1 else ArithmeticError

    batcher: Batcher[int, int] = Batcher(write, items_max=8, writers=1, is_shared=lambda e: isinstance(e, OSError))
    met = await asyncio.gather(*(batcher.submit(n) for n in range(9)), return_exceptions=True)
    assert tried == [8, 1]
    assert [type(error) for error in met] == [ConnectionRefusedError] * 8 + [ArithmeticError]
    await batcher.aclose()


async def test_an_item_with_an_error_as_its_result_raises_it_alone() -> None:
    book = Book()
    batcher = Batcher(book.write, items_max=8, writers=1)
    results = await asyncio.gather(*(batcher.submit(n) for n in (1, -2, 3)), return_exceptions=True)
    assert (results[0], type(results[1]), results[2]) == (10, ValueError, 30)
    await batcher.aclose()


async def test_a_batch_that_fails_is_replayed_one_by_one() -> None:
    book = Book()
    batcher = Batcher(book.write, items_max=8, writers=1)
    results = await asyncio.gather(*(batcher.submit(n) for n in (12, 666, 14)), return_exceptions=True)
    assert (results[0], type(results[1]), results[2]) == (120, ArithmeticError, 140)
    assert await batcher.submit(15) == 150, "the batcher lives on"
    await batcher.aclose()


async def test_too_few_results_fail_every_item_and_never_swap_answers() -> None:
    async def forgetful(items: Sequence[int]) -> list[int | Exception]:
        return list(items[:-1])

    batcher: Batcher[int, int] = Batcher(forgetful, writers=1)
    results = await asyncio.gather(*(batcher.submit(n) for n in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [AssertionError] * 3
    await batcher.aclose()


async def test_a_caller_who_leaves_takes_nothing_back_and_harms_nobody() -> None:
    book = Book()
    book.may_write.clear()
    batcher = Batcher(book.write, items_max=8, writers=1)
    leaving, staying = (asyncio.create_task(batcher.submit(n)) for n in (1, 2))
    await asyncio.sleep(0.005)
    leaving.cancel()
    book.may_write.set()
    assert await staying == 20
    assert sorted(n for batch in book.batches for n in batch) == [1, 2], "the effect stands, as for any lost answer"
    await batcher.aclose()


async def test_closing_writes_what_waits_and_refuses_what_comes_later() -> None:
    book = Book()
    book.may_write.clear()
    batcher = Batcher(book.write, items_max=2, writers=1)
    waiting = [asyncio.create_task(batcher.submit(n)) for n in range(5)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(batcher.aclose())
    await asyncio.sleep(0.005)
    with pytest.raises(VendomatError) as refused:
        await batcher.submit(6)
    assert refused.value.code is ErrorCode.UNAVAILABLE
    book.may_write.set()
    await closing
    assert [task.result() for task in waiting] == [0, 10, 20, 30, 40]


async def test_what_waits_is_bounded() -> None:
    book = Book()
    book.may_write.clear()
    batcher = Batcher(book.write, items_max=1, writers=1)
    waiting = [asyncio.create_task(batcher.submit(n)) for n in range(WAITING_MAX + 3)]
    await asyncio.sleep(0.05)
    refused = [task for task in waiting if task.done()]
    assert 1 <= len(refused) <= 3
    assert all(isinstance(task.exception(), VendomatError) for task in refused)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    batcher._waiting.clear()
    book.may_write.set()
    await batcher.aclose()


@pytest.mark.slow
async def test_sql_that_fails_for_one_row_leaves_its_neighbours_written(postgres: PostgresEngine) -> None:
    pool = await asyncpg.create_pool(postgres.create_database("batcher"), min_size=2, max_size=2)
    await pool.execute("CREATE TABLE number (n integer PRIMARY KEY CHECK (n <> 13))")

    async def write(items: Sequence[int]) -> list[int | Exception]:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("INSERT INTO number SELECT * FROM unnest($1::int[])", list(items))
            return list(items)

    batcher: Batcher[int, int] = Batcher(write, items_max=64)
    wanted = [*range(10, 30), 20, 2**40]  # one refused by the table, one there twice, one that is no integer there
    results = await asyncio.gather(*(batcher.submit(n) for n in wanted), return_exceptions=True)
    errors = {type(result) for result in results if isinstance(result, Exception)}
    assert errors == {asyncpg.CheckViolationError, asyncpg.UniqueViolationError, asyncpg.DataError}
    kept = [row[0] for row in await pool.fetch("SELECT n FROM number ORDER BY n")]
    assert kept == [n for n in range(10, 30) if n != 13]
    assert sum(isinstance(result, int) for result in results) == len(kept)
    await batcher.aclose()
    await pool.close()
