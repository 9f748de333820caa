"""A manager makes a promotion: typed, read back in plain words, tried on a cart, saved, switched on, met by another."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.doubt_stage import DoubtStage, open_doubt_stage
from tests.browser.street import Street
from tests.browser.test_console_doubts import SECOND_PRESS_MS, sign_in
from tests.cloud.conftest import database_url, postgres
from vendomat.cloud.app.http import CONSOLE_FOLDER

__all__ = ["database_url", "postgres"]
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

HALF = re.compile(r"^\s*Mon–Fri 14:00–16:00, all goods, 50% off\s*$")


@pytest_asyncio.fixture(loop_scope="session")
async def stage(database_url: str) -> AsyncIterator[DoubtStage]:
    if not (CONSOLE_FOLDER / "index.html").is_file():
        pytest.skip("the console is not built: run tools/build_web.py")
    async with open_doubt_stage(database_url) as opened:
        yield opened


async def test_a_promotion_is_made_tried_switched_on_and_met(stage: DoubtStage, street: Street) -> None:
    page = await street.open(stage.url, size="desk", locale="en-US")
    await sign_in(stage, page)
    await page.get_by_test_id("nav-promotions").click()
    await page.get_by_test_id("promotion-new").click()
    await page.get_by_test_id("promotion-name").fill("Afternoon")
    await page.get_by_test_id("promotion-value").fill("50")
    await page.get_by_test_id("add-window").click()
    await expect(page.get_by_test_id("promotion-words")).to_have_text(HALF)
    await page.get_by_test_id("try-at").fill("2026-11-23T15:00")
    await page.get_by_test_id("try-ask").click()
    await expect(page.get_by_test_id("try-result")).to_contain_text("Afternoon")
    await page.wait_for_timeout(SECOND_PRESS_MS)
    await page.get_by_test_id("promotion-save").click()
    await page.get_by_test_id("promotion-activate").click()
    await expect(page.get_by_test_id("promotion-activate")).to_have_count(0)
    rows = await stage.shop.database.hot.fetch("SELECT name, state FROM promotion")
    assert [tuple(row) for row in rows] == [("Afternoon", "active")]

    await page.get_by_test_id("promotion-new").click()
    await page.get_by_test_id("promotion-name").fill("Three for two")
    await page.get_by_test_id("promotion-kind").select_option("n_for_m")
    await expect(page.get_by_test_id("promotion-meetings")).to_contain_text("Afternoon")


async def test_coupons_are_made_shown_once_and_withdrawn(stage: DoubtStage, street: Street) -> None:
    page = await street.open(stage.url, size="phone", locale="en-US")
    await sign_in(stage, page)
    await page.goto(f"{stage.url}promotions?promotion=new")
    await page.get_by_test_id("promotion-name").fill("Friends")
    await page.get_by_test_id("promotion-value").fill("20")
    await page.get_by_test_id("promotion-needs-coupon").check()
    await expect(page.get_by_test_id("promotion-words")).to_contain_text("with a coupon")
    await page.get_by_test_id("promotion-save").click()
    await expect(page.get_by_test_id("coupons")).to_contain_text("No coupons yet")
    await page.get_by_test_id("coupon-count").fill("3")
    await page.get_by_test_id("coupon-issue").click()
    await expect(page.get_by_test_id("issued-coupon")).to_have_count(3)
    codes = await page.get_by_test_id("issued-coupon").evaluate_all("all => all.map(one => one.dataset.code)")
    assert all(re.fullmatch(r"[2-9A-HJ-NP-Z]{8}", code) for code in codes)
    await page.get_by_test_id("promotion-activate").click()
    await expect(page.get_by_test_id("promotion-activate")).to_have_count(0)
    await expect(page.get_by_test_id("issued-coupon")).to_have_count(3)  # nothing else tells them again
    await page.get_by_test_id("coupon-kind").select_option("word")
    await page.get_by_test_id("coupon-word").fill("summer10")
    await page.get_by_test_id("coupon-uses").fill("500")
    await page.wait_for_timeout(SECOND_PRESS_MS)
    await page.get_by_test_id("coupon-issue").click()
    await expect(page.get_by_test_id("coupons")).to_contain_text("0 / 500")
    await page.reload()
    await expect(page.get_by_test_id("coupons")).to_contain_text("SUMMER10")
    await expect(page.get_by_test_id("issued-coupon")).to_have_count(0)
    await page.get_by_test_id("coupon-withdraw").first.click()
    await page.get_by_test_id("coupon-withdraw-yes").click()
    await expect(page.get_by_test_id("coupons")).to_contain_text("Withdrawn")
    rows = await stage.shop.database.hot.fetch("SELECT word, withdrawn_at IS NOT NULL FROM coupon_batch ORDER BY 1")
    assert [tuple(row) for row in rows] == [("", False), ("SUMMER10", True)]
