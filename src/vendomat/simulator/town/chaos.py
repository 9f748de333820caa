"""Chaos: strikes every part of a town at random by SIGKILL or SIGSTOP, and brings it back a little later.

Cloud, machines, PostgreSQL, NATS (sometimes with its folder wiped) and the payment platforms. A part that ends by
itself is started again, as a supervisor would, and counted: it was not meant to.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from enum import StrEnum

from vendomat.kernel import Clock, VendomatError
from vendomat.simulator.town.processes import Child
from vendomat.simulator.town.town import Town

PAUSE_S = (1.0, 4.0)
DOWN_S = (0.2, 2.0)
FROZEN_S = (0.5, 8.0)
WATCH_S = 1.0
START_TRIES = 5
START_AGAIN_S = 1.0


class Strike(StrEnum):
    """What may be done to a town. `frozen`: stopped for some seconds, then going on as if nothing had been."""

    CLOUD = "cloud"
    TERMINAL = "terminal"
    POSTGRES = "postgres"
    NATS = "nats"
    NATS_WIPED = "nats wiped"
    PLATFORMS = "platforms"
    CLOUD_FROZEN = "cloud frozen"
    TERMINAL_FROZEN = "terminal frozen"


WEIGHTS = {
    Strike.CLOUD: 15,
    Strike.TERMINAL: 40,
    Strike.POSTGRES: 8,
    Strike.NATS: 5,
    Strike.NATS_WIPED: 4,
    Strike.PLATFORMS: 10,
    Strike.CLOUD_FROZEN: 8,
    Strike.TERMINAL_FROZEN: 10,
}


class Chaos:
    """`kills` counts the strikes by kind, `fallen` the parts that ended by themselves.

    One lock per part, so that two strikes never start one twice. Every kind strikes at least once.
    """

    def __init__(self, town: Town, chance: random.Random, clock: Clock) -> None:
        self._town = town
        self._chance = chance
        self._clock = clock
        self._children = {"cloud": town.cloud, "platforms": town.gateways, **town.terminals}
        self._locks = {name: asyncio.Lock() for name in (*self._children, "postgres", "nats")}
        self._under_way: set[asyncio.Task[None]] = set()
        self.kills: Counter[str] = Counter()
        self.fallen: Counter[str] = Counter()

    async def run(self) -> None:
        """Until cancelled. Strikes overlap: one part may fall while another has not come back yet."""
        watching = asyncio.create_task(self._watch())
        try:
            while True:
                deck = list(Strike)
                self._chance.shuffle(deck)
                deck += self._chance.choices(list(WEIGHTS), weights=list(WEIGHTS.values()), k=1000)
                for strike in deck:
                    await self._clock.sleep(self._chance.uniform(*PAUSE_S))
                    self._begin(self.strike(strike))
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def end(self, run: asyncio.Task[None]) -> None:
        """Strike what had not its turn yet, while the last orders settle; then see that everything stands again."""
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        while self._under_way:  # a part that is down cannot be struck
            await asyncio.gather(*self._under_way)
        for strike in Strike:
            if not self.kills[strike]:
                await self.strike(strike)
        await self._raise_fallen()

    async def strike(self, strike: Strike) -> None:
        """One strike, from the blow until the part stands again; nothing when the part is down already."""
        machine = self._chance.choice(list(self._town.terminals))
        strikes: dict[Strike, tuple[str, Callable[[], Awaitable[None]]]] = {
            Strike.CLOUD: ("cloud", lambda: self._kill("cloud", strike)),
            Strike.TERMINAL: (machine, lambda: self._kill(machine, strike)),
            Strike.PLATFORMS: ("platforms", lambda: self._kill("platforms", strike)),
            Strike.CLOUD_FROZEN: ("cloud", lambda: self._freeze("cloud", strike)),
            Strike.TERMINAL_FROZEN: (machine, lambda: self._freeze(machine, strike)),
            Strike.POSTGRES: ("postgres", self._kill_postgres),
            Strike.NATS: ("nats", lambda: self._kill_nats(is_wiped=False)),
            Strike.NATS_WIPED: ("nats", lambda: self._kill_nats(is_wiped=True)),
        }
        name, blow = strikes[strike]
        if not self._locks[name].locked():  # or the blows would queue up on a slow machine
            await blow()

    async def restart_terminal(self, machine_id: str) -> None:
        await self._kill(machine_id, Strike.TERMINAL)

    # --- blows -------------------------------------------------------------------------------------------------------

    async def _kill(self, name: str, strike: Strike) -> None:
        async with self._locks[name]:
            self.kills[strike] += 1
            await self._children[name].kill()
            await self._clock.sleep(self._chance.uniform(*DOWN_S))
            await self._start(self._children[name])

    async def _freeze(self, name: str, strike: Strike) -> None:
        async with self._locks[name]:
            self.kills[strike] += 1
            async with self._children[name].frozen():
                await self._clock.sleep(self._chance.uniform(*FROZEN_S))

    async def _kill_postgres(self) -> None:
        postgres = self._town.engines.postgres
        assert postgres is not None, "a town has a database server of its own"
        async with self._locks["postgres"]:
            self.kills[Strike.POSTGRES] += 1
            await asyncio.to_thread(postgres.kill)
            await self._clock.sleep(self._chance.uniform(*DOWN_S))
            await asyncio.to_thread(postgres.start)

    async def _kill_nats(self, *, is_wiped: bool) -> None:
        """Its accounts are told to it anew at each start, so a wiped folder must cost nothing."""
        nats = self._town.engines.nats
        assert nats is not None, "a town has a wire of its own"
        async with self._locks["nats"]:
            self.kills[Strike.NATS_WIPED if is_wiped else Strike.NATS] += 1
            await asyncio.to_thread(nats.kill)
            if is_wiped:
                await asyncio.to_thread(nats.destroy)
            await self._clock.sleep(self._chance.uniform(*DOWN_S))
            await asyncio.to_thread(nats.start)

    # --- standing up again -------------------------------------------------------------------------------------------

    def _begin(self, strike: Awaitable[None]) -> None:
        task = asyncio.ensure_future(strike)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(WATCH_S)
            await self._raise_fallen()

    async def _raise_fallen(self) -> None:
        for name, child in self._children.items():
            if child.pid is None and not self._locks[name].locked():
                async with self._locks[name]:
                    self.fallen[child.name] += 1
                    await self._start(child)

    async def _start(self, child: Child) -> None:
        """Start it, more than once if it must be: what it stands on may be down, too."""
        for left in range(START_TRIES - 1, -1, -1):
            try:
                await child.start()
            except VendomatError:
                if not left:
                    raise
                await self._clock.sleep(START_AGAIN_S)
            else:
                return
