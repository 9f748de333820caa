"""The public application over ASGI, with a browser-like client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.cloud.one_key_each import ONE_KEY_EACH
from tests.cloud.shop_stage import PASSWORD, PlainIssuer, Shop
from vendomat.cloud.app import MachineParts, PublicParts, build_machine_app, build_public_app
from vendomat.cloud.app.metrics import metrics_router
from vendomat.cloud.codes import CodePosting
from vendomat.cloud.machines import EnrolmentDoor, WireAddress
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.reports import EventFeeds

HOST = "http://console.example"
MACHINES = "https://machines.example"
AUTHORITY = b"the authority of these tests"


async def _no_ledger(_connection: AsyncConnection, _postings: Sequence[CodePosting]) -> None:
    """These tests look at the API, not at the books."""


@pytest.fixture
def public_app(shop: Shop, tmp_path: Path) -> FastAPI:
    return build_public_app(
        PublicParts(
            database=shop.database,
            master_key=shop.master_key,
            passwords=shop.passwords,
            ids=shop.ids,
            clock=shop.clock,
            post_ledger=_no_ledger,
            feeds=EventFeeds(shop.database, shop.clock),
            settings=CloudSettings(bills_dir=tmp_path / "bills", oidc_private=True, notify_private=True),
            metrics=metrics_router(CollectorRegistry()),
            door=EnrolmentDoor(MACHINES, AUTHORITY),
        )
    )


@pytest.fixture
async def stranger(public_app: FastAPI, shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on our page, not signed in."""
    transport = httpx.ASGITransport(public_app, client=(shop.address, 1), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url=HOST, headers={"Origin": HOST}, event_hooks=ONE_KEY_EACH
    ) as client:
        yield client


@pytest.fixture
async def browser(stranger: httpx.AsyncClient, shop: Shop) -> httpx.AsyncClient:
    """A browser signed in as the merchant's owner."""
    answer = await stranger.post("/api/v1/session", json={"email": shop.seeded.email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return stranger


@pytest.fixture
async def machine_side(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """What a machine reaches over HTTPS."""
    app = build_machine_app(
        MachineParts(
            database=shop.database,
            issuer=PlainIssuer(),
            authority=AUTHORITY,
            wire=WireAddress("tls://127.0.0.1:1", dict),
            ids=shop.ids,
            clock=shop.clock,
        )
    )
    transport = httpx.ASGITransport(app, client=(shop.address, 1), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=MACHINES) as client:
        yield client
