"""The wire between machines and workers, in memory: sealed bytes that may be late, lost, doubled, swapped or misled.

One link per machine. Bytes are carried as they were sealed, so that signatures, epochs and origins do their work.
What is on the wire belongs to nobody: a node that is cut loses what it had not received. Keeps some of what passed,
to say it again later or to somebody else, as a stalled relay or an enemy would. Refuses to open any envelope.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from vendomat.cloud.platform.connection import Handle
from vendomat.simulator.worlds.nodes import Node
from vendomat.simulator.worlds.trace import Trace

KEPT = 40
"""Messages of a link that can be said again."""


class Way(StrEnum):
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Passed:
    """One message that was sent; `take` is what happens when it arrives."""

    way: Way
    kind: str
    data: bytes
    take: Callable[[bytes], None]


@dataclass(slots=True)
class Link:
    """How the wire to one machine is now. Probabilities are per message and way."""

    machine_id: str
    is_up: bool = True
    delay_s: tuple[float, float] = (0.005, 0.03)
    loss: dict[Way, float] = field(default_factory=lambda: {Way.UP: 0.0, Way.DOWN: 0.0})
    double: float = 0.0
    held_until_s: float = 0.0  # a relay that stalls: everything down arrives only then
    passed: deque[Passed] = field(default_factory=lambda: deque(maxlen=KEPT))
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def close(self) -> None:
        """The connection breaks; the terminal notices."""
        self.closed.set()

    def heal(self) -> None:
        self.is_up, self.double, self.held_until_s = True, 0.0, 0.0
        self.delay_s = (0.005, 0.03)
        self.loss = {Way.UP: 0.0, Way.DOWN: 0.0}


class Network:
    """`answered` hears of each reply of the cloud when it is sent: (machine, kind, data)."""

    def __init__(self, machine_ids: tuple[str, ...], chance: Random, trace: Trace) -> None:
        self.links = {machine_id: Link(machine_id) for machine_id in machine_ids}
        self.answered: Callable[[str, str, bytes], None] = lambda machine_id, kind, data: None
        self._chance = chance
        self._trace = trace
        self._machines: dict[str, tuple[Node, Callable[[str, bytes], Awaitable[bytes | None]]]] = {}
        self._workers: dict[Node, Handle] = {}
        self._last_arrival_s = 0.0

    # --- who is there ------------------------------------------------------------------------------------------------

    def attach_machine(
        self, machine_id: str, node: Node, serve: Callable[[str, bytes], Awaitable[bytes | None]]
    ) -> None:
        self._machines[machine_id] = (node, serve)

    def detach_machine(self, machine_id: str, node: Node) -> None:
        if machine_id in self._machines and self._machines[machine_id][0] is node:
            del self._machines[machine_id]

    def attach_worker(self, node: Node, handle: Handle) -> None:
        self._workers[node] = handle

    def _worker(self) -> tuple[Node, Handle] | None:
        """Any worker that lives: the queue group's choice."""
        alive = [(node, handle) for node, handle in self._workers.items() if node.is_alive]
        return self._chance.choice(alive) if alive else None

    # --- messages ----------------------------------------------------------------------------------------------------

    def send_up(self, machine_id: str, kind: str, data: bytes, replied: Callable[[bytes], None]) -> None:
        """A machine's request to any worker; `replied` is called for each reply that makes it back."""

        def arrive(received: bytes) -> None:
            worker = self._worker()
            if worker is None:
                return
            node, handle = worker
            node.spawn(self._handle(node, handle, (machine_id, kind, received), replied))

        self._carry(machine_id, Passed(Way.UP, kind, data, arrive))

    async def _handle(
        self, node: Node, handle: Handle, request: tuple[str, str, bytes], replied: Callable[[bytes], None]
    ) -> None:
        machine_id, kind, received = request
        try:
            reply = await handle(machine_id, kind, received)
        except Exception as error:
            # The real wire logs it and sends nothing; the terminal asks again.
            self._trace.note(node.name, f"no answer to {kind}: {type(error).__name__}")
            return
        if reply is not None and node.is_alive:
            self.answered(machine_id, kind, reply)
            self._carry(machine_id, Passed(Way.DOWN, f"{kind}.reply", reply, replied), is_kept=False)

    def send_down(
        self, machine_id: str, kind: str, data: bytes, replied: Callable[[bytes], None] | None = None
    ) -> None:
        """A worker's message to a machine."""
        self._carry(machine_id, Passed(Way.DOWN, kind, data, self._arrival(machine_id, kind, replied)))

    def _arrival(self, machine_id: str, kind: str, replied: Callable[[bytes], None] | None) -> Callable[[bytes], None]:
        def arrive(received: bytes) -> None:
            attached = self._machines.get(machine_id)
            if attached is None or not attached[0].is_alive:
                return
            node, serve = attached
            node.spawn(self._serve(node, serve, (machine_id, kind, received), replied))

        return arrive

    async def _serve(
        self,
        node: Node,
        serve: Callable[[str, bytes], Awaitable[bytes | None]],
        request: tuple[str, str, bytes],
        replied: Callable[[bytes], None] | None,
    ) -> None:
        machine_id, kind, received = request
        reply = await serve(kind, received)
        if reply is not None and replied is not None and node.is_alive:
            self._carry(machine_id, Passed(Way.UP, f"{kind}.reply", reply, replied), is_kept=False)

    # --- the wire itself ---------------------------------------------------------------------------------------------

    def _carry(self, machine_id: str, message: Passed, *, is_kept: bool = True) -> None:
        link = self.links[machine_id]
        if is_kept:
            link.passed.append(message)
        copies = 2 if link.double and self._chance.random() < link.double else 1
        for _ in range(copies):
            loop = asyncio.get_running_loop()
            delay_s = self._chance.uniform(*link.delay_s)
            if message.way is Way.DOWN:
                delay_s += max(0.0, link.held_until_s - loop.time())
            self._will_arrive(loop.time() + delay_s)
            loop.call_later(delay_s, self._arrive, link, message)

    def _arrive(self, link: Link, message: Passed) -> None:
        """What is lost is lost on its way: a link that broke meanwhile delivers nothing."""
        loss = link.loss[message.way]
        is_lost = not link.is_up or (loss > 0 and self._chance.random() < loss)
        self._trace.mark(message.way, message.kind, link.machine_id, len(message.data), is_lost)
        if not is_lost:
            message.take(message.data)

    def say_again(self, message: Passed, delay_s: float) -> None:
        """Replay bytes that passed once, whatever the links are like."""
        loop = asyncio.get_running_loop()
        self._will_arrive(loop.time() + delay_s)
        loop.call_later(delay_s, message.take, message.data)

    def _will_arrive(self, at_s: float) -> None:
        if at_s > self._last_arrival_s + 1.0:  # the everyday coming and going is not waited for
            self._last_arrival_s = at_s

    def under_way(self) -> list[str]:
        """What was held back or kept, and is still to come: a world is not at rest before it has."""
        is_coming = self._last_arrival_s > asyncio.get_running_loop().time() + 1.0
        return ["a message is still under way"] if is_coming else []

    def mislead(self, message: Passed, machine_id: str) -> None:
        """Deliver a message that was meant for another machine to `machine_id`."""
        self._arrival(machine_id, message.kind, None)(message.data)
