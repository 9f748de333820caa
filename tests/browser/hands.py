"""What every person does at a page: press, type, sign in."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser.console_stage import SECOND_PRESS_MS


async def press(page: Page, name: str) -> None:
    """A button that came where another one was takes no press at once."""
    await page.wait_for_timeout(SECOND_PRESS_MS)
    await page.get_by_test_id(name).click()


async def fill(page: Page, **fields: str) -> None:
    """Fields by their test id, with `_` for `-`."""
    for name, value in fields.items():
        await page.get_by_test_id(name.replace("_", "-")).fill(value)


async def sign_in(page: Page, email: str, password: str) -> None:
    await fill(page, sign_in_email=email, sign_in_password=password)
    await press(page, "sign-in")
    await expect(page.get_by_test_id("account").first).to_be_visible()


async def join(page: Page, password: str) -> None:
    """Accept the invitation that the page shows."""
    await page.get_by_test_id("invitation-password").fill(password)
    await press(page, "invitation-accept")
    await expect(page.get_by_test_id("account").first).to_be_visible()
