"""The public application with everything a worker that sells has, over one shop; its platforms are never reached."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from tests.cloud.shop_stage import MachineKey, Shop
from vendomat.cloud.app import PublicParts, SalesGround, SalesParts, build_public_app, build_sales
from vendomat.cloud.app.worker import _post_code
from vendomat.cloud.machines import EnrolmentDoor
from vendomat.cloud.payments import Provider
from vendomat.cloud.platform.connection import Handle
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.reports import EventFeeds
from vendomat.kernel import ErrorCode, VendomatError


class QuietWire:
    """A wire on which no machine answers."""

    is_connected = True

    async def serve(self, handle: Handle) -> None:
        """Nobody speaks."""

    async def ask(self, machine_id: str, kind: str, data: bytes, *, timeout_s: float) -> bytes | None:
        return None

    async def tell(self, machine_id: str, kind: str, data: bytes) -> None:
        """Nobody hears."""


def no_platform(channel: str, *_: object, **__: object) -> Provider:
    raise VendomatError(ErrorCode.PLATFORM_UNREACHABLE, f"{channel} is not reached from here; nothing was asked")


@asynccontextmanager
async def open_whole_app(shop: Shop) -> AsyncIterator[tuple[FastAPI, SalesParts]]:
    settings = CloudSettings()
    ground = SalesGround(
        settings=settings,
        database=shop.database,
        wire=QuietWire(),
        master_key=shop.master_key,
        signer=MachineKey(),
        open_provider=no_platform,
        clock=shop.clock,
        ids=shop.ids,
    )
    async with AsyncExitStack() as stack:
        sales = build_sales(ground, stack)
        feeds = EventFeeds(shop.database, shop.clock)
        stack.push_async_callback(feeds.aclose)
        yield (
            build_public_app(
                PublicParts(
                    database=shop.database,
                    master_key=shop.master_key,
                    passwords=shop.passwords,
                    ids=shop.ids,
                    clock=shop.clock,
                    post_ledger=_post_code,
                    feeds=feeds,
                    settings=settings,
                    refunds=sales.refunds,
                    goods=sales.goods,
                    top_ups=sales.top_ups,
                    payouts=sales.payouts,
                    visits=sales.visits,
                    door=EnrolmentDoor("https://127.0.0.1:8443", b"authority"),
                )
            ),
            sales,
        )
