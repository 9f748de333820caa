"""The market on a fresh database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cloud.reconciliation.market import Market, open_market
from tests.cloud.sales.conftest import World, world

__all__ = ["world"]


@pytest.fixture
async def market(world: World, tmp_path: Path) -> AsyncIterator[Market]:
    async with open_market(world, tmp_path) as opened:
        yield opened
