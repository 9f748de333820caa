"""A machine's plan becomes a model; the next plan begins with its slots, and what does not fit is said."""

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
    """Nothing that axe finds, and nothing beside the screen."""
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("locale", "size"), [("en-US", "desk"), ("zh-CN", "phone")])
async def test_a_plan_becomes_a_model_that_the_next_plans_begin_with(
    stage: DoubtStage, street: Street, locale: str, size: str
) -> None:
    shop = stage.shop
    first, second = (one.machine_id for one in shop.seeded.machines[:2])
    page = await street.open(stage.url, size=size, locale=locale)
    await sign_in(stage, page)
    await page.goto(f"{stage.url}models")
    await expect(page.get_by_test_id("models")).to_be_visible()
    await is_whole(page)

    await page.goto(f"{stage.url}planograms/{first}")
    await press(page, "make-model")
    await expect(page.get_by_test_id("model").locator("strong")).to_contain_text("SH-001")
    await expect(page.get_by_test_id("misfits")).to_have_count(0)

    await page.goto(f"{stage.url}models")
    await page.get_by_test_id("edit-model").click()
    await fill(page, model_maker="Fuji", model_name="S-13", model_new_slot="d1")
    await press(page, "model-add-slot")
    await page.get_by_test_id("room-A1").fill("7")
    await is_whole(page)
    await press(page, "save-model")
    await expect(page.get_by_test_id("model-dialog")).to_have_count(0)
    await expect(page.get_by_test_id("model-S-13")).to_contain_text("Fuji S-13")
    await is_whole(page)

    await page.goto(f"{stage.url}planograms/{first}")
    await expect(page.get_by_test_id("misfit-A1")).to_contain_text("7")
    await press(page, "plan-D1")
    await page.get_by_test_id("put-product").select_option(index=1)
    await expect(page.get_by_test_id("plan-price-D1")).to_be_visible()
    await expect(page.get_by_test_id("slot-capacity")).to_have_value("8")
    await is_whole(page)
    await press(page, "publish")
    await expect(page.get_by_test_id("publish-dialog").get_by_test_id("misfits")).to_be_visible()
    await is_whole(page)
    await press(page, "publish-now")
    await expect(page.get_by_test_id("publish-dialog")).to_have_count(0)
    held = await shop.database.hot.fetchval(
        "SELECT capacity FROM planogram_slot WHERE machine_id = $1 AND slot = 'D1'", first
    )
    assert held == 8, "a misfit keeps nobody from publishing"

    await page.goto(f"{stage.url}machines")
    await press(page, "set-model")
    await page.get_by_test_id("chosen-SH-001").uncheck()
    await page.get_by_test_id("model-field").select_option(label="Fuji S-13")
    await is_whole(page)
    await press(page, "set-model-go")
    await expect(page.get_by_test_id("set-model-dialog")).to_have_count(0)
    await page.get_by_test_id("model-filter").select_option(label="Fuji S-13")
    for number in ("SH-001", "SH-002"):
        await expect(page.get_by_test_id(f"machine-{number}")).to_be_visible()
    await is_whole(page)
    await page.goto(f"{stage.url}planograms/{second}")
    await expect(page.get_by_test_id("plan-D1")).to_be_visible()
    await expect(page.get_by_test_id("plan-price-D1")).to_have_count(0)


async def test_a_cabinet_is_filled_in_row_by_row(stage: DoubtStage, street: Street) -> None:
    page = await street.open(stage.url, size="desk", locale="en-US")
    await sign_in(stage, page)
    await page.goto(f"{stage.url}models")
    await press(page, "new-model")
    await fill(page, model_name="Wall-20", model_rows="2", model_per_row="10", model_capacity="5")
    await press(page, "model-fill")
    await page.get_by_test_id("away-B10").click()
    await page.get_by_test_id("model-cooled").uncheck()
    await is_whole(page)
    await press(page, "save-model")
    await expect(page.get_by_test_id("model-Wall-20")).to_contain_text("19")
    await page.get_by_test_id("edit-model").click()
    await press(page, "delete-model")
    await expect(page.get_by_test_id("model-Wall-20")).to_have_count(0)


async def test_a_template_begins_with_a_models_slots(stage: DoubtStage, street: Street) -> None:
    page = await street.open(stage.url, size="desk", locale="en-US")
    await sign_in(stage, page)
    await page.goto(f"{stage.url}models")
    await press(page, "new-model")
    await fill(page, model_name="Box-4", model_rows="2", model_per_row="2", model_capacity="5")
    await press(page, "model-fill")
    await press(page, "save-model")
    await expect(page.get_by_test_id("model-dialog")).to_have_count(0)
    await page.goto(f"{stage.url}planograms")
    await press(page, "new-template")
    await fill(page, edit_template_name="Small")
    await page.get_by_test_id("model-field").select_option(label="Box-4")
    for slot in ("A1", "B2"):
        await press(page, f"plan-{slot}")
        await page.get_by_test_id("put-product").select_option(index=1)
    await page.get_by_test_id("slot-capacity").fill("9")
    await expect(page.get_by_test_id("misfit-B2")).to_contain_text("5")
    await is_whole(page)
    await page.get_by_test_id("slot-capacity").fill("4")
    await expect(page.get_by_test_id("misfits")).to_have_count(0)
    await press(page, "keep-template")
    await expect(page.get_by_test_id("template-dialog")).to_have_count(0)
    await expect(page.get_by_test_id("template-Small")).to_contain_text("2 slots")
    await press(page, "edit-template")
    await page.get_by_test_id("plan-A1").press("Delete")
    await press(page, "keep-template")
    await expect(page.get_by_test_id("template-Small")).to_contain_text("1 slot")
