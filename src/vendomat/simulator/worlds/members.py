"""The members of a world: they top their wallets up, by codes they pay in time, late or not at all, and show codes to
machines, now and then the same one again.

Their phones ask through whichever worker lives, and ask again when there was no answer. They look at nothing but what
they are answered.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from typing import Any, TypeVar

import asyncpg

from vendomat.cloud.app import SalesParts
from vendomat.cloud.members import Member
from vendomat.cloud.sales import TopUpRequest
from vendomat.kernel import VendomatError
from vendomat.simulator.worlds.estate import CHANNELS
from vendomat.simulator.worlds.platform_books import RefusedError
from vendomat.simulator.worlds.platforms import Platform
from vendomat.simulator.worlds.trace import Trace, tail_of
from vendomat.simulator.worlds.workers import WorldWorker

AMOUNTS_MINOR = (500, 1_000, 2_000, 5_000)
TRIES = 3
LATE_S = 30.0
"""Top-ups of worlds are good for less."""

_Answer = TypeVar("_Answer")


class MembersAbout:
    """`run` until cancelled; nothing new is begun when no longer `is_open`."""

    def __init__(
        self,
        workers: Sequence[WorldWorker],
        platforms: dict[str, Platform],
        *,
        members: Sequence[Member],
        chance: Random,
        trace: Trace,
    ) -> None:
        self.is_open = True
        self.deeds: Counter[str] = Counter()
        self._workers = workers
        self._platforms = platforms
        self._members = list(members)
        self._chance = chance
        self._trace = trace
        self._begun = 0
        self._shown = ""
        self._later: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(8.0, 50.0))
            if self.is_open:
                await self._top_up(self._chance.choice(self._members))

    async def show(self) -> str:
        """The digits on somebody's phone now; "" when there was no answer."""
        if self._shown and self._chance.random() < 0.2:
            return self._shown  # the picture of a while ago
        member = self._chance.choice(self._members)
        shown = await self._ask(lambda parts: parts.members.show_code(member))
        self._shown = "" if shown is None else shown.digits
        return self._shown

    async def _top_up(self, member: Member) -> None:
        self._begun += 1
        channel = self._chance.choice(CHANNELS)
        request = TopUpRequest(f"top-up {self._begun}", channel, self._chance.choice(AMOUNTS_MINOR))
        code = ""
        for _ in range(TRIES):
            begun = await self._ask(lambda parts: parts.top_ups.begin(member, request))
            code = "" if begun is None else begun.payments[0].code_url
            if code:
                break
            await asyncio.sleep(1.0)
        if not code:
            self.deeds["tops up in vain"] += 1
            return
        deed = self._chance.choices(("tops up", "tops up late", "begins to top up"), weights=(8, 1, 1))[0]
        self.deeds[deed] += 1
        self._trace.note(f"member {tail_of(member.member_id)}", f"{deed} {request.amount_minor} with {channel}")
        if deed == "begins to top up":
            return
        wait_s = LATE_S if deed == "tops up late" else self._chance.uniform(0.5, 15.0)
        task = asyncio.get_running_loop().create_task(self._pay(channel, code, wait_s))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _pay(self, channel: str, code: str, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        try:
            self._platforms[channel].pay(code, "member", is_late=wait_s >= LATE_S)
        except RefusedError as refusal:
            self._trace.note("member", f"could not pay with {channel}: {refusal}")

    async def _ask(self, act: Callable[[SalesParts], Coroutine[Any, Any, _Answer]]) -> _Answer | None:
        """What a worker that lives answers; None for a refusal, and for one that died over it."""
        alive = [worker for worker in self._workers if worker.node is not None and worker.parts is not None]
        if not alive:
            return None
        worker = self._chance.choice(alive)
        assert worker.node is not None and worker.parts is not None
        asked = worker.node.spawn(act(worker.parts))
        await asyncio.wait([asked])
        if asked.cancelled():
            return None
        error = asked.exception()
        if error is None:
            return asked.result()
        if not isinstance(error, (VendomatError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            raise error
        return None
