"""A company with a provider, for each test anew."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.cloud.app.conftest import public_app, stranger
from tests.cloud.merchants.oidc.provider_stage import Company, open_provider
from tests.cloud.shop_stage import Shop

__all__ = ["public_app", "stranger"]


@pytest.fixture
async def company(shop: Shop, stranger: httpx.AsyncClient) -> AsyncIterator[Company]:
    async with open_provider(shop.clock) as provider, httpx.AsyncClient() as away:
        yield Company(shop, stranger, away, provider)
