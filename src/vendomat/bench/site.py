"""The benchmark's site: real engines, an emulated payment platform, a merchant with enrolled machines, and workers.

Machines are enrolled by writing their public keys into the database; everything after that is as in production.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from vendomat.bench.figures import LoadResult
from vendomat.bench.platform_notice import PLATFORM_KEY, PLATFORM_KEY_ID, new_platform_key
from vendomat.bench.player import Seat, Surroundings
from vendomat.bench.players import LoadPlan, NoticePlan
from vendomat.cloud.app import SeedPlan, load_stock, seed_demo
from vendomat.cloud.merchants import MasterKey, Passwords
from vendomat.cloud.platform.database import Database, migrate
from vendomat.cloud.platform.engines import Engines
from vendomat.cloud.platform.identity import USER_LIFE_MAX, Nkey, NkeyRole
from vendomat.kernel import ErrorCode, SystemClock, TimeOrderedIds, VendomatError
from vendomat.simulator.gateways import GatewayControl
from vendomat.simulator.town import Child, free_port

Inspect = Callable[[str], Awaitable[object]]
"""Given the superuser's URL when nothing is open any more; its answer is put into the report."""

SLOT = "A1"
STOCK = 100_000_000
MACHINES_FROM = 10**15


class NumberedMachines:
    """Ids as always, but machines are counted, so that a script can name the machine of its client."""

    def __init__(self, ids: TimeOrderedIds) -> None:
        self._ids = ids
        self._next = MACHINES_FROM

    def new(self, prefix: str) -> str:
        if prefix != "mch":
            return self._ids.new(prefix)
        self._next += 1
        return f"{prefix}_{self._next - 1:026d}"


@dataclass
class Site:
    """Made by `open_site`. `seats` are the machines; `notices` lets the load generator be the platform."""

    folder: Path
    engines: Engines
    seats: list[Seat]
    control_url: str
    gateways: Child
    account: dict[str, Any]
    merchant_id: str
    platform_private: str
    platform_public: str
    workers: list[Child]
    http_ports: list[int]
    epoch: int = 0

    @property
    def superuser_url(self) -> str:
        assert self.engines.postgres is not None, "the site has a database server of its own"
        return self.engines.postgres.address.superuser_url

    def next_surroundings(self, seq_before: int = 0) -> Surroundings:
        """What the machines' next run needs to know; their facts are counted from `seq_before` on."""
        self.epoch += 1
        key = self.engines.identity.command_key
        return Surroundings(
            nats_url=self.engines.nats_url,
            ca_file=str((self.folder / "cloud" / "identity" / "ca.pem").resolve()),
            cloud_keys={key.key_id: key.public_key},
            epoch=self.epoch,
            seq_before=seq_before,
        )

    def notices(self) -> NoticePlan:
        return NoticePlan(
            urls=[f"http://127.0.0.1:{port}/notify/{self.merchant_id}/wechat" for port in self.http_ports],
            private_pem=self.platform_private,
            key_id=PLATFORM_KEY_ID,
            apiv3_key=self.account["apiv3_key"],
            mchid=self.account["mchid"],
            appid=self.account["appid"],
        )

    @asynccontextmanager
    async def cloud(
        self,
        count: int,
        *,
        is_calling_platform: bool,
        database_url: str | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> AsyncIterator[None]:
        """`count` workers, with or without the call that starts a payment; ended when left. `settings` by name."""
        module = ["vendomat.cli", "cloud"] if is_calling_platform else ["vendomat.bench.worker"]
        environment = {"DATABASE_URL": database_url or self.engines.database_url, "NATS_URL": self.engines.nats_url}
        environment |= {f"VENDOMAT_{name.upper()}": value for name, value in (settings or {}).items()}
        if not is_calling_platform:
            environment[PLATFORM_KEY] = self.platform_public
        self.http_ports = [free_port() for _ in range(count)]
        self.workers = []
        for number, port in enumerate(self.http_ports):
            ports = ["--http-port", str(port), "--https-port", str(free_port())]
            arguments = [*module, "--data", str(self.folder / "cloud"), *ports]
            child = Child(f"worker {number}", arguments, log=self.folder / "workers.log", environment=environment)
            self.workers.append(child)
        try:
            for worker in self.workers:
                await worker.start()
            yield
        finally:
            await asyncio.gather(*(worker.stop() for worker in self.workers))

    async def load(self, plan: LoadPlan) -> LoadResult:
        """One run of the load generator, as a process of its own. Raises `VendomatError` when it fell."""
        path = self.folder / "load.json"
        path.touch(mode=0o600)
        path.write_bytes(msgspec.json.encode(plan))
        command = [sys.executable, "-m", "vendomat.bench.load_process", str(path)]
        with (self.folder / "load.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=log)
            out, _ = await process.communicate()
        if process.returncode != 0:
            raise VendomatError(ErrorCode.UNAVAILABLE, f"the load generator failed; see {self.folder / 'load.log'}")
        return msgspec.json.decode(out, type=LoadResult)

    def pids(self) -> dict[str, list[int]]:
        """Process ids by part, as of now."""
        assert self.engines.postgres is not None
        return {
            "postgres": self.engines.postgres.pids,
            "nats": [pid for name, pid in self.engines.pids.items() if name == "nats" and pid is not None],
            "workers": [worker.pid for worker in self.workers if worker.pid is not None],
            "platform": [self.gateways.pid] if self.gateways.pid is not None else [],
        }


@asynccontextmanager
async def open_site(folder: Path, terminals: int) -> AsyncIterator[Site]:
    """A fresh site in `folder`, which has to be empty; ended when left."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True, mode=0o700)
    async with contextlib.AsyncExitStack() as stack:
        engines_context = Engines.open(folder / "cloud")
        engines = await asyncio.to_thread(engines_context.__enter__)
        stack.push_async_callback(asyncio.to_thread, engines_context.__exit__, None, None, None)
        await migrate(engines.database_url)
        control_url = f"http://127.0.0.1:{free_port()}"
        port = control_url.rpartition(":")[2]
        arguments = ["vendomat.simulator.gateways", "--fast", "--control-port", port]
        gateways = Child("the payment platform", arguments, log=folder / "platform.log")
        await gateways.start()
        stack.push_async_callback(gateways.stop)
        control = GatewayControl(control_url)
        try:
            account = (await control.open_accounts("bench"))["wechat"]
        finally:
            await control.aclose()
        merchant_id = await _seed(engines, folder, terminals, account)
        private, public = new_platform_key()
        yield Site(
            folder=folder,
            engines=engines,
            seats=await _enrol(engines, merchant_id),
            control_url=control_url,
            gateways=gateways,
            account=account,
            merchant_id=merchant_id,
            platform_private=private,
            platform_public=public,
            workers=[],
            http_ports=[],
        )


async def _seed(engines: Engines, folder: Path, terminals: int, account: dict[str, Any]) -> str:
    """A merchant with machines, goods without end, and its account at the platform."""
    settings = {name: account[name] for name in ("mchid", "appid", "apiv3_key", "public_key_id", "base_url")}
    settings |= {
        "private_key": account["merchant_private_key_pem"],
        "serial_no": account["merchant_serial_no"],
        "public_key": account["public_key_pem"],
    }
    clock = SystemClock()
    database = await Database.open(engines.database_url)
    try:
        seeded = await seed_demo(
            database,
            MasterKey.load_or_create(folder / "cloud" / "identity"),
            ids=NumberedMachines(TimeOrderedIds(clock)),
            clock=clock,
            passwords=Passwords(),
            plan=SeedPlan(
                password="not-used-by-anybody",  # noqa: S106 - nobody signs in to a benchmark
                machines=terminals,
                accounts=[("wechat", account["mchid"], settings)],
            ),
        )
        for machine in seeded.machines:
            async with database.merchant(seeded.merchant_id) as connection:
                await load_stock(
                    connection, seeded.merchant_id, machine.machine_id, loads={SLOT: STOCK}, at=clock.now()
                )
    finally:
        await database.aclose()
    return seeded.merchant_id


async def _enrol(engines: Engines, merchant_id: str) -> list[Seat]:
    """Keys for all machines, the public halves in the database."""
    assert engines.postgres is not None
    ends_at = SystemClock().now() + USER_LIFE_MAX - (USER_LIFE_MAX / 100)
    connection = await asyncpg.connect(engines.postgres.address.superuser_url)
    try:
        rows = await connection.fetch(
            "SELECT machine_id, price_minor FROM planogram_slot WHERE merchant_id = $1 AND slot = $2 ORDER BY 1",
            merchant_id,
            SLOT,
        )
        seats = []
        for row in rows:
            key = Nkey.new(NkeyRole.USER)
            await connection.execute(
                "UPDATE machine SET state = 'enrolled', public_key = $2 WHERE machine_id = $1",
                row["machine_id"],
                key.public,
            )
            seats.append(
                Seat(
                    machine_id=row["machine_id"],
                    seed=key.seed.decode(),
                    user_jwt=engines.identity.issue_user_jwt(key.public, row["machine_id"], ends_at),
                    slot=SLOT,
                    price_minor=row["price_minor"],
                )
            )
    finally:
        await connection.close()
    return seats
