"""`vendomat bench console`: how long the console waits for each of its answers, with a large merchant behind it.

A private PostgreSQL is filled with machines and a year of sales, a real worker is started over it, a person signs in,
closes the months and issues a site's statement; machines beat on. Then every request of every page is asked, one after
the other, round by round. A page waits for its requests; a file is downloaded beside the page, which waits for nothing,
so files have a limit of their own. Refuses to call a run good in which one of them took longer than its limit at its
95th percentile, or was not answered with what was asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import median

import asyncpg
import httpx
import msgspec

from vendomat.bench.console_estate import PASSWORD, add_up, beat, fill, make_merchant
from vendomat.bench.console_requests import REQUESTS, is_file_request, spans
from vendomat.cloud.app import Seeded
from vendomat.cloud.platform.database import migrate
from vendomat.cloud.platform.engines import Engines
from vendomat.kernel import ErrorCode, SystemClock, VendomatError
from vendomat.simulator.town import Child, free_port

BEAT_S = 5.0
WARM_UPS = 2
MONTHS_CLOSED_MAX = 13
Say = Callable[[str], None]


@dataclass(frozen=True)
class ConsolePlan:
    """`folder` must be empty."""

    folder: Path
    machines: int = 5_000
    sales: int = 1_000_000
    rounds: int = 20
    limit_ms: float = 300.0
    file_limit_ms: float = 3_000.0


@dataclass(frozen=True)
class Waited:
    """One request's milliseconds until its last byte. `kib` is what it answered; a file is no request of a page."""

    page: str
    request: str
    is_file: bool
    p50_ms: float
    p95_ms: float
    kib: float
    status: int


@dataclass
class ConsoleReport:
    """Slowest first."""

    machines: int
    sales: int
    rounds: int
    limit_ms: float
    file_limit_ms: float
    fill_s: float
    add_up_s: float
    database_mib: int
    requests: list[Waited] = field(default_factory=list)

    @property
    def slow(self) -> list[Waited]:
        return [one for one in self.requests if one.p95_ms > self.limit_of(one)]

    def limit_of(self, one: Waited) -> float:
        return self.file_limit_ms if one.is_file else self.limit_ms

    @property
    def is_good(self) -> bool:
        return bool(self.requests) and not self.slow and all(one.status == 200 for one in self.requests)


async def run_console(plan: ConsolePlan, say: Say = lambda _: None) -> ConsoleReport:
    """Fill, add up, serve, ask. Raises `VendomatError` when the worker does not start or nobody can sign in."""
    clock = SystemClock()
    cloud = plan.folder / "cloud"
    async with contextlib.AsyncExitStack() as stack:
        engines_context = Engines.open(cloud)
        engines = await asyncio.to_thread(engines_context.__enter__)
        stack.push_async_callback(asyncio.to_thread, engines_context.__exit__, None, None, None)
        assert engines.postgres is not None, "the benchmark has a database server of its own"
        superuser_url = engines.postgres.address.superuser_url
        await migrate(engines.database_url)
        seeded = await make_merchant(engines.database_url, cloud / "identity")
        say(f"writing {plan.machines} machines and {plan.sales} sales")
        began = clock.elapsed()
        await fill(superuser_url, seeded, machines=plan.machines, sales=plan.sales)
        filled = clock.elapsed()
        say("adding them up")
        await add_up(engines.database_url, superuser_url)
        report = ConsoleReport(
            plan.machines,
            plan.sales,
            plan.rounds,
            plan.limit_ms,
            plan.file_limit_ms,
            fill_s=round(filled - began, 1),
            add_up_s=round(clock.elapsed() - filled, 1),
            database_mib=await _size_mib(superuser_url),
        )
        port = free_port()
        ports = ["--http-port", str(port), "--https-port", str(free_port())]
        environment = {"DATABASE_URL": engines.database_url, "NATS_URL": engines.nats_url}
        arguments = ["vendomat.cli", "cloud", "--data", str(cloud), *ports]
        worker = Child("the worker", arguments, log=plan.folder / "worker.log", environment=environment)
        await worker.start()
        stack.push_async_callback(worker.stop)
        hearts = asyncio.create_task(_beat_on(superuser_url))
        stack.callback(hearts.cancel)
        host = f"http://127.0.0.1:{port}"
        person = httpx.AsyncClient(base_url=f"{host}/api/v1/", headers={"Origin": host}, timeout=120)
        async with person:
            known = await _settle_in(person, superuser_url, seeded)
            say(f"asking {len(REQUESTS)} requests {plan.rounds} times")
            report.requests = await _ask_all(person, known, plan.rounds)
        return report


async def _size_mib(superuser_url: str) -> int:
    connection = await asyncpg.connect(superuser_url)
    try:
        return int(await connection.fetchval("SELECT pg_database_size(current_database())")) >> 20
    finally:
        await connection.close()


async def _beat_on(superuser_url: str) -> None:
    seen_before = datetime.now(UTC) - timedelta(minutes=30)
    connection = await asyncpg.connect(superuser_url)
    try:
        seen_before = await connection.fetchval("SELECT max(seen_at) - interval '1 second' FROM machine_live")
        while True:
            await beat(connection, seen_before)
            await asyncio.sleep(BEAT_S)
    finally:
        await connection.close()


async def _settle_in(person: httpx.AsyncClient, superuser_url: str, seeded: Seeded) -> dict[str, str]:
    """Sign in, close the months, draft a promotion, describe a model, issue a statement; what the requests name."""
    keys = (f"bench-{n}" for n in count())

    async def done(method: str, path: str, body: object = None) -> httpx.Response:
        answer = await person.request(method, path, json=body, headers={"Idempotency-Key": next(keys)})
        if answer.status_code >= 300:
            raise VendomatError(ErrorCode.UNAVAILABLE, f"{method} {path} was answered with {answer.text[:300]}")
        return answer

    await done("POST", "session", {"email": seeded.email, "password": PASSWORD})
    for _ in range(MONTHS_CLOSED_MAX):
        month = (await done("GET", "month-closes")).json()["next_month"]
        if month is None:
            break
        await done("POST", f"month-closes/{month}", {})
    today = (await done("GET", "statements")).json()["today"]
    known = spans(datetime.fromisoformat(today).date()) | {"site": "sit_" + "0" * 26}
    wanted = {"month": known["month"], "despite_open_days": True}
    drafted = {"name": "A tenth off", "kind": "percent", "basis_points": 1_000}
    known["promotion"] = (await done("POST", "promotions", drafted)).json()["id"]
    slots = [{"slot": f"{row}{n}", "capacity": 10} for row in "ABCDEF" for n in range(10)]
    cabinet = {"name": "Six by ten", "slots": slots}
    known["model"] = (await done("POST", "machine-models", cabinet)).json()["id"]
    issued = (await done("POST", f"sites/{known['site']}/statements", wanted)).json()
    known |= {"sha256": issued["content_sha256"], "machine": seeded.machines[0].machine_id}
    known |= {"member": f"mbr_{5:026d}", "product": next(iter(seeded.products.values())), "changed": f"prd_{5:026d}"}
    for name in ("machines", "orders"):
        known[f"{name}_cursor"] = (await done("GET", f"{name}?limit=200")).json()["next_cursor"] or ""
    connection = await asyncpg.connect(superuser_url)
    try:
        known["order"] = await connection.fetchval("SELECT order_id FROM sale_order ORDER BY created_at DESC LIMIT 1")
        known["alarm"] = await connection.fetchval("SELECT min(alarm_id) FROM alarm")
        known["claimed"] = await connection.fetchval("SELECT min(order_id) FROM claim")
    finally:
        await connection.close()
    return known


async def _ask_all(person: httpx.AsyncClient, known: dict[str, str], rounds: int) -> list[Waited]:
    """Round by round, so that what disturbs for a second disturbs no single request."""
    times: dict[str, list[float]] = {request: [] for _, request in REQUESTS}
    last: dict[str, httpx.Response] = {}
    for one in range(WARM_UPS + rounds):
        for _, request in REQUESTS:
            began = time.perf_counter()
            last[request] = await person.get(request.format(**known))
            if one >= WARM_UPS:
                times[request].append(1_000 * (time.perf_counter() - began))
    waited = [
        Waited(
            page,
            request,
            is_file_request(request),
            round(median(times[request]), 1),
            round(sorted(times[request])[-(-95 * rounds // 100) - 1], 1),
            round(len(last[request].content) / 1_024, 1),
            last[request].status_code,
        )
        for page, request in REQUESTS
    ]
    return sorted(waited, key=lambda one: -one.p95_ms)


def console_json(report: ConsoleReport) -> str:
    """The report as one JSON object, with its verdict."""
    values = {name: value for name, value in asdict(report).items() if name != "requests"}
    said = {"is_good": report.is_good, "slow": len(report.slow), **values, "requests": report.requests}
    return msgspec.json.format(msgspec.json.encode(said)).decode()


def console_table(report: ConsoleReport) -> str:
    """The same for people: what is too slow is marked, and what is a file."""
    lines = [f"{'p50 ms':>8} {'p95 ms':>8} {'KiB':>8}    request"]
    for one in report.requests:
        mark = "!" if one in report.slow else "f" if one.is_file else " "
        said = "" if one.status == 200 else f"  ({one.status})"
        lines.append(f"{one.p50_ms:8.1f} {one.p95_ms:8.1f} {one.kib:8.1f}  {mark} {one.page}: {one.request}{said}")
    return "\n".join(lines)
