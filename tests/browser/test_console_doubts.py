"""An operator judges a unit in doubt, unlocks a slot, and sees who was settled in time."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.doubt_stage import DoubtStage, open_doubt_stage
from tests.browser.street import Street
from tests.cloud.conftest import database_url, postgres
from tests.cloud.shop_stage import PASSWORD
from vendomat.cloud.app.http import CONSOLE_FOLDER

__all__ = ["database_url", "postgres"]
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

DOUBT = re.compile(r"^doubt-ord_")
SECOND_PRESS_MS = 400


@pytest_asyncio.fixture(loop_scope="session")
async def stage(database_url: str) -> AsyncIterator[DoubtStage]:
    if not (CONSOLE_FOLDER / "index.html").is_file():
        pytest.skip("the console is not built: run tools/build_web.py")
    async with open_doubt_stage(database_url) as opened:
        yield opened


async def sign_in(stage: DoubtStage, page: Page) -> None:
    await page.get_by_test_id("sign-in-email").fill(stage.shop.seeded.email)
    await page.get_by_test_id("sign-in-password").fill(PASSWORD)
    await page.get_by_test_id("sign-in").click()
    await expect(page.get_by_test_id("kpi-sales")).to_be_visible()


async def test_a_unit_in_doubt_is_judged_by_its_evidence_with_a_reason(stage: DoubtStage, street: Street) -> None:
    order_id = await stage.trade.buy("ambiguous", "A1")
    await stage.tally.once()
    page = await street.open(stage.url, size="phone", locale="zh-CN")
    await sign_in(stage, page)
    await page.get_by_test_id("nav-more").click()
    await page.get_by_test_id("more-doubts").click()
    await expect(page.get_by_test_id(DOUBT)).to_have_count(1)
    await page.get_by_test_id("doubt-evidence").click()
    for kind in ("command.queued", "vend.unknown", "vend.declared_ambiguous", "refund.succeeded"):
        await expect(page.get_by_test_id(f"timeline-{kind}")).to_be_visible()
    await expect(page.get_by_test_id("timeline-vend.unknown")).to_contain_text("1200")
    await page.get_by_test_id("say-came_out").click()
    await expect(page.get_by_test_id("reason-send")).to_be_disabled()
    await page.get_by_test_id("reason").fill("the shelf is empty")
    await page.get_by_test_id("reason-send").click()
    await expect(page.get_by_test_id("message")).to_be_visible()
    await expect(page.get_by_text("没有待判定的出货", exact=True)).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.goto(f"{stage.url}doubts?state=resolved")
    await expect(page.get_by_test_id(DOUBT)).to_contain_text("the shelf is empty")
    await page.goto(f"{stage.url}orders/{order_id}")
    await expect(page.get_by_test_id("timeline-vend.resolved")).to_contain_text("the shelf is empty")


async def test_a_locked_slot_is_unlocked_with_a_reason_only(stage: DoubtStage, street: Street) -> None:
    await stage.trade.buy("ambiguous", "A1")
    await stage.trade.reopen()
    await stage.trade.buy("ambiguous", "A1")
    page = await street.open(stage.url, size="desk", locale="en-US")
    await sign_in(stage, page)
    await page.goto(f"{stage.url}alarms")
    alarm = page.get_by_role("listitem").filter(has_text="Slot locked")
    await alarm.get_by_test_id("alarm-clear").click()
    await page.get_by_test_id("unlock").get_by_test_id("reason").fill("the spiral was bent")
    await page.wait_for_timeout(SECOND_PRESS_MS)
    await page.get_by_test_id("reason-send").click()
    await expect(alarm).to_have_count(0)
    await page.goto(f"{stage.url}machines/{stage.shop.machine_id}")
    await expect(page.get_by_test_id("slot-A1")).to_have_attribute("data-state", "ok")


async def test_the_objective_stands_on_today_and_leads_to_the_orders_that_missed_it(
    stage: DoubtStage, street: Street
) -> None:
    await stage.trade.buy("delivered", "B1")
    missed = await stage.trade.buy("ambiguous", "B2")
    await stage.tally.once()
    page = await street.open(stage.url, size="desk", locale="en-US")
    await sign_in(stage, page)
    await expect(page.get_by_test_id("settled-today")).to_contain_text("50%")
    await page.get_by_test_id("settlement").get_by_role("link").click()
    await expect(page.get_by_test_id(f"miss-{missed}")).to_contain_text("the machine gave no outcome")


@pytest.mark.parametrize(
    ("ends", "kind", "trace"), [("held", "release", "refund.released"), ("paid", "ask", "refund.asked")]
)
async def test_a_person_moves_a_buyers_money_with_a_reason(
    stage: DoubtStage, street: Street, ends: str, kind: str, trace: str
) -> None:
    """A refund that waits for a person is let go; the money of a paid order is asked back."""
    order_id = await stage.trade.buy(ends, "A1")
    page = await street.open(stage.url, size="desk", locale="en-US")
    await sign_in(stage, page)
    await page.goto(f"{stage.url}orders/{order_id}")
    await page.get_by_test_id(f"refund-{kind}").click()
    await expect(page.get_by_test_id("refund-yes")).to_be_disabled()
    await page.get_by_test_id("refund-reason").fill("the buyer called")
    await page.wait_for_timeout(SECOND_PRESS_MS)
    await page.get_by_test_id("refund-yes").click()
    await expect(page.get_by_test_id(f"timeline-{trace}")).to_contain_text("the buyer called")
    await expect(page.get_by_test_id(f"refund-{kind}")).to_have_count(0)


async def test_goodwill_goes_at_once_when_small_and_waits_for_another_person_when_large(
    stage: DoubtStage, street: Street
) -> None:
    order_id = await stage.trade.buy("delivered", "A1")
    page = await street.open(stage.url, size="desk", locale="en-US")
    await sign_in(stage, page)
    await page.goto(f"{stage.url}orders/{order_id}")
    await _give(page, "2.00", "the can was warm")
    gift = page.locator("[data-testid^='refund-rfd_']")
    await expect(gift).to_contain_text("Waits for a second person")
    await expect(page.get_by_test_id("refund-approve")).to_have_count(0)
    await page.get_by_test_id("refund-decline").click()
    await page.get_by_test_id("refund-reason").fill("too much")
    await page.wait_for_timeout(SECOND_PRESS_MS)
    await page.get_by_test_id("refund-yes").click()
    await expect(page.get_by_test_id("timeline-refund.declined")).to_contain_text("too much")
    await _give(page, "1.00", "the can was warm")
    await expect(gift.filter(has_text="1.00")).to_contain_text(re.compile("Being returned|Returned"))
    await expect(page.get_by_test_id("refund-give")).to_have_count(0)


async def _give(page: Page, amount: str, reason: str) -> None:
    await page.get_by_test_id("refund-give").click()
    await page.get_by_test_id("refund-reason").fill(reason)
    for no_amount in ("9999", "0", "1.005", "two"):
        await page.get_by_test_id("refund-amount").fill(no_amount)
        await expect(page.get_by_test_id("refund-yes")).to_be_disabled()
    await page.get_by_test_id("refund-amount").fill(amount)
    await page.wait_for_timeout(SECOND_PRESS_MS)
    await page.get_by_test_id("refund-yes").click()
    await expect(page.get_by_test_id("refund-dialog")).to_have_count(0)
