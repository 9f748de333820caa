"""A town with a console to look at, and a browser that sees nothing but that town.

Every request that leaves the console's own address is a fault, and so is every error the page reports.
"""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Browser, BrowserContext, Page, Route

from vendomat.kernel import SystemClock, TimeOrderedIds
from vendomat.simulator.town import Town
from vendomat.simulator.town.shopper import Shopper, Story

SECOND_PRESS_MS = 400  # a button takes no second press within 350 ms

PATIENCE_MS = 30_000
DESK = (1440, 900)
PHONE = (390, 844)


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
            viewport={"width": size[0], "height": size[1]},
            locale=locale,
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
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
        await page.wait_for_timeout(SECOND_PRESS_MS)
        await page.get_by_test_id("sign-in").click()

    async def aclose(self) -> None:
        for shopper in self._shoppers:
            await shopper.aclose()


async def _watch(context: BrowserContext, visit: Visit, origin: str) -> None:
    async def refuse(route: Route) -> None:
        visit.faults.append(f"outside request: {route.request.url}")
        await route.abort()

    await context.route(re.compile(rf"^(?!{re.escape(origin)}/)"), refuse)
    visit.page.on("pageerror", lambda error: visit.faults.append(f"page error: {error}"))
