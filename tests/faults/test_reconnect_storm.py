"""Many machines lose the wire at one moment and come back: real NATS, real worker, the terminal's own wire code."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
import structlog

from vendomat.bench.player import Seat, Surroundings
from vendomat.bench.site import open_site
from vendomat.kernel import SystemClock, TimeOrderedIds
from vendomat.protocol import EnrolReply, Envelope, Heartbeat, HeartbeatReply, Hello, HelloReply
from vendomat.terminal.link import CloudHttps, Enrolment, MachineKey, NatsWire, NotAnsweredError

pytestmark = pytest.mark.slow

MACHINES = 100
BACK_S_MAX = 60.0


@dataclass
class Machine:
    """A terminal's wire and its greeting; `synced` is set while its last heartbeat was answered."""

    wire: NatsWire
    ids: TimeOrderedIds
    synced: asyncio.Event = field(default_factory=asyncio.Event)
    greeting: asyncio.Task[None] | None = None

    async def run(self) -> None:
        async def serve(_: Envelope) -> object | None:
            return None

        await self.wire.run(serve, self._changed)

    def _changed(self, is_connected: bool) -> None:
        self.synced.clear()
        if is_connected:
            self.greeting = asyncio.create_task(self._greet())

    async def _greet(self) -> None:
        hello = Hello(program="storm", boot_nonce="boot-of-the-storm", nonce=self.ids.new("nce"))
        await self._repeat(lambda: self.wire.request("hello", hello, HelloReply, timeout_s=4.0))
        beat = Heartbeat(nonce=self.ids.new("nce"), is_ready=True)
        await self._repeat(lambda: self.wire.request("heartbeat", beat, HeartbeatReply, timeout_s=4.0))
        self.synced.set()

    async def _repeat(self, ask: Callable[[], Awaitable[object]]) -> None:
        while self.wire.is_connected:
            try:
                await ask()
            except NotAnsweredError:
                await asyncio.sleep(0.5)
            else:
                return


def _machine(folder: Path, merchant_id: str, seat: Seat, around: Surroundings) -> Machine:
    clock = SystemClock()
    keys = {key_id: base64.b64encode(raw).decode() for key_id, raw in around.cloud_keys.items()}
    reply = EnrolReply(
        machine_id=seat.machine_id,
        merchant_id=merchant_id,
        epoch=1,
        user_jwt=seat.user_jwt,
        nats_url=around.nats_url,
        cloud_keys=keys,
    )
    path = folder / f"{seat.machine_id}.json"
    path.write_bytes(msgspec.json.encode(reply))
    key = MachineKey(seat.seed.encode())
    enrolment = Enrolment(path, key, CloudHttps("https://127.0.0.1:1", Path(around.ca_file), clock), clock)
    wire = NatsWire(enrolment, key, epoch=lambda: 1, clock=clock, chance=random.random, log=structlog.get_logger())
    return Machine(wire, TimeOrderedIds(clock))


async def test_f32_all_machines_reconnect_at_once_and_are_back_soon(tmp_path: Path) -> None:
    """NATS dies under a hundred machines: all are greeted and beating again, without a collapse of time-outs."""
    clock = SystemClock()
    async with open_site(tmp_path / "site", MACHINES) as site, site.cloud(1, is_calling_platform=True):
        around = site.next_surroundings()
        machines = [_machine(tmp_path, site.merchant_id, seat, around) for seat in site.seats]
        running = [asyncio.create_task(machine.run()) for machine in machines]
        try:
            async with asyncio.timeout(BACK_S_MAX * 3):
                await asyncio.gather(*(machine.synced.wait() for machine in machines))
            nats = site.engines.nats
            assert nats is not None
            await asyncio.to_thread(nats.kill)

            async def all_are_cut() -> None:
                while any(machine.wire.is_connected for machine in machines):
                    await asyncio.sleep(0.05)

            async with asyncio.timeout(BACK_S_MAX):
                await all_are_cut()
            for machine in machines:
                machine.synced.clear()
            await asyncio.to_thread(nats.start)
            began = clock.elapsed()
            async with asyncio.timeout(BACK_S_MAX):
                await asyncio.gather(*(machine.synced.wait() for machine in machines))
            assert clock.elapsed() - began < BACK_S_MAX
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
