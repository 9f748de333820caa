"""A cloud that nobody has set up, emulated platforms that know nobody of it, a machine's computer: real programs."""

from __future__ import annotations

import asyncio
import json
import random
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from vendomat.cloud.merchants import MasterKey, PaymentAccount, PaymentAccounts
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.engines import THROWN_AWAY, Engines
from vendomat.kernel import SystemClock, TimeOrderedIds
from vendomat.simulator.gateways import GatewayControl
from vendomat.simulator.town.processes import Child, free_port
from vendomat.simulator.town.shopper import Shopper, Story
from vendomat.simulator.town.town import client_settings


class EmptyCloud:
    """A cloud that was just started for the first time, and payment platforms that know nobody of it yet."""

    def __init__(self, folder: Path, engines: Engines) -> None:
        self.folder = folder
        self._engines = engines
        self.http_port, self.https_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        ports = ["--http-port", str(self.http_port), "--https-port", str(self.https_port)]
        self.cloud = Child(
            "the cloud",
            ["vendomat.cli", "cloud", "--data", str(folder / "cloud"), *ports],
            log=folder / "cloud.log",
            environment={"DATABASE_URL": engines.database_url, "NATS_URL": engines.nats_url},
        )
        self.platform_ports = {name: free_port() for name in ("wechat", "wechat-tls", "alipay", "stripe", "control")}
        options = [word for name, port in self.platform_ports.items() for word in (f"--{name}-port", str(port))]
        self.platforms = Child("the platforms", ["vendomat.simulator.gateways", *options], log=folder / "platforms.log")
        self.control = GatewayControl(f"http://127.0.0.1:{self.platform_ports['control']}")
        self.terminal: Child | None = None

    async def enter_keys(self) -> None:
        """An emulator's keys for WeChat Pay, not switched on; its address is not a merchant's to enter."""
        channel, account, settings = client_settings(await self.control.open_accounts("Sunshine"))[0]
        database = await Database.open(self._engines.database_url)
        try:
            merchant_id = await database.hot.fetchval("SELECT merchant_id FROM merchant")
            master_key = MasterKey.load_or_create(self.folder / "cloud" / "identity")
            known = PaymentAccount(merchant_id, channel, account, settings, is_active=False)
            await PaymentAccounts(database, master_key).put(known)
        finally:
            await database.aclose()

    async def enrol(self, command: str) -> str:
        """Types the command at the machine's computer, gives it the demo's wallet, starts it; the kiosk's address."""
        program, *words = shlex.split(command)
        assert program == "vendomat"
        done = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "vendomat.cli", *words, cwd=self.folder, stdout=asyncio.subprocess.DEVNULL
        )
        assert await done.wait() == 0
        path = self.folder / "machine" / "terminal.json"
        settings = json.loads(path.read_text())
        settings["simulated"]["speed"] = 10.0
        settings["is_demo"] = True
        settings["wallet_urls"] = {"wechat": f"http://127.0.0.1:{self.platform_ports['wechat']}/wallet?code={{code}}"}
        path.write_text(json.dumps(settings))
        words = ["vendomat.cli", "terminal", "--data", str(self.folder / "machine")]
        self.terminal = Child("the machine", words, log=self.folder / "machine.log")
        ready = await self.terminal.start()
        return str(ready["kiosk_url"]).rstrip("/")

    async def aclose(self) -> None:
        for child in (self.terminal, self.cloud, self.platforms):
            if child is not None:
                await child.stop()
        await self.control.aclose()

    async def buy(self, kiosk_url: str) -> str:
        """Somebody buys something there; how it ends."""
        clock = SystemClock()
        shopper = Shopper(
            kiosk_url, self.control, lambda: None, clock=clock, ids=TimeOrderedIds(clock), chance=random.Random(1)
        )
        try:
            return await shopper.buy(Story.GOOD)
        finally:
            await shopper.aclose()


@asynccontextmanager
async def open_empty_cloud(folder: Path) -> AsyncIterator[EmptyCloud]:
    """The platforms run; the cloud is started by whoever wants its first words."""
    folder.mkdir(mode=0o711)  # the database server runs as somebody else
    engines_context = Engines.open(folder / "cloud", overrides=THROWN_AWAY)
    engines = await asyncio.to_thread(engines_context.__enter__)
    opened = EmptyCloud(folder, engines)
    try:
        await opened.platforms.start()
        yield opened
    finally:
        await opened.aclose()
        await asyncio.to_thread(engines_context.__exit__, None, None, None)
