"""One cloud worker: everything put together, run until told to stop.

Any number of these share a database and a wire. Killed at any moment it loses nothing: what it had promised stands in
rows that another worker, or its own successor, finds due.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

import asyncpg
import structlog
import uvicorn
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.app.health import Check
from vendomat.cloud.app.http import MachineParts, PublicParts, build_machine_app, build_public_app
from vendomat.cloud.app.upkeep import Upkeep
from vendomat.cloud.codes import CodePosting, codes_key
from vendomat.cloud.ledger import Entry, post, postings
from vendomat.cloud.machines import MachineDirectory, WireAddress
from vendomat.cloud.merchants import MasterKey, Passwords, PaymentAccounts
from vendomat.cloud.payments.book import OpenProvider, ProviderBook
from vendomat.cloud.payments.providers import open_provider as open_real_provider
from vendomat.cloud.platform.connection import Wire
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.identity import CloudIdentity
from vendomat.cloud.platform.jobs import JobWorker
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.reports import EventFeeds
from vendomat.cloud.sales import (
    Dispatcher,
    FactTaker,
    Presence,
    Redeemer,
    SalesDesk,
    Sweeps,
    Till,
    UpMessages,
    Writer,
    notice_router,
)
from vendomat.kernel import SystemClock, TimeOrderedIds

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class WorkerAddress:
    """What a worker needs to know of its surroundings, besides its settings. `open_provider` reaches the platforms."""

    database_url: str
    nats_url: str
    identity: CloudIdentity
    open_provider: OpenProvider = open_real_provider


class _QuietServer(uvicorn.Server):
    """A server that leaves the process's signals alone: the worker stops all of them together."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run_worker(settings: CloudSettings, address: WorkerAddress, *, on_ready: asyncio.Event | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then finish what was begun."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with _open_worker(settings, address) as tasks:
        if on_ready is not None:
            on_ready.set()
        log.info("worker.ready", http=settings.http_port, https=settings.https_port)
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        for task in done - {stopped}:
            task.result()  # a part that ended by itself ends the worker, loudly


@asynccontextmanager
async def _open_worker(settings: CloudSettings, address: WorkerAddress) -> AsyncIterator[list[asyncio.Task[None]]]:
    clock, identity = SystemClock(), address.identity
    ids = TimeOrderedIds(clock)
    master_key = MasterKey.load_or_create(settings.data_dir / "identity")
    async with AsyncExitStack() as stack:
        database = await Database.open(address.database_url, hot_connections=settings.hot_connections)
        stack.push_async_callback(database.aclose)
        wire = await Wire.open(address.nats_url, identity, clock, "w" + secrets.token_hex(6))
        stack.push_async_callback(wire.aclose)
        book = ProviderBook(
            PaymentAccounts(database, master_key),
            clock,
            threads=settings.platform_threads,
            lookups_per_second=settings.lookups_per_second,
            open_provider=address.open_provider,
        )
        stack.push_async_callback(book.aclose)
        writer = Writer(database, settings, ids)
        stack.push_async_callback(writer.aclose)
        directory = MachineDirectory(database.hot, clock)
        presence = Presence(database, settings, ids)
        stack.push_async_callback(presence.aclose)
        till = Till(database, writer, book, settings=settings, clock=clock)
        facts = FactTaker(writer, clock)
        dispatcher = Dispatcher(
            database=database,
            writer=writer,
            wire=wire,
            directory=directory,
            facts=facts,
            signer=identity.command_key,
            settings=settings,
            clock=clock,
        )
        stack.push_async_callback(dispatcher.aclose)
        sweeps = Sweeps(
            database=database, writer=writer, till=till, dispatcher=dispatcher, settings=settings, clock=clock
        )
        writer.followers += [dispatcher.follow, sweeps.follow]
        redeemer = Redeemer(database, writer, code_key=codes_key(master_key), settings=settings, clock=clock, ids=ids)
        desk = SalesDesk(writer=writer, till=till, redeemer=redeemer, settings=settings, clock=clock, ids=ids)
        messages = UpMessages(
            database=database,
            directory=directory,
            desk=desk,
            facts=facts,
            presence=presence,
            signer=identity.command_key,
            settings=settings,
            clock=clock,
        )
        feeds = EventFeeds(database, clock)
        stack.push_async_callback(feeds.aclose)
        public = build_public_app(
            PublicParts(
                database=database,
                master_key=master_key,
                passwords=Passwords(),
                ids=ids,
                clock=clock,
                post_ledger=_post_code,
                feeds=feeds,
                heartbeat_s=settings.heartbeat_s,
                more_routers=[notice_router(till)],
                checks={"wire": _wire_check(wire)},
            )
        )
        machines = build_machine_app(
            MachineParts(
                database=database,
                issuer=identity,
                wire=WireAddress(address.nats_url, {identity.command_key.key_id: identity.command_key.public_base64}),
                ids=ids,
                clock=clock,
            )
        )
        servers = [_public_server(public, settings), _machine_server(machines, settings, identity)]
        upkeep = Upkeep(database, address.database_url, clock)
        jobs = JobWorker(
            address.database_url,
            kinds={"refund": sweeps.ask_refund},
            schedules={("upkeep", "17 * * * *"): upkeep.run},
        )
        await wire.serve(messages.handle)
        tasks = [asyncio.create_task(server.serve()) for server in servers]
        tasks += [
            asyncio.create_task(sweeps.run()),
            asyncio.create_task(directory.keep_fresh()),
            asyncio.create_task(jobs.run()),
        ]
        try:
            await _until_started(servers, tasks)
            yield tasks
        finally:
            await _end(servers, tasks)


def _public_server(app: FastAPI, settings: CloudSettings) -> uvicorn.Server:
    return _QuietServer(
        uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            http="httptools",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,
        )
    )


def _machine_server(app: FastAPI, settings: CloudSettings, identity: CloudIdentity) -> uvicorn.Server:
    certificate = identity.server_certificate("https")
    return _QuietServer(
        uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.https_port,
            http="httptools",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,
            ssl_certfile=str(certificate.certificate),
            ssl_keyfile=str(certificate.key),
        )
    )


async def _until_started(servers: Sequence[uvicorn.Server], tasks: Sequence[asyncio.Task[None]]) -> None:
    while not all(server.started for server in servers):
        for task in tasks:
            if task.done():
                task.result()
        await asyncio.sleep(0.01)


async def _end(servers: Sequence[uvicorn.Server], tasks: Sequence[asyncio.Task[None]]) -> None:
    for server in servers:
        server.should_exit = True
    for task in tasks[len(servers) :]:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task


async def _post_code(connection: AsyncConnection, codes: Sequence[CodePosting]) -> None:
    """The ledger's side of pre-paid codes, in the transaction that issues or withdraws them."""
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert isinstance(driver, asyncpg.Connection)
    made = {"prepaid_issued": postings.voucher_issued, "prepaid_withdrawn": postings.voucher_withdrawn}
    await post(
        driver,
        [
            Entry(c.merchant_id, "", c.amount.currency, c.at, made[c.kind](c.code_id, c.amount.minor_units))
            for c in codes
        ],
    )


def _wire_check(wire: Wire) -> Check:
    async def is_connected() -> bool:
        return wire.is_connected

    return is_connected
