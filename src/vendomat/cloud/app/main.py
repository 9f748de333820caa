"""The cloud as a program: engines (unless given), migrations, one worker.

Prints one line of JSON when it serves. `DATABASE_URL` and `NATS_URL` point it at engines that somebody else runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from pathlib import Path

import msgspec
import structlog

from vendomat.cloud.app.parts import OpenDatabase, OpenWire, WorkerAddress
from vendomat.cloud.app.worker import run_worker
from vendomat.cloud.merchants import TOKEN_NAME
from vendomat.cloud.payments import OpenProvider
from vendomat.cloud.payments import open_provider as open_real_provider
from vendomat.cloud.platform.connection import Wire
from vendomat.cloud.platform.database import Database, migrate
from vendomat.cloud.platform.engines import Engines, Reach
from vendomat.cloud.platform.settings import CloudSettings


def run_cloud(
    settings: CloudSettings,
    *,
    open_provider: OpenProvider = open_real_provider,
    open_database: OpenDatabase = Database.open,
    open_wire: OpenWire = Wire.open,
) -> None:
    """Serve until SIGTERM or SIGINT. `open_provider` makes the way to a payment platform from an account's settings."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o711)  # the database server runs as somebody else
    log_to(settings.data_dir / "cloud.log")
    reach = Reach(settings.http_host, settings.host_names)
    with Engines.open(
        settings.data_dir, settings.database_url or None, settings.nats_url or None, reach=reach
    ) as engines:
        address = WorkerAddress(
            engines.database_url,
            engines.nats_url,
            engines.identity,
            open_provider,
            engines.revoke,
            open_database,
            open_wire,
            engines.nats_url if settings.nats_url else settings.outside(engines.nats_url),
        )
        _loop_run(_migrate_and_serve(settings, address))


async def _migrate_and_serve(settings: CloudSettings, address: WorkerAddress) -> None:
    await migrate(address.database_url)
    ready = asyncio.Event()

    async def announce() -> None:
        await ready.wait()
        line = {
            "console_url": f"{settings.base_url}/console/",
            "machines_url": settings.machines_url,
            "pid": os.getpid(),
        }
        with contextlib.suppress(FileNotFoundError):  # there while nobody has set this cloud up
            token = (settings.data_dir / TOKEN_NAME).read_text(encoding="ascii").strip()
            line["setup_url"] = f"{settings.base_url}/console/setup#{token}"
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
        sys.stdout.flush()

    announcement = asyncio.create_task(announce())
    try:
        await run_worker(settings, address, on_ready=ready)
    finally:
        announcement.cancel()


def _loop_run(main: object) -> None:
    import uvloop

    uvloop.run(main)  # type: ignore[arg-type]


def log_to(path: Path) -> None:
    """JSON lines into `path`; nothing on the terminal."""
    logging.basicConfig(filename=path, level=logging.WARNING, format="%(message)s", force=True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(path.open("a", encoding="utf-8", buffering=1)),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
