"""A cloud worker of a world: the production parts that sell, on the world's database, wire, clock and platforms."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random

import structlog
from sqlalchemy.ext.asyncio import create_async_engine

from vendomat.cloud.app import MakeWriter, SalesGround, SalesParts, build_sales
from vendomat.cloud.payments import Provider
from vendomat.cloud.platform.database import Database, driver_url
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales import Writer
from vendomat.kernel import SteadyClock, TimeOrderedIds
from vendomat.simulator.worlds.estate import Estate
from vendomat.simulator.worlds.holds import HoldingProvider
from vendomat.simulator.worlds.network import Network
from vendomat.simulator.worlds.nodes import Node
from vendomat.simulator.worlds.platforms import Platform, WorldProvider
from vendomat.simulator.worlds.pool import DatabaseMood, WorldPool
from vendomat.simulator.worlds.postgres import Tamper, WorldPostgres
from vendomat.simulator.worlds.trace import Trace
from vendomat.simulator.worlds.virtual_time import VirtualLoop, WorldClock
from vendomat.simulator.worlds.wires import CloudWire

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class WorkerBugs:
    """What a planted bug may put between a worker and its outside."""

    tamper: Tamper | None = None
    provider: Callable[[Provider], Provider] = lambda provider: provider
    make_writer: MakeWriter = Writer


@dataclass(frozen=True)
class CloudSite:
    """Where workers stand: what their lives share."""

    postgres: WorldPostgres
    estate: Estate
    settings: CloudSettings
    network: Network
    platforms: dict[str, Platform]
    mood: DatabaseMood
    loop: VirtualLoop
    trace: Trace
    bugs: WorkerBugs
    holding: str = ""


class WorldWorker:
    """`start` begins a life, `cut` ends it at once."""

    def __init__(self, site: CloudSite, label: str, chance: Random) -> None:
        self.site = site
        self.label = label
        self.lives = 0
        self.node: Node | None = None
        self.parts: SalesParts | None = None
        self.clock = WorldClock(site.loop)
        self._chance = chance

    @property
    def is_running(self) -> bool:
        return self.node is not None

    def start(self) -> None:
        assert self.node is None, f"{self.label} runs"
        self.lives += 1
        self.clock.wall_offset_s = 0.0  # a program that starts finds its time server first
        self.node = Node(f"{self.label}.{self.lives}")
        self.node.spawn(self._run(self.node))

    def cut(self) -> None:
        node, self.node, self.parts = self.node, None, None
        if node is not None:
            node.cut()

    async def _run(self, node: Node) -> None:
        site = self.site
        ground = self._ground(node)
        parts = build_sales(ground, AsyncExitStack(), make_writer=site.bugs.make_writer)
        await ground.wire.serve(parts.messages.handle)
        self.parts = parts
        node.spawn(parts.sweeps.run())
        node.spawn(parts.directory.keep_fresh())
        node.spawn(parts.watch.run())
        node.spawn(parts.standing.run())
        node.spawn(parts.reach.run())
        site.trace.note(node.name, "started")

    def _ground(self, node: Node) -> SalesGround:
        site, clock = self.site, SteadyClock(self.clock)
        pool = WorldPool(site.postgres, node, site.mood, tamper=site.bugs.tamper)
        engine = create_async_engine(driver_url(site.postgres.url))  # never used by what sells; connects to nothing

        def open_provider(channel: str, *_: object, **__: object) -> Provider:
            kind = HoldingProvider if channel == site.holding else WorldProvider
            return site.bugs.provider(kind(site.platforms[channel], node))

        return SalesGround(
            settings=site.settings,
            database=Database(pool, engine, site.postgres.url),
            wire=CloudWire(node, site.network),
            master_key=site.estate.master_key,
            signer=site.estate.command_key,
            open_provider=open_provider,
            clock=clock,
            wall=self.clock,
            ids=TimeOrderedIds(clock, self._chance.getrandbits),
        )
