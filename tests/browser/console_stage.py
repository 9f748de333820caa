"""A town with a console to look at, and a browser that sees nothing but that town.

Every request that leaves the console's own address is a fault, and so is every error the page reports.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright

from vendomat.kernel import SystemClock, TimeOrderedIds
from vendomat.simulator.town import Town, TownPlan
from vendomat.simulator.town.shopper import Shopper, Story

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
HURRIED_CLOUD = {"qr_s": "5", "deadline_s": "10", "silence_s": "6", "payment_poll_first_s": "2"}
HURRIED_PLATFORMS = ("--order-life-min", "5", "--refund-delay", "1")
PATIENCE_MS = 10_000
DESK = (1440, 900)
PHONE = (390, 844)


def find_browser() -> str | None:
    """Where a Chromium is, None when there is none."""
    found = (shutil.which(name) for name in BROWSERS)
    return next((where for where in found if where is not None), None)


@dataclass
class Visit:
    """One person's page. `faults` gathers requests that went elsewhere and errors of the page."""

    page: Page
    faults: list[str] = field(default_factory=list)


class ConsoleStage:
    """The town, a browser, and one buyer per machine."""

    def __init__(self, town: Town, browser: Browser) -> None:
        self.town = town
        self._browser = browser
        clock = SystemClock()
        self._shoppers = [
            Shopper(
                town.kiosk_url(machine),
                town.control,
                town.terminals[machine.machine_id].kill,
                clock=clock,
                ids=TimeOrderedIds(clock),
                chance=random.Random(index),
            )
            for index, machine in enumerate(town.record.machines)
        ]

    async def buy(self, machine: int, story: Story) -> str:
        return await self._shoppers[machine].buy(story)

    @asynccontextmanager
    async def visit(self, locale: str = "en-GB", size: tuple[int, int] = DESK) -> AsyncIterator[Visit]:
        """A fresh browser profile with the console open at its sign-in."""
        context = await self._browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale=locale, timezone_id="Asia/Shanghai"
        )
        context.set_default_timeout(PATIENCE_MS)
        visit = Visit(await context.new_page())
        await _watch(context, visit, self.town.console_url.removesuffix("/console/"))
        try:
            await visit.page.goto(self.town.console_url)
            yield visit
        finally:
            await context.close()

    async def sign_in(self, page: Page, password: str | None = None) -> None:
        record = self.town.record
        await page.get_by_test_id("sign-in-email").fill(record.email)
        await page.get_by_test_id("sign-in-password").fill(record.password if password is None else password)
        await page.get_by_test_id("sign-in").click()

    async def aclose(self) -> None:
        for shopper in self._shoppers:
            await shopper.aclose()


async def _watch(context: BrowserContext, visit: Visit, origin: str) -> None:
    async def only_ours(route: Route) -> None:
        if route.request.url.startswith(origin + "/"):
            await route.continue_()
        else:
            visit.faults.append(f"outside request: {route.request.url}")
            await route.abort()

    await context.route("**/*", only_ours)
    visit.page.on("pageerror", lambda error: visit.faults.append(f"page error: {error}"))


@asynccontextmanager
async def open_stage(folder: Path, browser_path: str) -> AsyncIterator[ConsoleStage]:
    """Two machines, their cloud and platforms, and a browser."""
    plan = TownPlan(folder, machines=2, speed=10.0, cloud=HURRIED_CLOUD, gateways=HURRIED_PLATFORMS)
    async with Town.open(plan) as town, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        stage = ConsoleStage(town, browser)
        try:
            yield stage
        finally:
            await stage.aclose()
            await browser.close()
