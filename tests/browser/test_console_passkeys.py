"""A passkey is made, signs in without a password, proves who sits there, and is removed, at the name it belongs to."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.axe import violations
from tests.browser.doubt_stage import DoubtStage
from tests.browser.hands import press
from tests.browser.street import Street
from tests.browser.test_console_doubts import SECOND_PRESS_MS, sign_in
from tests.browser.test_console_people import stage
from tests.browser.test_console_proof import leave_alone
from tests.cloud.conftest import database_url, postgres

__all__ = ["database_url", "postgres", "stage"]
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

FINGER = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


async def give_finger(page: Page) -> None:
    """The device under this page has a reader of fingers from now on, and the right finger on it."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": FINGER})


async def test_a_finger_signs_in_and_proves_who_sits_there(stage: DoubtStage, street: Street) -> None:
    home = stage.url.replace("127.0.0.1", "localhost")
    page = await street.open(home, size="phone", locale="zh-CN")
    await give_finger(page)
    await sign_in(stage, page)
    await page.goto(f"{home}account")
    await page.get_by_test_id("passkey-name").fill("My finger")
    await page.get_by_test_id("passkey-add").click()
    await expect(page.get_by_test_id("passkey")).to_contain_text("My finger")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    await page.context.clear_cookies()
    await page.goto(home)
    await page.get_by_test_id("sign-in-passkey").click()
    await expect(page.get_by_test_id("kpi-sales")).to_be_visible()

    await leave_alone(stage)
    await page.goto(f"{home}account")
    await page.get_by_test_id("passkey-remove").click()
    await page.get_by_test_id("proof-passkey").click()
    await expect(page.get_by_test_id("passkey")).to_have_count(0)

    await page.context.clear_cookies()
    await page.goto(home)
    await page.wait_for_timeout(SECOND_PRESS_MS)
    await page.get_by_test_id("sign-in-passkey").click()
    await expect(page.get_by_test_id("sign-in-failure")).to_be_visible()


async def test_a_required_factor_is_set_up_before_anything_else(stage: DoubtStage, street: Street) -> None:
    home = stage.url.replace("127.0.0.1", "localhost")
    owner = await street.open(home, size="desk", locale="en-US")
    await give_finger(owner)
    await sign_in(stage, owner)
    await owner.goto(f"{home}people")
    await owner.get_by_test_id("required-turn").click()
    await expect(owner.get_by_test_id("required-failure")).to_contain_text("your own first")
    await owner.goto(f"{home}account")
    await owner.get_by_test_id("passkey-add").click()
    await expect(owner.get_by_test_id("passkey")).to_have_count(1)
    await owner.goto(f"{home}people")
    await owner.get_by_test_id("required-turn").click()
    await expect(owner.get_by_test_id("required-failure")).to_contain_text("recovery codes")
    await owner.goto(f"{home}account")
    await owner.get_by_test_id("recovery-renew").click()
    await expect(owner.get_by_test_id("recovery-codes")).to_be_visible()
    await owner.goto(f"{home}people")
    await owner.get_by_test_id("required-turn").click()
    await expect(owner.get_by_test_id("required")).to_contain_text("required")

    email = f"eve.{stage.shop.seeded.email}"
    await owner.get_by_test_id("invite-name").fill("Eve")
    await owner.get_by_test_id("invite-email").fill(email)
    await owner.get_by_test_id("invite").click()
    link = await owner.get_by_test_id("invitation").get_attribute("data-link")
    assert link is not None
    eve = await street.open(link, size="phone", locale="zh-CN")
    await give_finger(eve)
    await eve.get_by_test_id("invitation-password").fill("a long enough word")
    await eve.get_by_test_id("invitation-accept").click()
    await expect(eve.get_by_test_id("set-up")).to_be_visible()
    assert await eve.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await press(eve, "set-up-done")
    await expect(eve.get_by_test_id("message")).to_be_visible()
    await eve.get_by_test_id("passkey-add").click()
    await expect(eve.get_by_test_id("passkey")).to_have_count(1)
    await press(eve, "recovery-renew")
    await expect(eve.get_by_test_id("recovery-codes").locator("li")).to_have_count(10)
    assert await violations(eve) == []
    await press(eve, "set-up-done")
    await expect(eve.get_by_test_id("nav-machines")).to_be_visible()


async def test_at_a_number_the_page_says_where_passkeys_work(stage: DoubtStage, street: Street) -> None:
    page = await street.open(stage.url, size="desk", locale="en-US")
    await expect(page.get_by_test_id("sign-in")).to_be_visible()
    await expect(page.get_by_test_id("sign-in-passkey")).to_have_count(0)
    await sign_in(stage, page)
    await page.goto(f"{stage.url}account")
    await page.get_by_test_id("passkeys-elsewhere").get_by_role("link").click()
    await page.wait_for_url(f"{stage.url.replace('127.0.0.1', 'localhost')}account")
    await expect(page.get_by_test_id("sign-in-passkey")).to_be_visible()
