"""The console in a real browser, before a real cloud, real terminals and emulated payment platforms."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.console_stage import PHONE, ConsoleStage
from tests.browser.hands import press
from vendomat.cloud.app.http import CONSOLE_FOLDER
from vendomat.simulator.town import Town
from vendomat.simulator.town.shopper import Story

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

SEEN_WITHIN_MS = 10_000  # from a fact in the cloud to its place on an open page
STARTED_WITHIN_MS = 30_000
ORDER_ROW = re.compile(r"^order-ord_")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(browser: Browser, town: Town) -> AsyncIterator[ConsoleStage]:
    if not (CONSOLE_FOLDER / "index.html").is_file():
        pytest.skip("the console is not built: run tools/build_web.py")
    stage = ConsoleStage(town, browser)
    yield stage
    await stage.aclose()


async def _orders(page: Page) -> list[str]:
    """The ids of the orders in the list of the last ones, newest first."""
    rows = page.get_by_test_id("last-orders").get_by_test_id(ORDER_ROW)
    return [str(await row.get_attribute("data-testid")).removeprefix("order-") for row in await rows.all()]


async def _new_order(page: Page, known: list[str]) -> str:
    """The order that has come to the list since `known`."""
    async with asyncio.timeout(30):
        while True:
            fresh = [one for one in await _orders(page) if one not in known]
            if fresh:
                return fresh[0]
            await asyncio.sleep(0.05)


async def test_only_the_right_password_lets_in_and_signing_out_ends_it(stage: ConsoleStage) -> None:
    async with stage.visit() as visit:
        page = visit.page
        await stage.sign_in(page, "not the password")
        await expect(page.get_by_test_id("sign-in-failure")).to_have_text("E-mail or password is not right")
        await stage.sign_in(page)
        for machine in stage.town.record.machines:
            row = page.get_by_test_id(f"machine-{machine.number}")
            await expect(row).to_contain_text("Online", timeout=STARTED_WITHIN_MS)
        await page.get_by_test_id("account").click()
        await page.get_by_test_id("sign-out").click()
        await expect(page.get_by_test_id("sign-in")).to_be_visible()
        await page.goto(stage.town.console_url + "orders")
        await expect(page.get_by_test_id("sign-in")).to_be_visible()
        assert visit.faults == []


async def test_a_sale_appears_while_it_happens_and_without_a_reload(stage: ConsoleStage) -> None:
    async with stage.visit() as visit:
        page = visit.page
        await stage.sign_in(page)
        await expect(page.get_by_test_id("ticker")).to_contain_text("Live")
        known = await _orders(page)
        assert await stage.buy(0, Story.GOOD) == "delivered"
        order_id = await _new_order(page, known)
        row = page.get_by_test_id("last-orders").get_by_test_id(f"order-{order_id}")
        await expect(row).to_contain_text("Delivered", timeout=SEEN_WITHIN_MS)
        await expect(page.get_by_test_id("ticker")).to_contain_text("Settled", timeout=SEEN_WITHIN_MS)
        await expect(page.get_by_test_id("kpi-sales")).not_to_contain_text("¥0.00", timeout=SEEN_WITHIN_MS)
        assert visit.faults == []


async def test_a_jam_is_told_with_evidence_and_its_slot_is_reopened(stage: ConsoleStage) -> None:
    async with stage.visit("zh-CN") as visit:
        page = visit.page
        await stage.sign_in(page)
        await expect(page.get_by_test_id("attention")).to_be_visible()
        known = await _orders(page)
        assert await stage.buy(1, Story.JAM) == "not_delivered"
        order_id = await _new_order(page, known)
        cause = page.get_by_test_id("attention").get_by_test_id("cause-vend_failed")
        await cause.get_by_test_id("fix-reopen_slot").click()
        await page.get_by_test_id("reopen-yes").click()
        await expect(page.get_by_test_id("message")).to_contain_text("重新开售")
        await expect(cause).to_have_count(0)
        await expect(page.get_by_test_id("kpi-alarms")).to_contain_text("0")

        row = page.get_by_test_id("last-orders").get_by_test_id(f"order-{order_id}")
        await expect(row).to_contain_text("未出货，已退款", timeout=40_000)
        await row.click()
        await _expect_evidence(page)
        assert visit.faults == []


async def _expect_evidence(page: Page) -> None:
    """Paid, commanded, started, not delivered, returned: in this order, and the books are even."""
    wanted = ["payment.paid", "command.queued", "vend.started", "vend.not_delivered", "refund.succeeded"]
    await expect(page.get_by_test_id("timeline-order.settled")).to_be_visible()
    lines = await page.get_by_test_id("timeline").get_by_role("listitem").all()
    kinds = [str(await line.get_attribute("data-testid")).removeprefix("timeline-") for line in lines]
    assert [kind for kind in kinds if kind in wanted] == wanted
    raw = page.get_by_test_id("timeline-vend.not_delivered").locator("pre")
    await expect(raw).to_be_hidden()
    await page.get_by_test_id("timeline-vend.not_delivered").locator("summary").click()
    await expect(raw).to_contain_text("cmd_id")
    await expect(page.get_by_test_id("ledger-even")).to_be_visible()


async def test_issued_codes_are_shown_once_and_can_be_withdrawn(stage: ConsoleStage) -> None:
    async with stage.visit() as visit:
        page = visit.page
        await stage.sign_in(page)
        await page.get_by_test_id("nav-codes").click()
        await page.get_by_test_id("code-count").fill("2")
        await page.get_by_test_id("issue-code").click()
        codes = page.get_by_test_id("issued-code")
        await expect(codes).to_have_count(2)
        digits = [str(await code.get_attribute("data-code")) for code in await codes.all()]
        assert all(re.fullmatch(r"[0-9]{8}", one) for one in digits)
        await page.reload()
        await expect(page.get_by_test_id("withdraw")).to_have_count(2)
        text = await page.content()
        assert not any(one in text for one in digits)
        await page.get_by_test_id("withdraw").first.click()
        await page.get_by_test_id("withdraw-yes").click()
        await expect(page.get_by_test_id("withdraw")).to_have_count(1)
        assert visit.faults == []


async def test_filters_and_keys_stand_in_the_address(stage: ConsoleStage) -> None:
    async with stage.visit() as visit:
        page = visit.page
        await stage.sign_in(page)
        await expect(page.get_by_test_id("kpi-sales")).to_be_visible()
        await page.keyboard.press("g")
        await page.keyboard.press("o")
        await expect(page).to_have_url(re.compile(r"/console/orders$"))
        await page.get_by_test_id("filter-state").select_option("cancelled")
        await expect(page).to_have_url(re.compile(r"\?state=cancelled$"))
        await page.reload()
        await expect(page.get_by_test_id("filter-state")).to_have_value("cancelled")
        await page.get_by_test_id("filter-state").select_option("")
        await expect(page.get_by_test_id(ORDER_ROW).first).to_be_visible()
        await page.locator("body").click(position={"x": 5, "y": 5})
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("timeline")).to_be_visible()
        await page.keyboard.press("Control+k")
        await page.get_by_test_id("palette").get_by_role("combobox").fill(stage.town.record.machines[1].number)
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("slot-A1")).to_be_visible()
        assert visit.faults == []


async def test_a_filter_is_kept_by_a_name_shown_again_and_removed(stage: ConsoleStage) -> None:
    async with stage.visit() as visit:
        page = visit.page
        await stage.sign_in(page)
        await page.get_by_test_id("nav-machines").click()
        await expect(page.get_by_test_id("view-keep")).to_have_count(0)
        await page.get_by_label("Offline").check(force=True)
        await press(page, "view-keep")
        await page.get_by_test_id("view-name").fill("门口 silent")
        assert await violations(page) == []
        await press(page, "view-save")
        view = page.get_by_test_id("view-门口 silent")
        await expect(view).to_have_attribute("aria-current", "true")
        await page.get_by_test_id("nav-orders").click()
        await expect(view).to_have_count(0)
        await page.get_by_test_id("nav-machines").click()
        await view.click()
        await expect(page).to_have_url(re.compile(r"/machines\?state=offline$"))
        await expect(page.get_by_label("Offline")).to_be_checked()
        assert await violations(page) == []
        await press(page, "view-remove")
        await expect(view).to_have_count(0)
        assert visit.faults == []


async def test_a_phone_shows_everything_without_scrolling_sideways(stage: ConsoleStage) -> None:
    async with stage.visit(size=PHONE) as visit:
        page = visit.page
        await stage.sign_in(page)
        await expect(page.get_by_test_id("kpi-sales")).to_be_visible()
        machine = stage.town.record.machines[0].machine_id
        for path in (
            "",
            "machines",
            f"machines/{machine}",
            "orders",
            "alarms",
            "doubts",
            "settlement",
            "codes",
            "reconciliation",
            "statements",
            "sites",
            "sales",
            "ranking",
            "months",
        ):
            await page.goto(stage.town.console_url + path)
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            await page.wait_for_load_state("load")
            assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE[0], path
        assert visit.faults == []


async def test_a_sale_stands_in_the_statement_of_its_day_and_leads_to_its_order(stage: ConsoleStage) -> None:
    async with stage.visit() as visit:
        page = visit.page
        await stage.sign_in(page)
        assert await stage.buy(0, Story.GOOD) == "delivered"
        await page.get_by_test_id("nav-statements").click()
        await expect(page.get_by_test_id("accounts")).to_be_visible()
        await expect(page.get_by_test_id("result")).not_to_contain_text("¥0.00")
        await expect(page.get_by_test_id("statement-machines")).to_be_visible()
        await page.get_by_test_id(re.compile(r"^account-asset:clearing:")).first.get_by_role("link").click()
        rows = page.get_by_test_id("statement-rows")
        await rows.get_by_role("link", name=re.compile(r"^[0-9A-Z]{4}-[0-9A-Z]{4}$")).first.click()
        await expect(page.get_by_test_id("timeline")).to_be_visible()
        assert visit.faults == []


async def test_a_killed_cloud_is_said_and_the_page_comes_back_by_itself(stage: ConsoleStage) -> None:
    async with stage.visit() as visit:
        page = visit.page
        await stage.sign_in(page)
        await expect(page.get_by_test_id("ticker")).to_contain_text("Live")
        sales = await page.get_by_test_id("kpi-sales").inner_text()
        await stage.town.cloud.kill()
        await expect(page.get_by_test_id("reconnecting")).to_be_visible(timeout=40_000)
        assert await page.get_by_test_id("kpi-sales").inner_text() == sales
        await stage.town.cloud.start()
        await expect(page.get_by_test_id("reconnecting")).to_be_hidden(timeout=40_000)
        known = await _orders(page)
        assert await stage.buy(0, Story.GOOD) == "delivered"
        await _new_order(page, known)
        assert visit.faults == []
