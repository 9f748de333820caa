"""One cloud worker: everything put together, run until told to stop.

Any number of these share a database and a wire. Killed at any moment it loses nothing: what it had promised stands in
rows that another worker, or its own successor, finds due.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial

import asyncpg
import structlog
import uvicorn
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.alarms import Delivery, NoticeSender, web_push
from vendomat.cloud.app.health import Check
from vendomat.cloud.app.http import MachineParts, PublicParts, build_machine_app, build_public_app
from vendomat.cloud.app.metrics import metrics_router
from vendomat.cloud.app.parts import Ground, SalesParts, WorkerAddress, build_sales, open_ground
from vendomat.cloud.app.upkeep import Upkeep
from vendomat.cloud.claims import ClaimRounds
from vendomat.cloud.codes import CodePosting
from vendomat.cloud.coolers import visit_notice_router
from vendomat.cloud.ledger import Entry, post, postings
from vendomat.cloud.machines import SAMPLES_SCHEDULE, EnrolmentDoor, KeyReplaced, LiveSamples, WireAddress
from vendomat.cloud.merchants import FirstRun, Merchants, Passwords, SignIns
from vendomat.cloud.planograms import DuePlanograms, PlanogramDesk
from vendomat.cloud.platform.connection import Wire
from vendomat.cloud.platform.identity import CloudIdentity
from vendomat.cloud.platform.jobs import JobWorker
from vendomat.cloud.platform.new_tables import NewTables
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.reconciliation import JOB as BILL_REQUEST
from vendomat.cloud.reconciliation import SCHEDULE
from vendomat.cloud.reports import EventFeeds, Tally
from vendomat.cloud.sales import Writer, notice_router
from vendomat.cloud.statements import SCHEDULE as SUMS_SCHEDULE
from vendomat.cloud.statements import DaySums
from vendomat.cloud.statistics import QUIET_SCHEDULE, SLOTS_SCHEDULE, QuietWatch, SaleSums, SlotWatch
from vendomat.cloud.statistics import SCHEDULE as SALE_SUMS_SCHEDULE

log = structlog.get_logger(__name__)


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
        gc.collect()
        gc.freeze()  # what was loaded stays: a later collection that walks through it holds every sale up (165 ms)
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
    async with AsyncExitStack() as stack:
        ground = await open_ground(settings, address, stack)
        sales = build_sales(ground, stack, make_writer=partial(Writer, watch=ground.metrics.batch))
        feeds = EventFeeds(ground.database, ground.clock)
        first_run = _first_run(ground)
        await first_run.prepare()
        servers = [
            _public_server(_public_app(ground, sales, feeds, first_run), settings),
            _machine_server(_machine_app(ground), settings, address.identity),
        ]
        if settings.metrics_port:
            servers.append(_metrics_server(ground))
        jobs = JobWorker(
            address.database_url,
            kinds={"refund": sales.sweeps.ask_refund, BILL_REQUEST: sales.bill_requests.run},
            schedules={
                ("upkeep", "17 * * * *"): _upkeep(ground).run,
                ("reconciliation", SCHEDULE): sales.reconciliation.run,
                ("bill requests", "* * * * *"): sales.bill_requests.run_waiting,
                ("day sums", SUMS_SCHEDULE): DaySums(ground.database).run,
                ("sale sums", SALE_SUMS_SCHEDULE): SaleSums(ground.database).run,
                ("slot spans", SLOTS_SCHEDULE): SlotWatch(ground.database, ground.clock).run,
                ("live samples", SAMPLES_SCHEDULE): _samples(ground).run,
                ("quiet machines", QUIET_SCHEDULE): QuietWatch(ground.database, ground.clock, ground.ids).run,
            },
        )
        await ground.wire.serve(sales.messages.handle, sales.watch.note)
        tasks = [asyncio.create_task(server.serve()) for server in servers]
        tasks += [
            asyncio.create_task(sales.sweeps.run()),
            asyncio.create_task(sales.visit_sweeps.run()),
            asyncio.create_task(sales.sharing_sweeps.run()),
            asyncio.create_task(sales.directory.keep_fresh()),
            asyncio.create_task(sales.watch.run()),
            asyncio.create_task(sales.standing.run()),
            asyncio.create_task(sales.reach.run()),
            asyncio.create_task(address.identity.command_key.keep_fresh(ground.clock)),
            asyncio.create_task(jobs.run()),
            asyncio.create_task(_claim_rounds(ground).run()),
            asyncio.create_task(_due_planograms(ground).run()),
            asyncio.create_task(_notice_sender(ground).run()),
            asyncio.create_task(Tally(ground.database, ground.clock).run()),
            asyncio.create_task(NewTables(ground.database, address.database_url, ground.clock).run()),
        ]
        try:
            await _until_started(servers, tasks)
            yield tasks
        finally:
            await feeds.aclose()  # first, or every open page would hold its server up
            await _end(servers, tasks)


def _samples(ground: Ground) -> LiveSamples:
    return LiveSamples(ground.database, ground.clock, heartbeat_s=ground.settings.heartbeat_s)


def _claim_rounds(ground: Ground) -> ClaimRounds:
    return ClaimRounds(ground.database, settings=ground.settings, clock=ground.clock, ids=ground.ids)


def _due_planograms(ground: Ground) -> DuePlanograms:
    return DuePlanograms(ground.database, PlanogramDesk(ground.database, ground.clock), ground.clock)


def _notice_sender(ground: Ground) -> NoticeSender:
    delivery = Delivery(is_private_allowed=ground.settings.notify_private)
    console_url = f"{ground.settings.base_url}/console/alarms"
    push = web_push(ground.master_key, ground.settings, ground.wall or ground.clock)
    return NoticeSender(ground.database, ground.master_key, delivery, ground.clock, push=push, console_url=console_url)


def _upkeep(ground: Ground) -> Upkeep:
    sign_ins = SignIns(ground.database, Passwords(), ground.clock)
    return Upkeep(ground.database, ground.address.database_url, sign_ins, ground.clock)


def _first_run(ground: Ground) -> FirstRun:
    merchants = Merchants(ground.database, Passwords(), ground.ids, ground.clock)
    return FirstRun(ground.database, merchants, ground.settings.data_dir, ground.clock)


def _public_app(ground: Ground, sales: SalesParts, feeds: EventFeeds, first_run: FirstRun) -> FastAPI:
    return build_public_app(
        PublicParts(
            database=ground.database,
            master_key=ground.master_key,
            passwords=Passwords(),
            ids=ground.ids,
            clock=ground.clock,
            wall=ground.wall,
            post_ledger=_post_code,
            feeds=feeds,
            heartbeat_s=ground.settings.heartbeat_s,
            is_secure=ground.settings.public_url.startswith("https://"),
            more_routers=[visit_notice_router(sales.visits), notice_router(sales.till)],
            visits=sales.visits,
            refunds=sales.refunds,
            settings=ground.settings,
            goods=sales.goods,
            top_ups=sales.top_ups,
            payouts=sales.payouts,
            sharing=sales.sharing,
            metrics=None if ground.settings.metrics_port else metrics_router(ground.registry, ground.metrics.sample),
            first_run=first_run,
            door=EnrolmentDoor(ground.settings.machines_url, _authority(ground)),
            checks={"wire": _wire_check(ground.wire)},
        )
    )


def _machine_app(ground: Ground) -> FastAPI:
    keys = ground.address.identity.command_key
    return build_machine_app(
        MachineParts(
            database=ground.database,
            issuer=ground.address.identity,
            wire=WireAddress(ground.address.machines_nats_url or ground.address.nats_url, keys.public_keys),
            ids=ground.ids,
            clock=ground.wall or ground.clock,
            authority=_authority(ground),
            key_replaced=_revoke_by(ground.address),
        )
    )


def _authority(ground: Ground) -> bytes:
    return ground.address.identity.authority.certificate_pem.encode("ascii")


def _revoke_by(address: WorkerAddress) -> KeyReplaced:
    """A machine that enrols with a new key takes the old one off the wire."""

    async def key_replaced(old_public_key: str) -> None:
        await asyncio.to_thread(address.revoke or address.identity.revoke, old_public_key)

    return key_replaced


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


def _metrics_server(ground: Ground) -> uvicorn.Server:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(metrics_router(ground.registry, ground.metrics.sample))
    return _QuietServer(
        uvicorn.Config(
            app, host="127.0.0.1", port=ground.settings.metrics_port, log_config=None, timeout_graceful_shutdown=2
        )
    )


def _machine_server(app: FastAPI, settings: CloudSettings, identity: CloudIdentity) -> uvicorn.Server:
    certificate = identity.server_certificate("https", settings.host_names)
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
