"""The books of a month: a bill of 50,000 rows out of a file, what it does not explain, the close, and its file."""

from __future__ import annotations

import re
import zipfile
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.axe import violations
from tests.browser.books_stage import PRICE_FEN, ROWS, SALES, BooksStage, open_books_stage
from tests.browser.street import Street
from tests.cloud.conftest import database_url, postgres
from tests.cloud.shop_stage import PASSWORD
from vendomat.cloud.app.http import CONSOLE_FOLDER

__all__ = ["database_url", "postgres"]
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

SECOND_PRESS_MS = 400
GROSS = f"{SALES * PRICE_FEN / 100:,.2f}"
ITEM = re.compile(r"^item-rci_")


@pytest_asyncio.fixture(loop_scope="session")
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[BooksStage]:
    if not (CONSOLE_FOLDER / "index.html").is_file():
        pytest.skip("the console is not built: run tools/build_web.py")
    async with open_books_stage(database_url, tmp_path) as opened:
        yield opened


async def test_a_month_is_closed_once_its_bills_are_explained(stage: BooksStage, street: Street) -> None:
    page = await street.open(stage.url, size="phone", locale="zh-CN")
    await page.get_by_test_id("sign-in-email").fill(stage.shop.seeded.email)
    await page.get_by_test_id("sign-in-password").fill(PASSWORD)
    await page.get_by_test_id("sign-in").click()
    await expect(page.get_by_test_id("kpi-sales")).to_be_visible()
    await page.goto(f"{stage.url}reconciliation")
    await page.get_by_test_id(f"recon-day-{stage.place.day}").get_by_role("link").first.click()

    await give(page, stage.other_day)
    await expect(page.get_by_test_id("bill-refused")).to_contain_text("其他日期")
    await expect(page.get_by_test_id("bill-trade")).to_have_attribute("data-state", "none")
    await give(page, stage.trades)
    await expect(page.get_by_test_id("bill-progress")).to_contain_text(re.compile(r"正在(读取|核对).*[0-9,]+ 行"))
    await expect(page.get_by_test_id("bill-trade")).to_contain_text(f"{ROWS:,}")
    await give(page, stage.funds)
    await expect(page.get_by_test_id("bill-fund_flow")).to_have_attribute("data-state", "kept")

    await expect(page.get_by_test_id(ITEM)).to_have_count(2)
    for left in (1, 0):
        item = page.get_by_test_id(ITEM).and_(page.locator("[data-state=open]")).first
        await expect(item).to_contain_text("12.00")
        await expect(item).to_contain_text(re.compile(r"4200000000000000000000\d{6}"))
        await item.get_by_test_id("say-explained").click()
        await page.get_by_test_id("reason").fill("the till of the other shop")
        await page.wait_for_timeout(SECOND_PRESS_MS)
        await page.get_by_test_id("reason-send").click()
        await expect(page.get_by_test_id(ITEM).and_(page.locator("[data-state=open]"))).to_have_count(left)
    await expect(page.get_by_test_id("give-bill")).to_have_count(0)
    await expect(page.get_by_test_id("fetch-bills")).to_have_count(0)  # the day is closed
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    assert await violations(page) == []

    await page.goto(f"{stage.url}months")
    await page.get_by_test_id("close-month").click()
    await page.wait_for_timeout(SECOND_PRESS_MS)
    await page.get_by_test_id("close-yes").click()
    await expect(page.get_by_test_id("closed-month")).to_contain_text(GROSS)
    assert await violations(page) == []
    await page.goto(f"{stage.url}sales?first={stage.month}-01&last={stage.place.day}&by=day")
    await expect(page.get_by_role("main")).to_contain_text(GROSS)
    assert await violations(page) == []
    async with page.expect_download() as downloading:
        await page.get_by_test_id("sales-xlsx").click()
    assert gross_of(await (await downloading.value).path()) == Decimal(SALES * PRICE_FEN) / 100


async def give(page: Page, file: Path) -> None:
    await page.get_by_test_id("give-bill").click()
    await page.get_by_test_id("bill-file").set_input_files(file)
    await page.wait_for_timeout(SECOND_PRESS_MS)
    await page.get_by_test_id("give-now").click()
    await expect(page.get_by_test_id("give-dialog")).to_have_count(0)


def gross_of(path: Path) -> Decimal:
    """What the file's column of gross sales adds up to."""
    sheet = zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml").decode()
    return sum((Decimal(found) for found in re.findall(r'<c r="E\d+"[^>]*><v>([\d.]+)</v>', sheet)), Decimal(0))
