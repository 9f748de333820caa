"""A jam comes to two people at once; one acknowledges it, gives it to a restocker, who clears it: by the keyboard."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import BuyerAt
from tests.browser.console_stage import SECOND_PRESS_MS
from tests.browser.hands import fill, join, press, sign_in
from tests.browser.street import Street
from vendomat.simulator.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

PASSWORD = "opens every cabinet"
AGREED_WITHIN_S = 2.0
SLOT = "B2"


async def invite_restocker(page: Page, town: Town, street: Street, name: str) -> Page:
    """Their page, signed in."""
    email = f"{name.lower()}@vendomat.example"
    await page.goto(f"{town.console_url}people")
    await fill(page, invite_name=name, invite_email=email)
    await page.get_by_test_id("invite-role").select_option("restocker")
    await press(page, "invite")
    link = await page.get_by_test_id("invitation").get_attribute("data-link")
    assert link is not None
    theirs = await street.open(link, size="phone", locale="zh-CN")
    await join(theirs, PASSWORD)
    return theirs


async def go_to_alarms(page: Page) -> None:
    await expect(page.get_by_test_id("account").first).to_be_visible()
    await page.keyboard.press("g")
    await page.keyboard.press("a")
    await expect(page.get_by_test_id("alarms")).to_be_visible()


async def go_to_row(page: Page, words: str) -> None:
    """By `j` down and by `k` up again, to the row that says so; the list may be drawn anew meanwhile."""
    for key in ("j" * 10 + "k" * 10) * 4:
        await page.keyboard.press(key)
        await page.wait_for_timeout(50)
        if words in await page.evaluate("document.activeElement.closest('[data-alarm]')?.innerText ?? ''"):
            return
    raise AssertionError(f"no row says {words}")


async def tab_to(page: Page, name: str) -> None:
    for _ in range(40):
        if await page.evaluate("document.activeElement?.dataset.testid ?? ''") == name:
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not come to {name}")


class Watched:
    """One alarm on several pages, and how long each needs to show what became of it."""

    def __init__(self, pages: list[Page], alarm: str, note: Callable[[str, object], None]) -> None:
        self._pages = pages
        self._alarm = alarm
        self._note = note

    def on(self, page: Page) -> Locator:
        return page.get_by_test_id("alarms").locator(f"[data-alarm='{self._alarm}']")

    async def agree(self, wanted: str) -> None:
        """All show it in this state, or no more, soon after what was just done."""
        began = time.monotonic()
        for page in self._pages:
            if wanted == "gone":
                await expect(self.on(page)).to_have_count(0)
            else:
                await expect(self.on(page)).to_have_attribute("data-state", wanted)
        took_s = time.monotonic() - began
        self._note(f"{wanted}_s", round(took_s, 2))
        assert took_s < AGREED_WITHIN_S


async def give_to(page: Page, name: str) -> None:
    """The alarm whose row has the focus, by the keyboard."""
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("alarm-timeline")).to_be_visible()
    await tab_to(page, "assign")
    await page.keyboard.type(name)
    await expect(page.get_by_test_id("entry-assigned")).to_have_count(1)
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("alarm-drawer")).to_have_count(0)


async def clear(page: Page) -> None:
    """The alarm whose row has the focus, by the keyboard."""
    for button in ("alarm-clear", "reopen-yes"):
        await tab_to(page, button)
        assert await violations(page) == []
        await page.wait_for_timeout(SECOND_PRESS_MS)
        await page.keyboard.press("Enter")


async def test_a_jam_is_acknowledged_given_away_and_cleared_before_two_people(
    street: Street, town: Town, buyer_at: BuyerAt, record_property: Callable[[str, object], None]
) -> None:
    record, name = town.record, "Rui"
    page, colleague = [await street.open(town.console_url, size="desk", locale=one) for one in ("en-US", "zh-CN")]
    for one in (page, colleague):
        await sign_in(one, record.email, record.password)
    restocker = await invite_restocker(page, town, street, name)
    for one in (page, colleague):
        await one.goto(town.console_url)
        await go_to_alarms(one)

    buyer = await buyer_at(1)
    await buyer.machine.fault(SLOT, "jam")
    await buyer.buy(SLOT, channel="wechat")
    await buyer.expect_result("not_delivered")
    row = page.get_by_test_id("alarms").locator("[data-alarm]").filter(has_text=SLOT)
    await expect(row).to_have_count(1)
    watched = Watched([page, colleague], str(await row.get_attribute("data-alarm")), record_property)
    await watched.agree("raised")

    await go_to_row(page, SLOT)
    await page.keyboard.press("e")
    await watched.agree("acknowledged")
    await go_to_row(page, SLOT)
    await give_to(page, name)
    await expect(watched.on(colleague)).to_contain_text(name)

    await go_to_alarms(restocker)
    await expect(watched.on(restocker)).to_contain_text(name)
    await go_to_row(restocker, SLOT)
    await clear(restocker)
    await watched.agree("gone")
    await expect(watched.on(restocker)).to_have_count(0)
    for one in (page, colleague):
        await one.goto(f"{town.console_url}alarms?state=cleared")
        await expect(watched.on(one)).to_have_count(1)
        assert await violations(one) == []
