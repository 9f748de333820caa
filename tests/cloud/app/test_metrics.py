"""What `/metrics` tells: figures of the rows, of the pool and of the batches, and no name of any machine."""

from __future__ import annotations

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from tests.cloud.app.test_trust_api import SETTINGS, Trade
from tests.cloud.shop_stage import Shop
from vendomat.cloud.app.metrics import Metrics, metrics_router
from vendomat.cloud.reports import Tally
from vendomat.cloud.sales import Writer

pytestmark = pytest.mark.slow


async def read(shop: Shop, registry: CollectorRegistry, metrics: Metrics) -> tuple[str, dict[str, float]]:
    app = FastAPI()
    app.include_router(metrics_router(registry, metrics.sample))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://metrics.example") as client:
        text = (await client.get("/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return text, {
        sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value for sample in samples
    }


async def test_rows_pool_and_batches_are_told(shop: Shop) -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, shop.database, shop.clock)
    writer = Writer(shop.database, SETTINGS, shop.ids, watch=metrics.batch)
    await shop.enrol_all()
    trade = Trade(shop, writer)
    for ends, slot in (("delivered", "A1"), ("ambiguous", "A2"), ("unknown", "A3")):
        await trade.buy(ends, slot)
    await Tally(shop.database, shop.clock).once()
    text, told = await read(shop, registry, metrics)
    assert told["vendomat_sampled"] == 1
    assert (told["vendomat_orders_open/paid"], told["vendomat_orders_open/awaiting_payment"]) == (1, 0)
    assert (told["vendomat_commands_in_flight/waiting"], told["vendomat_units_unknown_open"]) == (1, 1)
    assert told["vendomat_ambiguous_units_unresolved"] == 1 and told["vendomat_ambiguous_minor_unresolved"] > 0
    assert told["vendomat_settlement_orders_24h/in_time"] == told["vendomat_settlement_orders_24h/missed"] == 1
    assert told["vendomat_database_connections/idle"] >= 1
    assert told["vendomat_batch_items_count/create_orders"] == 3
    assert told["vendomat_batch_seconds_sum/apply_payment_facts"] > 0
    assert "mch_" not in text and "mer_" not in text and shop.seeded.machines[0].number not in text
    await writer.aclose()


async def test_figures_are_read_at_most_every_few_seconds_and_their_loss_is_said(shop: Shop) -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, shop.database, shop.clock)
    await read(shop, registry, metrics)
    hot, shop.database.hot = shop.database.hot, await closed_pool(shop)
    assert (await read(shop, registry, metrics))[1]["vendomat_sampled"] == 1
    await shop.clock.advance(6)
    assert (await read(shop, registry, metrics))[1]["vendomat_sampled"] == 0
    shop.database.hot = hot


async def closed_pool(shop: Shop) -> object:

    pool = await asyncpg.create_pool(shop.database.url, min_size=1, max_size=1)
    await pool.close()
    return pool
