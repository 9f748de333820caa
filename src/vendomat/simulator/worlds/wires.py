"""The two ends of the world's wire: the terminal's `Wire` and the cloud's `MachineWire`, over one `Network`.

They keep the promises of the real ones: a request has three answers, nothing is repeated and nothing is kept. A node
that is gone neither sends nor hears.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import TypeVar

from vendomat.cloud.platform.connection import Handle
from vendomat.kernel import Clock
from vendomat.simulator.worlds.network import Network
from vendomat.simulator.worlds.nodes import Node
from vendomat.terminal.link import Down, NotAnsweredError, SealedTalk

_Reply = TypeVar("_Reply")
BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.2, 10.0


class TerminalWire:
    """One machine's end. Sealing and opening are the production code's."""

    def __init__(
        self, machine_id: str, node: Node, network: Network, *, talk: SealedTalk, clock: Clock, chance: Random
    ) -> None:
        self._machine_id = machine_id
        self._node = node
        self._network = network
        self._talk = talk
        self._clock = clock
        self._chance = chance
        self._is_connected = False

    @property
    def is_connected(self) -> bool:
        return self._is_connected and self._node.is_alive

    async def request(self, kind: str, body: object, reply_type: type[_Reply], *, timeout_s: float) -> _Reply:
        self._node.check()
        if not self._is_connected:
            raise NotAnsweredError(f"{kind}: there is no connection")
        question = self._talk.ask(kind, body)
        waiting: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._network.send_up(self._machine_id, kind, question.data, _first(waiting))
        try:
            async with asyncio.timeout(timeout_s):
                answer = await waiting
        except TimeoutError as error:
            raise NotAnsweredError(f"{kind}: no answer in {timeout_s} s") from error
        self._node.check()
        return self._talk.answer(question, answer, reply_type)

    async def run(self, down: Down, changed: Callable[[bool], None]) -> None:
        link = self._network.links[self._machine_id]
        backoff_s = BACKOFF_FIRST_S
        while True:
            if link.is_up:
                link.closed.clear()
                self._network.attach_machine(
                    self._machine_id, self._node, lambda kind, data: self._talk.serve(kind, data, down)
                )
                self._is_connected, backoff_s = True, BACKOFF_FIRST_S
                changed(True)
                await link.closed.wait()
                self._is_connected = False
                self._network.detach_machine(self._machine_id, self._node)
                changed(False)
            await self._clock.sleep(backoff_s * (0.5 + self._chance.random()))
            backoff_s = min(backoff_s * 2, BACKOFF_MAX_S)


class CloudWire:
    """One worker's end."""

    is_connected = True

    def __init__(self, node: Node, network: Network) -> None:
        self._node = node
        self._network = network

    async def serve(self, handle: Handle) -> None:
        self._network.attach_worker(self._node, handle)

    async def ask(self, machine_id: str, kind: str, data: bytes, *, timeout_s: float) -> bytes | None:
        self._node.check()
        waiting: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._network.send_down(machine_id, kind, data, _first(waiting))
        try:
            async with asyncio.timeout(timeout_s):
                return await waiting
        except TimeoutError:
            return None

    async def tell(self, machine_id: str, kind: str, data: bytes) -> None:
        self._node.check()
        self._network.send_down(machine_id, kind, data)


def _first(waiting: asyncio.Future[bytes]) -> Callable[[bytes], None]:
    """The first answer counts; later ones find nobody waiting."""

    def take(data: bytes) -> None:
        if not waiting.done():
            waiting.set_result(data)

    return take
