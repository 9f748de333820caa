"""Takes the README's pictures: starts a small town, buys in it with a real browser, and keeps what the pages show.

`python -m tools.take_pictures [--locale zh-CN]`. Writes `docs/images/*.png`, each below 250 kB, and touches nothing
else; the town lives in a temporary folder and ends with the command.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.buyer import Buyer, Machine
from tests.browser.office import Office
from tests.browser.street import FLAGS, PATIENCE_MS
from tools.ensure_browser import ADVICE, find_browser
from vendomat.kernel import SystemClock, TimeOrderedIds
from vendomat.simulator.town import Town, TownPlan
from vendomat.simulator.town.shopper import Shopper, Story

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"
BYTES_MAX = 250_000
STORIES = {
    1: (Story.GOOD, Story.JAM, Story.GOOD),
    2: (Story.GOOD, Story.GOOD, Story.PAYS_TWICE),
    3: (Story.GOOD, Story.GOOD, Story.NOTICE_LOST, Story.GOOD),
}
HURRIED = {"qr_s": "60", "payment_poll_first_s": "2"}
KIOSK_SCALE = 0.5
CALM_MS = 900


async def take(town: Town, browser: Browser, locale: str) -> None:
    """All pictures, one after the other."""
    buyer = await _buyer(town, browser, locale)
    await buyer.wake()
    await buyer.choose("A1", "B3")
    await _keep(buyer.page, "kiosk")
    await buyer.ask_for_code("wechat")
    await _keep(buyer.page, "kiosk-pay")
    wallet = await buyer.open_wallet()
    await _keep(wallet, "wallet")
    await wallet.close()
    await buyer.at("cancel").click()
    await buyer.wake()
    await buyer.machine.fault("B3", "jam")
    await buyer.ask_for_code("wechat")
    await buyer.pay()
    await buyer.expect_result("partly")
    await buyer.expect_refund("refunding")
    await _keep(buyer.page, "kiosk-refund")
    await buyer.expect_refund("refunded")
    await _trade(town)
    await _keep(await _console(town, browser, locale), "console")


async def _buyer(town: Town, browser: Browser, locale: str) -> Buyer:
    context = await browser.new_context(
        viewport={"width": 1080, "height": 1920}, device_scale_factor=KIOSK_SCALE, locale=locale
    )
    machine = town.record.machines[0]
    page = await context.new_page()
    await page.goto(f"{town.kiosk_url(machine)}/")
    buyer = Buyer(Machine(town, machine, page))
    await buyer.wake()
    if not locale.startswith("zh"):
        await buyer.at("language").click()
    return buyer


async def _trade(town: Town) -> None:
    """Some custom at the other machines, for a console that has something to show."""
    clock = SystemClock()

    async def at(index: int) -> None:
        machine = town.record.machines[index]
        shopper = Shopper(
            town.kiosk_url(machine),
            town.control,
            town.terminals[machine.machine_id].kill,
            clock=clock,
            ids=TimeOrderedIds(clock),
            chance=random.Random(index),
        )
        for story in STORIES[index]:
            await shopper.buy(story)
        await shopper.aclose()

    await asyncio.gather(*(at(index) for index in STORIES))


async def _console(town: Town, browser: Browser, locale: str) -> Page:
    context = await browser.new_context(
        viewport={"width": 1280, "height": 860}, locale=locale, timezone_id="Asia/Shanghai"
    )
    page = await context.new_page()
    await page.goto(town.console_url)
    await Office(page, town).sign_in()
    await expect(page.get_by_test_id("last-orders")).to_be_visible()
    return page


async def _keep(page: Page, name: str) -> None:
    await page.wait_for_timeout(CALM_MS)
    picture = await page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")
    print(f"docs/images/{name}.png: {len(picture) // 1000} kB")
    if len(picture) > BYTES_MAX:
        raise SystemExit(f"{name}.png has {len(picture)} bytes; at most {BYTES_MAX} belong into the repository")


async def run(where: str, locale: str) -> None:
    """The whole session in a town of its own."""
    expect.set_options(timeout=PATIENCE_MS)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        plan = TownPlan(Path(folder), machines=1 + len(STORIES), speed=4.0, cloud=HURRIED)
        async with Town.open(plan) as town, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=where, args=list(FLAGS))
            await take(town, browser, locale)
            await browser.close()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Take the README's pictures.")
    parser.add_argument("--locale", default="en-US", help="language of the pages")
    locale = parser.parse_args().locale
    where = find_browser()
    if where is None:
        print(ADVICE)
        return 1
    asyncio.run(run(where, locale))
    return 0


if __name__ == "__main__":
    sys.exit(main())
