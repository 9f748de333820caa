"""A jam comes to two people at once; one acknowledges it, gives it to a restocker, who clears it: by the keyboard."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.async_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import BuyerAt
from tests.browser.hands import fill, join, press, sign_in
from tests.browser.street import Street
from vendomat.simulator.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

PASSWORD = "opens every cabinet"
AGREED_WITHIN_S = 2.0
SLOT = "B2"


async def invite_restocker(page: Page, town: Town, street: Street, name: str, locale: str) -> Page:
    """Their page, signed in."""
    email = f"{name.lower()}@vendomat.example"
    await page.goto(f"{town.console_url}people")
    await fill(page, invite_name=name, invite_email=email)
    await page.get_by_test_id("invite-role").select_option("restocker")
    await press(page, "invite")
    path = await page.get_by_test_id("invitation").get_attribute("data-path")
    theirs = await street.open(f"{town.console_url.removesuffix('/console/')}{path}", size="phone", locale=locale)
    await join(theirs, PASSWORD)
    return theirs


async def go_to_alarms(page: Page) -> None:
    await page.keyboard.press("g")
    await page.keyboard.press("a")
    await expect(page.get_by_test_id("alarms")).to_be_visible()


async def go_to_row(page: Page, words: str) -> None:
    """By `j`, to the row that says so."""
    for _ in range(20):
        await page.keyboard.press("j")
        if words in await page.evaluate("document.activeElement.closest('[data-alarm]')?.innerText ?? ''"):
            return
    raise AssertionError(f"no row says {words}")


async def tab_to(page: Page, name: str) -> None:
    for _ in range(40):
        if await page.evaluate("document.activeElement?.dataset.testid ?? ''") == name:
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not come to {name}")


@pytest.mark.parametrize(("locale", "other", "name"), [("en-US", "zh-CN", "Rui"), ("zh-CN", "en-US", "Lin")])
async def test_a_jam_is_acknowledged_given_away_and_cleared_before_two_people(
    *,
    street: Street,
    town: Town,
    buyer_at: BuyerAt,
    record_property: Callable[[str, object], None],
    locale: str,
    other: str,
    name: str,
) -> None:
    record = town.record
    page = await street.open(town.console_url, size="desk", locale=locale)
    await sign_in(page, record.email, record.password)
    colleague = await street.open(town.console_url, size="desk", locale=other)
    await sign_in(colleague, record.email, record.password)
    restocker = await invite_restocker(page, town, street, name, locale)
    for one in (page, colleague):
        await one.goto(town.console_url)
        await go_to_alarms(one)

    async def agree(what: str, wanted: str, *pages: Page) -> None:
        """All of `pages` show it, soon after what was just done."""
        began = time.monotonic()
        for one in pages:
            row = one.get_by_test_id("alarms").locator(f"[data-alarm='{alarm}']")
            await expect(row).to_have_attribute("data-state", wanted)
        record_property(what, round(time.monotonic() - began, 2))
        assert time.monotonic() - began < AGREED_WITHIN_S

    buyer = await buyer_at(1)
    await buyer.machine.fault(SLOT, "jam")
    await buyer.buy(SLOT, channel="wechat")
    await buyer.expect_result("not_delivered")
    row = page.get_by_test_id("alarms").locator("[data-alarm]").filter(has_text=SLOT)
    await expect(row).to_have_count(1)
    alarm = await row.get_attribute("data-alarm")
    await agree("raised_s", "raised", page, colleague)

    await go_to_row(page, SLOT)
    await page.keyboard.press("e")
    await agree("acknowledged_s", "acknowledged", page, colleague)

    await go_to_row(page, SLOT)
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("alarm-timeline")).to_be_visible()
    await tab_to(page, "assign")
    await page.keyboard.type(name)
    await expect(page.get_by_test_id("entry-assigned")).to_have_count(1)
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("alarm-drawer")).to_have_count(0)
    await expect(colleague.get_by_test_id("alarms").locator(f"[data-alarm='{alarm}']")).to_contain_text(name)

    await go_to_alarms(restocker)
    await expect(restocker.get_by_test_id("alarms").locator(f"[data-alarm='{alarm}']")).to_contain_text(name)
    await go_to_row(restocker, SLOT)
    await tab_to(restocker, "alarm-clear")
    await restocker.wait_for_timeout(400)
    await restocker.keyboard.press("Enter")
    await tab_to(restocker, "reopen-yes")
    assert await violations(restocker) == []
    await restocker.wait_for_timeout(400)
    await restocker.keyboard.press("Enter")
    began = time.monotonic()
    for one in (restocker, page, colleague):
        await expect(one.get_by_test_id("alarms").locator(f"[data-alarm='{alarm}']")).to_have_count(0)
    record_property("cleared_s", round(time.monotonic() - began, 2))
    assert time.monotonic() - began < AGREED_WITHIN_S
    for one in (page, colleague):
        await one.goto(f"{town.console_url}alarms?state=cleared")
        await expect(one.get_by_test_id("alarms").locator(f"[data-alarm='{alarm}']")).to_have_count(1)
        assert await violations(one) == []
