"""A worker's wire whose server dies while it says hello again: it is back by itself, wherever the greeting was torn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from vendomat.cloud.platform.connection import Wire
from vendomat.cloud.platform.engines import NatsEngine, trust_of
from vendomat.cloud.platform.identity import CloudIdentity
from vendomat.kernel import SystemClock
from vendomat.simulator.line import Line, LineFault

pytestmark = pytest.mark.slow
CLOCK = SystemClock()


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[tuple[CloudIdentity, Line]]:
    """Who the cloud is, and the line to its server."""
    identity = CloudIdentity(tmp_path / "identity", CLOCK)
    engine = NatsEngine(tmp_path / "nats", lambda: trust_of(identity))
    await asyncio.to_thread(engine.start)
    line = Line(engine.port, lambda: 0.5)
    try:
        yield identity, line
    finally:
        await line.aclose()
        await asyncio.to_thread(engine.stop)


@pytest.fixture
async def torn(town: tuple[CloudIdentity, Line]) -> AsyncIterator[tuple[Wire, Line]]:
    """A connected wire and the line to its server."""
    identity, line = town
    wire = await Wire.open(f"tls://127.0.0.1:{await line.start()}", identity, CLOCK, "w1")
    yield wire, line
    await wire.aclose()


@pytest.mark.parametrize("bytes_of_the_greeting", [1, 60, 600, 1_000])
async def test_a_greeting_that_is_torn_is_begun_again(torn: tuple[Wire, Line], bytes_of_the_greeting: int) -> None:
    wire, line = torn
    accepted = line.accepted
    line.fault = LineFault(cut_at=line.bytes_up + bytes_of_the_greeting)
    line.reset()
    async with asyncio.timeout(30):
        while line.accepted < accepted + 2 or not wire.is_connected:
            await asyncio.sleep(0.05)
    assert line.fault == LineFault(), "the greeting was torn"


@pytest.mark.parametrize("bytes_of_the_greeting", [1, 60, 600, 1_000])
async def test_a_first_greeting_that_is_torn_is_begun_again(
    town: tuple[CloudIdentity, Line], bytes_of_the_greeting: int
) -> None:
    """A server that goes away behind the worker's word, before its own, leaves no wire that looks open and is dead."""
    identity, line = town
    line.fault = LineFault(cut_at=bytes_of_the_greeting)
    async with asyncio.timeout(30):
        wire = await Wire.open(f"tls://127.0.0.1:{await line.start()}", identity, CLOCK, "w1")
    assert line.fault == LineFault(), "the greeting was torn"
    assert wire.is_connected
    await wire.aclose()


async def test_who_closes_while_the_line_is_dead_is_not_kept(torn: tuple[Wire, Line]) -> None:
    """The client greets its server again and hears nothing: a worker that stops does not wait for that."""
    wire, line = torn
    accepted = line.accepted
    line.fault = LineFault(cut_at=line.bytes_up + 1)
    line.reset()
    while line.accepted == accepted:
        await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        await wire.aclose()
    assert not wire.is_connected
