"""Goods with an age limit: no machine sells them, holds them anew or gives them for a code."""

from __future__ import annotations

import httpx
import pytest

from tests.cloud.app.test_planograms_api import Desk, desk, repriced, swapped
from tests.cloud.app.test_products_api import PRODUCTS, made, quoting
from tests.cloud.shop_stage import Shop
from vendomat.cloud.catalog import catalogue_for
from vendomat.cloud.codes import CodeKind
from vendomat.cloud.stock import lock_offers, slot_holding
from vendomat.protocol import SlotState

__all__ = ["desk"]
pytestmark = pytest.mark.slow


async def limit_cola(browser: httpx.AsyncClient, shop: Shop, age_min: int) -> None:
    address = f"{PRODUCTS}/{shop.seeded.products['cola']}"
    before = await browser.get(address)
    changed = await browser.put(
        address, json=before.json()["data"] | {"age_min": age_min}, headers=quoting(before.headers["etag"])
    )
    assert changed.status_code == 200, changed.text


async def told(shop: Shop) -> tuple[int, SlotState]:
    """The version of the machine's catalogue, and what it says of slot A1."""
    async with shop.database.hot.acquire() as connection:
        catalogue = await catalogue_for(connection, shop.merchant_id, shop.machine_id)
    return catalogue.version, catalogue.slots[0].state


async def grid(browser: httpx.AsyncClient, shop: Shop) -> tuple[str, str]:
    slots = (await browser.get(f"/api/v1/machines/{shop.machine_id}")).json()["planogram"]
    return slots[0]["state"], slots[0]["closed_reason"]


async def counts(browser: httpx.AsyncClient) -> list[dict[str, int]]:
    """How many slots of each machine the list counts as what."""
    return [one["slots"] for one in (await browser.get("/api/v1/machines")).json()["data"]]


async def test_a_limit_closes_the_slots_that_hold_it_until_it_is_taken_away(
    browser: httpx.AsyncClient, shop: Shop
) -> None:
    version, state = await told(shop)
    assert state is SlotState.OK
    await limit_cola(browser, shop, 18)
    assert await told(shop) == (version + 1, SlotState.CLOSED)
    assert await grid(browser, shop) == ("closed", "age_limit")
    assert await counts(browser) == [{"ok": 11, "sold_out": 0, "closed": 1}] * 2
    async with shop.database.hot.acquire() as connection, connection.transaction():
        key = (shop.merchant_id, shop.machine_id, "A1")
        assert (await lock_offers(connection, [key]))[key].age_min == 18
        product = shop.seeded.products["cola"]
        assert await slot_holding(connection, shop.merchant_id, shop.machine_id, product) is None
    await limit_cola(browser, shop, 0)
    assert await told(shop) == (version + 2, SlotState.OK)
    assert await grid(browser, shop) == ("ok", "")
    assert await counts(browser) == [{"ok": 12, "sold_out": 0, "closed": 0}] * 2


async def test_why_a_slot_was_closed_before_is_still_said(browser: httpx.AsyncClient, shop: Shop) -> None:
    await shop.as_hot_owner(
        "UPDATE stock_slot SET closed_reason = 'locked' WHERE machine_id = $1 AND slot = 'A1'", shop.machine_id
    )
    await limit_cola(browser, shop, 16)
    assert await grid(browser, shop) == ("closed", "locked")
    assert await counts(browser) == [{"ok": 11, "sold_out": 0, "closed": 1}] * 2, "each slot once"


async def test_a_machine_gets_no_goods_with_a_limit_and_keeps_selling_the_others(
    browser: httpx.AsyncClient, desk: Desk
) -> None:
    wine = await made(browser, sku="wine", barcode="", age_min=18)
    slots = await desk.slots()
    await desk.draft(swapped(slots, "A2", wine["id"]))
    await desk.read()
    refused = await desk.publish({"A2": 0})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "A2" in refused.json()["detail"] and "age limit" in refused.json()["detail"]
    assert await desk.slots() == slots
    await limit_cola(browser, desk.shop, 18)
    await desk.draft(repriced(slots, "A2", 450))
    await desk.read()
    assert (await desk.publish()).status_code == 200, "goods that came before their limit stop no other change"


async def test_no_code_is_issued_for_goods_with_a_limit(browser: httpx.AsyncClient, shop: Shop) -> None:
    await limit_cola(browser, shop, 18)
    wish = {
        "machine_id": shop.machine_id,
        "product_id": shop.seeded.products["cola"],
        "kind": CodeKind.GIFT.value,
        "count": 1,
        "valid_hours": 24,
    }
    refused = await browser.post("/api/v1/codes", json=wish)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found"), refused.text
    allowed = await browser.post("/api/v1/codes", json=wish | {"product_id": shop.seeded.products["water"]})
    assert allowed.status_code == 201, allowed.text
