"""A price is drafted, published and on the kiosk's screen; somebody who was slower is told, and loses nothing."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.buyer import LOOK_EVERY_S, WAKE_S, Buyer
from tests.browser.conftest import BuyerAt
from tests.browser.console_stage import SECOND_PRESS_MS
from tests.browser.office import Office
from tests.browser.street import Street
from vendomat.simulator.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

SLOT, BEFORE, AFTER, LATE = "C4", "6.00", "6.20", "6.40"


async def _reprice(page: Page, price: str) -> None:
    await page.get_by_test_id(f"plan-{SLOT}").click()
    await page.get_by_test_id("slot-price").fill(price)
    await expect(page.get_by_test_id(f"plan-{SLOT}")).to_have_attribute("data-change", "changed")


async def _publish(page: Page) -> None:
    await page.wait_for_timeout(SECOND_PRESS_MS)
    await page.get_by_test_id("publish").click()
    await expect(page.get_by_test_id(f"change-{SLOT}").last).to_be_visible()
    await page.wait_for_timeout(SECOND_PRESS_MS)
    await page.get_by_test_id("publish-now").click()
    await expect(page.get_by_test_id("publish-dialog")).to_have_count(0)


async def _shows(buyer: Buyer, price: str) -> None:
    """The kiosk's own page, woken as often as it falls asleep."""
    async with asyncio.timeout(WAKE_S):
        while True:
            await buyer.wake()
            product = buyer.at(f"product-{SLOT}")
            if await product.is_visible() and price in (await product.text_content() or ""):
                return
            await asyncio.sleep(LOOK_EVERY_S)


async def test_a_price_goes_from_the_console_to_the_kiosk_and_a_stale_edit_is_told(
    office: Office, street: Street, town: Town, buyer_at: BuyerAt
) -> None:
    machine = town.record.machines[0]
    buyer = await buyer_at(0)
    await _shows(buyer, BEFORE)
    await office.sign_in()
    page, colleague = office.page, Office(await street.open(town.console_url, size="phone", locale="zh-CN"), town)
    await colleague.sign_in()
    for one in (page, colleague.page):
        await one.goto(f"{town.console_url}planograms/{machine.machine_id}")
        await expect(one.get_by_test_id("shown-state")).to_be_visible()
    await _reprice(colleague.page, LATE)

    await _reprice(page, AFTER)
    await _publish(page)
    await expect(page.get_by_test_id("plan-version")).to_be_visible()
    await _shows(buyer, AFTER)
    await expect(page.get_by_test_id("shown-state")).to_have_attribute("data-state", "as_wanted")

    await colleague.at("save-draft").click()
    await expect(colleague.at("goods-failure")).to_have_attribute("data-code", "version_stale")
    await colleague.at("reload").click()
    await expect(colleague.at("goods-failure")).to_have_count(0)
    await expect(colleague.at(f"plan-price-{SLOT}")).to_contain_text(LATE)  # nothing typed was lost
    await colleague.page.wait_for_timeout(SECOND_PRESS_MS)
    await colleague.at("save-draft").click()
    await expect(colleague.at("has-draft")).to_be_visible()
    await expect(page.get_by_test_id(f"plan-price-{SLOT}")).to_contain_text(LATE)  # and the others see the draft
    await _shows(buyer, AFTER)

    await _reprice(colleague.page, BEFORE)
    await _publish(colleague.page)
    await _shows(buyer, BEFORE)
    await page.goto(f"{town.console_url}planograms?state=differs")
    await expect(page.get_by_test_id("planograms")).to_be_visible()
    await expect(page.get_by_test_id(re.compile(r"^planogram-"))).to_have_count(0)
