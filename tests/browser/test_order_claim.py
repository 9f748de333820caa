"""A buyer's claim, from the code on the result screen to the money: the machine saw a drop, and nothing came out."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, expect

from tests.browser.axe import violations
from tests.browser.buyer import REFUND_MS, Buyer
from tests.browser.conftest import BuyerAt
from tests.browser.office import SEEN_WITHIN_MS, Office
from tests.browser.street import Street
from vendomat.simulator.town import Town
from vendomat.terminal.screen.snapshot import qr_svg_of

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

STREETS = ZoneInfo("Asia/Shanghai")  # where the street's telephones are


def modules_of(svg: str) -> str:
    """The drawing of a code, without its dress."""
    found = re.search(r' d="([^"]+)"', svg)
    assert found is not None
    return found[1]


async def scan(buyer: Buyer) -> str:
    """What the code on the result screen says."""
    link = await buyer.at("receipt-link").get_attribute("href")
    shown = await buyer.at("receipt-qr").locator("img").get_attribute("src")
    assert link is not None and shown is not None
    assert modules_of(unquote(shown)) == modules_of(qr_svg_of(link))
    return link


async def claim(phone: Page, what: str, text: str) -> None:
    await phone.get_by_test_id("claim-open").click()
    await phone.get_by_test_id(f"what-{what}").check()
    await phone.get_by_test_id("claim-text").fill(text)
    await phone.get_by_test_id("claim-send").click()
    await expect(phone.get_by_test_id("claim")).to_have_attribute("data-state", "opened")


async def find(phone: Page, number: str, amount: str, paid_at: datetime) -> None:
    """Type what the wallet's bill says."""
    await phone.get_by_test_id("find-number").fill(number)
    await phone.get_by_test_id("find-amount").fill(amount)
    await phone.get_by_test_id("find-at").fill(paid_at.strftime("%Y-%m-%dT%H:%M"))
    await phone.get_by_test_id("find-go").click()


async def test_claimed_granted_and_returned(buyer_at: BuyerAt, office: Office, street: Street) -> None:
    buyer = await buyer_at(0)
    await buyer.buy("C1", channel="wechat")
    paid_at = datetime.now(STREETS)
    await buyer.expect_result("delivered")
    reference = await buyer.reference()
    phone = await street.open(await scan(buyer), size="phone", locale="en-US")
    await expect(phone.get_by_test_id("reference")).to_have_text(reference)
    await expect(phone.get_by_test_id("goods-1")).to_have_attribute("data-state", "delivered")
    paid = int(await phone.get_by_test_id("paid").get_attribute("data-minor") or 0)
    assert await violations(phone) + await violations(buyer.page) == []
    await claim(phone, "nothing_came", "It hangs in the spiral.")
    assert await violations(phone) == []
    await buyer.leave()

    await office.sign_in()
    await office.at("nav-claims").click()
    await office.at("claims").get_by_role("link", name=reference, exact=True).click()
    await expect(office.at("claim-state")).to_have_attribute("data-state", "opened")
    await expect(office.at("claim-said")).to_have_text("It hangs in the spiral.")
    await expect(office.at("claim-what")).to_have_text("Nothing came out")
    await office.at("refund-grant").click()
    await office.at("refund-reason").fill("the product still hangs there")
    await office.at("refund-yes").click()
    await expect(office.at("claim-state")).to_have_attribute("data-state", "granted")
    await office.expect_evidence("vend.delivered", "claim.opened", "refund.goodwill", "claim.granted")

    await expect(phone.get_by_test_id("claim")).to_have_attribute("data-state", "granted", timeout=SEEN_WITHIN_MS)
    money = phone.get_by_test_id("money-back")
    await expect(money).to_have_attribute("data-state", "returned", timeout=REFUND_MS)
    await expect(money).to_have_attribute("data-minor", str(paid))

    by_bill = await street.open(phone.url.partition("#")[0], size="phone", locale="en-US")
    await find(by_bill, reference, f"{paid // 100}.{paid % 100:02}", paid_at)
    await expect(by_bill.get_by_test_id("reference")).to_have_text(reference)


async def test_a_link_that_opens_nothing(street: Street, town: Town) -> None:
    home = town.console_url.removesuffix("/console/")
    phone = await street.open(f"{home}/order/#nothing", size="phone")
    await phone.get_by_test_id("to-find").click()
    await find(phone, "0000-0000", "3.50", datetime.now(STREETS))
    await expect(phone.get_by_test_id("find-failed")).to_have_attribute("data-code", "not_found")
