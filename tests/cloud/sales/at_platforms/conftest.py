"""The lasting platforms, and a shop for each test and each provider that its case applies to.

A test that asks for `shop` runs against every platform that the table of payment failures names for its number; one
without a number runs against all three.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.cloud.sales.at_platforms.shop import CHANNELS, House, Shop, open_house, open_shop
from vendomat.cloud.platform.engines import PostgresEngine
from vendomat.simulator.gateways.keys import make_key

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "tools"))
from draw_faults import numbers_of
from payment_fault_table import providers_of


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    said = [mark for mark in metafunc.definition.iter_markers("parametrize") if mark.args[0] == "channel"]
    if said or "channel" not in metafunc.fixturenames:
        return
    numbers = [number for number in numbers_of(metafunc.function.__name__) if number.startswith("PF")]
    channels = [one for one in CHANNELS if all(one in providers_of(number) for number in numbers)]
    metafunc.parametrize("channel", channels)


@pytest.fixture(scope="session")
def spare_keys() -> list[RSAPrivateKey]:
    """As many as the platforms of one module use, because making them takes long."""
    return [make_key() for _ in range(9)]


def urls(postgres: PostgresEngine, database_url: str) -> tuple[str, str]:
    user = postgres.address.superuser_url.split("//")[1].split("@")[0]
    return database_url, database_url.replace("//vendomat@", f"//{user}@")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(postgres: PostgresEngine, database_url: str, spare_keys: list[RSAPrivateKey]) -> AsyncIterator[House]:
    async with open_house(urls(postgres, database_url), spare_keys) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def shop(house: House, channel: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(house, channel, tmp_path) as opened:
        yield opened
        await opened.check()
