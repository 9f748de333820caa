"""Every page before axe: the console's and the reference's on desk and phone; the kiosk's, a member's, a buyer's.

A page is opened once and seen twice: on a desk by day and on a phone by night.
"""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import BuyerAt
from tests.browser.office import Office
from tests.browser.street import SIZES, Street
from tests.browser.test_member_wallet import link_of
from vendomat.simulator.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

CONSOLE = (
    *("", "machines", "orders", "sales", "ranking", "alarms", "claims", "doubts", "products", "planograms", "codes"),
    *("promotions", "members", "statements", "months", "sites", "reconciliation", "notifications", "ways", "people"),
    *("machines?view=map", "audit", "settlement", "account", "no-such-page"),
)
SETTLED_MS = 400
TURNED_MS = 150  # a page that is there already has only its layout and colours to change


async def faults(page: Page, name: str, *, settled_ms: int = SETTLED_MS) -> list[str]:
    await page.wait_for_timeout(settled_ms)
    return [f"{name}: {one}" for one in await violations(page)]


async def faults_of_both_looks(page: Page, name: str) -> list[str]:
    """As `page` stands now, by day; then turned into a phone's by night, and into a desk's again."""
    found = await faults(page, f"{name}, by day")
    await _turn(page, "phone", is_dark=True)
    found += await faults(page, f"{name}, phone by night", settled_ms=TURNED_MS)
    await _turn(page, "desk", is_dark=False)
    return found


async def _turn(page: Page, size: str, *, is_dark: bool) -> None:
    width, height = SIZES[size]
    await page.emulate_media(color_scheme="dark" if is_dark else "light", reduced_motion="reduce")
    await page.set_viewport_size({"width": width, "height": height})


def home_of(town: Town) -> str:
    return town.console_url.removesuffix("/console/")


async def first_link(page: Page, start: str) -> str:
    """Where the first link that begins so leads."""
    found: str | None = await page.locator(f"main a[href*='{start}']").first.get_attribute("href")
    assert found is not None
    return found


async def test_the_consoles_pages(town: Town, street: Street) -> None:
    page = await street.open(town.console_url, size="desk", locale="en-US")
    found = await faults_of_both_looks(page, "sign-in")
    await Office(page, town).sign_in()
    paths = list(CONSOLE)
    for list_page, start in (("machines", "/machines/"), ("orders", "/orders/"), ("products", "/products/")):
        await page.goto(f"{town.console_url}{list_page}")
        await page.wait_for_timeout(SETTLED_MS)
        if await page.locator(f"main a[href*='{start}']").count():
            paths.append((await first_link(page, start)).partition("/console/")[2])
    paths.append(f"planograms/{town.record.machines[0].machine_id}")
    for path in paths:
        await page.goto(f"{town.console_url}{path}")
        await expect(page.locator("h1").first).to_be_visible()
        found += await faults_of_both_looks(page, path or "today")
    await page.goto(town.console_url)
    await page.get_by_test_id("account").first.click()
    await expect(page.get_by_test_id("account-dialog")).to_be_visible()
    found += await faults_of_both_looks(page, "account dialog")
    assert found == [], "\n".join(found)


async def test_the_kiosks_pages(buyer_at: BuyerAt) -> None:
    buyer = await buyer_at(0)
    found = await faults(buyer.page, "attract")
    await buyer.wake()
    found += await faults(buyer.page, "products")
    await buyer.choose("B1")
    found += await faults(buyer.page, "chosen")
    await buyer.ask_for_code("wechat")
    found += await faults(buyer.page, "code")
    assert found == [], "\n".join(found)


async def test_a_members_page_and_a_buyers_page(office: Office, street: Street, town: Town) -> None:
    link, found = await link_of(office, town, "Zoe"), []
    member = await street.open(link, size="phone", locale="en-US")
    await expect(member.get_by_test_id("balance")).to_be_visible()
    found += await faults_of_both_looks(member, "member")
    finding = await street.open(f"{home_of(town)}/order/", size="phone", locale="en-US")
    found += await faults_of_both_looks(finding, "order")
    assert found == [], "\n".join(found)


async def test_the_references_pages(street: Street, town: Town) -> None:
    page = await street.open(f"{home_of(town)}/reference/#refunds.give", size="desk", locale="en-US")
    operation = page.get_by_test_id("operation-refunds.give")
    await expect(operation.get_by_test_id("permission")).to_have_text("refund.ask")
    found = await faults_of_both_looks(page, "an operation")
    await page.get_by_test_id("search").fill("release refund")
    await expect(page.get_by_test_id("operation-refunds.release")).to_be_visible()
    await expect(page.get_by_test_id("operation-orders.list")).to_have_count(0)
    found += await faults_of_both_looks(page, "found")
    await page.get_by_test_id("search").fill("no such thing")
    await expect(page.get_by_test_id("nothing")).to_be_visible()
    await page.get_by_test_id("language").click()
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    found += await faults_of_both_looks(page, "nothing found")
    assert found == [], "\n".join(found)
