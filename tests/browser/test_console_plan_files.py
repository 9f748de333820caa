"""A plan comes out of a file: tried, taken as a draft, and not sold before somebody publishes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.axe import violations
from tests.browser.doubt_stage import DoubtStage
from tests.browser.hands import press
from tests.browser.street import Street
from tests.browser.test_console_doubts import sign_in
from tests.browser.test_console_people import stage
from tests.cloud.conftest import database_url, postgres

__all__ = ["database_url", "postgres", "stage"]
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

LINES = "machine,slot,sku,price,capacity\nSH-001,A1,cola,4.50,8\nSH-002,A1,absinthe,9,8\n"


@pytest.mark.parametrize(("locale", "size"), [("en-US", "desk"), ("zh-CN", "phone")])
async def test_the_good_machine_of_a_file_is_drafted(
    stage: DoubtStage, street: Street, tmp_path: Path, locale: str, size: str
) -> None:
    given = tmp_path / "plans.csv"
    given.write_text(LINES, encoding="utf-8")
    page = await street.open(stage.url, size=size, locale=locale)
    await sign_in(stage, page)
    await page.goto(f"{stage.url}planograms")
    async with page.expect_download() as downloading:
        await page.get_by_test_id("export-planograms-xlsx").click()
    assert (await (await downloading.value).path()).read_bytes().startswith(b"PK")
    await press(page, "import-planograms")
    await page.get_by_test_id("import-file").set_input_files(given)
    await expect(page.get_by_test_id("import-dialog")).to_contain_text("absinthe")
    assert await violations(page) == []
    await press(page, "import-now")
    await expect(page.get_by_test_id("import-dialog")).to_have_count(0)
    await expect(page.get_by_test_id("planogram-SH-001")).to_be_visible()
    await expect(page.get_by_test_id("planogram-SH-002")).to_have_count(0)
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
