"""A page that was left open asks who is there before something that matters, and loses nothing that was typed."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.doubt_stage import DoubtStage
from tests.browser.street import Street
from tests.browser.test_console_doubts import SECOND_PRESS_MS, sign_in
from tests.browser.test_console_people import stage
from tests.cloud.conftest import database_url, postgres
from tests.cloud.shop_stage import PASSWORD

__all__ = ["database_url", "postgres", "stage"]
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def leave_alone(stage: DoubtStage) -> None:
    """As if everybody had signed in an hour ago."""
    await stage.shop.as_merchant("UPDATE operator_session SET proved_at = proved_at - interval '1 hour'")


async def prove(page: Page, password: str) -> None:
    await page.get_by_test_id("proof-said").fill(password)
    await page.wait_for_timeout(SECOND_PRESS_MS)
    await page.get_by_test_id("proof-send").click()


async def test_what_was_typed_is_sent_once_it_is_known_who_types(stage: DoubtStage, street: Street) -> None:
    page = await street.open(stage.url, size="phone", locale="zh-CN")
    await sign_in(stage, page)
    await page.goto(f"{stage.url}people")
    email = f"bob.{stage.shop.seeded.email}"
    await page.get_by_test_id("invite-name").fill("Bob")
    await page.get_by_test_id("invite-email").fill(email)
    await page.get_by_test_id("invite-role").select_option("restocker")
    await leave_alone(stage)

    await page.get_by_test_id("invite").click()
    await expect(page.get_by_test_id("proof-said")).to_be_focused()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await prove(page, "a wrong word")
    await expect(page.get_by_test_id("proof-failure")).to_be_visible()
    await expect(page.get_by_test_id("proof-said")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("proof")).to_have_count(0)
    await expect(page.get_by_test_id("invite-email")).to_have_value(email)
    await expect(page.get_by_test_id(f"person-{email}")).to_have_count(0)
    await page.wait_for_timeout(SECOND_PRESS_MS)
    await page.get_by_test_id("invite").click()
    await prove(page, PASSWORD)
    await expect(page.get_by_test_id("invitation")).to_be_visible()


async def test_it_is_asked_over_an_open_question_which_stays(stage: DoubtStage, street: Street) -> None:
    await stage.trade.buy("ambiguous", "A1")
    await stage.trade.reopen()
    await stage.trade.buy("ambiguous", "A1")
    page = await street.open(stage.url, size="desk", locale="en-US")
    await sign_in(stage, page)
    await page.goto(f"{stage.url}alarms")
    await page.get_by_role("listitem").filter(has_text="Slot locked").get_by_test_id("alarm-clear").click()
    reason = page.get_by_test_id("unlock").get_by_test_id("reason")
    await reason.fill("the spiral was bent")
    await leave_alone(stage)
    await page.get_by_test_id("reason-send").click()
    await page.get_by_test_id("proof-cancel").click()
    await expect(page.get_by_test_id("reason-failure")).to_be_visible()
    await expect(reason).to_have_value("the spiral was bent")
    await page.wait_for_timeout(SECOND_PRESS_MS)
    await page.get_by_test_id("reason-send").click()
    await prove(page, PASSWORD)
    await expect(page.get_by_test_id("unlock")).to_have_count(0)
    await expect(page.get_by_test_id("message")).to_be_visible()
