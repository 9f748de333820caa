"""A machine's page: how it is now, how it was, what a person does to its stock, and an alarm when it grows warm."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.console_stage import PHONE, ConsoleStage
from tests.browser.hands import press
from vendomat.cloud.app.http import CONSOLE_FOLDER
from vendomat.simulator.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(browser: Browser, town: Town) -> AsyncIterator[ConsoleStage]:
    if not (CONSOLE_FOLDER / "index.html").is_file():
        pytest.skip("the console is not built: run tools/build_web.py")
    stage = ConsoleStage(town, browser)
    await sample(town)
    yield stage
    await stage.aclose()


async def sample(town: Town) -> None:
    """A day and a half of samples of the first machine, with an hour in which nobody looked."""
    connection = await asyncpg.connect(town.engines.database_url)
    try:
        await connection.execute("SET ROLE vendomat_hot")
        now = datetime.now(UTC)
        for back in (0, 1):
            day = (now - timedelta(days=back)).date()
            steps = 144 if back else max(1, (now.hour * 60 + now.minute) // 10)
            warmth = [None if step % 60 < 6 else 50 + 10 * (step % 3) for step in range(steps)]
            heard = [None if step % 60 < 6 else 100 - 5 * (step % 4) for step in range(steps)]
            await connection.execute(
                "INSERT INTO machine_day VALUES ($1, $2, $3, $4, $5) ON CONFLICT (merchant_id, machine_id, day) "
                "DO UPDATE SET decidegrees = excluded.decidegrees, heard_percent = excluded.heard_percent",
                town.record.merchant_id,
                town.record.machines[0].machine_id,
                day,
                warmth,
                heard,
            )
    finally:
        await connection.close()


async def set_cooling(town: Town, *, is_broken: bool) -> None:
    kiosk = town.kiosk_url(town.record.machines[0])
    async with httpx.AsyncClient(headers={"Origin": kiosk}) as tester:
        body = {"slot": "*", "fault": "cooling", "is_on": is_broken}
        assert (await tester.post(f"{kiosk}/sim/fault", json=body)).status_code < 300


async def arrive(stage: ConsoleStage, page: Page) -> None:
    await stage.sign_in(page)
    await expect(page.get_by_test_id("attention")).to_be_visible()


async def open_machine(stage: ConsoleStage, page: Page) -> None:
    await page.goto(f"{stage.town.console_url}machines/{stage.town.record.machines[0].machine_id}")
    await expect(page.get_by_test_id("tiles")).to_be_visible()


async def test_a_machine_says_how_it_is_and_how_it_was(stage: ConsoleStage) -> None:
    async with stage.visit() as visit:
        page = visit.page
        await arrive(stage, page)
        await open_machine(stage, page)
        tile = page.get_by_test_id
        await expect(tile("tile-door")).to_contain_text("Shut")
        await expect(tile("tile-temperature")).to_have_attribute("data-tone", "ok")
        await expect(tile("tile-temperature")).to_contain_text("wanted 2 to 8 °C")
        await expect(tile("tile-change")).to_contain_text("¥80.00")
        await expect(tile("tile-signal")).to_contain_text("-71 dBm")
        await expect(tile("tile-program")).to_contain_text("protocol 1")
        for curve in ("temperature", "heard", "sales"):
            await expect(page.get_by_test_id(f"curve-{curve}").locator("canvas")).to_be_visible()
        await page.get_by_test_id("curve-table-open").click()
        rows = page.get_by_test_id("curve-table").locator("tbody tr")
        assert 20 <= await rows.count() <= 24  # hours in which nobody looked at all are left out
        await expect(rows.first).to_contain_text("°C")
        await page.get_by_text("7 days", exact=True).click()
        await expect(page.get_by_test_id("curve-temperature").locator("canvas")).to_be_visible()
        assert visit.faults == []


async def test_slots_are_emptied_counted_and_filled_by_hand(stage: ConsoleStage) -> None:
    async with stage.visit(size=PHONE) as visit:
        page = visit.page
        await arrive(stage, page)
        await open_machine(stage, page)
        slot = page.get_by_test_id("slot-C4")
        for deed, pieces, said in (("Counted", "4", "4 of"), ("Filled", "2", "6 of"), ("Taken out", "1", "5 of")):
            await press(page, "stock")
            await page.get_by_text(deed, exact=True).click()
            await page.get_by_test_id("stock-C4").fill(pieces)
            if deed == "Taken out":
                await expect(page.get_by_test_id("stock-go")).to_be_disabled()
                await page.get_by_test_id("stock-reason").fill("dented")
            await press(page, "stock-go")
            await expect(page.get_by_test_id("stock-dialog")).to_have_count(0)
            await expect(slot).to_contain_text(said)
        events = page.get_by_test_id("events")
        for kind in ("stock.counted", "stock.filled", "stock.removed"):
            await expect(events.locator(f"[data-kind='{kind}']").first).to_be_visible()
        await expect(events.locator("[data-kind='stock.removed']").first).to_contain_text("dented")
        await events.get_by_text("Starts", exact=True).click()
        await expect(events.locator("[data-source='start']").first).to_be_visible()
        await expect(events.locator("[data-source='change']")).to_have_count(0)
        assert visit.faults == []


async def test_machines_are_tagged_together_and_found_by_their_tag(stage: ConsoleStage) -> None:
    numbers = [machine.number for machine in stage.town.record.machines]
    async with stage.visit() as visit:
        page = visit.page
        await arrive(stage, page)
        await page.goto(f"{stage.town.console_url}machines")
        await press(page, "tag-machines")
        await page.get_by_test_id("tags-add").fill("route 7, north")
        await page.get_by_test_id(f"chosen-{numbers[0]}").uncheck()
        await press(page, "tags-save")
        await expect(page.get_by_test_id("tag-dialog")).to_have_count(0)
        await page.get_by_test_id("tag-filter").select_option("route 7")
        await expect(page.get_by_test_id(f"machine-{numbers[1]}")).to_be_visible()
        await expect(page.get_by_test_id(f"machine-{numbers[0]}")).to_have_count(0)
        await press(page, "tag-machines")
        for tag in ("route 7", "north"):
            await page.get_by_test_id(f"untag-{tag}").check()
        await press(page, "tags-save")
        await expect(page.get_by_test_id("tag-filter").locator("option", has_text="route 7")).to_have_count(0)
        assert visit.faults == []


async def test_a_machine_that_grows_warm_needs_attention(stage: ConsoleStage) -> None:
    async with stage.visit() as visit:
        page = visit.page
        await arrive(stage, page)
        await open_machine(stage, page)
        await page.get_by_test_id("climate").click()
        await page.get_by_test_id("climate-low").fill("9")
        await expect(page.get_by_test_id("climate-save")).to_be_disabled()
        await page.get_by_test_id("climate-low").fill("2")
        await page.get_by_test_id("climate-after").fill("0")
        await page.get_by_test_id("climate-save").click()
        await set_cooling(stage.town, is_broken=True)
        try:
            await expect(page.get_by_test_id("tile-temperature")).to_have_attribute("data-tone", "crit", timeout=60_000)
            await page.goto(stage.town.console_url)
            row = page.get_by_test_id("attention").get_by_test_id("cause-machine.temperature")
            await expect(row).to_have_count(1)
            await expect(row).to_contain_text("2 … 8 °C")
        finally:
            await set_cooling(stage.town, is_broken=False)
        assert visit.faults == []
