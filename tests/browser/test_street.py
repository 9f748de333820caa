"""The guard itself: a page that asks another address is refused and counted."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser

from tests.browser.street import Street, is_home
from vendomat.simulator.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def test_a_page_that_asks_elsewhere_is_refused_and_counted(browser: Browser, town: Town) -> None:
    street = Street(browser)
    page = await street.open(f"{town.kiosk_url(town.record.machines[0])}/")
    refused = "address => fetch(address).then(() => 'reached', () => 'refused')"
    assert await page.evaluate(refused, "http://192.0.2.1/a.js") == "refused"
    await page.evaluate(
        "() => { new WebSocket('ws://192.0.2.1/b'); setTimeout(() => { throw new Error('broken'); }); }"
    )
    async with asyncio.timeout(20):
        while len(street.strayed) < 2 or not street.failures:
            await page.wait_for_timeout(50)
    await street.aclose()
    assert street.strayed == ["http://192.0.2.1/a.js", "ws://192.0.2.1/b"]
    assert street.failures == ["broken"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:80/", True),
        ("wss://127.0.0.1/events", True),
        ("data:image/png;base64,", True),
        ("http://127.0.0.10/", False),
        ("http://example/?http://127.0.0.1/", False),
        ("http://localhost:80/", True),
        ("http://localhost.example/", False),
        ("http://localhost@example/", False),
        ("http://127.0.0.1.example/", False),
        ("http://127.0.0.1@example/", False),
        ("http://127.0.0.1:80@example/", False),
        ("https://cdn.example/127.0.0.1", False),
    ],
)
async def test_home_is_this_machine(url: str, expected: bool) -> None:
    assert is_home(url) is expected
