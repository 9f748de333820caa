"""A jam is a row in front of two people and a message at their endpoint; mended by one, it is gone for both."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.console_stage import ConsoleStage
from tests.cloud.alarms.sinks import webhook
from vendomat.cloud.app.http import CONSOLE_FOLDER
from vendomat.simulator.town import Town
from vendomat.simulator.town.shopper import Story

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(browser: Browser, town: Town) -> AsyncIterator[ConsoleStage]:
    if not (CONSOLE_FOLDER / "index.html").is_file():
        pytest.skip("the console is not built: run tools/build_web.py")
    stage = ConsoleStage(town, browser)
    yield stage
    await stage.aclose()


async def add_webhook(stage: ConsoleStage, page: Page, port: int) -> None:
    await page.goto(f"{stage.town.console_url}notifications")
    await page.get_by_test_id("add-channel").click()
    await page.get_by_test_id("channel-name").fill("Duty")
    await page.get_by_test_id("channel-scheme").select_option("json")
    await page.get_by_test_id("channel-endpoint").fill(f"json://127.0.0.1:{port}/alarms")
    await page.get_by_test_id("channel-save").click()
    await expect(page.get_by_test_id("channel-Duty")).to_be_visible()


async def test_a_jam_reaches_two_pages_and_an_endpoint_and_its_fix_takes_it_off_both(
    stage: ConsoleStage, record_property: Callable[[str, object], None]
) -> None:
    async with webhook() as sink, stage.visit("en-GB") as here, stage.visit("zh-CN") as there:
        await stage.sign_in(here.page)
        await expect(here.page.get_by_test_id("attention")).to_be_visible()
        await add_webhook(stage, here.page, sink.port)
        await here.page.goto(stage.town.console_url)
        await stage.sign_in(there.page)
        await expect(there.page.get_by_test_id("attention")).to_be_visible()
        assert await stage.buy(0, Story.JAM) == "not_delivered"
        began = time.monotonic()
        causes = [one.page.get_by_test_id("attention").get_by_test_id("cause-vend_failed") for one in (here, there)]
        for cause in causes:
            await expect(cause).to_have_count(1)
        record_property("row_in_both_s", round(time.monotonic() - began, 1))
        message = (await sink.wait(1))[0]
        record_property("message_at_endpoint_s", round(time.monotonic() - began, 1))
        assert stage.town.record.machines[0].number in message["title"]

        await causes[0].get_by_test_id("fix-reopen_slot").click()
        await here.page.get_by_test_id("reopen-yes").click()
        for cause in causes:
            await expect(cause).to_have_count(0)
        await here.page.goto(f"{stage.town.console_url}notifications")
        await here.page.get_by_test_id("channel-Duty").get_by_test_id("channel-switch").click()
        assert here.faults == there.faults == []
