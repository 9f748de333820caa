"""The town itself: what stands where, started in order, remembered in its folder, ended in order.

A town of an earlier run is taken up again with its money, goods and keys; whatever was killed is started anew.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from vendomat.cloud.app import SeedPlan, seed_demo, seed_promotions
from vendomat.cloud.machines import Band
from vendomat.cloud.merchants import MasterKey, Passwords
from vendomat.cloud.platform.database import Database, migrate
from vendomat.cloud.platform.engines import Engines
from vendomat.kernel import SystemClock, TimeOrderedIds
from vendomat.simulator.gateways import GatewayControl
from vendomat.simulator.town.past import sell_past
from vendomat.simulator.town.processes import Child, free_port

STARTED_AT_ONCE = 3
Progress = Callable[[str], None]
Accounts = list[tuple[str, str, dict[str, object]]]
"""(channel, account, settings) of each payment channel."""


@dataclass(frozen=True)
class Programs:
    """What the town's processes run: modules, with the words before their own options."""

    cloud: tuple[str, ...] = ("vendomat.cli", "cloud")
    terminal: tuple[str, ...] = ("vendomat.terminal",)
    gateways: tuple[str, ...] = ("vendomat.simulator.gateways",)


@dataclass(frozen=True)
class TownPlan:
    """`speed`: how many times faster than life the cabinets run. `cloud` and `gateways`: settings of their own.

    `workers` of the cloud share the database and the wire; pages and machines know the first. `database`: settings of
    the server on top of ours. `is_promoted`: promotions count there from its first day, one of them with a coupon.
    `has_past`: its machines have sold for ninety days when it is founded.
    """

    folder: Path
    machines: int = 3
    speed: float = 1.0
    filling: int = 10
    console_port: int = 0
    cloud: Mapping[str, str] = field(default_factory=dict)
    database: Mapping[str, str] = field(default_factory=dict)
    gateways: tuple[str, ...] = ()
    workers: int = 1
    programs: Programs = field(default_factory=Programs)
    is_promoted: bool = False
    has_past: bool = False


class TownMachine(msgspec.Struct):
    """A machine of the town. `slots` is the cabinet's first filling."""

    machine_id: str
    number: str
    kiosk_port: int
    enrolment_token: str
    slots: dict[str, int]


class TownRecord(msgspec.Struct):
    """What a town remembers of itself, in `town.json` (it holds the demo's password: 0600)."""

    password: str
    email: str
    merchant_id: str
    console_port: int
    machines_port: int
    wechat_port: int
    alipay_port: int
    control_port: int
    machines: list[TownMachine]
    wechat_tls_port: int = 0
    coupon: str = ""  # a word that buyers may type
    past_sales: int = 0  # made up, before it was founded
    stripe_port: int = 0  # none in a town founded before there was one: then no machine offers it


_CHANGE = {
    "currency": "CNY",
    "tubes": [{"value_minor": 50, "count": 38}, {"value_minor": 100, "count": 61, "is_full": True}],
    "notes": 12,
}
_BAND = Band(2.0, 8.0, after_s=60)
_TAGS = (("地铁", "24h"), ("办公",), ("图书馆", "24h"))
_SIGNAL = {"way": "cellular", "dbm": -71}


class Town:
    """Made by `async with Town.open(plan, progress)`."""

    def __init__(self, plan: TownPlan, engines: Engines, record: TownRecord, gateways: Child) -> None:
        self.plan = plan
        self.engines = engines
        self.record = record
        self.control = GatewayControl(f"http://127.0.0.1:{record.control_port}")
        self.gateways = gateways
        self.cloud = _cloud(plan, engines, record.console_port, record.machines_port)
        more = [_cloud(plan, engines, free_port(), free_port()) for _ in range(plan.workers - 1)]
        self.workers = [self.cloud, *more]
        self.terminals = {m.machine_id: _terminal(plan, m) for m in record.machines}

    @property
    def console_url(self) -> str:
        return f"http://127.0.0.1:{self.record.console_port}/console/"

    @property
    def control_url(self) -> str:
        return f"http://127.0.0.1:{self.record.control_port}"

    def kiosk_url(self, machine: TownMachine) -> str:
        return f"http://127.0.0.1:{machine.kiosk_port}"

    def wallet_url(self, platform: str) -> str:
        return f"http://127.0.0.1:{getattr(self.record, f'{platform}_port')}/wallet"

    def machine_folder(self, machine: TownMachine) -> Path:
        return _machine_folder(self.plan, machine)

    @classmethod
    @asynccontextmanager
    async def open(cls, plan: TownPlan, progress: Progress = lambda _: None) -> AsyncIterator[Town]:
        """A town whose parts all answer; ended when left."""
        plan.folder.mkdir(parents=True, exist_ok=True, mode=0o711)  # the database server runs as somebody else
        progress("PostgreSQL and NATS")
        engines_context = Engines.open(plan.folder / "cloud", overrides=plan.database)
        engines = await asyncio.to_thread(engines_context.__enter__)
        town: Town | None = None
        try:
            await migrate(engines.database_url)
            town = cls(plan, engines, *await _record_of(plan, engines, progress))
            await town._start(progress)
            yield town
        finally:
            if town is not None:
                await town._stop()
                await town.control.aclose()
            await asyncio.to_thread(engines_context.__exit__, None, None, None)

    async def _start(self, progress: Progress) -> None:
        if not self.gateways.is_up:
            progress("payment platforms")
            await self.gateways.start()
        progress("cloud")
        for worker in self.workers:
            await worker.start()
        places = asyncio.Semaphore(STARTED_AT_ONCE)

        async def start(machine: TownMachine) -> None:
            async with places:
                await self.terminals[machine.machine_id].start()
                progress(f"machine {machine.number}")

        async with asyncio.TaskGroup() as tasks:
            for machine in self.record.machines:
                tasks.create_task(start(machine))

    async def _stop(self) -> None:
        await asyncio.gather(*(terminal.stop() for terminal in self.terminals.values()))
        await asyncio.gather(*(worker.stop() for worker in self.workers))
        await self.gateways.stop()


async def _record_of(plan: TownPlan, engines: Engines, progress: Progress) -> tuple[TownRecord, Child]:
    """The town's memory and its payment platforms; on its first day they run when it is made."""
    path = plan.folder / "town.json"
    if path.exists():
        record = msgspec.json.decode(path.read_bytes(), type=TownRecord)
        return record, _gateways(plan, record)
    record = TownRecord(
        password=secrets.token_urlsafe(9),
        email="",
        merchant_id="",
        console_port=plan.console_port or free_port(),
        machines_port=free_port(),
        wechat_port=free_port(),
        wechat_tls_port=free_port(),
        alipay_port=free_port(),
        stripe_port=free_port(),
        control_port=free_port(),
        machines=[],
    )
    control = GatewayControl(f"http://127.0.0.1:{record.control_port}")
    gateways = _gateways(plan, record)
    progress("payment platforms")
    await gateways.start()
    progress("a merchant with goods, machines and payment accounts")
    try:
        opened = await control.open_accounts("阳光售货")
        await _seed(plan, engines, record, client_settings(opened))
        events_url = f"http://127.0.0.1:{record.console_port}/notify/{record.merchant_id}/stripe"
        await control.set_stripe_webhook(str(opened["stripe"]["account"]), events_url)
        for machine_record in record.machines:
            _write_terminal_settings(plan, record, machine_record)
        _write_private(path, msgspec.json.encode(record))
    except BaseException:
        await gateways.stop()
        raise
    finally:
        await control.aclose()
    return record, gateways


async def _seed(plan: TownPlan, engines: Engines, record: TownRecord, accounts: Accounts) -> None:
    """The merchant with goods and machines in the cloud's database, and what the town remembers of them."""
    database = await Database.open(engines.database_url)
    try:
        clock = SystemClock()
        ids, master_key = TimeOrderedIds(clock), MasterKey.load_or_create(plan.folder / "cloud" / "identity")
        seeded = await seed_demo(
            database,
            master_key,
            ids=ids,
            clock=clock,
            passwords=Passwords(),
            plan=SeedPlan(
                password=record.password,
                machines=plan.machines,
                accounts=accounts,
                band=_BAND,
                tags=_TAGS,
                has_sites=True,
                has_model=True,
            ),
        )
        if plan.is_promoted:
            record.coupon = await seed_promotions(database, master_key, seeded, ids=ids, clock=clock)
        if plan.has_past:
            record.past_sales = await sell_past(database, engines.database_url, seeded, clock=clock, ids=ids)
        stock = await database.hot.fetch("SELECT machine_id, slot, on_hand FROM stock_slot")
    finally:
        await database.aclose()
    record.email, record.merchant_id = seeded.email, seeded.merchant_id
    for machine in seeded.machines:
        slots = {row["slot"]: row["on_hand"] for row in stock if row["machine_id"] == machine.machine_id}
        record.machines.append(
            TownMachine(machine.machine_id, machine.number, free_port(), machine.enrolment_token, slots)
        )


def client_settings(opened: dict[str, dict[str, object]]) -> Accounts:
    """The platforms' accounts as the cloud's payment channels want them: (channel, account, settings)."""
    wechat, alipay, stripe = opened["wechat"], opened["alipay"], opened["stripe"]
    return [
        (
            "wechat",
            str(wechat["mchid"]),
            {
                "mchid": wechat["mchid"],
                "appid": wechat["appid"],
                "private_key": wechat["merchant_private_key_pem"],
                "serial_no": wechat["merchant_serial_no"],
                "apiv3_key": wechat["apiv3_key"],
                "public_key_id": wechat["public_key_id"],
                "public_key": wechat["public_key_pem"],
                "base_url": wechat["base_url"],
                "apiv2_key": wechat["apiv2_key"],
                "certificate": wechat["merchant_certificate_pem"],
                "certificate_url": wechat["certificate_url"],
                "ca_certificate": wechat["ca_certificate_pem"],
            },
        ),
        (
            "alipay",
            str(alipay["app_id"]),
            {
                "app_id": alipay["app_id"],
                "seller_id": alipay["seller_id"],
                "private_key": alipay["app_private_key_pem"],
                "alipay_public_key": alipay["alipay_public_key_pem"],
                "gateway_url": alipay["gateway_url"],
            },
        ),
        (
            "stripe",
            str(stripe["account"]),
            {
                "account": stripe["account"],
                "secret_key": stripe["secret_key"],
                "webhook_secrets": [stripe["webhook_secret"]],
                "return_url": f"{stripe['base_url']}/wallet/bills",
                "base_url": stripe["base_url"],
            },
        ),
    ]


def _gateways(plan: TownPlan, record: TownRecord) -> Child:
    folder = plan.folder / "platforms"
    folder.mkdir(exist_ok=True)
    ports = [
        "--wechat-port",
        record.wechat_port,
        "--wechat-tls-port",
        record.wechat_tls_port,
        "--alipay-port",
        record.alipay_port,
        "--stripe-port",
        record.stripe_port,
        "--control-port",
        record.control_port,
    ]
    arguments = [*plan.programs.gateways, "--data", str(folder), *map(str, ports), *plan.gateways]
    return Child("the payment platforms", arguments, log=plan.folder / "platforms.log")


def _cloud(plan: TownPlan, engines: Engines, http_port: int, https_port: int) -> Child:
    arguments = [*plan.programs.cloud, "--data", str(plan.folder / "cloud")]
    arguments += ["--http-port", str(http_port), "--https-port", str(https_port)]
    environment = {"DATABASE_URL": engines.database_url, "NATS_URL": engines.nats_url}
    environment |= {f"VENDOMAT_{name.upper()}": value for name, value in plan.cloud.items()}
    return Child("the cloud", arguments, log=plan.folder / "cloud.err.log", environment=environment)


def _terminal(plan: TownPlan, machine: TownMachine) -> Child:
    folder = _machine_folder(plan, machine)
    return Child(
        f"machine {machine.number}",
        [*plan.programs.terminal, "--data", str(folder)],
        log=folder / "terminal.err.log",
    )


def _machine_folder(plan: TownPlan, machine: TownMachine) -> Path:
    return plan.folder / "machines" / machine.machine_id


def _write_terminal_settings(plan: TownPlan, record: TownRecord, machine: TownMachine) -> None:
    folder = _machine_folder(plan, machine)
    folder.mkdir(parents=True, mode=0o700)
    settings = {
        "cloud_https_url": f"https://127.0.0.1:{record.machines_port}",
        "ca_file": str((plan.folder / "cloud" / "identity" / "ca.pem").resolve()),
        "enrolment_token": machine.enrolment_token,
        "kiosk_port": machine.kiosk_port,
        "is_demo": True,
        "wallet_urls": {
            "wechat": f"http://127.0.0.1:{record.wechat_port}/wallet?code={{code}}",
            "alipay": f"http://127.0.0.1:{record.alipay_port}/wallet?code={{code}}",
            "stripe": f"http://127.0.0.1:{record.stripe_port}/wallet?code={{code}}",
        },
        "quiet_s": 1.0,  # it is killed on purpose, again and again, and must not be locked for it
        "simulated": {"slots": machine.slots, "speed": plan.speed, "cash": _CHANGE, "signal": _SIGNAL},
    }
    _write_private(folder / "terminal.json", msgspec.json.encode(settings))


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
