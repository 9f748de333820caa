"""A member's journey: a link from the operator, money from a phone, a code at the machine, and the statement of it."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.buyer import CALM_MS
from tests.browser.conftest import BuyerAt
from tests.browser.office import Office
from tests.browser.street import Street
from vendomat.simulator.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def link_of(office: Office, town: Town, name: str) -> str:
    """Where a new member's page is."""
    await office.sign_in()
    home = town.console_url.removesuffix("/console/")
    body = {"request_id": f"journey of {name}", "name": name}
    made = await office.page.request.post(
        f"{home}/api/v1/members", data=body, headers={"Origin": home, "Idempotency-Key": f"a-new-member-{name}"}
    )
    assert made.ok, await made.text()
    return str((await made.json())["link"])


async def top_up(phone: Page, town: Town, yuan: int) -> None:
    """By WeChat Pay, from another phone that scans this one."""
    await phone.get_by_test_id(f"amount-{yuan * 100}").click()
    await phone.get_by_test_id("top-up-wechat").click()
    await expect(phone.get_by_test_id("top-up-code").locator("img")).to_be_visible()
    address = await phone.get_by_test_id("top-up").locator("a").get_attribute("href")
    assert address is not None
    await town.control.pay("wechat", code=address)
    await expect(phone.get_by_test_id("top-up-state")).to_have_attribute("data-state", "credited")
    await phone.get_by_test_id("top-up-close").click()
    await expect(phone.get_by_test_id("balance")).to_have_attribute("data-minor", str(yuan * 100))


async def test_tops_up_and_pays_at_the_machine(buyer_at: BuyerAt, office: Office, street: Street, town: Town) -> None:
    phone = await street.open(await link_of(office, town, "Ann"), size="phone", locale="en-US")
    await expect(phone.get_by_test_id("statement-empty")).to_be_visible()
    await top_up(phone, town, 20)
    buyer = await buyer_at(0)
    await buyer.wake()
    await buyer.choose("C1")
    await buyer.ask_for_code("wechat")
    await phone.get_by_test_id("show-code").click()
    digits = await phone.get_by_test_id("member-digits").get_attribute("data-digits")
    assert digits is not None and len(digits) == 24
    await buyer.at("sim-scan").fill(digits)
    await buyer.page.wait_for_timeout(CALM_MS)
    await buyer.at("sim-scan-go").click()
    await buyer.expect_result("delivered")
    await expect(phone.get_by_test_id("entry-2")).to_be_visible()
    assert int(await phone.get_by_test_id("entry-2").get_attribute("data-minor") or 0) < 0
    await expect(phone.get_by_test_id("balance")).not_to_have_attribute("data-minor", "2000")
    await buyer.leave()


async def test_too_little_is_said_at_the_machine(buyer_at: BuyerAt, office: Office, street: Street, town: Town) -> None:
    phone = await street.open(await link_of(office, town, "Bob"), size="phone", locale="en-US")
    buyer = await buyer_at(0)
    await buyer.wake()
    await buyer.choose("C1")
    await buyer.ask_for_code("wechat")
    await phone.get_by_test_id("show-code").click()
    digits = await phone.get_by_test_id("member-digits").get_attribute("data-digits")
    await buyer.at("sim-scan").fill(digits or "")
    await buyer.page.wait_for_timeout(CALM_MS)
    await buyer.at("sim-scan-go").click()
    await expect(buyer.at("charge")).to_have_attribute("data-charge", "wallet_short")
    await expect(buyer.at("charge")).to_contain_text("会员钱包余额不足")


async def test_a_link_that_is_not_good(street: Street, town: Town) -> None:
    home = town.console_url.removesuffix("/console/")
    phone = await street.open(f"{home}/member/#nobody", size="phone")
    await expect(phone.get_by_test_id("link-bad")).to_be_visible()
