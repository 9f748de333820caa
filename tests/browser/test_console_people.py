"""An owner invites somebody, who joins by the link and sees what their role may; the audit log says who did what."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.axe import violations
from tests.browser.doubt_stage import DoubtStage, open_doubt_stage
from tests.browser.hands import fill, join, press
from tests.browser.street import Street
from tests.browser.test_console_doubts import SECOND_PRESS_MS, sign_in
from tests.cloud.conftest import database_url, postgres
from tests.cloud.shop_stage import PASSWORD as OWNERS_PASSWORD
from vendomat.cloud.app.http import CONSOLE_FOLDER
from vendomat.cloud.merchants.totp import code_of, step_at

__all__ = ["database_url", "postgres"]
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

PASSWORD = "a long enough word"
ASK = """
async ([path, body]) => {
  const headers = { "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  return [answer.status, (await answer.json()).code];
}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def stage(database_url: str) -> AsyncIterator[DoubtStage]:
    if not (CONSOLE_FOLDER / "index.html").is_file():
        pytest.skip("the console is not built: run tools/build_web.py")
    async with open_doubt_stage(database_url) as opened:
        yield opened


async def invite(owner: Page, email: str, role: str) -> str:
    """The link for Ann."""
    await owner.get_by_test_id("nav-people").click()
    await fill(owner, invite_name="Ann", invite_email=email)
    await owner.get_by_test_id("invite-role").select_option(role)
    await press(owner, "invite")
    link = await owner.get_by_test_id("invitation").get_attribute("data-link")
    assert link is not None
    return link


async def test_somebody_is_invited_joins_and_is_let_go(stage: DoubtStage, street: Street) -> None:
    owner = await street.open(stage.url, size="desk", locale="en-US")
    await sign_in(stage, owner)
    email = f"ann.{stage.shop.seeded.email}"
    link = await invite(owner, email, "restocker")
    assert await violations(owner) == []

    ann = await street.open(link, size="phone", locale="zh-CN")
    assert await violations(ann) == []
    await join(ann, PASSWORD)
    await expect(ann.get_by_test_id("nav-machines")).to_be_visible()
    await expect(ann.get_by_test_id("nav-alarms")).to_be_visible()
    await expect(ann.get_by_test_id("nav-orders")).to_have_count(0)

    again = await street.open(link, size="phone", locale="en-US")
    await expect(again.get_by_test_id("invitation-failure")).to_be_visible()

    await owner.reload()
    row = owner.get_by_test_id(f"person-{email}")
    await row.get_by_test_id("person-change").click()
    await owner.get_by_test_id("person-deactivate").click()
    await press(owner, "person-deactivate-sure")
    await expect(owner.get_by_test_id("person-dialog")).to_have_count(0)
    await ann.reload()
    await expect(ann.get_by_test_id("sign-in")).to_be_visible()

    await owner.get_by_test_id("nav-audit").click()
    for action in ("person.invited", "person.joined", "person.deactivated"):
        await expect(owner.locator(f"[data-action='{action}']")).to_have_count(1)
    let_go = owner.locator("[data-action='person.deactivated']")
    await let_go.locator("summary").click()
    await expect(let_go.locator("[data-field='state'] td")).to_have_text(["active", "inactive"])
    assert await violations(owner) == []


async def test_a_phone_is_enrolled_and_asked_for_at_the_next_sign_in(stage: DoubtStage, street: Street) -> None:
    page = await street.open(stage.url, size="desk", locale="en-US")
    await sign_in(stage, page)
    await page.goto(f"{stage.url}account")
    await page.get_by_test_id("second-factor-begin").click()
    secret = base64.b32decode(await page.get_by_test_id("second-factor-secret").inner_text())
    await page.get_by_test_id("second-factor-code").fill(code_of(secret, step_at(stage.shop.clock.now())))
    await page.get_by_test_id("second-factor-send").click()
    codes = (await page.get_by_test_id("recovery-codes").inner_text()).split()
    assert len(codes) == 10

    again = await street.open(stage.url, size="phone", locale="en-US")
    await again.get_by_test_id("sign-in-email").fill(stage.shop.seeded.email)
    await again.get_by_test_id("sign-in-password").fill(OWNERS_PASSWORD)
    await again.get_by_test_id("sign-in").click()
    await expect(again.get_by_test_id("sign-in-code")).to_be_focused()
    await again.get_by_test_id("sign-in-code").fill(codes[0])
    await again.wait_for_timeout(SECOND_PRESS_MS)
    await again.get_by_test_id("sign-in").click()
    await expect(again.get_by_test_id("nav-today")).to_be_visible()
