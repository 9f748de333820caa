"""A price is drafted, published or put off to its moment, and on the kiosk's screen; who was slower loses nothing."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, expect

from tests.browser.axe import violations
from tests.browser.buyer import LOOK_EVERY_S, WAKE_S, Buyer
from tests.browser.conftest import BuyerAt
from tests.browser.hands import press
from tests.browser.office import Office
from tests.browser.street import Street
from vendomat.simulator.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

SLOT, BEFORE, AFTER, LATE = "C4", "6.00", "6.20", "6.40"
AHEAD_S = 15
"""Time enough to look at what waits."""


async def _look_again(page: Page) -> None:
    """Come back to the tab: what others did is asked for at once, else within ten seconds."""
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def _look_until_as_wanted(page: Page) -> None:
    """The machine says with its next heartbeat what it shows."""
    async with asyncio.timeout(WAKE_S):
        while await page.get_by_test_id("shown-state").get_attribute("data-state") != "as_wanted":
            await asyncio.sleep(1)
            await _look_again(page)


async def _reprice(page: Page, price: str) -> None:
    await page.get_by_test_id(f"plan-{SLOT}").click()
    await page.get_by_test_id("slot-price").fill(price)
    await expect(page.get_by_test_id(f"plan-{SLOT}")).to_have_attribute("data-change", "changed")


async def _publish(page: Page, in_s: int | None = None) -> None:
    """Now, or by itself in so many seconds."""
    await press(page, "publish")
    change = page.get_by_test_id("publish-dialog").get_by_test_id(f"change-{SLOT}")
    await expect(change).to_be_visible()
    if in_s is not None:
        await page.get_by_test_id("publish-dialog").locator("label").filter(has=page.locator("[value=later]")).click()
        await expect(page.get_by_test_id("publish-now")).to_be_disabled()
    assert await violations(page) == []
    if in_s is not None:
        then = datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(seconds=in_s)
        await page.get_by_test_id("when-at").fill(then.strftime("%Y-%m-%dT%H:%M:%S"))
    await press(page, "publish-now")
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
    street: Street, town: Town, buyer_at: BuyerAt
) -> None:
    """One of the two works in English at a desk, the other in Chinese on a phone."""
    machine = town.record.machines[0]
    buyer = await buyer_at(0)
    await _shows(buyer, BEFORE)
    office = Office(await street.open(town.console_url, size="desk", locale="en-US"), town)
    colleague = Office(await street.open(town.console_url, size="phone", locale="zh-CN"), town)
    await office.sign_in()
    await colleague.sign_in()
    page = office.page
    for one in (page, colleague.page):
        await one.goto(f"{town.console_url}planograms/{machine.machine_id}")
        await expect(one.get_by_test_id("shown-state")).to_be_visible()
    await _reprice(colleague.page, LATE)

    await _reprice(page, AFTER)
    await _publish(page)
    await expect(page.get_by_test_id("plan-version")).to_be_visible()
    await _shows(buyer, AFTER)
    await _look_until_as_wanted(page)

    await colleague.at("save-draft").click()
    await expect(colleague.at("goods-failure")).to_have_attribute("data-code", "version_stale")
    await colleague.at("reload").click()
    await expect(colleague.at("goods-failure")).to_have_count(0)
    await expect(colleague.at(f"plan-price-{SLOT}")).to_contain_text(LATE)  # nothing typed was lost
    await press(colleague.page, "save-draft")
    await expect(colleague.at("has-draft")).to_be_visible()
    await _look_again(page)
    await expect(page.get_by_test_id(f"plan-price-{SLOT}")).to_contain_text(LATE)  # and the others see the draft
    await _shows(buyer, AFTER)

    await _reprice(colleague.page, BEFORE)
    await _publish(colleague.page, AHEAD_S)
    await expect(colleague.at("due")).to_be_visible()
    await _look_again(page)
    await expect(page.get_by_test_id("due")).to_be_visible()
    await page.goto(f"{town.console_url}planograms?state=due")
    row = page.get_by_test_id(f"planogram-{machine.number}")
    await expect(row).to_have_count(1)
    assert await violations(page) == []
    await _shows(buyer, BEFORE)
    await _look_again(page)
    await expect(row).to_have_count(0)
    await page.goto(f"{town.console_url}planograms?state=differs")
    await expect(page.get_by_test_id("planograms")).to_be_visible()
    await expect(page.get_by_test_id(re.compile(r"^planogram-"))).to_have_count(0)
    await _expect_said(page, town, machine.machine_id)
    assert await violations(colleague.page) == []


async def _expect_said(page: Page, town: Town, machine_id: str) -> None:
    """The change log has the moment and what was published then, newest first."""
    await page.goto(f"{town.console_url}audit?what=planogram")
    for action in ("planogram.published", "planogram.put_off"):
        change = page.locator(f"[data-action='{action}']").first
        await change.locator("summary").click()
        before, after = (
            change.locator("[data-field='slots'] td").nth(0),
            change.locator("[data-field='slots'] td").nth(1),
        )
        await expect(before).to_contain_text(AFTER.replace(".", ""))
        await expect(after).to_contain_text(BEFORE.replace(".", ""))
        await expect(change).to_contain_text(machine_id)
    assert await violations(page) == []
