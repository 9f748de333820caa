"""Many products changed at once: all of them or none, each with its own line, tried without a trace."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.cloud.app.test_products_api import PRODUCTS, made
from tests.cloud.shop_stage import Shop
from vendomat.cloud.catalog import catalogue_for

pytestmark = pytest.mark.slow


async def several(browser: httpx.AsyncClient, count: int = 3) -> list[dict[str, Any]]:
    return [await made(browser, sku=f"new-{number}", barcode="") for number in range(count)]


async def send(
    browser: httpx.AsyncClient, products: list[dict[str, Any]], *, is_trial: bool = False, **fields: object
) -> httpx.Response:
    quoted = [{"id": one["id"], "version": one["version"]} for one in products]
    return await browser.post(f"{PRODUCTS}/change", json={"products": quoted, "fields": fields, "is_trial": is_trial})


async def read(browser: httpx.AsyncClient, products: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [(await browser.get(f"{PRODUCTS}/{one['id']}")).json() for one in products]


async def log(browser: httpx.AsyncClient) -> list[dict[str, Any]]:
    changes = (await browser.get("/api/v1/changes", params={"what": "product"})).json()["data"]
    return [one for one in changes if one["action"] != "product.created"]


async def test_what_many_have_alike_is_changed_and_the_rest_of_each_stays(browser: httpx.AsyncClient) -> None:
    products = await several(browser)
    fields: dict[str, Any] = {
        "category": "hot",
        "tax_bp": 600,
        "age_min": 16,
        "is_perishable": False,
        "shelf_life_days": None,
    }
    done = await send(browser, products, **fields)
    assert (done.status_code, done.json()) == (200, {"changed": 3, "same": 0, "is_done": True})
    for before, after in zip(products, await read(browser, products), strict=True):
        assert after["data"] == before["data"] | fields
        assert after["version"] == 2
    lines = await log(browser)
    assert sorted(one["subject"] for one in lines) == sorted(one["id"] for one in products)
    assert {one["action"] for one in lines} == {"product.changed"}
    assert lines[0]["before"] == {name: products[0]["data"][name] for name in fields}
    assert lines[0]["after"] == fields
    again = await send(browser, await read(browser, products), tax_bp=600)
    assert again.json() == {"changed": 0, "same": 3, "is_done": True}
    assert len(await log(browser)) == 3, "who changes nothing leaves no line"


async def test_a_trial_says_how_many_would_change_and_leaves_no_trace(browser: httpx.AsyncClient) -> None:
    products = await several(browser)
    await send(browser, products[:1], category="hot")
    products = await read(browser, products)
    trial = await send(browser, products, is_trial=True, category="hot")
    assert trial.json() == {"changed": 2, "same": 1, "is_done": False}
    assert await read(browser, products) == products
    assert len(await log(browser)) == 1


async def test_one_that_somebody_changed_meanwhile_stops_all(browser: httpx.AsyncClient) -> None:
    products = await several(browser)
    await send(browser, products[1:2], category="hot")
    stale = await send(browser, products, tax_bp=600)
    assert (stale.status_code, stale.json()["code"]) == (412, "version_stale")
    assert "new-1" in stale.json()["detail"]
    assert "new-0" not in stale.json()["detail"]
    assert [one["data"]["tax_bp"] for one in await read(browser, products)] == [1300] * 3
    stranger = {"id": "prd_" + "0" * 26, "version": 1}
    assert (await send(browser, [products[0], stranger], tax_bp=600)).status_code == 404
    assert (await read(browser, products))[0]["version"] == 1


async def test_one_that_is_planned_stops_all_from_being_put_away(browser: httpx.AsyncClient, shop: Shop) -> None:
    products = await several(browser)
    cola = (await browser.get(f"{PRODUCTS}/{shop.seeded.products['cola']}")).json()
    refused = await send(browser, [*products, cola], is_archived=True, category="gone")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "cola" in refused.json()["detail"]
    assert "SH-001" in refused.json()["detail"]
    assert await read(browser, products) == await read(browser, products)
    assert {one["is_archived"] for one in await read(browser, products)} == {False}
    assert (await send(browser, products, is_archived=True)).json()["changed"] == 3
    away = await read(browser, products)
    assert {one["is_archived"] for one in away} == {True}
    assert (await send(browser, away, is_archived=False, tax_bp=900)).json()["changed"] == 3
    back = await read(browser, products)
    assert {(one["is_archived"], one["data"]["tax_bp"]) for one in back} == {(False, 900)}
    actions = [one["action"] for one in await log(browser)]
    assert {action: actions.count(action) for action in actions} == {
        "product.restored": 3,
        "product.changed": 3,
        "product.archived": 3,
    }


async def test_machines_hear_of_it(browser: httpx.AsyncClient, shop: Shop) -> None:
    cola = (await browser.get(f"{PRODUCTS}/{shop.seeded.products['cola']}")).json()

    async def version() -> int:
        async with shop.database.hot.acquire() as connection:
            return (await catalogue_for(connection, shop.merchant_id, shop.machine_id)).version

    before = await version()
    assert (await send(browser, [cola], age_min=18)).status_code == 200
    assert await version() == before + 1


@pytest.mark.parametrize(
    "fields",
    [{"tax_bp": 10_001}, {"age_min": 100}, {"shelf_life_days": 0}, {"price_minor": 1}, {"category": "c" * 81}],
)
async def test_what_cannot_be_is_refused(browser: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    products = await several(browser, 1)
    assert (await send(browser, products, **fields)).status_code == 422
    assert (await read(browser, products))[0]["version"] == 1


async def test_too_many_at_once_are_refused(browser: httpx.AsyncClient) -> None:
    many = [{"id": f"prd_{number:026}", "version": 1} for number in range(1_001)]
    assert (await send(browser, many, tax_bp=1)).status_code == 422
    assert (await send(browser, [], tax_bp=1)).status_code == 422
