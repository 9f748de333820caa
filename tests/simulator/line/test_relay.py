"""The bad line: each fault does what its name says, and nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from vendomat.simulator.line import Line, LineFault


class Echo:
    """A server that gives back what it gets, and counts it."""

    def __init__(self) -> None:
        self.heard = 0
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                self.heard += len(data)
                writer.write(data)
        except ConnectionResetError:
            pass
        finally:
            self.ended.set()
            writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, Line, asyncio.StreamReader, asyncio.StreamWriter]]:
    """An echo behind a line, and a connection through it."""
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    line = Line(server.sockets[0].getsockname()[1], lambda: 0.0)
    reader, writer = await asyncio.open_connection("127.0.0.1", await line.start())
    yield echo, line, reader, writer
    writer.close()
    await line.aclose()
    server.close()


Through = tuple[Echo, Line, asyncio.StreamReader, asyncio.StreamWriter]


async def _ask(through: Through, data: bytes) -> tuple[bytes, float]:
    _, _, reader, writer = through
    began = time.monotonic()
    writer.write(data)
    return await reader.readexactly(len(data)), time.monotonic() - began


async def test_a_good_line_changes_nothing(echo: Through) -> None:
    data = bytes(range(256)) * 400
    assert (await _ask(echo, data))[0] == data


async def test_latency_counts_both_ways(echo: Through) -> None:
    await _ask(echo, b"warm")
    echo[1].fault = LineFault(latency_s=0.15)
    assert (await _ask(echo, b"x"))[1] >= 0.3


async def test_a_slow_line_takes_as_long_as_its_rate_says(echo: Through) -> None:
    echo[1].fault = LineFault(bytes_per_s=20_000)
    assert (await _ask(echo, b"x" * 4_000))[1] >= 0.2


async def test_a_lost_segment_comes_late_and_in_order(echo: Through) -> None:
    echo[1].fault = LineFault(loss=0.5, resend_s=0.2)  # the chance here always says lost
    answer, took_s = await _ask(echo, b"abc")
    assert answer == b"abc"
    assert took_s >= 0.4


@pytest.mark.parametrize("way", ["is_up_dead", "is_down_dead"])
async def test_half_open_swallows_and_tells_nobody(echo: Through, way: str) -> None:
    server, line, reader, writer = echo
    await _ask(echo, b"warm")
    line.fault = LineFault(**{way: True})  # type: ignore[arg-type]
    writer.write(b"lost")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.3)
    assert server.heard == (4 if way == "is_up_dead" else 8)
    assert line.connections == 1
    assert not server.ended.is_set()


async def test_a_reset_reaches_both_ends(echo: Through) -> None:
    server, line, reader, _ = echo
    await _ask(echo, b"warm")
    assert line.reset() == 1
    with pytest.raises(ConnectionResetError):
        await reader.read(1)
    await asyncio.wait_for(server.ended.wait(), 30)


async def test_a_cut_lets_exactly_so_many_bytes_through(echo: Through) -> None:
    server, line, reader, writer = echo
    line.fault = LineFault(cut_at=10)
    writer.write(b"0123456789abcdef")
    await asyncio.wait_for(server.ended.wait(), 30)
    assert server.heard in (0, 10), "a reset may overtake what was on its way"
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(16)
    assert line.connections == 0
