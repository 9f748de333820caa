"""The database and the captured scene for tests of what an attacker may not do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cloud.conftest import database_url, postgres
from tests.cloud.sales.conftest import World, world
from tests.cloud.sales.selling_stage import Stage, open_stage
from tests.security.captured import Scene, open_scene
from tests.terminal.conftest import cloud, site

__all__ = ["cloud", "database_url", "postgres", "site", "world"]


@pytest.fixture
async def scene(world: World, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(world, tmp_path) as opened:
        yield opened


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    async with open_stage(world) as opened:
        yield opened
