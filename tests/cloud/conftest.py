"""A real PostgreSQL for the cloud's tests: started once, one migrated template, a fresh copy per module."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.cloud.shop_stage import Shop, open_shop
from vendomat.cloud.platform.database import migrate
from vendomat.cloud.platform.engines import THROWN_AWAY, PostgresEngine

_TEMPLATE = "vendomat_template"
_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresEngine]:
    """The server, with a migrated template database in it."""
    engine = PostgresEngine(tmp_path_factory.mktemp("postgres"), overrides=THROWN_AWAY)
    engine.start()
    try:
        url = engine.create_database(_TEMPLATE)

        async def prepare() -> None:
            await migrate(url)

        asyncio.run(prepare())
        yield engine
    finally:
        engine.destroy()


@pytest.fixture(scope="module")
def database_url(postgres: PostgresEngine) -> str:
    """The owner's URL of a fresh, migrated database."""
    return postgres.create_database(f"vendomat_test_{next(_numbers)}", template=_TEMPLATE)


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    """A merchant of its own in the module's database."""
    async with open_shop(database_url) as opened:
        yield opened
