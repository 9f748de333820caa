"""One town and one browser for all journeys; one street per journey, which must end with nothing strayed or failed.

A town takes its time to start, so everybody shares one: the console's journeys come first (by name), to a town where
nothing has happened yet; the kiosks' journeys leave closed slots and open alarms behind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.browser.buyer import Buyer, Machine
from tests.browser.office import Office
from tests.browser.street import FLAGS, PATIENCE_MS, Street
from tools.ensure_browser import ADVICE, find_browser
from vendomat.cloud.platform.engines import THROWN_AWAY
from vendomat.simulator.town import Town, TownPlan

BuyerAt = Callable[[int], Awaitable[Buyer]]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    where = find_browser()
    if where is None:
        pytest.skip(ADVICE)
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=where, args=list(FLAGS))
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def town(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Two machines, five times faster than life. Asked for after the browser: without one, nothing is started."""
    async with Town.open(
        TownPlan(
            tmp_path_factory.mktemp("town"),
            machines=2,
            speed=5.0,
            cloud={"notify_private": "1"},
            database=THROWN_AWAY,
        )
    ) as town:
        yield town


@pytest_asyncio.fixture(loop_scope="session")
async def street(browser: Browser) -> AsyncIterator[Street]:
    street = Street(browser)
    yield street
    await street.aclose()
    assert street.strayed == []
    assert street.failures == []


@pytest_asyncio.fixture(loop_scope="session")
async def buyer_at(town: Town, street: Street) -> AsyncIterator[BuyerAt]:
    """`await buyer_at(0)`: somebody in front of the first machine. Leaves no sale behind for the next one."""
    machines: list[Machine] = []

    async def come(index: int) -> Buyer:
        machine = town.record.machines[index]
        machines.append(Machine(town, machine, await street.open(f"{town.kiosk_url(machine)}/")))
        return Buyer(machines[-1])

    yield come
    for machine in machines:
        for button in ("cancel", "done"):
            await machine.page.request.post(
                f"{machine.url}/api/order/{button}", data={}, headers={"Origin": machine.url}
            )


@pytest_asyncio.fixture(loop_scope="session")
async def office(town: Town, street: Street) -> Office:
    return Office(await street.open(town.console_url, size="desk", locale="en-US"), town)
