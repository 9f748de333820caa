"""A real NATS server and an HTTPS door (once per module), and a cloud that speaks over them (per test)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from tests.terminal.fake_cloud import FakeCloud
from tests.terminal.site import CloudOnWire, Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    yield site
    site.stop()


@pytest.fixture
async def cloud(site: Site) -> AsyncIterator[CloudOnWire]:
    site.is_down, site.life, site.renewals = False, timedelta(hours=1), 0
    if site.nats.pid is None:
        await asyncio.to_thread(site.nats.start)
    cloud = CloudOnWire(site, FakeCloud())
    await cloud.start()
    yield cloud
    await cloud.stop()
