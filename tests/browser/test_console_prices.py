"""One price at the machines that have a tag, and at no others."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.axe import violations
from tests.browser.doubt_stage import DoubtStage
from tests.browser.hands import fill, press
from tests.browser.street import Street
from tests.browser.test_console_doubts import sign_in
from tests.browser.test_console_people import stage
from tests.cloud.conftest import database_url, postgres

__all__ = ["database_url", "postgres", "stage"]
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def test_a_price_for_a_tag_leaves_the_other_machines_alone(stage: DoubtStage, street: Street) -> None:
    shop = stage.shop
    north = shop.seeded.machines[1]
    await shop.as_merchant(
        "INSERT INTO machine_tag (merchant_id, machine_id, tag) VALUES ($1, $2, 'north')",
        shop.merchant_id,
        north.machine_id,
    )
    page = await street.open(stage.url, size="phone", locale="zh-CN")
    await sign_in(stage, page)
    await page.goto(f"{stage.url}products/{shop.seeded.products['cola']}")
    await press(page, "change-price")
    await page.get_by_test_id("price-tag").select_option("north")
    await expect(page.get_by_test_id("price-at-SH-001")).to_have_count(0)
    await expect(page.get_by_test_id("price-at-SH-002")).to_be_checked()
    assert await violations(page) == []
    await fill(page, new_price="4.80")
    await press(page, "set-price")
    await expect(page.get_by_test_id("price-dialog")).to_have_count(0)
    rows = await shop.database.hot.fetch(
        "SELECT machine_id, price_minor FROM planogram_slot WHERE merchant_id = $1 AND product_id = $2",
        shop.merchant_id,
        shop.seeded.products["cola"],
    )
    assert {row["price_minor"] for row in rows if row["machine_id"] == north.machine_id} == {480}
    assert {row["price_minor"] for row in rows if row["machine_id"] != north.machine_id} == {400}
