"""Products are chosen row by row, by keyboard or all that match, and changed together after a look at how many."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.axe import violations
from tests.browser.doubt_stage import DoubtStage
from tests.browser.hands import fill, press
from tests.browser.street import Street
from tests.browser.test_console_doubts import sign_in
from tests.browser.test_console_people import stage
from tests.cloud.conftest import database_url, postgres

__all__ = ["database_url", "postgres", "stage"]
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def is_whole(page: Page) -> None:
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def taxes(stage: DoubtStage) -> dict[str, int]:
    rows = await stage.shop.database.hot.fetch(
        "SELECT sku, tax_bp FROM product WHERE merchant_id = $1", stage.shop.merchant_id
    )
    return {row["sku"]: row["tax_bp"] for row in rows}


@pytest.mark.parametrize(("locale", "size"), [("en-US", "desk"), ("zh-CN", "phone")])
async def test_the_chosen_products_change_and_no_others(
    stage: DoubtStage, street: Street, locale: str, size: str
) -> None:
    page = await street.open(stage.url, size=size, locale=locale)
    await sign_in(stage, page)
    await page.goto(f"{stage.url}products")
    for sku in ("cola", "water"):
        await page.get_by_test_id(f"product-{sku}").get_by_test_id("choose").check()
    await is_whole(page)
    before = await taxes(stage)
    await press(page, "change-chosen")
    await expect(page.get_by_test_id("bulk-go")).to_be_disabled()
    await page.get_by_test_id("bulk-tax").check()
    await fill(page, bulk_tax_value="6")
    await page.get_by_test_id("bulk-age").check()
    await fill(page, bulk_age_value="x")
    await expect(page.get_by_test_id("bulk-age-value")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_test_id("bulk-go")).to_be_disabled()
    await page.get_by_test_id("bulk-age").uncheck()
    await expect(page.get_by_test_id("bulk-tried")).to_contain_text("2")
    await is_whole(page)
    assert await taxes(stage) == before, "a look changes nothing"
    await press(page, "bulk-go")
    await expect(page.get_by_test_id("bulk-dialog")).to_have_count(0)
    assert await taxes(stage) == before | {"cola": 600, "water": 600}
    await expect(page.get_by_test_id("product-cola").get_by_test_id("choose")).not_to_be_checked()
    await expect(page.get_by_test_id("chosen")).to_have_count(0)


async def test_a_product_that_is_planned_keeps_all_of_them_in_use(stage: DoubtStage, street: Street) -> None:
    page = await street.open(stage.url, size="desk", locale="en-US")
    await sign_in(stage, page)
    await page.goto(f"{stage.url}products")
    await page.get_by_test_id("choose-all").check()
    await press(page, "change-chosen")
    await page.get_by_test_id("bulk-isAway").check()
    await expect(page.get_by_test_id("goods-failure")).to_contain_text("SH-001")
    await expect(page.get_by_test_id("bulk-go")).to_be_disabled()
    await is_whole(page)
    away = await stage.shop.database.hot.fetchval(
        "SELECT count(*) FROM product WHERE merchant_id = $1 AND archived_at IS NOT NULL", stage.shop.merchant_id
    )
    assert away == 0


async def test_rows_are_chosen_by_keyboard_and_what_somebody_changed_meanwhile_is_not_overwritten(
    stage: DoubtStage, street: Street
) -> None:
    page = await street.open(stage.url, size="desk", locale="en-US")
    await sign_in(stage, page)
    await page.goto(f"{stage.url}products?search=cola")
    await expect(page.get_by_test_id("product-cola")).to_be_visible()
    row = page.get_by_test_id("product-cola").locator("[data-row]")
    await page.keyboard.press("j")
    while not await row.evaluate("(row) => row === document.activeElement"):  # a page that is entered takes the focus
        await page.wait_for_timeout(200)
        await page.keyboard.press("j")
    await page.keyboard.press("x")
    await expect(page.get_by_test_id("product-cola").get_by_test_id("choose")).to_be_checked()
    await page.keyboard.press("x")
    await expect(page.get_by_test_id("product-cola").get_by_test_id("choose")).not_to_be_checked()
    await page.keyboard.press("x")
    await press(page, "change-chosen")
    await page.get_by_test_id("bulk-category").check()
    await fill(page, bulk_category_value="Fizzy")
    await expect(page.get_by_test_id("bulk-tried")).to_contain_text("1 product")
    await stage.shop.as_merchant(
        "UPDATE product SET version = version + 1 WHERE merchant_id = $1 AND sku = 'cola'", stage.shop.merchant_id
    )
    await press(page, "bulk-go")
    await expect(page.get_by_test_id("goods-failure")).to_have_attribute("data-code", "version_stale")
    await press(page, "reload")
    await expect(page.get_by_test_id("bulk-dialog")).to_have_count(0)
    kept = await stage.shop.database.hot.fetchval(
        "SELECT category FROM product WHERE merchant_id = $1 AND sku = 'cola'", stage.shop.merchant_id
    )
    assert kept != "Fizzy"
