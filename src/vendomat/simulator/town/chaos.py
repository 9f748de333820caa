"""Chaos: kills the cloud and machines at random, by SIGKILL, and starts them again a little later."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

from vendomat.kernel import Clock
from vendomat.simulator.town.town import Town

PAUSE_S = (2.0, 6.0)
DOWN_S = (0.2, 2.0)


class Chaos:
    """`kills` counts what was killed. One lock per process, so that two killers never start one twice."""

    def __init__(self, town: Town, chance: random.Random, clock: Clock) -> None:
        self._town = town
        self._chance = chance
        self._clock = clock
        self._locks = {name: asyncio.Lock() for name in ("cloud", *town.terminals)}
        self.kills: Counter[str] = Counter()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep(self._chance.uniform(*PAUSE_S))
            if self._chance.random() < 0.3:
                await self.restart_cloud()
            else:
                await self.restart_terminal(self._chance.choice(list(self._town.terminals)))

    async def end(self, run: asyncio.Task[None]) -> None:
        """Stop killing, and see that everything stands again."""
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        for name, lock in self._locks.items():
            async with lock:
                child = self._town.cloud if name == "cloud" else self._town.terminals[name]
                if child.pid is None:
                    await child.start()

    async def restart_cloud(self) -> None:
        async with self._locks["cloud"]:
            self.kills["cloud"] += 1
            await self._town.cloud.kill()
            await self._clock.sleep(self._chance.uniform(*DOWN_S))
            await self._town.cloud.start()

    async def restart_terminal(self, machine_id: str) -> None:
        async with self._locks[machine_id]:
            self.kills["terminal"] += 1
            await self._town.terminals[machine_id].kill()
            await self._clock.sleep(self._chance.uniform(*DOWN_S))
            await self._town.terminals[machine_id].start()
