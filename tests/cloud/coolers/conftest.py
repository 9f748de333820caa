"""A cooler that sells: the sale's seeded database, the emulated WeChat Pay on one clock, and a real terminal."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.cloud.coolers.cooler_stage import CoolerStage, open_cooler_stage
from tests.cloud.sales.conftest import World, world
from vendomat.kernel import ManualClock
from vendomat.simulator.gateways import GatewayServer, GatewaySettings
from vendomat.simulator.gateways.keys import make_key

__all__ = ["world"]


@pytest.fixture(scope="module")
def key_stock() -> Iterator[RSAPrivateKey]:
    """As many keys as a platform uses, because making them takes long."""
    return itertools.cycle([make_key() for _ in range(8)])


@pytest.fixture
async def shop(world: World, tmp_path: Path, key_stock: Iterator[RSAPrivateKey]) -> AsyncIterator[CoolerStage]:
    clock = ManualClock()
    settings = GatewaySettings(notice_first_delay_s=0.0, wechat_limits_calls=False, wechat_collection_retry_s=10.0)
    server = GatewayServer(settings, clock, make_key=key_stock.__next__)
    await server.start()
    try:
        async with open_cooler_stage(world, server, clock, tmp_path) as opened:
            yield opened
    finally:
        await server.stop()
