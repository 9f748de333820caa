"""A database that breaks transactions off, fills up, or dies and leaves a standby: real PostgreSQL, real errors."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.cloud.conftest import database_url, postgres
from tests.cloud.sales.conftest import SEED, World, world
from tests.cloud.sales.selling_stage import Stage, fact, open_stage
from tests.cloud.sales.test_use_cases import new_order
from vendomat.cloud.platform.database import QUERY_FAILURES, Database, KeptConnection, migrate
from vendomat.cloud.platform.engines import PostgresEngine
from vendomat.cloud.platform.engines.account import account_for
from vendomat.cloud.platform.engines.cluster import BARE_ENVIRONMENT
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales import NewOrder, Writer
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.kernel import SystemClock, TimeOrderedIds, VendomatError, derive_id
from vendomat.protocol import FactKind

__all__ = ["database_url", "postgres", "world"]
pytestmark = pytest.mark.slow

STATEMENTS_MAX = 200


# --- broken off ------------------------------------------------------------------------------------------------------


@dataclass
class Breaker:
    """Has the server itself break off the `nth` statement that is sent within a transaction, once."""

    code: str
    nth: int = 0
    seen: int = 0

    async def before(self, connection: asyncpg.Connection) -> None:
        if not connection.is_in_transaction():
            return
        self.seen += 1
        if self.seen == self.nth:
            await asyncpg.Connection.execute(
                connection, f"DO $$ BEGIN RAISE EXCEPTION 'as a rival would' USING ERRCODE = '{self.code}'; END $$"
            )


def breaking(breaker: Breaker) -> type[KeptConnection]:
    class BreakingConnection(KeptConnection):
        async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
            await breaker.before(self)
            return await super().fetch(query, *args, **options)

        async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
            await breaker.before(self)
            return await super().fetchval(query, *args, **options)

        async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
            await breaker.before(self)
            return await super().fetchrow(query, *args, **options)

        async def execute(self, query: str, *args: Any, **options: Any) -> Any:
            if not query.startswith(("BEGIN", "ROLLBACK")):
                await breaker.before(self)
            return await super().execute(query, *args, **options)

    return BreakingConnection


async def _again(sweep: Callable[[], Awaitable[int]]) -> None:
    """As the worker's loop does: a sweep that failed is begun again."""
    try:
        await sweep()
    except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
        await sweep()


async def _refunded_purchase(stage: Stage) -> None:
    """One order from the request to its refund, with every kind of transaction on the way."""
    lines = [{"slot": "A1", "quantity": 1, "price_minor": 350}]
    body = {"request_id": derive_id("req", 1), "lines": lines, "channel": "wechat", "nonce": "n" * 20}
    kind, answer = await stage.say("order", body)
    assert kind == "order.reply", answer
    number = str(answer["offers"][0]["payment_id"])
    stage.platform.take_money(number)
    await stage.clock.advance(3)
    await _again(stage.sweeps.look_up_payments)
    order_id = str(answer["order_id"])
    await stage.clock.advance(3)
    await _again(stage.dispatcher.sweep)
    await stage.settle_down()
    refusal = {"cmd_id": command_number(order_id, 1), "order_id": order_id, "unit": 1, "slot": "A1", "reason": "door"}
    kind, _ = await stage.say("facts", {"facts": [fact(FactKind.REFUSED, refusal)]})
    assert kind == "facts.reply"
    await _again(stage.sweeps.ask_refunds)
    await stage.clock.advance(2)
    await _again(stage.sweeps.ask_refunds)


@pytest.fixture(params=["40001", "40P01"], ids=["serialisation", "deadlock"])
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_f19_broken_off_at_each_statement_repeats_no_outside_effect(
    world: World, database_url: str, code: str
) -> None:
    """The server breaks off the n-th statement, for every n: one order, one payment, one command, one refund."""
    tables = (
        "machine_fact, evidence, ledger_line, outbox, command, refund, vend_unit, payment, sale_order, notice_inbox"
    )
    for nth in range(1, STATEMENTS_MAX):
        breaker = Breaker(code, nth)
        database = await Database.open(database_url, connection_class=breaking(breaker))
        try:
            async with open_stage(replace(world, database=database)) as stage:
                breaker.seen = 0
                await _refunded_purchase(stage)
                calls = [verb for verb, _ in stage.platform.calls]
                assert (calls.count("start"), calls.count("refund")) == (1, 1), f"statement {nth}: {calls}"
                assert {envelope.seq for _, envelope in stage.line.asked} != set()
                assert stage.platform.refunded_minor == 350
                assert await stage.one("SELECT (state, total_minor)::text FROM sale_order") == "(settled,350)"
                assert await stage.one("SELECT count(*) FROM command") == 1
                assert await stage.one("SELECT sum(amount_minor) FROM ledger_line") == 0
        finally:
            await database.aclose()
        if breaker.seen < nth:
            break
        await world.superuser.execute("SET session_replication_role = replica")
        await world.superuser.execute(f"TRUNCATE {tables} CASCADE")
        await world.superuser.execute("UPDATE stock_slot SET reserved = 0, on_hand = 40 WHERE slot = 'A1'")
        await world.superuser.execute("SET session_replication_role = origin")
    assert 20 < nth < STATEMENTS_MAX, "every statement had its turn"


# --- full ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of a few MiB that is really full when it is full."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk; the read-only database is tried everywhere")
    folder = Path(tempfile.mkdtemp(prefix="small-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m,mode=0711", "none", folder], check=False)
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip("this system lets nobody mount a small disk; the read-only database is tried everywhere")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
    folder.rmdir()


async def test_f20_a_full_disk_refuses_orders_before_money_and_is_seen(small_disk: Path) -> None:
    """No space: orders are refused, the check says so, what was acknowledged stays; space again: selling again."""
    with PostgresEngine(small_disk / "postgres", overrides={"max_wal_size": "48MB", "min_wal_size": "32MB"}) as engine:
        await migrate(engine.address.url)
        await _as_superuser(engine, SEED + "UPDATE stock_slot SET on_hand = 100000 WHERE slot = 'A1'")
        database = await Database.open(engine.address.url)
        writer = Writer(database, CloudSettings(), TimeOrderedIds(SystemClock()))
        acked: list[str] = []
        ballast = small_disk / "ballast"
        try:
            numbers = iter(range(1, 100_000))
            await _create(writer, acked, numbers, 20)
            assert await database.takes_writes()
            _fill(ballast)
            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError, VendomatError)):
                for _ in range(300):
                    await _create(writer, acked, numbers, 64)
            with contextlib.suppress(asyncpg.PostgresError, OSError):  # away altogether says it even louder
                assert not await database.takes_writes()
            ballast.unlink()
            if engine.pid is None:
                engine.start()
            await _until_it_takes(writer, acked, numbers)
            kept = await _as_superuser(engine, "SELECT array_agg(order_id) FROM sale_order")
            assert set(acked) <= set(kept), "an order that was acknowledged is there"
        finally:
            await writer.aclose()
            await database.aclose()


def _fill(ballast: Path) -> None:
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(64 * 1024)):
            pass


async def _create(writer: Writer, acked: list[str], numbers: Iterator[int], count: int) -> None:
    orders: list[NewOrder] = [new_order(next(numbers)) for _ in range(count)]
    done = await asyncio.gather(*(writer.create(order) for order in orders), return_exceptions=True)
    acked += [order.order_id for order, it in zip(orders, done, strict=True) if not isinstance(it, BaseException)]
    for error in done:
        if isinstance(error, BaseException):
            raise error


async def _until_it_takes(writer: Writer, acked: list[str], numbers: Iterator[int]) -> None:
    for _ in range(200):
        try:
            await _create(writer, acked, numbers, 1)
        except QUERY_FAILURES:
            await asyncio.sleep(0.1)
        else:
            return
    raise AssertionError("it takes nothing although there is space again")


async def _as_superuser(engine: PostgresEngine, statement: str) -> Any:
    connection = await asyncpg.connect(engine.address.superuser_url)
    try:
        if statement.startswith("SELECT"):
            return await connection.fetchval(statement)
        return await connection.execute(statement)
    finally:
        await connection.close()


# --- a standby -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[PostgresEngine, Standby]]:
    """A server that acknowledges nothing before its standby has it."""
    engine = PostgresEngine(tmp_path_factory.mktemp("primary"))
    engine.start()
    standby = Standby(engine)
    try:
        await migrate(engine.address.url)
        await _as_superuser(engine, SEED + "UPDATE stock_slot SET on_hand = 100000 WHERE slot = 'A1'")
        standby.start()
        await _as_superuser(engine, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        await _as_superuser(engine, "SELECT pg_reload_conf()::text")
        for _ in range(300):
            if await _as_superuser(engine, "SELECT bool_or(sync_state = 'sync') FROM pg_stat_replication"):
                break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError(standby.log.read_text())
        yield engine, standby
    finally:
        standby.stop()
        engine.destroy()


class Standby:
    """A copy of `primary` that follows it, and can take its place."""

    def __init__(self, primary: PostgresEngine) -> None:
        self._primary = primary
        self.folder = primary.storage / "standby"
        self.log = Path(tempfile.mkstemp(prefix="standby-log-")[1])
        self._child: subprocess.Popen[bytes] | None = None
        self._account = account_for(primary.storage / "data")

    @property
    def url(self) -> str:
        return self._primary.address.superuser_url.replace(str(self._primary.address.socket_dir), str(self.folder))

    def start(self) -> None:
        address = self._primary.address
        rules = self._primary.storage / "data" / "pg_hba.conf"
        rules.write_text(rules.read_text() + "local replication all trust\n")
        self._run("psql", "-XAtqc", "SELECT pg_reload_conf()")
        self.folder.mkdir(mode=0o700)
        self._account.own(self.folder)
        self._run("pg_basebackup", "-D", str(self.folder), "-R", "-X", "stream", "-c", "fast")
        options = {"port": address.port, "unix_socket_directories": self.folder, "listen_addresses": ""}
        options["max_connections"] = 200  # as many as the first server has, or it refuses to follow
        command = [str(address.binaries / "postgres"), "-D", str(self.folder)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                command, cwd="/", env=dict(BARE_ENVIRONMENT), stdout=log, stderr=log, **self._account.spawn_arguments()
            )

    def promote(self) -> None:
        self._run("pg_ctl", "promote", "-D", str(self.folder), "-w")

    def stop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
        self.log.unlink()

    def _run(self, program: str, *arguments: str) -> None:
        address = self._primary.address
        environment = {**BARE_ENVIRONMENT, **address.environment(user="postgres", database="postgres")}
        subprocess.run(
            [str(address.binaries / program), *arguments],
            cwd="/",
            env=environment,
            check=True,
            capture_output=True,
            **self._account.spawn_arguments(),
        )


async def test_f18_a_synchronous_standby_has_every_order_that_was_acknowledged(
    pair: tuple[PostgresEngine, Standby],
) -> None:
    """The server dies for good under load and the standby takes its place: no acknowledged order is missing."""
    engine, standby = pair
    database = await Database.open(engine.address.url)
    writer = Writer(database, CloudSettings(), TimeOrderedIds(SystemClock()))
    acked: list[str] = []
    numbers = iter(range(1, 100_000))

    async def load() -> None:
        with contextlib.suppress(*QUERY_FAILURES):
            while True:
                await _create(writer, acked, numbers, 4)

    loading = asyncio.gather(*(load() for _ in range(4)))
    while len(acked) < 200:
        await asyncio.sleep(0.01)
    engine.kill()
    await loading
    await writer.aclose()
    await database.aclose()
    await asyncio.to_thread(standby.promote)
    connection = await asyncpg.connect(standby.url)
    try:
        assert not await connection.fetchval("SELECT pg_is_in_recovery()")
        kept = {row[0] for row in await connection.fetch("SELECT order_id FROM sale_order")}
    finally:
        await connection.close()
    assert set(acked) <= kept
