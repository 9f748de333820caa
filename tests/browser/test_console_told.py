"""A jam is a row in front of two people and a message at their endpoint; mended by one, it is gone for both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.console_stage import ConsoleStage
from tests.cloud.alarms.sinks import webhook
from vendomat.cloud.app.http import CONSOLE_FOLDER
from vendomat.simulator.town import Town
from vendomat.simulator.town.shopper import Story

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

TOLD_WITHIN_S = 5.0
"""From the motor's end in the machine to the row on both pages, and to the message at the endpoint."""


def motor_ended_at(town: Town) -> datetime:
    """When the newest run of the first machine's motors ended, by the cabinet's own log."""
    log = (town.machine_folder(town.record.machines[0]) / "cabinet.jsonl").read_text()
    ends = [json.loads(line)["at"] for line in log.splitlines() if json.loads(line)["what"] == "end"]
    return datetime.fromisoformat(ends[-1])


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
        causes = [one.page.get_by_test_id("attention").get_by_test_id("cause-vend_failed") for one in (here, there)]

        async def seen(cause: Locator) -> datetime:
            await expect(cause).to_have_count(1, timeout=60_000)
            return datetime.now(UTC)

        async def told() -> datetime:
            await sink.wait(1)
            return datetime.now(UTC)

        watching = [asyncio.create_task(one) for one in (*(seen(cause) for cause in causes), told())]
        bought = await stage.buy(0, Story.JAM)
        *seen_at, told_at = await asyncio.gather(*watching)
        assert bought == "not_delivered"
        failed_at = motor_ended_at(stage.town)
        seen_s, told_s = ((at - failed_at).total_seconds() for at in (max(seen_at), told_at))
        record_property("row_in_both_s", round(seen_s, 1))
        record_property("message_at_endpoint_s", round(told_s, 1))
        assert max(seen_s, told_s) <= TOLD_WITHIN_S, (seen_s, told_s)
        assert stage.town.record.machines[0].number in sink.took[0]["title"]

        await causes[0].get_by_test_id("fix-reopen_slot").click()
        await here.page.get_by_test_id("reopen-yes").click()
        for cause in causes:
            await expect(cause).to_have_count(0)
        await here.page.goto(f"{stage.town.console_url}notifications")
        await here.page.get_by_test_id("channel-Duty").get_by_test_id("channel-switch").click()
        assert here.faults == there.faults == []
