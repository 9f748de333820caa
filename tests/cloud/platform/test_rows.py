"""Statements gathered into one: nothing is lost, nothing overtakes, and an error leaves nothing standing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from vendomat.cloud.platform.rows import AtOnce, execute_rows

pytestmark = pytest.mark.slow
ADD_A = "INSERT INTO a (n, t) SELECT * FROM unnest($1::int[], $2::text[])"
ADD_B = "INSERT INTO b (n) SELECT * FROM unnest($1::int[])"
MOVE_A = "UPDATE a SET t = m.t FROM unnest($1::int[], $2::text[]) AS m(n, t) WHERE a.n = m.n"


class Counted(asyncpg.Connection):  # type: ignore[misc]
    """Counts the statements that were sent to be executed."""

    count = 0

    async def execute(self, query: str, *arguments: object, timeout: float | None = None) -> str:
        Counted.count += 1
        return str(await super().execute(query, *arguments, timeout=timeout))

    async def fetch(self, query: str, *arguments: object, **more: object) -> list[asyncpg.Record]:
        Counted.count += query.startswith("WITH")
        return list(await super().fetch(query, *arguments, **more))


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_url, connection_class=Counted)
    await opened.execute(
        "CREATE TEMP TABLE a (n int PRIMARY KEY, t text); CREATE TEMP TABLE b (n int REFERENCES a DEFERRABLE)"
    )
    Counted.count = 0
    yield opened
    await opened.close()


async def test_different_tables_go_in_one_sending(connection: asyncpg.Connection) -> None:
    at_once = AtOnce(connection)
    await execute_rows(at_once, ADD_B, [(1,), (2,)])  # refers to what comes after it in the same sending
    await execute_rows(at_once, ADD_A, [(1, "one"), (2, "two")])
    assert Counted.count == 0
    await at_once.send()
    await at_once.send()
    assert Counted.count == 1
    assert [tuple(row) for row in await connection.fetch("SELECT * FROM a ORDER BY n")] == [(1, "one"), (2, "two")]
    assert await connection.fetchval("SELECT count(*) FROM b") == 2


async def test_one_table_keeps_its_order(connection: asyncpg.Connection) -> None:
    """A row that is added and then changed: in one statement the change would not see it."""
    at_once = AtOnce(connection)
    await execute_rows(at_once, ADD_A, [(1, "one")])
    await execute_rows(at_once, MOVE_A, [(1, "more")])
    await execute_rows(at_once, MOVE_A, [(1, "most")])
    await at_once.send()
    assert await connection.fetchval("SELECT t FROM a") == "most"


async def test_a_question_sees_what_was_gathered(connection: asyncpg.Connection) -> None:
    at_once = AtOnce(connection)
    await execute_rows(at_once, ADD_A, [(1, "one")])
    assert [tuple(row) for row in await at_once.fetch("SELECT n FROM a WHERE t = $1", "one")] == [(1,)]


async def test_a_question_that_writes_takes_along_what_was_gathered(connection: asyncpg.Connection) -> None:
    at_once = AtOnce(connection)
    await execute_rows(at_once, ADD_B, [(1,), (2,)])
    rows = await at_once.fetch("INSERT INTO a SELECT n, $2 FROM unnest($1::int[]) AS k(n) RETURNING n", [1, 2], "one")
    await at_once.send()
    assert Counted.count == 1
    assert sorted(row["n"] for row in rows) == [1, 2]
    assert await connection.fetchval("SELECT count(*) FROM b JOIN a USING (n) WHERE t = 'one'") == 2


async def test_a_question_that_writes_where_a_part_does_goes_after_it(connection: asyncpg.Connection) -> None:
    at_once = AtOnce(connection)
    await execute_rows(at_once, ADD_A, [(1, "one")])
    assert [row["n"] for row in await at_once.fetch("UPDATE a SET t = 'two' WHERE t = 'one' RETURNING n")] == [1]


async def test_a_statement_on_two_tables_goes_alone_and_after_the_others(connection: asyncpg.Connection) -> None:
    at_once = AtOnce(connection)
    await execute_rows(at_once, ADD_A, [(1, "one")])
    await at_once.execute("WITH gone AS (UPDATE a SET t = $1 RETURNING n) INSERT INTO b SELECT n FROM gone", "two")
    assert await connection.fetchval("SELECT a.t FROM a JOIN b USING (n)") == "two"


async def test_an_error_of_one_leaves_none(connection: asyncpg.Connection) -> None:
    at_once = AtOnce(connection)
    await execute_rows(at_once, ADD_A, [(1, "one")])
    await execute_rows(at_once, ADD_B, [(7,)])
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await at_once.send()
    assert await connection.fetchval("SELECT count(*) FROM a") == 0
