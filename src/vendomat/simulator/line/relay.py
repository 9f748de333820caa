"""A TCP relay with faults to order: latency, rate, loss, reset, half-open, cut after so many bytes.

It moves bytes and looks into none. Loss is what programs on TCP see of it: the segment comes again, a retransmission
time-out later. Half-open swallows one direction while both ends believe that they are connected.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

CHUNK_BYTES = 1_400  # about what one segment carries
LINGER_NOW = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class LineFault:
    """How the line is now. `latency_s` one way; `loss` a share of segments, each `resend_s` late; `cut_at` bytes up.

    `is_up_dead`, `is_down_dead`: what goes that way is swallowed, and nobody is told.
    """

    latency_s: float = 0.0
    bytes_per_s: float = 0.0
    loss: float = 0.0
    resend_s: float = 0.3
    is_up_dead: bool = False
    is_down_dead: bool = False
    cut_at: int = 0


class Line:
    """`await start()` gives the port; connections to it reach `target_port`. Up is towards the target."""

    def __init__(self, target_port: int, chance: Callable[[], float], *, host: str = "127.0.0.1") -> None:
        self._target_port = target_port
        self._host = host
        self._chance = chance
        self._server: asyncio.Server | None = None
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.fault = LineFault()
        self.accepted = 0
        self.bytes_up = 0

    async def start(self) -> int:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accept, self._host, 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.reset()

    def reset(self) -> int:
        """RST on every connection, both ways, now; how many there were."""
        pairs = list(self._pairs)
        for pair in pairs:
            for writer in pair:
                _reset(writer)
        return len(pairs)

    @property
    def connections(self) -> int:
        return len(self._pairs)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._relay(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._target_port)
        except OSError:
            _reset(writer)
            return
        pair = (writer, far_writer)
        self._pairs.add(pair)
        ways = [
            asyncio.create_task(self._move(reader, far_writer, is_up=True)),
            asyncio.create_task(self._move(far_reader, writer, is_up=False)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._pairs.discard(pair)
            for end in pair:
                end.close()

    async def _move(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_up: bool) -> None:
        """One direction, in order: a late segment holds back those behind it, as TCP does."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=64)
        sending = asyncio.create_task(self._send(waiting, writer, is_up=is_up))
        loop = asyncio.get_running_loop()
        try:
            while data := await reader.read(CHUNK_BYTES):
                fault = self.fault
                late_s = fault.resend_s if fault.loss and self._chance() < fault.loss else 0.0
                await waiting.put((loop.time() + fault.latency_s + late_s, data))
            await waiting.put((loop.time(), b""))
            await sending
        except OSError:
            pass  # one end is gone: the other is told by the close of both
        finally:
            sending.cancel()

    async def _send(
        self, waiting: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, *, is_up: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await waiting.get()
            if not data:
                return
            fault = self.fault
            await asyncio.sleep(max(0.0, due - loop.time()))
            if fault.bytes_per_s:
                await asyncio.sleep(len(data) / fault.bytes_per_s)
            if fault.is_up_dead if is_up else fault.is_down_dead:
                continue
            if is_up and fault.cut_at and self.bytes_up + len(data) >= fault.cut_at:
                writer.write(data[: fault.cut_at - self.bytes_up])
                self.fault = LineFault()
                self.reset()
                return
            self.bytes_up += len(data) if is_up else 0
            writer.write(data)
            with contextlib.suppress(OSError):
                await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    end = writer.get_extra_info("socket")
    if end is not None:
        with contextlib.suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOW)
    writer.transport.abort()
