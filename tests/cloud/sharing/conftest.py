"""A site whose owner is paid by the platform, on the sale's seeded database."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.cloud.sales.conftest import World, world
from tests.cloud.sharing.sharing_stage import SharingStage, open_sharing_stage
from vendomat.kernel import ManualClock
from vendomat.simulator.gateways import GatewayServer, GatewaySettings
from vendomat.simulator.gateways.keys import make_key

__all__ = ["world"]


@pytest.fixture(scope="module")
def key_stock() -> Iterator[RSAPrivateKey]:
    """As many keys as a platform uses, because making them takes long."""
    return itertools.cycle([make_key() for _ in range(8)])


@pytest.fixture
async def firm(world: World, key_stock: Iterator[RSAPrivateKey], tmp_path: Path) -> AsyncIterator[SharingStage]:
    clock = ManualClock()
    server = GatewayServer(GatewaySettings(wechat_limits_calls=False), clock, make_key=key_stock.__next__)
    await server.start()
    try:
        async with open_sharing_stage(world, server, clock, tmp_path) as opened:
            yield opened
    finally:
        await server.stop()
