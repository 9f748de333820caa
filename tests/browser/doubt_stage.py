"""A merchant's console over real rows of units in doubt: a real database, the real application, no machines needed."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn

from tests.cloud.app.conftest import _no_ledger
from tests.cloud.app.test_trust_api import SETTINGS, Trade
from tests.cloud.shop_stage import Shop, open_shop
from vendomat.cloud.alarms import SecurityWatch
from vendomat.cloud.app import PublicParts, build_public_app
from vendomat.cloud.machines import EnrolmentDoor
from vendomat.cloud.merchants import PaymentAccounts
from vendomat.cloud.payments import ProviderBook
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.reports import EventFeeds, Tally
from vendomat.cloud.sales import GoodsDesk, Reach, RefundCaps, RefundDesk, Till, Writer
from vendomat.kernel import SystemClock


@dataclass
class DoubtStage:
    """`url` is the console's; `trade` makes orders that end as told; `tally` counts them."""

    url: str
    shop: Shop
    trade: Trade
    tally: Tally


@asynccontextmanager
async def open_doubt_stage(database_url: str) -> AsyncIterator[DoubtStage]:
    clock = SystemClock()
    async with open_shop(database_url) as made:
        shop = dataclasses.replace(made, clock=clock)  # type: ignore[arg-type]
        await shop.enrol_all()
        writer = Writer(shop.database, SETTINGS, shop.ids)
        feeds = EventFeeds(shop.database, clock)
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        app = build_public_app(
            PublicParts(
                database=shop.database,
                master_key=shop.master_key,
                passwords=shop.passwords,
                ids=shop.ids,
                clock=clock,
                post_ledger=_no_ledger,
                feeds=feeds,
                settings=CloudSettings(http_port=listening.getsockname()[1], oidc_private=True),
                goods=GoodsDesk(shop.database, writer, clock),
                refunds=RefundDesk(writer, _till(shop, writer), clock, alone_minor=100),
                door=EnrolmentDoor("https://127.0.0.1:8443", b"authority"),
            )
        )
        try:
            async with _served(app, listening) as address:
                yield DoubtStage(f"{address}/console/", shop, Trade(shop, writer), Tally(shop.database, clock))
        finally:
            await feeds.aclose()
            await writer.aclose()


def _till(shop: Shop, writer: Writer) -> Till:
    """A till without a platform: what a person may do here asks none."""
    watch = SecurityWatch(shop.database, shop.ids, shop.clock)
    accounts = PaymentAccounts(shop.database, shop.master_key)
    book = ProviderBook(accounts, shop.clock, threads=1, lookups_per_second=1.0)
    reach = Reach(shop.database, book, shop.clock)
    caps = RefundCaps(shop.database, settings=SETTINGS, clock=shop.clock, key=b"k" * 32)
    return Till(shop.database, writer, book, settings=SETTINGS, clock=shop.clock, watch=watch, reach=reach, caps=caps)


@asynccontextmanager
async def _served(app: object, listening: socket.socket) -> AsyncIterator[str]:
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        listening.close()
